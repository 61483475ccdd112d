"""What a setting may hold: type, bounds and members of a row, whoever writes it (CSMS, local API, configuration)."""

import math
import re
from datetime import datetime

from stationd.domain.variables import DataType, VariableSpec

LONGEST_VALUE = 2500  # characters of any value; ReportingValueSize of OCPP 2.0.1 ends here
_INTEGER = re.compile(r"-?[0-9]{1,18}")  # fits the 64 bits of a stored integer
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_LISTS = (DataType.MEMBER_LIST, DataType.SEQUENCE_LIST)


def members_of(text: str) -> tuple[str, ...]:
    """Return the members of a list value, without the blanks around them; () for ''."""
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()


def normalised(spec: VariableSpec, text: str) -> str:
    """Return the one spelling in which `text` is stored: `TRUE` is true, `007` is 7, `a, b` is a,b.

    Raises:
        ValueError: the row cannot hold it; the text is one sentence without the value, which may be a secret.
    """
    if len(text) > LONGEST_VALUE:
        raise ValueError(f"is longer than {LONGEST_VALUE} characters")
    if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("holds a control character or half of a surrogate pair")
    if spec.data_type in _LISTS:
        return _list(spec, text)
    return {
        DataType.BOOLEAN: _boolean,
        DataType.INTEGER: _integer,
        DataType.DECIMAL: _decimal,
        DataType.DATE_TIME: _date_time,
        DataType.OPTION_LIST: _option,
        DataType.STRING: _string,
    }[spec.data_type](spec, text)


def _boolean(spec: VariableSpec, text: str) -> str:
    if (value := text.lower()) not in ("true", "false"):
        raise ValueError("is not true or false")
    return value


def _integer(spec: VariableSpec, text: str) -> str:
    if not _INTEGER.fullmatch(text):
        raise ValueError("is not a whole number")
    _within(spec, int(text), "is")
    return str(int(text))


def _decimal(spec: VariableSpec, text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("is not a decimal number")
    _within(spec, float(text), "is")
    return text


def _date_time(spec: VariableSpec, text: str) -> str:
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise ValueError("is not an RFC 3339 time with its zone")
    return text


def _option(spec: VariableSpec, text: str) -> str:
    if spec.values and text not in spec.values:
        raise ValueError(f"is none of {', '.join(spec.values)}")
    return text


def _string(spec: VariableSpec, text: str) -> str:
    _within(spec, len(text), "has a length of")
    return text


def _list(spec: VariableSpec, text: str) -> str:
    members = members_of(text)
    if not members and spec.data_type is DataType.SEQUENCE_LIST:
        raise ValueError("is empty")
    if "" in members:
        raise ValueError("has an empty member")
    if len(set(members)) != len(members):
        raise ValueError("names a member twice")
    if spec.values and (strange := [member for member in members if member not in spec.values]):
        raise ValueError(f"has the member {strange[0][:50]!r}, which is none of {', '.join(spec.values)}")
    return ",".join(members)


def _within(spec: VariableSpec, value: float, verb: str) -> None:
    if not math.isfinite(value):
        raise ValueError("is not finite")
    if spec.minimum is not None and value < spec.minimum:
        raise ValueError(f"{verb} less than {spec.minimum:g}")
    if spec.maximum is not None and value > spec.maximum:
        raise ValueError(f"{verb} more than {spec.maximum:g}")
