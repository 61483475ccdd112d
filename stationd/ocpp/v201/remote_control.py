"""Block F of OCPP 2.0.1, remote control: RequestStart/StopTransaction, UnlockConnector, TriggerMessage."""

from stationd.ocpp.v201.wire import answer, id_token_from_wire
from stationd.ocpp.version import CallRefusedError, Context, Json, RpcError
from stationd.station.ports import Trigger, UnlockOutcome, Verdict

_TRIGGERS = {str(trigger): trigger for trigger in Trigger}
_WITH_EVSE = frozenset({Trigger.STATUS_NOTIFICATION, Trigger.METER_VALUES, Trigger.TRANSACTION_EVENT})
_REASONS_201 = {"TxNotFound": "UnknownTxId"}  # the 2.0.1 list's own code for a stop; 2.1 dropped it


async def start(ctx: Context, req: Json) -> Json:
    """RequestStartTransaction (OCPP 2.0.1 F01, F02).

    A charging profile is ignored: the station has no smart charging (OCPP 2.0.1 F01.FR.12, K05.FR.04).
    """
    group = req.get("groupIdToken")
    verdict = await ctx.station.request_start(
        evse_id=req.get("evseId"),
        id_token=id_token_from_wire(req["idToken"]),
        remote_start_id=req["remoteStartId"],
        group=None if group is None else id_token_from_wire(group),
    )
    response = verdict_to_wire(verdict)
    if verdict.accepted and verdict.transaction_id is not None:
        response["transactionId"] = verdict.transaction_id  # F01.FR.13
    return response


async def stop(ctx: Context, req: Json) -> Json:
    """RequestStopTransaction (OCPP 2.0.1 F03.FR.07, F03.FR.08)."""
    verdict = await ctx.station.request_stop(req["transactionId"])
    reason = verdict.reason and _REASONS_201.get(verdict.reason, verdict.reason)
    return verdict_to_wire(Verdict(verdict.accepted, reason, verdict.info))


def verdict_to_wire(verdict: Verdict) -> Json:
    """Return the response to a request to start or stop."""
    if verdict.accepted:
        return answer("Accepted")
    return answer("Rejected", verdict.reason, verdict.info)


async def unlock(ctx: Context, req: Json) -> Json:
    """UnlockConnector (OCPP 2.0.1 F05.FR.02 to F05.FR.06).

    Raises:
        CallRefusedError: the connector has no lock (F05.FR.07).
    """
    outcome = await ctx.station.request_unlock(req["evseId"], req["connectorId"], end_transaction=False)
    if outcome is UnlockOutcome.NOT_SUPPORTED:
        raise CallRefusedError(RpcError.NOT_SUPPORTED, "this connector has no lock that the station could open")
    return answer(outcome)


async def trigger(ctx: Context, req: Json) -> Json:
    """TriggerMessage (OCPP 2.0.1 F06). The station sends the message after this answer (F06.FR.04)."""
    what = _TRIGGERS.get(req["requestedMessage"])
    if what is None:
        return answer("NotImplemented")  # F06.FR.08; 2.1: F06.FR.19
    evse = req.get("evse")
    if evse is None or what not in _WITH_EVSE:  # F06.FR.03: an evse that does not matter is ignored
        return answer("Accepted" if ctx.station.trigger(what) else "Rejected")
    if not _known(ctx, evse):
        return answer("Rejected", "UnknownConnectorId")
    return answer("Accepted" if ctx.station.trigger(what, evse["id"]) else "Rejected")


def _known(ctx: Context, evse: Json) -> bool:
    connector_id = evse.get("connectorId")
    if connector_id is None:
        return True  # whether the EVSE exists, the station says
    return any((seen.evse_id, seen.connector_id) == (evse["id"], connector_id) for seen in ctx.station.connectors())
