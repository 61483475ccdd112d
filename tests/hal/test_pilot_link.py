"""The brain's end of the pilot socket, against a small server that speaks the protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from stationd.domain.errors import ConfigurationError
from stationd.domain.pilot import CpState, LockState, PilotStatus
from stationd.hal import pilot_link
from stationd.hal.pilot_link import PilotLink, status_of
from stationd.pilot import protocol

STATUS = protocol.Status(
    evse_id=1, cp="A", volts=12.0, duty=100.0, commanded_closed=False, sensed_closed=False, lock="unlocked",
    pp_amps=None, max_amps=32.0, offered_amps=0.0, permit=False, brain_lost=False, faults=(), uptime_ms=5, boot_id="b1",
)  # fmt: skip


class Pilot:
    """The server's side; `received` holds the client's messages after its hello."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hello: protocol.Message = protocol.Hello(protocol.VERSION, "pilot", "b1", (1, 2))
        self.statuses = [STATUS, replace(STATUS, evse_id=2)]
        self.received: asyncio.Queue[protocol.Message] = asyncio.Queue()
        self.hellos: asyncio.Queue[protocol.Message] = asyncio.Queue()
        self.reply_error: str | None = None
        self.answer = True
        self._writers: list[asyncio.StreamWriter] = []
        self._gone: list[asyncio.Event] = []

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.Event()
        self._writers.append(writer)
        self._gone.append(gone)
        try:
            self.hellos.put_nowait(protocol.decode(await reader.readline()))
            for message in (self.hello, *self.statuses):
                writer.write(protocol.encode(message))
            while line := await reader.readline():
                message = protocol.decode(line)
                if self.answer:
                    writer.write(protocol.encode(protocol.Reply(message.seq, self.reply_error)))  # type: ignore[union-attr]
                self.received.put_nowait(message)
        except ConnectionError:
            pass
        finally:
            writer.close()
            gone.set()

    def send(self, message: protocol.Message | bytes) -> None:
        self._writers[-1].write(message if isinstance(message, bytes) else protocol.encode(message))

    def drop(self) -> None:
        self._writers[-1].close()

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        for gone in self._gone:
            await gone.wait()
        self.path.unlink(missing_ok=True)

    async def next(self, kind: type[protocol.Message]) -> protocol.Message:
        """Return the next message of a kind."""
        while True:
            async with asyncio.timeout(20):
                message = await self.received.get()
            if isinstance(message, kind):
                return message


class Seen:
    """A listener that can be waited for."""

    def __init__(self, link: PilotLink) -> None:
        self.all: list[tuple[int, PilotStatus | None]] = []
        self._new = asyncio.Event()
        link.subscribe(self._take)

    def _take(self, evse_id: int, status: PilotStatus | None) -> None:
        self.all.append((evse_id, status))
        self._new.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._new.clear()
                await self._new.wait()


@pytest.fixture
async def pilot(tmp_path: Path) -> AsyncIterator[Pilot]:
    server = Pilot(tmp_path / "pilot.sock")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def link(tmp_path: Path) -> PilotLink:
    return PilotLink(tmp_path / "pilot.sock", evse_ids=(1, 2))


@pytest.fixture
async def running(link: PilotLink) -> AsyncIterator[PilotLink]:
    task = asyncio.create_task(link.run())
    yield link
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def up(link: PilotLink) -> None:
    async with asyncio.timeout(20):
        while link.error is not None:
            await asyncio.sleep(0.005)


