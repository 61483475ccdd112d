"""The processes of a run: the tiny CSMS, the baseline, and a whole simulated station, each started as by hand."""

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stationd.api.client import Client
from stationd.sandbox.launch import PILOT_PROGRAM, Folders, Sandbox, StationOptions, temporary_folder
from stationd.sandbox.processes import Process
from tests.bench.procfs import cpu_ns
from tests.fakes.certificates import Authority

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.py")
IN_MEMORY = Path("/dev/shm")
ENV = {"PYTHONPATH": str(ROOT)}
READY_S, CONNECT_S = 30.0, 30.0
CARD = "04A2B3C4D5E680"
PASSWORD = "password-of-the-bench"
OURS, THEIRS = "stationd", "baseline"


@dataclass(frozen=True, slots=True)
class Boot:
    """From exec to the BootNotification in the hands of the CSMS."""

    cpu_ms: float
    wall_ms: float


class Csms:
    """The one CSMS of a run, and the folder of the run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        authority = Authority(folder)
        certificate, key = authority.issue("localhost", hosts=("127.0.0.1", "localhost"))
        self.ca_file = authority.ca_file
        control = folder / "csms.sock"
        self._process = Process(
            "tiny CSMS",
            [sys.executable, "-m", "tests.bench.tiny_csms", "--control", control, "--certificate", certificate,
             "--key", key],
            folder / "csms.log", env=ENV,
        )  # fmt: skip
        try:
            plain, tls = self._process.ready_line(READY_S)["ports"]
            self._client = Client(control, timeout_s=120, who="the tiny CSMS")
        except BaseException:
            self._process.end()
            raise
        self.url = f"ws://127.0.0.1:{plain}/ocpp"
        self.tls_url = f"wss://localhost:{tls}/ocpp"

    def close(self) -> None:
        """End it."""
        self._client.close()
        self._process.end()

    def wait(self, identity: str, action: str, count: int = 1, timeout_s: float = CONNECT_S) -> dict[str, int]:
        """Wait for messages of a station; return what was noted of that action."""
        noted: dict[str, int] = self._client.call(
            "wait", identity=identity, action=action, count=count, timeout_s=timeout_s
        )
        return noted

    def call(self, identity: str, action: str, **payload: Any) -> dict[str, Any]:
        """Send a CALL; return the payload of its result."""
        answer = self._client.call("call", identity=identity, action=action, payload=payload)
        if len(answer) != 1:  # a refusal: code, description, details
            raise RuntimeError(f"cannot go on: {identity} refused {action}: {answer[0]} {answer[1]}")
        result: dict[str, Any] = answer[0]
        return result

    @contextlib.contextmanager
    def flood(self, identity: str, action: str, per_s: int, **payload: Any) -> Iterator[dict[str, int]]:
        """Send CALLs meanwhile; the dict is filled at the end with what became of them."""
        outcome: dict[str, int] = {}
        self._client.call("flood", identity=identity, action=action, payload=payload, per_s=per_s)
        try:
            yield outcome
        finally:
            outcome.update(self._client.call("end_flood", identity=identity))

    def start(self, identity: str, name: str, argv: Sequence[Any], log: Path) -> tuple[Process, Boot]:
        """Start a station's process; return when its BootNotification came."""
        began_ns = time.monotonic_ns()
        process = Process(name, argv, log, env=ENV)
        try:
            self._client.call("watch", identity=identity, pid=process.pid)
            noted = self.wait(identity, "BootNotification")
        except BaseException:
            failure = process.failure("did not introduce itself")
            process.end()
            raise failure from None
        return process, Boot(noted["first_cpu_ns"] / 1e6, (noted["first_ns"] - began_ns) / 1e6)


