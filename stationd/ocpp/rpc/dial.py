"""Dialling the CSMS, layer by layer: look-up, TCP, TLS, WebSocket. Whatever fails is named with its layer.

Nothing comes from the environment and nothing is remembered: each dial looks the name up anew.
"""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stationd.domain.errors import ConfigurationError
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.findings import Findings
from stationd.ocpp.rpc.proxy import open_tunnel
from stationd.ocpp.rpc.security_profile import basic_auth_header, certificate_seen, describe_tls_error, tls_context
from stationd.ocpp.rpc.transport import DEAF_CLOSE_S, MESSAGE_S, Layer, TransportError, WebSocket


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each layer may take, in seconds."""

    lookup_s: float = 10.0
    connect_s: float = 10.0
    """For one address."""
    next_address_s: float = 0.5
    """After so long without an answer the next address is tried as well (RFC 8305)."""
    tunnel_s: float = 15.0
    """For the answer of a proxy, which connects in that time."""
    tls_s: float = 15.0
    upgrade_s: float = 30.0
    message_s: float = MESSAGE_S


LIMITS = Limits()
MAX_ADDRESSES = 8  # of one name

Lookup = Callable[[str, int], Iterable[str]]
"""Returns the addresses of a host; raises OSError or UnicodeError. Called in a thread of its own."""
Dial = Callable[[ConnectionSettings, Findings], Awaitable[WebSocket]]


def system_lookup(host: str, port: int) -> list[str]:
    """Ask the resolver of the system."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


async def connect(
    settings: ConnectionSettings,
    findings: Findings | None = None,
    *,
    limits: Limits = LIMITS,
    lookup: Lookup = system_lookup,
) -> WebSocket:
    """Dial the CSMS and return the open connection; `findings` tells afterwards how far it came.

    Raises:
        TransportError: names the layer that failed and what to look at.
    """
    seen = findings if findings is not None else Findings()
    try:
        settings.check()
        context = tls_context(settings)
    except ConfigurationError as error:
        raise TransportError(Layer.CONFIGURATION, str(error)) from error
    link = WebSocket(settings, message_s=limits.message_s)
    seen.host, seen.port = link.host, link.port
    first = settings.proxy_address
    try:
        host, port = first if first is not None else (link.host, link.port)
        seen.proxy = f"{host}:{port}" if first is not None else None
        await _look_up(seen, host, port, limits, lookup)
        await _open_tcp(link, seen, host, port, limits)
        if context is not None:
            await _start_tls(link, context, seen, limits.tls_s)
        try:
            await link.upgrade(basic_auth_header(settings), limits.upgrade_s)
        finally:
            seen.http_status = link.http_status
        seen.subprotocol = link.subprotocol
    except BaseException:
        link.abort("the connection was not completed")
        raise
    return link


# --- DNS --------------------------------------------------------------------------------------------------------------


async def _look_up(seen: Findings, host: str, port: int, limits: Limits, lookup: Lookup) -> None:
    try:
        seen.addresses = (str(ipaddress.ip_address(host)),)
    except ValueError:
        pass
    else:
        return
    try:
        async with asyncio.timeout(limits.lookup_s):
            found = await _in_daemon_thread(lambda: lookup(host, port))
    except TimeoutError as error:
        text = f"cannot look up {host}: no answer within {limits.lookup_s:g} s: check the network and its name server"
        raise TransportError(Layer.DNS, text) from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise TransportError(Layer.DNS, f"cannot look up {host}: {reason.lower()}") from error
    seen.addresses = tuple(_alternating(dict.fromkeys(found)))[:MAX_ADDRESSES]
    seen.looked_up = True
    if not seen.addresses:
        raise TransportError(Layer.DNS, f"cannot look up {host}: it has no address")


def _alternating(addresses: Iterable[str]) -> list[str]:
    """Return the addresses with IPv6 and IPv4 in turns, so that a family without a route costs little."""
    listed = list(addresses)
    first = [address for address in listed if (":" in address) == (":" in listed[0])]
    second = [address for address in listed if address not in first]
    mixed = [address for pair in zip(first, second, strict=False) for address in pair]
    return mixed + first[len(second) :] + second[len(first) :]


async def _in_daemon_thread(work: Callable[[], Any]) -> Any:
    """Run a look-up so that one that hangs delays neither the loop nor the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def deliver(result: Any, error: Exception | None) -> None:
        if not future.done():
            future.set_result(result) if error is None else future.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as caught:
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, result, error)

    threading.Thread(target=run, name="csms-lookup", daemon=True).start()
    return await future


# --- TCP --------------------------------------------------------------------------------------------------------------


async def _open_tcp(link: WebSocket, seen: Findings, host: str, port: int, limits: Limits) -> None:
    who = "the CSMS" if seen.proxy is None else "the proxy"
    seen.address, opened = await _first_to_answer(f"{who} at {host}", port, seen.addresses, limits)
    try:
        if seen.proxy is not None:
            seen.proxy_status = await open_tunnel(opened, link.host, link.port, limits.tunnel_s)
        await asyncio.get_running_loop().create_connection(lambda: link, sock=opened)
    except BaseException:
        opened.close()
        raise


async def _first_to_answer(
    where: str, port: int, addresses: Iterable[str], limits: Limits
) -> tuple[str, socket.socket]:
    """Try the addresses in turn, the next one as soon as one fails or is slow; the others are given up."""
    waiting, running = deque(addresses), dict[asyncio.Task[socket.socket], str]()
    reasons: list[str] = []
    try:
        while waiting or running:
            if waiting:
                address = waiting.popleft()
                running[asyncio.create_task(_socket_to(address, port, limits.connect_s))] = address
            done, _ = await asyncio.wait(
                running, timeout=limits.next_address_s if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                address = running.pop(task)
                error = task.exception()
                if error is None:
                    return address, task.result()
                reasons.append(_tcp_reason(error, limits.connect_s))
    finally:
        for task in running:
            task.cancel()
        for late in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(late, socket.socket):
                late.close()
    # of several addresses the first is the one that the system prefers: its reason says most
    raise TransportError(Layer.TCP, f"cannot reach {where} port {port}: {', '.join(dict.fromkeys(reasons))}")


async def _socket_to(address: str, port: int, connect_s: float) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        async with asyncio.timeout(connect_s):
            await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


def _tcp_reason(error: BaseException, connect_s: float) -> str:
    if isinstance(error, TimeoutError) and not error.errno:
        return f"no answer within {connect_s:g} s"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    raise error  # a defect of ours


# --- TLS --------------------------------------------------------------------------------------------------------------


async def _start_tls(link: WebSocket, context: ssl.SSLContext, seen: Findings, tls_s: float) -> None:
    loop = asyncio.get_running_loop()
    raw = link.transport
    try:
        secured = await loop.start_tls(
            raw, link, context, server_hostname=link.host, ssl_handshake_timeout=tls_s,
            ssl_shutdown_timeout=DEAF_CLOSE_S,
        )  # fmt: skip
    except OSError as error:
        raw.abort()
        words = describe_tls_error(error)
        if isinstance(error, ConnectionAbortedError):
            words = f"no answer within {tls_s:g} s"
        raise TransportError(Layer.TLS, f"cannot trust the CSMS at {link.host}: {words}") from error
    assert secured is not None  # noqa: S101 - only None for a transport that is closing, which raises above
    link.transport = secured
    seen.tls_version, seen.tls_suite, seen.certificate = certificate_seen(secured.get_extra_info("ssl_object"))