async def error_with(link: PilotLink, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in str(link.error):
            await asyncio.sleep(0.005)


async def test_the_brain_says_hello_and_learns_the_state_of_every_evse(pilot: Pilot, running: PilotLink) -> None:
    assert "not connected to stationd-pilot at" in str(running.error)
    await up(running)
    assert await pilot.hellos.get() == protocol.Hello(protocol.VERSION, "brain")
    status = running.status(2)
    assert status == PilotStatus(
        evse_id=2, cp=CpState.A, volts=12.0, duty_percent=100.0, commanded_closed=False, sensed_closed=False,
        lock=LockState.UNLOCKED, cable_max_a=None, max_a=32.0, offered_a=0.0, faults=(), uptime_ms=5, boot_id="b1",
    )  # fmt: skip


async def test_listeners_hear_changes_but_not_volts_and_uptime(pilot: Pilot, running: PilotLink) -> None:
    seen = Seen(running)
    await up(running)
    pilot.send(replace(STATUS, volts=11.9, uptime_ms=1000))
    pilot.send(replace(STATUS, volts=9.0, cp="B", pp_amps=20.0, uptime_ms=2000))
    pilot.send(replace(STATUS, volts=9.0, cp="B", pp_amps=20.0, uptime_ms=3000, boot_id="b2"))
    await seen.until(lambda: len(seen.all) == 4)
    assert [(evse_id, status.cp, status.boot_id) for evse_id, status in seen.all if status] == [
        (1, CpState.A, "b1"),
        (2, CpState.A, "b1"),
        (1, CpState.B, "b1"),
        (1, CpState.B, "b2"),
    ]
    assert running.status(1) == seen.all[-1][1]


async def test_an_offer_is_sent_at_once_and_renewed_until_it_is_changed(
    pilot: Pilot, running: PilotLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot_link, "RENEW_S", pilot_link.RENEW_S / 4)
    await up(running)
    running.offer(1, amps=16.0, phases=3, permit=True)
    running.offer(1, amps=16.0, phases=3, permit=True)
    loop = asyncio.get_running_loop()
    offers, times = [], []
    for _ in range(3):
        offers.append(await pilot.next(protocol.Offer))
        times.append(loop.time())
    assert [(o.amps, o.phases, o.permit, o.lease_ms) for o in offers] == [(16.0, 3, True, 5000)] * 3  # type: ignore[union-attr]
    assert times[2] - times[1] > 0.1, "the same offer is not repeated at once"
    running.offer(1, amps=0.0, phases=1, permit=False)
    for _ in range(2):
        last = await pilot.next(protocol.Offer)
        assert isinstance(last, protocol.Offer)
        assert (last.amps, last.permit, last.lease_ms) == (0.0, False, 5000)


def test_an_offer_is_renewed_often_within_its_lease() -> None:
    assert 4 * pilot_link.RENEW_S <= pilot_link.LEASE_MS / 1000


async def test_an_offer_made_while_disconnected_is_sent_with_the_connection(
    pilot: Pilot, link: PilotLink, running: PilotLink
) -> None:
    running.offer(2, amps=10.0, phases=1, permit=True)
    first = await pilot.next(protocol.Offer)
    assert (first.evse_id, first.amps) == (2, 10.0)  # type: ignore[union-attr]


async def test_nothing_is_offered_before_the_station_decides(
    pilot: Pilot, running: PilotLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot_link, "RENEW_S", 0.05)
    await up(running)
    await asyncio.sleep(0.3)
    assert pilot.received.empty()


@pytest.mark.parametrize(
    ("evse_id", "amps", "phases"), [(3, 6.0, 1), (1, -1.0, 1), (1, float("nan"), 3), (1, 6.0, 4), (1, 1e9, 3)]
)
def test_an_offer_that_makes_no_sense_is_refused(link: PilotLink, evse_id: int, amps: float, phases: int) -> None:
    with pytest.raises(ValueError, match="cannot offer"):
        link.offer(evse_id, amps=amps, phases=phases, permit=True)


async def test_a_pilot_that_restarts_is_found_again_and_offered_the_same(pilot: Pilot, running: PilotLink) -> None:
    seen = Seen(running)
    running.offer(1, amps=16.0, phases=3, permit=True)
    await pilot.next(protocol.Offer)
    await seen.until(lambda: len(seen.all) == 2)
    await pilot.stop()
    await seen.until(lambda: len(seen.all) == 4)
    assert seen.all[2:] == [(1, None), (2, None)]
    assert running.status(1) is None
    await error_with(running, "No such file or directory; is stationd-pilot running?")
    while not pilot.received.empty():
        pilot.received.get_nowait()
    await pilot.start()
    assert (await pilot.next(protocol.Offer)).amps == 16.0  # type: ignore[union-attr]
    await up(running)
    assert running.status(1) is not None


async def test_the_error_is_told_before_the_listeners_hear_of_the_loss(pilot: Pilot, running: PilotLink) -> None:
    errors: list[str | None] = []
    running.subscribe(lambda _, status: errors.append(running.error) if status is None else None)
    await up(running)
    pilot.drop()
    async with asyncio.timeout(20):
        while not errors:
            await asyncio.sleep(0.005)
    assert "it hung up" in str(errors[0])


async def test_a_pilot_that_says_nothing_counts_as_lost(pilot: Pilot, tmp_path: Path) -> None:
    link = PilotLink(tmp_path / "pilot.sock", evse_ids=(1, 2), silence_s=0.3)
    seen = Seen(link)
    task = asyncio.create_task(link.run())
    await seen.until(lambda: (1, None) in seen.all)
    assert "it said nothing for 0.3 s" in str(link.error)
    await pilot.hellos.get()
    await pilot.hellos.get()  # and it is tried again
    task.cancel()
    await asyncio.wait([task])


async def test_one_cause_of_a_lost_link_is_logged_once(
    link: PilotLink, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot_link, "RETRY_MAX_S", 0.1)
    task = asyncio.create_task(link.run())
    await error_with(link, "No such file or directory")
    await asyncio.sleep(0.5)  # several attempts
    (tmp_path / "pilot.sock").write_text("")
    await error_with(link, "Connection refused")
    assert [record.message.split()[0] for record in caplog.records] == ["pilot_lost", "pilot_lost"]
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("hello", "problem"),
    [
        (
            protocol.Hello(9, "pilot", "b", (1, 2)),
            "it speaks protocol 9, this program 1 to 1; install the same release",
        ),
        (
            protocol.Hello(1, "pilot", "b", (1,)),
            "it has EVSEs 1, this program needs 2 too; give both the same hw-profile",
        ),
        (
            protocol.Reply(0, "another brain holds the permit"),
            "refused this connection: another brain holds the permit",
        ),
        (STATUS, "it began with a Status"),
    ],
)
async def test_a_pilot_that_cannot_be_used_is_told_in_words(
    pilot: Pilot, running: PilotLink, caplog: pytest.LogCaptureFixture, hello: protocol.Message, problem: str
) -> None:
    pilot.hello = hello
    pilot.statuses = []
    await error_with(running, problem)
    await pilot.hellos.get()
    await pilot.hellos.get()
    await pilot.hellos.get()
    assert caplog.text.count(problem) == 1
    running.offer(1, amps=16.0, phases=3, permit=True)
    assert pilot.received.empty()


