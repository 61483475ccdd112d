"""The TLS rules and the password header."""

import base64
import ssl
from pathlib import Path

import pytest

from stationd.domain.errors import ConfigurationError
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.security_profile import basic_auth_header, describe_tls_error, tls_context
from tests.fakes.certificates import Authority


def settings(profile: int, **more: object) -> ConnectionSettings:
    return ConnectionSettings("wss://h/", "CS1", ("ocpp2.0.1",), security_profile=profile, **more)  # type: ignore[arg-type]


def test_only_the_profiles_with_a_password_send_it() -> None:
    header = "Basic " + base64.b64encode("CS1:pässword".encode()).decode()
    assert [basic_auth_header(settings(profile, password="pässword")) for profile in range(4)] == [
        None,
        header,
        header,
        None,
    ]


def test_a_password_of_any_bytes_goes_out_as_those_bytes() -> None:
    header = basic_auth_header(settings(1, password="hex:00ff80"))
    assert header is not None
    assert base64.b64decode(header.removeprefix("Basic ")) == b"CS1:\x00\xff\x80"


def test_the_tls_rules_are_those_of_the_standard_and_not_of_the_system(tmp_path: Path) -> None:
    context = tls_context(settings(2, ca_file=str(Authority(tmp_path).ca_file)))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.cert_store_stats()["x509_ca"] == 1  # no system root
    names = {suite["name"] for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"}
    assert {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"} <= names
    assert not any(name.startswith("AES") or "CBC" in name for name in names)


def test_suites_without_forward_secrecy_are_an_explicit_choice(tmp_path: Path) -> None:
    context = tls_context(settings(2, ca_file=str(Authority(tmp_path).ca_file), allow_tls_rsa=True))
    assert context is not None
    assert {"AES128-GCM-SHA256", "AES256-GCM-SHA384"} <= {suite["name"] for suite in context.get_ciphers()}


def test_profiles_without_tls_have_no_context() -> None:
    assert tls_context(settings(0)) is None
    assert tls_context(settings(1)) is None


def test_files_that_are_missing_or_hold_something_else_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"roots from .*nowhere.pem: No such file"):
        tls_context(settings(2, ca_file=str(tmp_path / "nowhere.pem")))
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"roots from .*junk.pem"):
        tls_context(settings(2, ca_file=str(junk)))
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("CS1")
    _, other_key = authority.issue("CS2")
    with pytest.raises(ConfigurationError, match="station certificate"):
        tls_context(
            settings(3, ca_file=str(authority.ca_file), client_certificate_file=str(certificate),
                     client_key_file=str(other_key))
        )  # fmt: skip


def test_a_broken_handshake_without_ssl_words_is_told_too() -> None:
    assert describe_tls_error(ConnectionResetError()) == "the connection broke during the handshake"
