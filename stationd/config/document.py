"""Read the TOML file and its overlays into one tree that remembers which file each value came from."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stationd.domain.errors import ConfigurationError

OVERLAYS = "conf.d"


@dataclass(slots=True)
class Document:
    """Tables by section, where each value came from, and the errors found so far."""

    files: list[Path] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    errors: list[str] = field(default_factory=list)
    _sources: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def error(self, path: tuple[str, ...], problem: str) -> None:
        """Note that the value at `path` is wrong; `problem` follows its name."""
        source = self._sources.get(path) or next(
            (file for place, file in self._sources.items() if place[: len(path)] == path), self.files[0]
        )
        sentence = f"cannot use {source}: {dotted(path)} {problem}"
        if sentence not in self.errors:
            self.errors.append(sentence)

    def table(self, name: str) -> dict[str, Any]:
        """Return a section, empty if there is none or it is no table."""
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            self.error((name,), f"is no table: write it as [{name}]")
            return {}
        return value

    def add(self, file: Path, values: Mapping[str, Any]) -> None:
        """Lay one file over what is there."""
        self.files.append(file)
        self._merge(self.values, values, file, ())

    def _merge(self, below: dict[str, Any], above: Mapping[str, Any], file: Path, path: tuple[str, ...]) -> None:
        for key, value in above.items():
            place = (*path, key)
            if isinstance(value, dict) and isinstance(below.setdefault(key, {}), dict):
                self._merge(below[key], value, file, place)
            else:
                below[key] = value
            if not isinstance(value, dict) or not value:
                self._sources[place] = file


def dotted(path: tuple[str, ...]) -> str:
    """Return a key as people write it: `[section] key`."""
    section, *rest = path
    return f"[{section}]" + "".join(f" {part}" for part in rest)


def near(wrong: str, right: list[str]) -> str:
    """Return what was probably meant, as the end of a sentence."""
    by_folded = {name.casefold(): name for name in right}
    close = get_close_matches(wrong.casefold(), list(by_folded), n=1, cutoff=0.6)
    return f": did you mean {by_folded[close[0]]}?" if close else ""


def read(path: Path) -> Document:
    """Read a file and the overlays in `conf.d` beside it, in the order of their names.

    Raises:
        ConfigurationError: a file cannot be read or is not TOML.
    """
    document = Document()
    folder = path.parent / OVERLAYS
    for file in [path, *sorted(folder.glob("*.toml"))]:
        try:
            with file.open("rb") as opened:
                document.add(file, tomllib.load(opened))
        except OSError as error:
            raise ConfigurationError(f"cannot read {file}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigurationError(f"cannot read {file}: it is not TOML: {error}") from None
    return document
