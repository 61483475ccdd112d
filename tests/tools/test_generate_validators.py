"""The committed validators are what the generator makes, and say the same as an independent implementation."""

import importlib
import json
from pathlib import Path
from typing import Any

import fastjsonschema
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stationd.ocpp.version import SchemaViolation
from tools import generate_validators as tool

OCPP = tool.ROOT / "stationd" / "ocpp"


@pytest.mark.parametrize("version", tool.ACTIONS)
def test_the_committed_validators_are_byte_for_byte_what_the_generator_writes(version: str, tmp_path: Path) -> None:
    assert fastjsonschema.VERSION == tool.FASTJSONSCHEMA, "install the fastjsonschema of pyproject.toml"
    committed = {path.name: path.read_text() for path in (OCPP / version / "validators").glob("*.py")}
    assert committed == tool.files_of(version, tool.schema_folder(version))


def test_generating_twice_into_a_folder_leaves_no_stale_module(tmp_path: Path) -> None:
    stale = tmp_path / "v16" / "validators" / "gone_request.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    assert tool.generate(tmp_path) > 150
    assert not stale.exists()


def test_no_generated_module_imports_what_is_not_installed_with_the_daemon() -> None:
    for path in OCPP.glob("v*/validators/*.py"):
        imports = {line for line in path.read_text().splitlines() if line.startswith(("import ", "from "))}
        assert imports <= {
            "import re",
            "from decimal import Decimal",
            "from stationd.ocpp.version import RpcError, SchemaViolation",
            "from stationd.ocpp.v201.validators import custom_data",
            "from stationd.ocpp.v21.validators import custom_data",
        }, path


def test_a_schema_with_an_unknown_keyword_stops_the_generator() -> None:
    with pytest.raises(tool.SchemaError, match="oneOf"):
        tool.inlined({"type": "object", "oneOf": []}, {})


def test_a_schema_that_contains_itself_stops_the_generator() -> None:
    definitions = {"A": {"type": "object", "properties": {"a": {"$ref": "#/definitions/A"}}}}
    with pytest.raises(tool.SchemaError, match="contains itself"):
        tool.inlined({"$ref": "#/definitions/A"}, definitions)


def _strategy(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Payloads near a schema: mostly valid, here and there not."""
    wrong = st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.just([]), st.just({}))
    if not isinstance(node.get("format"), str):  # jsonschema does not judge formats unless told how
        wrong |= st.text(max_size=3)
    return st.integers(0, 30).flatmap(lambda dice: wrong if dice == 0 else _valid(node))


def _valid(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in node:
        node = tool.CUSTOM_DATA_RULES
    if "enum" in node:
        return st.sampled_from([*node["enum"], *node["enum"], *node["enum"], "Nonsense"])
    match node.get("type"):
        case "object":
            required = {
                key: _strategy(sub)
                for key, sub in node.get("properties", {}).items()
                if key in node.get("required", [])
            }
            optional = {key: _strategy(sub) for key, sub in node.get("properties", {}).items() if key not in required}
            extra = {"extra": st.integers()} if node.get("additionalProperties") is False else {}
            whole = st.fixed_dictionaries(required, optional=optional)
            return st.integers(0, 25).flatmap(
                lambda dice: st.fixed_dictionaries({**required, **extra}) if dice == 0 and extra else whole
            )
        case "array":
            return st.lists(_strategy(node["items"]), max_size=3)
        case "string":
            if node.get("format") == "date-time":
                return st.just("2026-01-01T12:00:00Z")
            if node.get("format") == "uri":
                return st.just("https://example.org/file")
            limit = node.get("maxLength", 8)
            return st.sampled_from(["a", "a" * limit, "ä" * limit, "a" * (limit + 1)])
        case "integer":
            return st.integers(-2, 130)
        case "number":
            return st.one_of(st.integers(-2, 130), st.integers(-20, 1300).map(lambda tenths: tenths / 10))
        case "boolean":
            return st.booleans()
    return st.one_of(st.none(), st.integers(), st.text(max_size=4))


DIFFERENTIAL = [
    ("v16", "RemoteStartTransaction", "request"),
    ("v16", "MeterValues", "request"),
    ("v16", "GetConfiguration", "response"),
    ("v201", "SetVariables", "request"),
    ("v201", "TransactionEvent", "request"),
    ("v201", "NotifyReport", "request"),
    ("v21", "BootNotification", "response"),
    ("v21", "NotifyPeriodicEventStream", "request"),
]


@pytest.mark.parametrize(("version", "action", "direction"), DIFFERENTIAL)
def test_a_generated_validator_agrees_with_jsonschema(version: str, action: str, direction: str) -> None:
    schema = tool.schema_of(tool.schema_folder(version), action, direction)
    plain = tool.inlined(schema, schema.get("definitions", {}))
    validate = importlib.import_module(
        f"stationd.ocpp.{version}.validators.{tool.module_name(action, direction)}"
    ).validate
    # multipleOf is left to tests of its own: jsonschema divides in binary and refuses 16.1
    judge = jsonschema.Draft4Validator(_without_multiple_of(schema))

    @settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_strategy(plain))
    def compare(payload: Any) -> None:
        payload = json.loads(json.dumps(payload))
        expected = judge.is_valid(payload)
        assert _passes(validate, payload) == expected, payload

    compare()


def _passes(validate: Any, payload: Any) -> bool:
    try:
        validate(payload)
    except SchemaViolation:
        return False
    return True


def _without_multiple_of(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_multiple_of(value) for key, value in node.items() if key != "multipleOf"}
    return [_without_multiple_of(value) for value in node] if isinstance(node, list) else node
