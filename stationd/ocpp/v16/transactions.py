"""Transactions (block E): one stream of events becomes StartTransaction, MeterValues and StopTransaction.

The CSMS names a transaction by an integer (`Context.aliases`), known from the answer to StartTransaction on.
"""

from stationd.domain.answers import Answer, TransactionAnswer
from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.states import StopReason
from stationd.domain.variable_table import ALIGNED_ENDED_MEASURANDS, SAMPLED_ENDED_MEASURANDS
from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json, Outgoing

NEVER_STARTED = -1  # transactionId of everything that follows an undelivered StartTransaction (OCPP 1.6 errata 4.0)

_REASONS = {
    StopReason.DE_AUTHORIZED: "DeAuthorized",
    StopReason.EMERGENCY_STOP: "EmergencyStop",
    StopReason.EV_DISCONNECTED: "EVDisconnected",
    StopReason.HARD_RESET: "HardReset",
    StopReason.IMMEDIATE_RESET: "SoftReset",
    StopReason.LOCAL: "Local",
    StopReason.MASTER_PASS: "Local",  # a person at the station, too
    StopReason.POWER_LOSS: "PowerLoss",
    StopReason.REBOOT: "Reboot",
    StopReason.REMOTE: "Remote",
    StopReason.UNLOCK_COMMAND: "UnlockCommand",
}
"""1.6 has no word for the rest: Other."""


def to_wire(ctx: Context, event: TransactionEvent) -> Outgoing | None:
    """Translate one event; None where no 1.6 transaction runs or nothing was measured."""
    alias = ctx.aliases.alias(event.transaction_id)
    if event.event_type is TransactionEventType.ENDED:
        return _ended(ctx, event, alias)
    if alias is not None:
        return _meter_values(event, alias)
    return _start(event) if event.authorized and event.id_token is not None else None


def _start(event: TransactionEvent) -> Outgoing:
    payload = {
        "connectorId": event.evse_id,
        "idTag": wire.id_tag_to_wire(event.id_token) if event.id_token else "",
        "meterStart": wire.wh_to_wire(event.meter_wh),
        "timestamp": wire.time_to_wire(event.timestamp),
    }
    return Outgoing(
        "StartTransaction", payload, _read_start, if_abandoned=TransactionAnswer(csms_transaction_id=NEVER_STARTED)
    )


def _meter_values(event: TransactionEvent, alias: int) -> Outgoing | None:
    if not (values := wire.meter_values_to_wire(event.samples, event.evse_id)):
        return None
    payload = {"connectorId": event.evse_id, "transactionId": alias, "meterValue": values}
    return Outgoing("MeterValues", payload, _read_nothing)


def _ended(ctx: Context, event: TransactionEvent, alias: int | None) -> Outgoing | None:
    if alias is None:
        if not event.authorized:
            return None  # never a transaction in 1.6: plugged in and out, or authorised and never plugged in
        # It ran, but its start went elsewhere (the CSMS changed the version meanwhile); the energy still counts.
        alias = NEVER_STARTED
    return Outgoing(
        "StopTransaction",
        wire.without_none(
            transactionId=alias,
            idTag=wire.id_tag_to_wire(event.stop_token) if event.stop_token else None,
            meterStop=wire.wh_to_wire(event.meter_wh),
            timestamp=wire.time_to_wire(event.timestamp),
            reason=_REASONS.get(event.stop_reason or StopReason.LOCAL, "Other"),
            transactionData=_transaction_data(ctx, event),
        ),
        _read_stop,
    )


def _transaction_data(ctx: Context, event: TransactionEvent) -> list[Json] | None:
    wanted = ctx.settings.members(SAMPLED_ENDED_MEASURANDS) + ctx.settings.members(ALIGNED_ENDED_MEASURANDS)
    if not wanted:  # OCPP 1.6 StopTxnSampledData, StopTxnAlignedData: both empty = no transactionData
        return None
    return wire.meter_values_to_wire(event.samples, event.evse_id) or None


def _read_start(response: Json) -> Answer:
    return TransactionAnswer(
        id_token_info=wire.id_token_info_from_wire(response["idTagInfo"]),
        csms_transaction_id=response["transactionId"],  # any integer: 0 and negative ones mean nothing special
    )


def _read_stop(response: Json) -> Answer:
    info = response.get("idTagInfo")
    return TransactionAnswer(id_token_info=wire.id_token_info_from_wire(info) if info else None)


def _read_nothing(_response: Json) -> Answer:
    return TransactionAnswer()
