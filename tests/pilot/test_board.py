from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from stationd.fault_table import FAULTS
from stationd.hwprofile import DriverSpec, EvseProfile, load
from stationd.pilot.board import PP_EVERY, TEMPERATURE_EVERY, Channel, build, build_rest, never
from stationd.pilot.interfaces import CpReading, DriverError, LockFeedback
from stationd.pilot.machine import Pins, Seen
from tests.pilot.small_plant import SmallPlant


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


class PhaseRelay(Parts):
    sensed: int | None = 3

    def write(self, *, phases: int, now_ms: int) -> None:
        self._note(f"phases {phases}")

    def sensed_phases(self, now_ms: int) -> int | None:
        self._note("position")
        return self.sensed


class PilotRelay(Parts):
    def write(self, *, connected: bool) -> None:
        self._note(f"cp {connected}")


class SelfTest(Parts):
    def write(self, *, active: bool) -> None:
        self._note(f"test {active}")


class Sensors(Parts):
    temperature_c: float | None = 31.5

    def celsius(self, now_ms: int) -> float | None:
        self._note("celsius")
        return self.temperature_c

    def amps(self, now_ms: int) -> tuple[float, float, float] | None:
        self._note("amps")
        return 16.0, 15.5, 0.0


class Full:
    """A board with everything; all parts note their calls in one list."""

    def __init__(self) -> None:
        self.coil, self.bolt, self.relay = Coil(), Bolt(), PhaseRelay()
        self.cp, self.test, self.sensors = PilotRelay(), SelfTest(), Sensors()
        self.calls, self.broken = self.coil.calls, self.coil.broken
        for part in (self.bolt, self.relay, self.cp, self.test, self.sensors):
            part.calls, part.broken = self.calls, self.broken
        self.channel = Channel(
            evse_id=1, pilot=self.coil, contactor=self.coil, proximity=self.coil, lock=self.bolt, faults=(self.coil,),
            phase_switch=self.relay, cp_switch=self.cp, rcd_test=self.test, temperature=self.sensors,
            current=self.sensors,
        )  # fmt: skip


def test_a_read_of_a_board_with_everything_gathers_everything() -> None:
    board = Full()
    board.channel.read(0)
    seen = board.channel.read(4)  # the temperature is read in the second tick
    assert seen == Seen(
        9.0, -12.0, False, LockFeedback.UNLOCKED, 220.0, frozenset(), cp_new=True, temperature_c=31.5,
        amps=(16.0, 15.5, 0.0), phases=3,
    )  # fmt: skip


def test_slow_inputs_take_turns() -> None:
    board = Full()
    for tick in range(2 * TEMPERATURE_EVERY):
        before = len(board.calls)
        board.channel.read(tick)
        this = board.calls[before:]
        assert not ("ohms" in this and "celsius" in this)
        assert this.count("sample") == this.count("amps") == this.count("position") == 1
    assert board.calls.count("celsius") == 2
    assert board.calls.count("ohms") == 2 * TEMPERATURE_EVERY // PP_EVERY


@pytest.mark.parametrize("how", ["raises", "none"])
def test_a_temperature_that_cannot_be_read_is_none_and_tried_again_soon(how: str) -> None:
    board = Full()
    if how == "raises":
        board.broken.add("celsius")
    else:
        board.sensors.temperature_c = None
    for tick in range(PP_EVERY + 1):
        seen = board.channel.read(tick)
        assert seen.temperature_c is None
        assert seen.faulty == frozenset()  # the machine decides
    board.broken.clear()
    board.sensors.temperature_c = 40.0
    assert board.channel.read(PP_EVERY + 1).temperature_c == 40.0


def test_a_temperature_that_fails_later_is_not_kept() -> None:
    board = Full()
    for tick in range(2):
        seen = board.channel.read(tick)
    assert seen.temperature_c == 31.5
    board.broken.add("celsius")
    for tick in range(TEMPERATURE_EVERY):
        seen = board.channel.read(tick)
    assert seen.temperature_c is None


@pytest.mark.parametrize("ticks", range(TEMPERATURE_EVERY))
def test_a_temperature_that_fails_is_noticed_within_the_bound_of_its_fault(ticks: int) -> None:
    board = Full()
    for tick in range(ticks):
        board.channel.read(tick)
    board.broken.add("celsius")
    waited_ms, period_ms = 0, 4
    while board.channel.read(0).temperature_c is not None:
        waited_ms += period_ms
    assert waited_ms + 2 * period_ms <= FAULTS["hardware"].within_ms


def test_currents_that_cannot_be_read_are_none() -> None:
    board = Full()
    board.broken.add("amps")
    seen = board.channel.read(0)
    assert (seen.amps, seen.faulty) == (None, frozenset())


@pytest.mark.parametrize("how", ["raises", "none"])
def test_a_phase_switch_that_cannot_be_read_is_a_hardware_alarm(how: str) -> None:
    board = Full()
    if how == "raises":
        board.broken.add("position")
    else:
        board.relay.sensed = None
    seen = board.channel.read(0)
    assert (seen.phases, seen.faulty) == (None, {"hardware"})
    board.broken.clear()
    board.relay.sensed = 0  # in between is an answer
    seen = board.channel.read(4)
    assert (seen.phases, seen.faulty) == (0, frozenset())


