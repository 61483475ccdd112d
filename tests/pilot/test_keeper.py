import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stationd.pilot.cycles import Counters
from stationd.pilot.keeper import (
    COUNT_EVERY_MS,
    PATIENCE_MS,
    PAUSE_AGAIN_MS,
    PAUSE_MS,
    RETRY_MS,
    SAVE_WITHIN_MS,
    Keeper,
)
from stationd.pilot.runner import Runner


class Desk:
    """Two EVSEs at work, and a keeper of what they want kept."""

    def __init__(
        self,
        folder: Path,
        *,
        latched: dict[int, frozenset[str]] | None = None,
        copied: dict[int, frozenset[str]] | None = None,
        counted: dict[int, Counters] | None = None,
    ) -> None:
        self.pauses: list[tuple[int, bool]] = []
        """Which EVSE was asked to pause, or to go on."""
        self.one = self.evse(1)
        self.two = self.evse(2)
        self.counters = {1: Counters(), 2: Counters()}
        self.latches, self.counts = folder / "latches.json", folder / "counters.json"
        self.copies = folder / "latches-copy.json"
        self.said: list[str] = []
        self.patience: list[int] = []
        count = cast(Callable[[Runner], Counters], lambda runner: self.counters[runner.evse_id])
        self.keeper = Keeper(
            runners=cast(Any, [self.one, self.two]),
            watchdog=self,
            latch_path=str(self.latches),
            latched=latched or {},
            copy_path=str(self.copies),
            copied=copied or {},
            counter_path=str(self.counts),
            counted=dict(self.counters) if counted is None else counted,
            count=count,
            now_ms=0,
            say=self.said.append,
        )

    def evse(self, evse_id: int) -> SimpleNamespace:
        return SimpleNamespace(
            evse_id=evse_id,
            open=True,
            state=SimpleNamespace(latched=frozenset()),
            pause=lambda on: self.pauses.append((evse_id, on)),
        )

    def alive(self, now_ms: int) -> None:
        raise AssertionError("the loop says that")

    def wait_longer(self, patience_ms: int) -> None:
        self.patience.append(patience_ms)

    def wait_as_before(self) -> None:
        self.patience.append(0)

    def counted(self) -> Any:
        return {evse_id: of["cycles"] for evse_id, of in json.loads(self.counts.read_text())["counters"].items()}

    def copied(self) -> Any:
        return json.loads(self.copies.read_text())["latched"]

    def latched(self) -> Any:
        return json.loads(self.latches.read_text())["latched"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_nothing_is_written_while_nothing_changes(desk: Desk) -> None:
    assert [desk.keeper.keep(now_ms) for now_ms in (0, 4, COUNT_EVERY_MS, 2 * COUNT_EVERY_MS)] == [False] * 4
    assert desk.keeper.keep(3 * COUNT_EVERY_MS, at_once=True) is False
    assert desk.patience == []


def test_a_latch_is_written_at_once_but_never_beside_a_closed_contactor(desk: Desk) -> None:
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.two.open = False
    assert desk.keeper.keep(4) is False
    assert not desk.latches.exists()
    desk.two.open = True
    assert desk.keeper.keep(8) is True
    assert desk.latched() == {"1": ["rcd_trip"]}
    assert desk.patience == [PATIENCE_MS, 0]
    assert desk.keeper.keep(12) is False


def test_a_latch_is_copied_at_once_beside_a_closed_contactor_without_waiting_for_a_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    desk.one.state.latched = frozenset({"rcd_trip", "restart_loop"})
    desk.two.open = False
    assert desk.keeper.keep(4) is False  # no disk was waited for
    assert desk.copied() == {"1": ["rcd_trip"]}
    desk.two.state.latched = frozenset({"contactor_welded"})
    assert desk.keeper.keep(8) is False
    assert desk.copied() == {"1": ["rcd_trip"], "2": ["contactor_welded"]}
    desk.one.state.latched = frozenset()  # reset by hand
    assert desk.keeper.keep(12) is False
    assert desk.copied() == {"2": ["contactor_welded"]}
    desk.two.state.latched = frozenset()
    assert desk.keeper.keep(16) is False
    assert desk.copied() == {}
    assert not desk.latches.exists()
    assert synced == desk.patience == []


def test_an_unchanged_copy_is_not_written_again(desk: Desk) -> None:
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.two.open = False
    desk.keeper.keep(4)
    desk.copies.unlink()
    desk.keeper.keep(8)
    assert not desk.copies.exists()


def test_what_only_the_copy_knew_is_written_for_every_evse_once_all_is_open(tmp_path: Path) -> None:
    desk = Desk(tmp_path, copied={1: frozenset({"rcd_trip"}), 3: frozenset({"contactor_welded"})})
    desk.one.state.latched = frozenset({"rcd_trip"})  # as the process started with
    assert desk.keeper.keep(4) is True
    assert desk.latched() == {"1": ["rcd_trip"], "3": ["contactor_welded"]}
    assert not desk.copies.exists()  # it says that already


def test_a_copy_that_cannot_be_written_is_said_now_and_then_and_delays_nothing_else(desk: Desk) -> None:
    desk.copies.mkdir()
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.two.open = False
    for now_ms in (4, 8, RETRY_MS, RETRY_MS + 4):
        assert desk.keeper.keep(now_ms) is False
    assert ["latches-copy.json: Is a directory" in text for text in desk.said] == [True, True]
    desk.two.open = True
    assert desk.keeper.keep(RETRY_MS + 8) is True
    desk.copies.rmdir()
    assert desk.keeper.keep(RETRY_MS + 12, at_once=True) is False
    assert desk.copied() == desk.latched() == {"1": ["rcd_trip"]}


def test_a_disk_that_refuses_does_not_delay_the_copy(desk: Desk) -> None:
    desk.latches.mkdir()
    desk.one.state.latched = frozenset({"rcd_trip"})
    assert desk.keeper.keep(4) is True
    desk.two.state.latched = frozenset({"contactor_welded"})
    assert desk.keeper.keep(8) is False
    assert desk.copied() == {"1": ["rcd_trip"], "2": ["contactor_welded"]}


ALL_PAUSE, ALL_GO_ON = [(1, True), (2, True)], [(1, False), (2, False)]


def waiting(desk: Desk) -> int:
    """Let a latch wait for a closed contactor until a pause was asked for; return when that was."""
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.two.open = False
    for now_ms in (4, 8, SAVE_WITHIN_MS + 3):
        assert desk.keeper.keep(now_ms) is False
    assert desk.pauses == []
    desk.keeper.keep(SAVE_WITHIN_MS + 4)
    desk.keeper.keep(SAVE_WITHIN_MS + 8)
    assert desk.pauses == ALL_PAUSE  # once
    desk.pauses.clear()
    return SAVE_WITHIN_MS + 4


def test_a_latch_that_waits_for_a_minute_is_written_in_a_pause_of_all(desk: Desk) -> None:
    paused_ms = waiting(desk)
    desk.keeper.keep(paused_ms + 6_000)
    assert desk.pauses == []
    desk.two.open = True
    assert desk.keeper.keep(paused_ms + 6_004) is True
    assert desk.latched() == {"1": ["rcd_trip"]}
    assert desk.pauses == ALL_GO_ON
    desk.two.open = False
    for after_ms in range(0, 2 * PAUSE_AGAIN_MS, 1_000):
        desk.keeper.keep(paused_ms + 7_000 + after_ms)
    assert desk.pauses == ALL_GO_ON


def test_each_latch_that_waits_has_its_own_minute(desk: Desk) -> None:
    waiting(desk)
    desk.two.open = True
    desk.keeper.keep(100_000)
    desk.pauses.clear()
    desk.two.open = False
    desk.two.state.latched = frozenset({"contactor_welded"})
    for now_ms in (200_000, 200_000 + SAVE_WITHIN_MS - 1):
        desk.keeper.keep(now_ms)
    assert desk.pauses == []
    desk.keeper.keep(200_000 + SAVE_WITHIN_MS)
    assert desk.pauses == ALL_PAUSE


def test_after_a_write_that_failed_nobody_is_paused_again_for_ten_minutes(desk: Desk) -> None:
    desk.latches.mkdir()
    failed_ms = waiting(desk) + 5_000
    desk.two.open = True
    assert desk.keeper.keep(failed_ms) is True
    assert desk.pauses == ALL_GO_ON
    desk.pauses.clear()
    desk.two.open = False
    for after_ms in range(4, PAUSE_AGAIN_MS, 1_000):
        desk.keeper.keep(failed_ms + after_ms)
    assert desk.pauses == []
    desk.keeper.keep(failed_ms + PAUSE_AGAIN_MS)
    assert desk.pauses == ALL_PAUSE


def test_a_contactor_that_does_not_open_ends_the_pause_for_ten_minutes(desk: Desk) -> None:
    paused_ms = waiting(desk)
    desk.keeper.keep(paused_ms + PAUSE_MS - 1)
    assert desk.pauses == []
    desk.keeper.keep(paused_ms + PAUSE_MS)
    assert desk.pauses == ALL_GO_ON
    desk.keeper.keep(paused_ms + PAUSE_MS + PAUSE_AGAIN_MS - 1)
    assert desk.pauses == ALL_GO_ON
    desk.keeper.keep(paused_ms + PAUSE_MS + PAUSE_AGAIN_MS)
    assert desk.pauses == ALL_GO_ON + ALL_PAUSE


@pytest.mark.parametrize("in_the_pause", [False, True])
def test_a_latch_that_is_reset_before_it_was_written_ends_the_wait(desk: Desk, in_the_pause: bool) -> None:
    if in_the_pause:
        waiting(desk)
    else:
        desk.one.state.latched = frozenset({"rcd_trip"})
        desk.two.open = False
        desk.keeper.keep(4)
    desk.one.state.latched = frozenset()
    assert desk.keeper.keep(SAVE_WITHIN_MS + 12) is False
    assert desk.pauses == (ALL_GO_ON if in_the_pause else [])
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.keeper.keep(SAVE_WITHIN_MS + 16)
    assert desk.pauses == (ALL_GO_ON if in_the_pause else [])


def test_a_fault_that_ends_with_the_process_is_not_kept(desk: Desk) -> None:
    desk.one.state.latched = frozenset({"restart_loop"})
    assert desk.keeper.keep(4) is False
    assert not desk.latches.exists()
    assert not desk.copies.exists()


def test_latches_and_counters_of_an_evse_that_is_missing_this_time_are_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path, latched={3: frozenset({"contactor_welded"})}, counted={3: Counters(cycles=9)})
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.counters[1] = Counters(cycles=1)
    assert desk.keeper.keep(4, at_once=True) is True
    assert desk.latched() == {"1": ["rcd_trip"], "3": ["contactor_welded"]}
    assert desk.counted() == {"1": 1, "2": 0, "3": 9}