async def test_a_newer_pilot_is_used_since_it_speaks_the_version_before(pilot: Pilot, running: PilotLink) -> None:
    pilot.hello = protocol.Hello(protocol.VERSION + 1, "pilot", "b1", (1, 2, 3))
    pilot.statuses.append(replace(STATUS, evse_id=3))
    await up(running)
    assert running.status(3) is None


async def test_a_permit_refused_after_the_hello_is_told_in_words(pilot: Pilot, running: PilotLink) -> None:
    pilot.statuses.insert(0, protocol.Reply(0, "the permit is taken"))  # type: ignore[arg-type]
    await error_with(running, "refused this connection: the permit is taken")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"nonsense\n", "cannot read message"),
        (b"x" * 5000 + b"\n", "too long a line"),
        (protocol.encode(replace(STATUS, cp="G")), "'G' is not a valid CpState"),
        (protocol.encode(replace(STATUS, lock="ajar")), "'ajar' is not a valid LockState"),
        (protocol.encode(protocol.Unlock(1, 1)), "it sent a Unlock"),
    ],
)
async def test_what_cannot_be_understood_ends_the_connection_and_a_new_one_is_made(
    pilot: Pilot, running: PilotLink, line: bytes, problem: str
) -> None:
    seen = Seen(running)
    await up(running)
    pilot.send(line)
    await seen.until(lambda: (1, None) in seen.all)
    assert problem in str(running.error)
    await up(running)


async def test_messages_of_a_newer_pilot_are_ignored(pilot: Pilot, running: PilotLink) -> None:
    seen = Seen(running)
    await up(running)
    pilot.send(b'{"type":"temperature","celsius":20}\n')
    pilot.send(replace(STATUS, cp="B"))
    await seen.until(lambda: len(seen.all) >= 3)
    assert [status.cp for _, status in seen.all if status] == [CpState.A, CpState.A, CpState.B]
    assert (running.error, pilot.hellos.qsize()) == (None, 1)


async def test_a_refused_offer_is_told_until_one_is_taken_and_logged_once(
    pilot: Pilot, running: PilotLink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot_link, "RENEW_S", 0.05)
    await up(running)
    pilot.reply_error = "site limit is not set"
    running.offer(1, amps=16.0, phases=3, permit=True)
    await error_with(running, "offer to EVSE 1 refused: site limit is not set")
    await pilot.next(protocol.Offer)
    await pilot.next(protocol.Offer)
    assert caplog.text.count("offer_refused") == 1
    assert running.status(1) is not None
    pilot.reply_error = None
    await up(running)


async def test_unlock_is_true_once_the_connector_is_seen_unlocked(pilot: Pilot, running: PilotLink) -> None:
    pilot.statuses[0] = replace(STATUS, lock="locked")
    await up(running)
    unlocking = asyncio.create_task(running.unlock(1))
    assert isinstance(await pilot.next(protocol.Unlock), protocol.Unlock)
    pilot.send(replace(STATUS, lock="moving"))
    pilot.send(replace(STATUS, lock="unlocked"))
    pilot.send(replace(STATUS, lock="locked"))
    assert await unlocking is True


async def test_unlock_is_false_when_it_is_refused(pilot: Pilot, running: PilotLink) -> None:
    pilot.statuses[0] = replace(STATUS, lock="locked")
    pilot.reply_error = "the contactor is closed"
    await up(running)
    assert await running.unlock(1) is False


