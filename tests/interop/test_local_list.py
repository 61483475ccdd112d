"""The local authorization list: sent by the CSMS, kept over restarts and versions, and good for charging offline."""

from collections.abc import Callable

import pytest

from tests.interop.bench import Bench, Setup
from tests.interop.words import words_of

LISTED, BLOCKED, UNLISTED = "04AAAAAAAAAA01", "04AAAAAAAAAA02", "04AAAAAAAAAA03"
DISABLED = {"1.6": ("NotSupported", -1), "2.0.1": ("Failed", 0), "2.1": ("Failed", 0)}
"""How an update and the question for the version are answered while the list is disabled."""
Fresh = Callable[[Setup], Bench]


def next_version(bench: Bench) -> int:
    return max(0, bench.words.list_version()) + 1


def refused(bench: Bench, card: str) -> None:
    """Present a card that the station must refuse by itself."""
    before = bench.logs().count("token presented accepted=False")
    bench.present(card)
    bench.wait(lambda: bench.logs().count("token presented accepted=False") > before)
    assert bench.status()["evses"][0]["transaction"] is None


def charge_offline(bench: Bench) -> None:
    """Let the listed driver charge without a CSMS, and a blocked and an unknown one not."""
    words, peer = bench.words, bench.peer
    assert peer.call("ClearCache", {})["status"] == "Accepted"  # it would know the token too
    with bench.sandbox.station() as client:
        client.call("connection.offline")
        since = peer.mark()
        bench.plug_in()
        refused(bench, BLOCKED)
        refused(bench, UNLISTED)
        bench.present(LISTED)
        bench.wait_status(lambda s: s["evses"][0]["charging_state"] == "Charging")
        bench.wait_energy()
        bench.plant.call("wants_power", wants=False)
        bench.present(LISTED)
        bench.wait_status(lambda s: s["evses"][0]["transaction"] is None)
        client.call("connection.online")
    started, ended = words.wait_started(since=since), words.wait_ended(since=since)
    assert (started.token, ended.token) == (LISTED, LISTED)
    assert ended.transaction_id == started.transaction_id
    assert words.authorized(since=since) == []
    bench.settle()
    bench.plug_out()
    words.wait_status(1, "Available", since=since)


def test_listed_tokens_charge_offline_and_after_a_restart_too_c13_fr_02_d01_fr_10(bench: Bench, version: str) -> None:
    """TC_C_21, TC_C_23, TC_D_07; TC_008."""
    number = next_version(bench)
    assert bench.words.send_list(number, {LISTED: "Accepted", BLOCKED: "Blocked"}) == "Accepted"
    charge_offline(bench)
    since = bench.peer.mark()
    assert bench.sandbox.end("stationd") == 0
    bench.sandbox.start_station()
    bench.wait_online(since=since)
    assert bench.words.list_version() == number
    charge_offline(bench)


def test_a_list_is_replaced_changed_and_emptied_d01(bench: Bench, version: str) -> None:
    """TC_D_01 to TC_D_06, TC_D_08; TC_042_2, TC_043, TC_043_2."""
    words = bench.words
    number = next_version(bench)
    assert words.send_list(number, {LISTED: "Accepted", BLOCKED: "Blocked"}) == "Accepted"
    assert words.list_version() == number
    assert words.send_list(number, {UNLISTED: "Accepted"}, kind="Differential") == "VersionMismatch"
    assert words.list_version() == number
    assert words.send_list(number + 1, {UNLISTED: "Accepted", BLOCKED: None}, kind="Differential") == "Accepted"
    assert words.send_list(number + 2, {}, kind="Differential") == "Accepted"
    assert words.list_version() == number + 2
    if version != "1.6":
        assert words.get("LocalAuthListCtrlr.Entries") == "2"
    assert words.send_list(number + 3, {}) == "Accepted"
    assert words.list_version() == (0 if version == "1.6" else number + 3)


