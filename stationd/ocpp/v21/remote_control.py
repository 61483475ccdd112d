"""Block F of OCPP 2.1, remote control, as far as it differs from 2.0.1: RequestStopTransaction."""

from stationd.ocpp.v201.remote_control import verdict_to_wire
from stationd.ocpp.version import Context, Json


async def stop(ctx: Context, req: Json) -> Json:
    """RequestStopTransaction (OCPP 2.1 F03.FR.07, F03.FR.08); its reason code is TxNotFound."""
    return verdict_to_wire(await ctx.station.request_stop(req["transactionId"]))
