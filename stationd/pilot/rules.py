"""What the profile and the installer's limit say, as the rules of one EVSE's machine. Pure."""

from stationd.hwprofile import EvseProfile, HwProfile
from stationd.pilot.machine import Rules


def rules_of(evse: EvseProfile, profile: HwProfile, site_max_a: float) -> Rules:
    """Return the rules of one EVSE."""
    return Rules(
        max_a=min(evse.max_a, site_max_a),
        has_socket=evse.outlet == "socket",
        ventilated=evse.ventilated,
        hold_a=profile.hold_a,
        hold_ms=round(profile.hold_s * 1_000),
        close_ms=profile.timings.contactor_close_ms,
        open_ms=profile.timings.contactor_open_ms,
        min_off_ms=profile.timings.min_off_ms,
        lock_ms=profile.timings.lock_ms,
    )
