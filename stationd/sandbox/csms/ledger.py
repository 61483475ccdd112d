"""What the sandbox CSMS remembers: stations and the sessions it would bill. No I/O."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Session:
    """One charging session as the CSMS was told of it. Registers are the meter's, in Wh."""

    station: str
    ocpp: str
    transaction_id: str
    evse_id: int
    id_token: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    meter_start_wh: float | None = None
    meter_stop_wh: float | None = None
    last_wh: float | None = None
    power_w: float | None = None
    reason: str | None = None
    seq_nos: list[int] = field(default_factory=list)
    messages: int = 0

    @property
    def energy_wh(self) -> float | None:
        """Billed energy; while it runs, what was told so far."""
        end = self.meter_stop_wh if self.meter_stop_wh is not None else self.last_wh
        if end is None or self.meter_start_wh is None:
            return None
        return end - self.meter_start_wh

    def as_json(self, price_per_kwh: float) -> dict[str, Any]:
        """Return the session with its energy and price."""
        energy = self.energy_wh
        price = None if energy is None else round(energy / 1000 * price_per_kwh, 2)
        return {**asdict(self), "energy_wh": energy, "price": price}


@dataclass(slots=True)
class Station:
    """A station that has connected."""

    identity: str
    ocpp: str
    boot: dict[str, Any] | None = None
    connectors: dict[str, str] = field(default_factory=dict)
    """`1` or `1.1` -> last status."""
    last_heartbeat: str | None = None
    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    connected: bool = True


@dataclass(slots=True)
class Ledger:
    """All stations and sessions, and the verdict on each token."""

    price_per_kwh: float = 0.49
    stations: dict[str, Station] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    """Verdicts other than Accepted, by token."""
    next_transaction: int = 1

    def verdict(self, token: str) -> str:
        """Return the authorisation status of a token, in either version's common words."""
        return self.tokens.get(token.upper(), "Accepted")

    def session(self, station: str, transaction_id: str) -> Session | None:
        """Find a session."""
        for session in reversed(self.sessions):
            if session.station == station and session.transaction_id == transaction_id:
                return session
        return None

    def open(self, session: Session) -> Session:
        """Remember a new session."""
        self.sessions.append(session)
        return session

    def new_transaction_id(self) -> int:
        """Return the next number for a 1.6 transaction."""
        number = self.next_transaction
        self.next_transaction += 1
        return number