def test_every_output_is_set_after_an_opening_and_before_a_closing() -> None:
    board = Full()
    board.channel.write(Pins(50.0, closed=True, locked=True, phases=1, cp_connected=True, rcd_test=False), 0, always)
    assert board.calls == ["duty 50", "lock True", "phases 1", "cp True", "test False", "coil True"]
    board.calls.clear()
    board.channel.write(Pins(100.0, closed=False, locked=True, phases=3, cp_connected=False, rcd_test=True), 4, always)
    assert board.calls == ["coil False", "duty 100", "lock True", "phases 3", "cp False", "test True"]


def test_safe_pins_leave_the_phase_switch_join_the_pilot_and_end_the_test() -> None:
    board = Full()
    board.channel.write(Pins(), 0, never)
    assert board.calls == ["coil False", "duty 100", "cp True", "test False"]


@pytest.mark.parametrize("call", ["coil", "duty", "lock", "phases", "cp", "test"])
def test_any_output_that_raises_is_an_alarm_and_stops_no_other(call: str) -> None:
    board = Full()
    board.broken.add(call)
    board.channel.write(Pins(locked=False, phases=3), 0, never)
    assert board.calls == ["coil False", "duty 100", "lock False", "phases 3", "cp True", "test False"]
    assert board.channel.read(4).faulty == {"hardware"}


def test_all_of_a_full_board_is_given_back() -> None:
    board = Full()
    board.broken.add("close")
    board.channel.close()
    assert board.calls == ["close"] * 10


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


def full_profile() -> EvseProfile:
    profile = load("mock").evses[0]
    assert None not in (profile.phase_switch, profile.cp_switch, profile.rcd_test, profile.temperature, profile.current)
    return profile


def read_until_told(channel: Channel, plant: SmallPlant) -> Seen:
    for now_ms in range(2 * TEMPERATURE_EVERY):
        plant.turn()
        seen = channel.read(now_ms)
        if seen.temperature_c is not None and seen.pp_ohm is not None:
            return seen
    raise AssertionError("never told")


def test_all_mock_drivers_together_read_and_drive_a_plant(tmp_path: Path) -> None:
    with SmallPlant(tmp_path) as plant:
        plant.phases, plant.current_a, plant.car, plant.noise_v = 1, [6.0, 0.0, 0.0], "B", 0.0
        channel = build(full_profile(), str(tmp_path), {})
        assert read_until_told(channel, plant) == Seen(
            9.0, 9.0, False, LockFeedback.UNLOCKED, 220.0, frozenset(), cp_new=True, temperature_c=20.0,
            amps=(6.0, 0.0, 0.0), phases=1,
        )  # fmt: skip
        channel.write(Pins(), 200, never)
        plant.wait(lambda: plant.pins_seen == 1)
        assert (plant.pins["phases"], plant.pins["cp"], plant.pins["rcd_test"]) == (1, True, False)
        for now_ms in (204, 208):  # what is written after an opening leaves with the next beat
            channel.write(Pins(locked=True, phases=3, cp_connected=False, rcd_test=True), now_ms, never)
        plant.wait(lambda: plant.pins_seen == 3)
        assert (plant.pins["phases"], plant.pins["cp"], plant.pins["rcd_test"]) == (3, False, True)
        channel.close()
        plant.wait(lambda: plant.pins["cp"] and not plant.pins["rcd_test"])
        assert (plant.phases, plant.lock) == (3, "locked")


def test_what_is_left_of_a_board_ends_the_test_and_joins_the_pilot_but_moves_no_switch(tmp_path: Path) -> None:
    profile = replace(full_profile(), temperature=DriverSpec("sensor/none_such", {}))
    with pytest.raises(DriverError, match="name a file in drivers/sensor"):
        build(profile, str(tmp_path), {})
    with SmallPlant(tmp_path) as plant:
        plant.phases, plant.lock = 1, "locked"
        plant.pins = {"close": True, "duty": 26.7, "lock": True, "cp": False, "rcd_test": True, "phases": 1}
        channel = build_rest(profile, str(tmp_path), {})
        for now_ms in range(1, 10):
            channel.read(now_ms)
            channel.write(Pins(), now_ms, never)
            plant.turn()
        plant.wait(lambda: plant.pins_seen > 1)
        told = {key: plant.pins[key] for key in ("close", "duty", "lock", "cp", "rcd_test", "phases")}
        assert told == {"close": False, "duty": 100.0, "lock": True, "cp": True, "rcd_test": False, "phases": 1}
        channel.close()


def test_a_self_test_needs_its_answer_and_an_unlocking_its_reason(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="cannot use rcd_test of EVSE 1 without fault input rcd_trip: add that"):
        build(replace(full_profile(), faults=()), str(tmp_path), {})
    with pytest.raises(DriverError, match="cannot use unlock_on_power_loss of EVSE 1 without fault input power_loss"):
        build(replace(full_profile(), rcd_test=None, faults=()), str(tmp_path), {})
