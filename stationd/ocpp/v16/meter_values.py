"""Meter values outside the events of transactions (block J): clock-aligned on an idle connector, or triggered."""

from stationd.domain.answers import Acknowledged, Answer
from stationd.domain.events import MeterValuesTaken
from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json, Outgoing


def to_wire(ctx: Context, event: MeterValuesTaken) -> Outgoing | None:
    """Translate to MeterValues; None if nothing was measured.

    transactionId is left out while the CSMS has not given one, and for connector 0 (OCPP 1.6 errata 4.0).
    """
    if not (values := wire.meter_values_to_wire(event.samples, event.evse_id)):
        return None
    known = event.evse_id > 0 and event.transaction_id is not None
    payload = wire.without_none(
        connectorId=event.evse_id,
        transactionId=ctx.aliases.alias(event.transaction_id) if known and event.transaction_id else None,
        meterValue=values,
    )
    return Outgoing("MeterValues", payload, _read)


def _read(_response: Json) -> Answer:
    return Acknowledged()
