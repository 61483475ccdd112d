"""One row of the settings as the device model shows it: ReportDataType (block B). Pure."""

from stationd.domain.variables import DataType, Mutability, VariableReport, VariableSpec
from stationd.ocpp.v201.wire import VALUE_LENGTH
from stationd.ocpp.version import Json

_LISTS = frozenset({DataType.OPTION_LIST, DataType.MEMBER_LIST, DataType.SEQUENCE_LIST})
_BOUNDED = frozenset({DataType.INTEGER, DataType.DECIMAL, DataType.STRING})
_VALUES_LIST_LENGTH = 1000


def to_wire(entry: VariableReport) -> Json:
    """Return the entry of a report; a secret has no value (OCPP 2.0.1 B07.FR.03), an unset row an empty one."""
    spec = entry.spec
    component: Json = {"name": spec.component}
    if spec.evse_id is not None:
        component["evse"] = {"id": spec.evse_id}
        if spec.connector_id is not None:
            component["evse"]["connectorId"] = spec.connector_id
    variable: Json = {"name": spec.variable}
    if spec.instance is not None:
        variable["instance"] = spec.instance
    attribute: Json = {
        "type": "Actual",
        "mutability": str(spec.mutability),
        "persistent": spec.mutability is not Mutability.READ_ONLY,
    }
    if entry.value is not None and not spec.secret:
        attribute["value"] = entry.value[:VALUE_LENGTH]
    return {
        "component": component,
        "variable": variable,
        "variableAttribute": [attribute],
        "variableCharacteristics": characteristics(spec),
    }


def characteristics(spec: VariableSpec) -> Json:
    """Return VariableCharacteristicsType (OCPP 2.0.1 B08.FR.12). The limit of a text is its greatest length."""
    wire: Json = {"dataType": str(spec.data_type), "supportsMonitoring": False}
    if spec.unit is not None:
        wire["unit"] = spec.unit
    if spec.minimum is not None and spec.data_type in _BOUNDED and spec.data_type is not DataType.STRING:
        wire["minLimit"] = spec.minimum
    if spec.maximum is not None and spec.data_type in _BOUNDED:
        wire["maxLimit"] = spec.maximum
    if spec.values and spec.data_type in _LISTS:
        wire["valuesList"] = _joined(list(spec.values))
    return wire


def _joined(words: list[str]) -> str:
    """Join whole words as far as the schema lets them."""
    while len(text := ",".join(words)) > _VALUES_LIST_LENGTH:
        words = words[:-1]
    return text
