"""Block D of OCPP 2.0.1, local authorization list. The station keeps none."""

from stationd.ocpp.version import Context, Json


async def get_version(_ctx: Context, _req: Json) -> Json:
    """GetLocalListVersion (OCPP 2.0.1 D02.FR.03: 0 where the list is not enabled)."""
    return {"versionNumber": 0}
