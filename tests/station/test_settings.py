"""The table of settings at run time."""

import asyncio
import logging
from dataclasses import replace

import pytest

from stationd.domain import variable_table as table
from stationd.domain.errors import ConfigurationError, StorageError
from stationd.domain.variables import Origin, SetOutcome, VariableSpec
from stationd.station.ports import SettingsPort, SettingsStore
from stationd.station.settings import Settings

ROWS = table.rows_for([(1, (1,)), (2, (1, 2))])


class MemoryStore:
    """Keeps rows as a disk would; `full` makes it refuse."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, Origin]] = {}
        self.puts = 0
        self.full = False

    async def load(self) -> list[tuple[str, str, Origin]]:
        return [(name, value, origin) for name, (value, origin) in self.rows.items()]

    async def put(self, name: str, value: str, origin: Origin) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise StorageError("cannot write to the state directory: it is full")
        self.puts += 1
        self.rows[name] = (value, origin)


async def settings(store: SettingsStore | None = None, seeds: dict[VariableSpec, str] | None = None) -> Settings:
    made = Settings(ROWS, store=store, seeds=seeds or {})
    await made.load()
    return made


async def test_settings_fit_the_port() -> None:
    port: SettingsPort = await settings()
    assert port.integer(table.HEARTBEAT_INTERVAL) == 300
    assert port.boolean(table.AUTH_ENABLED) is True
    assert port.number(table.RESET_DELAY) == 1.0
    assert port.members(table.TX_STOP_POINT) == ("EVConnected", "Authorized")
    assert port.members(table.FILE_TRANSFER_PROTOCOLS) == ()


async def test_every_default_is_a_value_its_row_can_hold_unless_it_is_empty() -> None:
    port = Settings(ROWS)
    for spec in port.specs():
        if spec.default and port.origin(spec) is not Origin.STATE:
            assert port.check(spec, spec.default) is None, spec.name


async def test_the_configuration_beats_the_default_and_a_write_beats_both() -> None:
    port = await settings(seeds={table.HEARTBEAT_INTERVAL: "30"})
    assert (port.text(table.HEARTBEAT_INTERVAL), port.origin(table.HEARTBEAT_INTERVAL)) == ("30", Origin.CONFIG)
    assert await port.write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS) is SetOutcome.ACCEPTED
    assert (port.text(table.HEARTBEAT_INTERVAL), port.origin(table.HEARTBEAT_INTERVAL)) == ("60", Origin.CSMS)


async def test_a_seed_does_not_come_back_after_the_csms_wrote(caplog: pytest.LogCaptureFixture) -> None:
    store, seeds = MemoryStore(), {table.HEARTBEAT_INTERVAL: "30"}
    await (await settings(store, seeds)).write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS)
    again = await settings(store, seeds)
    assert (again.text(table.HEARTBEAT_INTERVAL), again.origin(table.HEARTBEAT_INTERVAL)) == ("60", Origin.CSMS)
    assert "configured setting overruled name=OCPPCommCtrlr.HeartbeatInterval by=csms" in caplog.text


async def test_a_csms_write_of_the_very_value_in_force_still_beats_a_later_configuration() -> None:
    store = MemoryStore()
    await (await settings(store)).write(table.HEARTBEAT_INTERVAL, "300", Origin.CSMS)
    assert (await settings(store, {table.HEARTBEAT_INTERVAL: "30"})).integer(table.HEARTBEAT_INTERVAL) == 300


async def test_read_only_rows_follow_the_configuration_at_each_start() -> None:
    store = MemoryStore()
    first = await settings(store, {table.MODEL: "One"})
    assert await first.write(table.MODEL, "Changed", Origin.LOCAL) is SetOutcome.ACCEPTED
    assert first.text(table.MODEL) == "Changed"
    store.rows[table.MODEL.name] = ("Smuggled", Origin.CSMS)
    assert (await settings(store, {table.MODEL: "Two"})).text(table.MODEL) == "Two"


async def test_a_row_that_only_16_may_write_is_kept() -> None:
    store = MemoryStore()
    await (await settings(store)).write(table.MESSAGE_TIMEOUT, "20", Origin.CSMS)
    assert (await settings(store)).integer(table.MESSAGE_TIMEOUT) == 20


async def test_writing_the_same_value_again_does_not_touch_the_disk() -> None:
    store = MemoryStore()
    port = await settings(store)
    for _ in range(3):
        await port.write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS)
    again = await settings(store)
    await again.write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS)
    assert store.puts == 1


async def test_a_refused_write_changes_nothing() -> None:
    store = MemoryStore()
    port = await settings(store)
    assert await port.write(table.HEARTBEAT_INTERVAL, "0", Origin.CSMS) is SetOutcome.REJECTED
    assert port.text(table.HEARTBEAT_INTERVAL) == "300"
    assert store.rows == {}


async def test_a_write_that_cannot_be_stored_changes_nothing_and_calls_nobody() -> None:
    store, heard = MemoryStore(), list[str]()
    port = await settings(store)
    port.on_change(table.HEARTBEAT_INTERVAL, heard.append)
    store.full = True
    with pytest.raises(StorageError):
        await port.write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS)
    assert (port.text(table.HEARTBEAT_INTERVAL), heard) == ("300", [])
    store.full = False
    assert await port.write(table.HEARTBEAT_INTERVAL, "60", Origin.CSMS) is SetOutcome.ACCEPTED
    assert heard == ["60"]


async def test_listeners_hear_each_change_once_and_only_when_it_is_durable() -> None:
    store = MemoryStore()
    port = await settings(store)
    heard: list[tuple[str, tuple[str, Origin]]] = []
    port.on_change(table.AUTH_ENABLED, lambda value: heard.append((value, store.rows[table.AUTH_ENABLED.name])))
    for text in ("False", "false", "TRUE"):
        await port.write(table.AUTH_ENABLED, text, Origin.LOCAL)
    assert heard == [("false", ("false", Origin.LOCAL)), ("true", ("true", Origin.LOCAL))]


async def test_two_writers_leave_memory_and_disk_in_agreement() -> None:
    store = MemoryStore()
    port = await settings(store)
    await asyncio.gather(*(port.write(table.HEARTBEAT_INTERVAL, str(n), Origin.CSMS) for n in range(10, 20)))
    assert store.rows[table.HEARTBEAT_INTERVAL.name][0] == port.text(table.HEARTBEAT_INTERVAL) == "19"


async def test_a_row_that_needs_a_restart_keeps_its_old_value_until_then() -> None:
    spec = replace(table.NETWORK_PRIORITY, values=("1", "2"))
    rows = [spec if row == table.NETWORK_PRIORITY else row for row in ROWS]
    store, heard = MemoryStore(), list[str]()
    port = Settings(rows, store=store)
    await port.load()
    port.on_change(spec, heard.append)
    assert await port.write(spec, "2,1", Origin.CSMS) is SetOutcome.REBOOT_REQUIRED
    assert (port.text(spec), heard, port.reboot_needed) == ("1", [], True)
    assert port.boolean(table.REBOOT_NEEDED) is True
    again = Settings(rows, store=store)
    await again.load()
    assert (again.text(spec), again.reboot_needed) == ("2,1", False)


async def test_writing_the_old_value_back_makes_the_restart_unnecessary() -> None:
    spec = replace(table.NETWORK_PRIORITY, values=("1", "2"))
    port = Settings([spec, table.REBOOT_NEEDED], store=MemoryStore())
    await port.write(spec, "2", Origin.CSMS)
    assert await port.write(spec, "1", Origin.CSMS) is SetOutcome.ACCEPTED
    assert not port.boolean(table.REBOOT_NEEDED)


async def test_names_are_found_in_any_case() -> None:
    port = await settings()
    assert port.find("ocppcommctrlr", "HEARTBEATINTERVAL") == table.HEARTBEAT_INTERVAL
    assert port.find("OCPPCommCtrlr", "MessageAttempts", instance="transactionevent") == table.MESSAGE_ATTEMPTS
    assert port.find("OCPPCommCtrlr", "MessageAttempts") is None
    assert port.find_key16("heartbeatINTERVAL") == table.HEARTBEAT_INTERVAL
    assert port.find_key16("Nonsense") is None


async def test_an_unknown_component_is_told_from_an_unknown_variable() -> None:
    port = await settings()
    assert port.knows_component("evse", evse_id=2)
    assert port.knows_component("Connector", evse_id=2, connector_id=2)
    assert not port.knows_component("EVSE")
    assert not port.knows_component("EVSE", evse_id=3)
    assert not port.knows_component("OCPPCommCtrlr", evse_id=1)


async def test_a_row_is_found_by_its_place_even_if_the_board_changed_its_bounds() -> None:
    narrowed = replace(table.HEARTBEAT_INTERVAL, default="100", maximum=200)
    port = Settings([narrowed])
    assert port.integer(table.HEARTBEAT_INTERVAL) == 100
    assert port.check(table.HEARTBEAT_INTERVAL, "201") is not None


async def test_a_row_that_this_station_lacks_is_a_clear_error() -> None:
    port = await settings()
    with pytest.raises(KeyError, match=r"EVSE\[evse:3\]\.Power is no row of this station"):
        port.text(table.of_connector(table.EVSE_POWER, 3))


async def test_a_computed_row_is_read_anew_each_time_and_refuses_writes() -> None:
    port, states = await settings(), iter(("Available", "Occupied"))
    spec = table.of_connector(table.EVSE_STATE, 1)
    port.compute(spec, lambda: next(states))
    assert [port.text(spec), port.text(spec)] == ["Available", "Occupied"]
    assert port.origin(spec) is Origin.STATE
    assert await port.write(spec, "Faulted", Origin.LOCAL) is SetOutcome.REJECTED


async def test_secrets_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "correct-horse-battery"
    store = MemoryStore()
    port = await settings(store, {table.BASIC_AUTH_PASSWORD: secret})
    assert port.text(table.BASIC_AUTH_PASSWORD) == secret
    await port.write(table.BASIC_AUTH_PASSWORD, secret + "-staple", Origin.CSMS)
    assert await port.write(table.BASIC_AUTH_PASSWORD, "tooshort!", Origin.CSMS) is SetOutcome.REJECTED
    await settings(store, {table.BASIC_AUTH_PASSWORD: secret})
    shown = caplog.text + repr(port) + repr(vars(port))
    assert "horse" not in shown
    assert "tooshort" not in shown
    with pytest.raises(ConfigurationError) as refused:
        Settings(ROWS, seeds={table.BASIC_AUTH_PASSWORD: "tooshort!"})
    assert "tooshort" not in str(refused.value)
    assert "has a length of less than 16" in str(refused.value)


async def test_a_seed_that_its_row_cannot_hold_is_a_configuration_error() -> None:
    with pytest.raises(
        ConfigurationError, match=r"cannot set OCPPCommCtrlr.HeartbeatInterval: its value is not a whole"
    ):
        Settings(ROWS, seeds={table.HEARTBEAT_INTERVAL: "soon"})
    with pytest.raises(ConfigurationError, match="this station has no such setting"):
        Settings(ROWS, seeds={table.EVSE_POWER: "3680"})


async def test_a_stored_value_that_no_longer_fits_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.rows = {
        table.HEARTBEAT_INTERVAL.name: ("0", Origin.CSMS),
        "Gone.Away": ("1", Origin.CSMS),
        table.AUTH_ENABLED.name: ("false", Origin.LOCAL),
    }
    caplog.set_level(logging.INFO)
    port = await settings(store, {table.HEARTBEAT_INTERVAL: "30"})
    assert (port.integer(table.HEARTBEAT_INTERVAL), port.boolean(table.AUTH_ENABLED)) == (30, False)
    assert "name=OCPPCommCtrlr.HeartbeatInterval origin=csms reason=is less than 1" in caplog.text
    assert "name=Gone.Away reason=no such row" in caplog.text


@pytest.mark.parametrize(
    ("start", "stop", "endless"),
    [
        ("EVConnected", "EVConnected", False),
        ("EVConnected,Authorized", "EVConnected", False),
        ("PowerPathClosed", "EVConnected,Authorized", False),
        ("EVConnected", "Authorized", True),
        ("EnergyTransfer", "EnergyTransfer", False),
    ],
)
async def test_stop_points_that_may_never_come_are_accepted_and_logged(
    start: str, stop: str, *, endless: bool, caplog: pytest.LogCaptureFixture
) -> None:
    port = await settings()
    await port.write(table.TX_START_POINT, start, Origin.CSMS)
    caplog.clear()
    port.on_change(table.TX_STOP_POINT, lambda _: None)
    await port.write(table.TX_STOP_POINT, "EVConnected,PowerPathClosed", Origin.CSMS)
    caplog.clear()
    assert await port.write(table.TX_STOP_POINT, stop, Origin.CSMS) is SetOutcome.ACCEPTED
    assert ("may stay open for ever" in caplog.text) is endless


@pytest.mark.parametrize(
    ("spec", "value"),
    [(table.TX_START_POINT, ""), (table.TX_STOP_POINT, ""), (table.TX_STOP_POINT, "EnergyTransfer")],
)
async def test_points_that_let_no_transaction_start_or_end_are_refused(spec: VariableSpec, value: str) -> None:
    store = MemoryStore()
    port = await settings(store)
    before = port.text(spec)
    assert "must name" in str(port.check(spec, value))
    assert await port.write(spec, value, Origin.CSMS) is SetOutcome.REJECTED
    assert (port.text(spec), store.rows) == (before, {})
    with pytest.raises(ConfigurationError, match=r"cannot use the configured start and stop points: .*must name"):
        Settings(ROWS, seeds={spec: value})


async def test_a_start_point_that_the_stop_points_cannot_end_is_refused() -> None:
    port = await settings(None, {table.TX_START_POINT: "EnergyTransfer", table.TX_STOP_POINT: "EnergyTransfer"})
    assert await port.write(table.TX_START_POINT, "EVConnected", Origin.CSMS) is SetOutcome.REJECTED
    assert await port.write(table.TX_STOP_POINT, "EVConnected", Origin.CSMS) is SetOutcome.ACCEPTED
    assert await port.write(table.TX_START_POINT, "EVConnected", Origin.CSMS) is SetOutcome.ACCEPTED


async def test_stored_points_that_never_end_give_way_to_the_configured_ones(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.rows = {table.TX_STOP_POINT.name: ("", Origin.CSMS), table.TX_START_POINT.name: ("Authorized", Origin.CSMS)}
    port = await settings(store, {table.TX_START_POINT: "EVConnected"})
    assert port.members(table.TX_START_POINT) == ("EVConnected",)
    assert port.members(table.TX_STOP_POINT) == ("EVConnected", "Authorized")
    assert port.origin(table.TX_STOP_POINT) is Origin.DEFAULT
    assert "stored start and stop points ignored reason=TxCtrlr.TxStopPoint must name" in caplog.text
