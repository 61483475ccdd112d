"""Stations for the tests: one that the tests of a module share, version by version, and fresh ones."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.interop.bench", "tests.interop.words")

from tests.interop.bench import Bench, Setup  # noqa: E402 - its assertions must be rewritten first

VERSIONS = ("1.6", "2.0.1", "2.1")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that has a `version` in all of them, unless it names its own."""
    if "version" in metafunc.fixturenames:
        chosen = [name for mark in metafunc.definition.iter_markers("parametrize") for name in _names(mark.args[0])]
        if "version" not in chosen:
            metafunc.parametrize("version", VERSIONS)


def _names(given: str | Sequence[str]) -> list[str]:
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Within a module run version by version, so that the shared station changes twice and not with each test."""

    def place(item: pytest.Item) -> int:
        spec: Any = getattr(item, "callspec", None)
        version = None if spec is None else spec.params.get("version")
        return VERSIONS.index(version) if version in VERSIONS else 0

    modules = list(dict.fromkeys(item.path for item in items))
    ours = [path for path in modules if "interop" in path.parts]
    for path in ours:
        positions = [number for number, item in enumerate(items) if item.path == path]
        ordered = sorted((items[number] for number in positions), key=place)
        for number, item in zip(positions, ordered, strict=True):
            items[number] = item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Keep whether the test itself failed, for the fixtures that end it."""
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()
LOG_SHOWN = 8000  # characters


class Shared:
    """The station that the tests of a module share; replaced after a failure and for another version."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._bench: Bench | None = None

    def of(self, version: str) -> Bench:
        """Return the station that speaks this version."""
        if self._bench is not None and self._bench.version != version:
            self.discard()
        if self._bench is None:
            self._bench = Bench(version, self.setup)
        return self._bench

    def discard(self) -> None:
        """End its processes."""
        bench, self._bench = self._bench, None
        if bench is not None:
            with bench:
                pass


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Shared]:
    """The module says by `SETUP` how its station differs from the ordinary one."""
    stations = Shared(getattr(request.module, "SETUP", Setup()))
    yield stations
    stations.discard()


@pytest.fixture
def bench(request: pytest.FixtureRequest, shared: Shared, version: str) -> Iterator[Bench]:
    """The module's station in this version, at rest; checked at the end."""
    station = shared.of(version)
    mark = station.peer.mark()
    yield station
    try:
        if not request.node.stash.get(FAILED, True):
            station.settle()
            station.check(since=mark, message_timeout_s=_timeout_s(station))
    except BaseException:
        request.node.stash[FAILED] = True
        raise
    finally:
        if request.node.stash.get(FAILED, True):
            _show(station)
            shared.discard()


def _show(station: Bench) -> None:
    """Print what the processes said last; pytest shows it with the failure."""
    print(station.logs()[-LOG_SHOWN:])


def _timeout_s(station: Bench) -> float:
    return float(station.setup.timing.get("message_timeout_s", 30))


@pytest.fixture
def fresh(request: pytest.FixtureRequest, version: str) -> Iterator[Callable[[Setup], Bench]]:
    """Make stations of this version that nobody used before; checked at the end."""
    made: list[Bench] = []

    def make(setup: Setup) -> Bench:
        made.append(Bench(version, setup))
        return made[-1]

    yield make
    try:
        if not request.node.stash.get(FAILED, True):
            for station in made:
                station.check(message_timeout_s=_timeout_s(station))
    finally:
        for station in made:
            if request.node.stash.get(FAILED, True):
                _show(station)
            with station:
                pass
