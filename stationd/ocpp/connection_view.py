"""The connection to the CSMS as people look at it: what it is doing, and layer by layer where it fails."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from stationd.domain.states import RegistrationStatus
from stationd.ocpp.rpc.findings import CertificateSeen, Findings
from stationd.ocpp.rpc.transport import Layer

EXPIRES_SOON = timedelta(days=30)


class Phase(StrEnum):
    """What the connection is doing."""

    OFFLINE = "offline"
    """On request; until told otherwise."""
    WAITING = "waiting"
    CONNECTING = "connecting"
    REGISTERING = "registering"
    ONLINE = "online"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsmsState:
    """Everything there is to tell."""

    phase: Phase
    url: str | None
    identity: str | None
    subprotocol: str | None
    """The version in use, while connected."""
    registration: RegistrationStatus | None
    connected_since: datetime | None
    last_error: str | None
    """Why the last try failed or the last connection ended."""
    next_dial_at: datetime | None
    security_profile: int | None = None
    exposed: bool = False
    """True where clear text crosses a network."""
    former_password: bool = False
    """True while a password is in use that is not the configured one."""
    failed_layer: Layer | None = None
    """Of `last_error`."""
    failed_at: datetime | None = None
    failures: int = 0
    """Since a connection last held."""
    boot_problem: str | None = None
    """Why the last boot notification led to nothing."""
    findings: Findings | None = None
    """Of the present connection, or of the last try."""

    @property
    def connected(self) -> bool:
        """True while there is a connection, registered or not."""
        return self.phase in (Phase.ONLINE, Phase.REGISTERING)


def summary(state: CsmsState, now: datetime) -> dict[str, Any]:
    """Return the connection in short, as `stationctl status` shows it."""
    wait = None if state.next_dial_at is None else max(0.0, (state.next_dial_at - now).total_seconds())
    return {
        "state": "connected" if state.connected else str(state.phase),
        "url": state.url,
        "ocpp": state.subprotocol,
        "registration": state.registration,
        "since": _stamp(state.connected_since),
        "error": state.last_error,
        "failed_layer": state.failed_layer,
        "next_attempt_s": wait,
        "offline_by_command": state.phase is Phase.OFFLINE,
    }


def details(state: CsmsState, now: datetime) -> dict[str, Any]:
    """Return the connection layer by layer."""
    return {
        **summary(state, now),
        "identity": state.identity,
        "security_profile": state.security_profile,
        "failed_at": _stamp(state.failed_at),
        "failures": state.failures,
        "layers": [
            {"layer": str(layer), "state": word, "detail": text} for layer, word, text in _layers(state, now)
        ],
        "certificate": _certificate(state.findings.certificate if state.findings is not None else None),
        "warnings": _warnings(state, now),
    }  # fmt: skip


def _layers(state: CsmsState, now: datetime) -> list[tuple[Layer, str, str | None]]:
    """Return (layer, ok | failed | waiting | not used | not reached, what was seen there)."""
    seen = state.findings if state.findings is not None else Findings()
    rows = [
        (Layer.CONFIGURATION, *_evidence(None if seen.host is None else f"{seen.host} port {seen.port}")),
        (Layer.DNS, *_dns(seen)),
        (Layer.TCP, *_evidence(seen.address and f"{seen.address} port {_port(seen)}")),
        (Layer.PROXY, *_proxy(seen)),
        (Layer.TLS, *_tls(state, seen, now)),
        (Layer.HTTP, *_evidence(seen.http_status and f"{seen.http_status}")),
        (Layer.SUBPROTOCOL, *_evidence(seen.subprotocol)),
        (Layer.WEBSOCKET, *_evidence(f"open since {_stamp(state.connected_since)}" if state.connected else None)),
        (Layer.OCPP, *_ocpp(state)),
    ]
    if state.connected or state.failed_layer is None or state.phase is Phase.CONNECTING:
        return rows
    failed = [row[0] for row in rows].index(state.failed_layer)
    after = [(layer, "not reached", None) for layer, _, _ in rows[failed + 1 :]]
    return [*rows[:failed], (state.failed_layer, "failed", state.last_error), *after]


def _evidence(text: str | int | None) -> tuple[str, str | None]:
    return ("ok", str(text)) if text else ("not reached", None)


def _dns(seen: Findings) -> tuple[str, str | None]:
    if seen.addresses and not seen.looked_up:
        return "not used", "the CSMS is configured by its address"
    return _evidence(", ".join(seen.addresses))


def _port(seen: Findings) -> str:
    return str(seen.port) if seen.proxy is None else seen.proxy.rpartition(":")[2]


def _proxy(seen: Findings) -> tuple[str, str | None]:
    if seen.proxy is None:
        return ("not used" if seen.host is not None else "not reached"), None
    return _evidence(seen.proxy_status and f"{seen.proxy} answered {seen.proxy_status}")


def _tls(state: CsmsState, seen: Findings, now: datetime) -> tuple[str, str | None]:
    if state.security_profile in (0, 1):
        return "not used", "clear text"
    if seen.tls_version is None:
        return "not reached", None
    words = f"{seen.tls_version}, {seen.tls_suite}"
    if (one := seen.certificate) is not None:
        days = (one.expires - now).days
        words += f", certificate {one.subject} of {one.issuer}, expires {one.expires:%Y-%m-%d} (in {days} days)"
    return "ok", words


def _ocpp(state: CsmsState) -> tuple[str, str | None]:
    if not state.connected:
        return "not reached", None
    if state.phase is Phase.ONLINE:
        return "ok", f"{state.subprotocol}, the CSMS accepted the station"
    if state.boot_problem is not None:
        return "failed", state.boot_problem
    if state.registration is RegistrationStatus.PENDING:
        return "waiting", "the CSMS answered Pending: it has to accept the station there"
    if state.registration is RegistrationStatus.REJECTED:
        return "waiting", "the CSMS answered Rejected: the station has to be allowed there"
    return "waiting", "for the answer to the boot notification"


def _warnings(state: CsmsState, now: datetime) -> list[str]:
    found = []
    if state.exposed:
        found.append("everything, the password too, crosses the network in clear text: use wss:// where you can")
    if state.former_password:
        found.append(
            "the CSMS refused the configured password, the former one is in use: set the right one, here or there"
        )
    certificate = state.findings.certificate if state.findings is not None else None
    if certificate is not None and certificate.expires - now < EXPIRES_SOON:
        found.append(f"the CSMS's certificate expires on {certificate.expires:%Y-%m-%d}: it has to be renewed there")
    return found


def _certificate(seen: CertificateSeen | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    return {"subject": seen.subject, "issuer": seen.issuer, "expires": _stamp(seen.expires)}


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
