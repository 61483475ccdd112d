"""Tokens and verdicts."""

from stationd.domain.id_token import AuthorizationStatus, IdToken, IdTokenInfo


def test_the_same_driver_is_told_without_case_but_with_the_type() -> None:
    assert IdToken("04ab").same_as(IdToken("04AB"))
    assert not IdToken("04ab").same_as(IdToken("04AB", "KeyCode"))
    assert not IdToken("04ab").same_as(IdToken("04ac"))
    assert IdToken("04AB").key == IdToken("04ab").key == ("04ab", "ISO14443")


def test_only_accepted_lets_charging_start() -> None:
    accepted = [status for status in AuthorizationStatus if IdTokenInfo(status).accepted]
    assert accepted == [AuthorizationStatus.ACCEPTED]
