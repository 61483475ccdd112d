"""A synchronous client of the plant's control socket. Standard library only."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stationd.api.client import ApiError, Client
from stationd.sandbox.plant.errors import PlantError

Json = dict[str, Any]
CALL_TIMEOUT_S = 5.0


class PlantClient:
    """Talks to one plant. Not for several threads; use one client each.

    Every method returns when the plant says that it has taken effect.

    Raises:
        PlantError: the plant refuses, or cannot be reached; the text is one sentence.
    """

    def __init__(self, path: str | Path, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._path = Path(path)
        self._timeout_s = timeout_s
        with _in_words():
            self._client = Client(self._path, timeout_s=timeout_s, who="the plant")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, method: str, **params: Any) -> Json:
        """Call any method of docs/PLANT_PROTOCOL.md and return its result."""
        with _in_words():
            result: Json = self._client.call(method, **params)
        return result

    def plug_in(
        self,
        evse_id: int = 1,
        *,
        model: str | None = None,
        current_a: float | None = None,
        phases: int | None = None,
        cable_a: int | None = None,
        wants_power: str | float | None = None,
        properties: Json | None = None,
    ) -> Json:
        """Put the cable in. What is left out is as the car's model says; a fixed cable has no `cable_a`."""
        car = {
            "model": model, "current_a": current_a, "phases": phases, "cable_a": cable_a, "wants_power": wants_power,
            "properties": properties,
        }  # fmt: skip
        return self.call("plug_in", evse_id=evse_id, **_given(car))

    def plug_out(self, evse_id: int = 1, *, force: bool = False) -> Json:
        """Pull the cable."""
        return self.call("plug_out", evse_id=evse_id, force=force)

    def wants_power(self, wants: bool, evse_id: int = 1) -> Json:
        """Let the car close or open its S2."""
        return self.call("wants_power", evse_id=evse_id, wants=wants)

    def present_card(self, token: str, token_type: str = "ISO14443", evse_id: int = 1) -> Json:  # noqa: S107
        """Hold a card to the reader."""
        return self.call("present_card", token=token, type=token_type, evse_id=evse_id)

    def set_fault(self, name: str, evse_id: int = 1) -> Json:
        """Break something."""
        return self.call("set_fault", evse_id=evse_id, name=name)

    def clear_fault(self, name: str, evse_id: int = 1) -> Json:
        """Mend it."""
        return self.call("clear_fault", evse_id=evse_id, name=name)

    def set_meter(
        self,
        evse_id: int = 1,
        *,
        energy_wh: float | None = None,
        frozen: bool | None = None,
        silent: bool | None = None,
    ) -> Json:
        """Write, freeze or silence the meter."""
        given = {"energy_wh": energy_wh, "frozen": frozen, "silent": silent}
        return self.call("set_meter", evse_id=evse_id, **_given(given))

    def set_temperature(self, celsius: float | None, evse_id: int = 1) -> Json:
        """Let it be so warm in the housing; None = as warm as the load makes it."""
        return self.call("set_temperature", evse_id=evse_id, celsius=celsius)

    def models(self) -> list[Json]:
        """Return the kinds of cars."""
        found: list[Json] = self.call("models")["models"]
        return found

    def set_speed(self, factor: float) -> Json:
        """Multiply energy."""
        return self.call("set_speed", factor=factor)

    def state(self, last_reactions: int | None = None) -> Json:
        """Return everything."""
        return self.call("state", **({} if last_reactions is None else {"last_reactions": last_reactions}))

    def evse(self, evse_id: int = 1) -> Json:
        """Return the state of one EVSE."""
        for evse in self.state()["evses"]:
            if evse["evse_id"] == evse_id:
                found: Json = evse
                return found
        raise PlantError(f"cannot find EVSE {evse_id}: this plant has no such EVSE")

    def wait_until(
        self, predicate: Callable[[Json], bool], timeout_s: float = 10.0, *, evse_id: int = 1, interval_s: float = 0.02
    ) -> Json:
        """Ask for the EVSE's state until the predicate holds for it; return that state."""
        deadline = time.monotonic() + timeout_s
        while True:
            evse = self.evse(evse_id)
            if predicate(evse):
                return evse
            if time.monotonic() >= deadline:
                seen = {name: value for name, value in evse.items() if name != "reactions"}
                raise PlantError(f"cannot see what was waited for within {timeout_s:g} s; the EVSE's state is {seen}")
            time.sleep(interval_s)

    def watch(self, interval_ms: int = 200, last_reactions: int = 10) -> Iterator[Json]:
        """Yield `state` at an interval, on a connection of its own, until the iterator is closed or the plant ends."""
        with (
            _in_words(),
            Client(self._path, timeout_s=self._timeout_s + interval_ms / 1000, who="the plant") as watcher,
        ):
            yield from watcher.stream("watch", interval_ms=interval_ms, last_reactions=last_reactions)


def _given(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not None}


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Raise what the local API's client says as the plant's own error."""
    try:
        yield
    except ApiError as error:
        raise PlantError(str(error), error.code or None) from None
