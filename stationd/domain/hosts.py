"""What can be told of a host or of an address by its name alone."""

import ipaddress
from urllib.parse import urlsplit


def on_this_machine(host: str | None) -> bool:
    """Tell whether what is sent to a host never leaves this machine; only `localhost` is believed by its name."""
    if host is None:
        return False
    if host.casefold() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def usable_proxy(url: str) -> bool:
    """Tell whether a text is `http://host:port` and no more; a user or a password is not supported."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    good = parts.scheme == "http" and bool(parts.hostname) and port != 0 and parts.path in ("", "/")
    return good and url.isascii() and " " not in url and not (parts.query or parts.fragment or "@" in parts.netloc)
