"""What the tests of the fault rows share."""

from collections.abc import Callable, Iterator

import pytest

from tests.pilot.fault_rows.bench import Bench, bench, profile
from tests.pilot.fault_rows.place import Place
from tests.pilot.fault_rows.rows import Recorder

QUICK = {"min_off_ms": 150, "lock_ms": 400, "rest_ms": 0}
"""Waits whose length is not what is tested."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("quick"), profile(timings=QUICK)) as made:
        yield made


@pytest.fixture
def place(shared: Bench) -> Iterator[Place]:
    """Return the only place of a bench that the tests of a file share; afterwards it is mended and judged."""
    place = shared.places[1]
    yield place
    place.mend()
    place.judge()


@pytest.fixture
def recorder(record_property: Callable[[str, object], None]) -> Recorder:
    return Recorder(record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the rounds that were done again: they count for nothing."""
    again = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for key, value in getattr(report, "user_properties", ())
        if key == "fault_row_again"
    ]
    if again:
        terminalreporter.section(f"fault rows: {len(again)} rounds done again, since the machine stood still")
        for line in again:
            terminalreporter.write_line(str(line))
