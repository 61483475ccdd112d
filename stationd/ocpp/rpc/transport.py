"""The WebSocket to the CSMS: upgrade, read, write, ping, close. The one door to the websocket library.

The library's sans-I/O part is used, on an asyncio protocol of ours: so each layer that fails can be named, nothing
comes from the environment (no proxy), redirects are not followed, and all limits are written here.
"""

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidURI, NegotiationError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from stationd.domain.errors import StationError
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.security_profile import describe_tls_error, is_tls_error

MAX_MESSAGE = 1024 * 1024  # bytes; a CSMS that sends more is closed on (1009). `frame.MAX_TEXT` is refused politely
MAX_QUEUED = 64  # received messages not taken yet; then the CSMS has to wait (TCP)
MAX_UNSENT = 1024 * 1024  # bytes; a CSMS that reads nothing is given up
MESSAGE_S = 60.0  # longest time from the first to the last byte of one message
DEAF_CLOSE_S = 2.0  # a CSMS that does not answer a close is waited for no longer
_SLACK_S = 0.01  # a timer may fire a little early
_MAX_HEAD = 32768  # bytes
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")


class Layer(StrEnum):
    """Where a connection failed."""

    CONFIGURATION = "configuration"
    DNS = "DNS"
    TCP = "TCP"
    PROXY = "proxy"
    TLS = "TLS"
    HTTP = "HTTP"
    SUBPROTOCOL = "subprotocol"
    WEBSOCKET = "WebSocket"
    OCPP = "OCPP"


