"""Authorisation (block C): Authorize, ClearCache."""

import logging

from stationd.domain.answers import Answer
from stationd.domain.events import AuthorizationRequested
from stationd.ocpp.v16 import wire
from stationd.ocpp.version import Context, Json, Outgoing

log = logging.getLogger(__name__)


def authorize_to_wire(_ctx: Context, event: AuthorizationRequested) -> Outgoing | None:
    """Ask the CSMS about a token; None for one that 1.6 cannot name.

    A cut idTag could be somebody else's, so such a token is treated as if the CSMS could not be asked.
    """
    if not wire.id_tag_fits(event.id_token):
        log.warning("authorization not asked reason=id_tag_too_long longest=%d", wire.ID_TAG_LENGTH)
        return None
    return Outgoing("Authorize", {"idTag": wire.id_tag_to_wire(event.id_token)}, _read)


def _read(response: Json) -> Answer:
    return wire.id_token_info_from_wire(response["idTagInfo"])


async def clear_cache(ctx: Context, _req: Json) -> Json:
    """Empty the authorisation cache (OCPP 1.6 ClearCache); Rejected also where there is no cache (errata)."""
    return {"status": "Accepted" if await ctx.station.clear_cache() else "Rejected"}
