"""The campaign, as its own process, on a project of one file."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = """
LIMIT_A = 6.0


def offers(amps):
    n = 0
    while n < 3:
        n += 1
    return amps >= LIMIT_A


def idle():
    return 1
"""
TESTS = """
from small.rules import offers


def test_offers():
    assert offers(6.0)
    assert not offers(5.9)
"""
SCRIPT = """
import sys
from pathlib import Path
from tests.mutation import campaign
from tests.mutation.campaign import CampaignError, Work, baseline_s, run, warm_up

root = Path(sys.argv[1])
sys.path.insert(0, str(root))
campaign.LOOPS_S = 1
warm_up(root)
work = Work(root, "small/rules.py", ("tests/test_rules.py",), {})
try:
    baseline_s(work)
except CampaignError as error:
    sys.exit(str(error))
told = []
for one in run(work, needed_s=0.1, jobs=2, tell=told.append):
    print(one.outcome, one.mutant.key)
assert len(told) > 5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "small").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "small/rules.py").write_text(SOURCE)
    (tmp_path / "tests/test_rules.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n')
    return tmp_path


def campaign(project: Path, script: str = SCRIPT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script, str(project)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )


def test_defects_are_found_survive_or_never_end(project: Path) -> None:
    done = campaign(project)
    assert done.returncode == 0, done.stderr
    outcomes = {key: outcome for outcome, _, key in (line.partition(" ") for line in done.stdout.splitlines())}
    assert outcomes["offers: amps >= LIMIT_A → amps > LIMIT_A"] == "killed"
    assert outcomes["LIMIT_A: 6.0 → 5.4"] == "killed"
    assert outcomes["offers: n < 3 → n <= 3"] == "survived"
    assert outcomes["idle: 1 → 2"] == "survived"
    assert outcomes["offers: n += 1 → pass"] == "timeout"


def test_tests_that_fail_without_a_defect_say_nothing(project: Path) -> None:
    (project / "tests/test_rules.py").write_text("def test_x():\n    assert False\n")
    assert "its tests fail without a mutant" in campaign(project).stderr


def test_tests_that_never_import_the_file_say_nothing(project: Path) -> None:
    (project / "tests/test_rules.py").write_text("def test_x():\n    pass\n")
    assert "its tests never import it" in campaign(project).stderr


def test_a_file_that_is_named_like_a_test_is_mutated_too(project: Path) -> None:
    (project / "small/rules.py").rename(project / "small/rules_test.py")
    (project / "tests/test_rules.py").write_text(TESTS.replace("small.rules", "small.rules_test"))
    done = campaign(project, SCRIPT.replace("small/rules.py", "small/rules_test.py"))
    assert "killed LIMIT_A: 6.0 → 5.4" in done.stdout, done.stderr


def test_tests_that_are_missing_are_named(project: Path) -> None:
    (project / "tests/test_rules.py").unlink()
    assert "there is no tests/test_rules.py" in campaign(project).stderr
