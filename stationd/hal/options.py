"""Options of a driver, as the hw-profile gives them -> the driver's `Config`. Every key is read or refused."""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any, TypeVar

from stationd.domain.errors import ConfigurationError

T = TypeVar("T")
_WORDS: Mapping[object, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def config_from_options(config: type[T], options: Mapping[str, Any], where: str) -> T:
    """Return an instance of a `Config` dataclass; its fields are the options, their types are checked.

    A check of its own raises ValueError in `__post_init__`. Types known: str, int, float, bool, and each `| None`.

    Raises:
        ConfigurationError: a key is unknown, missing, or of a wrong value; `where` begins the text.
    """
    known = {field.name: field for field in fields(config)}  # type: ignore[arg-type]
    for key in options:
        if key not in known:
            raise ConfigurationError(f"cannot use {where}: unknown option {key!r}; {suggestion(key, known)}")
    hints = typing.get_type_hints(config)
    for name, field in known.items():
        if name in options:
            _check(name, options[name], hints[name], where)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigurationError(f"cannot use {where}: option {name} is missing; give {_words(hints[name])}")
    try:
        return config(**options)
    except ValueError as error:
        raise ConfigurationError(f"cannot use {where}: {error}") from None


def suggestion(word: str, known: typing.Iterable[str]) -> str:
    """Return the words that help somebody who misspelt one of the known ones."""
    names = sorted(known)
    if near := get_close_matches(word, names, 3, 0.5):
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(names)}" if names else "there are none"


def _check(name: str, value: object, hint: Any, where: str) -> None:
    allowed = _plain_types(hint)
    fits = type(value) in allowed or (type(value) is int and float in allowed)
    if not fits:
        raise ConfigurationError(f"cannot use {where}: option {name} must be {_words(hint)}, not {value!r}")


def _plain_types(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _words(hint: Any) -> str:
    return " or ".join(_WORDS[plain] for plain in _plain_types(hint) if plain in _WORDS)
