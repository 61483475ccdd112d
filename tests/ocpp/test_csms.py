"""The connection to the CSMS over real WebSockets: dialling, losing, waiting, ending."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from stationd.domain import variable_table as table
from stationd.domain.events import ConnectorStatusChanged, HeartbeatDue
from stationd.domain.id_token import AuthorizationStatus, IdToken
from stationd.domain.states import BootReason, RegistrationStatus
from stationd.domain.variables import Origin
from stationd.ocpp.connection_view import Phase
from stationd.ocpp.rpc import channel
from stationd.ocpp.versions import VERSIONS
from stationd.station.ports import CsmsPort
from tests.fakes.ocpp import FakeCsms, eventually, transaction_event
from tests.fakes.station import snapshot
from tests.ocpp.bench import Bench


@pytest.fixture
async def server() -> AsyncIterator[FakeCsms]:
    async with FakeCsms() as running:
        yield running


@pytest.fixture
async def make(server: FakeCsms) -> AsyncIterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(**options: Any) -> Bench:
        benches.append(Bench(server, **options))
        return benches[-1]

    yield build
    for bench in benches:
        await bench.stop()


async def test_a_station_connects_registers_tells_its_states_and_then_drains_the_queue(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make()
    bench.outbox.add(transaction_event(0), transaction_event(1))
    port: CsmsPort = bench.csms
    assert not port.online
    bench.start()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 2)
    assert [call[2] for call in server.calls()] == [
        "BootNotification", "StatusNotification", "StatusNotification", "TransactionEvent", "TransactionEvent",
    ]  # fmt: skip
    assert server.calls()[0][3] == {"reason": "PowerUp"}
    assert port.online
    assert bench.registrations == [True]
    await eventually(lambda: bench.outbox.rows == [])
    assert [at.isoformat() for at in bench.clock.learned] == ["2026-01-01T12:00:00+00:00"]


async def test_the_station_itself_is_told_first_where_the_version_has_a_status_for_it(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make()
    server.subprotocols = ("ocpp1.6",)
    await server.stop()
    await server.start()
    bench.connection["subprotocols"] = ("ocpp2.0.1", "ocpp1.6")
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    assert [call[3]["evse"] for call in server.calls("StatusNotification")] == [0, 1, 2]
    assert bench.csms.state.subprotocol == "ocpp1.6"


async def test_in_16_alone_a_token_of_the_local_list_is_kept_out_of_the_cache(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make()
    assert bench.csms.listed_tokens_are_cached
    bench.start()
    await bench.online()
    assert bench.csms.listed_tokens_are_cached
    server.subprotocols = ("ocpp1.6",)
    await server.stop()
    await server.start()
    bench.connection["subprotocols"] = ("ocpp2.0.1", "ocpp1.6")
    await eventually(lambda: bench.csms.online and bench.csms.state.subprotocol == "ocpp1.6")
    assert not bench.csms.listed_tokens_are_cached


async def test_the_state_is_told_in_words_people_understand(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    before = bench.csms.state
    assert (before.phase, before.registration, before.last_error) == (Phase.CONNECTING, None, None)
    bench.start()
    await bench.online()
    state = bench.csms.state
    assert (state.url, state.identity, state.subprotocol) == (server.url, "CS1", "ocpp2.0.1")
    assert state.registration is RegistrationStatus.ACCEPTED
    assert state.connected_since is not None
    assert state.next_dial_at is None


# --- losing and coming back -------------------------------------------------------------------------------------------


async def test_after_a_loss_the_station_comes_back_without_introducing_itself_again(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make()
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    await asyncio.sleep(0.02)
    bench.station.snapshots = (snapshot(1), snapshot(2, operative=False))
    await server.connection.close(1001, "restarting")
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)
    await bench.online()
    assert len(server.calls("BootNotification")) == 1
    assert server.calls("StatusNotification")[-1][3]["evse"] == 2  # the one that changed, and it alone
    assert "code 1001: restarting" in (bench.csms.state.last_error or "")
    assert bench.registrations == [True]


async def test_after_a_long_absence_every_state_is_told(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make(OFFLINE_THRESHOLD=0)
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await bench.online()
    await server.connection.close()
    await server.until(lambda: len(server.calls("StatusNotification")) == 4)
    assert len(server.calls("BootNotification")) == 1


async def test_another_version_is_introduced_to(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    bench.connection["subprotocols"] = ("ocpp2.0.1", "ocpp1.6")
    bench.start()
    await bench.online()
    await server.stop()
    server.subprotocols = ("ocpp1.6",)
    await server.start()
    await server.until(lambda: len(server.calls("BootNotification")) == 2)
    assert server.calls("BootNotification")[1][3] == {"reason": "ApplicationReset"}


async def test_what_is_queued_when_the_connection_breaks_is_flagged_offline(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    server.answers["TransactionEvent"] = None
    bench = make()
    bench.start()
    await bench.online()
    bench.outbox.add(transaction_event(3))
    bench.csms.wake()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 1)
    assert server.calls("TransactionEvent")[0][3]["offline"] is False
    del server.answers["TransactionEvent"]
    server.connection.transport.abort()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 2)
    first, second = server.calls("TransactionEvent")
    assert second[3] == {"seqNo": 3, "offline": True}
    assert first[1] != second[1]
    assert ("failed", 1) not in bench.outbox.log


async def test_what_an_earlier_process_left_is_flagged_offline(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    bench.outbox.add(transaction_event(0))
    bench.start()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 1)
    assert server.calls("TransactionEvent")[0][3]["offline"] is True


async def test_every_dial_after_the_first_waits_a_random_time(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make(RETRY_BACK_OFF_RANDOM_RANGE=7, boot_reason=BootReason.APPLICATION_RESET)
    bench.start()
    await bench.online()
    assert bench.dice == []
    await server.connection.close()
    await eventually(lambda: bench.dice == [(0.0, 7.0)])
    await bench.online()


async def test_after_a_power_loss_even_the_first_dial_waits_a_random_time(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make(RETRY_BACK_OFF_RANDOM_RANGE=7, RETRY_BACK_OFF_WAIT_MINIMUM=100)
    bench.start()
    await bench.online()
    assert bench.dice == [(0.0, 7.0)]


async def test_a_csms_that_is_away_is_dialled_again_and_again_with_words(make: Callable[..., Bench]) -> None:
    bench = make()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bench.connection["url"] = f"ws://127.0.0.1:{unused.getsockname()[1]}/"
        bench.start()
        await eventually(lambda: len(bench.dice) >= 2)
    assert "cannot reach the CSMS at 127.0.0.1" in (bench.csms.state.last_error or "")
    assert not bench.csms.online
    assert bench.csms.state.next_dial_at is not None or bench.csms.state.phase is Phase.CONNECTING


async def test_the_wait_goes_back_to_its_minimum_once_a_connection_has_held(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make(RETRY_BACK_OFF_WAIT_MINIMUM=100, lasting_s=0.1)
    bench.start()
    for _ in range(3):
        await bench.online()
        await asyncio.sleep(0.15)
        await server.connection.close()
        await eventually(lambda: bench.csms.state.phase is Phase.WAITING)
        assert 50 < _seconds_to_dial(bench) <= 100
        bench.csms.reconnect("no patience")
    await bench.online()


async def test_the_wait_grows_while_nobody_answers(make: Callable[..., Bench]) -> None:
    bench = make(RETRY_BACK_OFF_WAIT_MINIMUM=100)
    bench.connection["url"] = "ws://127.0.0.1:1/"
    bench.start()
    for expected in (100, 200, 400):
        await eventually(lambda low=expected / 2: _waits_longer_than(bench, low))  # type: ignore[misc]
        assert _seconds_to_dial(bench) <= expected
        bench.csms.reconnect("no patience")


def _waits_longer_than(bench: Bench, seconds: float) -> bool:
    return bench.csms.state.phase is Phase.WAITING and _seconds_to_dial(bench) > seconds


def _seconds_to_dial(bench: Bench) -> float:
    at = bench.csms.state.next_dial_at
    return 0.0 if at is None else (at - bench.clock.now()).total_seconds()


async def test_a_csms_that_asks_for_patience_gets_it(make: Callable[..., Bench], server: FakeCsms) -> None:
    await server.stop()

    def busy(connection: Any, request: Any) -> Any:
        response = connection.respond(503, "")
        response.headers["Retry-After"] = "50"
        return response

    server._see = busy  # type: ignore[method-assign]
    await server.start()
    bench = make()
    bench.start()
    await eventually(lambda: bench.csms.state.phase is Phase.WAITING and bench.csms.state.last_error is not None)
    assert "HTTP 503" in (bench.csms.state.last_error or "")
    assert 30 < _seconds_to_dial(bench) <= 50


async def test_settings_that_cannot_work_are_told_and_tried_again(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.connection["security_profile"] = 1
    bench.start()
    await eventually(lambda: "without a password" in (bench.csms.state.last_error or ""))
    bench.connection["security_profile"] = 0
    await bench.online()


# --- on request -------------------------------------------------------------------------------------------------------


async def test_offline_on_request_stays_so_until_told_otherwise(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    bench.start()
    await bench.online()
    bench.csms.go_offline()
    await eventually(lambda: bench.csms.state.phase is Phase.OFFLINE and bench.csms.state.connected_since is None)
    bench.csms.publish(HeartbeatDue())
    bench.csms.reconnect("a changed password")  # does not end it
    await asyncio.sleep(0.3)
    assert len(server.connections) == 1
    assert bench.csms.state.next_dial_at is None
    assert await bench.csms.authorize(IdToken("A"), 1) is None
    bench.csms.go_online()
    await bench.online()
    assert len(server.calls("BootNotification")) == 1


async def test_a_changed_password_takes_effect_by_reconnecting(make: Callable[..., Bench], server: FakeCsms) -> None:
    """TC_A_09; A01.FR.01."""
    bench = make()
    bench.connection.update(security_profile=1, password="old-password-0000")
    bench.start()
    await bench.online()
    bench.connection["password"] = "new-password-0000"
    bench.csms.reconnect("AuthorizationKey changed")
    await eventually(lambda: len(server.requests) == 2)
    await bench.online()
    first, second = (request.headers["Authorization"] for request in server.requests)
    assert first != second
    assert len(server.calls("BootNotification")) == 1


async def test_the_answer_that_sets_off_a_reconnection_gets_out(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make(PROFILE_SWITCH_DELAY=0.05)
    bench.start()
    await bench.online()
    bench.csms.reconnect("changed")
    assert await server.call("Echo", {}) == [3, "c1", {}]
    await eventually(lambda: len(server.connections) == 2)


async def test_closing_takes_no_longer_with_a_mute_csms(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    bench.start()
    await bench.online()
    server.connection.transport.pause_reading()
    begun = asyncio.get_running_loop().time()
    await bench.stop()
    assert asyncio.get_running_loop().time() - begun < 5
    assert not bench.csms.online


async def test_closing_ends_a_wait_and_a_dial(make: Callable[..., Bench], server: FakeCsms) -> None:
    waiting = make(RETRY_BACK_OFF_WAIT_MINIMUM=3600)
    waiting.connection["url"] = "ws://127.0.0.1:1/"
    waiting.start()
    await eventually(lambda: waiting.csms.state.phase is Phase.WAITING and waiting.csms.state.last_error is not None)
    await waiting.stop()
    held: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0) as mute:
        dialling = make()
        dialling.connection["url"] = f"ws://127.0.0.1:{mute.sockets[0].getsockname()[1]}/"
        dialling.start()
        await asyncio.sleep(0.05)
        assert dialling.csms.state.phase is Phase.CONNECTING
        await dialling.stop()
        for writer in held:
            writer.transport.abort()
    await make().csms.close()  # never run


async def test_a_cancelled_run_leaves_nothing_behind(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    task = bench.start()
    await bench.online()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: server.connection.close_code is not None)
    bench.task = None


# --- asking and telling -----------------------------------------------------------------------------------------------


async def test_a_token_is_asked_about(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    assert await bench.csms.authorize(IdToken("A"), 1) is None  # not connected
    bench.start()
    await bench.online()
    info = await bench.csms.authorize(IdToken("CARD"), 1)
    assert info is not None
    assert info.status is AuthorizationStatus.ACCEPTED
    assert server.calls("Authorize")[0][3] == {"idToken": "CARD"}


@pytest.mark.parametrize("answer", [{"status": "Nonsense"}, {"bad": 1}, {}, [4, "?", "InternalError", "", {}]])
async def test_a_token_without_a_usable_answer_is_not_known(
    make: Callable[..., Bench], server: FakeCsms, answer: Any
) -> None:
    server.answers["Authorize"] = (lambda call: [4, call[1], *answer[2:]]) if isinstance(answer, list) else answer
    bench = make()
    bench.start()
    await bench.online()
    assert await bench.csms.authorize(IdToken("A"), 1) is None


async def test_a_reader_does_not_wait_behind_a_poisoned_message(make: Callable[..., Bench], server: FakeCsms) -> None:
    server.answers["TransactionEvent"] = lambda call: [4, call[1], "InternalError", "", {}]
    bench = make(MESSAGE_ATTEMPT_INTERVAL=3600)
    bench.outbox.add(transaction_event(0))
    bench.start()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 1)
    await bench.online()
    assert await bench.csms.authorize(IdToken("A"), 1) is not None
    bench.csms.publish(ConnectorStatusChanged(snapshot(2, operative=False)))
    await server.until(lambda: len(server.calls("StatusNotification")) == 3)


async def test_what_is_published_offline_is_dropped(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make()
    bench.csms.publish(HeartbeatDue())
    bench.start()
    await server.until(lambda: len(server.calls("StatusNotification")) == 2)
    await asyncio.sleep(0.02)
    assert server.calls("Heartbeat") == []


async def test_a_flood_of_calls_stops_neither_the_queue_nor_the_heartbeat(
    make: Callable[..., Bench], server: FakeCsms
) -> None:
    bench = make(HEARTBEAT_INTERVAL=1)
    bench.start()
    await bench.online()

    async def flood() -> None:
        with suppress(ConnectionClosed):
            for number in itertools.count():
                await server.connection.send(f'[2,"f{number}","Echo",{{}}]')
                if number % 15 == 0:
                    await asyncio.sleep(0.01)

    flooding = asyncio.create_task(flood())
    bench.outbox.add(*(transaction_event(number) for number in range(10)))
    bench.csms.wake()
    await server.until(lambda: len(server.calls("TransactionEvent")) == 10, seconds=30)
    await server.until(lambda: bool(server.calls("Heartbeat")), seconds=30)
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)


async def test_a_flood_without_end_is_cut_off_and_costs_no_message_an_attempt(
    make: Callable[..., Bench], server: FakeCsms, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FLOOD_S": 0.3, "FRAMES_PER_S": 500.0, "FRAME_BURST": 1000.0}.items():
        monkeypatch.setattr(channel, name, value)
    bench = make()
    bench.outbox.add(*(transaction_event(number) for number in range(3)))

    async def flood(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await connection.send('[2,"f","Echo",{"n":1}]')

    floods: list[asyncio.Task[None]] = []

    def begin(call: list[Any]) -> dict[str, Any]:
        floods.append(asyncio.create_task(flood(server.connection)))
        return {}

    server.answers["StatusNotification"] = begin
    bench.start()
    await eventually(lambda: "messages a second" in (bench.csms.state.last_error or ""), seconds=50)
    await eventually(lambda: not bench.outbox.rows, seconds=50)
    assert not any(what == "failed" for what, _ in bench.outbox.log)
    for task in floods:
        task.cancel()
    await asyncio.gather(*floods, return_exceptions=True)


async def test_the_ping_interval_can_be_changed_while_connected(make: Callable[..., Bench], server: FakeCsms) -> None:
    bench = make(PING_INTERVAL=0)
    bench.start()
    await bench.online()
    server.connection.transport.pause_reading()
    await bench.settings.write(table.PING_INTERVAL, "1", Origin.CSMS)
    await eventually(lambda: "did not answer a ping" in (bench.csms.state.last_error or ""))


_hostile = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=10),
    st.sampled_from(['[2,"x","Echo",{"a":NaN}]', '[2,"x",[],{}]', '[3,"x",{}]', "[" * 3000, '[2,"y","Crash",{}]',
                     '[2,"z","Echo",{"bad":1}]', '[4,"x"]', '[2,"\\ud800","Echo",{}]', '[9,"x"]']),
)  # fmt: skip


async def test_no_garbage_ends_the_connection() -> None:
    async with FakeCsms() as server:
        bench = Bench(server)
        bench.start()
        await bench.online()
        loop = asyncio.get_running_loop()
        rounds: list[list[str | bytes]] = []

        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(_hostile, min_size=1, max_size=8))
        def collect(messages: list[str | bytes]) -> None:
            rounds.append(messages)

        await loop.run_in_executor(None, collect)
        for number, messages in enumerate(rounds):
            for message in messages:
                await server.connection.send(message)
            assert (await server.call("Echo", {"answer": {"n": number}}, f"e{number}"))[2] == {"n": number}
        assert len(server.connections) == 1
        await bench.stop()


@pytest.mark.parametrize("name", VERSIONS)
async def test_each_real_version_registers_and_tells_its_states_by_its_own_schemas(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeCsms() as server:
        await server.stop()
        server.subprotocols = (name,)
        await server.start()
        bench = Bench(server)
        bench.connection["subprotocols"] = tuple(reversed(VERSIONS))
        bench.versions.clear()
        bench.versions.update(VERSIONS)
        server.answers["BootNotification"] = {
            "status": "Accepted",
            "currentTime": "2026-01-01T12:00:00Z",
            "interval": 9,
        }
        bench.start()
        expected = 3 if name == "ocpp1.6" else 2
        await server.until(lambda: len(server.calls("StatusNotification")) == expected)
        await bench.online()
        assert (await server.call("Nonsense", {}))[2] == "NotImplemented"
        assert (await server.call("CancelReservation", {}, "c2"))[2] == "NotSupported"
        assert bench.settings.integer(table.HEARTBEAT_INTERVAL) == 9
        await bench.stop()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