def test_a_list_that_breaks_a_rule_is_refused_and_the_old_one_stays_d01(bench: Bench, version: str) -> None:
    """TC_043_3."""
    words = bench.words
    number = next_version(bench)
    assert words.send_list(number, {LISTED: "Accepted"}) == "Accepted"
    most = int(words.get("LocalAuthListCtrlr.ItemsPerMessage"))
    too_many: dict[str, str | None] = {f"04{position:012X}": "Accepted" for position in range(most + 1)}
    assert words.send_list(number + 1, too_many) == "Failed"
    assert words.send_list(number + 1, {LISTED: "Accepted", LISTED.lower(): "Blocked"}) == "Failed"
    assert words.send_list(number + 1, {LISTED: None}) == "Failed"
    assert words.send_list(0, {LISTED: "Accepted"}) == "Failed"
    assert words.list_version() == number


def test_5000_tokens_are_taken_in_a_few_messages(bench: Bench, version: str) -> None:
    words = bench.words
    number, most = next_version(bench), int(words.get("LocalAuthListCtrlr.ItemsPerMessage"))
    for part, first in enumerate(range(0, 5000, most)):
        tokens = dict.fromkeys((f"04{position:012X}" for position in range(first, first + most)), "Accepted")
        kind = "Differential" if part else "Full"
        assert words.send_list(number + part, tokens, kind=kind) == "Accepted"
    if version != "1.6":
        assert words.get("LocalAuthListCtrlr.Entries") == "5000"
    assert words.send_list(number + 5000, {}) == "Accepted"


def test_a_disabled_list_is_as_if_there_were_none_and_is_back_once_enabled_d01_fr_13(
    bench: Bench, version: str
) -> None:
    """TC_D_10; TC_042_1, TC_043_1."""
    words = bench.words
    number = next_version(bench)
    assert words.send_list(number, {LISTED: "Accepted"}) == "Accepted"
    assert words.put("LocalAuthListCtrlr.Enabled", "false") == "Accepted"
    assert (words.send_list(number + 1, {}), words.list_version()) == DISABLED[version]
    assert words.put("LocalAuthListCtrlr.Enabled", "true") == "Accepted"
    assert words.list_version() == number


def test_a_listed_token_is_asked_about_unless_it_is_accepted_and_pre_authorization_is_on_c14(
    bench: Bench, version: str
) -> None:
    """TC_C_27 to TC_C_31."""
    words = bench.words
    assert words.put("AuthCtrlr.LocalPreAuthorize", "true") == "Accepted"
    assert words.send_list(next_version(bench), {LISTED: "Accepted", BLOCKED: "Blocked"}) == "Accepted"
    since = bench.peer.mark()
    bench.plug_in()
    bench.present(LISTED)
    assert words.wait_started(since=since).token == LISTED
    words.wait_charging(since=since)
    assert words.authorized(since=since) == []
    bench.leave(LISTED)
    bench.settle()
    since = bench.peer.mark()
    bench.plug_in()
    bench.present(BLOCKED)
    words.wait_authorize(BLOCKED, since=since)
    assert words.wait_started(since=since).token == BLOCKED, "the CSMS accepts it now"
    words.wait_charging(since=since)
    bench.leave(BLOCKED)
    if version == "1.6":  # section 3.5.2
        (told,) = [p for p in bench.peer.calls("StatusNotification", since=since) if p["connectorId"] == 0]
        assert told["errorCode"] == "LocalListConflict"
    assert words.put("AuthCtrlr.LocalPreAuthorize", "false") == "Accepted"


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_the_list_outlives_a_change_of_the_version(fresh: Fresh, version: str) -> None:
    other = "2.0.1" if version == "1.6" else "1.6"
    station = fresh(Setup(offers=(version, other)))
    assert station.words.send_list(7, {LISTED: "Accepted"}) == "Accepted"
    with station.replace_csms((other,)) as newcomer:
        newcomer.wait(lambda e: e["event"] == "connected")
        newcomer.wait_call("BootNotification")
        newcomer.wait_call("StatusNotification")
        words = words_of(other)(newcomer)
        assert words.list_version() == 7
        assert words.send_list(8, {BLOCKED: "Blocked"}, kind="Differential") == "Accepted"
        assert newcomer.violations() == []
