"""Which rows a report holds: GetBaseReport and GetReport (block B). Pure but for reading settings."""

from collections.abc import Sequence

from stationd.domain.variables import Mutability, VariableReport, VariableSpec
from stationd.ocpp.version import Json
from stationd.station.ports import SettingsPort

_CONDITIONS = frozenset({"problem", "tripped", "overload", "fallback"})
_TRUE_OR_ABSENT = frozenset({"Active", "Available", "Enabled"})

_Place = tuple[str, int | None, int | None]


def inventory(settings: SettingsPort, base: str) -> list[VariableReport] | None:
    """Return the entries of a base report; None if the station does not know it (OCPP 2.0.1 B07.FR.02)."""
    if base == "FullInventory":  # B07.FR.08, B07.FR.11: unset rows too
        specs = list(settings.specs())
    elif base == "ConfigurationInventory":  # B07.FR.07: whatever the operator can set
        specs = [spec for spec in settings.specs() if spec.mutability is not Mutability.READ_ONLY]
    elif base == "SummaryInventory":
        specs = [spec for spec in settings.specs() if _in_summary(settings, spec)]
    else:
        return None
    return _entries(settings, specs)


def _in_summary(settings: SettingsPort, spec: VariableSpec) -> bool:
    """Availability of everything, and whatever is wrong (OCPP 2.0.1 B07.FR.09)."""
    name = spec.variable.casefold()
    return name == "availabilitystate" or (name in _CONDITIONS and settings.text(spec) == "true")


def selection(settings: SettingsPort, wanted: Sequence[Json], criteria: frozenset[str]) -> list[VariableReport]:
    """Return the entries that a custom report asks for: of components that meet a criterion, those wanted (B08).

    Nothing wanted or no criteria means no restriction by it.
    """
    meeting = {_place(spec) for spec in settings.specs()}
    if criteria:
        meeting = {place for place in meeting if any(_meets(settings, place, name) for name in criteria)}  # B08.FR.13
    chosen = [
        spec
        for spec in settings.specs()
        if _place(spec) in meeting and (not wanted or any(_matches(spec, element) for element in wanted))
    ]
    return _entries(settings, chosen)


def _entries(settings: SettingsPort, specs: Sequence[VariableSpec]) -> list[VariableReport]:
    return [VariableReport(spec, None if spec.secret else settings.text(spec)) for spec in specs]


def _place(spec: VariableSpec) -> _Place:
    return spec.component, spec.evse_id, spec.connector_id


def _meets(settings: SettingsPort, place: _Place, criterion: str) -> bool:
    """Active, Available, Enabled: true or absent (B08.FR.07 to B08.FR.09); Problem: true (B08.FR.10)."""
    component, evse_id, connector_id = place
    row = settings.find(component, criterion, evse_id=evse_id, connector_id=connector_id)
    if row is None:
        return criterion in _TRUE_OR_ABSENT
    return settings.text(row) == "true"


def _matches(spec: VariableSpec, element: Json) -> bool:
    """Tell whether a ComponentVariable names this row; what it leaves out matches all (B08.FR.20 to B08.FR.25)."""
    component, variable = element["component"], element.get("variable")
    evse = component.get("evse")
    if "instance" in component or not _same(component["name"], spec.component):
        return False  # the station has no component instances
    if evse is not None and evse["id"] != spec.evse_id:
        return False
    if evse is not None and evse.get("connectorId", spec.connector_id) != spec.connector_id:
        return False
    if variable is None:
        return True
    return _same(variable["name"], spec.variable) and _same(variable.get("instance", spec.instance), spec.instance)


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").casefold() == (other or "").casefold()
