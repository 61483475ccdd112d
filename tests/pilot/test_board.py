from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from stationd.hwprofile import DriverSpec, load
from stationd.pilot.board import PP_EVERY, Channel, build
from stationd.pilot.interfaces import CpReading, DriverError, LockFeedback
from stationd.pilot.machine import Pins, Seen


def always() -> bool:
    return True


class Parts:
    """All drivers of one EVSE in one, with a record of what was called."""

    takes_cp_turn = False
    name = "tilt"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken: set[str] = set()
        self.tilted: bool | None = False

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call.split()[0] in self.broken:
            raise OSError(5, "broken")

    def sample(self, now_ms: int) -> CpReading | None:
        self._note("sample")
        return CpReading(9.0, -12.0)

    def set_duty(self, duty: float) -> float:
        self._note(f"duty {duty:g}")
        return duty - 0.1

    def ohms(self, now_ms: int) -> float | None:
        self._note("ohms")
        return 220.0

    def sensed_closed(self, now_ms: int) -> bool | None:
        self._note("sensed")
        return False

    def feedback(self, now_ms: int) -> LockFeedback | None:
        self._note("feedback")
        return LockFeedback.UNLOCKED

    def faulty(self, now_ms: int) -> bool | None:
        self._note("faulty")
        return self.tilted

    def close(self) -> None:
        self._note("close")


class Coil(Parts):
    def write(self, *, closed: bool, now_ms: int) -> None:
        self._note(f"coil {closed}")


class Bolt(Parts):
    def write(self, *, locked: bool) -> None:
        self._note(f"lock {locked}")


def channel_of(*, proximity: bool = True) -> tuple[Channel, Coil, Bolt]:
    coil, bolt = Coil(), Bolt()
    bolt.calls, bolt.broken = coil.calls, coil.broken
    channel = Channel(
        evse_id=1, pilot=coil, contactor=coil, proximity=coil if proximity else None, lock=bolt, faults=(coil,)
    )
    return channel, coil, bolt


def test_a_read_gathers_all_inputs() -> None:
    channel, _, _ = channel_of()
    assert channel.read(0) == Seen(9.0, -12.0, False, LockFeedback.UNLOCKED, 220.0, frozenset(), cp_new=True)


def test_without_proximity_the_contact_counts_as_open() -> None:
    channel, _, _ = channel_of(proximity=False)
    assert channel.read(0).pp_ohm == inf


def test_proximity_is_read_seldom_and_takes_the_pilots_turn_only_where_they_share_a_converter() -> None:
    channel, parts, _ = channel_of()
    for now_ms in range(2 * PP_EVERY):
        assert channel.read(now_ms).cp_new
    assert parts.calls.count("ohms") == 2
    assert parts.calls.count("sample") == 2 * PP_EVERY
    channel, parts, _ = channel_of()
    parts.takes_cp_turn = True
    fresh = [channel.read(now_ms).cp_new for now_ms in range(2 * PP_EVERY)]
    assert fresh.count(False) == 2
    assert parts.calls.count("sample") == 2 * PP_EVERY - 2
    assert all(a or b for a, b in pairwise(fresh))  # at least every second tick


@pytest.mark.parametrize("call", ["sensed", "feedback", "faulty"])
def test_an_input_that_raises_is_a_hardware_alarm(call: str) -> None:
    channel, parts, _ = channel_of()
    parts.broken.add(call)
    assert "hardware" in channel.read(0).faulty
    parts.broken.clear()
    assert channel.read(1).faulty == frozenset()


def test_a_pilot_or_cable_that_raises_is_unreadable() -> None:
    channel, parts, _ = channel_of()
    parts.broken |= {"sample", "ohms"}
    seen = channel.read(0)
    assert (seen.high_v, seen.low_v, seen.pp_ohm) == (None, None, None)


def test_alarms_carry_their_names_and_an_unreadable_one_is_hardware() -> None:
    channel, parts, _ = channel_of()
    parts.tilted = True
    assert channel.read(0).faulty == {"tilt"}
    parts.tilted = None
    assert channel.read(1).faulty == {"hardware"}


