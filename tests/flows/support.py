"""A whole station of real processes in a test: steering it, waiting for it, and checking what it told its CSMS."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from stationd.api.client import ApiError
from stationd.sandbox.launch import Folders, Sandbox, StationOptions, temporary_folder
from stationd.sandbox.plant.client import PlantClient
from stationd.sandbox.plant.errors import PlantError

Json = dict[str, Any]
T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("1.6", "2.0.1", "2.1")
CARD, OTHER_CARD = "04A2B3C4D5E680", "04FFEEDDCCBBAA"
PATIENCE_S = 45.0
"""How long a condition may take on a busy machine; it is looked at every few milliseconds."""
LOOK_S = 0.03
SPEED = 60.0
OPEN_MS = 100.0
"""Deadline of the design: from the cause on the pilot to the open contacts."""
LEASE_MS = 300.0
"""Deadline of the design: a silent driver's coil drops."""
ENERGY = "Energy.Active.Import.Register"
QUICK_TIMING = {
    "retry_back_off_wait_minimum_s": 0,
    "retry_back_off_random_range_s": 1,
    "message_attempt_interval_s": 0,
    "reset_delay_s": 0,
}


def wait_for(condition: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
    """Return the first true value of the condition."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never came to pass within {seconds:.0f} s: {what}"
        time.sleep(LOOK_S)


def board(folder: Path, *, hold_s: float = 60) -> Path:
    """Write the hw-profile of the simulated board for a machine that runs other things too.

    A plant that gets no processor for 100 ms is a broken board to the usual profile: right, and tested elsewhere.
    """
    text = (ROOT / "hw-profiles" / "mock.toml").read_text()
    for old, new in (("stale_ms = 100 ", "stale_ms = 300 "), ("hold_s = 60 ", f"hold_s = {hold_s} ")):
        assert old in text
        text = text.replace(old, new)
    path = folder / f"board-{hold_s:g}.toml"
    path.write_text(text)
    return path


class Flow:
    """One simulated station. Create it with the fixture `make`, which ends and checks it."""

    def __init__(self, folder: Path, *, version: str = "2.0.1", **options: Any) -> None:
        options.setdefault("speed", SPEED)
        options.setdefault("hw_profile", str(board(folder)))
        timing = {**QUICK_TIMING, **options.pop("timing", {})}
        self.version = version
        self.folder = folder
        self.sandbox = Sandbox(Folders.below(folder), StationOptions(versions=(version,), timing=timing, **options))
        self.call_errors_allowed = False
        """Set by a test that provokes CALLERRORs."""
        self.errors_allowed: tuple[str, ...] = ()
        """Parts of lines with ERROR that the brain may log in this test."""
        self._plant: PlantClient | None = None

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> "Flow":
        """Start everything and wait until the station is registered and ready."""
        self.sandbox.start()
        return self.ready()

    def ready(self) -> "Flow":
        """Wait until the station is registered and ready."""
        self.until(
            lambda s: (
                s["connection"]["registration"] == "Accepted"
                and s["connection"]["state"] == "connected"
                and all(evse["status"] != "Unavailable" and evse["pilot"] for evse in s["evses"])
                and not s["faults"]
            ),
            "the station is registered, available and without faults",
        )
        return self

    def pid(self) -> int:
        return self.sandbox.processes["stationd"].pid

    def kill_brain(self) -> None:
        """SIGKILL the brain."""
        self.sandbox.kill("stationd")

    @contextmanager
    def stopped_brain(self) -> Iterator[None]:
        """SIGSTOP the brain for a while."""
        self.sandbox.signal("stationd", signal.SIGSTOP)
        try:
            yield
        finally:
            self.sandbox.signal("stationd", signal.SIGCONT)

    def restart_brain(self) -> None:
        """SIGKILL the brain and start it again."""
        self.kill_brain()
        self.sandbox.start_station()

    def end(self, name: str) -> tuple[int, float]:
        """SIGTERM a process; return its exit status and how long that took."""
        began = time.monotonic()
        return self.sandbox.end(name), time.monotonic() - began

    def close(self) -> None:
        """Check what was told and logged, end everything, check how it ended."""
        self.check_frames()
        statuses = {name: self.sandbox.end(name) for name in self._ordered()}
        assert all(status == 0 for status in statuses.values()), f"exit statuses are not all 0: {statuses}"
        self.check_logs()

    def abandon(self) -> None:
        """End whatever still runs."""
        if self._plant is not None:
            self._plant.close()
        self.sandbox.stop()

    def _ordered(self) -> list[str]:
        return [n for n in ("stationd", "sandbox CSMS", "stationd-pilot", "plant") if n in self.sandbox.processes]

    # --- the station ----------------------------------------------------------------------------------------------

    def ask(self, method: str, **params: Any) -> Any:
        """Call the station's local API."""
        with self.sandbox.station() as client:
            return client.call(method, **params)

    def status(self) -> Json:
        return self.ask("status")

    def evse(self, evse_id: int = 1) -> Json:
        found: Json = self.status()["evses"][evse_id - 1]
        return found

    def until(self, condition: Callable[[Json], Any], what: str, seconds: float = PATIENCE_S) -> Json:
        """Wait until the station's status is so; return it."""
        return wait_for(lambda: (lambda s: s if condition(s) else None)(self.status()), what, seconds)  # type: ignore[return-value]

    def until_evse(self, condition: Callable[[Json], Any], what: str, evse_id: int = 1) -> Json:
        return self.until(lambda s: condition(s["evses"][evse_id - 1]), what)["evses"][evse_id - 1]  # type: ignore[no-any-return]

    def until_charging(self, wh: float = 100.0, evse_id: int = 1) -> Json:
        """Wait until the station says that it charges, and so much has flowed; return the transaction."""
        evse = self.until_evse(
            lambda e: e["charging_state"] == "Charging" and e["transaction"] is not None, "the car charges", evse_id
        )
        transaction: Json = evse["transaction"]
        goal = transaction["meter_start_wh"] + wh
        wait_for(lambda: self.meter_wh(evse_id) >= goal, f"{wh} Wh flow")  # the station reads its meter less often
        return transaction

    def until_free(self, evse_id: int = 1) -> None:
        """Wait until the EVSE is available again and everything is delivered."""
        self.until_evse(lambda e: e["status"] == "Available" and not e["transaction"], "the EVSE is free", evse_id)
        self.until_delivered()

    def until_delivered(self) -> None:
        self.until(lambda s: s["connection"]["queued"] == 0, "everything is delivered")

    # --- the car and the board ------------------------------------------------------------------------------------

    @property
    def plant(self) -> PlantClient:
        if self._plant is None:
            self._plant = PlantClient(self.sandbox.folders.runtime_dir / "plant.sock", timeout_s=PATIENCE_S)
        return self._plant

    def meter_wh(self, evse_id: int = 1) -> float:
        return float(self.plant.evse(evse_id)["meter"]["meter_wh"])

    def swipe(self, token: str = CARD, evse_id: int = 1) -> None:
        self.plant.present_card(token, evse_id=evse_id)

    def until_plant(self, condition: Callable[[Json], bool], evse_id: int = 1, seconds: float = PATIENCE_S) -> Json:
        return self.plant.wait_until(condition, seconds, evse_id=evse_id)

    def plug_out(self, evse_id: int = 1) -> None:
        """Pull the cable as soon as the lock lets it go."""

        def pulled() -> bool:
            try:
                self.plant.plug_out(evse_id)
            except PlantError as error:
                if "lock" not in str(error):
                    raise
                return False
            return True

        wait_for(pulled, "the cable can be pulled")

    def pull_locked_cable(self, evse_id: int = 1) -> Json:
        """Pull the cable under load although it is locked; return the plant's reaction, which opened in time."""
        before = len(self.reactions("unplugged", evse_id))
        self.plant.plug_out(evse_id, force=True)
        return self.reaction("unplugged", evse_id, before)

    def contactor_closed(self, evse_id: int = 1) -> bool:
        return bool(self.plant.evse(evse_id)["contactor"]["closed"])

    def until_flowed(self, wh: float, evse_id: int = 1) -> None:
        """Wait until so much more energy flowed; the contactor stays closed all the while."""
        goal = self.meter_wh(evse_id) + wh

        def flowed() -> bool:
            evse = self.plant.evse(evse_id)
            assert evse["contactor"]["closed"], "the contactor opened"
            return bool(evse["meter"]["meter_wh"] >= goal)

        wait_for(flowed, f"{wh} Wh flow")

    def until_flowed_again(self, wh: float, evse_id: int = 1) -> None:
        """Wait until so much more energy flowed, through a contactor that may be open yet."""
        goal = self.meter_wh(evse_id) + wh
        wait_for(lambda: self.meter_wh(evse_id) >= goal, f"{wh} Wh flow")

    def reactions(self, cause: str, evse_id: int = 1) -> list[Json]:
        return [one for one in self.plant.evse(evse_id)["reactions"] if one["cause"] == cause]

    def reaction(self, cause: str, evse_id: int = 1, after: int = 0) -> Json:
        """Return the reaction to a cause once the contacts parted."""
        return wait_for(
            lambda: next((r for r in self.reactions(cause, evse_id)[after:] if r["opened_after_ms"] is not None), None),
            f"the contacts part after {cause}",
        )

    def charge(self, wh: float = 100.0, evse_id: int = 1, token: str = CARD) -> float:
        """Plug in, swipe, charge; return the meter before."""
        before = self.meter_wh(evse_id)
        self.plant.plug_in(evse_id)
        self.until_evse(lambda e: e["cable_connected"], "the cable is seen", evse_id)
        self.swipe(token, evse_id)
        self.until_charging(wh, evse_id)
        return before

    def stop_by_card(self, evse_id: int = 1, token: str = CARD) -> None:
        """Swipe again and wait for the open contactor and the end of the transaction."""
        self.swipe(token, evse_id)
        self.until_ended(evse_id)

    def until_ended(self, evse_id: int = 1) -> None:
        self.until_evse(
            lambda e: not e["transaction"] and not e["pilot"]["closed"], "the transaction has ended", evse_id
        )

    # --- the CSMS -------------------------------------------------------------------------------------------------

    def csms(self, method: str, **params: Any) -> Any:
        """Call the sandbox CSMS's control."""
        with self.sandbox.csms() as client:
            return client.call(method, **params)

    def call(self, action: str, payload: Json) -> Json:
        """Send a request to the station and return its response."""
        answer: Json = self.csms("call", action=action, payload=payload)
        return answer

    def frames(self, direction: str | None = None) -> list[Json]:
        return [note for note in self.csms("frames") if direction in (None, note["direction"])]

    def told(self, action: str) -> list[Json]:
        """Return the payloads of the station's requests of one kind, in order."""
        return [f["frame"][3] for f in self.frames("in") if f["frame"][0] == 2 and f["frame"][2] == action]

    def told_actions(self) -> list[str]:
        return [f["frame"][2] for f in self.frames("in") if f["frame"][0] == 2]

    def sessions(self) -> list[Json]:
        found: list[Json] = self.csms("sessions")
        return found

    def setting(self, key16: str, variable: str, value: str) -> None:
        """Change a setting in the words of the version in use."""
        if self.version == "1.6":
            assert self.call("ChangeConfiguration", {"key": key16, "value": value}) == {"status": "Accepted"}
            return
        answer = self.call("SetVariables", {"setVariableData": [variable_value(variable, value)]})
        assert [one["attributeStatus"] for one in answer["setVariableResult"]] == ["Accepted"]

    def until_report(self, request_id: int) -> list[Json]:
        """Return the parts of a device-model report once the last has come."""

        def whole() -> list[Json]:
            parts = [one for one in self.told("NotifyReport") if one["requestId"] == request_id]
            return parts if parts and not parts[-1].get("tbc") else []

        return wait_for(whole, "the whole report has come")

    def connector_statuses(self, evse_id: int = 1) -> list[str]:
        """Return every status of a connector that the CSMS was told, in order."""
        if self.version == "1.6":
            return [one["status"] for one in self.told("StatusNotification") if one["connectorId"] == evse_id]
        return [one["connectorStatus"] for one in self.told("StatusNotification") if one["evseId"] == evse_id]

    # --- checks ---------------------------------------------------------------------------------------------------

    def the_session(
        self,
        *,
        reason: str,
        before_wh: float,
        index: int = -1,
        evse_id: int = 1,
        told_evse: int | None = None,
    ) -> Json:
        """Return a finished session after checking its story and its bill: to the Wh what the plant measured."""
        self.until_delivered()
        session = wait_for(
            lambda: (lambda s: s[index] if len(s) >= abs(index) and s[index]["ended_at"] else None)(self.sessions()),
            "the CSMS has the whole session",
        )
        assert session["reason"] == reason
        assert session["evse_id"] == (evse_id if told_evse is None else told_evse)
        self.check_story(session)
        self.check_bill(session, before_wh, self.meter_wh(evse_id))
        return session

    def session_of(self, evse_id: int) -> Json:
        """Return the newest session of an EVSE once it has ended and everything is delivered."""
        self.until_delivered()
        return wait_for(
            lambda: next((s for s in reversed(self.sessions()) if s["evse_id"] == evse_id and s["ended_at"]), None),
            f"the CSMS has a whole session of EVSE {evse_id}",
        )

    def check_bill(self, session: Json, before_wh: float, after_wh: float) -> None:
        start, stop = session["meter_start_wh"], session["meter_stop_wh"]
        if self.version == "1.6":  # whole Wh
            assert (start, stop) == (round(before_wh), round(after_wh))
        else:
            assert (start, stop) == (round(before_wh, 3), round(after_wh, 3))

    def check_story(self, session: Json) -> None:
        """Exactly one start and one end, nothing missing, nothing twice, in order."""
        number = session["transaction_id"]
        if self.version == "1.6":
            starts = [one for one in self.started_16() if one["transactionId"] == int(number)]
            stops = [one for one in self.told("StopTransaction") if one["transactionId"] == int(number)]
            assert (len(starts), len(stops)) == (1, 1)
            return
        events = self.events(number)
        assert [one["seqNo"] for one in events] == list(range(len(events)))
        kinds = [one["eventType"] for one in events]
        assert kinds == ["Started", *["Updated"] * (len(kinds) - 2), "Ended"]
        stamps = [one["timestamp"] for one in events]
        assert stamps == sorted(stamps)

    def started_16(self) -> list[Json]:
        """Return the CSMS's answers to StartTransaction."""
        ids = {f["frame"][1] for f in self.frames("in") if f["frame"][2] == "StartTransaction"}
        return [f["frame"][2] for f in self.frames("out") if f["frame"][0] == 3 and f["frame"][1] in ids]

    def events(self, transaction_id: str) -> list[Json]:
        """Return the transaction events (2.x) of one transaction, as they came."""
        return [e for e in self.told("TransactionEvent") if e["transactionInfo"]["transactionId"] == transaction_id]

    def check_frames(self) -> None:
        """No request was answered with an error: every payload kept its schema on either side."""
        csms = self.sandbox.processes.get("sandbox CSMS")
        if csms is None or csms.status is not None or self.call_errors_allowed:
            return
        errors = [note for note in self.frames() if isinstance(note["frame"], list) and note["frame"][0] in (4, 5)]
        assert not errors, f"CALLERRORs: {errors}"

    def check_logs(self) -> None:
        """No process crashed inside, and the brain logged no error."""
        for log in self.sandbox.folders.log_dir.iterdir():
            text = log.read_text(errors="replace")
            for word in ("Traceback", "never awaited", "never retrieved", "ResourceWarning"):
                assert word not in text, f"{log.name}:\n{text[-3000:]}"
        errors = [
            line for line in self.log_lines()
            if " ERROR " in line and not any(part in line for part in self.errors_allowed)
        ]  # fmt: skip
        assert not errors, "\n".join(errors)

    def log_lines(self, name: str = "stationd") -> list[str]:
        log = self.sandbox.folders.log_dir / f"{name}.log"
        return log.read_text(errors="replace").splitlines() if log.exists() else []


def variable_value(name: str, value: str | None = None) -> Json:
    """Return a setVariableData (or, without a value, getVariableData) element for `Component.Variable[Instance]`."""
    component, _, variable = name.partition(".")
    variable, _, instance = variable.partition("[")
    element: Json = {"component": {"name": component}, "variable": {"name": variable}}
    if instance:
        element["variable"]["instance"] = instance.rstrip("]")
    return element if value is None else {**element, "attributeValue": value}


def measured(round_: Callable[[int], Json], rounds: int = 5) -> Json:
    """Return the reaction of the first round in which the plant itself was in time; others measure nothing."""
    for number in range(rounds):
        reaction = round_(number)
        if not reaction.get("stalled"):
            return reaction
    raise AssertionError(f"the plant was late in {rounds} rounds: nothing was measured")


class Stations:
    """The stations of one test, each in a folder of its own."""

    def __init__(self) -> None:
        self._flows: list[Flow] = []
        self._folders: list[TemporaryDirectory[str]] = []

    def make(self, *, start: bool = True, folder: Path | None = None, **options: Any) -> Flow:
        """Make a station and start it."""
        if folder is None:
            self._folders.append(temporary_folder())
            folder = Path(self._folders[-1].name)
        flow = Flow(folder, **options)
        self._flows.append(flow)
        return flow.start() if start else flow

    def check(self) -> None:
        """End all in good order and check how they worked."""
        try:
            for flow in self._flows:
                flow.close()
        except BaseException:
            self.show()
            raise

    def show(self) -> None:
        """Print what helps to understand a failure."""
        for flow in self._flows:
            _show(flow)

    def end(self) -> None:
        """End whatever still runs."""
        for flow in self._flows:
            flow.abandon()
        for folder in self._folders:
            folder.cleanup()


def _show(flow: Flow) -> None:
    for name in ("stationd", "stationd-pilot", "plant", "sandbox-csms"):
        lines = flow.log_lines(name)
        if lines:
            print(f"--- {name}.log, last lines", *lines[-40:], sep="\n")
    for ask in (flow.status, flow.sessions):
        try:
            print(json.dumps(ask()))
        except ApiError as error:
            print(error)


def run_module(
    module: str, *words: object, seconds: float = 90.0, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a module of the project as a command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", module, *(str(word) for word in words)],
        capture_output=True, text=True, timeout=seconds, check=False, cwd=ROOT, env=environment,
    )  # fmt: skip


@contextmanager
def running_module(module: str, *words: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a module of the project until the test is through with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *(str(word) for word in words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate(timeout=PATIENCE_S)


@contextmanager
def taken_port() -> Iterator[int]:
    """Occupy a TCP port of this machine."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]
