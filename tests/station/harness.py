"""A whole station on fakes, with hands to drive it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from stationd.domain.answers import TransactionAnswer
from stationd.domain.events import (
    ConnectorSnapshot,
    ConnectorStatusChanged,
    MeterValuesTaken,
    TransactionEvent,
    TransactionEventType,
)
from stationd.domain.id_token import IdToken, IdTokenInfo
from stationd.domain.variable_table import rows_for
from stationd.domain.variables import Origin, VariableSpec
from stationd.station.parts import EvseProfile
from stationd.station.ports import StationPort, Verdict
from stationd.station.settings import Settings
from stationd.station.station import Station
from tests.fakes.clock import FakeClock
from tests.fakes.csms import FakeCsms
from tests.fakes.pilot import FakeMeter, FakePilot
from tests.fakes.scheduler import FakeScheduler
from tests.fakes.stores import (
    Disk,
    FakeAuthListStore,
    FakeFaultStore,
    FakeLifecycle,
    FakeStateStore,
    FakeTokenStore,
    FakeTransactionStore,
)

ANNA = IdToken("ANNA")
BERT = IdToken("BERT")
Told = tuple[str, str, str]


class Bench:
    """What survives a restart of the brain, and the brain that runs."""

    def __init__(self, evses: int = 1, settings: Mapping[VariableSpec, str] | None = None, **profile: Any) -> None:
        self.evse_ids = tuple(range(1, evses + 1))
        self.profile = {"phases": 3, "max_a": 32.0, **profile}
        self.chosen = dict(settings or {})
        self.clock = FakeClock()
        self.scheduler = FakeScheduler(self.clock)
        self.pilot = FakePilot(self.clock, self.scheduler, self.evse_ids)
        self.meters = {evse_id: FakeMeter(self.pilot, evse_id) for evse_id in self.evse_ids}
        self.csms = FakeCsms()
        self.disk = Disk()
        self.store = FakeTransactionStore(self.disk)
        self.cache = FakeTokenStore(self.disk)
        self.auth_list = FakeAuthListStore(self.disk)
        self.state = FakeStateStore(self.disk)
        self.faults = FakeFaultStore(self.disk)
        self.lifecycle = FakeLifecycle()
        self.readers: tuple[Any, ...] = ()
        self.station: Station
        self.settings: Settings
        self._ids = 0
        self._run: asyncio.Task[None] | None = None

    def _new_id(self) -> str:
        self._ids += 1
        return f"tx-{self._ids}"

    async def make(self, *, machine_boot_id: str = "machine-1") -> None:
        """Build a station without starting it."""
        self.settings = Settings(rows_for([(evse_id, (1,)) for evse_id in self.evse_ids]))
        for spec, value in self.chosen.items():
            await self.settings.write(spec, value, Origin.CSMS)
        self.station = Station(
            profiles=[EvseProfile(evse_id=evse_id, **self.profile) for evse_id in self.evse_ids],
            settings=self.settings,
            clock=self.clock,
            pilot=self.pilot,
            transactions=self.store,
            tokens=self.cache,
            auth_list=self.auth_list,
            state=self.state,
            faults=self.faults,
            lifecycle=self.lifecycle,
            meters=self.meters,
            readers=self.readers,
            machine_boot_id=machine_boot_id,
            csms=self.csms,
            scheduler=self.scheduler,
            new_id=self._new_id,
        )

    async def start(self, *, machine_boot_id: str = "machine-1", registered: bool = True) -> None:
        await self.make(machine_boot_id=machine_boot_id)
        port: StationPort = self.station
        await self.station.start()
        if registered:
            port.registration_changed(accepted=True)
        self._run = asyncio.create_task(self.station.run())
        await self.settle()

    async def stop(self) -> None:
        """End the brain as SIGTERM does."""
        await self.station.stop()
        await self.kill()

    async def kill(self) -> None:
        """End the brain as SIGKILL does: nothing more is written."""
        if self._run is not None:
            if not self.station._stopping.is_set():
                self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
            self._run = None
        self.pilot._listeners.clear()
        self.scheduler._timers.clear()

    def crashed(self) -> BaseException | None:
        return self._run.exception() if self._run is not None and self._run.done() else None

    # --- hands ---

    async def settle(self) -> None:
        await self.scheduler.settle()
        if (error := self.crashed()) is not None:
            raise error

    async def wait(self, seconds: float) -> None:
        await self.scheduler.advance(seconds)
        await self.settle()

    async def plug_in(self, evse_id: int = 1, *, wants_power: bool = True) -> None:
        self.pilot.plug_in(evse_id, wants_power=wants_power)
        await self.settle()

    async def plug_out(self, evse_id: int = 1) -> None:
        self.pilot.plug_out(evse_id)
        await self.settle()

    async def change(self, evse_id: int = 1, **values: object) -> None:
        self.pilot.change(evse_id, **values)
        await self.settle()

    async def swipe(self, token: IdToken = ANNA, evse_id: int | None = None) -> Verdict:
        task = asyncio.ensure_future(self.station.present_token(token, evse_id))
        await self.settle()
        assert task.done(), "the swipe still waits"
        return task.result()

    async def swiping(self, token: IdToken = ANNA) -> "asyncio.Task[Verdict]":
        task = asyncio.create_task(self.station.present_token(token))
        await self.settle()
        return task

    async def remote_start(self, evse_id: int | None = 1, token: IdToken = ANNA, number: int | None = 7) -> Verdict:
        verdict = await self.station.request_start(evse_id=evse_id, id_token=token, remote_start_id=number)
        await self.settle()
        return verdict

    async def remote_stop(self, transaction_id: str = "tx-1") -> Verdict:
        verdict = await self.station.request_stop(transaction_id)
        await self.settle()
        return verdict

    async def set(self, spec: VariableSpec, value: str) -> None:
        await self.settings.write(spec, value, Origin.CSMS)

    async def answer_event(self, event: TransactionEvent, info: IdTokenInfo) -> None:
        await self.station.transaction_answered(event, TransactionAnswer(id_token_info=info))
        await self.settle()

    async def charge(self, evse_id: int = 1) -> None:
        """Plug in, swipe and charge."""
        await self.plug_in(evse_id)
        assert (await self.swipe(ANNA, evse_id)).accepted

    # --- what is seen ---

    @property
    def events(self) -> list[TransactionEvent]:
        return self.store.events

    def told(self, transaction_id: str | None = None, *, samples: bool = False) -> list[Told]:
        """(type, trigger, charging state) of every event, without mere meter values."""
        return [
            (str(e.event_type), str(e.trigger), str(e.charging_state))
            for e in self.events
            if transaction_id in (None, e.transaction_id) and (samples or not str(e.trigger).startswith("MeterValue"))
        ]

    @property
    def ended(self) -> TransactionEvent:
        last = self.events[-1]
        assert last.event_type is TransactionEventType.ENDED
        return last

    def snapshot(self, evse_id: int = 1) -> ConnectorSnapshot:
        return self.station.connectors()[evse_id - 1]

    def statuses(self, evse_id: int = 1) -> list[str]:
        """2.x status of every published change, without repetitions."""
        found: list[str] = []
        for event in self.csms.published:
            if isinstance(event, ConnectorStatusChanged) and event.snapshot.evse_id == evse_id:
                status = str(event.snapshot.status)
                found += [] if found[-1:] == [status] else [status]
        return found

    def meter_values(self) -> list[MeterValuesTaken]:
        return [event for event in self.csms.published if isinstance(event, MeterValuesTaken)]

    def permitted(self, evse_id: int = 1) -> bool:
        return self.pilot.outlets[evse_id].permit

    def closed(self, evse_id: int = 1) -> bool:
        return self.pilot.outlets[evse_id].closed


@asynccontextmanager
async def bench(
    evses: int = 1,
    settings: Mapping[VariableSpec, str] | None = None,
    *,
    registered: bool = True,
    **profile: Any,
) -> AsyncIterator[Bench]:
    """A started station that is stopped at the end."""
    made = Bench(evses, settings, **profile)
    await made.start(registered=registered)
    try:
        yield made
    finally:
        await made.kill()
