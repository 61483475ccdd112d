"""Block C of OCPP 2.0.1, authorization: Authorize, ClearCache."""

from stationd.domain.events import AuthorizationRequested
from stationd.domain.id_token import IdTokenInfo
from stationd.domain.variable_table import AUTH_CACHE_ENABLED
from stationd.ocpp.v201.wire import TOKENS, TokenRules, answer, id_token_info_from_wire, id_token_to_wire
from stationd.ocpp.version import Context, Json, Outgoing


def authorize_to_wire(_ctx: Context, event: AuthorizationRequested) -> Outgoing | None:
    """Return Authorize (OCPP 2.0.1 C01.FR.02); None for a token that 2.0.1 cannot say."""
    return authorize_request(event, TOKENS)


def authorize_request(event: AuthorizationRequested, rules: TokenRules) -> Outgoing | None:
    """Return Authorize with the token as this version's rules allow it."""
    id_token = id_token_to_wire(event.id_token, rules)
    return None if id_token is None else Outgoing("Authorize", {"idToken": id_token}, _read)


def _read(response: Json) -> IdTokenInfo:
    return id_token_info_from_wire(response["idTokenInfo"])


async def clear_cache(ctx: Context, _req: Json) -> Json:
    """ClearCache (OCPP 2.0.1 C11)."""
    if not ctx.settings.boolean(AUTH_CACHE_ENABLED):
        return answer("Rejected", "NotEnabled")  # C11.FR.04
    return answer("Accepted" if await ctx.station.clear_cache() else "Rejected")  # C11.FR.03, C11.FR.05
