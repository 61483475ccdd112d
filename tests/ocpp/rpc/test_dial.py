"""Dialling, against real servers on loopback: which layer fails is told in one sentence."""

import asyncio
import itertools
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from stationd.ocpp.rpc import dial
from stationd.ocpp.rpc.dial import Limits, connect
from stationd.ocpp.rpc.findings import Findings
from stationd.ocpp.rpc.transport import Layer
from tests.fakes.certificates import Authority
from tests.ocpp.rpc.bad_servers import (
    accept,
    at,
    by_hand,
    drip,
    failure,
    handshake_only,
    raw_server,
    secure,
    server,
    tls_server,
)

# --- DNS --------------------------------------------------------------------------------------------------------------


async def test_a_host_name_is_looked_up_and_each_of_its_addresses_tried() -> None:
    async with server() as (port, _):  # listens on 127.0.0.1 only; localhost is often ::1 first
        link = await connect(at(port, url=f"ws://localhost:{port}/ocpp"))
        await link.close()


async def test_a_name_is_looked_up_anew_at_each_dial() -> None:
    """The CSMS moves: the second look-up tells the new address."""
    answers = itertools.chain([["127.0.0.2"]], itertools.repeat(["127.0.0.1"]))
    async with server() as (port, _):
        settings = at(port, url=f"ws://csms.example:{port}/ocpp")
        error = await failure(settings, lookup=lambda host, port: next(answers))
        assert (error.layer, "csms.example" in str(error)) == (Layer.TCP, True)
        link = await connect(settings, lookup=lambda host, port: next(answers))
        await link.close()


async def test_a_name_server_that_does_not_answer_is_told() -> None:
    begun = time.monotonic()
    error = await failure(
        at(9, url="ws://csms.example:9/"),
        lookup=lambda host, port: time.sleep(1) or [],  # type: ignore[func-returns-value]
        limits=Limits(lookup_s=0.1),
    )
    assert time.monotonic() - begun < 0.9
    assert error.layer is Layer.DNS
    assert "no answer within 0.1 s: check the network and its name server" in str(error)


async def test_a_name_without_an_address_is_a_matter_of_dns() -> None:
    error = await failure(at(9, url="ws://csms.example:9/"), lookup=lambda host, port: [])
    assert (error.layer, str(error)) == (Layer.DNS, "cannot look up csms.example: it has no address")


def test_addresses_of_both_families_take_turns() -> None:
    given = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"]
    assert dial._alternating(given) == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"]
    assert dial._alternating(given[::-1]) == ["192.0.2.1", "2001:db8::3", "2001:db8::2", "2001:db8::1"]
    assert dial._alternating([]) == []


async def test_an_address_that_swallows_everything_does_not_hold_up_the_next() -> None:
    with full_listener() as (full, port):
        async with server(port=port):
            begun = time.monotonic()
            findings = Findings()
            link = await connect(
                at(port, url=f"ws://csms.example:{port}/"),
                findings,
                lookup=lambda host, port: [full, "127.0.0.1"],
                limits=Limits(next_address_s=0.1, connect_s=5),
            )
            assert time.monotonic() - begun < 2
            assert (findings.addresses, findings.address) == ((full, "127.0.0.1"), "127.0.0.1")
            await link.close()


async def test_an_address_that_swallows_everything_is_given_up_in_time() -> None:
    with full_listener() as (full, port):
        error = await failure(at(port, url=f"ws://{full}:{port}/"), limits=Limits(connect_s=0.2))
    assert (error.layer, str(error)) == (
        Layer.TCP, f"cannot reach the CSMS at {full} port {port}: no answer within 0.2 s"
    )  # fmt: skip


async def test_an_unknown_host_is_a_matter_of_dns() -> None:
    error = await failure(at(0, url="ws://no-such-host.invalid/ocpp"))
    assert error.layer is Layer.DNS
    assert "cannot look up no-such-host.invalid" in str(error)


# --- TCP --------------------------------------------------------------------------------------------------------------


