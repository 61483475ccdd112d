"""The way through an HTTP proxy, against real ones on loopback."""

import asyncio
import socket
from pathlib import Path

import pytest

from stationd.ocpp.rpc.dial import Limits, connect
from stationd.ocpp.rpc.findings import Findings
from stationd.ocpp.rpc.proxy import open_tunnel
from stationd.ocpp.rpc.transport import Layer
from tests.fakes.certificates import Authority
from tests.ocpp.rpc.bad_servers import at, by_hand, failure, raw_server, secure, server, tls_server

ASKED: list[bytes] = []


async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy that connects to the port it is asked for, on loopback whatever the host."""
    head = await reader.readuntil(b"\r\n\r\n")
    ASKED.append(head.split(b"\r\n")[0])
    port = int(head.split(b" ")[1].rpartition(b":")[2])
    there, back = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    try:
        await asyncio.gather(pump(reader, back), pump(there, writer))
    finally:
        back.transport.abort()


@pytest.fixture(autouse=True)
def forget() -> None:
    ASKED.clear()


async def test_the_csms_is_reached_through_the_proxy_which_looks_its_name_up() -> None:
    async with server() as (port, requests), by_hand(tunnel) as proxy:
        findings = Findings()
        link = await connect(
            at(port, url=f"ws://csms.example:{port}/ocpp", proxy=f"http://127.0.0.1:{proxy}"), findings
        )
        link.send("hello")
        assert await link.receive() == "hello"
        await link.close()
    assert [f"CONNECT csms.example:{port} HTTP/1.1".encode()] == ASKED
    assert requests[0].headers["Host"] == f"csms.example:{port}"
    assert (findings.proxy, findings.proxy_status, findings.host) == (f"127.0.0.1:{proxy}", 200, "csms.example")


async def test_tls_goes_through_the_proxy_to_the_csms_itself(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = tls_server(authority.issue("localhost", hosts=("localhost",)))
    async with server(ssl=context) as (port, _), by_hand(tunnel) as proxy:
        findings = Findings()
        await (await connect(secure(port, authority, proxy=f"http://127.0.0.1:{proxy}"), findings)).close()
        error = await failure(
            secure(port, authority, url=f"wss://elsewhere.example:{port}/", proxy=f"http://127.0.0.1:{proxy}")
        )
    assert findings.certificate is not None
    assert (error.layer, "for another host name" in str(error)) == (Layer.TLS, True)


async def test_an_address_of_ipv6_is_asked_for_in_brackets() -> None:
    async with server() as (port, _), by_hand(tunnel) as proxy:
        await (await connect(at(port, url=f"ws://[2001:db8::1]:{port}/", proxy=f"http://127.0.0.1:{proxy}"))).close()
    assert [f"CONNECT [2001:db8::1]:{port} HTTP/1.1".encode()] == ASKED


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to connect to csms.example port 9 (HTTP 403)"),
        (b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n", "it wants a password, which is not supported"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", "(HTTP 302)"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "is no HTTP proxy: check [csms] proxy"),
        (b"\x00" * 9000, "is no HTTP proxy"),
        (b"", "the proxy dropped the connection"),
    ],
)
async def test_a_proxy_that_refuses_or_is_none_is_a_layer_of_its_own(reply: bytes, words: str) -> None:
    async with raw_server(reply) as port:
        error = await failure(at(9, url="ws://csms.example:9/", proxy=f"http://127.0.0.1:{port}"))
    assert error.layer is Layer.PROXY
    assert words in str(error)


async def test_a_mute_proxy_is_given_up() -> None:
    async with raw_server(None) as port:
        settings = at(9, url="ws://csms.example:9/", proxy=f"http://127.0.0.1:{port}")
        error = await failure(settings, limits=Limits(tunnel_s=0.1))
    assert (error.layer, str(error)) == (Layer.PROXY, "the proxy did not answer within 0.1 s")


async def test_a_proxy_that_is_not_there_is_named_instead_of_the_csms() -> None:
    error = await failure(at(9, url="ws://csms.example:9/", proxy="http://127.0.0.1:1"))
    assert (error.layer, "cannot reach the proxy at 127.0.0.1 port 1" in str(error)) == (Layer.TCP, True)


async def test_what_follows_the_answer_of_the_proxy_is_left_to_the_csms() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.sendall(b"HTTP/1.1 200 OK\r\n\r\nfirst words of the CSMS")
        assert await open_tunnel(here, "csms.example", 9, 1.0) == 200
        assert here.recv(100) == b"first words of the CSMS"
