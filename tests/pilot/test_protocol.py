import json

import pytest

from stationd.pilot.protocol import (
    GetStats,
    Hello,
    Message,
    Offer,
    ProtocolError,
    Reply,
    ResetFault,
    SetAvailable,
    Stats,
    Status,
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