class Baseline:
    """A running baseline station. A context manager."""

    def __init__(self, csms: Csms, folder: Path, *, count: int = 0, after_s: float = 0.0) -> None:
        argv = [sys.executable, BASELINE, f"{csms.url}/{THEIRS}", "--count", count, "--after", after_s]
        self.process, self.boot = csms.start(THEIRS, "the baseline", argv, folder / "baseline.log")

    def __enter__(self) -> "Baseline":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How a station differs from the ordinary one."""

    tls: bool = False
    degraded: bool = False
    """The safety process is refused real-time scheduling and locked memory."""
    profile: Path | None = None
    variables: Mapping[str, Any] | None = None


class StationRig:
    """Plant, stationd-pilot and brain of one station, connected to the CSMS of the run. A context manager."""

    def __init__(self, csms: Csms, variant: Variant | None = None) -> None:
        self._csms = csms
        self._variant = variant or Variant()
        self._stack = contextlib.ExitStack()
        folder = Path(self._stack.enter_context(temporary_folder()))
        # logs go to memory, so that the bytes which the brain writes to the device are those of its database
        logs = (
            Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=IN_MEMORY)))
            if IN_MEMORY.is_dir()
            else folder
        )
        profile = {"hw_profile": str(self._variant.profile)} if self._variant.profile else {}
        options = StationOptions(
            identity=OURS, csms_url=csms.tls_url if self._variant.tls else csms.url, password=None,
            variables=self._variant.variables or {}, station=profile,
        )  # fmt: skip
        self.folders = replace(Folders.below(folder), log_dir=logs)
        self.sandbox = Sandbox(self.folders, options)

    def __enter__(self) -> "StationRig":
        try:
            self.sandbox.start_plant()
            self._start_pilot()
            self.sandbox.write_config()
            if self._variant.tls:
                overlays = self.folders.config_file.parent / "conf.d"
                overlays.mkdir()
                (overlays / "tls.toml").write_text(
                    f'[csms]\npassword = "{PASSWORD}"\nca_file = "{self._csms.ca_file}"\n'
                )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
        self._stack.close()

    def _start_pilot(self) -> None:
        variant = self._variant
        if not variant.degraded and variant.profile is None:
            self.sandbox.start_pilot()
            return
        limit = self.folders.site_limit_file
        limit.write_text("site_max_a = 16.0\n")
        refuse = ["setpriv", "--bounding-set=-sys_nice,-ipc_lock"] if variant.degraded else []
        pilot = Process(
            "stationd-pilot",
            [*refuse, sys.executable, "-I", "-S", PILOT_PROGRAM, "--profile", variant.profile or "mock",
             "--runtime-dir", self.folders.runtime_dir, "--state-dir", self.folders.state_dir, "--site-limit", limit],
            self.folders.log_dir / "stationd-pilot.log",
        )  # fmt: skip
        self.sandbox.processes["stationd-pilot"] = pilot
        pilot.wait_until((self.folders.runtime_dir / "pilot-mode").exists, READY_S)

    def start_brain(self, module: str = "stationd") -> Boot:
        """Start `stationd`; return when it has introduced itself."""
        argv = [sys.executable, "-m", module, "--config", self.folders.config_file]
        process, boot = self._csms.start(OURS, "stationd", argv, self.folders.log_dir / "stationd.log")
        self.sandbox.processes["stationd"] = process
        return boot

    def end_brain(self) -> None:
        """End `stationd` in good order."""
        self.sandbox.end("stationd")

    def pid(self, name: str) -> int:
        """Return the process id of `stationd`, `stationd-pilot` or `plant`."""
        return self.sandbox.processes[name].pid

    def cpu_ns(self, name: str) -> int:
        """Return the CPU time of one of them."""
        return cpu_ns(self.pid(name))

    def start_session(self, plant: Client) -> None:
        """Plug a car in, hold the card to the reader, wait until the contactor is closed."""
        self._csms.wait(OURS, "StatusNotification")  # before it is accepted the station takes no card
        plant.call("plug_in")
        plant.call("present_card", token=CARD)
        self.until_contactor(plant, closed=True)

    def until_contactor(self, plant: Client, *, closed: bool, timeout_s: float = 20.0) -> None:
        """Wait until the plant's contacts touch, or part."""
        deadline = time.monotonic() + timeout_s
        while (evse := plant.call("state", last_reactions=0)["evses"][0])["contactor"]["closed"] != closed:
            if time.monotonic() > deadline:
                seen = {name: evse[name] for name in ("car", "pins", "lock", "faults")}
                what = f"did not {'close' if closed else 'open'} the contactor within {timeout_s:g} s: {seen}"
                raise self.sandbox.processes["stationd"].failure(what)
            time.sleep(0.02)


def can_refuse_real_time() -> bool:
    """Tell whether a process can be started without the right to real-time scheduling."""
    return shutil.which("setpriv") is not None
