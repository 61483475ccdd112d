"""Block D of OCPP 2.0.1, local authorization list: SendLocalList, GetLocalListVersion. 2.1 does the same."""

from stationd.domain.auth_list import ListEntry, ListUpdate, UpdateKind
from stationd.domain.events import LocalListConflict
from stationd.ocpp.v201.wire import answer, id_token_from_wire, id_token_info_from_wire
from stationd.ocpp.version import Context, Json


async def get_version(ctx: Context, _req: Json) -> Json:
    """GetLocalListVersion (OCPP 2.0.1 D02): 0 without a list (D02.FR.02) and while it is disabled (D02.FR.03)."""
    summary = ctx.station.local_list()
    return {"versionNumber": 0 if summary is None else summary.version}


async def send(ctx: Context, req: Json) -> Json:
    """SendLocalList (OCPP 2.0.1 D01)."""
    entries = [_entry(data) for data in req.get("localAuthorizationList", ())]
    taken = tuple(entry for entry in entries if entry is not None)
    if len(taken) < len(entries):
        return answer("Failed", "InvalidValue", "a cacheExpiryDateTime is no date")
    outcome = await ctx.station.update_local_list(
        ListUpdate(req["versionNumber"], UpdateKind(req["updateType"]), taken)
    )
    return answer(str(outcome.status), outcome.reason, outcome.info)


def _entry(data: Json) -> ListEntry | None:
    """Return an AuthorizationData; None if its end cannot be read: it must not last for ever instead."""
    token, info = id_token_from_wire(data["idToken"]), data.get("idTokenInfo")
    if info is None:
        return ListEntry(token, None)
    read = id_token_info_from_wire(info)
    return None if "cacheExpiryDateTime" in info and read.expires_at is None else ListEntry(token, read)


def conflict_to_wire(_ctx: Context, _event: LocalListConflict) -> None:
    """Return nothing: 2.x has no word for a list that its own CSMS contradicts."""
