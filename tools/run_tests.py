"""Run the suite in two processes side by side: the flows mostly wait for real clocks, the rest mostly computes.

    python tools/run_tests.py [PYTEST OPTION...]            the whole suite
    AGAIN=1 python tools/run_tests.py [PYTEST OPTION...]    only what failed in the run before

Ends with 0 only if both passed. What the flows say is printed after the rest.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTHING_TO_RUN = 5
"""pytest's exit code when no test was selected: in a repetition, nothing of that part had failed."""


def command(part: str, *options: str) -> list[str]:
    """Return the command line of one part, which keeps its failures in a cache of its own."""
    again = ("--last-failed", "--last-failed-no-failures=none") if os.environ.get("AGAIN") else ()
    return [sys.executable, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{part}", *again, *options]


def main(options: list[str]) -> int:
    """Run both parts and return the exit code."""
    with tempfile.TemporaryFile() as told:
        flows = subprocess.Popen(command("flows", "tests/flows", *options), cwd=ROOT, stdout=told, stderr=told)
        try:
            rest = subprocess.run(command("rest", "tests", "--ignore=tests/flows", *options), cwd=ROOT, check=False)
            print("the flows, which run beside:", flush=True)
            codes = [rest.returncode, flows.wait()]
        finally:
            flows.terminate()
        told.seek(0)
        sys.stdout.write(told.read().decode(errors="replace"))
    good = (0, NOTHING_TO_RUN) if os.environ.get("AGAIN") else (0,)
    return 0 if all(code in good for code in codes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
