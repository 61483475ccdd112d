"""Block C of OCPP 2.1, authorization, as far as it differs from 2.0.1: Authorize."""

from stationd.domain.events import AuthorizationRequested
from stationd.ocpp.v21.wire import TOKENS
from stationd.ocpp.v201.authorization import authorize_request
from stationd.ocpp.version import Context, Outgoing


def authorize_to_wire(_ctx: Context, event: AuthorizationRequested) -> Outgoing | None:
    """Return Authorize (OCPP 2.1 C01.FR.02); None for a token that 2.1 cannot say."""
    return authorize_request(event, TOKENS)