def test_counters_are_written_every_ten_minutes_at_most_and_at_the_end(desk: Desk) -> None:
    desk.counters[1] = Counters(cycles=1)
    assert desk.keeper.keep(COUNT_EVERY_MS - 1) is False
    assert desk.keeper.keep(COUNT_EVERY_MS) is True
    assert desk.counted() == {"1": 1, "2": 0}
    desk.counters[2] = Counters(cycles=5)
    assert desk.keeper.keep(2 * COUNT_EVERY_MS - 1) is False
    assert desk.keeper.keep(2 * COUNT_EVERY_MS - 1, at_once=True) is True
    assert desk.counted() == {"1": 1, "2": 5}
    assert desk.patience == [PATIENCE_MS, 0] * 2


def test_counters_wait_until_every_contactor_is_open(desk: Desk) -> None:
    desk.counters[1] = Counters(cycles=1)
    desk.two.open = False
    assert desk.keeper.keep(COUNT_EVERY_MS) is False
    assert desk.keeper.keep(COUNT_EVERY_MS, at_once=True) is False
    desk.two.open = True
    assert desk.keeper.keep(COUNT_EVERY_MS + 4) is True
    assert desk.counted() == {"1": 1, "2": 0}


def test_counters_that_were_never_written_are_written_with_the_first_latch(tmp_path: Path) -> None:
    desk = Desk(tmp_path, counted={})
    assert desk.keeper.keep(4) is False
    desk.one.state.latched = frozenset({"rcd_trip"})
    assert desk.keeper.keep(8) is True
    assert desk.counted() == {"1": 0, "2": 0}


