"""Block P of OCPP 2.0.1, data transfer. The station knows no vendor's messages."""

from stationd.ocpp.version import Context, Json


async def receive(_ctx: Context, _req: Json) -> Json:
    """DataTransfer from the CSMS (OCPP 2.0.1 P01.FR.05: no vendor is known)."""
    return {"status": "UnknownVendorId"}
