"""What every measurement is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Row
from tests.bench.rig import Csms


@dataclass(frozen=True, slots=True)
class World:
    """The run: its CSMS, a folder of its own, and how thorough it is to be."""

    csms: Csms
    folder: Path
    quick: bool
    say: Callable[[str], None]
    """Tell a person what is going on."""

    def pick(self, quick: int, thorough: int) -> int:
        """Return how many rounds, seconds or messages to use."""
        return quick if self.quick else thorough


Measurement = Callable[[World], list[Row]]
