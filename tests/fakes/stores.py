"""The station's stores in memory, with a disk that the test can break."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stationd.domain.auth_list import ANY_TYPE, ListSummary, ListUpdate, UpdateKind
from stationd.domain.errors import StorageError
from stationd.domain.events import FaultEvent, TransactionEvent
from stationd.domain.faults import FaultInForce
from stationd.domain.id_token import CachedToken, CachePolicy, IdToken, IdTokenInfo
from stationd.domain.states import BootReason
from stationd.domain.transaction import Transaction


@dataclass
class Disk:
    """What all stores share: it survives the station."""

    broken: bool = False

    async def write(self) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise StorageError("cannot write: the test broke the disk")


@dataclass
class FakeTransactionStore:
    """Implements `station.ports.TransactionStore`; `events` is everything ever committed, in order."""

    disk: Disk = field(default_factory=Disk)
    rows: dict[str, Transaction] = field(default_factory=dict)
    events: list[TransactionEvent] = field(default_factory=list)
    undelivered: int = 0
    gate: asyncio.Event | None = None
    """Set to an unset event to hold commits."""

    async def commit(self, transaction: Transaction, events: Sequence[TransactionEvent]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await self.disk.write()
        self.rows[transaction.transaction_id] = transaction
        self.events += events

    async def open_transactions(self) -> list[Transaction]:
        return [row for row in self.rows.values() if row.ended_at is None]

    async def recent(self, limit: int) -> list[Transaction]:
        return list(self.rows.values())[::-1][:limit]

    async def find(self, transaction_id: str) -> Transaction | None:
        return self.rows.get(transaction_id)

    async def queued(self, transaction_id: str | None = None) -> int:
        return self.undelivered


@dataclass
class FakeTokenStore:
    """Implements `station.ports.TokenStore`; never full. `policies` holds what each `put` was given."""

    disk: Disk = field(default_factory=Disk)
    entries: dict[tuple[str, str], CachedToken] = field(default_factory=dict)
    uses: list[str] = field(default_factory=list)
    policies: list[CachePolicy] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return 100 * len(self.entries)

    async def get(self, id_token: IdToken) -> CachedToken | None:
        return self.entries.get(id_token.key)

    def used(self, id_token: IdToken) -> None:
        self.uses.append(id_token.value)

    async def put(self, id_token: IdToken, info: IdTokenInfo, now: datetime, policy: CachePolicy) -> None:
        await self.disk.write()
        self.policies.append(policy)
        if info.expires_at is None or info.expires_at > now:
            self.entries[id_token.key] = CachedToken(info, now)
        else:
            self.entries.pop(id_token.key, None)

    async def clear(self) -> None:
        await self.disk.write()
        self.entries.clear()


@dataclass
class FakeAuthListStore:
    """Implements `station.ports.AuthListStore`."""

    disk: Disk = field(default_factory=Disk)
    entries: dict[tuple[str, str], IdTokenInfo] = field(default_factory=dict)
    version: int = 0
    reads: int = 0

    @property
    def summary(self) -> ListSummary:
        return ListSummary(self.version, len(self.entries), 100 * len(self.entries))

    async def get(self, id_token: IdToken) -> IdTokenInfo | None:
        self.reads += 1
        if self.disk.broken:
            raise StorageError("cannot read: the test broke the disk")
        return self.entries.get(id_token.key) or self.entries.get((id_token.key[0], ANY_TYPE))

    async def apply(self, update: ListUpdate, *, most_entries: int, most_bytes: int) -> bool:
        await self.disk.write()
        entries = {} if update.kind is UpdateKind.FULL else dict(self.entries)
        for entry in update.entries:
            if entry.info is None:
                entries.pop(entry.id_token.key, None)
            else:
                entries[entry.id_token.key] = entry.info
        if len(entries) > most_entries or 100 * len(entries) > most_bytes:
            return False
        self.entries, self.version = entries, update.version
        return True


@dataclass
class FakeStateStore:
    """Implements `station.ports.StateStore`."""

    disk: Disk = field(default_factory=Disk)
    facts: dict[str, str] = field(default_factory=dict)

    async def get(self, name: str) -> str | None:
        return self.facts.get(name)

    async def put(self, name: str, value: str | None) -> None:
        await self.disk.write()
        if value is None:
            self.facts.pop(name, None)
        else:
            self.facts[name] = value


@dataclass
class FakeFaultStore:
    """Implements `station.ports.FaultStore`; `events` is everything ever put, in order."""

    disk: Disk = field(default_factory=Disk)
    events: list[FaultEvent] = field(default_factory=list)
    held: tuple[FaultInForce, ...] = ()

    async def put(self, event: FaultEvent, in_force: Sequence[FaultInForce]) -> None:
        await self.disk.write()
        self.events.append(event)
        self.held = tuple(in_force)

    async def in_force(self) -> tuple[FaultInForce, ...]:
        return self.held


@dataclass
class FakeLifecycle:
    """Implements `station.ports.Lifecycle`."""

    restarts: list[tuple[BootReason, bool]] = field(default_factory=list)

    def restart(self, reason: BootReason, *, hard: bool) -> None:
        self.restarts.append((reason, hard))
