from pathlib import Path

import pytest

from tests.pilot import modules

LISTS = (modules.PURE, modules.LOOP, tuple(modules.EDGES))


def test_every_file_of_the_safety_process_is_in_exactly_one_list() -> None:
    files = {path.stem for path in (modules.ROOT / modules.PILOT).glob("*.py")} - {"__init__"}
    listed = [name for names in LISTS for name in names]
    assert sorted(listed) == sorted(files)


def test_what_is_mutated_of_the_loop_is_of_the_loop() -> None:
    assert set(modules.MUTATED_LOOP) <= set(modules.LOOP)


@pytest.mark.parametrize("path", sorted({*modules.covered(), *modules.mutated()}))
def test_every_file_that_is_measured_has_tests_to_measure_it_by(path: str) -> None:
    assert modules.tests_of(path)
    for test in modules.tests_of(path):
        assert (modules.ROOT / test).is_file()


def test_a_rule_reads_neither_clock_nor_file_nor_socket() -> None:
    """Nothing in a pure file names a module that could; `os` only for the words of a path."""
    for name in modules.PURE:
        source = Path(modules.ROOT / modules.path_of(name)).read_text()
        for word in ("import time", "import socket", "import select", "open("):
            assert not any(
                line.strip().startswith(word) if word.startswith("import") else f" {word}" in line
                for line in source.splitlines()
            ), f"{name}: {word}"


def test_every_gap_and_every_edge_has_a_reason() -> None:
    assert all(modules.GAPS.values())
    assert all(modules.EDGES.values())
