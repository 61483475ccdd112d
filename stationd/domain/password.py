"""The password of HTTP Basic authentication as text that a setting can hold.

A 1.6 CSMS may set any 16 to 20 bytes (security whitepaper A01), settings hold printable text. Bytes that are not
printable ASCII are therefore stored as `hex:` and their digits.
"""

import re

_MARK = "hex:"
_MARKED = re.compile(r"hex:(?:[0-9a-f]{2})+")


def password_text(raw: bytes) -> str:
    """Return the text under which a password is stored."""
    printable = all(0x20 <= byte < 0x7F for byte in raw)
    text = raw.decode("ascii") if printable else ""
    # A printable password that looks marked would be read back as something else, so it is marked itself.
    return text if printable and not _MARKED.fullmatch(text) else _MARK + raw.hex()


def password_bytes(text: str) -> bytes:
    """Return the bytes to be sent to the CSMS for a stored password."""
    return bytes.fromhex(text.removeprefix(_MARK)) if _MARKED.fullmatch(text) else text.encode()
