"""The WebSocket, against real servers on loopback: what works, and one sentence for each way it can fail."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from stationd.ocpp.rpc import transport
from stationd.ocpp.rpc.dial import Limits, connect
from stationd.ocpp.rpc.transport import Layer, TransportError
from tests.fakes.ocpp import eventually
from tests.ocpp.rpc.bad_servers import at, by_hand, failure, raw_server, server

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
    """TC_A_01; A00.FR.202 to 205."""
    async with server() as (port, requests):
        link = await connect(at(port, security_profile=1, password="0123456789abcdef"))
        await link.close()
    assert requests[0].headers["Authorization"] == "Basic Q1MgMTowMTIzNDU2Nzg5YWJjZGVm"


async def test_the_password_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """A01.FR.12."""
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


# --- what fails -------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_a_refusal_whose_body_never_ends_is_told_at_once(step: int) -> None:
    """However the network cuts it into pieces."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reply = b"HTTP/1.1 429 Too Many\r\nretry-after:  9 \r\nno colon\r\n\r\n<html>"
        for begin in range(0, len(reply), step):
            writer.write(reply[begin : begin + step])
            await writer.drain()
            await asyncio.sleep(0)

    async with by_hand(talk) as port:
        error = await failure(at(port), limits=Limits(upgrade_s=5))
    assert (error.layer, error.status, error.retry_after_s) == (Layer.HTTP, 429, 9.0)


async def test_an_answer_whose_head_never_ends_is_given_up() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            writer.write(b"x" * 10000)
            await writer.drain()

    async with by_hand(talk) as port:
        error = await failure(at(port), limits=Limits(upgrade_s=5))
    assert (error.layer, "no WebSocket server" in str(error)) == (Layer.HTTP, True)


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
        error = await failure(at(port), limits=Limits(upgrade_s=0.1))
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


async def test_fragments_count_together_for_the_limit() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(["x" * (transport.MAX_MESSAGE // 2)] * 3)
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


async def test_a_message_that_never_ends_ends_the_connection() -> None:
    async def talk(connection: ServerConnection) -> None:
        async def endless() -> AsyncIterator[str]:
            yield "begin"
            yield "middle"
            await connection.wait_closed()

        await connection.send(endless())

    async with server(talk) as (port, _):
        link = await connect(at(port), limits=Limits(message_s=0.2))
        with pytest.raises(TransportError, match=r"more than 0\.2 s for one message"):
            await link.receive()
        await link.close(timeout_s=0.2)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("next week", None),
        ("-5", None),
        ("1" * 40, None),
        ("Wed, 21 Oct 9999999 07:28:30 GMT", None),
    ],
)
async def test_a_time_to_come_back_is_compared_with_the_clock_of_the_csms(after: str, seconds: float | None) -> None:
    reply = f"HTTP/1.1 503 Busy\r\nDate: Wed, 21 Oct 2026 07:28:00 GMT\r\nRetry-After: {after}\r\n\r\n"
    async with raw_server(reply.encode()) as port:
        assert (await failure(at(port))).retry_after_s == seconds
