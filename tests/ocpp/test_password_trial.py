"""Which password is used after a change: the new one, or the one that worked."""

from dataclasses import replace
from typing import Any

import pytest

from stationd.domain.errors import StationError
from stationd.ocpp.password_trial import TRIES, PasswordTrial
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from tests.fakes.stores import FakeStateStore

OLD, NEW, NEWER = "old-password-00000", "new-password-00000", "newer-password-000"
AT = ConnectionSettings("ws://127.0.0.1/ocpp", "CS1", ("ocpp1.6",), security_profile=1, password=OLD)
CHANGED = replace(AT, password=NEW)


async def trial(state: FakeStateStore | None = None, *, accepted: bool = True) -> PasswordTrial:
    made = PasswordTrial(state)
    await made.load()
    if accepted:
        assert made.choose(AT).password == OLD
        await made.succeeded()
    return made


async def test_a_first_password_has_no_alternative() -> None:
    one = await trial(accepted=False)
    for _ in range(5):
        assert one.choose(AT).password == OLD
        one.failed(refused=True)
    assert not one.uses_former
    assert not one.on_trial


async def test_a_new_password_that_is_accepted_replaces_the_former() -> None:
    one = await trial()
    assert one.choose(CHANGED).password == NEW
    assert one.on_trial
    await one.succeeded()
    for _ in range(3):
        assert one.choose(CHANGED).password == NEW
        one.failed(refused=True)
    assert not one.on_trial


async def test_a_refused_password_gives_way_to_the_former_one_at_once_and_stays_the_second_choice() -> None:
    one = await trial()
    assert one.choose(CHANGED).password == NEW
    one.failed(refused=True)
    assert one.choose(CHANGED).password == OLD
    assert one.uses_former
    await one.succeeded()
    assert one.choose(CHANGED).password == OLD  # also at the next connection
    one.failed(refused=True)  # the CSMS has learned the new one after all
    assert one.choose(CHANGED).password == NEW
    await one.succeeded()
    one.failed(refused=True)
    assert one.choose(CHANGED).password == NEW


async def test_connections_that_fail_otherwise_give_the_new_password_some_tries() -> None:
    one = await trial()
    used = []
    for _ in range(3 * TRIES):
        used.append(one.choose(CHANGED).password)
        one.failed(refused=False)
    assert used == [NEW] * TRIES + [OLD] * TRIES + [NEW] * TRIES


async def test_a_password_given_after_a_roll_back_is_tried_first() -> None:
    one = await trial()
    one.choose(CHANGED)
    one.failed(refused=True)
    one.choose(CHANGED)
    await one.succeeded()
    third = replace(AT, password=NEWER)
    assert one.choose(third).password == NEWER
    one.failed(refused=True)
    assert one.choose(third).password == OLD


@pytest.mark.parametrize("dials", [0, 1])
async def test_a_restart_in_the_middle_of_a_trial_forgets_nothing(dials: int) -> None:
    state = FakeStateStore()
    one = await trial(state)
    for _ in range(dials):
        one.choose(CHANGED)
        one.failed(refused=True)
    restarted = await trial(state, accepted=False)
    assert restarted.choose(CHANGED).password == NEW
    restarted.failed(refused=True)
    assert restarted.choose(CHANGED).password == OLD
    await restarted.succeeded()
    again = await trial(state, accepted=False)
    assert again.choose(CHANGED).password == OLD


@pytest.mark.parametrize("change", [{"url": "ws://127.0.0.2/ocpp"}, {"identity": "CS2"}])
async def test_a_password_is_never_offered_to_another_csms(change: dict[str, Any]) -> None:
    one = await trial()
    moved = replace(CHANGED, **change)
    for _ in range(2 * TRIES):
        assert one.choose(moved).password == NEW
        one.failed(refused=True)


@pytest.mark.parametrize("profile", [0, 3])
async def test_profiles_without_a_password_are_left_alone(profile: int) -> None:
    one = await trial()
    settings = replace(CHANGED, security_profile=profile)
    assert one.choose(settings) == settings
    one.failed(refused=True)
    await one.succeeded()
    assert one.choose(settings) == settings
    assert one.choose(CHANGED).password == NEW  # and what was known stays known
    one.failed(refused=True)
    assert one.choose(CHANGED).password == OLD


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"good": 1, "bad": 2}'])
async def test_a_history_that_cannot_be_read_is_none(text: str) -> None:
    state = FakeStateStore(facts={"csms.password": text})
    one = await trial(state, accepted=False)
    assert one.choose(AT).password == OLD


async def test_a_disk_that_fails_costs_the_history_and_no_more() -> None:
    class Broken(FakeStateStore):
        async def get(self, name: str) -> str | None:
            raise StationError("cannot read")

        async def put(self, name: str, value: str | None) -> None:
            raise StationError("cannot write")

    one = await trial(Broken())
    one.choose(CHANGED)
    one.failed(refused=True)
    assert one.choose(CHANGED).password == OLD


async def test_what_could_not_be_stored_is_stored_at_the_next_success() -> None:
    state = FakeStateStore()
    one = PasswordTrial(state)
    state.disk.broken = True
    one.choose(AT)
    await one.succeeded()
    assert state.facts == {}
    state.disk.broken = False
    await one.succeeded()
    assert OLD in state.facts["csms.password"]


async def test_no_password_is_in_a_log_or_a_representation(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    one = await trial(FakeStateStore())
    one.choose(CHANGED)
    one.failed(refused=True)
    one.choose(CHANGED)
    await one.succeeded()
    assert "password_rolled_back" in caplog.text
    assert not any(secret in caplog.text + repr(one._known) for secret in (OLD, NEW))
