"""All channels of a board at once: built as far as they can be, driven safe whatever else happens."""

import contextlib
import time
from collections.abc import MutableSequence, Sequence
from typing import Any

from stationd.hwprofile import EvseProfile
from stationd.pilot.board import Channel, build, build_rest
from stationd.pilot.interfaces import DriverError

PATIENCE_MS = 1_000
PERIOD_S = 0.01
PARTED_MS = 2_000
"""So long a phase switch may take to move (see `phase_switch.MOVE_MS`)."""


def build_all(evses: Sequence[EvseProfile], runtime_dir: str, channels: MutableSequence[Channel]) -> list[str]:
    """Build the channels one by one, each one's outputs safe before anything else is done; return what was refused.

    A driver that refuses costs no other its place: what can be built of its EVSE, and all others, are there to be
    driven safe. With a refusal nothing else may be done with them.
    """
    shared: dict[str, Any] = {}
    refused: list[str] = []
    for evse in evses:
        try:
            channels.append(build(evse, runtime_dir, shared))
        except Exception as error:  # a driver's own defect must not keep another contactor closed
            known = isinstance(error, DriverError)
            refused.append(str(error) if known else f"cannot build EVSE {evse.evse_id}: {error!r}; repair the driver")
            channels.append(build_rest(evse, runtime_dir, shared))
        make_safe(channels[-1:])
    return refused


def make_safe(channels: Sequence[Channel]) -> None:
    """Open all contactors and stop all PWM, whatever else happened."""
    for channel in channels:
        with contextlib.suppress(Exception):  # one broken driver must not keep another contactor closed
            channel.make_safe(_now_ms())


def open_all(channels: Sequence[Channel]) -> list[int]:
    """Drive the outputs safe until all contactors are seen open, a second at most; return the EVSEs that were not."""
    end_ms = _now_ms() + PATIENCE_MS
    while True:
        now_ms = _now_ms()
        doubtful = [channel.evse_id for channel in channels if not _seen_open(channel, now_ms)]
        make_safe(channels)
        if not doubtful or now_ms >= end_ms:
            return doubtful
        time.sleep(PERIOD_S)


def any_parted(channels: Sequence[Channel]) -> bool:
    """Tell whether this process keeps the pilot of some vehicle parted."""
    return any(channel.parted for channel in channels)


def outwait_switches(channels: Sequence[Channel]) -> None:
    """Keep the outputs safe while a phase switch may be on its way. Closing the channels joins the pilots."""
    end_ms = _now_ms() + PARTED_MS
    while _now_ms() < end_ms:
        make_safe(channels)
        time.sleep(PERIOD_S)


def close_all(channels: Sequence[Channel]) -> None:
    """Give all devices back."""
    for channel in channels:
        with contextlib.suppress(Exception):
            channel.close()


def _seen_open(channel: Channel, now_ms: int) -> bool:
    try:
        return channel.read(now_ms).contactor is False
    except Exception:  # see make_safe
        return False


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
