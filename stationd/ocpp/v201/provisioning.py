"""Block B of OCPP 2.0.1, provisioning: BootNotification, Heartbeat, variables, reports, Reset."""

from stationd.domain.answers import Acknowledged, BootAnswer, HeartbeatAnswer
from stationd.domain.events import HeartbeatDue, ReportPart, StationBooted
from stationd.domain.states import RegistrationStatus, ResetKind
from stationd.domain.variable_table import (
    FIRMWARE_VERSION,
    ITEMS_GET_REPORT,
    ITEMS_GET_VARIABLES,
    ITEMS_SET_VARIABLES,
    MODEL,
    SERIAL_NUMBER,
    VENDOR_NAME,
)
from stationd.domain.variables import VariableSpec
from stationd.ocpp.v201.device_model import attributes, entries, reports
from stationd.ocpp.v201.wire import answer, time_from_wire, time_to_wire
from stationd.ocpp.version import CallRefusedError, Context, Json, Outgoing, RpcError

_RESET_KINDS = {"Immediate": ResetKind.IMMEDIATE, "OnIdle": ResetKind.ON_IDLE}


def boot_to_wire(ctx: Context, event: StationBooted) -> Outgoing:
    """Return BootNotification (OCPP 2.0.1 B01.FR.01, B01.FR.09). Too long names are cut, empty ones left out."""
    station: Json = {
        "model": ctx.settings.text(MODEL)[:20] or MODEL.default,
        "vendorName": ctx.settings.text(VENDOR_NAME)[:50] or VENDOR_NAME.default,
        "serialNumber": ctx.settings.text(SERIAL_NUMBER)[:25],
        "firmwareVersion": ctx.settings.text(FIRMWARE_VERSION)[:50],
    }
    station = {name: text for name, text in station.items() if text}
    return Outgoing("BootNotification", {"reason": str(event.reason), "chargingStation": station}, _read_boot)


def _read_boot(response: Json) -> BootAnswer:
    status = RegistrationStatus(response["status"])
    return BootAnswer(status, time_from_wire(response["currentTime"]), response["interval"])


def heartbeat_to_wire(_ctx: Context, _event: HeartbeatDue) -> Outgoing:
    """Return Heartbeat (OCPP 2.0.1 G02)."""
    return Outgoing("Heartbeat", {}, lambda response: HeartbeatAnswer(time_from_wire(response["currentTime"])))


def report_to_wire(_ctx: Context, event: ReportPart) -> Outgoing:
    """Return NotifyReport, one part of a report (OCPP 2.0.1 B07.FR.04, B07.FR.10)."""
    payload: Json = {
        "requestId": event.request_id,
        "generatedAt": time_to_wire(event.generated_at),
        "seqNo": event.seq_no,
        "tbc": event.to_be_continued,
    }
    if event.entries:
        payload["reportData"] = [entries.to_wire(entry) for entry in event.entries]
    return Outgoing("NotifyReport", payload, lambda _response: Acknowledged())


async def get_variables(ctx: Context, req: Json) -> Json:
    """GetVariables (OCPP 2.0.1 B06).

    Raises:
        CallRefusedError: more elements than `ITEMS_GET_VARIABLES` (B06.FR.16).
    """
    asked = _limited(ctx, ITEMS_GET_VARIABLES, req["getVariableData"])
    return {"getVariableResult": [attributes.get(ctx.settings, element) for element in asked]}


async def set_variables(ctx: Context, req: Json) -> Json:
    """SetVariables (OCPP 2.0.1 B05): each element by itself, in the order given.

    Raises:
        CallRefusedError: more elements than `ITEMS_SET_VARIABLES`.
    """
    asked = _limited(ctx, ITEMS_SET_VARIABLES, req["setVariableData"])
    return {"setVariableResult": [await attributes.write(ctx.settings, element) for element in asked]}


def _limited(ctx: Context, limit: VariableSpec, elements: list[Json]) -> list[Json]:
    most = ctx.settings.integer(limit)
    if len(elements) > most:
        text = f"{len(elements)} elements, {limit.name} is {most}"
        raise CallRefusedError(RpcError.OCCURRENCE_CONSTRAINT_VIOLATION, text)
    return elements


async def get_base_report(ctx: Context, req: Json) -> Json:
    """GetBaseReport (OCPP 2.0.1 B07): all three inventories. The station sends the parts after this answer."""
    found = reports.inventory(ctx.settings, req["reportBase"])
    if found is None:
        return answer("NotSupported")  # B07.FR.02
    ctx.station.report(req["requestId"], found)
    return answer("Accepted")


async def get_report(ctx: Context, req: Json) -> Json:
    """GetReport (OCPP 2.0.1 B08). The station sends the parts after this answer.

    Raises:
        CallRefusedError: more elements than `ITEMS_GET_REPORT` (B08.FR.17).
    """
    asked = _limited(ctx, ITEMS_GET_REPORT, req.get("componentVariable", []))
    found = reports.selection(ctx.settings, asked, frozenset(req.get("componentCriteria", ())))
    if not found:
        return answer("EmptyResultSet")  # B08.FR.15
    ctx.station.report(req["requestId"], found)
    return answer("Accepted")


async def reset(ctx: Context, req: Json) -> Json:
    """Reset (OCPP 2.0.1 B11, B12). What cannot be reset, and when, the station decides."""
    evse_id = req.get("evseId")
    if evse_id is not None and evse_id not in {snapshot.evse_id for snapshot in ctx.station.connectors()}:
        return answer("Rejected", "UnknownEvse")
    return answer(await ctx.station.request_reset(_RESET_KINDS[req["type"]], evse_id))
