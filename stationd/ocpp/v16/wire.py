"""OCPP 1.6 spelling of times, tokens, registers and meter values. Pure; the block files of this folder share it.

Registers become whole Wh by rounding each reading half to even, never by rounding a difference. So `meterStop -
meterStart` is the difference of two rounded readings (within 1 Wh of the exact one), the values of consecutive
transactions join without gap or overlap, and a sample of a register shows the same number as meterStart or meterStop.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo, IdTokenType
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.ocpp.version import Json

ID_TAG_LENGTH = 20  # CiString20Type
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")  # without this a bare date would pass for midnight

_PHASES = frozenset({"L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"})
_UNITS = {
    Measurand.CURRENT_IMPORT: "A",
    Measurand.CURRENT_OFFERED: "A",
    Measurand.ENERGY_EXPORT_REGISTER: "Wh",
    Measurand.ENERGY_IMPORT_REGISTER: "Wh",
    Measurand.POWER_IMPORT: "W",
    Measurand.POWER_OFFERED: "W",
    Measurand.TEMPERATURE: "Celsius",  # the schemas also know a misspelling of it, which is in no text
    Measurand.VOLTAGE: "V",
}
"""Domain values are SI. Frequency (Hz is implied) and Power.Factor have no unit in 1.6."""
_REGISTERS = frozenset({Measurand.ENERGY_IMPORT_REGISTER, Measurand.ENERGY_EXPORT_REGISTER})
_OF_TRANSACTION = frozenset({ReadingContext.TRANSACTION_BEGIN, ReadingContext.TRANSACTION_END})


def time_to_wire(at: datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and three decimals."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_from_wire(text: str) -> datetime | None:
    """Return the time in UTC, or None if `text` is none. Without a zone it is taken as UTC (OCPP 1.6 section 3.12)."""
    if not _TIME.match(text):
        return None
    try:
        at = datetime.fromisoformat(text.upper())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def shortened(text: str, limit: int) -> str | None:
    """Return at most `limit` characters; None instead of an empty string, which optional fields must not hold."""
    return text.strip()[:limit] or None


def without_none(**fields: object) -> Json:
    """Return a payload of those fields that have a value: 1.6 knows no null."""
    return {name: value for name, value in fields.items() if value is not None}


def wh_to_wire(register_wh: float) -> int:
    """Return a register reading in whole Wh, rounded half to even."""
    return round(register_wh)


def id_tag_fits(token: IdToken) -> bool:
    """Tell whether 1.6 can name this token without cutting it."""
    return len(_tag(token)) <= ID_TAG_LENGTH


def id_tag_to_wire(token: IdToken) -> str:
    """Return the idTag, cut to its 20 characters where a running transaction must be named somehow."""
    return _tag(token)[:ID_TAG_LENGTH]


def _tag(token: IdToken) -> str:
    # idTag is required in 1.6 where 2.x has tokens without a value (NoAuthorization).
    return token.value or str(token.type)


def id_token_from_wire(id_tag: str) -> IdToken:
    """Return a tag as a token, of the readers' type: the card must be able to end what a remote start with it began."""
    return IdToken(id_tag, IdTokenType.ISO14443)


def id_token_info_from_wire(info: Json) -> IdTokenInfo:
    """Return idTagInfo. parentIdTag gets another type than a tag: a presented tag never equals a parentIdTag."""
    expires = info.get("expiryDate")
    parent = info.get("parentIdTag")
    return IdTokenInfo(
        status=AuthorizationStatus(info["status"]),  # the five words of 1.6 are 2.x words too
        expires_at=time_from_wire(expires) if expires else None,
        group=IdToken(parent, IdTokenType.CENTRAL) if parent else None,
    )


def meter_values_to_wire(samples: Iterable[MeterSample], connector_id: int) -> list[Json]:
    """Return one MeterValue per instant, each value once in it and none without values.

    Where two samples share an instant and a value, the one that begins or ends the transaction stays.
    """
    instants: dict[str, dict[tuple[str, str | None], Json]] = {}
    for sample in samples:
        values = instants.setdefault(time_to_wire(sample.taken_at), {})
        for value in filter(_can_be_sent, sample.values):
            key = value.measurand, value.phase
            if key not in values or sample.context in _OF_TRANSACTION:
                values[key] = _sampled_value(value, sample.context, connector_id)
    return [{"timestamp": at, "sampledValue": list(values.values())} for at, values in instants.items() if values]


def _can_be_sent(value: SampledValue) -> bool:
    return math.isfinite(value.value) and (value.phase is None or value.phase in _PHASES)


def _sampled_value(value: SampledValue, context: ReadingContext, connector_id: int) -> Json:
    register = value.measurand in _REGISTERS
    return without_none(
        value=str(wh_to_wire(value.value)) if register else _decimal(value.value),
        context=str(context),
        measurand=str(value.measurand),
        phase=value.phase,
        location=_location(value.measurand, connector_id),
        unit=_UNITS.get(value.measurand),
    )


def _location(measurand: Measurand, connector_id: int) -> str:
    if measurand is Measurand.TEMPERATURE:
        return "Body"  # the sensor in the housing
    return "Inlet" if connector_id == 0 else "Outlet"  # connector 0 is the grid side


def _decimal(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
