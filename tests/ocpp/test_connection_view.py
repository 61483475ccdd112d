"""What people are told of the connection, from given states."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from stationd.domain.states import RegistrationStatus
from stationd.ocpp.connection_view import CsmsState, Phase, details, summary
from stationd.ocpp.rpc.findings import CertificateSeen, Findings
from stationd.ocpp.rpc.transport import Layer

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTHING = CsmsState(
    phase=Phase.CONNECTING, url=None, identity=None, subprotocol=None, registration=None, connected_since=None,
    last_error=None, next_dial_at=None,
)  # fmt: skip
SEEN = Findings(
    host="csms.example", port=443, proxy="proxy:3128", proxy_status=200,
    addresses=("192.0.2.1", "2001:db8::1"), looked_up=True, address="192.0.2.1",
    tls_version="TLSv1.2", tls_suite="ECDHE-RSA-AES256-GCM-SHA384",
    certificate=CertificateSeen("CN=csms.example", "CN=Root", NOW + timedelta(days=200)),
    http_status=101, subprotocol="ocpp2.1",
)  # fmt: skip
ONLINE = replace(
    NOTHING, phase=Phase.ONLINE, url="wss://csms.example/ocpp", identity="CS1", subprotocol="ocpp2.1",
    registration=RegistrationStatus.ACCEPTED, connected_since=NOW, security_profile=2, findings=SEEN,
)  # fmt: skip


def states(state: CsmsState) -> list[str]:
    return [row["state"] for row in details(state, NOW)["layers"]]


def test_before_the_first_dial_nothing_was_reached() -> None:
    told = details(NOTHING, NOW)
    assert set(states(NOTHING)) == {"not reached"}
    assert [row["layer"] for row in told["layers"]] == [
        "configuration", "DNS", "TCP", "proxy", "TLS", "HTTP", "subprotocol", "WebSocket", "OCPP"
    ]  # fmt: skip
    assert (told["state"], told["url"], told["warnings"], told["certificate"]) == ("connecting", None, [], None)


def test_every_layer_of_a_connection_tells_what_was_seen_there() -> None:
    told = details(ONLINE, NOW)
    assert {row["layer"]: row["detail"] for row in told["layers"]} == {
        "configuration": "csms.example port 443",
        "DNS": "192.0.2.1, 2001:db8::1",
        "TCP": "192.0.2.1 port 3128",
        "proxy": "proxy:3128 answered 200",
        "TLS": "TLSv1.2, ECDHE-RSA-AES256-GCM-SHA384, certificate CN=csms.example of CN=Root, "
        "expires 2026-07-20 (in 200 days)",
        "HTTP": "101",
        "subprotocol": "ocpp2.1",
        "WebSocket": "open since 2026-01-01T12:00:00+00:00",
        "OCPP": "ocpp2.1, the CSMS accepted the station",
    }
    assert set(states(ONLINE)) == {"ok"}
    assert told["certificate"] == {
        "subject": "CN=csms.example", "issuer": "CN=Root", "expires": "2026-07-20T12:00:00+00:00"
    }  # fmt: skip
    assert told["warnings"] == []
    assert summary(ONLINE, NOW)["state"] == "connected"


def test_a_failure_stands_in_its_layer_and_nothing_behind_it_was_reached() -> None:
    failed = replace(
        ONLINE, phase=Phase.WAITING, connected_since=None, last_error="refused", failed_layer=Layer.HTTP, failures=3,
        failed_at=NOW, next_dial_at=NOW + timedelta(seconds=7),
        findings=replace(SEEN, http_status=401, subprotocol=None),
    )  # fmt: skip
    assert states(failed) == ["ok", "ok", "ok", "ok", "ok", "failed", "not reached", "not reached", "not reached"]
    told = details(failed, NOW)
    assert told["layers"][5]["detail"] == "refused"
    assert (told["error"], told["failed_layer"], told["failures"], told["next_attempt_s"]) == ("refused", "HTTP", 3, 7)
    assert told["failed_at"] == "2026-01-01T12:00:00+00:00"


def test_an_old_failure_does_not_hide_a_connection_or_a_running_try() -> None:
    again = replace(ONLINE, last_error="refused", failed_layer=Layer.HTTP)
    assert set(states(again)) == {"ok"}
    trying = replace(again, phase=Phase.CONNECTING, connected_since=None, findings=Findings(host="h", port=1))
    assert states(trying)[:2] == ["ok", "not reached"]


def test_a_connection_that_broke_fails_where_it_broke() -> None:
    broken = replace(ONLINE, phase=Phase.WAITING, connected_since=None, last_error="gone", failed_layer=Layer.WEBSOCKET)
    assert states(broken) == ["ok"] * 7 + ["failed", "not reached"]


def test_what_is_not_used_is_told_as_such() -> None:
    plain = Findings(host="192.0.2.1", port=80, addresses=("192.0.2.1",), address="192.0.2.1")
    assert states(replace(ONLINE, security_profile=1, findings=plain))[1:5] == [
        "not used",
        "ok",
        "not used",
        "not used",
    ]


def test_a_station_that_is_not_accepted_waits_for_the_csms_or_fails_in_ocpp() -> None:
    for status, words in (
        (RegistrationStatus.PENDING, "answered Pending"),
        (RegistrationStatus.REJECTED, "answered Rejected"),
        (None, "for the answer"),
    ):
        row = details(replace(ONLINE, phase=Phase.REGISTERING, registration=status), NOW)["layers"][-1]
        assert (row["state"], words in row["detail"]) == ("waiting", True)
    row = details(replace(ONLINE, phase=Phase.REGISTERING, boot_problem="no answer"), NOW)["layers"][-1]
    assert (row["state"], row["detail"]) == ("failed", "no answer")


def test_warnings_say_what_to_do() -> None:
    soon = replace(SEEN, certificate=CertificateSeen("CN=csms.example", "CN=Root", NOW + timedelta(days=29)))
    told = details(replace(ONLINE, exposed=True, former_password=True, findings=soon), NOW)["warnings"]
    assert ["wss://" in told[0], "former one is in use" in told[1], "expires on 2026-01-30" in told[2]] == [True] * 3
