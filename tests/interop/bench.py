"""One simulated station as real processes, connected to the independent CSMS, with what tests do to both."""

import contextlib
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stationd.api.client import ApiError, Client
from stationd.sandbox.launch import Folders, Sandbox, StationOptions, temporary_folder
from tests.interop.peer import Peer
from tests.interop.rules import broken_rules
from tests.interop.words import Words, words_of

CARD = "04A2B3C4D5E680"
TIMEOUT_S = 20.0
POLL_S = 0.05
QUICK = {
    "sampled_interval_s": 1,
    "reset_delay_s": 0,
    "profile_switch_delay_s": 0,
    "retry_back_off_wait_minimum_s": 0,
    "retry_back_off_random_range_s": 0,
    "message_attempt_interval_s": 1,
}
"""No test should wait for what the standard lets be shorter."""
DEFECTS = ("Traceback", "own_message_broken", "own_answer_broken", "translation_failed", "handler_failed")
"""Words of the station's log that mean a defect of ours, whatever the CSMS did."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a bench differs from the ordinary one."""

    offers: tuple[str, ...] = ()
    """Versions of the station; () = the one under test."""
    speaks: tuple[str, ...] = ()
    """Versions of the CSMS, the preferred one first; () = the one under test."""
    password: str | None = None
    """Of the station."""
    csms_password: str | None = None
    """That the CSMS wants to see."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    """Of the CSMS, before the station connects."""
    evses: int = 1
    timing: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    online: bool = True
    """Wait until the station is registered and has told its states."""


class Bench:
    """A context manager: leaving it ends all processes."""

    def __init__(self, version: str, setup: Setup) -> None:
        self.version = version
        self.setup = setup
        self._stack = ExitStack()
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def _start(self) -> None:
        setup, own = self.setup, (self.version,)
        self._csms = self._stack.enter_context(ExitStack())
        self.peer = self._csms.enter_context(Peer(setup.speaks or own, password=setup.csms_password))
        self.peer.policy(**setup.policy)
        self.words: Words = words_of(self.version)(self.peer)
        folder = Path(self._stack.enter_context(temporary_folder()))
        options = StationOptions(
            versions=setup.offers or own,
            csms_url=self.peer.url,
            csms_password=setup.password,
            evses=setup.evses,
            speed=600.0,  # a second of charging is 1,800 Wh: bills that are worth comparing
            timing={**QUICK, **setup.timing},
            variables=setup.variables,
        )
        self.sandbox = self._stack.enter_context(Sandbox(Folders.below(folder), options))
        self.sandbox.start()
        self.plant: Client = self._stack.enter_context(self.sandbox.plant())
        if setup.online:
            self.wait_online()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def replace_csms(self, speaks: tuple[str, ...]) -> Peer:
        """End the CSMS and return another one at its address; `check` goes on to look at the first one's log."""
        self._csms.close()
        return Peer(speaks, port=self.peer.port)

    # --- what is so ---------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what `stationctl status` shows."""
        with self.sandbox.station() as client:
            state: dict[str, Any] = client.call("status")
        return state

    def wait_status(self, holds: Callable[[dict[str, Any]], bool], *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """Wait until the station's own view of itself is as wanted; return it."""
        deadline = time.monotonic() + timeout_s
        state: dict[str, Any] = {}
        while True:
            with contextlib.suppress(ApiError):  # between two processes of the station
                state = self.status()
                if holds(state):
                    return state
            self.sandbox.check()
            assert time.monotonic() < deadline, f"not so within {timeout_s} s: {state}"
            time.sleep(POLL_S)

    def wait_online(self, *, since: int = 0) -> None:
        """Wait until the CSMS was told the state of the last connector and the station is registered."""
        self.words.wait_status(self.setup.evses, since=since)
        self.wait_status(lambda s: s["connection"]["registration"] == "Accepted" and self._told(since))

    def _told(self, since: int) -> bool:
        return all(self.words.statuses(number, since=since) for number in range(1, self.setup.evses + 1))

    def wait(self, holds: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + TIMEOUT_S
        while not holds():
            assert time.monotonic() < deadline, f"not so within {TIMEOUT_S} s"
            time.sleep(POLL_S)

    def settle(self) -> None:
        """Wait until nothing is going on: no car, no transaction, nothing to be delivered."""
        self.wait_status(lambda s: s["connection"]["queued"] == 0 and not any(e["transaction"] for e in s["evses"]))

    def world(self, evse_id: int = 1) -> dict[str, Any]:
        """Return the plant's view of one EVSE."""
        evses: list[dict[str, Any]] = self.plant.call("state", last_reactions=0)["evses"]
        return evses[evse_id - 1]

    def meter_wh(self, evse_id: int = 1) -> float:
        """Return what the simulated meter shows."""
        return float(self.world(evse_id)["meter"]["meter_wh"])

    def wait_world(self, holds: Callable[[dict[str, Any]], bool], evse_id: int = 1) -> dict[str, Any]:
        """Wait until the plant is as wanted; return its view."""
        deadline = time.monotonic() + TIMEOUT_S
        while not holds(view := self.world(evse_id)):
            assert time.monotonic() < deadline, f"not so within {TIMEOUT_S} s: {view}"
            time.sleep(POLL_S)
        return view

    # --- what drivers do ----------------------------------------------------------------------------------------------

    def plug_in(self, evse_id: int = 1) -> None:
        """Plug a car in; nobody is so fast that the station has not seen all of it before the next thing happens."""
        self.plant.call("plug_in", evse_id=evse_id, current_a=16)
        self.wait_status(lambda s: _contacts(s["evses"][evse_id - 1]) == (True, True))

    def plug_out(self, evse_id: int = 1) -> None:
        """Pull the cable as soon as the lock lets it go."""
        self.wait_world(lambda view: view["lock"] == "unlocked", evse_id)
        self.plant.call("plug_out", evse_id=evse_id)
        self.wait_status(lambda s: _contacts(s["evses"][evse_id - 1]) == (False, False))

    def tear_out(self, evse_id: int = 1) -> None:
        """Pull the cable with the lock closed: what an EV-side disconnection looks like."""
        self.plant.call("plug_out", evse_id=evse_id, force=True)

    def present(self, card: str = CARD, evse_id: int = 1) -> None:
        """Hold a card to the reader."""
        self.plant.call("present_card", token=card, evse_id=evse_id)

    def present_twice(self, card: str = CARD) -> None:
        """Hold a card to the reader, and take the permission back by doing so again."""
        for _ in range(2):
            before = self._accepted()
            self.present(card)
            self.wait(lambda: self._accepted() > before)  # noqa: B023 - called at once

    def _accepted(self) -> int:
        return self.logs().count("token presented accepted=True")

    def leave(self, card: str = CARD) -> None:
        """End the driver's session fast and pull the cable: the car stops drawing before the card comes."""
        self.plant.call("wants_power", wants=False)
        since = self.peer.mark()
        self.present(card)
        self.words.wait_ended(since=since)
        self.plug_out()
        self.words.wait_status(1, "Available", since=since)

    def wait_energy(self, more_wh: float = 100.0, evse_id: int = 1) -> None:
        """Wait until so much more has flowed."""
        target = self.world(evse_id)["flowed_wh"] + more_wh
        self.wait_world(lambda view: view["flowed_wh"] >= target, evse_id)

    def wait_open(self, evse_id: int = 1) -> None:
        """Wait until the contactor is open and no current flows."""
        self.wait_world(lambda view: not view["contactor"]["closed"] and view["power_w"] == 0, evse_id)

    # --- the end of every test ----------------------------------------------------------------------------------------

    def logs(self) -> str:
        """Return everything that the station's processes logged."""
        return "\n".join(
            path.read_text(errors="replace") for path in sorted(self.sandbox.folders.log_dir.glob("*.log"))
        )

    def check(self, *, since: int = 0, message_timeout_s: float = 30.0) -> None:
        """Fail if a schema or a rule of OCPP-J was broken, or if a process of the station failed."""
        self.sandbox.check()
        assert self.peer.violations(since=since) == []
        with self.peer.lock:
            events = list(self.peer.events)
        assert broken_rules(events, since=since, message_timeout_s=message_timeout_s) == []
        found = [line for line in self.logs().splitlines() if any(word in line for word in DEFECTS)]
        assert found == []


def _contacts(evse: dict[str, Any]) -> tuple[bool, bool]:
    """Tell whether the station sees a car on the control pilot and a cable on the proximity contact."""
    pilot = evse["pilot"] or {}
    return evse["cable_connected"], pilot.get("cable_max_a") is not None
