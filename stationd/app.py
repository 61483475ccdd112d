"""Composition root of the brain: read the configuration, build the objects, wire them, run. Nothing imports it."""

import argparse
import asyncio
import contextlib
import dataclasses
import gc
import grp
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stationd import hwprofile
from stationd.api.connection import ConnectionApi
from stationd.api.faults import FaultsApi
from stationd.api.server import Server
from stationd.api.settings import SettingsApi
from stationd.api.status import Sources, StatusApi
from stationd.api.tokens import TokensApi
from stationd.api.transactions import TransactionsApi
from stationd.config.load import load
from stationd.config.schema import Config
from stationd.domain import variable_table as table
from stationd.domain.errors import ConfigurationError, StationError
from stationd.domain.variables import VariableSpec
from stationd.hal.bus import BusPool
from stationd.hal.interfaces import Meter, TokenReader
from stationd.hal.pilot_link import PilotLink
from stationd.hal.registry import create_meter, create_reader
from stationd.lifecycle import ProcessLifecycle, read_start
from stationd.ocpp import connection_view
from stationd.ocpp.connection_view import Phase
from stationd.ocpp.csms import Csms
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.station.parts import EvseProfile
from stationd.station.settings import Settings
from stationd.station.station import Station
from stationd.station.timekeeper import Timekeeper
from stationd.store.store import Store

log = logging.getLogger(__name__)

USER_DRIVERS = Path("/etc/stationd/drivers")
NOMINAL_V = 230.0
GO_OFFLINE_S = 2.5
EXIT_CONFIGURATION = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Hardware:
    """What the hw-profile names, opened lazily by its drivers."""

    profile: hwprofile.HwProfile
    meters: Mapping[int, Meter]
    readers: tuple[TokenReader, ...]
    buses: BusPool

    async def close(self) -> None:
        """Give all devices back."""
        for meter in self.meters.values():
            await meter.close()
        for reader in self.readers:
            await reader.close()
        await self.buses.close()


def open_hardware(config: Config) -> Hardware:
    """Read the hw-profile and find its drivers.

    Raises:
        ConfigurationError: the profile or an option of a driver is wrong.
    """
    try:
        profile = hwprofile.load(config.station.hw_profile, evse_count=config.station.evses)
    except hwprofile.ProfileError as error:
        raise ConfigurationError(str(error)) from None
    buses = BusPool()
    user_drivers = USER_DRIVERS if USER_DRIVERS.is_dir() else None
    meters = {
        evse.evse_id: create_meter(
            config.meter(evse.meter), evse_id=evse.evse_id, buses=buses, user_drivers=user_drivers
        )
        for evse in profile.evses
        if evse.meter is not None
    }
    reader = profile.reader
    readers = () if reader is None else (
        create_reader(config.reader(reader), runtime_dir=config.station.runtime_dir, user_drivers=user_drivers),
    )  # fmt: skip
    return Hardware(profile, meters, readers, buses)


def first_values(
    config: Config, profile: hwprofile.HwProfile, rows: tuple[VariableSpec, ...]
) -> dict[VariableSpec, str]:
    """Return the first value of each row that something decides: the board, then the configuration file."""
    values = {
        table.FIRMWARE_VERSION: own_version(),
        table.STATION_SUPPLY_PHASES: str(max(evse.phases for evse in profile.evses)),
    }
    for evse in profile.evses:
        power = evse.max_a * NOMINAL_V * evse.phases
        values[table.of_connector(table.EVSE_POWER, evse.evse_id)] = f"{power:.0f}"
        values[table.of_connector(table.EVSE_SUPPLY_PHASES, evse.evse_id)] = str(evse.phases)
        values[table.of_connector(table.CONNECTOR_SUPPLY_PHASES, evse.evse_id, 1)] = str(evse.phases)
        values[table.of_connector(table.CONNECTOR_TYPE, evse.evse_id, 1)] = evse.connector_type
    return {**values, **config.seeds(rows)}


def absent_components(evse: hwprofile.EvseProfile) -> frozenset[str]:
    """Return the components of the device model that the board of an EVSE does not have."""
    inputs = {str(fault.options.get("input")) for fault in evse.faults}
    present = {
        "AcPhaseSelector": evse.phase_switch is not None,
        "CaseAccessSensor": "door_open" in inputs,
        "ConnectorPlugRetentionLock": evse.outlet == "socket",
        "ElectricalFeed": "power_loss" in inputs,
        "EmergencyStopSensor": "emergency_stop" in inputs,
        "FiscalMetering": evse.meter is not None,
        "GroundIsolationProtection": "pe_loss" in inputs,
        "OverCurrentProtection": evse.current is not None or evse.meter is not None,
        "RCD": "rcd_trip" in inputs,
        "TemperatureSensor": evse.temperature is not None,
        "TiltSensor": "tilt" in inputs,
    }
    return frozenset(component for component, there in present.items() if not there)


