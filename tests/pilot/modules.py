"""What the safety process is made of, and how each file of it is proven. `test_modules.py` keeps the lists complete.

`make coverage` and `make mutate` go by these lists.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PILOT = "stationd/pilot"
FAULT_TABLE = "stationd/fault_table.py"

PURE = (
    "arguments", "commands", "connector_lock", "contactor", "cp", "cycles", "derating", "duty", "fault_inputs", "leaky",
    "machine", "over_current", "permit", "phase_switch", "protocol", "proximity", "rcd_test", "reaction", "rules",
    "state", "stats", "vehicle", "verdicts", "wake_up", "watch",
)  # fmt: skip
"""Rules: values and the time in, values out. Every branch is covered, every file is mutated."""
LOOP = (
    "counters", "fail_safe", "interfaces", "keeper", "latches", "loop", "measured", "restarts", "runner", "site_limit",
    "small_file",
)  # fmt: skip
"""What runs around the rules: tested in the test's own process, under a fake clock or on files of a temporary folder.
Every branch is covered."""
MUTATED_LOOP = ("loop", "runner", "site_limit")
"""Those of them that decide about opening: mutated as well."""
EDGES = {
    "__main__": "puts its folder first and calls process.main: it only makes sense as a process",
    "board": "loads drivers and translates their errors: its tests use drivers that fail on demand",
    "notify": "the service manager's socket and the stderr of a process",
    "outputs": "safe outputs before and after a life of the process: seen at the simulated board",
    "process": "puts everything together: tested by starting, stopping and killing it",
    "realtime": "what the kernel grants differs from machine to machine: tested in processes with limits",
    "safe_off": "a process of its own, run when the other one died",
    "server": "sockets with peers that flood, stall and vanish",
}
"""What does the input and output, and why branch figures say little about it."""

Gap = tuple[str, str]
GAPS: dict[Gap, str] = {
    ("stationd/pilot/phase_switch.py", "case Stage.JOINING:"): "the last of all stages: there is no way past it",
    ("stationd/pilot/proximity.py", "for end, amps in _ROW_ENDS:"): "its last row ends where the check before it ends",
    ("stationd/pilot/proximity.py", "return None"): "follows that loop, for the type checker",
}
"""(file, source line as it stands there without indentation) -> why no test reaches it, or not in all directions."""

MACHINE = ("test_machine_parts", "test_machine", "test_machine_lock")
"""Single conditions of the machine, then whole sessions, on a bench."""
STORIES = tuple(f"tests/pilot/test_machine_{name}.py" for name in ("session", "limits", "evasions"))
"""Long sessions: they count for coverage, and are too slow to be run for every mutant."""
ALSO = {
    "commands": ("test_machine_lock",),
    "connector_lock": ("test_machine_lock",),
    "contactor": ("test_machine",),
    "cp": ("test_machine",),
    "machine": (*MACHINE, "test_machine_invariants"),
    "permit": ("test_machine_lock",),
    "proximity": ("test_machine",),
    "state": ("test_machine_parts",),
    "verdicts": MACHINE,
    "watch": MACHINE,
}
"""Tests of a file besides its own `test_<file>.py`, in the order in which they find a defect soonest."""
TOO_SLOW = (
    "tests/pilot/test_machine_invariants.py::test_no_short_sequence_of_events_breaks_an_invariant[charging]",
    "tests/pilot/test_machine_invariants.py::test_no_long_sequence_breaks_an_invariant",
)
"""Tests that are not run for every single mutant."""


def path_of(name: str) -> str:
    return f"{PILOT}/{name}.py"


def covered() -> tuple[str, ...]:
    """Return the files of which every branch must be covered."""
    return (FAULT_TABLE, *(path_of(name) for name in (*PURE, *LOOP)))


def mutated() -> tuple[str, ...]:
    """Return the files that are mutated."""
    return (FAULT_TABLE, *(path_of(name) for name in (*PURE, *MUTATED_LOOP)))


def tests_of(path: str) -> tuple[str, ...]:
    """Return the test files of a source file, in the order in which they are run."""
    if path == FAULT_TABLE:
        return ("tests/test_fault_table.py",)
    name = Path(path).stem
    own, also = f"test_{name}", ALSO.get(name, ())
    names = also if own in also else (own, *also)
    return tuple(f"tests/pilot/{one}.py" for one in names)
