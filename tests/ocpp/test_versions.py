"""Which OCPP versions there are, and that they cost nothing until they are spoken."""

import subprocess
import sys

import pytest

from stationd.ocpp.versions import VERSIONS


def test_only_the_version_the_csms_picks_is_loaded() -> None:
    code = (
        "import sys, stationd.ocpp.csms, stationd.ocpp.versions as v;"
        "loaded = lambda: sorted(n for n in ('v16', 'v201', 'v21') if f'stationd.ocpp.{n}.routes' in sys.modules);"
        "before = loaded(); version = v.VERSIONS['ocpp1.6']();"
        "print(before, loaded(), version.subprotocol, 'ocpp' in sys.modules, 'jsonschema' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[0] == "[] ['v16'] ocpp1.6 False False"


@pytest.mark.parametrize("name", VERSIONS)
def test_each_version_has_its_own_subprotocol(name: str) -> None:
    assert VERSIONS[name]().subprotocol == name
