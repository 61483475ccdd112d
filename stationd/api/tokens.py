"""`token.present`: what holding a card to the reader does, for stations and test kits without one."""

from typing import Any

from stationd.api.server import Access, InvalidParams, Method
from stationd.domain.id_token import IdToken, IdTokenType
from stationd.station.ports import StationPort

MAX_LENGTH = 36  # OCPP 2.0.1 IdTokenType.idToken


class TokensApi:
    """The methods of this file."""

    def __init__(self, station: StationPort) -> None:
        self._station = station

    def methods(self) -> dict[str, Method]:
        """Return the rows of the table."""
        return {
            "token.present": Method(
                Access.CHANGE, self.present, parameters={"token": str, "type": str, "evse_id": int},
                optional=frozenset({"type", "evse_id"}),
            )
        }  # fmt: skip

    async def present(
        self,
        token: str,
        type: str = IdTokenType.ISO14443,
        evse_id: int | None = None,
    ) -> dict[str, Any]:
        """Present a token."""
        if not 1 <= len(token) <= MAX_LENGTH or not token.isprintable() or not token.isascii():
            raise InvalidParams(f"token must have 1 to {MAX_LENGTH} printable characters, not {token[:40]!r}")
        verdict = await self._station.present_token(IdToken(token, type), evse_id)
        return {"accepted": verdict.accepted, "reason": verdict.reason, "info": verdict.info}