class TransportError(StationError):
    """There is no connection, or no longer one; the text is one sentence for the installer."""

    def __init__(
        self, layer: Layer, text: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(text)
        self.layer = layer
        self.status = status
        """The HTTP status, where one was received."""
        self.retry_after_s = retry_after_s
        """What the CSMS asked us to wait (HTTP Retry-After)."""


_STATUS_WORDS = {
    401: "the CSMS refused the credentials (HTTP 401): check the identity and the password",
    403: "the CSMS forbids this station to connect (HTTP 403): check that it is registered and allowed there",
    404: "the CSMS does not know this station or address (HTTP 404): check the identity and the CSMS address",
    429: "the CSMS says there are too many connections (HTTP 429): it will be tried again later",
    503: "the CSMS is not available now (HTTP 503): it will be tried again later",
}


class WebSocket(asyncio.Protocol):
    """One connection; made by `dial.connect`. All methods belong to the event loop's thread."""

    transport: asyncio.Transport
    subprotocol: str

    def __init__(self, settings: ConnectionSettings, *, message_s: float = MESSAGE_S) -> None:
        """Read the address; a message that takes longer than `message_s` to arrive ends the connection.

        Raises:
            TransportError: the address is none.
        """
        try:
            uri = parse_uri(settings.endpoint)
        except (InvalidURI, ValueError) as error:
            text = f"cannot use the CSMS address {settings.url}: it must look like ws://host:port/path"
            raise TransportError(Layer.CONFIGURATION, text) from error
        self.host, self.port = uri.host, uri.port
        self._offered = settings.subprotocols
        self._protocol = ClientProtocol(
            uri, subprotocols=[Subprotocol(name) for name in settings.subprotocols], max_size=MAX_MESSAGE
        )
        self._protocol.debug = False  # its debug lines would hold the Authorization header
        self._message_s = message_s
        self._message_timer: asyncio.TimerHandle | None = None
        self._received: deque[str | bytes] = deque()
        self._arrived = asyncio.Event()
        self._paused = False
        self._parts: list[bytes] = []
        self._binary = False
        self._message_since: float | None = None
        self._partial_since: float | None = None
        self._lost: TransportError | None = None
        self._at_eof = False
        self._gone = asyncio.Event()
        self._upgraded: asyncio.Future[None] | None = None
        self._head: bytearray | None = bytearray()
        self.http_status: int | None = None
        """What the CSMS answered to the WebSocket request."""
        self.sign_of_life = 0
        """Grows with everything that is received: a ping is answered if it has grown since."""

    # --- opening ------------------------------------------------------------------------------------------------------

    async def upgrade(self, authorization: str | None, upgrade_s: float) -> None:
        """Ask for the WebSocket and wait for the answer.

        Raises:
            TransportError: it was refused, or not answered in time.
        """
        request = self._protocol.connect()
        if authorization is not None:
            request.headers["Authorization"] = authorization
        self._upgraded = asyncio.get_running_loop().create_future()
        self._protocol.send_request(request)
        self._flush()
        try:
            async with asyncio.timeout(upgrade_s):
                await self._upgraded
        except TimeoutError as error:
            text = f"the CSMS did not answer the WebSocket request within {upgrade_s:g} s"
            raise TransportError(Layer.HTTP, text) from error
        chosen = self._protocol.subprotocol
        if chosen is None:
            await self.close(CloseCode.PROTOCOL_ERROR, "no common subprotocol", timeout_s=DEAF_CLOSE_S)
            words = f"the CSMS speaks none of {', '.join(self._offered)}: configure an OCPP version it knows"
            raise TransportError(Layer.SUBPROTOCOL, words)
        self.subprotocol = chosen

    def _opened(self, error: Exception | None) -> None:
        if self._upgraded is None or self._upgraded.done():
            return
        if error is None:
            self._upgraded.set_result(None)
        else:
            self._upgraded.set_exception(_upgrade_error(error))

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the transport; again with TLS."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection gives
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        seen = self.sign_of_life
        self._protocol.receive_data(self._judged(data))
        self._process()
        if self.sign_of_life != seen:
            self._partial_since = None
        elif self._partial_since is None:
            self._partial_since = asyncio.get_running_loop().time()
        self._watch_message()

    def _judged(self, data: bytes) -> bytes:
        """Look at the answer to the WebSocket request and return what the library shall see of it.

        A refusal counts as soon as its head is there: its body may never end.
        """
        if self._head is None:
            return data
        self._head += data
        head, whole, _ = bytes(self._head).partition(b"\r\n\r\n")
        found = _STATUS_LINE.match(head)
        ended = b"\n" in self._head or len(self._head) > _MAX_HEAD
        if found is not None and found[1] != b"101" and len(self._head) <= _MAX_HEAD:
            if whole:
                self._refused(int(found[1]), head)
            return b""
        if not ended:
            return b""
        data, self._head = bytes(self._head), None
        return data

    def _refused(self, status: int, head: bytes) -> None:
        self.http_status = status
        pairs = [line.decode("latin-1").partition(":") for line in head.split(b"\r\n")[1:]]
        headers = {name.strip().casefold(): value.strip() for name, _, value in pairs}
        self._opened(_status_error(status, headers))

    def _watch_message(self) -> None:
        """Keep one timer for the message that the CSMS is sending; none while it sends none."""
        if self._upgraded is None or not self._upgraded.done():
            return  # `upgrade` has a time-out of its own
        age_s = self._message_age_s()
        if age_s is None or self._lost is not None:
            if self._message_timer is not None:
                self._message_timer.cancel()
                self._message_timer = None
        elif self._message_timer is None:
            loop = asyncio.get_running_loop()
            self._message_timer = loop.call_later(max(0.0, self._message_s - age_s), self._message_is_due)

    def _message_is_due(self) -> None:
        self._message_timer = None
        age_s = self._message_age_s()
        if (
            age_s is not None and age_s >= self._message_s - _SLACK_S and not self._paused
        ):  # paused: we are the slow one
            self.abort(f"the CSMS took more than {self._message_s:g} s for one message")
        elif self._paused:
            self._message_timer = asyncio.get_running_loop().call_later(self._message_s, self._message_is_due)
        else:
            self._watch_message()

    def _message_age_s(self) -> float | None:
        """Return how long the CSMS has been sending the message that it has not finished; None if there is none."""
        begun = [since for since in (self._message_since, self._partial_since) if since is not None]
        return asyncio.get_running_loop().time() - min(begun) if begun else None

    def eof_received(self) -> None:
        """Learn that the CSMS will send no more; the transport closes itself."""
        if self._head:
            self._protocol.receive_data(bytes(self._head))
            self._head = None
        self._at_eof = True  # TLS may have more to say on why: `connection_lost` tells
        self._protocol.receive_eof()
        self._process()

    def connection_lost(self, error: Exception | None) -> None:
        """Learn that the connection is gone."""
        if error is not None and is_tls_error(error):
            lost = TransportError(Layer.TLS, f"the CSMS broke the TLS connection: {describe_tls_error(error)}")
        elif self._upgraded is not None and not self._upgraded.done():
            lost = TransportError(
                Layer.HTTP, "the CSMS dropped the connection instead of answering the WebSocket request"
            )
        else:
            lost = TransportError(Layer.TCP, self._last_words())
        self._lose(lost)
        self._opened(lost)
        self._gone.set()

    def _process(self) -> None:
        for event in self._protocol.events_received():
            self.sign_of_life += 1
            if isinstance(event, Response):  # the first messages, even the close, may have come right behind it
                self.http_status = event.status_code
                self._opened(self._protocol.handshake_exc)
            elif isinstance(event, Frame):
                self._take(event)
        if self._protocol.handshake_exc is not None and not self._at_eof:
            self._opened(self._protocol.handshake_exc)
        if self._protocol.close_expected() or self._protocol.close_rcvd is not None:
            self._lose(TransportError(Layer.WEBSOCKET, self._last_words()))
        self._flush()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._parts, self._binary = [], frame.opcode is Opcode.BINARY
            self._message_since = asyncio.get_running_loop().time()
        elif frame.opcode is not Opcode.CONT:
            return
        if frame.data:
            self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        self._message_since = None
        whole = b"".join(self._parts)
        self._parts = []
        try:
            self._received.append(whole if self._binary else whole.decode("utf-8"))
        except UnicodeDecodeError:
            self._received.append(whole)  # counted like a binary frame: no text in any case
        self._arrived.set()
        if len(self._received) >= MAX_QUEUED and not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def _last_words(self) -> str:
        close = self._protocol.close_rcvd
        if close is not None:
            words = "".join(c for c in close.reason if c.isprintable())[:80]
            return f"the CSMS closed the connection (code {int(close.code)}{': ' if words else ''}{words})"
        sent = self._protocol.close_sent
        if sent is not None and sent.code is CloseCode.MESSAGE_TOO_BIG:
            return f"the CSMS sent a message of more than {MAX_MESSAGE} bytes"
        if sent is not None and sent.code in (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA):
            return "the CSMS broke the WebSocket protocol"
        return "the CSMS dropped the connection without closing it"

    def _lose(self, error: TransportError) -> None:
        if self._lost is None:
            self._lost = error
        self._arrived.set()

    # --- open ---------------------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """Return the next message; bytes for what is not text.

        Raises:
            TransportError: the connection is gone; what had arrived before was returned.
        """
        while not self._received:
            if self._lost is not None:
                raise self._lost
            self._arrived.clear()
            await self._arrived.wait()
        message = self._received.popleft()
        if self._paused and len(self._received) < MAX_QUEUED // 2:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()
        return message

    def send(self, text: str) -> None:
        """Write a message; it is dropped if the connection is gone, which `receive` tells."""
        if self._lost is not None or self._protocol.state is not OPEN:
            return
        self._protocol.send_text(text.encode("utf-8"))
        self._flush()
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.abort("the CSMS does not read what it is sent")

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._lost is None and self._protocol.state is OPEN:
            self._protocol.send_ping(b"stationd")
            self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self.transport.is_closing():
                return
            if data:
                self.transport.write(data)
            elif self.transport.can_write_eof():
                self.transport.write_eof()
            else:
                self.transport.close()  # TLS has no half-close

    # --- closing ------------------------------------------------------------------------------------------------------

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "", *, timeout_s: float = 2.0) -> None:
        """Close politely; after `timeout_s` without an answer the connection is cut."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode(code), reason)
            self._flush()
        self._lose(TransportError(Layer.WEBSOCKET, "the station closed the connection"))
        if self._paused and not self.transport.is_closing():
            self.transport.resume_reading()  # else its answer to the close is never seen
        try:
            async with asyncio.timeout(timeout_s):
                await self._gone.wait()
        except TimeoutError:
            self.transport.abort()
            await self._gone.wait()

    def abort(self, reason: str) -> None:
        """Cut the connection."""
        self._lose(TransportError(Layer.WEBSOCKET, reason))
        self._received.clear()
        if hasattr(self, "transport"):
            self.transport.abort()


def _upgrade_error(error: Exception) -> TransportError:
    if isinstance(error, TransportError):
        return error
    if isinstance(error, NegotiationError):
        return TransportError(Layer.SUBPROTOCOL, "the CSMS chose a subprotocol or extension that was not offered")
    if isinstance(error, InvalidHandshake):
        return TransportError(Layer.HTTP, "what answers at this address is no WebSocket server: check the CSMS address")
    return TransportError(Layer.HTTP, "the CSMS broke off the WebSocket request")


def _status_error(status: int, headers: Mapping[str, str]) -> TransportError:
    words = _STATUS_WORDS.get(status, f"the CSMS refused the connection (HTTP {status})")
    if 300 <= status < 400:
        words = f"the CSMS redirects elsewhere (HTTP {status}), which is not followed: set the final CSMS address"
    elif status == 200:
        words = "what answers at this address is a web page, no CSMS (HTTP 200): check the address and the network"
    return TransportError(Layer.HTTP, words, status=status, retry_after_s=_retry_after_s(headers))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what the CSMS asks us to wait: seconds, or a time by its own clock (RFC 9110 section 10.2.3)."""
    after = headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return float(after) if len(after) < 9 else None
    at, now = _http_time(after), _http_time(headers.get("date", ""))
    return None if at is None or now is None else max(0.0, (at - now).total_seconds())


def _http_time(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return at if at.tzinfo is not None else None
