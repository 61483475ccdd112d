import re
from pathlib import Path

import pytest

from stationd.hwprofile import DEFAULT_SEARCH, Derating, ProfileError, Timings, load

ROOT = Path(__file__).parent.parent
MOCK = ROOT / "hw-profiles" / "mock.toml"
SOURCE, DOCUMENT = ROOT / "stationd" / "hwprofile.py", ROOT / "docs" / "HW_PROFILE.md"

REAL = """
name = "bench"
fail_safe = "pulse"
hold_s = 0
[[evse]]
connector_type = "cType2"
outlet = "tethered"
phases = 1
max_a = 16
[evse.pilot]
driver = "pilot/iio"
device = "/dev/iio:device0"
[evse.contactor]
driver = "contactor/gpio"
line = 17
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "board.toml"
    path.write_text(text)
    return path


def test_mock_is_found_by_name_and_repeated_for_every_evse() -> None:
    profile = load("mock", evse_count=3)
    assert [evse.evse_id for evse in profile.evses] == [1, 2, 3]
    assert (profile.name, profile.period_ms, profile.fail_safe) == ("mock", 4, "simulated")
    assert (profile.hold_a, profile.hold_s) == (6.0, 60.0)
    evse = profile.evses[2]
    assert (evse.connector_type, evse.outlet, evse.phases, evse.max_a, evse.ventilated) == (
        "sType2", "socket", 3, 32.0, False,
    )  # fmt: skip
    assert evse.meter is not None
    assert evse.meter.driver == "meter/eastron_sdm630"
    assert dict(evse.meter.options) == {"transport": "tcp", "host": "127.0.0.1", "port": 15020, "unit": 3}
    assert profile.reader is not None
    assert (profile.reader.kind, profile.reader.name) == ("rfid", "mock")
    assert dict(profile.reader.options) == {"socket": "plant-reader.sock"}
    assert [fault.options["input"] for fault in evse.faults] == [
        "rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt", "power_loss",
    ]  # fmt: skip


@pytest.mark.parametrize("period_ms", [1, 16])
def test_three_periods_fit_in_the_50_ms_from_pilot_to_command(tmp_path: Path, period_ms: int) -> None:
    profile = load(write(tmp_path, REAL.replace("hold_s = 0", f"hold_s = 0\nperiod_ms = {period_ms}")))
    assert profile.period_ms == period_ms
    assert 3 * period_ms < 50


def test_mock_has_every_part_that_a_board_may_have() -> None:
    evse = load("mock").evses[0]
    assert {spec.driver for spec in evse.fast_drivers} == {
        "pilot/mock", "pilot/mock_proximity", "pilot/mock_cp_switch", "contactor/mock", "contactor/mock_phase_switch",
        "lock/mock", "fault/mock", "fault/mock_rcd_test", "sensor/mock_temperature", "sensor/mock_current",
    }  # fmt: skip
    assert evse.derating == Derating(60.0, 80.0, 85.0, 5.0)
    assert (evse.wake_up, evse.unlock_on_power_loss) == ("cp_switch", True)
    assert load("mock").timings.pilot_stuck_ms == 500


def test_the_document_names_every_key_and_no_other() -> None:
    taken = set(re.findall(r"(?:top|table)\.(?:text|number|integer|boolean|tables?)\(\s*\"(\w+)\"", SOURCE.read_text()))
    taken |= set(re.findall(r"_(?:driver|needed)\(\w+, \"(\w+)\"", SOURCE.read_text()))
    rows = [line.split("|")[1] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`\[*(?:evse\.)?(\w+)\]*`", row)}
    assert told | {"evse", "timings", "derating", "driver"} == taken
    assert len(taken) > 40


def test_without_a_count_there_is_one_evse() -> None:
    assert len(load("mock").evses) == 1


def test_the_same_profile_is_read_by_path() -> None:
    assert load(MOCK) == load("mock")


def test_a_name_is_looked_up_in_order(tmp_path: Path) -> None:
    (tmp_path / "mock.toml").write_text(MOCK.read_text().replace("hold_s = 60", "hold_s = 7"))
    assert load("mock", search=[tmp_path, *DEFAULT_SEARCH]).hold_s == 7
    with pytest.raises(ProfileError, match=r"cannot find hw-profile 'bench' in .*give a path such as \./bench\.toml"):
        load("bench", search=[tmp_path])


def test_a_real_board_has_as_many_evses_as_it_lists(tmp_path: Path) -> None:
    profile = load(write(tmp_path, REAL), evse_count=1)
    assert profile.evses[0].lock is None
    assert profile.evses[0].pilot.options["device"] == "/dev/iio:device0"
    assert profile.timings.min_off_ms == 2_000
    with pytest.raises(ProfileError, match="is there 1 times, but 2 EVSEs are configured: make the two agree"):
        load(write(tmp_path, REAL), evse_count=2)


def test_options_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load("mock").evses[0].pilot.options["socket"] = "other"  # type: ignore[index]


FULL = """
[timings]
contactor_open_ms = 400
over_current_ms = 8000
rcd_test_ms = 900
burst_cycles = 4
rest_ms = 9000
slow_open_ms = 60
pilot_stuck_ms = 500
[[evse]]
connector_type = "sType2"
outlet = "socket"
phases = 3
max_a = 32
simplified_max_a = 8
single_phase_max_a = 20
wake_up = "cp_switch"
fault_state_f_ms = 400
rated_cycles = 100000
unlock_on_power_loss = true
pilot = { driver = "pilot/iio" }
proximity = { driver = "pilot/iio_pp" }
contactor = { driver = "contactor/gpio" }
lock = { driver = "lock/gpio" }
phase_switch = { driver = "contactor/gpio_phases", line = 5 }
cp_switch = { driver = "pilot/gpio_cp", line = 6 }
rcd_test = { driver = "fault/gpio_test", line = 7 }
temperature = { driver = "sensor/lm75", address = 72 }
current = { driver = "sensor/ct", channels = [1, 2, 3] }
derating = { derate_from_c = 60, derate_to_c = 70.5, stop_c = 70.5, hysteresis_c = 4 }
[[evse.fault]]
driver = "fault/gpio"
input = "rcd_trip"
"""
HEAD = 'name = "full"\nfail_safe = "mcu"\n'


def test_everything_that_a_board_may_have_is_read(tmp_path: Path) -> None:
    profile = load(write(tmp_path, HEAD + FULL))
    assert profile.timings == Timings(
        contactor_open_ms=400, over_current_ms=8_000, rcd_test_ms=900, burst_cycles=4, rest_ms=9_000, slow_open_ms=60,
        pilot_stuck_ms=500,
    )  # fmt: skip
    evse = profile.evses[0]
    assert (evse.simplified_max_a, evse.single_phase_max_a, evse.rated_cycles) == (8.0, 20.0, 100_000)
    assert (evse.wake_up, evse.fault_state_f_ms, evse.unlock_on_power_loss) == ("cp_switch", 400, True)
    assert evse.derating == Derating(60.0, 70.5, 70.5, 4.0)
    assert [spec.driver for spec in evse.fast_drivers] == [
        "pilot/iio", "pilot/iio_pp", "contactor/gpio", "lock/gpio", "contactor/gpio_phases", "pilot/gpio_cp",
        "fault/gpio_test", "sensor/lm75", "sensor/ct", "fault/gpio",
    ]  # fmt: skip
    assert evse.phase_switch is not None
    assert dict(evse.phase_switch.options) == {"line": 5}


def test_a_plain_board_has_none_of_it(tmp_path: Path) -> None:
    profile = load(write(tmp_path, REAL))
    evse = profile.evses[0]
    assert profile.timings == Timings()
    parts = (evse.phase_switch, evse.cp_switch, evse.rcd_test, evse.temperature, evse.current, evse.derating)
    assert parts == (None,) * 6
    assert (evse.simplified_max_a, evse.single_phase_max_a, evse.rated_cycles) == (10.0, 16.0, 0)
    assert (evse.wake_up, evse.fault_state_f_ms, evse.unlock_on_power_loss) == ("none", 300, False)
    assert len(evse.fast_drivers) == 2


def test_a_quick_contactor_is_slow_sooner(tmp_path: Path) -> None:
    profile = load(write(tmp_path, REAL.replace("hold_s = 0", "timings = { contactor_open_ms = 80 }")))
    assert profile.timings.slow_open_ms == 40


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("max_a = 8", "max_a = 5", r"evse\[1\].simplified_max_a cannot be 5: give a number from 6 to 80"),
        ("max_a = 20", "max_a = 33", r"evse\[1\].single_phase_max_a cannot be 33: give a number from 6 to 32"),
        ('wake_up = "cp_switch"', 'wake_up = "horn"', "wake_up cannot be 'horn': use one of none, state_f, cp_switch"),
        ("f_ms = 400", "f_ms = 299", r"fault_state_f_ms cannot be 299: give 0 \(no state F\) or 300 to 5000"),
        ("f_ms = 400", "f_ms = 5001", "fault_state_f_ms cannot be 5001: give a whole number from 0 to 5000"),
        ("cycles = 100000", "cycles = -1", "rated_cycles cannot be -1"),
        ("loss = true", "loss = 1", "unlock_on_power_loss cannot be 1: use true or false"),
        ("over_current_ms = 8000", "over_current_ms = 5999", "timings.over_current_ms cannot be 5999"),
        ("rcd_test_ms = 900", "rcd_test_ms = 10", "timings.rcd_test_ms cannot be 10"),
        ("burst_cycles = 4", "burst_cycles = 0", "timings.burst_cycles cannot be 0"),
        ("rest_ms = 9000", "rest_ms = -1", "timings.rest_ms cannot be -1"),
        ("slow_open_ms = 60", "slow_open_ms = 1001", "timings.slow_open_ms cannot be 1001"),
        ("slow_open_ms = 60", "slow_open_ms = 400", "slow_open_ms = 400 must be less than contactor_open_ms = 400"),
        ("stuck_ms = 500", "stuck_ms = 99", r"pilot_stuck_ms cannot be 99: give 0 \(not watched\) or 100 to 60000"),
        ("stuck_ms = 500", "stuck_ms = 60001", "pilot_stuck_ms cannot be 60001"),
        ("phases = 3", "phases = 1", r"evse\[1\].phase_switch makes no sense with phases = 1: remove it"),
        ("cp_switch = {", "x_switch = {", r"evse\[1\].cp_switch is missing: a phase_switch needs it"),
        (
            'phase_switch = { driver = "contactor/gpio_phases", line = 5 }\ncp_switch = {', "x_switch = {",
            'cp_switch is missing: wake_up = "cp_switch" needs it; add it, or use another wake_up',
        ),
        ("derating = {", "curve = {", r"evse\[1\].derating is missing: a temperature needs it"),
        ("temperature = {", "warmth = {", r"evse\[1\].temperature is missing: derating needs it"),
        ("from_c = 60", "from_c = 70.5", r"derating.derate_to_c = 70.5 must be above derate_from_c = 70.5"),
        ("stop_c = 70.5", "stop_c = 70", r"derating.stop_c = 70 cannot be below derate_to_c = 70.5"),
        ("stop_c = 70.5, ", "", "derating.stop_c is missing: give a number from 0 to 150"),
        ("stop_c = 70.5", "stop_c = nan", "derating.stop_c cannot be nan"),
        ("hysteresis_c = 4", "hysteresis_c = 0", "derating.hysteresis_c cannot be 0: give a number from 1 to 30"),
        ("hysteresis_c = 4", "slope = 4", r"evse\[1\].derating.slope = 4 is an unknown key"),
        ('"sensor/lm75"', '"meter/lm75"', r'temperature.driver cannot be \'meter/lm75\': use "sensor/"'),
        ('"sensor/ct"', '"fault/ct"', r'current.driver cannot be \'fault/ct\': use "sensor/"'),
        ('"contactor/gpio_phases"', '"lock/x"', r'phase_switch.driver cannot be \'lock/x\': use "contactor/"'),
        ('"pilot/gpio_cp"', '"lock/x"', r'cp_switch.driver cannot be \'lock/x\': use "pilot/"'),
        ('"fault/gpio_test"', '"lock/x"', r'rcd_test.driver cannot be \'lock/x\': use "fault/"'),
        ('"contactor/gpio_phases"', '"contactor/mock_phase_switch"', "'mcu' cannot go with driver 'contactor/mock_"),
        ('"pilot/gpio_cp"', '"pilot/mock_cp_switch"', "'mcu' cannot go with driver 'pilot/mock_cp_switch'"),
        ('"fault/gpio_test"', '"fault/mock_rcd_test"', "'mcu' cannot go with driver 'fault/mock_rcd_test'"),
        ('"sensor/lm75"', '"sensor/mock_temperature"', "'mcu' cannot go with driver 'sensor/mock_temperature'"),
        ('"sensor/ct"', '"sensor/mock_current"', "'mcu' cannot go with driver 'sensor/mock_current'"),
    ],
)  # fmt: skip
def test_what_a_board_cannot_be_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert FULL.count(old) == 1, old
    path = write(tmp_path, HEAD + FULL.replace(old, new))
    with pytest.raises(ProfileError, match=re.escape(str(path)) + ".*" + sentence):
        load(path)


def test_a_fixed_cable_has_nothing_to_unlock(tmp_path: Path) -> None:
    path = write(tmp_path, REAL.replace("phases = 1", "phases = 1\nunlock_on_power_loss = true"))
    with pytest.raises(ProfileError, match="unlock_on_power_loss makes no sense on a tethered cable"):
        load(path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('fail_safe = "pulse"\n', "", "fail_safe is missing: use one of pulse, mcu, release, simulated"),
        ('"pulse"', '"hope"', "fail_safe cannot be 'hope': use one of pulse"),
        ('"pulse"', '"simulated"', "fail_safe = 'simulated' cannot go with driver 'pilot/iio': use its mock driver"),
        ('"contactor/gpio"\nline = 17', '"contactor/mock"', "cannot go with driver 'contactor/mock'"),
        ("hold_s = 0", "hold_s = 0\nhold_ms = 3", "hold_ms = 3 is an unknown key"),
        ("hold_s = 0", "hold_s = -1", "hold_s cannot be -1: give a number from 0 to 600"),
        ("hold_s = 0", "hold_s = nan", "hold_s cannot be nan"),
        ("hold_s = 0", "hold_s = true", "hold_s cannot be True"),
        ("hold_s = 0", 'hold_s = "1"', "hold_s cannot be '1'"),
        ("hold_s = 0", "hold_a = 5.9", "hold_a cannot be 5.9: give a number from 6 to 80"),
        ("hold_s = 0", "period_ms = 17", "period_ms cannot be 17: give a whole number from 1 to 16"),
        ("hold_s = 0", "period_ms = 0", "period_ms cannot be 0: give a whole number from 1 to 16"),
        ("hold_s = 0", "period_ms = 4.0", "period_ms cannot be 4.0"),
        ("hold_s = 0", 'evses = "some"', "evses cannot be 'some'"),
        ("hold_s = 0", "timings = 5", r"timings cannot be 5: make it a table \[timings\]"),
        ("hold_s = 0", "timings = { min_off_ms = 5000 }", "timings.min_off_ms cannot be 5000"),
        ("hold_s = 0", "timings = { off_ms = 5 }", "timings.off_ms = 5 is an unknown key"),
        ("phases = 1", "phases = 2", r"evse\[1\].phases cannot be 2: use 1 or 3"),
        ("phases = 1", "phases = 1\ncolour = 1", r"evse\[1\].colour = 1 is an unknown key"),
        ("phases = 1", "phases = 1\nventilated = 1", "ventilated cannot be 1: use true or false"),
        ("max_a = 16", "max_a = 100", r"evse\[1\].max_a cannot be 100: give a number from 6 to 80"),
        ("max_a = 16", "", r"evse\[1\].max_a is missing: give a number from 6 to 80"),
        ('"tethered"', '"socket"', "outlet cannot be 'socket' with connector_type = 'cType2'"),
        ('"cType2"', '"cCCS2"', "connector_type cannot be 'cCCS2': use one of sType2, cType2, cType1"),
        ('"cType2"\noutlet = "tethered"', '"sType2"\noutlet = "socket"', "proximity is missing: a socket needs it"),
        ('"pilot/iio"', '"meter/iio"', r'evse\[1\].pilot.driver cannot be \'meter/iio\': use "pilot/"'),
        ('"pilot/iio"', '"pilot/../../x"', "driver cannot be"),
        ('[evse.contactor]\ndriver = "contactor/gpio"\nline = 17', "", r"evse\[1\].contactor is missing: add a table"),
        ("line = 17", 'line = 17\n[evse.lock]\ndriver = "lock/gpio"', "lock makes no sense on a tethered cable"),
        ('name = "bench"', "name = 5", "name cannot be 5: use a text"),
        ('name = "bench"', "name = ", "not TOML"),
        ('name = "bench"', 'evse = 5\nname = "bench"', "not TOML"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_key_value_and_fix(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in REAL
    path = write(tmp_path, REAL.replace(old, new))
    with pytest.raises(ProfileError, match=re.escape(str(path)) + ".*" + sentence):
        load(path)


def test_evse_tables_must_be_tables(tmp_path: Path) -> None:
    head = 'name = "x"\nfail_safe = "pulse"\n'
    with pytest.raises(ProfileError, match="evse is missing: add a table"):
        load(write(tmp_path, head))
    with pytest.raises(ProfileError, match=r"make each one a table \[\[evse\]\]"):
        load(write(tmp_path, head + "evse = 5\n"))


def test_a_repeated_profile_has_one_evse_table_and_a_sane_count(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be repeated 0 times"):
        load("mock", evse_count=0)
    with pytest.raises(ProfileError, match=r'evse is there 2 times: with evses = "any" give it once'):
        load(write(tmp_path, f'evses = "any"\n{REAL}\n[[evse]]\n'))


def test_placeholders_are_filled_inside_texts_and_lists(tmp_path: Path) -> None:
    text = MOCK.read_text().replace(
        'unit = "{evse}"', 'unit = "{evse}"\nlabel = "meter {evse}"\nmore = ["{evse}", "x"]'
    )
    meter = load(write(tmp_path, text), evse_count=2).evses[1].meter
    assert meter is not None
    assert meter.options["label"] == "meter 2"
    assert meter.options["more"] == [2, "x"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ProfileError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ProfileError, match="not TOML"):
        load(tmp_path / "latin.toml")


@pytest.mark.parametrize("path", sorted(MOCK.parent.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_profile_can_be_read(path: Path) -> None:
    assert load(path).name == path.stem
    assert load(path.stem, search=[MOCK.parent]) == load(path)


def test_the_shipped_profiles_are_found_without_being_told_where() -> None:
    assert str(MOCK.parent) in DEFAULT_SEARCH
