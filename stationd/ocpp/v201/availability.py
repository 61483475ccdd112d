"""Block G of OCPP 2.0.1, availability: StatusNotification, ChangeAvailability."""

from stationd.domain.answers import Acknowledged
from stationd.domain.events import ConnectorStatusChanged
from stationd.domain.states import OperationalStatus
from stationd.ocpp.v201.wire import answer, time_to_wire
from stationd.ocpp.version import Context, Json, Outgoing


def status_to_wire(_ctx: Context, event: ConnectorStatusChanged) -> Outgoing | None:
    """Return StatusNotification (OCPP 2.0.1 G01.FR.01); None for the station itself, which has no status in 2.x."""
    snapshot = event.snapshot
    if snapshot.evse_id == 0:
        return None
    payload: Json = {
        "timestamp": time_to_wire(snapshot.changed_at),
        "connectorStatus": str(snapshot.status),
        "evseId": snapshot.evse_id,
        "connectorId": snapshot.connector_id,
    }
    return Outgoing("StatusNotification", payload, _read)


def _read(_response: Json) -> Acknowledged:
    return Acknowledged()


async def change(ctx: Context, req: Json) -> Json:
    """ChangeAvailability (OCPP 2.0.1 G03, G04): the station, an EVSE or a connector."""
    evse = req.get("evse")
    evse_id, connector_id = (None, None) if evse is None else (evse["id"], evse.get("connectorId"))
    if evse_id is not None:
        places = {(snapshot.evse_id, snapshot.connector_id) for snapshot in ctx.station.connectors()}
        if evse_id not in {known for known, _ in places}:
            return answer("Rejected", "UnknownEvse")
        if connector_id is not None and (evse_id, connector_id) not in places:
            return answer("Rejected", "UnknownConnectorId")
    status = OperationalStatus(req["operationalStatus"])
    return answer(await ctx.station.change_availability(status, evse_id=evse_id, connector_id=connector_id))
