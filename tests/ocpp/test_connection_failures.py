"""A whole station against CSMSs, networks and clocks that misbehave: what it does, and what it says of it."""

import asyncio
import random
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from stationd.domain import variable_table as table
from stationd.domain.id_token import IdToken
from stationd.domain.states import RegistrationStatus
from stationd.ocpp.back_off import BackOff
from stationd.ocpp.connection_view import Phase, details
from stationd.ocpp.rpc.dial import Limits
from stationd.station.settings import Settings
from tests.fakes.certificates import Authority
from tests.fakes.ocpp import FakeCsms, eventually, test_settings, transaction_event
from tests.fakes.stores import FakeStateStore
from tests.ocpp.bench import Bench
from tests.ocpp.rpc.bad_servers import Proxy, accept, by_hand, drip, server, tls_server

OLD, NEW = "old-password-0000", "new-password-0000"


@pytest.fixture
async def csms() -> AsyncIterator[FakeCsms]:
    async with FakeCsms() as running:
        yield running


@pytest.fixture
async def make(csms: FakeCsms) -> AsyncIterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(**options: Any) -> Bench:
        benches.append(Bench(csms, **options))
        return benches[-1]

    yield build
    for bench in benches:
        await bench.stop()


def layers(bench: Bench) -> dict[str, str]:
    told = details(bench.csms.state, bench.clock.now())
    return {row["layer"]: row["state"] for row in told["layers"]}


async def answer_with(csms: FakeCsms, respond: Callable[[Any, Any], Any]) -> None:
    """Let the CSMS answer WebSocket requests so."""
    await csms.stop()
    csms._see = respond  # type: ignore[method-assign]
    await csms.start()


def only(csms: FakeCsms, *passwords: str) -> Callable[[Any, Any], Any]:
    """A CSMS that accepts these passwords alone."""
    from base64 import b64encode

    accepted = {"Basic " + b64encode(f"CS1:{password}".encode()).decode() for password in passwords}

    def check(connection: Any, request: Any) -> Any:
        csms.requests.append(request)
        known = request.headers.get("Authorization") in accepted
        return None if known else connection.respond(401, "")

    return check


# --- half-open connections --------------------------------------------------------------------------------------------


