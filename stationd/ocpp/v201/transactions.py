"""Block E of OCPP 2.0.1, transactions: TransactionEvent, GetTransactionStatus."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.states import StopReason, TriggerReason
from stationd.ocpp.v201.wire import (
    TOKENS,
    TokenRules,
    id_token_info_from_wire,
    id_token_to_wire,
    meter_values_to_wire,
    time_to_wire,
)
from stationd.ocpp.version import Context, Json, Outgoing

_BY_CSMS = frozenset({TriggerReason.REMOTE_STOP, TriggerReason.RESET_COMMAND})
_ENDED_BY_CSMS = frozenset({StopReason.REMOTE, StopReason.IMMEDIATE_RESET, StopReason.HARD_RESET})
_STOP_REASONS = {  # where ReasonEnumType has no word of its own
    StopReason.UNLOCK_COMMAND: StopReason.OTHER,
    StopReason.HARD_RESET: StopReason.IMMEDIATE_RESET,
}
_MAX_PHASES = 3


@dataclass(frozen=True, slots=True)
class Words:
    """What a version can say in a TransactionEvent."""

    tokens: TokenRules
    triggers: Mapping[TriggerReason, TriggerReason] = field(default_factory=dict)
    """Triggers that the version lacks, with what it says instead."""


WORDS = Words(TOKENS, {TriggerReason.TX_RESUMED: TriggerReason.CHARGING_STATE_CHANGED})
"""2.0.1 knows no resumption: the state of charging after the interruption is the news (OCPP 2.0.1 E02.FR.13)."""


def to_wire(_ctx: Context, event: TransactionEvent) -> Outgoing:
    """Return TransactionEvent of OCPP 2.0.1."""
    return transaction_event(event, WORDS)


def transaction_event(event: TransactionEvent, words: Words) -> Outgoing:
    """Return TransactionEvent in the version's words."""
    payload: Json = {
        "eventType": str(event.event_type),
        "timestamp": time_to_wire(event.timestamp),  # of the event, never of sending
        "triggerReason": str(words.triggers.get(event.trigger, event.trigger)),
        "seqNo": event.seq_no,
        "transactionInfo": _transaction_info(event),
    }
    if event.offline:
        payload["offline"] = True  # OCPP 2.0.1 E04.FR.03, E11.FR.07
    if event.tell_evse:
        payload["evse"] = {"id": event.evse_id, "connectorId": event.connector_id}  # OCPP 2.0.1 E01.FR.16
    if (teller := _token_to_tell(event)) is not None and (told := id_token_to_wire(teller, words.tokens)) is not None:
        payload["idToken"] = told
    if samples := meter_values_to_wire(event.samples, event.evse_id):
        payload["meterValue"] = samples
    if event.phases_used is not None:
        payload["numberOfPhasesUsed"] = max(0, min(_MAX_PHASES, event.phases_used))  # OCPP 2.0.1 E02.FR.18
    if event.cable_max_a is not None:
        payload["cableMaxCurrent"] = int(event.cable_max_a)
    return Outgoing("TransactionEvent", payload, _read)


def _transaction_info(event: TransactionEvent) -> Json:
    info: Json = {"transactionId": event.transaction_id, "chargingState": str(event.charging_state)}
    if event.time_spent_charging_s is not None:
        info["timeSpentCharging"] = event.time_spent_charging_s
    if event.remote_start_id is not None:
        info["remoteStartId"] = event.remote_start_id  # OCPP 2.0.1 F01.FR.25
    if event.event_type is TransactionEventType.ENDED and event.stop_reason is not None:
        info["stoppedReason"] = str(_STOP_REASONS.get(event.stop_reason, event.stop_reason))  # OCPP 2.0.1 E06.FR.08
    return info


def _token_to_tell(event: TransactionEvent) -> IdToken | None:
    """Return the token of this event: told once after authorisation, and by the one that ended it (E07.FR.02).

    An event that RequestStop or Reset ended carries none (OCPP 2.0.1 TransactionEventRequest.idToken).
    """
    ended_by_csms = event.event_type is TransactionEventType.ENDED and event.stop_reason in _ENDED_BY_CSMS
    if not event.tell_id_token or event.trigger in _BY_CSMS or ended_by_csms:
        return None
    return event.stop_token or event.id_token


def _read(response: Json) -> TransactionAnswer:
    info = response.get("idTokenInfo")
    return TransactionAnswer(id_token_info=None if info is None else id_token_info_from_wire(info))


async def get_status(ctx: Context, req: Json) -> Json:
    """GetTransactionStatus (OCPP 2.0.1 E14)."""
    transaction_id = req.get("transactionId")
    status = await ctx.station.transaction_status(transaction_id)
    response: Json = {"messagesInQueue": status.messages_in_queue}
    if transaction_id is not None:  # E14.FR.06: left out where none was asked for
        response["ongoingIndicator"] = bool(status.ongoing)
    return response
