"""A whole simulated station as real processes: plant, stationd-pilot, stationd, and a sandbox CSMS if wanted."""

import contextlib
import json
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stationd.api.client import ApiError, Client
from stationd.config.schema import Config
from stationd.domain.errors import StationError
from stationd.sandbox.processes import Process

PILOT_PROGRAM = Path(__file__).resolve().parents[1] / "pilot" / "__main__.py"
READY_S = 30.0
SANDBOX_PASSWORD = "sandbox-password-1"  # noqa: S105 - of the sandbox CSMS, which serves this machine only
MAX_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a simulated station keeps its things."""

    config_file: Path
    runtime_dir: Path
    state_dir: Path
    log_dir: Path
    site_limit_file: Path

    @classmethod
    def below(cls, folder: Path) -> Self:
        """Return the layout of a folder of the sandbox's own."""
        state = folder / "state"
        return cls(folder / "station.toml", folder / "run", state, folder / "log", state / "site-limit.toml")

    @classmethod
    def of_config(cls, config: Config, file: Path) -> Self:
        """Return the layout that a configuration file names."""
        station = config.station
        logs = station.state_dir / "log"
        return cls(file.resolve(), station.runtime_dir, station.state_dir, logs, station.site_limit_file)


@dataclass(frozen=True, slots=True)
class StationOptions:
    """What a simulated station is started with."""

    versions: tuple[str, ...] = ("2.1", "2.0.1", "1.6")
    identity: str = "SIM-001"
    evses: int = 1
    csms_url: str | None = None
    """None: the sandbox CSMS is started too."""
    csms_port: int = 0
    password: str | None = SANDBOX_PASSWORD
    """Of the sandbox CSMS."""
    csms_password: str | None = None
    """At `csms_url`."""
    hw_profile: str = "mock"
    """Or the absolute path of another board that the plant can play."""
    site_max_a: float = 16.0
    speed: float = 1.0
    """Multiplies energy, never time."""
    meter_start_wh: float = 1_234_567.0
    variables: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)
    timing: Mapping[str, Any] = field(default_factory=dict)
    station: Mapping[str, Any] = field(default_factory=dict)
    """More keys of [station]."""


