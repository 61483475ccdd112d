"""Without a CSMS: sessions go on, begin, end and survive a kill; afterwards everything is told once and in order."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.flows.support import CARD, OTHER_CARD, VERSIONS, Flow, Json, wait_for

Make = Callable[..., Flow]


def go_away(flow: Flow) -> None:
    flow.csms("set_reachable", reachable=False)
    flow.until(lambda s: s["connection"]["state"] != "connected", "the connection is lost")


def come_back(flow: Flow) -> None:
    flow.csms("set_reachable", reachable=True)
    flow.ready()
    flow.until_delivered()


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_what_happened_without_a_csms_is_told_afterwards_once_and_in_order(make: Make, version: str) -> None:
    flow = make(version=version, timing={"sampled_interval_s": 1})
    first_before = flow.charge()  # and the token is in the cache now
    go_away(flow)
    told_before = len(flow.frames("in"))
    flow.until_flowed(50)
    flow.stop_by_card()  # the first session ends offline
    flow.plug_out()
    flow.until_evse(lambda e: e["status"] == "Available", "the EVSE is free")
    first_after = flow.meter_wh()

    flow.charge()  # the second begins, is interrupted by a kill, and ends offline
    second = flow.evse()["transaction"]["transaction_id"]
    flow.restart_brain()
    flow.until_flowed(50)
    assert flow.until_charging(100)["transaction_id"] == second
    flow.stop_by_card()
    flow.plug_out()
    flow.until_evse(lambda e: e["status"] == "Available", "the EVSE is free")
    second_after = flow.meter_wh()
    queued = flow.status()["connection"]["queued"]
    assert len(flow.frames("in")) == told_before

    come_back(flow)
    one, two = flow.sessions()
    for session, before, after in ((one, first_before, first_after), (two, first_after, second_after)):
        assert session["reason"] == "Local"
        flow.check_story(session)
        flow.check_bill(session, before, after)
    check_order(flow, told_before, queued)
    flow.charge()  # and it is in good health
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=second_after)


def check_order(flow: Flow, told_before: int, queued: int) -> None:
    """What waited came in the order in which it happened; the offline flag marks just that (2.x)."""
    new = [note["frame"] for note in flow.frames("in")[told_before:] if note["frame"][0] == 2]
    if flow.version == "1.6":
        late = [f for f in new if f[2] in ("StartTransaction", "StopTransaction", "MeterValues")]
        kinds = [f[2] for f in late if f[2] != "MeterValues"]
        assert kinds == ["StopTransaction", "StartTransaction", "StopTransaction"]
    else:
        late = [f for f in new if f[2] == "TransactionEvent"]
        assert [f[3].get("offline", False) for f in late] == [True] * len(late)
        early = [n["frame"] for n in flow.frames("in")[:told_before]]
        assert not any(f[3].get("offline") for f in early if f[0] == 2 and f[2] == "TransactionEvent")
        assert len(late) == queued
    stamps = [moment(f[3]) for f in late]
    assert stamps == sorted(stamps)


def moment(payload: Json) -> datetime:
    text = payload["timestamp"] if "timestamp" in payload else payload["meterValue"][0]["timestamp"]
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_without_a_csms_an_unknown_token_gets_nothing(make: Make, version: str) -> None:
    flow = make(version=version)
    go_away(flow)
    flow.plant.plug_in()
    flow.until_evse(lambda e: e["cable_connected"], "the cable is seen")
    flow.swipe(OTHER_CARD)
    wait_for(lambda: any("token presented accepted=False" in line for line in flow.log_lines()), "it is refused")
    assert flow.evse()["transaction"] is None
    come_back(flow)
    flow.swipe(OTHER_CARD)
    flow.until_charging(10)


def test_a_killed_csms_is_found_again(make: Make) -> None:
    flow = make()
    before = flow.charge()
    flow.sandbox.kill("sandbox CSMS")
    flow.until(lambda s: s["connection"]["state"] != "connected", "the connection is lost")
    flow.until_flowed(50)
    flow.sandbox.start_csms()  # it has forgotten everything, and does not know the transaction's start
    flow.ready()
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    (session,) = flow.sessions()
    assert session["meter_stop_wh"] == round(flow.meter_wh(), 3)
    assert session["meter_stop_wh"] > before


def connections(flow: Flow) -> int:
    return sum("connected with" in str(note["frame"]) for note in flow.frames("info"))


def test_a_station_told_to_stay_offline_does_so_until_it_is_told_otherwise(make: Make) -> None:
    flow = make()
    flow.charge()
    pid = flow.pid()
    answer = flow.ask("connection.offline")
    assert answer["state"] == "offline"
    assert answer["offline_by_command"]
    seen = connections(flow)
    flow.csms("set_reachable", reachable=False)
    flow.csms("set_reachable", reachable=True)
    quiet_until = time.monotonic() + 2.5  # the longest wait before a new attempt is 1.2 s here
    flow.stop_by_card()
    flow.plug_out()
    flow.until_evse(lambda e: e["status"] == "Available", "the EVSE is free")
    before = flow.meter_wh()
    flow.charge(token=CARD)
    wait_for(lambda: time.monotonic() > quiet_until, "time passes")
    assert connections(flow) == seen
    assert flow.status()["connection"]["state"] == "offline"
    flow.ask("connection.online")
    flow.ready()
    assert connections(flow) == seen + 1
    assert flow.pid() == pid
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
    assert len(flow.sessions()) == 2
    assert flow.told_actions().count("BootNotification") == 1
