"""The slices: each frees the inputs that act on each other, and holds the others at good values.

Freed are readings, not devices: a feedback that is free may say anything in any look, whatever its device
was told. That covers every device that there can be: late, stuck, bouncing, welded, unreadable. One that is held
follows its command.
"""

from collections.abc import Sequence
from dataclasses import replace

from stationd.pilot.derating import Curve
from tests.pilot.proof.explorer import Slice

HELD: dict[str, Sequence[str]] = {
    "high_v": ("C",), "low_v": ("ok",), "contactor": ("follows",), "lock": ("no lock",), "pp_ohm": ("32 A",),
    "faulty": ("quiet",), "stalled": ("in time",), "cp_new": ("new",), "temperature_c": ("none",), "amps": ("none",),
    "phases": ("none",),
}  # fmt: skip
ANY = ("open", "closed")
TETHERED: dict[str, object] = {"max_a": 32.0, "has_socket": False}
SOCKET: dict[str, object] = {"max_a": 32.0, "has_socket": True}
NO_REST = {"rest_ms": 0}
SWITCHED = {"phase_switch": True, "single_phase_max_a": 8.0}
DERATED = {"simplified_a": 32.0, "has_temperature": True, "derating": Curve(60.0, 80.0, 85.0)}
WEAR = {"min_off_ms": 3, "lock_ms": 3, "WAKE_MS": 3, "LEAVE_C_MS": 3, "POWER_LOST_MS": 3, "FALL_MS": 3,
        "S2_GRACE_MS": 3, "LAG_MS": 3, "over_current_ms": 3, "TEST_AGAIN_MS": 3, "rest_ms": 6, "NOISY_MS": 6,
        "hold_ms": 6, "HEALTHY_MS": 6, "FIRST_OFFER_MS": 6, "SLEEP_MS": 6, "TEST_REST_MS": 6}  # fmt: skip
LONGER = {
    "S2_GRACE_MS": 3,
    "LAG_MS": 3,
    "over_current_ms": 3,
    "TEST_AGAIN_MS": 3,
    "NOISY_MS": 3,
    "SLEEP_MS": 3,
    "hold_ms": 4,
    "TEST_REST_MS": 4,
    "HEALTHY_MS": 4,
    "FIRST_OFFER_MS": 4,
}

