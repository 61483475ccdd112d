import json

import pytest

from stationd.pilot import protocol
from stationd.pilot.protocol import (
    GetStats,
    Hello,
    Message,
    Offer,
    ProtocolError,
    Reply,
    ResetFault,
    SelfTest,
    SetAvailable,
    Stats,
    Status,
    UnknownTypeError,
    Unlock,
    decode,
    encode,
)

STATUS = Status(
    evse_id=1, cp="C", volts=6.0, duty=26.67, commanded_closed=True, sensed_closed=True, lock="locked", pp_amps=32.0,
    max_amps=16.0, offered_amps=16.0, permit=True, brain_lost=False, faults=("tilt",), uptime_ms=5, boot_id="x",
)  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [
        Hello(1, "pilot", "ab", (1, 2)),
        Offer(1, 16.5, 3, True, 5_000, 7),
        Unlock(1, 2),
        ResetFault(1, 3, "rcd_trip"),
        SetAvailable(1, 4, False),
        GetStats(5),
        Reply(6, "cannot"),
        Reply(7),
        Stats(5, "realtime", 4, 10, 0, 50, 60, 70, 8),
        STATUS,
    ],
)
def test_every_message_survives_the_wire(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


def test_unknown_keys_are_ignored() -> None:
    assert decode(b'{"type":"unlock","evse_id":1,"seq":2,"colour":"red"}') == Unlock(1, 2)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"x", b"[]", b"5", b"null", b'"hello"', b"{}", b'{"type":5}', b'{"type":"shout"}', b"\xff\xfe\x00",
        b'{"type":"unlock","evse_id":1}', b'{"type":"unlock","evse_id":"1","seq":1}',
        b'{"type":"unlock","evse_id":true,"seq":1}', b'{"type":"unlock","evse_id":1,"seq":-1}',
        b'{"type":"offer","evse_id":1,"amps":NaN,"phases":3,"permit":true,"lease_ms":1,"seq":1}',
        b'{"type":"offer","evse_id":1,"amps":Infinity,"phases":3,"permit":true,"lease_ms":1,"seq":1}',
        b'{"type":"offer","evse_id":1,"amps":1e400,"phases":3,"permit":true,"lease_ms":1,"seq":1}',
        b'{"type":"offer","evse_id":1,"amps":-1,"phases":3,"permit":true,"lease_ms":1,"seq":1}',
        b'{"type":"offer","evse_id":1,"amps":6,"phases":3,"permit":1,"lease_ms":1,"seq":1}',
        b'{"type":"offer","evse_id":1,"amps":6,"phases":4,"permit":true,"lease_ms":1,"seq":1}',
        b'{"type":"offer","evse_id":1,"amps":6,"phases":3,"permit":true,"lease_ms":1.5,"seq":1}',
        b'{"type":"hello","v":1,"role":"brain","evses":5}',
        b"[" * 4_000, b'{"a":' * 800, b'{"type":"unlock","evse_id":' + b"9" * 4_000 + b',"seq":1}',
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_with_a_sentence(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="cannot read message"):
        decode(line)


def test_a_full_status_fits_into_a_line() -> None:
    assert len(encode(STATUS)) < 1_024
    assert json.loads(encode(STATUS))["type"] == "status"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"type":"hello","v":1,"role":"brain"}', Hello(1, "brain", "", ())),
        ('{"type":"offer","evse_id":1,"amps":16.0,"phases":3,"permit":true,"lease_ms":5000,"seq":7}',
         Offer(1, 16.0, 3, True, 5_000, 7)),
        ('{"type":"unlock","evse_id":1,"seq":2}', Unlock(1, 2)),
        ('{"type":"reset_fault","evse_id":1,"seq":3,"code":"rcd_trip"}', ResetFault(1, 3, "rcd_trip")),
        ('{"type":"set_available","evse_id":1,"seq":4,"available":false}', SetAvailable(1, 4, False)),
        ('{"type":"self_test","evse_id":1,"seq":5}', SelfTest(1, 5)),
        ('{"type":"get_stats","seq":6}', GetStats(6)),
        ('{"type":"reply","seq":7}', Reply(7, None)),
        ('{"type":"stats","seq":8,"mode":"realtime","period_ms":4,"ticks":1,"overruns":0,"late_p999_us":2,"late_max_us":3,'
         '"work_max_us":4,"work_mean_us":5}', Stats(8, "realtime", 4, 1, 0, 2, 3, 4, 5, 0, 0, 0)),
    ],
)  # fmt: skip
def test_the_words_on_the_wire_are_those_of_the_document(line: str, message: Message) -> None:
    assert decode(line.encode()) == message
    assert json.loads(encode(message)).items() >= json.loads(line).items()