def test_counters_that_could_not_be_read_are_written_as_soon_as_it_is_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, counted={})
    assert desk.keeper.keep(COUNT_EVERY_MS) is True
    assert desk.counted() == {"1": 0, "2": 0}


def test_a_disk_that_refuses_is_said_now_and_then(desk: Desk) -> None:
    desk.latches.mkdir()
    desk.counts.mkdir()
    desk.one.state.latched = frozenset({"rcd_trip"})
    desk.counters[1] = Counters(cycles=1)
    tried = [desk.keeper.keep(COUNT_EVERY_MS + after_ms) for after_ms in (0, 4, RETRY_MS - 1, RETRY_MS)]
    assert tried == [True, False, False, True]
    assert [("latched fault" in text, "was counted" in text) for text in desk.said] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert desk.patience == [PATIENCE_MS, 0] * 3
    desk.counts.rmdir()
    assert desk.keeper.keep(2 * COUNT_EVERY_MS) is True
    assert desk.counted() == {"1": 1, "2": 0}


def test_a_reset_that_waits_for_the_disk_interrupts_nobody(tmp_path: Path) -> None:
    desk = Desk(tmp_path, latched={1: frozenset({"rcd_trip"})})
    desk.two.open = False
    for now_ms in range(0, 10 * SAVE_WITHIN_MS, 1_000):
        desk.keeper.keep(now_ms)
    assert desk.pauses == []
    desk.two.open = True
    assert desk.keeper.keep(10 * SAVE_WITHIN_MS) is True
    assert desk.latched() == {}
