"""The WebSocket, against real servers on loopback: what works, and one sentence for each way it can fail."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from stationd.ocpp.rpc import transport
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.transport import Layer, TransportError, connect
from tests.fakes.certificates import Authority
from tests.fakes.ocpp import eventually


def at(port: int, **more: Any) -> ConnectionSettings:
    values: dict[str, Any] = {"url": f"ws://127.0.0.1:{port}/ocpp", "security_profile": 0}
    return ConnectionSettings(identity="CS 1", subprotocols=("ocpp2.1", "ocpp2.0.1"), **{**values, **more})


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def server(
    handler: Callable[[ServerConnection], Awaitable[None]] = echo, **options: Any
) -> AsyncIterator[tuple[int, list[Any]]]:
    requests: list[Any] = []

    def see(connection: ServerConnection, request: Any) -> None:
        requests.append(request)

    values = {"subprotocols": ["ocpp2.0.1", "ocpp2.1"], "ping_interval": None, "process_request": see, **options}
    async with serve(handler, "127.0.0.1", 0, **values) as running:
        try:
            yield next(iter(running.sockets)).getsockname()[1], requests
        finally:
            for connection in list(running.connections):
                connection.transport.abort()


@asynccontextmanager
async def raw_server(reply: bytes | None) -> AsyncIterator[int]:
    """A TCP server that answers the first bytes with `reply` and hangs up; None: never answers."""
    held: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await reader.read(1)
        if reply is not None:
            writer.write(reply)
            await writer.drain()
            writer.close()

    running = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        for writer in held:
            writer.transport.abort()
        await running.wait_closed()


async def failure(settings: ConnectionSettings, **options: Any) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await connect(settings, **options)
    return caught.value


# --- what works -------------------------------------------------------------------------------------------------------


async def test_text_goes_there_and_back() -> None:
    async with server() as (port, requests):
        link = await connect(at(port))
        link.send('[2,"ä",…]')
        assert await link.receive() == '[2,"ä",…]'
        await link.close()
    assert requests[0].path == "/ocpp/CS%201"
    assert requests[0].headers["Sec-WebSocket-Protocol"] == "ocpp2.1, ocpp2.0.1"
    assert "Authorization" not in requests[0].headers
    assert "Sec-WebSocket-Extensions" not in requests[0].headers  # no compression: no bombs


async def test_the_csms_picks_the_subprotocol() -> None:
    async with server(subprotocols=["ocpp1.6", "ocpp2.0.1"]) as (port, _):
        link = await connect(at(port))
        assert link.subprotocol == "ocpp2.0.1"
        await link.close()


async def test_the_password_is_sent_with_every_connection_request() -> None:
    async with server() as (port, requests):
        link = await connect(at(port, security_profile=1, password="0123456789abcdef"))
        await link.close()
    assert requests[0].headers["Authorization"] == "Basic Q1MgMTowMTIzNDU2Nzg5YWJjZGVm"


async def test_the_password_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with server() as (port, _):
        link = await connect(at(port, security_profile=1, password="0123456789abcdef"))
        await link.close()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not any("Q1MgMTow" in line or "0123456789abcdef" in line for line in ours)


async def test_fragments_are_joined_and_what_is_no_text_comes_as_bytes() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(iter(["[3,", '"a",', "{}]"]))
        await connection.send(b"\x00\x01")
        await connection.wait_closed()

    async with server(talk) as (port, _):
        link = await connect(at(port))
        assert [await link.receive(), await link.receive()] == ['[3,"a",{}]', b"\x00\x01"]
        await link.close()


async def test_text_that_is_no_utf_8_does_not_end_the_connection() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(b"\xff\xfe", text=True)
        await connection.send("[]")
        await connection.wait_closed()

    async with server(talk) as (port, _):
        link = await connect(at(port))
        assert [await link.receive(), await link.receive()] == [b"\xff\xfe", "[]"]
        await link.close()


async def test_a_ping_brings_a_sign_of_life() -> None:
    async with server() as (port, _):
        link = await connect(at(port))
        before = link.sign_of_life
        link.ping()
        await eventually(lambda: link.sign_of_life > before)
        await link.close()


async def test_the_csms_may_ping_us() -> None:
    async def talk(connection: ServerConnection) -> None:
        await (await connection.ping())
        await connection.send("pong seen")
        await connection.wait_closed()

    async with server(talk) as (port, _):
        link = await connect(at(port))
        assert await link.receive() == "pong seen"
        await link.close()


async def test_a_csms_that_sends_faster_than_we_take_has_to_wait_but_loses_nothing() -> None:
    async def talk(connection: ServerConnection) -> None:
        for number in range(3 * transport.MAX_QUEUED):
            await connection.send(str(number))
        await connection.wait_closed()

    async with server(talk) as (port, _):
        link = await connect(at(port))
        await asyncio.sleep(0.05)
        assert [await link.receive() for _ in range(3 * transport.MAX_QUEUED)] == [
            str(number) for number in range(3 * transport.MAX_QUEUED)
        ]
        await link.close()


async def test_a_connection_can_be_closed_while_messages_wait_untaken() -> None:
    async def flood(connection: ServerConnection) -> None:
        while True:
            await connection.send("x" * 1000)

    async with server(flood) as (port, _):
        link = await connect(at(port))
        await asyncio.sleep(0.05)
        await link.close(timeout_s=0.5)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with server() as (port, _):
        await (await connect(at(port))).close()


async def test_a_host_name_is_looked_up_and_each_of_its_addresses_tried() -> None:
    async with server() as (port, _):  # listens on 127.0.0.1 only; localhost is often ::1 first
        link = await connect(at(port, url=f"ws://localhost:{port}/ocpp"))
        await link.close()


# --- what fails -------------------------------------------------------------------------------------------------------


async def test_an_unknown_host_is_a_matter_of_dns() -> None:
    error = await failure(at(0, url="ws://no-such-host.invalid/ocpp"))
    assert error.layer is Layer.DNS
    assert "cannot look up no-such-host.invalid" in str(error)


async def test_a_closed_port_is_a_matter_of_tcp() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(at(unused.getsockname()[1]))
    assert error.layer is Layer.TCP
    assert "connection refused" in str(error) or "connect call failed" in str(error)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "password"),
        (403, "registered"),
        (404, "identity"),
        (429, "too many"),
        (503, "not available"),
        (500, "500"),
    ],
)
async def test_each_http_refusal_has_its_sentence(status: int, words: str) -> None:
    def refuse(connection: ServerConnection, request: Any) -> Any:
        response = connection.respond(status, "body of the refusal")
        response.headers["Retry-After"] = "17"
        return response

    async with server(process_request=refuse) as (port, _):
        error = await failure(at(port))
    assert (error.layer, error.status, error.retry_after_s) == (Layer.HTTP, status, 17.0)
    assert words in str(error)
    assert "body" not in str(error)


async def test_a_redirect_is_not_followed() -> None:
    visits = []

    def redirect(connection: ServerConnection, request: Any) -> Any:
        visits.append(request.path)
        response = connection.respond(302, "")
        response.headers["Location"] = "ws://127.0.0.1:1/elsewhere"
        return response

    async with server(process_request=redirect) as (port, _):
        error = await failure(at(port))
    assert "redirects elsewhere (HTTP 302), which is not followed" in str(error)
    assert visits == ["/ocpp/CS%201"]


async def test_a_captive_portal_is_told_from_a_csms() -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlogin") as port:
        assert "web page" in str(await failure(at(port)))


async def test_what_is_no_http_at_all_is_told() -> None:
    async with raw_server(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        error = await failure(at(port))
    assert error.layer is Layer.HTTP
    assert "no WebSocket server" in str(error)


async def test_a_server_that_hangs_up_during_the_request_is_told() -> None:
    async with raw_server(b"") as port:
        assert "instead of answering" in str(await failure(at(port)))


async def test_a_mute_server_does_not_hold_the_station_for_ever() -> None:
    async with raw_server(None) as port:
        error = await failure(at(port), upgrade_s=0.1)
    assert (error.layer, str(error)) == (Layer.HTTP, "the CSMS did not answer the WebSocket request within 0.1 s")


async def test_no_common_subprotocol_is_told_with_what_was_offered() -> None:
    async with server(subprotocols=None) as (port, _):
        error = await failure(at(port))
    assert error.layer is Layer.SUBPROTOCOL
    assert "ocpp2.1, ocpp2.0.1" in str(error)


async def test_a_subprotocol_that_was_not_offered_is_refused() -> None:
    async with server(select_subprotocol=lambda connection, offered: "ocpp1.6") as (port, _):
        error = await failure(at(port))
    assert error.layer is Layer.SUBPROTOCOL


@pytest.mark.parametrize("changes", [{"url": "wss://h/"}, {"url": "ws://h:99999/"}, {"security_profile": 1}])
async def test_settings_that_cannot_work_are_told_before_anything_is_dialled(changes: dict[str, Any]) -> None:
    assert (await failure(replace(at(1), **changes))).layer is Layer.CONFIGURATION


async def test_dialling_can_be_given_up_at_any_time() -> None:
    async with raw_server(None) as port:
        dialling = asyncio.create_task(connect(at(port)))
        await asyncio.sleep(0.05)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling


# --- how it ends ------------------------------------------------------------------------------------------------------


async def test_the_reason_of_a_close_is_told_in_words_that_can_be_logged() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("last words")
        await connection.close(1008, "go\x07 away" + "!" * 100)

    async with server(talk) as (port, _):
        link = await connect(at(port))
        assert await link.receive() == "last words"
        with pytest.raises(TransportError, match=r"closed the connection \(code 1008: go away!{73}\)$") as caught:
            await link.receive()
        assert caught.value.layer is Layer.WEBSOCKET
        await link.close()


async def test_a_connection_that_breaks_is_told_from_one_that_is_closed() -> None:
    async def talk(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with server(talk) as (port, _):
        link = await connect(at(port))
        with pytest.raises(TransportError, match="dropped the connection"):
            await link.receive()
        link.send("nobody hears this")
        link.ping()
        await link.close()


async def test_a_message_beyond_the_limit_ends_the_connection_with_words() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * (transport.MAX_MESSAGE + 1))
        await connection.wait_closed()

    async with server(talk) as (port, _):
        link = await connect(at(port))
        with pytest.raises(TransportError, match="more than 1048576 bytes"):
            await link.receive()
        await link.close()


async def test_a_mute_csms_delays_closing_by_no_more_than_the_time_out() -> None:
    upgraded = asyncio.Event()

    class Mute(asyncio.Protocol):
        """Answers the upgrade by hand and then nothing."""

        def connection_made(self, made: asyncio.BaseTransport) -> None:
            self.made = made

        def data_received(self, data: bytes) -> None:
            from websockets.http11 import Request
            from websockets.server import ServerProtocol

            if upgraded.is_set():
                return
            protocol = ServerProtocol(subprotocols=["ocpp2.1"])  # type: ignore[list-item]
            protocol.receive_data(data)
            (request,) = protocol.events_received()
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            assert isinstance(self.made, asyncio.Transport)
            self.made.writelines(protocol.data_to_send())
            upgraded.set()

    running = await asyncio.get_running_loop().create_server(Mute, "127.0.0.1", 0)
    async with running:
        link = await connect(at(running.sockets[0].getsockname()[1]))
        begun = asyncio.get_running_loop().time()
        await link.close(timeout_s=0.2)
        assert 0.15 < asyncio.get_running_loop().time() - begun < 5


async def test_a_csms_that_reads_nothing_is_given_up() -> None:
    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async with server(deaf) as (port, _):
        link = await connect(at(port))
        await asyncio.sleep(0.05)
        for _ in range(200):
            link.send("x" * 100_000)
        with pytest.raises(TransportError, match="does not read"):
            await link.receive()
        await link.close()


async def test_a_message_that_never_ends_grows_old() -> None:
    async def talk(connection: ServerConnection) -> None:
        async def endless() -> AsyncIterator[str]:
            yield "begin"
            yield "middle"
            await connection.wait_closed()

        await connection.send(endless())

    async with server(talk) as (port, _):
        link = await connect(at(port))
        await eventually(lambda: link.message_age_s() > 0.05)
        await link.close(timeout_s=0.2)


# --- TLS --------------------------------------------------------------------------------------------------------------


def tls_server(certificate: tuple[Path, Path], **changes: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    for name, value in changes.items():
        setattr(context, name, value)
    return context


@asynccontextmanager
async def handshake_only(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server of OpenSSL alone: unlike asyncio's it says by an alert why it refuses."""

    def shake(listener: socket.socket) -> None:
        with listener.accept()[0] as accepted:
            accepted.settimeout(10)
            shaken = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
            with shaken, suppress(OSError):
                try:
                    shaken.do_handshake()
                finally:
                    while socket.socket.recv(shaken, 1000):  # a reset because of unread bytes would overtake the alert
                        pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        work = asyncio.create_task(asyncio.to_thread(shake, listener))
        yield listener.getsockname()[1]
        await work


