"""Check at the start that the board's declared way to open without software is really there."""

from collections.abc import Sequence

from stationd.hwprofile import HwProfile
from stationd.pilot.board import Channel


def refusals(profile: HwProfile, channels: Sequence[Channel]) -> list[str]:
    """Return why the outputs of these EVSEs must not be driven; nothing for `pulse` and `mcu`, which hardware proves.

    With `release` the kernel returns the coil's pin to an input when its process dies. Many kernels keep its level
    instead, so the contactor's driver must look whether this one is set to release it, and say so by an attribute
    `releases_on_death` that is true.
    """
    if profile.fail_safe != "release":
        return []
    return [
        f'cannot use hw-profile {profile.name}: fail_safe = "release", but the contactor driver of EVSE '
        f"{channel.evse_id} does not confirm that this kernel releases its pin when the process dies; "
        f"turn the kernel's strict mode on, or build the board with a pulse or an mcu"
        for channel in channels
        if not channel.releases_on_death
    ]
