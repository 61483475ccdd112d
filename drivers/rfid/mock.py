"""The plant's simulated card reader (docs/PLANT_PROTOCOL.md, section 2)."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stationd.domain.errors import ConfigurationError
from stationd.domain.id_token import IdToken

_log = logging.getLogger(__name__)

MAX_SOCKET_PATH = 107
MAX_LINE_BYTES = 4096
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 2.0
MAX_TOKEN_LENGTH = 36  # OCPP 2.0.1 IdTokenType


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Options: `socket` is relative to the runtime directory."""

    socket: str = "plant-reader.sock"

    def __post_init__(self) -> None:
        if not self.socket:
            raise ValueError("socket must not be empty; leave it out for plant-reader.sock")


class Driver:
    """Attaches to the plant, again and again. Implements `hal.interfaces.TokenReader`."""

    def __init__(self, config: Config, *, runtime_dir: Path) -> None:
        self._path = runtime_dir / config.socket
        if len(bytes(self._path)) > MAX_SOCKET_PATH:
            raise ConfigurationError(
                f"cannot use reader socket {self._path}: longer than {MAX_SOCKET_PATH} bytes; "
                "use a shorter runtime directory"
            )
        self._closed = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._error: str | None = f"reader at {self._path} is not read yet"

    @property
    def error(self) -> str | None:
        """Why the reader cannot read now; None while it can."""
        return self._error

    async def close(self) -> None:
        """Stop reading; `tokens` ends."""
        self._closed.set()
        if self._writer is not None:
            self._writer.close()

    async def tokens(self) -> AsyncIterator[IdToken]:
        """Yield each token once per presentation; acknowledged when it is taken. Ends when the reader is closed."""
        retry_s = RETRY_FIRST_S
        while not self._closed.is_set():
            try:
                reader, self._writer = await asyncio.open_unix_connection(self._path, limit=MAX_LINE_BYTES)
            except OSError as error:
                self._lost(f"cannot reach the card reader at {self._path}: {error.strerror or error}")
            else:
                self._error, retry_s = None, RETRY_FIRST_S
                _log.info("reader_connected path=%s", self._path)
                try:
                    while (id_token := await self._next_token(reader, self._writer)) is not None:
                        yield id_token
                finally:
                    self._writer.close()
                    self._writer = None
            if not self._closed.is_set():
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, RETRY_MAX_S)
        self._error = "the card reader was closed"

    async def _next_token(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> IdToken | None:
        """Return the next token; None when the connection is over."""
        while not self._closed.is_set():
            try:
                line = await reader.readline()
            except (OSError, ValueError) as error:  # ValueError: a line longer than the limit
                self._lost(f"cannot read the card reader at {self._path}: {error}")
                return None
            if not line.endswith(b"\n"):
                self._lost(f"cannot read the card reader at {self._path}: it hung up")
                return None
            try:
                id_token, number = _presentation(line)
            except ValueError as error:
                _log.warning("card_ignored path=%s reason=%r", self._path, str(error))
                continue
            if not writer.is_closing():
                writer.write(json.dumps({"ack": number}).encode() + b"\n")
            return id_token
        return None

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            pass

    def _lost(self, reason: str) -> None:
        if not self._closed.is_set() and reason != self._error:
            _log.warning("reader_lost reason=%r", reason)
        self._error = reason


def _presentation(line: bytes) -> tuple[IdToken, int]:
    """Return token and number of one line from the reader.

    Raises:
        ValueError: the line is not a presented card. The text never holds the token.
    """
    message: Any = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error type for every malformed line
    card, kind, number = message.get("card"), message.get("type", "ISO14443"), message.get("n")
    if not isinstance(card, str) or not 1 <= len(card) <= MAX_TOKEN_LENGTH or not card.isprintable():
        raise ValueError(f"card must be a text of 1 to {MAX_TOKEN_LENGTH} printable characters")
    if not isinstance(kind, str) or not kind:
        raise ValueError("type must be a text")
    if not isinstance(number, int) or isinstance(number, bool):
        raise ValueError("n must be a whole number")  # noqa: TRY004
    return IdToken(card, kind), number