class Sandbox:
    """The processes of one simulated station in one folder. A context manager: leaving it ends them all."""

    def __init__(self, folders: Folders, options: StationOptions, *, modbus_port: int = 0) -> None:
        self.folders = folders
        self.options = options
        self.processes: dict[str, Process] = {}
        self.csms_url = options.csms_url
        self._modbus_port = modbus_port
        self._csms_port = options.csms_port
        if len(str(folders.runtime_dir / "plant-reader.sock")) > MAX_SOCKET_PATH:
            raise StationError(
                f"cannot use {folders.runtime_dir}: its path is too long for sockets; choose a shorter one"
            )
        for folder in (folders.runtime_dir, folders.state_dir, folders.log_dir):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StationError(f"cannot write to {folder}: {error.strerror}; choose another folder") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything with a configuration of our own, each after what it needs."""
        self.start_plant()
        self.start_pilot()
        if self.options.csms_url is None:
            self.start_csms()
        self.write_config()
        self.start_station()

    def start_configured(self) -> None:
        """Start a station whose configuration file is there already; its CSMS is somebody else's."""
        self.start_plant()
        self.start_pilot()
        self.start_station()

    def start_plant(self) -> None:
        """Start the simulated car and board."""
        plant = self._spawn(
            "plant", [sys.executable, "-m", "stationd.sandbox.plant", "--runtime-dir", self.folders.runtime_dir,
                      "--evses", self.options.evses, "--modbus-port", self._modbus_port, "--speed", self.options.speed,
                      "--meter-start-wh", self.options.meter_start_wh],
        )  # fmt: skip
        self._modbus_port = plant.ready_line(READY_S)["modbus_port"]

    def start_pilot(self) -> None:
        """Start the safety process, as its unit does: isolated, without site packages."""
        limit = self.folders.site_limit_file
        if not limit.exists():
            limit.write_text(
                f"# The installer's limit: stationd-pilot never offers more.\nsite_max_a = {self.options.site_max_a}\n"
            )
        pilot = self._spawn(
            "stationd-pilot", [sys.executable, "-I", "-S", PILOT_PROGRAM, "--profile", self.options.hw_profile,
                               "--evses", self.options.evses, "--runtime-dir", self.folders.runtime_dir,
                               "--state-dir", self.folders.state_dir, "--site-limit", limit],
        )  # fmt: skip
        pilot.wait_until(lambda: _answers(self.folders.runtime_dir / "pilot.sock"), READY_S)

    def start_csms(self) -> None:
        """Start the sandbox CSMS; one that is started again comes back where it was."""
        argv: list[Any] = [sys.executable, "-m", "stationd.sandbox.csms", "--runtime-dir", self.folders.runtime_dir,
                           "--port", self._csms_port]  # fmt: skip
        if self.options.password:
            argv += ["--password", self.options.password]
        csms = self._spawn("sandbox CSMS", argv)
        self._csms_port = csms.ready_line(READY_S)["port"]
        self.csms_url = f"ws://127.0.0.1:{self._csms_port}/ocpp"

    def start_station(self) -> None:
        """Start the brain and wait until its local API answers."""
        station = self._spawn("stationd", [sys.executable, "-m", "stationd", "--config", self.folders.config_file])
        station.wait_until(self._station_answers, READY_S)

    def write_config(self) -> None:
        """Write the station's one configuration file."""
        options = self.options
        csms: dict[str, Any] = {"url": self.csms_url, "identity": options.identity, "versions": list(options.versions)}
        password = options.password if options.csms_url is None else options.csms_password
        if password:
            csms["password"] = password
        if options.csms_url is not None and options.csms_url.startswith("ws://"):
            csms["security_profile"] = 1 if password else 0  # who names such an address knows the network
        sections: dict[str, Mapping[str, Any]] = {
            "station": {
                "vendor": "stationd", "model": "Simulated", "serial_number": options.identity, "evses": options.evses,
                "state_dir": str(self.folders.state_dir), "runtime_dir": str(self.folders.runtime_dir),
                "hw_profile": options.hw_profile,
                **options.station,
            },
            "csms": csms,
            "timing": {"retry_back_off_random_range_s": 1, **options.timing},  # it has no neighbours
            "variables": options.variables,
            "keys": options.keys,
            "hardware.meter": {"port": self._modbus_port, "energy_speed": options.speed},
        }  # fmt: skip
        lines = ["# Written by the sandbox."]
        for name, table in sections.items():
            if table:
                lines += ["", f"[{name}]", *(f"{json.dumps(key)} = {_toml(value)}" for key, value in table.items())]
        self.folders.config_file.write_text("\n".join(lines) + "\n")

    def end(self, name: str) -> int:
        """End one process in good order; return its exit status."""
        return self.processes.pop(name).end()

    def kill(self, name: str) -> None:
        """Kill one process (SIGKILL)."""
        process = self.processes.pop(name)
        process.kill()
        process.end()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        self.processes[name].signal(number)

    def stop(self) -> None:
        """End everything; the safety process is the last but one, the world the last."""
        for name in ("stationd", "sandbox CSMS", "stationd-pilot", "plant"):
            if name in self.processes:
                self.end(name)

    def check(self) -> None:
        """Raise ProcessFailedError if a process ended that should run."""
        for process in self.processes.values():
            if process.status is not None:
                raise process.failure(f"ended with status {process.status}")

    def station(self) -> Client:
        """Connect to the station's local API."""
        return Client(self.folders.runtime_dir / "stationd.sock")

    def plant(self) -> Client:
        """Connect to the plant's control."""
        return Client(self.folders.runtime_dir / "plant.sock", who="the plant")

    def csms(self) -> Client:
        """Connect to the sandbox CSMS's control."""
        return Client(self.folders.runtime_dir / "csms.sock", who="the sandbox CSMS", timeout_s=40)

    def _spawn(self, name: str, argv: list[Any]) -> Process:
        log = self.folders.log_dir / f"{name.replace(' ', '-').lower()}.log"
        # the packages are found whether or not they are installed, and whatever folder we were started from
        root = str(Path(__file__).resolve().parents[2])
        process = Process(name, argv, log, env={"PYTHONPATH": root, "PYTHONUNBUFFERED": "1"})
        self.processes[name] = process
        return process

    def _station_answers(self) -> bool:
        with contextlib.suppress(ApiError), self.station() as client:
            client.call("status")
            return True
        return False


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder with a short path, for sockets."""
    try:
        return tempfile.TemporaryDirectory(prefix="stationd-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StationError(
            f"cannot make a temporary folder: {error.strerror}; set TMPDIR to a folder of yours"
        ) from None


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
