"""A tunnel through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6), on a socket that is connected to the proxy."""

import asyncio
import re
import socket

from stationd.ocpp.rpc.transport import Layer, TransportError

MAX_ANSWER = 8192  # bytes
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


async def open_tunnel(opened: socket.socket, host: str, port: int, limit_s: float) -> int:
    """Ask the proxy for a connection to the CSMS; return its HTTP status, which is a good one.

    Raises:
        TransportError: the proxy refuses, is none, or does not answer in time.
    """
    name = f"[{host}]" if ":" in host else host
    request = f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode("ascii")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limit_s):
            await loop.sock_sendall(opened, request)
            answer = await _head(opened)
    except TimeoutError as error:
        raise TransportError(Layer.PROXY, f"the proxy did not answer within {limit_s:g} s") from error
    except OSError as error:
        raise TransportError(Layer.PROXY, "the proxy dropped the connection") from error
    if not answer:
        raise TransportError(Layer.PROXY, "the proxy dropped the connection")
    found = _STATUS.match(answer)
    if found is None:
        raise TransportError(Layer.PROXY, "what answers at the proxy's address is no HTTP proxy: check [csms] proxy")
    status = int(found[1])
    if 200 <= status < 300:
        return status
    words = f"the proxy refuses to connect to {host} port {port} (HTTP {status})"
    if status == 407:
        words += ": it wants a password, which is not supported; let it allow this station by its address"
    raise TransportError(Layer.PROXY, words, status=status)


async def _head(opened: socket.socket) -> bytes:
    """Read up to the empty line and not a byte more: what follows is the CSMS's."""
    loop = asyncio.get_running_loop()
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n") and len(answer) < MAX_ANSWER:
        data = await loop.sock_recv(opened, 1)
        if not data:
            break
        answer += data
    return bytes(answer)
