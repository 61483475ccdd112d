"""What the tests of 1.6 share: a context, events, and the check of everything that would leave the station."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema

from stationd.domain.events import TransactionEvent, TransactionEventType
from stationd.domain.id_token import IdToken
from stationd.domain.measurands import Measurand, MeterSample, ReadingContext, SampledValue
from stationd.domain.states import ChargingState, TriggerReason
from stationd.domain.variable_table import rows_for
from stationd.ocpp.v16.routes import ROUTES, VERSION
from stationd.ocpp.version import Context, Json, Outgoing
from stationd.station.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.station import FakeStation

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CARD = IdToken("04A2B3C4D5E680")


@dataclass
class FakeAliases:
    """Implements `ocpp.version.Aliases`."""

    known: dict[str, int] = field(default_factory=dict)

    def alias(self, transaction_id: str) -> int | None:
        return self.known.get(transaction_id)

    def transaction_of(self, alias: int) -> str | None:
        return next((ours for ours, theirs in self.known.items() if theirs == alias), None)


def context(
    station: FakeStation | None = None, *, settings: Settings | None = None, aliases: dict[str, int] | None = None
) -> Context:
    return Context(
        station=station or FakeStation(),
        settings=settings or Settings(rows_for([(1, [1]), (2, [1])])),
        clock=FakeClock(),
        aliases=FakeAliases(dict(aliases or {})),
    )


async def ask(ctx: Context, action: str, request: Json) -> Json:
    """Let the handler answer a valid request, and check its answer."""
    conforms(action, request)
    response = await ROUTES[action](ctx, request)
    conforms(action, response, response=True)
    return response


def sent(outgoing: Outgoing | None) -> Json:
    """Return the payload, checked."""
    assert outgoing is not None
    conforms(outgoing.action, outgoing.payload)
    return outgoing.payload


def conforms(action: str, payload: Any, *, response: bool = False) -> None:
    """Check with the shipped validator, and with the schema file itself, through the wire's own text."""
    validate = (VERSION.response_validator if response else VERSION.request_validator)(action)
    assert validate is not None
    on_the_wire = json.loads(json.dumps(payload, allow_nan=False))
    validate(on_the_wire)
    _schema(action + ("Response" if response else "")).validate(on_the_wire)
    assert_no_nulls(on_the_wire)


@cache
def _schema(name: str) -> jsonschema.Draft4Validator:
    text = files("ocpp.v16").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    return jsonschema.Draft4Validator(json.loads(text))


def assert_no_nulls(value: Any) -> None:
    assert value is not None
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        assert_no_nulls(inner)


def transaction_event(kind: TransactionEventType = TransactionEventType.UPDATED, **changes: Any) -> TransactionEvent:
    values: dict[str, Any] = {
        "event_type": kind,
        "transaction_id": "tx-1",
        "seq_no": 0,
        "timestamp": NOON,
        "trigger": TriggerReason.CHARGING_STATE_CHANGED,
        "evse_id": 1,
        "connector_id": 1,
        "charging_state": ChargingState.CHARGING,
        "meter_wh": 1000.0,
    }
    return TransactionEvent(**{**values, **changes})


def sample(
    *values: SampledValue, at: datetime = NOON, reason: ReadingContext = ReadingContext.SAMPLE_PERIODIC
) -> MeterSample:
    return MeterSample(at, reason, values or (SampledValue(Measurand.ENERGY_IMPORT_REGISTER, 1234.0, "Wh"),))