def own_version() -> str:
    """Return the version of this software; `unknown` where it was not installed."""
    try:
        return version("stationd")
    except PackageNotFoundError:
        return "unknown"


class Brain:
    """Everything that runs. `run` returns when the process shall end."""

    def __init__(self, config: Config, store: Store, settings: Settings, hardware: Hardware) -> None:
        self._config = config
        self._store = store
        self._settings = settings
        self._hardware = hardware
        self._started_s = time.monotonic()
        self.lifecycle: ProcessLifecycle

    async def run(self) -> None:
        """Build, wire, work until a signal or a reset, end in good order.

        Raises:
            StationError: a socket cannot be made, or the state cannot be read.
        """
        config, store = self._config, self._store
        start = await read_start(store.state)
        clock = Timekeeper(last_known=start.last_known)
        self.lifecycle = ProcessLifecycle(store.state, clock, config.restart.reboot_command)
        self.lifecycle.watch_signals()
        pilot = PilotLink(
            config.station.runtime_dir / "pilot.sock", evse_ids=[e.evse_id for e in self._hardware.profile.evses]
        )
        station = Station(
            profiles=[_station_profile(evse) for evse in self._hardware.profile.evses],
            settings=self._settings,
            clock=clock,
            pilot=pilot,
            transactions=store.transactions,
            tokens=store.tokens,
            auth_list=store.auth_list,
            state=store.state,
            faults=store.faults,
            lifecycle=self.lifecycle,
            meters=self._hardware.meters,
            readers=self._hardware.readers,
            machine_boot_id=start.machine_boot_id,
        )
        csms = Csms(
            connection=self._connection,
            settings=self._settings,
            clock=clock,
            outbox=store.outbox,
            boot_reason=start.reason,
            state=store.state,
        )
        station.connect_csms(csms)
        self._settings.on_change(table.BASIC_AUTH_PASSWORD, lambda _: csms.reconnect("password changed"))
        if config.csms.offline:
            csms.go_offline()
        api = self._api(station, csms, pilot, clock, str(start.reason))
        async with AsyncExitStack() as stack:
            await api.start()
            stack.push_async_callback(api.close)
            await self._work(station, csms, pilot)
            await self.lifecycle.note_end()

    async def _work(self, station: Station, csms: Csms, pilot: PilotLink) -> None:
        """Run the tasks until the lifecycle ends; one that fails ends the process, which systemd restarts."""
        async with asyncio.TaskGroup() as group:
            # first the link: what becomes of an open transaction depends on whether the cable is still in
            tasks = [group.create_task(pilot.run(), name="pilot link")]
            if not await self._started(group.create_task(station.start(), name="start")):
                tasks[0].cancel()
                return
            gc.freeze()  # what start-up made stays; later collections need not look at it again
            tasks += [
                group.create_task(station.run(), name="station"),
                group.create_task(csms.run(station), name="csms"),
                group.create_task(self.lifecycle.note_time(), name="clock"),
            ]
            log.info("started identity=%s evses=%d", self._config.csms.identity, len(self._hardware.profile.evses))
            await self.lifecycle.ended.wait()
            await station.stop()
            await csms.close()
            for task in tasks:
                task.cancel()

    async def _started(self, start: "asyncio.Task[None]") -> bool:
        """Wait until the station has started; False if the process is told to end before that."""
        ended = asyncio.create_task(self.lifecycle.ended.wait())
        try:
            await asyncio.wait({start, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if start.done():
            await start  # raises what it raised
            return True
        start.cancel()
        return False

    def _connection(self) -> ConnectionSettings:
        csms = self._config.csms
        if csms.url is None or csms.identity is None:
            raise ConfigurationError("cannot connect: the configuration has no [csms] url and identity; add them")
        return ConnectionSettings(
            url=csms.url,
            identity=csms.identity,
            subprotocols=tuple(f"ocpp{name}" for name in csms.versions),
            security_profile=csms.security_profile,
            password=self._settings.text(table.BASIC_AUTH_PASSWORD) or None,
            ca_file=_text(csms.ca_file),
            client_certificate_file=_text(csms.client_certificate_file),
            client_key_file=_text(csms.client_key_file),
            proxy=csms.proxy,
            allow_tls_rsa=csms.allow_tls_rsa,
        )

    def _api(self, station: Station, csms: Csms, pilot: PilotLink, clock: Timekeeper, boot_reason: str) -> Server:
        config, settings = self._config, self._settings

        def connection() -> dict[str, Any]:
            return connection_view.summary(csms.state, clock.now())

        def connection_details() -> dict[str, Any]:
            return connection_view.details(csms.state, clock.now())

        identity = {
            "vendor": settings.text(table.VENDOR_NAME),
            "model": settings.text(table.MODEL),
            "serial_number": settings.text(table.SERIAL_NUMBER),
            "firmware_version": settings.text(table.FIRMWARE_VERSION),
            "identity": config.csms.identity,
            "boot_reason": boot_reason,
        }
        sources = Sources(
            station=station,
            pilot=pilot,
            transactions=self._store.transactions,
            clock=clock,
            reading=station.reading,
            limits=station.why,
            connection=connection,
            identity=identity,
            started_s=self._started_s,
            notices=lambda: self._store.notices,
        )
        methods = {
            **StatusApi(sources).methods(),
            **SettingsApi(settings).methods(),
            **TransactionsApi(self._store.transactions).methods(),
            **ConnectionApi(_Switch(csms), connection, connection_details).methods(),
            **TokensApi(station).methods(),
            **FaultsApi(station, pilot.status).methods(),
        }
        path = config.station.runtime_dir / config.api.socket
        return Server(path, methods, admin_gid=_group(config.api.group))


class _Switch:
    """Implements `api.connection.Connection`: answers when the connection is as asked."""

    def __init__(self, csms: Csms) -> None:
        self._csms = csms

    async def go_offline(self) -> None:
        self._csms.go_offline()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GO_OFFLINE_S):
                while self._csms.state.phase is not Phase.OFFLINE:  # noqa: ASYNC110 - rare, and asked by a person
                    await asyncio.sleep(0.02)

    async def go_online(self) -> None:
        self._csms.go_online()


def _station_profile(evse: hwprofile.EvseProfile) -> EvseProfile:
    return EvseProfile(
        evse_id=evse.evse_id,
        phases=evse.phases,
        max_a=evse.max_a,
        connector_type=evse.connector_type,
        outlet=evse.outlet == "socket",
        measures_current=evse.current is not None,
    )


def _group(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigurationError(f"cannot use [api] group {name!r}: there is no such group; create it") from None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


async def serve(config: Config) -> ProcessLifecycle:
    """Run the brain; return how it ended.

    Raises:
        StationError: it cannot start; the text says why and what to do.
    """
    hardware = open_hardware(config)
    try:
        config.station.runtime_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot make runtime_dir {config.station.runtime_dir}: {error.strerror}; make it, or choose another"
        ) from None
    store = await Store.open(config.station.state_dir)
    try:
        rows = table.rows_for(
            [(evse.evse_id, (1,)) for evse in hardware.profile.evses],
            {evse.evse_id: absent_components(evse) for evse in hardware.profile.evses},
        )
        settings = Settings(rows, store=store.settings, seeds=first_values(config, hardware.profile, rows))
        await settings.load()
        brain = Brain(config, store, settings, hardware)
        try:
            await brain.run()
        except BaseExceptionGroup as group:
            if (known := group.subgroup(StationError)) is None:
                raise
            raise known.exceptions[0] from None
    finally:
        await hardware.close()
        await store.close()
    return brain.lifecycle


def main() -> int:
    """Run `stationd`."""
    parser = argparse.ArgumentParser(prog="stationd", description="An EV charging station on this board.")
    parser.add_argument(
        "--config", type=Path, default=Path("/etc/stationd/stationd.toml"), help="configuration file (%(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and end")
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
        if arguments.check:
            open_hardware(config)
            print(f"{arguments.config} is good")  # noqa: T201 - the command's answer
            return 0
        logging.basicConfig(
            level=config.log.level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        logging.getLogger("websockets").setLevel(logging.CRITICAL)  # said better, once, by stationd.ocpp
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # said better, once, by stationd.hal.bus
        lifecycle = asyncio.run(serve(config))
    except StationError as error:
        print(f"stationd: {error}", file=sys.stderr)  # noqa: T201 - where logging may not be set up yet
        return EXIT_CONFIGURATION
    if lifecycle.restart_asked:
        lifecycle.replace_process(["-m", "stationd", *sys.argv[1:]])
    return 0
