"""One EVSE at work: reads its channel, steps its machine, writes the pins, words its status."""

import time
from collections.abc import Callable
from dataclasses import replace
from math import isfinite

from stationd.pilot import commands, permit, phase_switch
from stationd.pilot.board import Channel
from stationd.pilot.connector_lock import Lock
from stationd.pilot.cp import gone
from stationd.pilot.cycles import Counters
from stationd.pilot.duty import duty_to_amps
from stationd.pilot.interfaces import LockFeedback
from stationd.pilot.machine import Pins, Rules, Seen, start, step
from stationd.pilot.phase_switch import Stage
from stationd.pilot.protocol import Message, Status, encode
from stationd.pilot.rcd_test import UNDER_WAY
from stationd.pilot.verdicts import limit_a
from stationd.pilot.watch import pilot_parted

STALL_MS = 250
"""So long after the last write the output lease (300 ms) may have dropped the coil: start again from open."""
EXCHANGE_MS = 5_000
"""Behind a state F that lasts longer a vehicle may be another one afterwards."""
REPEAT_MS = 1_000
"""A status is sent this often even if nothing changed."""


PLUGGED = ("B", "C", "D")


class Runner:
    """Not thread-safe, never waits."""

    def __init__(
        self,
        channel: Channel,
        rules: Rules,
        *,
        now_ms: int,
        latched: frozenset[str],
        boot_id: str,
        counters: Counters | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.evse_id = channel.evse_id
        self.state = start(rules, now_ms, latched, counters)
        self.seen = Seen(high_v=None, low_v=None, contactor=None)
        self.line = b""
        """The last status as sent; empty until the inputs were read once."""
        self._channel = channel
        self._boot_id = boot_id
        self._started_ms = now_ms
        self._clock = clock
        self._written_ms = now_ms
        """When the outputs were written last, or a little before: the lease of the coil is no older."""
        self._late = False
        """The last order to close came too late to be given."""
        self._plugged = False
        self._unplugs = 0
        self._hidden_ms: int | None = None
        """State F since then: nobody sees who is plugged."""
        self._told: tuple[object, ...] = ()
        self._told_ms = now_ms

    def tick(self, now_ms: int) -> Pins:
        """Do one cycle and return the pins that were decided. What the inputs say may come late, so time is told anew.

        A stall counts wherever it was, between two ticks or inside one: what matters is the age of the last write.
        """
        seen = self._channel.read(now_ms)
        now_ms = self._clock() // 1_000_000
        if now_ms - self._written_ms > STALL_MS or self._late:
            seen = replace(seen, stalled=True)
            self._late = False
        self.seen = seen
        self.state, pins = step(self.state, seen, now_ms)
        self._channel.write(pins, now_ms, self._in_time)
        self._written_ms = now_ms
        self._count_unplugs(now_ms)
        return pins

    def _count_unplugs(self, now_ms: int) -> None:
        """Count vehicles that left, and those that may have been exchanged behind a state F."""
        track = self.state.track
        if pilot_parted(self.state):
            return
        if track.state == "F":
            self._hidden_ms = track.since_ms
        elif track.state in PLUGGED:
            if self._plugged and self._hidden_ms is not None and track.since_ms - self._hidden_ms >= EXCHANGE_MS:
                self._unplugs += 1
            self._plugged, self._hidden_ms = True, None
        elif self._plugged and gone(track, now_ms):
            self._plugged, self._hidden_ms = False, None
            self._unplugs += 1

    def _in_time(self) -> bool:
        """Tell whether the lease of the last write surely runs; if not, the next tick begins from open too."""
        in_time = self._clock() // 1_000_000 - self._written_ms <= STALL_MS
        self._late = not in_time
        return in_time

    def command(self, message: Message, now_ms: int) -> str | None:
        """Apply a message of the permit holder; return why not, if not."""
        self.state, error = commands.apply(self.state, self.seen, message, now_ms)
        return error

    def pause(self, on: bool) -> None:
        """Open in good order and close nothing until it is over."""
        self.state = replace(self.state, paused=on)

    @property
    def at_rest(self) -> bool:
        """True if the contactor is seen open, and no phase switch is on its way."""
        return self.seen_open and self.state.phases.stage is Stage.REST

    def stop(self) -> None:
        """Open in the next tick and stay open."""
        self.state = replace(self.state, stopping=True)

    @property
    def open(self) -> bool:
        """True if the contactor is open by command."""
        return not self.state.contactor.commanded

    @property
    def seen_open(self) -> bool:
        """True if its feedback says so too."""
        return self.open and self.seen.contactor is False

    def news(self, now_ms: int) -> bytes | None:
        """Return a status line if anything but volts and uptime changed, or a second passed."""
        state = self.state
        if not state.settled:
            return None
        lease = state.permit
        told = (
            self._cp(now_ms),
            self._channel.duty,
            state.contactor.commanded,
            self.seen.contactor,
            self.seen.lock,
            state.lock.failed,
            state.cable.amps,
            permit.live(lease, now_ms),
            lease.heard and lease.lost,
            state.faults,
            state.warnings,
            state.waits_for,
            state.counters,
            state.rcd_test.stage,
            state.phases,
            _whole_degrees(self.seen.temperature_c),
        )
        if told == self._told and now_ms - self._told_ms < REPEAT_MS:
            return None
        self._told, self._told_ms = told, now_ms
        self.line = encode(self._status(now_ms))
        return self.line

    def _cp(self, now_ms: int) -> str:
        """Return the pilot's state for others: A after a vehicle is told only once that is no bad contact."""
        track = self.state.track
        if track.state == "A" and self._plugged and not gone(track, now_ms):
            return "E"
        return track.state or "E"

    def _status(self, now_ms: int) -> Status:
        state, seen = self.state, self.seen
        counters = state.counters
        closed = state.contactor.commanded if seen.contactor is None else seen.contactor
        return Status(
            evse_id=self.evse_id,
            cp=self._cp(now_ms),
            volts=_volts(seen.high_v),
            duty=round(self._channel.duty, 2),
            commanded_closed=state.contactor.commanded,
            sensed_closed=closed,
            lock=_lock_word(state.lock, seen.lock),
            pp_amps=state.cable.amps if state.rules.has_socket else None,
            max_amps=limit_a(state),
            offered_amps=round(duty_to_amps(self._channel.duty), 2),
            permit=permit.live(state.permit, now_ms),
            brain_lost=state.permit.heard and state.permit.lost,
            faults=state.faults,
            uptime_ms=now_ms - self._started_ms,
            boot_id=self._boot_id,
            unplugs=self._unplugs,
            warnings=state.warnings,
            waits_for=state.waits_for,
            phases=phase_switch.connects(state.phases) if state.rules.phase_switch else state.rules.phases,
            temperature_c=_whole_degrees(seen.temperature_c),
            low_v=_volts(seen.low_v),
            rcd_test="running" if state.rcd_test.stage in UNDER_WAY else counters.rcd_test,
            cycles=counters.cycles,
            hot_openings=counters.hot_openings,
            slow_openings=counters.slow_openings,
            failed_closings=counters.failed_closings,
        )


def _lock_word(lock: Lock, feedback: LockFeedback | None) -> str:
    return LockFeedback.FAILED if feedback is None or lock.failed else feedback


def _volts(volts: float | None) -> float:
    return round(volts, 2) if volts is not None and isfinite(volts) else 0.0


def _whole_degrees(celsius: float | None) -> float | None:
    return float(round(celsius)) if celsius is not None and isfinite(celsius) else None