LONG: tuple[Slice, ...] = (
    Slice("pilot", "every state of the pilot, a permit and its end",
          HELD | {"high_v": ("A", "B", "C", "D", "E", "F", "none")}, ("-", "16"), TETHERED, NO_REST),
    Slice("diode", "the low half of the pilot, and what ends the check of it",
          HELD | {"high_v": ("A", "B", "C", "none"), "low_v": ("ok", "bad", "nan")}, ("-", "16"), TETHERED, NO_REST),
    Slice("ventilated", "state D where ventilation is declared, and samples left out",
          HELD | {"high_v": ("A", "B", "C", "D", "mid"), "cp_new": ("new", "not sampled")},
          ("-", "16"), TETHERED | {"ventilated": True}, NO_REST),
    Slice("contactor", "any feedback of the contactor, resets, stalls",
          HELD | {"high_v": ("C",), "contactor": (*ANY, "none"), "stalled": ("in time", "stalled")},
          ("16", "reset contactor_welded", "reset contactor_failed"), TETHERED, NO_REST | {"HEALTHY_MS": 4},
          count_fails=True),
    Slice("lease", "offers of all sizes, their lapse, hold and pause",
          HELD | {"high_v": ("A", "B", "C")}, ("-", "16", "7", "5", "40", "withdrawn", "lapsed"), TETHERED,
          NO_REST | LONGER),
    Slice("lock", "any feedback of the lock, unlocking, a contactor that may be stuck",
          HELD | {"contactor": ANY, "lock": ("locked", "unlocked", "none")},
          ("-", "16", "unlock", "reset lock_failed"), SOCKET, NO_REST),
    Slice("lock unplugged", "any feedback of the lock, unlocking, with a plug that comes and goes",
          HELD | {"high_v": ("A", "C"), "lock": ("locked", "unlocked", "none")},
          ("-", "16", "unlock"), SOCKET, NO_REST),
    Slice("cable", "any resistor in the plug",
          HELD | {"high_v": ("A", "B", "C"), "lock": ("follows",),
                  "pp_ohm": ("32 A", "13 A", "no cable", "none", "nan")},
          ("-", "16"), SOCKET, NO_REST),
    Slice("faults", "fault inputs, unreadable inputs, resets",
          HELD | {"high_v": ("A", "C"), "faulty": ("quiet", "rcd_trip", "door_open", "hardware")},
          ("16", "reset rcd_trip"), TETHERED, NO_REST),
    Slice("resets", "resets without end, and the rest that they need",
          HELD | {"high_v": ("A", "C"), "faulty": ("quiet", "rcd_trip")}, ("-", "16", "reset rcd_trip"), TETHERED,
          NO_REST | {"RESET_REST_MS": 6}, resets=1),
    Slice("power", "the mains, which come and go, with a plug that is locked",
          HELD | {"high_v": ("A", "C"), "lock": ("follows",), "faulty": ("quiet", "power_loss")},
          ("-", "16", "unlock"), SOCKET | {"unlock_on_power_loss": True}, NO_REST),
    Slice("phases", "the change of phases, with any feedback of the switch",
          HELD | {"high_v": ("B", "C"), "phases": ("1", "3", "between")},
          ("16", "16 on 1", "reset phase_switch"), TETHERED | SWITCHED, NO_REST),
    Slice("phases, contactor", "the change of phases, with any feedback of both switches",
          HELD | {"contactor": ANY, "phases": ("1", "3", "between")}, ("16", "16 on 1"), TETHERED | SWITCHED, NO_REST),
    Slice("self-test", "the test of the residual current device, with any answer",
          HELD | {"high_v": ("A", "C"), "faulty": ("quiet", "rcd_trip")},
          ("-", "16", "self-test", "reset rcd_trip"), TETHERED | {"rcd_test": True}, NO_REST),
    Slice("self-test, contactor", "the same, with any feedback of the contactor",
          HELD | {"contactor": ANY, "faulty": ("quiet", "rcd_trip")},
          ("-", "16", "self-test"), TETHERED | {"rcd_test": True}, NO_REST),
    Slice("heat", "any temperature",
          HELD | {"high_v": ("B", "C"), "temperature_c": ("cool", "warm", "hot")},
          ("32", "-"), TETHERED | DERATED, NO_REST),
    Slice("current", "any current, more or less than is offered",
          HELD | {"high_v": ("A", "B", "C"), "amps": ("5 A", "16 A", "30 A")},
          ("16", "6", "-"), TETHERED | {"has_current": True}, NO_REST),
    Slice("dead sensor", "a sensor of current that cannot be read",
          HELD | {"high_v": ("A", "B", "C"), "amps": ("5 A", "none", "nan")},
          ("16", "-"), TETHERED | {"has_current": True}, NO_REST),
    Slice("service", "out of service, pausing, stopping, state F",
          HELD | {"high_v": ("A", "B", "C", "F")},
          ("16", "out of service", "in service", "pause", "go on", "stop"), TETHERED, NO_REST),
    Slice("waking by F", "a vehicle that sleeps, woken by state F",
          HELD | {"high_v": ("A", "B", "C", "F")}, ("16", "-", "withdrawn"), TETHERED | {"wake_up": "state_f"},
          NO_REST | LONGER),
    Slice("dead thermometer", "a sensor of temperature that cannot be read",
          HELD | {"temperature_c": ("cool", "none", "nan")}, ("32",), TETHERED | DERATED, NO_REST),
    Slice("waking by parting", "a vehicle that sleeps, woken by parting the pilot, and phases to change",
          HELD | {"high_v": ("A", "B", "C"), "phases": ("follows",)},
          ("-", "16", "16 on 1"), TETHERED | SWITCHED | {"wake_up": "cp_switch"}, NO_REST),
    Slice("wear", "closings one after the other, and the rest that they need",
          HELD | {"high_v": ("A", "B", "C")}, ("-", "16"), TETHERED | {"burst_cycles": 2}, WEAR),
)  # fmt: skip
"""With the widest alphabets. Some of them have more states than an hour explores: `make prove --wide` tries."""
LESS: dict[str, tuple[dict[str, Sequence[str]], Sequence[str]]] = {
    "pilot": ({"high_v": ("A", "B", "C", "D")}, ("-", "16")),
    "ventilated": ({"high_v": ("A", "C", "D")}, ("16",)),
    "contactor": ({"high_v": ("C",), "contactor": ANY}, ("16", "reset contactor_welded")),
    "lease": ({"high_v": ("B", "C")}, ("-", "16", "7", "5", "withdrawn")),
    "lock": ({"high_v": ("C",), "lock": ("locked", "unlocked")}, ("16", "unlock")),
    "diode": ({"high_v": ("B", "C"), "low_v": ("ok", "bad")}, ("-", "16")),
    "cable": ({"high_v": ("B", "C"), "pp_ohm": ("32 A", "13 A", "no cable")}, ("16",)),
    "resets": ({"faulty": ("quiet", "rcd_trip")}, ("16", "reset rcd_trip")),
    "power": ({"high_v": ("C",)}, ("-", "16")),
    "faults": ({"high_v": ("C",), "faulty": ("quiet", "rcd_trip", "hardware")}, ("16", "reset rcd_trip")),
    "phases": ({"high_v": ("B", "C"), "contactor": ("follows",), "phases": ("1", "3")}, ("16", "16 on 1")),
    "self-test": ({"high_v": ("C",), "contactor": ("follows",)}, ("-", "16")),
    "heat": ({"high_v": ("C",), "temperature_c": ("cool", "warm", "hot")}, ("32",)),
    "current": ({"high_v": ("A", "C"), "amps": ("5 A", "30 A")}, ("16",)),
    "dead sensor": ({"high_v": ("C",), "amps": ("5 A", "none")}, ("16",)),
    "service": (
        {"high_v": ("C", "F"), "contactor": ("follows",)},
        ("16", "out of service", "in service", "pause", "go on", "stop"),
    ),
    "waking by F": ({"high_v": ("B", "C", "F")}, ("16", "-")),
    "waking by parting": ({"high_v": ("B", "C")}, ("16", "16 on 1")),
    "wear": ({"high_v": ("B", "C")}, ("16",)),
}
SHORT: tuple[Slice, ...] = tuple(
    replace(one, axes=one.axes | LESS[one.name][0], orders=LESS[one.name][1]) for one in LONG if one.name in LESS
)
"""The same with smaller alphabets, for every run of the tests. Each is explored to its end, too."""

WIDE = (
    "pilot", "diode", "ventilated", "contactor", "resets", "phases, contactor", "self-test, contactor", "heat",
    "dead thermometer",
)  # fmt: skip
"""Those that are explored to their end with the widest alphabets."""
PROVED: tuple[Slice, ...] = tuple(
    one if one.name in WIDE else next(short for short in SHORT if short.name == one.name)
    for one in LONG
    if one.name in WIDE or one.name in LESS
)
"""`make prove`: each of them ends, in about ten minutes of one processor."""