def secure(port: int, authority: Authority, **more: Any) -> ConnectionSettings:
    values = {
        "url": f"wss://localhost:{port}/ocpp",
        "security_profile": 2,
        "password": "0123456789abcdef",
        "ca_file": str(authority.ca_file),
    }
    return at(port, **{**values, **more})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("use_rsa", [False, True])
async def test_profile_2_with_the_right_certificate(authority: Authority, use_rsa: bool) -> None:
    context = tls_server(authority.issue("localhost", hosts=("localhost",), use_rsa=use_rsa))
    async with server(ssl=context) as (port, requests):
        link = await connect(secure(port, authority))
        link.send("hello")
        assert await link.receive() == "hello"
        await link.close()
    assert "Authorization" in requests[0].headers


async def test_the_host_name_may_stand_in_the_common_name_alone(authority: Authority) -> None:
    async with server(ssl=tls_server(authority.issue("localhost"))) as (port, _):
        await (await connect(secure(port, authority))).close()


async def test_an_address_is_compared_with_the_addresses_in_the_certificate(authority: Authority) -> None:
    async with server(ssl=tls_server(authority.issue("csms", hosts=("127.0.0.1",)))) as (port, _):
        await (await connect(secure(port, authority, url=f"wss://127.0.0.1:{port}/"))).close()


