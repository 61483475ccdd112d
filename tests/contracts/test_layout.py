"""Rules of the layout that no linter knows."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 600
GENERATED = re.compile(r"stationd/ocpp/v\d+/validators/")
FOREIGN = re.compile(
    r"(?<![\w/.])/(?:work|root|home|farm)/|\bpypi\.org|\bpythonhosted|\bnpmjs|\bdeb\.debian\.org|\bTODO\b|\bFIXME\b|\bXXX\b"
)
WORDS = {
    # Protocols and words without behaviour
    "stationd/domain/answers.py", "stationd/domain/auth_list.py", "stationd/domain/errors.py",
    "stationd/domain/events.py", "stationd/domain/measurands.py", "stationd/domain/states.py",
    "stationd/hal/interfaces.py", "stationd/ocpp/rpc/findings.py", "stationd/ocpp/version.py",
    "stationd/pilot/interfaces.py", "stationd/station/parts.py", "stationd/station/ports.py",
}  # fmt: skip
ELSEWHERE = {
    # what only makes sense as a process, or inside its neighbour
    "stationd/ctl/cmd_config.py": "test_stationctl.py",
    "stationd/ctl/cmd_connection.py": "test_stationctl.py",
    "stationd/ctl/cmd_mock.py": "test_stationctl.py",
    "stationd/ctl/cmd_status.py": "test_stationctl.py",
    "stationd/ctl/cmd_transactions.py": "test_stationctl.py",
    "stationd/ctl/daemon.py": "test_stationctl.py",
    "stationd/ocpp/conversation.py": "test_csms.py",
    "stationd/ocpp/link.py": "test_csms.py",
    "stationd/pilot/outputs.py": "test_safe_off.py",
    "stationd/sandbox/csms/answers.py": "test_csms.py",
    "stationd/sandbox/csms/ledger.py": "test_csms.py",
    "stationd/sandbox/launch.py": "test_one_configuration_file.py",
    "stationd/sandbox/run.py": "test_one_configuration_file.py",
    "stationd/station/flow_base.py": "test_flow.py",
}
THIS = "tests/contracts/test_layout.py"


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def _sources() -> list[str]:
    return [name for name in _tracked("stationd/*.py", "drivers/*.py") if not GENERATED.match(name)]


def test_packages_import_nothing_by_themselves() -> None:
    full = [name for name in _sources() if name.endswith("__init__.py") and (ROOT / name).read_text().strip()]
    assert full == [], "an __init__.py is empty on purpose: the safety process imports these packages"


def test_no_file_has_grown_two_concerns() -> None:
    long = {
        name: lines
        for name in _tracked("*.py")
        if not GENERATED.match(name) and (lines := len((ROOT / name).read_text().splitlines())) > MAX_LINES
    }
    assert long == {}, f"split these by concern: at most {MAX_LINES} lines"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name
        for name in _sources()
        if not name.endswith("__init__.py") and not (ROOT / name).read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_every_source_file_has_its_tests() -> None:
    tests = {Path(name).name for name in _tracked("tests/*.py")}
    missing = [
        name
        for name in _sources()
        if not name.endswith(("__init__.py", "__main__.py"))
        and name not in WORDS
        and Path(ELSEWHERE.get(name, f"test_{Path(name).name}")).name not in tests
    ]
    assert missing == [], "each needs a tests/<same place>/test_<file>.py"


@pytest.mark.parametrize("kind", ["*.py", "*.md", "*.toml", "*.sh", "Makefile", ".ci/run", "*.js", "*.json"])
def test_the_project_speaks_of_itself_alone(kind: str) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name in _tracked(kind)
        if name != THIS
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_links_of_the_documents_lead_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name in _tracked("*.md")
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / name).read_text())
        if "://" not in target and not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []
