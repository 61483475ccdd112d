"""Lies, floods and garbage on the socket of stationd-pilot while a car charges: with the permit and without it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows import hostile
from tests.flows.hostile import BRAIN, OFFER, Holder, line, offer, socket_of, under_attack
from tests.flows.support import CARD, OPEN_MS, Flow, Json, Stations, board, measured, wait_for
from tests.flows.watching import PilotReader, PlantWatch

Make = Callable[..., Flow]
SITE_MAX_A = 16.0
DUTY_16_A = 26.67
ATTACK_WH = 250.0
"""What flows in about 1.4 s."""


@pytest.fixture(scope="module")
def flow(request: pytest.FixtureRequest) -> Iterator[Flow]:
    """One station for all attacks without a permit; every session of it is checked."""
    stations = Stations()
    failed = request.session.testsfailed
    try:
        yield stations.make()
        if request.session.testsfailed > failed:
            stations.show()
        else:
            stations.check()
    finally:
        stations.end()


ATTACKS = {
    "nonsense": (hostile.nonsense,) * 2,
    "orders without the permit": (hostile.orders_without_permit,) * 2,
    "floods of questions": (hostile.questions, hostile.questions, hostile.questions_without_listening),
    "floods of garbage": (hostile.garbage,) * 2 + (hostile.unknown_words,),
    "a crowd": (hostile.crowd,),
    "all at once": (hostile.nonsense, hostile.orders_without_permit, hostile.questions, hostile.garbage, hostile.crowd),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_whoever_has_no_permit_changes_nothing_for_the_brain_and_delays_no_opening(flow: Flow, attack: str) -> None:
    def pull(index: int) -> Json:
        flow.until_plant(lambda evse: evse["lock"] == "unlocked")
        before = flow.charge(token=CARD)
        transaction = flow.evse()["transaction"]["transaction_id"]
        with PilotReader(flow.sandbox.folders.runtime_dir) as reader, PlantWatch(flow) as watch:
            overruns, known = reader.stats()["overruns"], len(reader.statuses)
            with under_attack(socket_of(flow), *ATTACKS[attack]):
                flow.until_flowed(ATTACK_WH)
                assert flow.status()["pilot"]["connected"]
                assert flow.evse()["transaction"]["transaction_id"] == transaction
                told, looks = reader.statuses[known:], list(watch.looks)
                reaction = flow.pull_locked_cable()
            stats = reader.stats()
            print(attack, {**stats, "overruns in the attack": stats["overruns"] - overruns})
            assert told
            assert {(s["permit"], s["brain_lost"], s["offered_amps"], s["sensed_closed"]) for s in told} == {
                (True, False, SITE_MAX_A, True)
            }
            assert {(look.closed, round(look.duty, 2)) for look in looks} == {(True, DUTY_16_A)}
            assert watch.highest_duty() < DUTY_16_A + 0.1
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=-1)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS
    assert "refused this connection" not in "\n".join(flow.log_lines())  # the brain never had to connect again


def test_a_process_of_another_user_is_refused_and_changes_nothing(flow: Flow) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    path = socket_of(flow)
    for folder, mode in ((flow.folder, 0o711), (path.parent, 0o711), (path, 0o666)):  # the permissions would do already
        folder.chmod(mode)
    program = (
        "import contextlib, os, socket, sys\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "link = socket.socket(socket.AF_UNIX); link.settimeout(10); link.connect(sys.argv[1])\n"
        "with contextlib.suppress(OSError): link.sendall(sys.argv[2].encode())\n"
        "with contextlib.suppress(ConnectionResetError):\n"
        "    while data := link.recv(4096): print(data.decode(), end='')\n"
    )
    words = (BRAIN + line({**OFFER, "amps": 6}) + line({**OFFER, "permit": False})).decode()
    flow.until_plant(lambda evse: evse["lock"] == "unlocked")
    before = flow.charge(token=CARD)
    with PilotReader(flow.sandbox.folders.runtime_dir) as reader:
        for _ in range(3):
            told = subprocess.run(
                [sys.executable, "-I", "-S", "-c", program, path, words],
                cwd="/", capture_output=True, text=True, timeout=30, check=True,
            ).stdout  # fmt: skip
            (answer,) = map(json.loads, told.splitlines())  # no status, no hello
            assert answer["type"] == "reply"
            assert answer["error"].startswith("cannot talk to uid 65534: only root")
        flow.until_flowed(100)
        assert {(s["permit"], s["offered_amps"]) for s in reader.statuses} == {(True, SITE_MAX_A)}
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)


LIES = (
    offer(amps=float("nan")), offer(amps=float("inf")), offer(amps=float("-inf")), offer(amps=-5), offer(amps=1001),
    offer(amps="16"), offer(amps=None), offer(amps=True), offer(amps=[16]), offer().replace(b"16", b"1e999"),
    offer(phases=7), offer(phases=0), offer(phases=2.5), offer(permit=1), offer(permit="yes"),
    offer(lease_ms=10**9), offer(lease_ms=-1), offer(lease_ms=1.5), offer(evse_id="1"), offer(evse_id=1.5),
    offer(seq=-1), offer(seq=10**30), b'{"type": "unlock", "evse_id": 1}\n', b"x" * 4096, b"[" * 4000 + b"\n",
)  # fmt: skip
"""Each is answered with one sentence and the end of the connection."""


def test_a_permit_holder_that_lies_is_believed_in_nothing_that_could_hurt(make: Make) -> None:
    flow = make()

    def pull(index: int) -> Json:
        before = flow.charge()
        with PlantWatch(flow) as watch, PilotReader(flow.sandbox.folders.runtime_dir) as reader:
            flow.kill_brain()
            for lie in LIES:
                holder = Holder(flow)
                notice = holder.ask(lie, 0)
                assert notice.get("error", "").startswith("cannot read message"), (lie[:80], notice)
                assert holder.reply(0) == {}  # the end of this connection
                holder.close()
            holder = Holder(flow)
            assert holder.ask(offer(evse_id=99), 7)["error"].startswith("cannot find EVSE 99")
            assert holder.ask(offer(evse_id=0), 7)["error"].startswith("cannot find EVSE 0")
            holder.close()
            greedy = Holder(flow)
            assert greedy.ask(offer(amps=1000, lease_ms=3_600_000), 7)["error"] is None
            flow.until_flowed(100)
            assert all(look.closed for look in watch.looks)  # no lie ended the session either
            assert {round(look.duty, 2) for look in watch.looks} == {DUTY_16_A}
            assert {s["offered_amps"] for s in reader.statuses} == {SITE_MAX_A}
            assert {s["lock"] for s in reader.statuses} == {"locked"}
            assert greedy.ask(line({"type": "unlock", "evse_id": 1, "seq": 8}), 8)["error"]
            reaction = flow.pull_locked_cable()
            greedy.close()
        flow.sandbox.start_station()
        flow.ready()
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS


def test_a_permit_holder_that_floods_delays_no_opening(make: Make) -> None:
    flow = make()

    def flood(path: Path, tally: hostile.Tally) -> None:
        hostile.flood(path, tally, BRAIN, offer(amps=1000, lease_ms=3_600_000) * 500, reads=True)

    def pull(index: int) -> Json:
        before = flow.charge()
        flow.kill_brain()
        with PlantWatch(flow) as watch, PilotReader(flow.sandbox.folders.runtime_dir) as reader:
            with under_attack(socket_of(flow), flood, flood, hostile.garbage):
                flow.until_flowed(ATTACK_WH)
                assert {s["permit"] for s in reader.statuses} == {True}
                reaction = flow.pull_locked_cable()
            print(reader.stats())
            assert watch.highest_duty() < DUTY_16_A + 0.1
        flow.sandbox.start_station()
        flow.ready()
        flow.until_ended()
        flow.the_session(reason="EVDisconnected", before_wh=before, index=index)
        flow.until_free()
        return reaction

    assert measured(pull)["opened_after_ms"] <= OPEN_MS


HOLD_S, LONGEST_LEASE_S, LOOKS_S = 1.0, 10.0, 0.2


@pytest.mark.slow
def test_a_permit_holder_that_stops_reading_or_sleeps_loses_the_permit_and_the_brain_gets_it_back(
    make: Make, tmp_path: Path
) -> None:
    flow = make(hw_profile=str(board(tmp_path, hold_s=HOLD_S)))
    flow.errors_allowed = ("pilot_lost",)
    before = flow.charge()
    transaction = flow.evse()["transaction"]["transaction_id"]
    flow.kill_brain()
    deaf = Holder(flow)
    deaf.link.settimeout(0.05)
    asked = time.monotonic()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while True:
            with contextlib.suppress(TimeoutError):
                deaf.link.send(b'{"type": "get_stats", "seq": 1}\n' * 1000)
            assert time.monotonic() < asked + 20, "a holder that does not read is still connected"
    deaf.close()
    with PlantWatch(flow) as watch:
        sleeper = Holder(flow)  # the permit was free again
        assert sleeper.ask(offer(amps=1000, lease_ms=3_600_000), 7)["error"] is None
        sleeps_s = time.monotonic()
        flow.sandbox.start_station()
        told = flow.until(lambda s: "holds it" in (s["pilot"]["error"] or ""), "the brain says who has the permit")
        assert f"pid {os.getpid()} holds it" in told["pilot"]["error"]
        flow.kill_brain()  # nobody else asks: what was offered runs out as if it were the brain's
        held = watch.wait(lambda look: look.duty < 11, "6 A: the lease is over", after_s=sleeps_s)
        assert abs(held.t_s - sleeps_s - LONGEST_LEASE_S) <= LOOKS_S
        paused = watch.wait(lambda look: look.duty == 100.0, "the hold is over", after_s=held.t_s)
        assert abs(paused.t_s - held.t_s - HOLD_S) <= LOOKS_S
        watch.wait(lambda look: not look.closed, "the contactor opens", after_s=paused.t_s)
        flow.sandbox.start_station()  # it need not wait for the one that sleeps
        assert "nothing was sent for more than 10 s, and another brain asks" in sleeper.reply(0)["error"]
        sleeper.close()
    flow.until_flowed_again(50)
    flow.ready()
    assert flow.until_charging()["transaction_id"] == transaction
    flow.stop_by_card()
    flow.plug_out()
    flow.until_free()
    flow.the_session(reason="Local", before_wh=before)
    wait_for(lambda: len(flow.sessions()) == 1, "one session")
