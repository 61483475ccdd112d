"""Remote control (block F): RemoteStartTransaction, RemoteStopTransaction, UnlockConnector, TriggerMessage."""

from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json
from stationd.station.ports import Trigger, UnlockOutcome

_UNLOCKED = {
    UnlockOutcome.UNLOCKED: "Unlocked",
    UnlockOutcome.UNLOCK_FAILED: "UnlockFailed",
    UnlockOutcome.ONGOING_AUTHORIZED_TRANSACTION: "UnlockFailed",
    UnlockOutcome.UNKNOWN_CONNECTOR: "NotSupported",  # never UnlockFailed (OCPP 1.6 section 5.18)
    UnlockOutcome.NOT_SUPPORTED: "NotSupported",
}

_TRIGGERS = {
    "BootNotification": Trigger.BOOT_NOTIFICATION,
    "DiagnosticsStatusNotification": Trigger.LOG_STATUS,
    "FirmwareStatusNotification": Trigger.FIRMWARE_STATUS,
    "Heartbeat": Trigger.HEARTBEAT,
    "MeterValues": Trigger.METER_VALUES,
    "StatusNotification": Trigger.STATUS_NOTIFICATION,
}
_OF_CONNECTORS = frozenset({Trigger.METER_VALUES, Trigger.STATUS_NOTIFICATION})


async def start(ctx: Context, req: Json) -> Json:
    """Start remotely (OCPP 1.6 RemoteStartTransaction).

    A charging profile in the request is ignored: so says section 5.11 of a station without smart charging.
    """
    connector_id = req.get("connectorId")
    if not req["idTag"] or (connector_id is not None and not _known(ctx, connector_id)):
        return {"status": "Rejected"}  # connector 0 can start nothing
    verdict = await ctx.station.request_start(
        evse_id=connector_id,
        id_token=wire.id_token_from_wire(req["idTag"]),
        remote_start_id=None,
    )
    return {"status": "Accepted" if verdict.accepted else "Rejected"}


async def stop(ctx: Context, req: Json) -> Json:
    """Stop remotely (OCPP 1.6 RemoteStopTransaction); Rejected for a transactionId that does not run."""
    transaction_id = ctx.aliases.transaction_of(req["transactionId"])
    if transaction_id is None:
        return {"status": "Rejected"}
    verdict = await ctx.station.request_stop(transaction_id)
    return {"status": "Accepted" if verdict.accepted else "Rejected"}


async def unlock(ctx: Context, req: Json) -> Json:
    """Unlock a connector (OCPP 1.6 UnlockConnector); a running transaction ends first."""
    for snapshot in ctx.station.connectors():
        if snapshot.evse_id == req["connectorId"]:
            outcome = await ctx.station.request_unlock(snapshot.evse_id, snapshot.connector_id, end_transaction=True)
            return {"status": _UNLOCKED[outcome]}
    return {"status": "NotSupported"}


async def trigger(ctx: Context, req: Json) -> Json:
    """Send what is asked for after the answer (OCPP 1.6 TriggerMessage); an irrelevant connectorId is ignored."""
    if (what := _TRIGGERS.get(req["requestedMessage"])) is None:
        return {"status": "NotImplemented"}
    connector_id = req.get("connectorId") if what in _OF_CONNECTORS else None
    if connector_id is not None and not _known(ctx, connector_id):
        return {"status": "Rejected"}
    accepted = ctx.station.trigger(what, connector_id)
    return {"status": "Accepted" if accepted else "Rejected"}


def _known(ctx: Context, connector_id: int) -> bool:
    """Tell whether there is such a connector; 1.6 knows no EVSE, its connectorId is our evse_id."""
    return any(snapshot.evse_id == connector_id for snapshot in ctx.station.connectors())
