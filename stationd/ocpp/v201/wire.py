"""OCPP 2.0.1's spelling of values that several blocks need. Pure; 2.1 shares what is spelled alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo, IdTokenType
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.ocpp.version import Json

REASON_CODE_LENGTH = 20
ADDITIONAL_INFO_LENGTH = 512
VALUE_LENGTH = 2500  # reported values (OCPP 2.0.1 DeviceDataCtrlr.ReportingValueSize)
_ID_TOKEN_LENGTH = 36
_DECIMALS = 3  # of a meter value: mWh, mW, mA; hides binary rounding

NOT_MEASURANDS = frozenset({Measurand.TEMPERATURE})
"""Measurands of the station that OCPP 2.x has no word for."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Which tokens a version can say."""

    max_length: int
    types: frozenset[str] | None
    """None: any word of at most 20 characters (2.1)."""

    def can_say(self, id_token: IdToken) -> bool:
        """Tell whether the token fits this version's schema."""
        known = len(id_token.type) <= 20 if self.types is None else id_token.type in self.types
        return known and len(id_token.value) <= self.max_length


TOKENS = TokenRules(_ID_TOKEN_LENGTH, frozenset(IdTokenType))


def time_to_wire(at: datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and no fraction (OCPP 2.0.1 part 2 chapter 2.1.5)."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def time_from_wire(text: object) -> datetime | None:
    """Return the time; None if it cannot be read. A time without a zone is taken as UTC."""
    if not isinstance(text, str) or "T" not in text.upper():
        return None
    try:
        at = datetime.fromisoformat(text.upper())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def id_token_to_wire(id_token: IdToken, rules: TokenRules = TOKENS) -> Json | None:
    """Return an IdTokenType; None for a token that this version cannot say."""
    return {"idToken": id_token.value, "type": str(id_token.type)} if rules.can_say(id_token) else None


def id_token_from_wire(token: Json) -> IdToken:
    """Return the token as the CSMS spelled it."""
    return IdToken(token["idToken"], token["type"])


def id_token_info_from_wire(info: Json) -> IdTokenInfo:
    """Return the CSMS's verdict."""
    group = info.get("groupIdToken")
    return IdTokenInfo(
        status=AuthorizationStatus(info["status"]),
        expires_at=time_from_wire(info.get("cacheExpiryDateTime")),
        group=id_token_from_wire(group) if group else None,
        evse_ids=tuple(info.get("evseId", ())),
    )


def meter_values_to_wire(samples: Iterable[MeterSample], evse_id: int) -> list[Json]:
    """Return MeterValueType elements, one per sample; those with nothing to say are left out."""
    elements = []
    for sample in samples:
        values = [_sampled_value(value, sample.context, evse_id) for value in sample.values if _can_say(value)]
        if values:  # an empty sampledValue breaks the schema
            elements.append({"timestamp": time_to_wire(sample.taken_at), "sampledValue": values})
    return elements


def _can_say(value: SampledValue) -> bool:
    return value.measurand not in NOT_MEASURANDS and isfinite(value.value)


def _sampled_value(value: SampledValue, context: ReadingContext, evse_id: int) -> Json:
    """Say everything, defaults too: field reports show readers that do not know them."""
    wire: Json = {
        "value": round(value.value, _DECIMALS),
        "context": str(context),
        "measurand": str(value.measurand),
        "location": "Outlet" if evse_id else "Inlet",  # EVSE 0 is the main meter (OCPP 2.0.1 J01.FR.04)
    }
    if value.phase is not None:
        wire["phase"] = value.phase
    if value.unit is not None:
        wire["unitOfMeasure"] = {"unit": value.unit}
    return wire


def status_info(reason: str | None, info: str | None = None) -> Json | None:
    """Return a StatusInfoType; None without a reason code, which it may not lack."""
    if not reason:
        return None
    wire: Json = {"reasonCode": reason[:REASON_CODE_LENGTH]}
    return wire | {"additionalInfo": info[:ADDITIONAL_INFO_LENGTH]} if info else wire


def answer(status: str, reason: str | None = None, info: str | None = None) -> Json:
    """Return the usual response: a status and, where there is a reason, statusInfo."""
    wire = status_info(reason, info)
    return {"status": str(status)} if wire is None else {"status": str(status), "statusInfo": wire}