async def test_unlock_is_false_when_the_lock_stays_or_the_pilot_is_silent(
    pilot: Pilot, running: PilotLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot_link, "UNLOCK_S", 0.5)
    pilot.statuses = [replace(STATUS, lock="locked"), replace(STATUS, evse_id=2, lock="unlocked")]
    await up(running)
    stays = asyncio.create_task(running.unlock(1))
    await pilot.next(protocol.Unlock)
    pilot.answer = False
    assert await asyncio.gather(stays, running.unlock(2)) == [False, False]


async def test_unlock_is_false_without_a_pilot(link: PilotLink) -> None:
    assert await link.unlock(1) is False


async def test_a_status_is_told_with_everything_that_stationd_pilot_says() -> None:
    full = replace(
        STATUS, warnings=("derated",), waits_for="lock", phases=1, temperature_c=41.0, low_v=-12.0, rcd_test="passed",
        cycles=5, hot_openings=2, slow_openings=1, failed_closings=3,
    )  # fmt: skip
    told = status_of(full)
    for name in ("warnings", "waits_for", "phases", "temperature_c", "low_v", "rcd_test", "cycles", "hot_openings",
                 "slow_openings", "failed_closings"):  # fmt: skip
        assert getattr(told, name) == getattr(full, name)


async def test_a_change_of_the_low_half_alone_is_no_change(pilot: Pilot, running: PilotLink) -> None:
    await up(running)
    heard: list[PilotStatus | None] = []
    running.subscribe(lambda evse_id, status: heard.append(status))
    pilot.send(replace(STATUS, low_v=-11.5))
    pilot.send(replace(STATUS, low_v=-11.5, warnings=("derated",)))
    await asyncio.sleep(0.05)
    assert [status and status.warnings for status in heard] == [("derated",)]


async def test_a_self_test_is_relayed(pilot: Pilot, running: PilotLink) -> None:
    await up(running)
    assert await running.self_test(2) is None
    assert await pilot.next(protocol.SelfTest) == protocol.SelfTest(2, 1)


async def test_requests_return_the_pilots_error_or_none(pilot: Pilot, running: PilotLink) -> None:
    await up(running)
    assert await running.reset_fault(1, "rcd_trip") is None
    assert await pilot.next(protocol.ResetFault) == protocol.ResetFault(1, 1, "rcd_trip")
    assert await running.set_available(2, available=False) is None
    assert await pilot.next(protocol.SetAvailable) == protocol.SetAvailable(2, 2, available=False)
    pilot.reply_error = "the cause is still there"
    assert await running.reset_fault(1, "rcd_trip") == "the cause is still there"


async def test_requests_say_why_they_could_not_be_made(pilot: Pilot, link: PilotLink, running: PilotLink) -> None:
    await up(running)
    pilot.answer = False
    asking = asyncio.create_task(running.reset_fault(1, "rcd_trip"))
    await pilot.next(protocol.ResetFault)
    pilot.drop()
    assert await asking == "the connection to stationd-pilot was lost"
    await pilot.stop()
    await error_with(running, "No such file")
    assert "No such file" in str(await running.set_available(1, available=True))


async def test_a_pilot_that_reads_nothing_is_dropped_before_memory_fills(tmp_path: Path) -> None:
    path = tmp_path / "pilot.sock"
    connections = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for message in (protocol.Hello(1, "pilot", "b", (1,)), STATUS):
            writer.write(protocol.encode(message))
        stuck.append(writer)

    stuck: list[asyncio.StreamWriter] = []
    server = await asyncio.start_unix_server(serve, path)
    link = PilotLink(path, evse_ids=(1,))
    task = asyncio.create_task(link.run())
    await up(link)
    sent = 0
    while link.status(1) is not None and sent < 200_000:
        link.offer(1, amps=sent % 32, phases=3, permit=True)
        sent += 1
        if sent % 100 == 0:
            await asyncio.sleep(0)
    assert sent < 200_000
    while connections < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    server.close()
    for writer in stuck:
        writer.transport.abort()
    await asyncio.sleep(0.01)


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="longer than 107 bytes; use a shorter runtime directory"):
        PilotLink(tmp_path / ("x" * 107), evse_ids=(1,))


def test_every_word_of_a_status_reaches_the_station() -> None:
    charging = replace(
        STATUS, cp="C", duty=26.7, commanded_closed=True, sensed_closed=True, lock="locked", pp_amps=20.0,
        max_amps=20.0, offered_amps=16.0, faults=("tilt",),
    )  # fmt: skip
    status = status_of(charging)
    assert (status.cp, status.lock, status.duty_percent, status.faults) == (
        CpState.C,
        LockState.LOCKED,
        26.7,
        ("tilt",),
    )
    assert (status.cable_max_a, status.max_a, status.offered_a) == (20.0, 20.0, 16.0)
    assert (status.commanded_closed, status.sensed_closed) == (True, True)
