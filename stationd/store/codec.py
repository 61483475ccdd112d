"""Domain dataclasses to JSON text and back, by their field types.

Strict on reading: a value of another type is an error, not a guess. Forward compatible: unknown keys are ignored, and a
missing key takes its field's default, so that an older file can be read after a field was added.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from stationd.domain.errors import StorageError

T = TypeVar("T")


def encode(value: Any) -> str:
    """Return a dataclass as JSON text; fields that are None by default and None are left out.

    Raises:
        StorageError: it holds something that cannot be stored (a time without a zone, NaN).
    """
    return json.dumps(_plain(value, type(value).__name__), separators=(",", ":"), allow_nan=False)


def decode(cls: type[T], text: str) -> T:
    """Return the dataclass that `text` describes.

    Raises:
        StorageError: it describes something else; the sentence names the field.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"cannot read a stored {cls.__name__}: {error}") from None
    decoded: T = _dataclass(cls, value, cls.__name__)
    return decoded


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise StorageError(f"cannot store {path}: {value} is no finite number")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise StorageError(f"cannot store {path}: the time {value} has no zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_plain(item, f"{path}[{number}]") for number, item in enumerate(value)]
    if is_dataclass(value):
        present = ((field, getattr(value, field.name)) for field in fields(value))
        return {
            field.name: _plain(item, f"{path}.{field.name}")
            for field, item in present
            if not (item is None and field.default is None)
        }
    raise StorageError(f"cannot store {path}: a {type(value).__name__} has no form on the disk")


@cache
def _shape(cls: type) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(cls)
    return tuple((field, hints[field.name]) for field in fields(cls))


def _dataclass(cls: type, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _mismatch(path, cls.__name__, value)
    known: dict[str, Any] = {}
    for field, kind in _shape(cls):
        if field.name in value:
            known[field.name] = _typed(kind, value[field.name], f"{path}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise StorageError(f"cannot read {path}: it has no {field.name}")
    return cls(**known)


def _typed(kind: Any, value: Any, path: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _union(get_args(kind), value, path)
    if origin is tuple:
        return _tuple(get_args(kind), value, path)
    if isinstance(kind, type):
        if is_dataclass(kind):
            return _dataclass(kind, value, path)
        if issubclass(kind, Enum):
            return _enum(kind, value, path)
        if (read := _SCALARS.get(kind)) is not None:
            return read(value, path)
    raise StorageError(f"cannot read {path}: the type {kind} has no form on the disk")


def _union(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    failures: list[StorageError] = []
    for kind in kinds:
        if kind is NoneType:
            continue
        try:
            return _typed(kind, value, path)
        except StorageError as error:
            failures.append(error)
    raise failures[0]


def _tuple(kinds: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _mismatch(path, "list", value)
    if kinds[-1] is Ellipsis:
        return tuple(_typed(kinds[0], item, f"{path}[{number}]") for number, item in enumerate(value))
    if len(kinds) != len(value):
        raise StorageError(f"cannot read {path}: it has {len(value)} members, not {len(kinds)}")
    pairs = zip(kinds, value, strict=True)
    return tuple(_typed(kind, item, f"{path}[{number}]") for number, (kind, item) in enumerate(pairs))


def _enum(kind: type[Enum], value: Any, path: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise _mismatch(path, kind.__name__, value) from None


def _bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(path, "true or false", value)
    return value


def _int(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(path, "whole number", value)
    return value


def _float(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(path, "number", value)
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")):  # 1e400 is valid JSON
        raise _mismatch(path, "finite number", value)
    return number


def _str(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(path, "text", value)
    return value


def _datetime(value: Any, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(_str(value, path))
    except ValueError:
        raise _mismatch(path, "time", value) from None
    if at.tzinfo is None:
        raise _mismatch(path, "time with its zone", value)
    return at.astimezone(UTC)


_SCALARS: dict[type, Callable[[Any, str], Any]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    datetime: _datetime,
}


def _mismatch(path: str, wanted: str, value: Any) -> StorageError:
    return StorageError(f"cannot read {path}: {str(value)[:40]!r} is no {wanted}")