@contextmanager
def full_listener() -> Iterator[tuple[str, int]]:
    """An address whose queue of connections is full: it drops what asks for one, as a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.3", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(("127.0.0.3", port))
            fillers.append(filler)
        time.sleep(0.05)
        try:
            yield "127.0.0.3", port
        finally:
            for filler in fillers:
                filler.close()


async def test_a_closed_port_is_a_matter_of_tcp() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(at(unused.getsockname()[1]))
    assert error.layer is Layer.TCP
    assert "connection refused" in str(error) or "connect call failed" in str(error)


@pytest.mark.parametrize("changes", [{"url": "wss://h/"}, {"url": "ws://h:99999/"}, {"security_profile": 1}])
async def test_settings_that_cannot_work_are_told_before_anything_is_dialled(changes: dict[str, Any]) -> None:
    assert (await failure(replace(at(1), **changes))).layer is Layer.CONFIGURATION


async def test_dialling_can_be_given_up_at_any_time() -> None:
    async with raw_server(None) as port:
        dialling = asyncio.create_task(connect(at(port)))
        await asyncio.sleep(0.05)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("use_rsa", [False, True])
async def test_profile_2_with_the_right_certificate(authority: Authority, use_rsa: bool) -> None:
    """TC_A_04; A00.FR.301 to 303, 308, 309, 312, 319."""
    context = tls_server(authority.issue("localhost", hosts=("localhost",), use_rsa=use_rsa))
    async with server(ssl=context) as (port, requests):
        link = await connect(secure(port, authority))
        link.send("hello")
        assert await link.receive() == "hello"
        await link.close()
    assert "Authorization" in requests[0].headers


async def test_the_host_name_may_stand_in_the_common_name_alone(authority: Authority) -> None:
    async with server(ssl=tls_server(authority.issue("localhost"))) as (port, _):
        await (await connect(secure(port, authority))).close()


async def test_an_address_is_compared_with_the_addresses_in_the_certificate(authority: Authority) -> None:
    async with server(ssl=tls_server(authority.issue("csms", hosts=("127.0.0.1",)))) as (port, _):
        await (await connect(secure(port, authority, url=f"wss://127.0.0.1:{port}/"))).close()


async def test_profile_3_shows_the_station_certificate(authority: Authority) -> None:
    """TC_A_07; A00.FR.401, 402, 411, 415, 422."""
    context = tls_server(authority.issue("localhost"), verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(str(authority.ca_file))
    certificate, key = authority.issue("CS1")
    async with server(ssl=context) as (port, requests):
        link = await connect(
            secure(port, authority, security_profile=3, client_certificate_file=str(certificate),
                   client_key_file=str(key))
        )  # fmt: skip
        await link.close()
    assert "Authorization" not in requests[0].headers


async def test_an_expired_station_certificate_is_left_to_the_csms_to_judge(authority: Authority) -> None:
    """A00.FR.430."""
    certificate, key = authority.issue("CS1", begins=timedelta(days=-2), ends=timedelta(days=-1))
    async with server(ssl=tls_server(authority.issue("localhost"))) as (port, _):
        link = await connect(
            secure(port, authority, security_profile=3, client_certificate_file=str(certificate),
                   client_key_file=str(key))
        )  # fmt: skip
        await link.close()


async def test_a_csms_that_wants_a_client_certificate_says_so_in_tls(authority: Authority) -> None:
    context = tls_server(authority.issue("localhost"), verify_mode=ssl.CERT_REQUIRED)
    context.load_verify_locations(str(authority.ca_file))
    async with handshake_only(context) as port:
        error = await failure(secure(port, authority))
    assert error.layer is Layer.TLS
    assert "certificate" in str(error)


async def test_a_certificate_of_another_root_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    """TC_A_05; A00.FR.308, 311."""
    other = Authority(tmp_path, "Other Root")
    async with server(ssl=tls_server(other.issue("localhost"))) as (port, requests):
        error = await failure(secure(port, authority))
    assert (error.layer, "not issued by a root in ca_file" in str(error)) == (Layer.TLS, True)
    assert requests == []  # the password never left


async def test_a_certificate_for_another_host_is_not_trusted(authority: Authority) -> None:
    """TC_A_05; A00.FR.309, 412."""
    async with server(ssl=tls_server(authority.issue("elsewhere", hosts=("elsewhere.example",)))) as (port, _):
        error = await failure(secure(port, authority))
    assert "for another host name" in str(error)


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [(timedelta(days=-2), timedelta(days=-1), "has expired"), (timedelta(days=1), timedelta(days=2), "not valid yet")],
)
async def test_a_certificate_out_of_its_time_is_not_trusted(
    authority: Authority, begins: timedelta, ends: timedelta, words: str
) -> None:
    """TC_A_05; A00.FR.308, 311."""
    async with server(ssl=tls_server(authority.issue("localhost", begins=begins, ends=ends))) as (port, _):
        assert words in str(await failure(secure(port, authority)))


async def test_an_old_tls_is_refused(authority: Authority) -> None:
    """TC_A_06; A00.FR.313, 314, 416, 417."""
    context = tls_server(authority.issue("localhost"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with handshake_only(context) as port:
        error = await failure(secure(port, authority))
    assert (error.layer, "no TLS 1.2 or newer" in str(error)) == (Layer.TLS, True)


async def test_a_csms_with_weak_suites_only_is_refused(authority: Authority) -> None:
    """A00.FR.320, 423."""
    context = tls_server(authority.issue("localhost", use_rsa=True), maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-SHA")
    async with handshake_only(context) as port:
        error = await failure(secure(port, authority))
    assert (error.layer, "none of our TLS suites" in str(error)) == (Layer.TLS, True)


async def test_a_port_without_tls_is_told(authority: Authority) -> None:
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = await failure(secure(port, authority))
    assert error.layer is Layer.TLS
    assert "does not speak TLS" in str(error)


async def test_a_missing_root_file_is_a_matter_of_configuration(authority: Authority, tmp_path: Path) -> None:
    error = await failure(secure(1, authority, ca_file=str(tmp_path / "none.pem")))
    assert error.layer is Layer.CONFIGURATION


async def test_a_self_signed_certificate_is_not_trusted(authority: Authority) -> None:
    """TC_A_05; A00.FR.308."""
    async with server(ssl=tls_server(authority.issue("localhost", self_signed=True))) as (port, requests):
        error = await failure(secure(port, authority))
    assert (error.layer, "is self-signed and is not the root in ca_file" in str(error)) == (Layer.TLS, True)
    assert requests == []


async def test_a_short_key_is_not_trusted(authority: Authority) -> None:
    """A00.FR.501, 502."""
    context = tls_server(authority.issue("localhost", use_rsa=True, rsa_bits=1024), security_level=0)
    async with server(ssl=context) as (port, requests):
        error = await failure(secure(port, authority))
    assert (error.layer, "is too short (RSA needs 2048 bits, EC 224)" in str(error)) == (Layer.TLS, True)
    assert requests == []


async def test_a_certificate_for_clients_does_not_make_a_server(authority: Authority) -> None:
    files = authority.issue("localhost", purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    async with server(ssl=tls_server(files)) as (port, _):
        assert "is not meant for servers" in str(await failure(secure(port, authority)))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_station_certificate_that_the_csms_refuses_is_told(
    authority: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = tls_server(authority.issue("localhost"), verify_mode=ssl.CERT_REQUIRED, maximum_version=version)
    context.load_verify_locations(str(authority.ca_file))
    certificate, key = Authority(tmp_path, "Other Root").issue("CS1")
    async with handshake_only(context) as port:
        error = await failure(
            secure(port, authority, security_profile=3, client_certificate_file=str(certificate),
                   client_key_file=str(key))
        )  # fmt: skip
    assert error.layer is Layer.TLS
    assert "it refuses the station's certificate" in str(error)


async def test_a_csms_with_suites_without_forward_secrecy_needs_the_explicit_switch(authority: Authority) -> None:
    context = tls_server(authority.issue("localhost", use_rsa=True), maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-GCM-SHA256")
    async with server(ssl=context) as (port, _):
        assert (await failure(secure(port, authority))).layer is Layer.TLS
        findings = Findings()
        link = await connect(secure(port, authority, allow_tls_rsa=True), findings)
        await link.close()
    assert (findings.tls_version, findings.tls_suite) == ("TLSv1.2", "AES128-GCM-SHA256")


async def test_a_server_that_says_nothing_in_tls_is_given_up(authority: Authority) -> None:
    async with raw_server(None) as port:
        error = await failure(secure(port, authority), limits=Limits(tls_s=0.2))
    assert (error.layer, str(error)) == (Layer.TLS, "cannot trust the CSMS at localhost: no answer within 0.2 s")


# --- slow ones --------------------------------------------------------------------------------------------------------


async def test_an_answer_that_drips_in_is_given_up() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drip(writer, b"HTTP/1.1 101 Switching Protocols\r\n" * 10, 0.02)

    async with by_hand(talk) as port:
        begun = time.monotonic()
        error = await failure(at(port), limits=Limits(upgrade_s=0.3))
    assert 0.25 < time.monotonic() - begun < 1.5
    assert (error.layer, "within 0.3 s" in str(error)) == (Layer.HTTP, True)


@pytest.mark.parametrize(
    "data",
    [b"\x81\x7e\x10\x00" + b"x" * 4096, b"\x01\x01x" + b"\x00\x01x" * 2000, b"\x81\x7f" + bytes(8)],
    ids=["one frame", "fragments", "a frame's header"],
)
async def test_a_message_that_drips_in_ends_the_connection_with_and_without_pings(data: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await drip(writer, b"\x81\x02[]", 0.0)  # a whole message first
        await drip(writer, data, 0.1)

    async with by_hand(talk) as port:
        link = await connect(at(port), limits=Limits(message_s=0.4))
        assert await link.receive() == "[]"
        begun = time.monotonic()
        with pytest.raises(dial.TransportError, match=r"took more than 0\.4 s for one message"):
            await link.receive()
        assert 0.3 < time.monotonic() - begun < 1.5
        await link.close(timeout_s=0.1)


async def test_messages_in_time_do_not_add_up_to_a_slow_one() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        for _ in range(8):
            await drip(writer, b"\x81\x02[]", 0.03)

    async with by_hand(talk) as port:
        link = await connect(at(port), limits=Limits(message_s=0.3))
        assert [await link.receive() for _ in range(8)] == ["[]"] * 8
        await asyncio.sleep(0.4)
        link.send("still there")
        assert link.transport.get_write_buffer_size() == 0
        assert not link.transport.is_closing()
        await link.close(timeout_s=0.1)


async def test_a_compressed_frame_nobody_agreed_on_ends_the_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(b"\xc1\x03abc")

    async with by_hand(talk) as port:
        link = await connect(at(port))
        with pytest.raises(dial.TransportError, match="broke the WebSocket protocol"):
            await link.receive()
        await link.close(timeout_s=0.1)


# --- what was seen ----------------------------------------------------------------------------------------------------


async def test_the_findings_tell_every_layer_of_a_good_connection(authority: Authority) -> None:
    certificate = authority.issue("localhost", hosts=("localhost",), ends=timedelta(days=2))
    async with server(ssl=tls_server(certificate)) as (port, _):
        findings = Findings()
        await (await connect(secure(port, authority), findings)).close()
    assert (findings.host, findings.port, findings.looked_up) == ("localhost", port, True)
    assert findings.address == "127.0.0.1"
    assert "127.0.0.1" in findings.addresses
    assert (findings.tls_version, findings.tls_suite) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert findings.certificate is not None
    assert (findings.certificate.subject, findings.certificate.issuer) == ("CN=localhost, O=O", "CN=Test Root, O=O")
    left = findings.certificate.expires - datetime.now(UTC)
    assert timedelta(days=1, hours=23) < left <= timedelta(days=2)
    assert (findings.http_status, findings.subprotocol) == (101, "ocpp2.0.1")


async def test_the_findings_of_a_failure_end_where_it_failed(authority: Authority) -> None:
    findings = Findings()
    async with server(ssl=tls_server(authority.issue("elsewhere"))) as (port, _):
        await failure(secure(port, authority), findings=findings)
    assert findings.address == "127.0.0.1"
    assert (findings.tls_version, findings.certificate, findings.http_status) == (None, None, None)
    async with raw_server(b"HTTP/1.1 403 Forbidden\r\n\r\n") as port:
        findings = Findings()
        await failure(at(port), findings=findings)
    assert (findings.looked_up, findings.address, findings.http_status) == (False, "127.0.0.1", 403)
    assert findings.subprotocol is None
