"""Plants of two EVSEs for tests that need a real one."""

from collections.abc import Iterator

import pytest

from tests.sandbox.plant.bench import Bench, running, short_folder


@pytest.fixture
def bench() -> Iterator[Bench]:
    with short_folder() as folder, running(folder, "--evses", "2") as bench:
        yield bench


@pytest.fixture(scope="module")
def shared_bench() -> Iterator[Bench]:
    """One plant for the tests of a file that leave nothing behind in it."""
    with short_folder() as folder, running(folder, "--evses", "2") as bench:
        yield bench
