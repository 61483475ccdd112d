from stationd.hwprofile import load
from stationd.pilot.rules import rules_of


def test_the_rules_are_the_least_of_profile_and_site() -> None:
    profile = load("mock")
    rules = rules_of(profile.evses[0], profile, 16.0)
    assert (rules.max_a, rules.has_socket, rules.hold_ms, rules.min_off_ms) == (16.0, True, 60_000, 1_000)
    assert rules_of(profile.evses[0], profile, 63.0).max_a == 32.0
    assert rules_of(profile.evses[0], profile, 0.0).max_a == 0.0
