"""The least of all limits wins, and nothing is offered without every condition."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.station.limits import Limit, Offer, Situation, limits, offer_for

FINE = Situation(
    profile_max_a=32.0, phases=3, pilot_max_a=32.0, cable_max_a=20.0, cable=True, authorized=True, operative=True,
    registered=True, blocked_by=None,
)  # fmt: skip


def test_the_least_limit_is_offered() -> None:
    assert offer_for(FINE) == Offer(20.0, 3, permit=True)
    assert offer_for(replace(FINE, others=(Limit("charging_profile", 10.0),))).amps == 10.0
    assert offer_for(replace(FINE, cable_max_a=None, pilot_max_a=25.0)).amps == 25.0


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"cable": False}, "no_cable"),
        ({"authorized": False}, "not_authorized"),
        ({"operative": False}, "unavailable"),
        ({"registered": False}, "not_registered"),
        ({"blocked_by": "rcd_trip"}, "fault:rcd_trip"),
        ({"pilot_max_a": None}, "no_pilot"),
        ({"pilot_max_a": 0.0}, "stationd_pilot"),
    ],
)
def test_any_one_objection_withholds_the_permit_and_names_itself(change: dict[str, object], name: str) -> None:
    situation = replace(FINE, **change)  # type: ignore[arg-type]
    assert offer_for(situation) == Offer(0.0, 3, permit=False)
    assert Limit(name, 0.0) in limits(situation)


@given(st.floats(0, 80))
def test_less_than_pwm_can_offer_is_a_pause(amps: float) -> None:
    offer = offer_for(replace(FINE, others=(Limit("charging_profile", amps),)))
    assert offer.permit == (amps >= 6)
    assert offer.amps == (min(amps, 20.0) if amps >= 6 else 0.0)
