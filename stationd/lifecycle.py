"""The process around the station: why it started, how it ends, how it starts again."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stationd.domain.errors import StationError
from stationd.domain.states import BootReason
from stationd.station.ports import Clock, StateStore

log = logging.getLogger(__name__)

MACHINE_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CLOCK_NOTE_S = 600.0  # how often the wall time is noted, as the floor of the next start's clock
CLOCK_LOOK_S = 5.0  # how soon it is noted that the clock was corrected
CLOCK_STEP_S = 1.0
NOTE_END_S = 1.0  # a stalled disk delays the end of the process by no more than this
_REASON, _RUNNING, _CLOCK = "boot.reason", "boot.running", "clock.last_known"
_CLEAN = "ended"


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of this start."""

    reason: BootReason
    machine_boot_id: str
    last_known: datetime | None
    """Wall time that was noted last; the clock never starts before it."""


async def read_start(state: StateStore) -> Start:
    """Find out why this process starts, and note that it runs.

    Raises:
        StorageError: the state cannot be read or written.
    """
    boot_id = MACHINE_BOOT_ID.read_text().strip()  # noqa: ASYNC240 - of the kernel, not of a disk
    told, before, noted = await state.get(_REASON), await state.get(_RUNNING), await state.get(_CLOCK)
    await state.put(_REASON, None)
    await state.put(_RUNNING, boot_id)
    return Start(_reason(told, before, boot_id), boot_id, _time(noted))


def _reason(told: str | None, before: str | None, boot_id: str) -> BootReason:
    """Decide on the boot reason: what a reset left behind, else what the last end looked like."""
    if told in set(BootReason):
        return BootReason(told)
    if before == _CLEAN:
        return BootReason.LOCAL_RESET  # somebody ended it in good order and started it again
    if before == boot_id:
        return BootReason.APPLICATION_RESET  # it died while the board stayed up
    return BootReason.POWER_UP


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


class ProcessLifecycle:
    """Implements `station.ports.Lifecycle`. The process ends through `ended`; `main` then starts it again if asked."""

    def __init__(self, state: StateStore, clock: Clock, reboot_command: Sequence[str]) -> None:
        self._state = state
        self._clock = clock
        self._reboot_command = reboot_command
        self._reason: BootReason | None = None
        self._hard = False
        self.ended = asyncio.Event()

    def watch_signals(self) -> None:
        """End on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        log.info("ending signal=%s", number.name)
        self.ended.set()

    def restart(self, reason: BootReason, *, hard: bool) -> None:
        """End in good order and start again with this boot reason."""
        log.info("restarting reason=%s hard=%s", reason, hard)
        self._reason, self._hard = reason, hard
        self.ended.set()

    @property
    def restart_asked(self) -> bool:
        """True if the process is to start again."""
        return self._reason is not None

    async def note_time(self) -> None:
        """Note the wall time now and then, and soon after a correction, for boards whose clock starts in 1970."""
        while True:
            noted_at, noted_s = self._clock.now(), self._clock.monotonic()
            try:
                await self._state.put(_CLOCK, noted_at.isoformat())
            except StationError as error:
                log.warning("time not noted error=%s", error)
            passed_s = step_s = 0.0
            while passed_s < CLOCK_NOTE_S and abs(step_s) < CLOCK_STEP_S:
                await asyncio.sleep(CLOCK_LOOK_S)
                passed_s = self._clock.monotonic() - noted_s
                step_s = (self._clock.now() - noted_at).total_seconds() - passed_s

    async def note_end(self) -> None:
        """Note that the process ended in good order, and why it will start again."""
        try:
            async with asyncio.timeout(NOTE_END_S):
                if self._reason is not None:
                    await self._state.put(_REASON, self._reason)
                await self._state.put(_RUNNING, _CLEAN)
                await self._state.put(_CLOCK, self._clock.now().isoformat())
        except StationError as error:
            log.warning("end not noted error=%s", error)
        except TimeoutError:
            log.warning("end not noted error=the disk took more than %.1f s", NOTE_END_S)

    def replace_process(self, argv: Sequence[str]) -> None:
        """Start again in place of this process; reboot the board where a hard reset and a command ask for it.

        Does not return, unless the reboot command was started: then the board ends us.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        if self._hard and self._reboot_command:
            os.execv(self._reboot_command[0], list(self._reboot_command))  # noqa: S606 - the operator's own command
        os.execv(sys.executable, [sys.executable, *argv])  # noqa: S606 - ourselves
