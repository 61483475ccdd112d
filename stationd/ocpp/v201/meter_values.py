"""Block J of OCPP 2.0.1, meter values outside transaction events: MeterValues."""

from stationd.domain.answers import Acknowledged
from stationd.domain.events import MeterValuesTaken
from stationd.ocpp.v201.wire import meter_values_to_wire
from stationd.ocpp.version import Context, Json, Outgoing


def to_wire(_ctx: Context, event: MeterValuesTaken) -> Outgoing | None:
    """Return MeterValues (OCPP 2.0.1 J01.FR.14); None if nothing measured has a word in 2.x."""
    elements = meter_values_to_wire(event.samples, event.evse_id)
    if not elements:
        return None
    return Outgoing("MeterValues", {"evseId": event.evse_id, "meterValue": elements}, _read)


def _read(_response: Json) -> Acknowledged:
    return Acknowledged()