async def test_profile_3_shows_the_station_certificate(authority: Authority) -> None:
    context = tls_server(authority.issue("localhost"), verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(str(authority.ca_file))
    certificate, key = authority.issue("CS1")
    async with server(ssl=context) as (port, requests):
        link = await connect(
            secure(port, authority, security_profile=3, client_certificate_file=str(certificate),
                   client_key_file=str(key))
        )  # fmt: skip
        await link.close()
    assert "Authorization" not in requests[0].headers


async def test_a_csms_that_wants_a_client_certificate_says_so_in_tls(authority: Authority) -> None:
    context = tls_server(authority.issue("localhost"), verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(str(authority.ca_file))
    async with handshake_only(context) as port:
        error = await failure(secure(port, authority))
    assert error.layer is Layer.TLS
    assert "certificate" in str(error)


async def test_a_certificate_of_another_root_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "Other Root")
    async with server(ssl=tls_server(other.issue("localhost"))) as (port, requests):
        error = await failure(secure(port, authority))
    assert (error.layer, "not issued by a root in ca_file" in str(error)) == (Layer.TLS, True)
    assert requests == []  # the password never left


async def test_a_certificate_for_another_host_is_not_trusted(authority: Authority) -> None:
    async with server(ssl=tls_server(authority.issue("elsewhere", hosts=("elsewhere.example",)))) as (port, _):
        error = await failure(secure(port, authority))
    assert "for another host name" in str(error)


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [(timedelta(days=-2), timedelta(days=-1), "has expired"), (timedelta(days=1), timedelta(days=2), "not valid yet")],
)
async def test_a_certificate_out_of_its_time_is_not_trusted(
    authority: Authority, begins: timedelta, ends: timedelta, words: str
) -> None:
    async with server(ssl=tls_server(authority.issue("localhost", begins=begins, ends=ends))) as (port, _):
        assert words in str(await failure(secure(port, authority)))


async def test_an_old_tls_is_refused(authority: Authority) -> None:
    context = tls_server(authority.issue("localhost"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with handshake_only(context) as port:
        error = await failure(secure(port, authority))
    assert (error.layer, "no TLS 1.2 or newer" in str(error)) == (Layer.TLS, True)


async def test_a_csms_with_weak_suites_only_is_refused(authority: Authority) -> None:
    context = tls_server(authority.issue("localhost", use_rsa=True), maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-SHA")
    async with handshake_only(context) as port:
        error = await failure(secure(port, authority))
    assert (error.layer, "none of our TLS suites" in str(error)) == (Layer.TLS, True)


async def test_a_port_without_tls_is_told(authority: Authority) -> None:
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = await failure(secure(port, authority))
    assert error.layer is Layer.TLS
    assert "does not speak TLS" in str(error)


async def test_a_missing_root_file_is_a_matter_of_configuration(authority: Authority, tmp_path: Path) -> None:
    error = await failure(secure(1, authority, ca_file=str(tmp_path / "none.pem")))
    assert error.layer is Layer.CONFIGURATION
