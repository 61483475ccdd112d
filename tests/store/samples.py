"""A transaction and its events, as the station would make them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.states import ChargingState, TriggerReason
from stationd.domain.transaction import Transaction

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def transaction(ident: str = "t1", **changes: Any) -> Transaction:
    values: dict[str, Any] = {
        "transaction_id": ident,
        "evse_id": 1,
        "connector_id": 1,
        "started_at": NOON,
        "meter_start_wh": 1000.5,
        "next_seq_no": 1,
        "id_token": IdToken("04A1B2C3"),
    }
    return Transaction(**{**values, **changes})


def event(seq_no: int, ident: str = "t1", **changes: Any) -> TransactionEvent:
    values: dict[str, Any] = {
        "event_type": TransactionEventType.UPDATED if seq_no else TransactionEventType.STARTED,
        "transaction_id": ident,
        "seq_no": seq_no,
        "timestamp": NOON + timedelta(minutes=seq_no),
        "trigger": TriggerReason.METER_VALUE_PERIODIC,
        "evse_id": 1,
        "connector_id": 1,
        "charging_state": ChargingState.CHARGING,
        "meter_wh": 1000.5 + seq_no,
        "samples": (
            MeterSample(
                NOON,
                ReadingContext.SAMPLE_PERIODIC,
                (SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1000.5 + seq_no, "Wh"),),
            ),
        ),
    }
    return TransactionEvent(**{**values, **changes})


def ended(ident: str, seq_no: int = 0) -> tuple[Transaction, list[TransactionEvent]]:
    """A transaction that ends with this event."""
    last = replace(event(seq_no, ident), event_type=TransactionEventType.ENDED)
    return transaction(ident, next_seq_no=seq_no + 1, ended_at=NOON + timedelta(hours=1)), [last]