async def test_a_link_that_goes_dead_without_a_word_is_left_within_two_ping_intervals(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    async with Proxy(csms.port) as proxy:
        bench = make(PING_INTERVAL=1)
        bench.connection["url"] = f"ws://127.0.0.1:{proxy.port}/ocpp"
        bench.start()
        await bench.online()
        await asyncio.sleep(0.3)
        proxy.fall_silent()
        begun = time.monotonic()
        await eventually(lambda: bench.csms.state.last_error is not None)
        assert time.monotonic() - begun <= 2 + 0.3
        assert "did not answer a ping within 1 s" in (bench.csms.state.last_error or "")
        proxy.recover()
        await bench.online()
        assert len(csms.calls("BootNotification")) == 1


async def test_messages_that_drip_in_end_the_connection_and_the_station_comes_back(make: Callable[..., Bench]) -> None:
    visits: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        await accept(reader, writer, "ocpp2.0.1")
        await drip(writer, b"\x81\x7e\x10\x00" + b" " * 4096, 0.05)

    async with by_hand(talk) as port:
        bench = make(limits=Limits(message_s=0.3))
        bench.connection["url"] = f"ws://127.0.0.1:{port}/"
        bench.start()
        await eventually(lambda: len(visits) > 2)
        assert "took more than 0.3 s for one message" in (bench.csms.state.last_error or "")
        await bench.stop()


# --- how often it dials -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012])
async def test_a_csms_that_closes_after_each_boot_is_dialled_less_and_less(
    make: Callable[..., Bench], csms: FakeCsms, code: int
) -> None:
    async def accept_and_close(call: list[Any]) -> Any:
        await csms.connection.send(f'[3,"{call[1]}",{{"status":"Accepted","interval":0}}]')
        await csms.connection.close(code, "bye")

    csms.answers["BootNotification"] = accept_and_close
    csms.answers["StatusNotification"] = lambda call: csms.connection.close(code, "bye")
    await waits_grow(make(RETRY_BACK_OFF_WAIT_MINIMUM=100), f"(code {code}: bye)", layer="WebSocket")


async def test_a_csms_that_closes_after_each_message_gets_every_message_in_the_end(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    got: list[int] = []

    async def answer_and_close(call: list[Any]) -> Any:
        got.append(call[3]["seqNo"])
        with suppress(ConnectionClosed):
            await csms.connection.send(f'[3,"{call[1]}",{{}}]')
            await csms.connection.close(1011)

    csms.answers["TransactionEvent"] = answer_and_close
    bench = make()
    bench.outbox.add(*(transaction_event(number) for number in range(4)))
    bench.start()
    await eventually(lambda: list(dict.fromkeys(got)) == [0, 1, 2, 3])
    assert len(csms.connections) >= 4


async def test_a_session_that_another_station_takes_over_again_and_again_backs_off(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    """Two stations with one identity: the CSMS closes the older connection each time."""
    bench = make(RETRY_BACK_OFF_WAIT_MINIMUM=100)

    async def take_over() -> None:
        while True:
            if csms.connections and bench.csms.online:
                await csms.connection.close(1000, "replaced")
            await asyncio.sleep(0.01)

    other = asyncio.create_task(take_over())
    await waits_grow(bench, "replaced", layer="WebSocket")
    other.cancel()


async def waits_grow(bench: Bench, words: str, *, layer: str) -> None:
    bench.start()
    for expected in (100, 200, 400):
        await eventually(lambda low=expected / 2: seconds_to_dial(bench) > low)  # type: ignore[misc]
        assert seconds_to_dial(bench) <= expected
        assert words in (bench.csms.state.last_error or "")
        assert bench.csms.state.failed_layer == layer
        bench.csms.reconnect("no patience")


def seconds_to_dial(bench: Bench) -> float:
    state = bench.csms.state
    if state.phase is not Phase.WAITING or state.next_dial_at is None:
        return 0.0
    return (state.next_dial_at - bench.clock.now()).total_seconds()


async def test_after_a_single_drop_the_station_is_back_within_its_minimum_and_range_and_a_second(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    bench = make(RETRY_BACK_OFF_WAIT_MINIMUM=1, lasting_s=0.1)
    bench.start()
    await bench.online()
    await asyncio.sleep(0.2)
    begun = time.monotonic()
    csms.connection.transport.abort()
    await eventually(lambda: len(csms.connections) == 2 and bench.csms.online)
    assert 0.9 < time.monotonic() - begun < 1 + 0 + 1


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500, 503])
async def test_every_refusal_is_waited_out_longer_each_time_and_a_redirect_is_never_followed(
    make: Callable[..., Bench], csms: FakeCsms, status: int
) -> None:
    async with server() as (elsewhere, visits):

        def refuse(connection: Any, request: Any) -> Any:
            response = connection.respond(status, "")
            response.headers["Location"] = f"ws://127.0.0.1:{elsewhere}/ocpp"
            return response

        await answer_with(csms, refuse)
        await waits_grow(make(RETRY_BACK_OFF_WAIT_MINIMUM=100), f"HTTP {status}", layer="HTTP")
        assert visits == []


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_the_csms_asks_for_is_kept_but_not_for_ever(
    make: Callable[..., Bench], csms: FakeCsms, status: int
) -> None:
    asked = iter(["50", "999999"])

    def busy(connection: Any, request: Any) -> Any:
        response = connection.respond(status, "")
        response.headers["Retry-After"] = next(asked)
        return response

    await answer_with(csms, busy)
    bench = make()
    bench.start()
    await eventually(lambda: seconds_to_dial(bench) > 40)
    assert seconds_to_dial(bench) <= 50
    bench.csms.reconnect("no patience")
    await eventually(lambda: seconds_to_dial(bench) > 3500)
    assert seconds_to_dial(bench) <= 3600


def test_a_thousand_stations_do_not_come_back_in_the_same_second() -> None:
    """All lose the CSMS at once. At most 5 % dial in any one second if the random range is wide enough.

    After an absence shorter than the range two tries overlap, so twice the range is needed.
    """
    for away_s, range_s in ((0.0, 30), (20.0, 60), (600.0, 30)):
        settings = test_settings(RETRY_BACK_OFF_WAIT_MINIMUM=3, RETRY_BACK_OFF_RANDOM_RANGE=range_s)
        back: list[float] = []
        for number in range(1000):
            back_off = BackOff(settings, random.Random(number).uniform, floor_s=0.2)
            at = back_off.next_wait_s()
            while at < away_s:
                at += back_off.next_wait_s()
            back.append(at - away_s)
        busiest = max(Counter(int(at) for at in back).values())
        assert busiest <= 50, (away_s, busiest)


def test_every_station_is_back_within_a_minute_of_its_csms() -> None:
    back_off = BackOff(Settings(table.ALL), random.Random(1).uniform, floor_s=0.2)
    assert max(back_off.next_wait_s() for _ in range(1000)) <= 60


async def test_after_a_power_loss_neighbours_do_not_dial_in_the_same_second(make: Callable[..., Bench]) -> None:
    settings = test_settings(RETRY_BACK_OFF_RANDOM_RANGE=30)
    waits = [BackOff(settings, random.Random(n).uniform, floor_s=0.2).first_wait_s() for n in range(1000)]
    assert max(Counter(int(wait) for wait in waits).values()) <= 50


# --- which layer ------------------------------------------------------------------------------------------------------


async def test_each_layer_of_a_good_tls_connection_is_told(
    make: Callable[..., Bench], csms: FakeCsms, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    await csms.stop()
    await csms.start(ssl=tls_server(authority.issue("localhost", ends=timedelta(days=2))))
    bench = make()
    bench.connection.update(
        url=f"wss://localhost:{csms.port}/ocpp", security_profile=2, password=OLD, ca_file=str(authority.ca_file)
    )
    bench.start()
    await bench.online()
    told = details(bench.csms.state, bench.clock.now())
    assert [row["layer"] for row in told["layers"] if row["state"] != "ok"] == ["proxy"]
    tls = next(row["detail"] for row in told["layers"] if row["layer"] == "TLS")
    assert tls.startswith(
        "TLSv1.3, TLS_AES_256_GCM_SHA384, certificate CN=localhost, O=O of CN=Test Root, O=O, expires "
    )
    assert "(in 1 days)" in tls
    assert "the CSMS's certificate expires on" in told["warnings"][0]
    assert OLD not in str(told)


BAD_TLS: dict[str, tuple[Callable[[Authority, Authority], ssl.SSLContext], str]] = {
    "another root": (lambda ours, other: tls_server(other.issue("localhost")), "not issued by a root in ca_file"),
    "another name": (lambda ours, other: tls_server(ours.issue("elsewhere")), "for another host name"),
    "expired": (
        lambda ours, other: tls_server(ours.issue("localhost", begins=timedelta(days=-2), ends=timedelta(days=-1))),
        "has expired",
    ),
    "not yet valid": (
        lambda ours, other: tls_server(ours.issue("localhost", begins=timedelta(days=1))),
        "not valid yet (is the station's clock right?)",
    ),
    "self-signed": (lambda ours, other: tls_server(ours.issue("localhost", self_signed=True)), "is self-signed"),
    "short key": (
        lambda ours, other: tls_server(ours.issue("localhost", use_rsa=True, rsa_bits=1024), security_level=0),
        "is too short",
    ),
}


@pytest.mark.parametrize("kind", BAD_TLS)
async def test_a_csms_that_cannot_be_trusted_gets_no_password_and_is_named_with_the_layer(
    make: Callable[..., Bench],
    csms: FakeCsms,
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours = Authority(tmp_path_factory.mktemp("ours"))
    context, words = BAD_TLS[kind]
    await csms.stop()
    await csms.start(ssl=context(ours, Authority(tmp_path_factory.mktemp("other"), "Other Root")))
    bench = make()
    bench.connection.update(
        url=f"wss://localhost:{csms.port}/ocpp", security_profile=2, password=OLD, ca_file=str(ours.ca_file)
    )
    bench.start()
    await eventually(lambda: bench.csms.state.failures >= 2)  # and it tries again
    assert csms.requests == []
    state = layers(bench)
    assert [state[name] for name in ("DNS", "TCP", "TLS", "HTTP")] == ["ok", "ok", "failed", "not reached"]
    assert words in str(details(bench.csms.state, bench.clock.now())["layers"])
    assert "csms_not_connected layer=TLS failures=1 reason=cannot trust the CSMS at localhost" in caplog.text
    assert words in caplog.text


async def test_a_station_that_is_not_accepted_is_told_as_a_matter_of_ocpp(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    csms.answers["BootNotification"] = {"status": "Pending", "interval": 100}
    bench = make()
    bench.start()
    await eventually(lambda: bench.csms.state.registration is RegistrationStatus.PENDING)
    told = details(bench.csms.state, bench.clock.now())
    assert told["layers"][-1] == {
        "layer": "OCPP", "state": "waiting", "detail": "the CSMS answered Pending: it has to accept the station there"
    }  # fmt: skip
    assert layers(bench)["TLS"] == "not used"


async def test_a_boot_notification_that_is_refused_is_told_as_a_matter_of_ocpp(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    csms.answers["BootNotification"] = lambda call: [4, call[1], "InternalError", "no such table", {}]
    bench = make()
    bench.start()
    await eventually(lambda: layers(bench)["OCPP"] == "failed")
    told = details(bench.csms.state, bench.clock.now())
    assert "the CSMS answered InternalError: no such table" in told["layers"][-1]["detail"]


async def test_the_log_names_the_layer(
    make: Callable[..., Bench], csms: FakeCsms, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await csms.stop()
    bench = make()
    bench.start()
    await eventually(lambda: bench.csms.state.failures >= 2)
    assert "csms_not_connected layer=TCP failures=1 reason=cannot reach the CSMS at 127.0.0.1" in caplog.text
    assert [layers(bench)[name] for name in ("configuration", "DNS", "TCP", "HTTP")] == [
        "ok", "not used", "failed", "not reached"
    ]  # fmt: skip


async def test_clear_text_over_a_network_is_warned_of_once(
    make: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(limits=Limits(lookup_s=0.1))
    bench.connection["url"] = "ws://no-such-host.invalid/ocpp"
    bench.start()
    await eventually(lambda: bench.csms.state.failures >= 2)
    assert caplog.text.count("csms_in_clear_text url=ws://no-such-host.invalid/ocpp security_profile=0") == 1
    assert "clear text" in details(bench.csms.state, bench.clock.now())["warnings"][0]


# --- passwords on trial -----------------------------------------------------------------------------------------------


async def connected_with(bench: Bench, csms: FakeCsms, *accepted: str) -> None:
    await answer_with(csms, only(csms, *accepted))
    bench.connection.update(security_profile=1, password=OLD)
    bench.start()
    await bench.online()
    await eventually(lambda: bench.csms._settled)


async def test_a_new_password_that_the_csms_refuses_is_rolled_back(make: Callable[..., Bench], csms: FakeCsms) -> None:
    bench = make(state=FakeStateStore(), lasting_s=0.1)
    await connected_with(bench, csms, OLD)
    bench.connection["password"] = NEW
    bench.csms.reconnect("password changed")
    await eventually(lambda: len(csms.requests) == 3)  # the former, the new, the former
    await bench.online()
    await eventually(lambda: bench.csms._settled)
    assert bench.csms.state.former_password
    told = details(bench.csms.state, bench.clock.now())
    assert "the former one is in use" in told["warnings"][0]
    assert not any(secret in str(told) for secret in (OLD, NEW))
    await csms.connection.close()
    await eventually(lambda: len(csms.requests) == 4)
    await bench.online()  # at once, without asking with the wrong one again


async def test_a_new_password_that_the_csms_accepts_is_kept(make: Callable[..., Bench], csms: FakeCsms) -> None:
    bench = make(state=FakeStateStore())
    await connected_with(bench, csms, OLD, NEW)
    bench.connection["password"] = NEW
    bench.csms.reconnect("password changed")
    await eventually(lambda: len(csms.requests) == 2 and bench.csms.online)
    assert await bench.csms.authorize(IdToken("A"), 1) is not None
    assert not bench.csms.state.former_password
    await answer_with(csms, only(csms, OLD))
    csms.requests.clear()
    await eventually(lambda: len(csms.requests) >= 3)
    assert len({request.headers["Authorization"] for request in csms.requests}) == 1  # the former one is forgotten


async def test_a_csms_that_takes_up_the_new_password_late_gets_it_after_all(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    bench = make(state=FakeStateStore())
    await connected_with(bench, csms, OLD)
    bench.connection["password"] = NEW
    bench.csms.reconnect("password changed")
    await eventually(lambda: bench.csms.state.former_password and bench.csms.online)
    await answer_with(csms, only(csms, NEW))
    await eventually(lambda: bench.csms.online and not bench.csms.state.former_password)


async def test_a_restart_in_the_middle_of_a_trial_still_finds_the_way_back(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    state = FakeStateStore()
    first = make(state=state)
    await connected_with(first, csms, OLD)
    await first.stop()
    second = make(state=state)
    second.connection.update(security_profile=1, password=NEW)
    second.start()
    await second.online()
    assert second.csms.state.former_password


async def test_a_network_that_is_away_does_not_bring_the_former_password_back(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    bench = make(state=FakeStateStore())
    await connected_with(bench, csms, OLD, NEW)
    await csms.stop()
    bench.connection["password"] = NEW
    bench.csms.reconnect("password changed")
    await eventually(lambda: bench.csms.state.failures >= 8)
    assert not bench.csms.state.former_password
    csms.requests.clear()
    await csms.start()
    await bench.online()
    assert not bench.csms.state.former_password


@pytest.mark.parametrize(("status", "gives_way"), [(200, False), (302, False), (404, False), (503, False), (500, True)])
async def test_only_what_may_be_about_the_password_gives_the_former_one_a_turn(
    make: Callable[..., Bench], csms: FakeCsms, status: int, gives_way: bool
) -> None:
    bench = make(state=FakeStateStore())
    await connected_with(bench, csms, OLD)
    used: list[str] = []

    def refuse(connection: Any, request: Any) -> Any:
        used.append(request.headers["Authorization"])
        return connection.respond(status, "")

    await answer_with(csms, refuse)
    bench.connection["password"] = NEW
    bench.csms.reconnect("password changed")
    used.clear()
    await eventually(lambda: len(used) >= 6)
    assert (len(set(used[2:6])) == 2) is gives_way  # the first may be on its way since before the change


async def test_a_csms_that_accepts_and_closes_at_once_gets_the_former_password_in_the_end(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    bench = make(state=FakeStateStore())
    await connected_with(bench, csms, OLD, NEW)
    right = csms.requests[0].headers["Authorization"]
    serve = csms._serve

    async def judge_late(connection: Any) -> None:
        if connection.request.headers["Authorization"] != right:
            await connection.close(1008, "unknown password")
        else:
            await serve(connection)

    await csms.stop()
    csms._serve = judge_late  # type: ignore[method-assign]
    await csms.start()
    csms.requests.clear()
    bench.connection["password"] = NEW
    bench.csms.reconnect("password changed")
    await eventually(lambda: bench.csms.online and bench.csms.state.former_password)
    assert len(csms.requests) == 4


# --- the queue --------------------------------------------------------------------------------------------------------


async def test_what_is_queued_goes_to_another_csms_in_another_version(
    make: Callable[..., Bench], csms: FakeCsms
) -> None:
    bench = make()
    bench.connection["subprotocols"] = ("ocpp2.0.1", "ocpp1.6")
    csms.answers["TransactionEvent"] = lambda call: None
    bench.outbox.add(transaction_event(0), transaction_event(1))
    bench.start()
    await csms.until(lambda: len(csms.calls("TransactionEvent")) == 1)
    other = FakeCsms()
    other.subprotocols = ("ocpp1.6",)
    async with other:
        bench.connection["url"] = other.url
        bench.csms.reconnect("moved")
        await other.until(lambda: len(other.calls("TransactionEvent")) == 2)
        assert [call[3]["seqNo"] for call in other.calls("TransactionEvent")] == [0, 1]
        assert other.calls()[0][2] == "BootNotification"
        await bench.stop()
