"""Modbus lines against real servers, over TCP and over a serial line of pseudo terminals."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stationd.domain.errors import ConfigurationError
from stationd.hal.bus import BusDevice, BusError, BusPool, BusTimings, Line, SerialLine, TcpHost
from stationd.hal.register_map import Block, Table
from tests.fakes.clock import FakeClock
from tests.hal.modbus_bench import CountingDevice, serial_meters, tcp_meters, with_checksum

ONE = [Block(Table.INPUT, 0, 2)]
TIMEOUT_S = 0.5
PATIENT = BusTimings(backoff_first_s=60, backoff_max_s=60, late_factor=0.2)
"""A device that failed stays alone for the rest of a test, unless the test moves the clock."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def pool(clock: FakeClock) -> AsyncIterator[BusPool]:
    pool = BusPool(monotonic=clock.monotonic, timings=PATIENT)
    yield pool
    await pool.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a line left a task behind"


def device(pool: BusPool, line: Line, unit: int = 1, timeout_s: float = TIMEOUT_S) -> BusDevice:
    return pool.device(line, unit=unit, timeout_s=timeout_s, user=f"the meter of EVSE {unit}")


async def test_all_blocks_are_read_over_tcp(pool: BusPool) -> None:
    async with tcp_meters(CountingDevice(1)) as meters:
        blocks = [Block(Table.INPUT, 10, 3), Block(Table.HOLDING, 97, 2)]
        assert await device(pool, meters.line).read(blocks) == [(10, 11, 12), (97, 98)]


async def test_all_blocks_are_read_over_a_serial_line(pool: BusPool, tmp_path: Path) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        blocks = [Block(Table.INPUT, 10, 60), Block(Table.HOLDING, 97, 2)]
        assert await device(pool, meters.line).read(blocks) == [tuple(range(10, 70)), (97, 98)]


async def test_a_lost_answer_costs_no_reading_from_a_device_that_answered_before(pool: BusPool, tmp_path: Path) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        await meter.read(ONE)
        meters.hook = lose_one(meters)
        assert await meter.read(ONE) == [(3, 1)]


