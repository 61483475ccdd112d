"""Which hosts are this machine."""

import pytest

from stationd.domain.hosts import on_this_machine, usable_proxy


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert on_this_machine(host)


@pytest.mark.parametrize("host", [None, "", "localhost.example.org", "192.0.2.1", "10.0.0.1", "::", "0.0.0.0", "csms"])
def test_everything_else_is_not(host: str | None) -> None:
    assert not on_this_machine(host)


@pytest.mark.parametrize(
    "url", ["http://proxy:3128", "http://192.0.2.1:8080/", "http://[2001:db8::1]:3128", "http://p"]
)
def test_a_proxy_is_a_host_and_a_port(url: str) -> None:
    assert usable_proxy(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://", "http://proxy:0", "http://proxy:99999",
        "http://user:word@proxy:3128", "http://proxy:3128/path", "http://proxy:3128?a", "http://pro xy:3128",
        "http://prox\u00fc:3128", "http://[::1",
    ],
)  # fmt: skip
def test_anything_else_is_no_proxy(url: str) -> None:
    assert not usable_proxy(url)