class Alarm:
    def __init__(self, name: str, told: bool | None) -> None:
        self.name = name
        self.told = told

    def faulty(self, now_ms: int) -> bool | None:
        if self.told is None:
            raise OSError(5, "broken")
        return self.told

    def close(self) -> None:
        pass


@pytest.mark.parametrize("broken_first", [True, False])
@pytest.mark.parametrize("also_broken", ["", "sensed", "feedback"])
def test_an_input_that_raises_hides_no_other(broken_first: bool, also_broken: str) -> None:
    alarms = [Alarm("rcd_trip", True), Alarm("tilt", None), Alarm("door_open", True)]
    if broken_first:
        alarms.insert(0, alarms.pop(1))
    coil, bolt = Coil(), Bolt()
    coil.broken.add(also_broken)
    channel = Channel(evse_id=1, pilot=coil, contactor=coil, lock=bolt, faults=tuple(alarms))
    assert channel.read(0).faulty == {"rcd_trip", "door_open", "hardware"}


def test_opening_comes_first_and_closing_last() -> None:
    channel, parts, _ = channel_of()
    channel.write(Pins(50.0, closed=True, locked=True), 0, always)
    assert parts.calls == ["duty 50", "lock True", "coil True"]
    assert channel.duty == 49.9  # what the generator was really set to
    parts.calls.clear()
    channel.write(Pins(100.0, closed=False, locked=False), 4, always)
    assert parts.calls == ["coil False", "duty 100", "lock False"]


def test_a_coil_is_not_told_to_close_after_another_output_took_too_long() -> None:
    channel, parts, _ = channel_of()
    told_at: list[list[str]] = []
    channel.write(Pins(50.0, closed=True, locked=True), 0, lambda: told_at.append(list(parts.calls)) is not None)
    assert told_at == [["duty 50", "lock True"]]  # asked at the last moment
    assert parts.calls[-1] == "coil False"


def test_a_lock_without_command_is_left_alone() -> None:
    channel, parts, _ = channel_of()
    channel.write(Pins(), 0, always)
    assert parts.calls == ["coil False", "duty 100"]


@pytest.mark.parametrize("call", ["coil", "duty", "lock"])
def test_an_output_that_raises_keeps_no_other_from_being_set_and_is_an_alarm(call: str) -> None:
    channel, parts, _ = channel_of()
    parts.broken.add(call)
    channel.write(Pins(100.0, closed=False, locked=True), 0, always)
    assert parts.calls == ["coil False", "duty 100", "lock True"]
    assert channel.read(1).faulty == {"hardware"}
    parts.broken.clear()
    channel.write(Pins(), 4, always)
    assert channel.read(5).faulty == frozenset()


def test_closing_gives_every_device_back_even_if_one_raises() -> None:
    channel, parts, _ = channel_of()
    parts.broken.add("close")
    channel.close()
    assert parts.calls == ["close"] * 5


def test_the_mock_profile_builds(tmp_path: Path) -> None:
    channel = build(load("mock").evses[0], str(tmp_path), {})
    seen = channel.read(0)  # no plant there: everything is unreadable, nothing raises
    assert (seen.high_v, seen.contactor, seen.lock, seen.pp_ohm) == (None, None, None, None)
    channel.close()


@pytest.mark.parametrize(
    ("driver", "sentence"),
    [
        ("contactor/none_such", "name a file in drivers/contactor"),
        ("meter/eastron_sdm630", "the safety process knows only pilot, contactor, lock, fault"),
    ],
)
def test_a_driver_that_is_not_there_or_not_ours_is_refused(tmp_path: Path, driver: str, sentence: str) -> None:
    evse = replace(load("mock").evses[0], contactor=DriverSpec(driver, {}))
    with pytest.raises(DriverError, match=sentence):
        build(evse, str(tmp_path), {})


@pytest.mark.parametrize("names", [("rcd_trip", "rcd_trip"), ("flood",)])
def test_fault_inputs_are_known_and_named_once(tmp_path: Path, names: tuple[str, ...]) -> None:
    specs = tuple(DriverSpec("fault/mock", {"socket": "p.sock", "input": name}) for name in names)
    with pytest.raises(DriverError, match="name each of rcd_trip, pe_loss"):
        build(replace(load("mock").evses[0], faults=specs), str(tmp_path), {})
