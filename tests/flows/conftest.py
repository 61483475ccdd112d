"""Stations for the tests of this folder."""

from collections.abc import Callable, Generator, Iterator

import pytest

from tests.flows.support import Flow, Stations

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether the test failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Flow]]:
    """Start a station; `make(version="1.6", start=True, **StationOptions)`. It is ended and checked after the test."""
    stations = Stations()
    try:
        yield stations.make
        if request.node.stash.get(FAILED, True):
            stations.show()
        else:
            stations.check()
    finally:
        stations.end()