def test_an_older_side_leaves_the_newer_fields_of_a_status_at_nothing() -> None:
    newest = {"unplugs", "warnings", "waits_for", "phases", "temperature_c", "low_v", "rcd_test", "cycles",
              "hot_openings", "slow_openings", "failed_closings"}  # fmt: skip
    fields = {name: value for name, value in json.loads(encode(STATUS)).items() if name not in newest}
    status = decode(json.dumps(fields).encode())
    assert isinstance(status, Status)
    assert {name: getattr(status, name) for name in newest} == {
        "unplugs": 0, "warnings": (), "waits_for": "", "phases": 3, "temperature_c": None, "low_v": 0.0,
        "rcd_test": "none", "cycles": 0, "hot_openings": 0, "slow_openings": 0, "failed_closings": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (Hello(1, "brain"), ("v", "role", "boot_id", "evses")),
        (Offer(1, 6.0, 3, True, 1, 1), ("evse_id", "amps", "phases", "permit", "lease_ms", "seq")),
        (ResetFault(1, 3, "x"), ("code",)),
        (SetAvailable(1, 4, True), ("available",)),
        (STATUS, ("cp", "volts", "duty", "commanded_closed", "sensed_closed", "lock", "max_amps", "offered_amps")),
        (STATUS, ("permit", "brain_lost", "faults", "uptime_ms", "boot_id", "unplugs", "warnings", "waits_for")),
        (STATUS, ("phases", "low_v", "rcd_test", "cycles", "hot_openings", "slow_openings", "failed_closings")),
    ],
)  # fmt: skip
def test_a_field_of_a_wrong_type_is_refused_by_its_name(message: Message, names: tuple[str, ...]) -> None:
    for name in names:
        fields = json.loads(encode(message)) | {name: {}}
        with pytest.raises(ProtocolError, match=f"{name} (has a wrong type|must be a list)"):
            decode(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("amps", 0, 1_000), ("phases", 1, 3), ("lease_ms", 0, 3_600_000), ("seq", 0, 2**53), ("evse_id", 0, 999)],
)
def test_numbers_have_bounds(name: str, least: int, most: int) -> None:
    fields = json.loads(encode(Offer(1, 6.0, 3, True, 1, 1)))
    for fine in (least, most):
        assert getattr(decode(json.dumps(fields | {name: fine}).encode()), name) == fine
    for wrong in (least - 1, most + 1):
        with pytest.raises(ProtocolError, match=f"{name} must be {least}.* to {most}"):
            decode(json.dumps(fields | {name: wrong}).encode())


def test_a_status_may_tell_that_no_phase_is_connected_while_they_are_being_switched() -> None:
    fields = json.loads(encode(STATUS))
    for phases in (0, 3):
        assert getattr(decode(json.dumps(fields | {"phases": phases}).encode()), "phases", None) == phases
    for phases in (-1, 4):
        with pytest.raises(ProtocolError, match="phases must be 0 to 3"):
            decode(json.dumps(fields | {"phases": phases}).encode())


@pytest.mark.parametrize(
    ("seq", "told"),
    [(1, 1), (0, 0), (2**53, 2**53), (2**53 + 1, 0), (-1, 0), (True, 0), ("5", 0), (None, 0)],
)
def test_a_message_of_another_version_is_told_with_its_number_if_it_has_one(seq: object, told: int) -> None:
    with pytest.raises(UnknownTypeError, match="unknown type 'dance'") as caught:
        decode(json.dumps({"type": "dance", "seq": seq}).encode())
    assert caught.value.seq == told


def test_a_type_that_is_too_long_is_told_in_part() -> None:
    with pytest.raises(UnknownTypeError, match=f"'{'x' * 40}'$"):
        decode(json.dumps({"type": "x" * 50}).encode())


def test_what_is_missing_is_told_and_what_may_be_missing_is_not() -> None:
    with pytest.raises(ProtocolError, match=r"Hello needs role$"):
        decode(b'{"type":"hello","v":1}')
    with pytest.raises(ProtocolError, match=r"Unlock needs evse_id, seq$"):
        decode(b'{"type":"unlock"}')


def test_versions_and_limits_are_those_of_the_document() -> None:
    assert (protocol.VERSION, protocol.OLDEST_VERSION) == (1, 1)
    assert protocol.MAX_LINE_BYTES == 4_096
    assert (protocol.DEFAULT_LEASE_MS, protocol.MAX_LEASE_MS) == (5_000, 10_000)
