"""`config.list|get|set`: the table of settings, for people and scripts."""

import difflib
from typing import Any

from stationd.api.server import Access, InvalidParams, Method, Refused
from stationd.domain.variables import Mutability, Origin, SetOutcome, VariableSpec
from stationd.station.ports import SettingsPort


class SettingsApi:
    """The methods of this file."""

    def __init__(self, settings: SettingsPort) -> None:
        self._settings = settings

    def methods(self) -> dict[str, Method]:
        """Return the rows of the table."""
        return {
            "config.list": Method(Access.READ, self.list, parameters={"pattern": str}, optional=frozenset({"pattern"})),
            "config.get": Method(Access.READ, self.get, parameters={"name": str}),
            "config.set": Method(Access.CHANGE, self.set, parameters={"name": str, "value": str}),
        }

    async def list(self, pattern: str = "") -> list[dict[str, Any]]:
        """Return every setting whose name or 1.6 key contains the pattern."""
        wanted = pattern.casefold()
        return [
            self._row(spec)
            for spec in sorted(self._settings.specs(), key=lambda s: s.name)
            if wanted in spec.name.casefold() or wanted in (spec.key16 or "").casefold()
        ]

    async def get(self, name: str) -> dict[str, Any]:
        """Return one setting."""
        return self._row(self._find(name))

    async def set(self, name: str, value: str) -> dict[str, Any]:
        """Change one setting as the technician."""
        spec = self._find(name)
        if spec.mutability is Mutability.READ_ONLY:
            raise Refused(f"cannot set {spec.name}: it is read-only here; set it in the configuration file")
        if (why := self._settings.check(spec, value)) is not None:
            raise InvalidParams(f"cannot set {spec.name} to {'***' if spec.secret else value!r}: {why}")
        outcome = await self._settings.write(spec, value, Origin.LOCAL)
        if outcome is SetOutcome.REJECTED:
            raise Refused(f"cannot set {spec.name}: the value was refused")
        return {**self._row(spec), "outcome": outcome}

    def _find(self, name: str) -> VariableSpec:
        by_name = {spec.name.casefold(): spec for spec in self._settings.specs()}
        spec = by_name.get(name.casefold()) or self._settings.find_key16(name)
        if spec is None:
            near = difflib.get_close_matches(
                name.casefold(),
                [*by_name, *(s.key16.casefold() for s in by_name.values() if s.key16)],
                n=3,
            )
            names = {s.key16.casefold(): s.key16 for s in by_name.values() if s.key16}
            hint = ", ".join(by_name[n].name if n in by_name else names[n] for n in near)
            raise InvalidParams(f"no setting {name!r}" + (f"; did you mean {hint}?" if hint else "; see config.list"))
        return spec

    def _row(self, spec: VariableSpec) -> dict[str, Any]:
        return {
            "name": spec.name,
            "key16": spec.key16,
            "value": "***" if spec.secret else self._settings.text(spec),
            "origin": self._settings.origin(spec),
            "type": spec.data_type,
            "unit": spec.unit,
            "mutability": spec.mutability,
            "minimum": spec.minimum,
            "maximum": spec.maximum,
            "values": list(spec.values),
            "default": "***" if spec.secret else spec.default,
            "reboot_required": spec.reboot_required,
            "description": spec.description,
        }
