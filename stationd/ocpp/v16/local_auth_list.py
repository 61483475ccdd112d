"""Local authorisation list (block D). stationd has none; 1.6 has words of its own for that instead of a CALLERROR."""

from stationd.ocpp.version import Context, Json


async def get_version(_ctx: Context, _req: Json) -> Json:
    """Tell that lists are not supported: -1 (OCPP 1.6 section 5.10)."""
    return {"listVersion": -1}


async def send(_ctx: Context, _req: Json) -> Json:
    """Refuse a list (OCPP 1.6 section 5.15)."""
    return {"status": "NotSupported"}
