"""What the tests of OCPP 2.x share: a context on fakes, and schemas read by an independent validator."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema

from stationd.domain.variable_table import rows_for
from stationd.domain.variables import VariableSpec
from stationd.ocpp.version import Context, Json, Outgoing
from stationd.station.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.station import FakeStation

EVSES = ((1, (1,)), (2, (1, 2)))


class NoAliases:
    """Nothing in 2.x has one of 1.6's integers."""

    def alias(self, transaction_id: str) -> int | None:
        raise AssertionError("2.x needs no aliases")

    def transaction_of(self, alias: int) -> str | None:
        raise AssertionError("2.x needs no aliases")


def settings(seeds: dict[VariableSpec, str] | None = None) -> Settings:
    return Settings(rows_for(EVSES), seeds=seeds)


def context(station: FakeStation | None = None, table: Any = None) -> Context:
    return Context(station or FakeStation(), table or settings(), FakeClock(), NoAliases())


@cache
def _schema(version: str, name: str) -> Any:
    text = files("ocpp").joinpath(version, "schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    return jsonschema.Draft6Validator(json.loads(text))


def has_schema(version: str, name: str) -> bool:
    return files("ocpp").joinpath(version, "schemas", f"{name}.json").is_file()


def on_the_wire(version: str, name: str, payload: Json) -> Json:
    """Return the payload as the other side reads it, after checking it against the published schema."""
    text = json.dumps(payload, allow_nan=False)
    read: Json = json.loads(text)
    assert "null" not in text or None not in _values(read), "optional fields are left out, never null"
    errors = [f"{error.json_path}: {error.message}" for error in _schema(version, name).iter_errors(read)]
    assert not errors, errors
    return read


def request(version: str, outgoing: Outgoing | None) -> Json:
    """Return the payload of a CALL as the CSMS reads it."""
    assert outgoing is not None
    return on_the_wire(version, f"{outgoing.action}Request", outgoing.payload)


async def answered(version: str, routes: Any, ctx: Context, action: str, asked: Json) -> Json:
    """Let the handler of an action answer; request and response must both follow their schemas."""
    on_the_wire(version, f"{action}Request", asked)
    return on_the_wire(version, f"{action}Response", await routes[action](ctx, asked))


def _values(json_value: Any) -> list[Any]:
    if isinstance(json_value, dict):
        return [leaf for value in json_value.values() for leaf in _values(value)]
    if isinstance(json_value, list):
        return [leaf for value in json_value for leaf in _values(value)]
    return [json_value]
