"""Which hosts are this machine."""

import pytest

from stationd.domain.hosts import on_this_machine


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert on_this_machine(host)


@pytest.mark.parametrize("host", [None, "", "localhost.example.org", "192.0.2.1", "10.0.0.1", "::", "0.0.0.0", "csms"])
def test_everything_else_is_not(host: str | None) -> None:
    assert not on_this_machine(host)
