"""Which EVSE a card means."""

from typing import Any

import pytest

from stationd.domain.id_token import IdToken
from stationd.station.selection import Choice, EvseView, Meaning, choose, choose_start

ANNA, BERT = IdToken("ANNA"), IdToken("bert")


def view(evse_id: int, **values: Any) -> EvseView:
    usual = {"refusal": None, "taken": False, "cable": False, "plugged_at_s": 0.0, "finishing": False}
    return EvseView(evse_id=evse_id, **{**usual, **values})


def plugged(evse_id: int, at: float = 1.0, **values: Any) -> EvseView:
    return view(evse_id, cable=True, plugged_at_s=at, **values)


def charging(evse_id: int, token: IdToken, at: float = 1.0) -> EvseView:
    return plugged(evse_id, at, taken=True, holder=token)


CASES = {
    "a free EVSE": ([view(1), view(2)], Choice(Meaning.START, 1)),
    "the one with a cable before a free one": ([view(1), plugged(2)], Choice(Meaning.START, 2)),
    "the most recently plugged of several": ([plugged(1, 5.0), plugged(2, 9.0)], Choice(Meaning.START, 2)),
    "its own transaction before a free EVSE": ([view(1), charging(2, ANNA)], Choice(Meaning.STOP, 2)),
    "a second car before its own transaction": ([charging(1, ANNA), plugged(2, 9.0)], Choice(Meaning.START, 2)),
    "a free EVSE before another's transaction": ([charging(1, BERT), view(2)], Choice(Meaning.START, 2)),
    "a group's transaction where nothing is free": (
        [charging(1, BERT, 5.0), charging(2, BERT, 9.0)],
        Choice(Meaning.STOP_BY_GROUP, 2),
    ),
    "the cable that it waits for": ([view(1, taken=True, waiting=ANNA), plugged(2)], Choice(Meaning.CANCEL, 1)),
    "a finished cable only where nothing is free": (
        [plugged(1, 9.0, finishing=True), view(2)],
        Choice(Meaning.START, 2),
    ),
    "a finished cable to charge again": ([plugged(1, finishing=True)], Choice(Meaning.START, 1)),
    "a cable kept for it": ([plugged(1, finishing=True, kept_for=ANNA)], Choice(Meaning.RELEASE, 1)),
    "nothing on a faulted EVSE": ([plugged(1, refusal="Faulted")], Choice(Meaning.REFUSE, 1, "Faulted")),
    "nothing where another token waits": (
        [view(1, taken=True, waiting=BERT)],
        Choice(Meaning.REFUSE, 1, "TxInProgress"),
    ),
    "its transaction on a faulted EVSE": (
        [plugged(1, taken=True, refusal="Faulted", holder=ANNA)],
        Choice(Meaning.STOP, 1),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_card_means(case: str) -> None:
    views, expected = CASES[case]
    assert choose(views, ANNA) == expected


def test_a_reader_of_one_evse_means_that_one() -> None:
    assert choose([plugged(1), view(2)], ANNA, 2) == Choice(Meaning.START, 2)
    assert choose([plugged(1), view(2)], ANNA, 3) == Choice(Meaning.REFUSE, 3, "UnknownEvse")


def test_tokens_are_compared_without_case_but_with_type() -> None:
    assert choose([charging(1, BERT)], IdToken("BERT")).meaning is Meaning.STOP
    assert choose([charging(1, BERT)], IdToken("BERT", "KeyCode")).meaning is Meaning.STOP_BY_GROUP


def test_a_remote_start_goes_to_the_evse_named_or_the_likeliest() -> None:
    views = [view(1), plugged(2, 3.0), plugged(3, 4.0), plugged(4, 9.0, finishing=True)]
    assert choose_start(views, 1) == Choice(Meaning.START, 1)
    assert choose_start(views, None) == Choice(Meaning.START, 3)
    assert choose_start(views[:1] + views[3:], None) == Choice(Meaning.START, 1)
    assert choose_start(views, 9).reason == "UnknownEvse"
    assert choose_start([charging(1, ANNA)], 1).reason == "TxInProgress"
    assert choose_start([view(1, refusal="Unavailable")], None).reason == "Unavailable"
