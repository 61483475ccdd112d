"""Block B of OCPP 2.1, provisioning, as far as it differs from 2.0.1: Reset."""

from stationd.ocpp.v201 import provisioning as v201
from stationd.ocpp.v201.wire import answer
from stationd.ocpp.version import Context, Json


async def reset(ctx: Context, req: Json) -> Json:
    """Reset (OCPP 2.1 B11, B12, B13). The station has no TxCtrlr.ResumptionTimeout, so it cannot resume by command."""
    if req["type"] == "ImmediateAndResume":
        return answer("Rejected", "NotEnabled", "TxCtrlr.ResumptionTimeout is absent")  # B13.FR.01
    return await v201.reset(ctx, req)
