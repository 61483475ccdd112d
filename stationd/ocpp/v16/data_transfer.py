"""Vendor extensions (block P): DataTransfer."""

from stationd.ocpp.version import Context, Json


async def receive(_ctx: Context, _req: Json) -> Json:
    """Refuse every vendor's message: stationd implements none (OCPP 1.6 DataTransfer)."""
    return {"status": "UnknownVendorId"}
