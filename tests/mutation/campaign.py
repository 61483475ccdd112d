"""Runs the tests of a file against each of its mutants: one forked process a mutant, that has pytest loaded already.

The mutated source stands in for the file before anything imports it, so copies of its names in other modules are of
the mutant too. A mutant is killed by a test that fails, or by not ending: that is only believed after many times the
time that the tests need.
"""

import ast
import contextlib
import gc
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.mutants import Enums, Mutant, mutants

KILLED, SURVIVED, TIMEOUT = "killed", "survived", "timeout"
LIMIT_S = 2.0
"""CPU time that the tests of one file may take: they are run once a mutant."""
LOOPS_S, LOOPS_TIMES = 5, 5
"""A mutant that takes at least so long, and so many times what the tests need, does not end."""
_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2
_UNUSED = 71
"""The tests passed without ever importing the file."""


class CampaignError(Exception):
    """The campaign says nothing: tests that fail without a mutant, or that are not there."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutant."""

    path: str
    mutant: Mutant
    outcome: str


@dataclass(frozen=True, slots=True)
class Work:
    """One file and the tests that must find its defects."""

    root: Path
    path: str
    """Of the source file, below the root."""
    tests: tuple[str, ...]
    enums: Enums
    without: tuple[str, ...] = ()
    """Tests among them that are too slow to be run once a mutant."""

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")

    def tree(self) -> ast.Module:
        return ast.parse((self.root / self.path).read_text())


def warm_up(root: Path) -> None:
    """Load pytest, its plugins and Hypothesis, and nothing of the project: every child starts with them."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "test_sample.py"
        sample.write_text(
            "from hypothesis import given, strategies as st\n\n\n@given(st.lists(st.integers()))\ndef test_x(x): pass\n"
        )
        with _silence():
            _pytest(root, [str(sample)])
    from hypothesis import Phase, settings

    settings.register_profile("mutation", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutation")
    gc.collect()
    gc.freeze()


def baseline_s(work: Work) -> float:
    """Return the CPU time that the tests take without a mutant.

    Raises:
        CampaignError: they fail or are missing.
    """
    missing = [name for name in work.tests if not (work.root / name.partition("::")[0]).exists()]
    if missing:
        raise CampaignError(f"cannot mutate {work.path}: there is no {', '.join(missing)}")
    pid = _start(work, None, limit_s=120)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) == _UNUSED:
        raise CampaignError(f"cannot mutate {work.path}: its tests never import it: {' '.join(work.tests)}")
    if os.waitstatus_to_exitcode(status) != _PASSED:
        raise CampaignError(f"cannot mutate {work.path}: its tests fail without a mutant: {' '.join(work.tests)}")
    return usage.ru_utime + usage.ru_stime


def run(work: Work, *, needed_s: float, jobs: int, tell: Callable[[Result], None]) -> list[Result]:
    """Return what became of every mutant of one file, in the order of the source."""
    found = mutants(work.tree(), work.enums)
    limit_s = max(LOOPS_S, round(LOOPS_TIMES * needed_s) + 1)
    results: dict[int, Result] = {}
    running: dict[int, int] = {}
    waiting = iter(range(len(found)))
    while len(results) < len(found):
        while len(running) < jobs and (number := next(waiting, None)) is not None:
            running[_start(work, number, limit_s=limit_s)] = number
        pid, status = os.wait()
        number = running.pop(pid)
        results[number] = Result(work.path, found[number], _outcome(work, found[number], status))
        tell(results[number])
    return [results[number] for number in range(len(found))]


def _outcome(work: Work, mutant: Mutant, status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL):
        return TIMEOUT
    if code in (_FAILED, _INTERRUPTED):  # a test failed, or the tests cannot even be imported
        return KILLED
    if code == _PASSED:
        return SURVIVED
    raise CampaignError(f"cannot judge {work.path}: {mutant.key}: its process ended with {code}")


def _start(work: Work, number: int | None, *, limit_s: int) -> int:
    """Fork a process that runs the tests against a mutant (None: against the file as it is); return its id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70  # nothing that pytest says
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
        signal.alarm(4 * limit_s + 10)
        gc.disable()
        tree = work.tree()
        if number is not None:
            mutants(tree, work.enums)[number].apply()
        impostor = Impostor(work.module, str(work.root / work.path), tree)
        without = [f"--deselect={one}" for one in work.without]
        with _silence():
            code = _pytest(work.root, ["-x", "--tb=no", *without, *work.tests], impostor)
        if code == _PASSED and not impostor.used:
            code = _UNUSED
    finally:
        os._exit(code)


class Impostor(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives whoever imports the module the tree instead of the file."""

    def __init__(self, module: str, path: str, tree: ast.Module) -> None:
        self._module = module
        self._path = path
        self._tree = tree
        self.used = False

    def pytest_sessionstart(self) -> None:
        """Come before pytest's own importer, which takes every file whose name looks like that of a test."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.used = True
        exec(compile(self._tree, self._path, "exec"), module.__dict__)


def _pytest(root: Path, arguments: list[str], *plugins: object) -> int:
    quick = ["-p", "no:cacheprovider", "-p", "no:unraisableexception", "--timeout=0"]
    named = [str(root / one) if one.startswith("tests/") else one for one in arguments]
    return int(pytest.main(["-c", str(root / "pyproject.toml"), "--rootdir", str(root), *quick, *named], plugins))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Send what a run prints to nowhere."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, handle in enumerate(kept, 1):
            os.dup2(handle, number)
            os.close(handle)
        os.close(nowhere)
