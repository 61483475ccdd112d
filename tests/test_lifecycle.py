"""Why the process started, and what it leaves behind at its end."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stationd import lifecycle
from stationd.domain.states import BootReason
from stationd.lifecycle import ProcessLifecycle, read_start
from tests.fakes.clock import FakeClock


class _State:
    def __init__(self, **facts: str) -> None:
        self.facts = {name.replace("__", "."): value for name, value in facts.items()}

    async def get(self, name: str) -> str | None:
        return self.facts.get(name)

    async def put(self, name: str, value: str | None) -> None:
        if value is None:
            self.facts.pop(name, None)
        else:
            self.facts[name] = value


@pytest.fixture(autouse=True)
def boot_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "boot_id").write_text("this-boot\n")
    monkeypatch.setattr(lifecycle, "MACHINE_BOOT_ID", tmp_path / "boot_id")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, BootReason.POWER_UP),
        ({"boot__running": "another-boot"}, BootReason.POWER_UP),
        ({"boot__running": "this-boot"}, BootReason.APPLICATION_RESET),
        ({"boot__running": "ended"}, BootReason.LOCAL_RESET),
        ({"boot__running": "ended", "boot__reason": "RemoteReset"}, BootReason.REMOTE_RESET),
        ({"boot__running": "this-boot", "boot__reason": "nonsense"}, BootReason.APPLICATION_RESET),
    ],
)
async def test_the_boot_reason_follows_from_how_the_last_process_ended(
    facts: dict[str, str], reason: BootReason
) -> None:
    state = _State(**facts)
    start = await read_start(state)
    assert (start.reason, start.machine_boot_id) == (reason, "this-boot")
    assert state.facts == {"boot.running": "this-boot"}  # a reason is told once


async def test_the_noted_time_is_the_floor_of_the_next_clock() -> None:
    start = await read_start(_State(clock__last_known="2026-01-01T12:00:00+00:00"))
    assert start.last_known == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (await read_start(_State(clock__last_known="yesterday"))).last_known is None


async def test_a_restart_leaves_its_reason_and_ends_the_process() -> None:
    state = _State()
    process = ProcessLifecycle(state, FakeClock(), ())
    assert not process.restart_asked
    process.restart(BootReason.REMOTE_RESET, hard=False)
    assert process.ended.is_set()
    assert process.restart_asked
    await process.note_end()
    assert state.facts["boot.reason"] == "RemoteReset"
    assert (await read_start(state)).reason is BootReason.REMOTE_RESET


@pytest.mark.parametrize(
    ("hard", "command", "program"),
    [(False, ["/sbin/reboot"], "python"), (True, ["/sbin/reboot"], "/sbin/reboot"), (True, [], "python")],
)
async def test_only_a_hard_reset_with_a_command_reboots_the_board(
    monkeypatch: pytest.MonkeyPatch, *, hard: bool, command: list[str], program: str
) -> None:
    replaced: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda path, argv: replaced.append(argv))
    process = ProcessLifecycle(_State(), FakeClock(), command)
    process.restart(BootReason.REMOTE_RESET, hard=hard)
    process.replace_process(["-m", "stationd"])
    assert program in replaced[0][0]


async def test_a_corrected_clock_is_noted_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "CLOCK_LOOK_S", 0.0)
    state, clock = _State(), FakeClock()
    async with asyncio.timeout(20):
        task = asyncio.create_task(ProcessLifecycle(state, clock, ()).note_time())
        while "clock.last_known" not in state.facts:
            await asyncio.sleep(0)
        state.facts.clear()
        for _ in range(100):
            clock.advance(5.0)  # nothing to note while it runs as ever
            await asyncio.sleep(0)
        assert state.facts == {}
        clock.wall += timedelta(days=30)
        while "clock.last_known" not in state.facts:
            await asyncio.sleep(0)
        assert state.facts["clock.last_known"] == clock.wall.isoformat()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_stalled_disk_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Stalled(_State):
        async def put(self, name: str, value: str | None) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(lifecycle, "NOTE_END_S", 0.01)
    async with asyncio.timeout(20):
        await ProcessLifecycle(Stalled(), FakeClock(), ()).note_end()
    assert "end not noted error=the disk took more than" in caplog.text
