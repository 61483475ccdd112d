"""How fast the board opened after each cause, by the plant's own clock. Sans-I/O."""

from collections import deque
from dataclasses import dataclass
from typing import Any

KEPT = 1000
MS = 1_000_000


@dataclass(slots=True)
class Reaction:
    """One cause for which the contactor was expected to open. None = has not happened (yet)."""

    cause: str
    t_ns: int
    opened_at_ns: int | None = None
    commanded_at_ns: int | None = None
    stalled: bool = False
    withdrawn: bool = False
    """The cause ended before the contacts parted: not to be counted."""

    def view(self) -> dict[str, Any]:
        """Return what `state` shows."""
        view: dict[str, Any] = {
            "cause": self.cause,
            "t_ns": self.t_ns,
            "opened_after_ms": _after_ms(self.opened_at_ns, self.t_ns),
            "commanded_after_ms": _after_ms(self.commanded_at_ns, self.t_ns),
        }
        if self.stalled:
            view["stalled"] = True
        if self.withdrawn:
            view["withdrawn"] = True
        return view


def _after_ms(at_ns: int | None, since_ns: int) -> float | None:
    return None if at_ns is None else round((at_ns - since_ns) / MS, 3)


class ReactionLog:
    """The last 1,000 reactions of one EVSE."""

    __slots__ = ("_entries", "_uncommanded", "_unopened")

    def __init__(self) -> None:
        self._entries: deque[Reaction] = deque(maxlen=KEPT)
        self._unopened: list[Reaction] = []
        self._uncommanded: list[Reaction] = []

    @property
    def pending(self) -> bool:
        """True while contacts are expected to part."""
        return bool(self._unopened)

    def begin(self, cause: str, at_ns: int, *, order_expected: bool = True) -> None:
        """Note a cause; the same cause again while it is pending is the same reaction."""
        if any(reaction.cause == cause for reaction in self._unopened):
            return
        reaction = Reaction(cause, at_ns)
        self._entries.append(reaction)
        self._unopened.append(reaction)
        if order_expected:
            self._uncommanded.append(reaction)

    def withdraw(self, cause: str) -> None:
        """Note that a cause ended before the contacts parted."""
        for reaction in self._unopened:
            if reaction.cause == cause:
                reaction.withdrawn = True
        self._unopened = [reaction for reaction in self._unopened if reaction.cause != cause]
        self._uncommanded = [reaction for reaction in self._uncommanded if not reaction.withdrawn]

    def commanded(self, at_ns: int) -> None:
        """Note that the driver ordered to open."""
        for reaction in self._uncommanded:
            reaction.commanded_at_ns = at_ns
        self._uncommanded.clear()

    def opened(self, at_ns: int) -> None:
        """Note that the contacts parted."""
        for reaction in self._unopened:
            reaction.opened_at_ns = at_ns
        self._unopened.clear()

    def coil_on(self) -> None:
        """Note that the coil is energised again: an order to open that comes later belongs to something else."""
        self._uncommanded = [reaction for reaction in self._uncommanded if reaction in self._unopened]

    def stalled(self) -> None:
        """Note that the plant itself was late."""
        for reaction in self._unopened:
            reaction.stalled = True

    def view(self, last: int = KEPT) -> list[dict[str, Any]]:
        """Return the newest entries, oldest first."""
        entries = list(self._entries)
        return [reaction.view() for reaction in (entries[-last:] if last else [])]
