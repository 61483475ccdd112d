"""`fault.list|reset` and `pilot.test_rcd`: what is wrong, and what a technician may do about it from here."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from stationd.api.server import Access, InvalidParams, Method, Refused
from stationd.api.texts import fault_text
from stationd.domain.faults import FaultInForce, row_of
from stationd.domain.pilot import PilotStatus

TEST_S = 5.0
"""A self-test is over before, whatever its result."""
POLL_S = 0.1


class FaultedStation(Protocol):
    """What is asked of the station."""

    def faults_in_force(self) -> tuple[FaultInForce, ...]:
        """Return every fault in force with the time at which it was first seen."""
        ...

    async def reset_fault(self, evse_id: int, code: str) -> str | None:
        """Clear a latched fault whose cause is gone. Returns why not, in words."""
        ...

    async def test_rcd(self, evse_id: int) -> str | None:
        """Begin a test of the residual current device. Returns why not, in words."""
        ...


class FaultsApi:
    """The methods of this file."""

    def __init__(self, station: FaultedStation, status: Callable[[int], PilotStatus | None]) -> None:
        self._station = station
        self._status = status

    def methods(self) -> dict[str, Method]:
        """Return the rows of the table."""
        return {
            "fault.list": Method(Access.READ, self.list),
            "fault.reset": Method(
                Access.CHANGE, self.reset, parameters={"code": str, "evse_id": int}, optional=frozenset({"evse_id"})
            ),
            "pilot.test_rcd": Method(Access.CHANGE, self.test_rcd, parameters={"evse_id": int}),
        }

    async def list(self) -> list[dict[str, Any]]:
        """Return every fault in force."""
        return [_json(held) for held in self._station.faults_in_force()]

    async def reset(self, code: str, evse_id: int | None = None) -> dict[str, Any]:
        """Clear a latched fault; without `evse_id` wherever it is in force.

        Raises:
            InvalidParams: it is not in force there.
            Refused: its cause is still there, or it ends by itself; in the words of the safety process.
        """
        held = self._station.faults_in_force()
        places = [one.fault.evse_id for one in held if one.fault.code == code and evse_id in (None, one.fault.evse_id)]
        if not places:
            raise InvalidParams(f"cannot reset {_place(code, evse_id)}: it is not in force; in force: {_listed(held)}")
        for place in places:
            if (refusal := await self._station.reset_fault(place, code)) is not None:
                raise Refused(refusal)
        return {"code": code, "evse_ids": places}

    async def test_rcd(self, evse_id: int) -> dict[str, Any]:
        """Test the residual current device and wait for the result.

        Raises:
            InvalidParams: there is no such EVSE.
            Refused: it cannot be tested now; in the words of the safety process.
        """
        if self._status(evse_id) is None:
            raise InvalidParams(f"cannot test EVSE {evse_id}: stationd-pilot tells nothing of it")
        if (refusal := await self._station.test_rcd(evse_id)) is not None:
            raise Refused(refusal)
        result = "running"
        for _ in range(int(TEST_S / POLL_S)):
            await asyncio.sleep(POLL_S)
            status = self._status(evse_id)
            result = "unknown" if status is None else status.rcd_test
            if result != "running":
                break
        return {"evse_id": evse_id, "result": result}


def _json(held: FaultInForce) -> dict[str, Any]:
    fault, row = held.fault, row_of(held.fault.code)
    return {
        "code": fault.code,
        "evse_id": fault.evse_id,
        "since": held.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "mrec": row.mrec,
        "blocking": fault.blocking,
        "ends": row.ends,
        "text": fault_text(fault.code),
    }


def _place(code: str, evse_id: int | None) -> str:
    return repr(code[:40]) if evse_id is None else f"{code[:40]!r} of EVSE {evse_id}"


def _listed(held: tuple[FaultInForce, ...]) -> str:
    return ", ".join(f"{one.fault.code} (EVSE {one.fault.evse_id})" for one in held) or "none"