async def test_a_lost_answer_costs_no_reading_over_tcp(pool: BusPool) -> None:
    async with tcp_meters(CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        await meter.read(ONE)
        meters.hook = lose_one(meters)
        assert await meter.read(ONE) == [(3, 1)]
        assert meters.connections == 2


async def test_an_answer_with_a_wrong_checksum_is_never_believed(pool: BusPool, tmp_path: Path) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        meters.hook = lambda answer: answer[:4] + bytes([answer[4] ^ 1]) + answer[5:]
        with pytest.raises(BusError, match=r"unit 1 on .*ttyMeter: no answer within 0.5 s; check unit and wiring"):
            await meter.read(ONE)


async def test_an_answer_to_another_request_is_never_believed(pool: BusPool, tmp_path: Path) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        meters.hook = lambda _: with_checksum(bytes([1, 4, 2, 0, 99]))
        with pytest.raises(BusError, match="answer is one to another request"):
            await meter.read(ONE)


async def test_garbage_over_tcp_is_never_believed_and_the_next_connection_works(
    pool: BusPool, clock: FakeClock
) -> None:
    async with tcp_meters(CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        meters.hook = lambda _: b"\xff" * 20
        with pytest.raises(BusError):
            await meter.read(ONE)
        meters.hook = lambda answer: answer
        clock.advance(60)
        assert await meter.read(ONE) == [(2, 1)]


async def test_a_dead_device_does_not_take_the_line_from_its_neighbour(pool: BusPool, tmp_path: Path) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        live, dead = device(pool, meters.line, 1), device(pool, meters.line, 2)

        async def read_both() -> None:
            with pytest.raises(BusError):
                await dead.read(ONE)
            await live.read(ONE)

        await asyncio.gather(*(live.read(ONE) for _ in range(5)), read_both())
        for _ in range(5):
            await read_both()
        assert meters.log.count(("request", 2)) == 1
        assert meters.log.count(("answer", 1)) == 11


async def test_requests_on_one_line_never_overlap(pool: BusPool, tmp_path: Path) -> None:
    async with serial_meters(tmp_path, CountingDevice(1), CountingDevice(2), CountingDevice(3)) as meters:
        devices = [device(pool, meters.line, unit) for unit in (1, 2, 3)]
        await asyncio.gather(*(each.read(ONE * 2) for each in devices for _ in range(3)))
        assert [kind for kind, _ in meters.log] == ["request", "answer"] * 18
        assert all(before[1] == after[1] for before, after in zip(meters.log[::2], meters.log[1::2], strict=True))


async def test_a_dead_device_is_tried_again_ever_more_seldom(clock: FakeClock, tmp_path: Path) -> None:
    timings = BusTimings(backoff_first_s=10, backoff_max_s=25, late_factor=0)
    pool = BusPool(monotonic=clock.monotonic, timings=timings)
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        dead = device(pool, meters.line, 2, timeout_s=0.05)
        tried_at = []
        for second in range(0, 110, 5):
            with pytest.raises(BusError):
                await dead.read(ONE)
            if len(meters.log) > len(tried_at):
                tried_at.append(second)
            clock.advance(5)
        assert tried_at == [0, 10, 30, 55, 80, 105]
        await pool.close()


async def test_while_a_dead_device_is_left_alone_its_readers_are_told_why_and_when(
    pool: BusPool, tmp_path: Path
) -> None:
    async with serial_meters(tmp_path) as meters:
        dead = device(pool, meters.line)
        for expected in ("check unit and wiring$", r"check unit and wiring; next try in 60\.0 s"):
            with pytest.raises(BusError, match=expected):
                await dead.read(ONE)


async def test_a_device_that_comes_back_is_read_again(
    pool: BusPool, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "stationd")
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        meters.hook = lambda _: None
        for _ in range(2):
            with pytest.raises(BusError):
                await meter.read(ONE)
        meters.hook = lambda answer: answer
        clock.advance(61)
        assert await meter.read(ONE) == [(2, 1)]
        assert [record.message.split()[0] for record in caplog.records] == ["device_lost", "device_answered"]


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_late_answer_on_a_serial_line_is_not_matched_to_the_next_request(
    tmp_path: Path, cancelled: bool
) -> None:
    """The device counts its requests: an answer matched to a later one would show an older number."""
    pool = BusPool(timings=BusTimings(late_factor=2.5))
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        assert await meter.read(ONE) == [(1, 1)]
        held: list[bytes] = []
        asked = asyncio.Event()

        def hold(answer: bytes) -> None:
            held.append(answer)  # a slow device answers in order: what is asked meanwhile waits too
            asked.set()

        def deliver() -> None:
            meters.hook = lambda answer: answer
            meters.deliver(b"".join(held))

        meters.hook = hold
        asyncio.get_running_loop().call_later(TIMEOUT_S + 0.2, deliver)
        if cancelled:
            reading = asyncio.create_task(meter.read(ONE))
            await asked.wait()
            reading.cancel()
            await asyncio.wait([reading])
        assert await meter.read(ONE) == [(3, 1)]
        assert len(held) == 1
        assert await meter.read(ONE) == [(4, 1)]
    await pool.close()


async def test_a_late_answer_over_tcp_is_not_matched_even_without_transaction_ids(pool: BusPool) -> None:
    """A gateway that answers every request with transaction id 0, the second one too late."""
    counted = 0
    late = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal counted
        try:
            while request := await reader.readexactly(12):
                counted += 1
                number = counted
                if number == 2:
                    await late.wait()
                writer.write(bytes(4) + bytes([0, 7, request[6], 4, 4, 0, number, 0, 1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        meter = device(pool, TcpHost("127.0.0.1", server.sockets[0].getsockname()[1]))
        assert await meter.read(ONE) == [(1, 1)]
        assert await meter.read(ONE) == [(3, 1)]
        late.set()
        assert await meter.read(ONE) == [(4, 1)]
        await pool.close()
        await asyncio.sleep(0.01)


async def test_a_refused_register_is_named_with_the_reason(pool: BusPool) -> None:
    async with tcp_meters(CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        with pytest.raises(BusError, match=r"refused registers from 0x0062 \(illegal address: is it another model\?\)"):
            await meter.read([Block(Table.INPUT, 98, 4)])


async def test_a_server_that_restarts_is_read_again_without_help(pool: BusPool, clock: FakeClock) -> None:
    async with tcp_meters(CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        await meter.read(ONE)
        await meters.stop()
        with pytest.raises(BusError, match=r"cannot open meter bus 127\.0\.0\.1:\d+: nobody answers there"):
            await meter.read(ONE)
        await meters.start()
        clock.advance(61)
        assert len((await meter.read(ONE))[0]) == 2


async def test_a_serial_adapter_that_is_plugged_in_again_is_read_again(
    pool: BusPool, clock: FakeClock, tmp_path: Path
) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        await meter.read(ONE)
        meters.hang_up()
        meters.path.unlink()
        with pytest.raises(BusError):
            await meter.read(ONE)
        clock.advance(61)
        with pytest.raises(BusError, match="there is no such device; check the cable"):
            await meter.read(ONE)
    async with serial_meters(tmp_path, CountingDevice(1)):
        clock.advance(200)
        assert await meter.read(ONE) == [(1, 1)]


async def test_what_is_no_serial_port_is_told_as_such(pool: BusPool, tmp_path: Path) -> None:
    plain = tmp_path / "ttyS9"
    plain.write_text("")
    with pytest.raises(BusError, match="in use by another program, or is no serial port"):
        await device(pool, SerialLine(str(plain), 9600, "N", 1)).read(ONE)


def test_two_users_of_a_line_must_agree_on_its_settings(tmp_path: Path) -> None:
    port, link = tmp_path / "ttyS1", tmp_path / "by-id"
    port.touch()
    link.symlink_to(port)
    pool = BusPool()
    pool.device(SerialLine(str(port), 19200, "N", 1), unit=1, timeout_s=1, user="the meter of EVSE 1")
    with pytest.raises(ConfigurationError, match=r"baudrate 9600 here, 19200 for the meter of EVSE 1"):
        pool.device(SerialLine(str(link), 9600, "N", 1), unit=2, timeout_s=1, user="the meter of EVSE 2")
    with pytest.raises(ConfigurationError, match="parity E here, N for"):
        pool.device(SerialLine(str(port), 19200, "E", 1), unit=2, timeout_s=1, user="the meter of EVSE 2")


def test_two_meters_cannot_be_the_same_unit() -> None:
    pool = BusPool()
    pool.device(TcpHost("meter.local", 502), unit=1, timeout_s=1, user="the meter of EVSE 1")
    with pytest.raises(ConfigurationError, match="the meter of EVSE 1 reads it; give each meter its own unit"):
        pool.device(TcpHost("Meter.local", 502), unit=1, timeout_s=1, user="the meter of EVSE 2")
    pool.device(TcpHost("meter.local", 1502), unit=1, timeout_s=1, user="the meter of EVSE 2")


async def test_a_line_is_closed_with_its_last_device(pool: BusPool) -> None:
    async with tcp_meters(CountingDevice(1), CountingDevice(2)) as meters:
        first, second = device(pool, meters.line, 1), device(pool, meters.line, 2)
        await first.read(ONE)
        await first.close()
        await second.read(ONE)
        assert meters.connections == 1
        with pytest.raises(BusError, match="it was closed"):
            await first.read(ONE)
        await second.close()
        while meters.open:
            await asyncio.sleep(0.01)
        device(pool, meters.line, 1)


async def test_a_read_that_waits_for_the_line_while_it_is_closed_does_not_open_it_again(pool: BusPool) -> None:
    async with tcp_meters(CountingDevice(1), CountingDevice(2)) as meters:
        first, second = device(pool, meters.line, 1), device(pool, meters.line, 2)
        reads = [asyncio.create_task(each.read(ONE)) for each in (first, second)]
        await asyncio.sleep(0)
        await pool.close()
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert isinstance(results[1], BusError)
        while meters.open:
            await asyncio.sleep(0.01)


async def test_a_read_does_not_wait_longer_for_the_line_than_its_budget(tmp_path: Path) -> None:
    pool = BusPool(timings=BusTimings(budget_s=0.1))
    async with serial_meters(tmp_path) as meters:
        slow, quick = device(pool, meters.line, 1, timeout_s=1.0), device(pool, meters.line, 2, timeout_s=0.02)
        reading = asyncio.create_task(slow.read(ONE))
        await asyncio.sleep(0)
        with pytest.raises(BusError, match=r"cannot read unit 2 on .*: the line was busy for 0\.1 s"):
            await quick.read(ONE)
        with pytest.raises(BusError):
            await reading
    await pool.close()


async def test_a_reader_that_gives_up_does_not_keep_a_silent_device_from_being_left_alone(
    pool: BusPool, tmp_path: Path
) -> None:
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        meter = device(pool, meters.line)
        await meter.read(ONE)
        meters.hook = lambda _: None
        reading = asyncio.create_task(meter.read(ONE))
        async with asyncio.timeout(20):
            while len(meters.log) < 6:  # the second chance was asked for
                await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.wait([reading])
        with pytest.raises(BusError, match="next try in 60"):
            await meter.read(ONE)
        assert len(meters.log) == 6


async def test_no_thread_is_started_for_a_serial_line(pool: BusPool, tmp_path: Path) -> None:
    before = threading.active_count()
    async with serial_meters(tmp_path, CountingDevice(1)) as meters:
        await device(pool, meters.line).read(ONE)
        assert threading.active_count() == before


def test_pymodbus_is_not_imported_before_there_is_a_modbus_device() -> None:
    program = (
        "import sys, stationd.hal.registry, drivers.meter.modbus_map\n"
        "from stationd.hal.bus import BusPool, TcpHost\n"
        "pool = BusPool()\n"
        "before = [name for name in sys.modules if name.startswith(('pymodbus', 'serial'))]\n"
        "pool.device(TcpHost('127.0.0.1', 502), unit=1, timeout_s=1, user='test')\n"
        "print(before, 'pymodbus' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] True"


def lose_one(meters: object) -> object:
    """Return a hook that loses one answer."""

    def hook(_: bytes) -> None:
        meters.hook = lambda answer: answer  # type: ignore[attr-defined]

    return hook
