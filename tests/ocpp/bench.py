"""A whole connection on the bench: the real `Csms`, a station that records, a CSMS on a real WebSocket."""

import asyncio
from functools import partial
from typing import Any

from stationd.domain.states import BootReason
from stationd.ocpp.connection_view import Phase
from stationd.ocpp.csms import Csms
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.dial import LIMITS, Limits, connect
from stationd.ocpp.versions import Loader
from stationd.station.ports import Trigger
from tests.fakes.ocpp import FakeCsms, RunningClock, eventually, test_settings, version
from tests.fakes.outbox import FakeOutbox
from tests.fakes.station import FakeStation
from tests.fakes.stores import FakeStateStore


class TriggeringStation(FakeStation):
    """A station whose `trigger` publishes what the test put into `publishes`."""

    csms: Csms
    publishes: dict[str, Any]

    def trigger(self, what: Trigger, evse_id: int | None = None) -> bool:
        self.csms.publish(self.publishes[what])
        return True


class Bench:
    """Starts with `start`; `stop` closes everything."""

    def __init__(
        self,
        server: FakeCsms,
        *,
        boot_reason: BootReason = BootReason.POWER_UP,
        limits: Limits = LIMITS,
        lasting_s: float = 30.0,
        state: FakeStateStore | None = None,
        **settings: Any,
    ) -> None:
        self.server = server
        self.settings = test_settings(**settings)
        self.clock, self.outbox = RunningClock(), FakeOutbox()
        self.station = TriggeringStation()
        self.station.publishes = {}
        self.connection: dict[str, Any] = {"identity": "CS1", "subprotocols": ("ocpp2.0.1",), "security_profile": 0}
        self.versions: dict[str, Loader] = {
            "ocpp2.0.1": version,
            "ocpp1.6": lambda: version(subprotocol="ocpp1.6", has_station_status=True),
        }
        self.dice: list[tuple[float, float]] = []
        self.csms = Csms(
            connection=lambda: ConnectionSettings(**{"url": self.server.url, **self.connection}),
            settings=self.settings,
            clock=self.clock,
            outbox=self.outbox,
            boot_reason=boot_reason,
            state=state,
            dial=partial(connect, limits=limits),
            lasting_s=lasting_s,
            versions=self.versions,
            uniform=self._uniform,
        )
        self.station.csms = self.csms
        self.task: asyncio.Task[None] | None = None

    def _uniform(self, low: float, high: float) -> float:
        self.dice.append((low, high))
        return low

    def start(self) -> asyncio.Task[None]:
        self.task = asyncio.create_task(self.csms.run(self.station))
        return self.task

    async def online(self) -> None:
        await eventually(lambda: self.csms.state.phase is Phase.ONLINE)

    async def stop(self) -> None:
        await self.csms.close()
        if self.task is not None:
            await self.task

    @property
    def registrations(self) -> list[bool]:
        return [call["accepted"] for name, call in self.station.calls if name == "registration_changed"]
