"""Reading and writing one attribute: the elements of GetVariables and SetVariables (block B)."""

from typing import Any

from stationd.domain.errors import StorageError
from stationd.domain.variables import DataType, Mutability, Origin, SetOutcome, VariableSpec
from stationd.ocpp.v201.wire import VALUE_LENGTH, status_info
from stationd.ocpp.version import Json
from stationd.station.ports import SettingsPort

ACTUAL = "Actual"
"""The only attribute type the station has."""

_NUMBERS = frozenset({DataType.INTEGER, DataType.DECIMAL})


def get(settings: SettingsPort, element: Json) -> Json:
    """Return the GetVariableResult of a GetVariableData."""
    spec = _find(settings, element)
    if isinstance(spec, str):
        return _result(element, spec)  # B06.FR.06 to B06.FR.08: without a value
    if spec.mutability is Mutability.WRITE_ONLY:
        return _result(element, "Rejected", "WriteOnly")  # B06.FR.09
    value = settings.text(spec)  # B06.FR.13: "" where nothing is set
    return _result(element, "Accepted") | {"attributeValue": value[:VALUE_LENGTH]}


async def write(settings: SettingsPort, element: Json) -> Json:
    """Store one SetVariableData as the CSMS's wish and return its SetVariableResult."""
    spec = _find(settings, element)
    if isinstance(spec, str):
        return _result(element, spec)  # B05.FR.04 to B05.FR.06
    if spec.mutability is Mutability.READ_ONLY:
        return _result(element, "Rejected", "ReadOnly")  # B05.FR.09
    value = element["attributeValue"]
    if (objection := settings.check(spec, value)) is not None:
        return _result(element, "Rejected", _reason(spec, value), objection)  # B05.FR.07, B05.FR.08
    try:
        outcome = await settings.write(spec, value, Origin.CSMS)
    except StorageError:
        return _result(element, "Rejected", "OutOfStorage", "the value cannot be stored durably")
    return _result(element, str(outcome), None if outcome is not SetOutcome.REJECTED else "InvalidValue")


def _find(settings: SettingsPort, element: Json) -> VariableSpec | str:
    """Return the row, or the status that says what is unknown, checked in the standard's order."""
    component, variable = element["component"], element["variable"]
    evse = component.get("evse", {})
    place = {"evse_id": evse.get("id"), "connector_id": evse.get("connectorId")}
    # the station has no component instances (B06.FR.14, B06.FR.15)
    if "instance" in component or not settings.knows_component(component["name"], **place):
        return "UnknownComponent"
    spec = settings.find(component["name"], variable["name"], instance=variable.get("instance"), **place)
    if spec is None:
        return "UnknownVariable"
    return spec if element.get("attributeType", ACTUAL) == ACTUAL else "NotSupportedAttributeType"


def _reason(spec: VariableSpec, value: str) -> str:
    """Return the reason code of a value that the settings refuse."""
    if spec.data_type is DataType.STRING and spec.maximum is not None and len(value) > spec.maximum:
        return "TooLargeElement"
    if spec.data_type not in _NUMBERS:
        return "InvalidValue"
    try:
        number = float(value)
    except ValueError:
        return "InvalidValue"
    below = spec.minimum is not None and number < spec.minimum
    above = spec.maximum is not None and number > spec.maximum
    return "ValueOutOfRange" if below or above else "InvalidValue"


def _result(element: Json, status: str, reason: str | None = None, info: str | None = None) -> Json:
    """Return a result that names what was asked for (B05.FR.02, B06.FR.02), `Actual` where no type was given."""
    result: Json = {
        "attributeStatus": status,
        "attributeType": element.get("attributeType", ACTUAL),
        "component": _echo(element["component"], ("name", "instance", "evse")),
        "variable": _echo(element["variable"], ("name", "instance")),
    }
    if (wire := status_info(reason, info)) is not None:
        result["attributeStatusInfo"] = wire
    return result


def _echo(asked: Json, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: asked[name] for name in names if name in asked}
