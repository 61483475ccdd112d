"""Local authorisation list (block D): SendLocalList, GetLocalListVersion, and the notice of a contradiction."""

from dataclasses import replace

from stationd.domain.answers import Acknowledged, Answer
from stationd.domain.auth_list import ANY_TYPE, ListEntry, ListUpdate, UpdateKind
from stationd.domain.events import LocalListConflict
from stationd.domain.id_token import AuthorizationStatus, IdToken
from stationd.domain.states import ConnectorStatus
from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json, Outgoing

NOT_SUPPORTED = -1
_STATION_STATUSES = {ConnectorStatus.FAULTED: "Faulted", ConnectorStatus.UNAVAILABLE: "Unavailable"}
"""Connector 0 is Available otherwise."""


async def get_version(ctx: Context, _req: Json) -> Json:
    """Return the version of the list (OCPP 1.6 section 5.10): 0 if it is empty, -1 if it is disabled."""
    summary = ctx.station.local_list()
    if summary is None:
        return {"listVersion": NOT_SUPPORTED}
    return {"listVersion": summary.version if summary.entries else 0}


async def send(ctx: Context, req: Json) -> Json:
    """Take a list or its changes (OCPP 1.6 section 5.15)."""
    if ctx.station.local_list() is None:
        return {"status": "NotSupported"}
    entries = [_entry(data) for data in req.get("localAuthorizationList", ())]
    taken = tuple(entry for entry in entries if entry is not None)
    if len(taken) < len(entries):
        return {"status": "Failed"}
    update = ListUpdate(req["listVersion"], UpdateKind(req["updateType"]), taken, empty_is_version_0=True)
    return {"status": str((await ctx.station.update_local_list(update)).status)}


def _entry(data: Json) -> ListEntry | None:
    """Return an AuthorizationData; None if its end cannot be read: it must not last for ever instead."""
    token, info = IdToken(data["idTag"], ANY_TYPE), data.get("idTagInfo")
    if info is None:
        return ListEntry(token, None)
    read = wire.id_token_info_from_wire(info)
    if "expiryDate" in info and read.expires_at is None:
        return None
    if read.status is AuthorizationStatus.CONCURRENT_TX:  # section 3.5.4: in a list it counts as valid
        read = replace(read, status=AuthorizationStatus.ACCEPTED)
    return ListEntry(token, read)


def conflict_to_wire(ctx: Context, event: LocalListConflict) -> Outgoing:
    """Tell that the list and an answer of the CSMS contradict each other (OCPP 1.6 section 3.5.2)."""
    payload = {
        "connectorId": 0,
        "errorCode": "LocalListConflict",
        "status": _STATION_STATUSES.get(ctx.station.station_snapshot().status, "Available"),
        "timestamp": wire.time_to_wire(event.at),
    }
    return Outgoing("StatusNotification", payload, _read)


def _read(_response: Json) -> Answer:
    return Acknowledged()
