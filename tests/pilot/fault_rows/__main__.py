"""`make safety-table`: provoke every fault, and write what was seen into docs/SAFETY.md.

`python -m tests.pilot.fault_rows`. Writes nothing if a test fails, or if a row of the fault table was provoked by none.
"""

import sys
from pathlib import Path

import pytest

from tests.pilot.fault_rows import table
from tests.pilot.fault_rows.table import Json

FOLDER = Path(__file__).parent


class Collector:
    """Keeps the rounds that counted."""

    def __init__(self) -> None:
        self.rounds: list[Json] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.rounds += [value for key, value in report.user_properties if key == "fault_row"]


def main() -> int:
    collector = Collector()
    own = FOLDER / "test_table.py"  # judges the table that is about to be replaced
    code = pytest.main([str(FOLDER), f"--ignore={own}", "-p", "no:cacheprovider"], plugins=[collector])
    if code:
        print("cannot write the table: a fault was not seen as it should be")
        return int(code)
    if left := table.missing(collector.rounds):
        print(f"cannot write the table: nobody provoked {', '.join(left)}")
        return 1
    table.DOCUMENT.write_text(table.replaced(table.DOCUMENT.read_text(), table.block(collector.rounds)))
    print(f"{table.DOCUMENT}: {len(collector.rounds)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
