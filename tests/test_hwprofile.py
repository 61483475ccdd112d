import re
from pathlib import Path

import pytest

from stationd.hwprofile import DEFAULT_SEARCH, ProfileError, load

MOCK = Path(__file__).parent.parent / "hw-profiles" / "mock.toml"

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
        "rcd_trip", "pe_loss", "emergency_stop", "door_open", "tilt",
    ]  # fmt: skip


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
        ("hold_s = 0", "period_ms = 25", "period_ms cannot be 25: give a whole number from 1 to 20"),
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


def test_every_shipped_profile_can_be_read() -> None:
    for path in MOCK.parent.glob("*.toml"):
        assert load(path).name == path.stem
    assert str(MOCK.parent) in DEFAULT_SEARCH
