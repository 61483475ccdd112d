"""Where a station connects."""

from dataclasses import replace
from typing import Any

import pytest

from stationd.domain.errors import ConfigurationError
from stationd.ocpp.rpc.connection_settings import ConnectionSettings

GOOD = ConnectionSettings("ws://csms.example/ocpp", "CS 1/ä", ("ocpp2.0.1",), security_profile=0)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("ws://h/ocpp", "ws://h/ocpp/CS%201%2F%C3%A4"),
        ("ws://h/ocpp/", "ws://h/ocpp/CS%201%2F%C3%A4"),
        ("ws://h:9000", "ws://h:9000/CS%201%2F%C3%A4"),
        ("ws://[::1]:9000/a?key=b", "ws://[::1]:9000/a/CS%201%2F%C3%A4?key=b"),
    ],
)
def test_the_identity_is_one_percent_encoded_segment_of_the_path(url: str, endpoint: str) -> None:
    assert replace(GOOD, url=url).endpoint == endpoint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "wss://h/"}, "must begin with ws://"),
        ({"url": "http://h/"}, "must begin with ws://"),
        ({"url": "h"}, "missing://"),
        ({"url": "ws://"}, "name a host"),
        ({"proxy": "http://u:p@proxy:1"}, "cannot use the proxy proxy:1: write http://host:port"),
        ({"url": "ws://[::1"}, "cannot use the CSMS address"),
        ({"url": "ws://u:p@h/"}, "with user, password"),
        ({"identity": ""}, "without an identity"),
        ({"subprotocols": ()}, "without an OCPP version"),
        ({"security_profile": 4}, "must begin with wss://"),
        ({"security_profile": 4, "url": "wss://h"}, "must be 0, 1, 2 or 3"),
        ({"security_profile": 1}, "without a password"),
        ({"security_profile": 1, "password": "p", "identity": "a:b"}, "must not hold ':'"),
        ({"security_profile": 2, "password": "p"}, "must begin with wss://"),
        ({"security_profile": 2, "password": "p", "url": "wss://h"}, "set ca_file"),
        ({"security_profile": 3, "url": "wss://h", "ca_file": "x"}, "client_certificate_file"),
    ],
)
def test_what_cannot_be_dialled_is_refused_with_the_fix(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        replace(GOOD, **changes).check()


def test_good_settings_pass_and_never_show_the_password() -> None:
    settings = replace(GOOD, security_profile=1, password="s3cret-s3cret-s3", identity="CS1")
    settings.check()
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("changes", "exposed"),
    [
        ({}, True),
        ({"url": "ws://127.0.0.1:9000/"}, False),
        ({"url": "ws://localhost/"}, False),
        ({"url": "wss://csms.example/", "security_profile": 2}, False),
        ({"url": "ws://192.0.2.1/", "security_profile": 1}, True),
    ],
)
def test_clear_text_over_a_network_is_known_as_such(changes: dict[str, Any], exposed: bool) -> None:
    assert replace(GOOD, **changes).exposed is exposed
