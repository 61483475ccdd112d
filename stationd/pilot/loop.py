"""The loop: read, step, write, publish, on an absolute clock. One thread, nothing in it waits but the sleep.

No file is written while a contactor is closed.
"""

import time
from collections.abc import Callable, Sequence

from stationd.pilot.keeper import Keeper, Watchdog
from stationd.pilot.protocol import GetStats, Message, Reply, Stats, encode
from stationd.pilot.reaction import Reaction
from stationd.pilot.runner import Runner
from stationd.pilot.server import Server
from stationd.pilot.stats import LoopStats

FORGET_MS = 2_500
"""After such a pause messages that wait in sockets are too old to act on."""
STOP_MS = 300
"""A stop waits so long for the contactors' feedback."""
REST_MS = 3_000
"""A stop waits so long for a phase switch: no vehicle may find its pilot joined while the phases change."""


class Loop:
    """Runs all EVSEs of the board."""

    def __init__(
        self,
        *,
        runners: Sequence[Runner],
        server: Server,
        watchdog: Watchdog,
        keeper: Keeper,
        period_ms: int,
        mode: str,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.stats = LoopStats()
        self._runners = tuple(runners)
        self._by_id = {runner.evse_id: runner for runner in runners}
        self._server = server
        self._watchdog = watchdog
        self._keeper = keeper
        self._reactions = tuple(Reaction(self.stats.reaction) for _ in runners)
        self._period_ns = period_ms * 1_000_000
        self._mode = mode
        self._clock = clock
        self._sleep = sleep
        self._stopping = False
        self._last_ms: int | None = None

    def stop(self) -> None:
        """Open all contactors, then leave `run`. May be called from a signal handler."""
        self._stopping = True

    def run(self, until_ns: int | None = None) -> None:
        """Tick until stopped (or until a time), then open in good order."""
        due_ns = self._clock()
        stopped_ns: int | None = None
        while True:
            now_ns = self._clock()
            if stopped_ns is None and (self._stopping or (until_ns is not None and now_ns >= until_ns)):
                stopped_ns = now_ns
                for runner in self._runners:
                    runner.stop()
            wrote = self._tick(now_ns)
            done_ns = self._clock()
            late_ns, due_ns = now_ns - due_ns, due_ns + self._period_ns
            if wrote:  # it waited for the disk, as it may with every contactor open: that says nothing about reactions
                due_ns = done_ns
            else:
                self.stats.tick(
                    late_ns // 1_000,
                    (done_ns - now_ns) // 1_000,
                    overrun=late_ns > self._period_ns or done_ns - now_ns > self._period_ns,
                )
            if stopped_ns is not None and self._ended((done_ns - stopped_ns) // 1_000_000):
                break
            if due_ns <= done_ns:  # missed ticks are left out, not made up for
                due_ns += (done_ns - due_ns) // self._period_ns * self._period_ns + self._period_ns
            self._sleep((due_ns - done_ns) / 1e9)
        self._keeper.keep(self._clock() // 1_000_000, at_once=True)

    def handle(self, message: Message, now_ms: int) -> bytes | None:
        """Answer one message."""
        if isinstance(message, GetStats):
            return encode(self.measured(message.seq))
        seq: int = getattr(message, "seq", 0)
        evse_id = getattr(message, "evse_id", None)
        runner = self._by_id.get(evse_id) if evse_id is not None else None
        if runner is None:
            return encode(Reply(seq, f"cannot find EVSE {evse_id}: this board has 1 to {len(self._runners)}"))
        return encode(Reply(seq, runner.command(message, now_ms)))

    def measured(self, seq: int = 0) -> Stats:
        """Return how the loop ran until now."""
        stats = self.stats
        return Stats(
            seq=seq,
            mode=self._mode,
            period_ms=self._period_ns // 1_000_000,
            ticks=stats.ticks,
            overruns=stats.overruns,
            late_p999_us=stats.late.share_us(0.999),
            late_max_us=stats.late.max_us,
            work_max_us=stats.work_max_us,
            work_mean_us=stats.work_mean_us,
            reactions=stats.reaction.count,
            reaction_p999_us=stats.reaction.share_us(0.999),
            reaction_max_us=stats.reaction.max_us,
        )

    def _tick(self, began_ns: int) -> bool:
        """Do one cycle of everything; tell whether a file was written."""
        ended_ns = began_ns
        now_ms = began_ns // 1_000_000
        for runner, reaction in zip(self._runners, self._reactions, strict=True):
            was_open, runner_began_ns = runner.open, ended_ns
            runner.tick(now_ms)
            ended_ns = self._clock()
            reaction.follow(
                opened=runner.open and not was_open,
                pressed=runner.state.track.no_demand > 0 or bool(runner.seen.faulty),
                began_ns=runner_began_ns,
                ended_ns=ended_ns,
            )
        now_ms = ended_ns // 1_000_000  # a driver may have taken its time
        gap_ms = 0 if self._last_ms is None else now_ms - self._last_ms
        self._last_ms = now_ms
        if gap_ms > FORGET_MS:
            self._server.drop_all(f"cannot go on with this connection: the loop stood still for {gap_ms} ms; reconnect")
        lines = b""
        for runner in self._runners:
            line = runner.news(now_ms)
            if line:
                lines += line
        if lines:
            self._server.publish(lines)
        self._server.serve(now_ms, self.handle, self._greeting)
        wrote = self._keeper.keep(now_ms)
        self._watchdog.alive(now_ms)
        return wrote

    def _greeting(self) -> bytes:
        return b"".join(runner.line for runner in self._runners)

    def _ended(self, waited_ms: int) -> bool:
        """Tell whether everything is at rest after a stop, or was waited for long enough."""
        unrest = [runner for runner in self._runners if not runner.at_rest]
        patience_ms = REST_MS if any(runner.seen_open for runner in unrest) else STOP_MS
        return not unrest or waited_ms >= patience_ms
