"""Domain dataclasses as JSON text and back."""

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationd.domain.errors import StorageError
from stationd.domain.events import TransactionEvent
from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo, IdTokenType
from stationd.domain.measurands import MeterSample
from stationd.domain.transaction import Transaction
from stationd.store.codec import decode, encode
from tests.store.samples import NOON, event, transaction

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
_TOKENS = st.builds(IdToken, st.text(max_size=36), st.sampled_from(list(IdTokenType)) | st.text(max_size=20))

st.register_type_strategy(float, _FINITE)
st.register_type_strategy(datetime, _TIMES)
st.register_type_strategy(IdToken, _TOKENS)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    number: float


@dataclass(frozen=True, slots=True)
class Sample:
    text: str
    whole: int
    flag: bool
    at: datetime
    colour: Colour
    pair: tuple[int, str]
    many: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    either: int | str = 0
    unset: int | None = 5


SAMPLE = Sample("ä", 1, True, NOON, Colour.RED, (1, "a"), (Inner(1.5),), Inner(-2.0), "x", None)


@settings(deadline=None)
@given(st.from_type(TransactionEvent))
def test_every_event_comes_back_as_it_was(given: TransactionEvent) -> None:
    assert decode(TransactionEvent, encode(given)) == given


@settings(deadline=None)
@given(st.from_type(Transaction))
def test_every_transaction_comes_back_as_it_was(given: Transaction) -> None:
    assert decode(Transaction, encode(given)) == given


@settings(deadline=None)
@given(st.from_type(IdTokenInfo))
def test_every_verdict_comes_back_as_it_was(given: IdTokenInfo) -> None:
    assert decode(IdTokenInfo, encode(given)) == given


_NAMES = st.sampled_from([field.name for field in fields(Sample)])
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=10),
)


@settings(deadline=None)
@given(_JSON)
def test_whatever_is_in_the_file_is_read_or_refused_with_our_error(value: object) -> None:
    try:
        read = decode(Sample, json.dumps(value))
    except StorageError:
        return
    assert decode(Sample, encode(read)) == read


def test_every_kind_of_field_comes_back() -> None:
    assert decode(Sample, encode(SAMPLE)) == SAMPLE
    assert json.loads(encode(SAMPLE)) == {
        "text": "ä", "whole": 1, "flag": True, "at": "2026-01-01T12:00:00Z", "colour": "red", "pair": [1, "a"],
        "many": [{"number": 1.5}], "maybe": {"number": -2.0}, "either": "x", "unset": None,
    }  # fmt: skip


def test_what_is_none_by_default_takes_no_room() -> None:
    assert "stop_reason" not in json.loads(encode(event(1)))


def test_times_are_stored_in_utc() -> None:
    at = datetime(2026, 6, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    text = encode(IdTokenInfo(AuthorizationStatus.ACCEPTED, at))
    assert json.loads(text)["expires_at"] == "2026-06-01T12:00:00Z"
    read = decode(IdTokenInfo, text)
    assert read.expires_at == at
    assert read.expires_at is not None
    assert read.expires_at.tzinfo is UTC


def test_a_word_that_a_csms_made_up_as_token_type_comes_back() -> None:
    assert decode(IdToken, encode(IdToken("1", "DirectPayment"))).type == "DirectPayment"


def test_a_file_of_a_newer_release_with_more_keys_can_be_read() -> None:
    stored = {**json.loads(encode(transaction())), "colour": {"of": "cable"}}
    assert decode(Transaction, json.dumps(stored)) == transaction()


def test_a_file_of_an_older_release_with_fewer_keys_can_be_read() -> None:
    stored = json.loads(encode(transaction(group=IdToken("g"))))
    del stored["group"], stored["authorized"]
    assert decode(Transaction, json.dumps(stored)) == transaction()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"whole": "1"}, "cannot read Sample.whole: '1' is no whole number"),
        ({"whole": True}, "cannot read Sample.whole: 'True' is no whole number"),
        ({"whole": 1.0}, "cannot read Sample.whole: '1.0' is no whole number"),
        ({"text": 1}, "cannot read Sample.text: '1' is no text"),
        ({"flag": 1}, "cannot read Sample.flag: '1' is no true or false"),
        ({"at": "2026-01-01T12:00:00"}, "cannot read Sample.at: '2026-01-01T12:00:00' is no time with its zone"),
        ({"at": "noon"}, "cannot read Sample.at: 'noon' is no time"),
        ({"colour": "blue"}, "cannot read Sample.colour: 'blue' is no Colour"),
        ({"colour": []}, "cannot read Sample.colour: '\\[\\]' is no Colour"),
        ({"pair": [1]}, "cannot read Sample.pair: it has 1 members, not 2"),
        ({"pair": [1, 2]}, "cannot read Sample.pair\\[1\\]: '2' is no text"),
        ({"many": {}}, "cannot read Sample.many: '{}' is no list"),
        ({"many": [{"number": "x"}]}, "cannot read Sample.many\\[0\\].number: 'x' is no number"),
        ({"many": [{"number": True}]}, "is no number"),
        ({"many": [{"number": 10**400}]}, "is no finite number"),
        ({"many": [{}]}, "cannot read Sample.many\\[0\\]: it has no number"),
        ({"maybe": 3}, "cannot read Sample.maybe: '3' is no Inner"),
        ({"either": 1.5}, "cannot read Sample.either: '1.5' is no whole number"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(changes: dict[str, object], sentence: str) -> None:
    stored = {**json.loads(encode(SAMPLE)), **changes}
    with pytest.raises(StorageError, match=sentence):
        decode(Sample, json.dumps(stored))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"number": NaN}', '{"number": 1e400}', "[" * 100_000])
def test_text_that_is_no_such_value_is_our_error(text: str) -> None:
    with pytest.raises(StorageError):
        decode(Inner, text)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_not_stored(number: float) -> None:
    with pytest.raises(StorageError, match=r"cannot store TransactionEvent.meter_wh: -?(nan|inf) is no finite number"):
        encode(event(0, meter_wh=number))


def test_a_time_without_a_zone_is_not_stored() -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(StorageError, match=r"cannot store TransactionEvent.samples\[0\].taken_at: the time .* no zone"):
        encode(event(0, samples=(MeterSample(naive, event(0).samples[0].context, event(0).samples[0].values),)))


def test_a_field_type_without_a_form_is_found_when_it_is_stored_and_when_it_is_read() -> None:
    @dataclass(frozen=True)
    class Odd:
        blob: bytes

    with pytest.raises(StorageError, match=r"cannot store Odd.blob: a bytes has no form on the disk"):
        encode(Odd(b""))
    with pytest.raises(StorageError, match=r"cannot read Odd.blob: the type .*bytes.* has no form on the disk"):
        decode(Odd, '{"blob": ""}')
