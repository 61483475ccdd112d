"""Provisioning (block B): BootNotification, Heartbeat, Reset, GetConfiguration, ChangeConfiguration."""

import logging

from stationd.domain.answers import Answer, BootAnswer, HeartbeatAnswer
from stationd.domain.errors import StorageError
from stationd.domain.events import HeartbeatDue, ReportPart, StationBooted
from stationd.domain.states import RegistrationStatus, ResetKind
from stationd.domain.variable_table import (
    FIRMWARE_VERSION,
    GET_CONFIGURATION_MAX_KEYS,
    MODEL,
    SERIAL_NUMBER,
    VENDOR_NAME,
)
from stationd.domain.variables import Origin, VariableSpec
from stationd.ocpp.v16 import configuration_keys as keys
from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json, Outgoing
from stationd.station.ports import ChangeOutcome

log = logging.getLogger(__name__)

# Soft ends transactions gracefully, Hard need not (OCPP 1.6 section 5.14).
_RESETS = {"Soft": ResetKind.IMMEDIATE, "Hard": ResetKind.HARD}


def boot_to_wire(ctx: Context, _event: StationBooted) -> Outgoing:
    """Return BootNotification; 1.6 has no field for the reason of the boot."""
    payload = wire.without_none(
        chargePointVendor=_required(ctx, VENDOR_NAME),
        chargePointModel=_required(ctx, MODEL),
        chargePointSerialNumber=wire.shortened(ctx.settings.text(SERIAL_NUMBER), 25),
        firmwareVersion=wire.shortened(ctx.settings.text(FIRMWARE_VERSION), 50),
    )
    return Outgoing("BootNotification", payload, _read_boot)


def _required(ctx: Context, spec: VariableSpec) -> str:
    return wire.shortened(ctx.settings.text(spec), 20) or spec.default


def _read_boot(response: Json) -> Answer:
    return BootAnswer(
        status=RegistrationStatus(response["status"]),
        current_time=wire.time_from_wire(response["currentTime"]),
        interval_s=max(0, response["interval"]),
    )


def heartbeat_to_wire(_ctx: Context, _event: HeartbeatDue) -> Outgoing:
    """Return Heartbeat."""
    return Outgoing("Heartbeat", {}, _read_heartbeat)


def _read_heartbeat(response: Json) -> Answer:
    return HeartbeatAnswer(current_time=wire.time_from_wire(response["currentTime"]))


def report_to_wire(_ctx: Context, _event: ReportPart) -> None:
    """Return nothing: 1.6 has no device model to report."""


async def reset(ctx: Context, req: Json) -> Json:
    """Reset after the answer (OCPP 1.6 Reset); the station ends transactions first."""
    outcome = await ctx.station.request_reset(_RESETS[req["type"]])
    return {"status": "Rejected" if outcome is ChangeOutcome.REJECTED else "Accepted"}


async def get_configuration(ctx: Context, req: Json) -> Json:
    """Return configuration keys (OCPP 1.6 GetConfiguration); no key asked for = all.

    Keys beyond GetConfigurationMaxKeys are left out of the answer.
    """
    asked = req.get("key") or []
    specs, unknown = keys.sort_out(ctx.settings, asked[: ctx.settings.integer(GET_CONFIGURATION_MAX_KEYS)])
    if not asked:
        specs = keys.all_keys(ctx.settings)
    response: Json = {"configurationKey": [keys.key_value(ctx.settings, spec) for spec in specs]}
    if unknown:
        response["unknownKey"] = unknown
    return response


async def change_configuration(ctx: Context, req: Json) -> Json:
    """Change one configuration key (OCPP 1.6 ChangeConfiguration)."""
    spec = ctx.settings.find_key16(req["key"])
    status = "NotSupported" if spec is None else await _change(ctx, spec, req["value"])
    log.info("configuration change answered key=%r status=%s", req["key"], status)  # never the value: may be a secret
    return {"status": status}


async def _change(ctx: Context, spec: VariableSpec, given: str) -> str:
    if keys.read_only(spec) or (value := keys.value_from_wire(ctx.settings, spec, given)) is None:
        return "Rejected"
    try:
        return str(await ctx.settings.write(spec, value, Origin.CSMS))
    except StorageError as error:
        log.error("configuration change failed key=%s reason=%s", spec.key16, error)  # noqa: TRY400 - the text says it
        return "Rejected"
