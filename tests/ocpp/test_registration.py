"""When the station introduces itself."""

from dataclasses import replace

from stationd.domain.answers import BootAnswer
from stationd.domain.states import BootReason, RegistrationStatus
from stationd.ocpp.back_off import BackOff
from stationd.ocpp.registration import Registration, Way
from tests.fakes.ocpp import test_settings

WAY = Way("ws://h/", "CS1", "ocpp2.0.1")


def make() -> Registration:
    settings = test_settings(RETRY_BACK_OFF_WAIT_MINIMUM=7)
    return Registration(BootReason.REMOTE_RESET, BackOff(settings, lambda low, high: low, floor_s=1.0))


def answer(status: RegistrationStatus, interval_s: int = 0) -> BootAnswer:
    return BootAnswer(status, None, interval_s)


def test_a_new_process_introduces_itself_with_the_reason_it_was_given() -> None:
    registration = make()
    assert not registration.holds_for(WAY)
    assert registration.reason is BootReason.REMOTE_RESET
    assert registration.not_before == 0.0


def test_an_accepted_station_does_not_introduce_itself_again_to_the_same_csms() -> None:
    registration = make()
    registration.answered(answer(RegistrationStatus.ACCEPTED), WAY, now=100.0)
    assert registration.holds_for(WAY)
    for other in (replace(WAY, subprotocol="ocpp1.6"), replace(WAY, url="ws://i/"), replace(WAY, identity="CS2")):
        assert not registration.holds_for(other)
    assert registration.reason is BootReason.APPLICATION_RESET


def test_the_interval_of_a_station_that_is_not_accepted_is_a_minimum_wait() -> None:
    for status in (RegistrationStatus.PENDING, RegistrationStatus.REJECTED):
        registration = make()
        registration.answered(answer(status, 60), WAY, now=100.0)
        assert not registration.holds_for(WAY)
        assert registration.not_before == 160.0
        assert registration.reason is BootReason.REMOTE_RESET


def test_an_interval_of_0_leaves_the_wait_to_the_station_and_it_grows() -> None:
    registration = make()
    registration.answered(answer(RegistrationStatus.REJECTED, 0), WAY, now=100.0)
    assert registration.not_before == 107.0
    registration.answered(answer(RegistrationStatus.REJECTED, -5), WAY, now=107.0)
    assert registration.not_before == 121.0


def test_a_boot_notification_without_an_answer_is_repeated_later() -> None:
    registration = make()
    registration.failed(now=100.0, problem="no answer")
    assert registration.problem == "no answer"
    assert registration.not_before == 107.0


def test_a_csms_that_forgot_the_station_gets_a_new_introduction() -> None:
    registration = make()
    registration.answered(answer(RegistrationStatus.ACCEPTED), WAY, now=100.0)
    registration.forgotten()
    assert not registration.holds_for(WAY)
