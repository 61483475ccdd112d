"""The schema, its dataclasses, its reference and the shipped example say the same."""

from dataclasses import fields
from pathlib import Path
from types import MappingProxyType

from stationd.config.load import load
from stationd.config.schema import (
    KEYS,
    SECTIONS,
    ApiConfig,
    Config,
    CsmsConfig,
    LogConfig,
    RestartConfig,
    StationConfig,
)
from stationd.domain import variable_table as table
from stationd.hwprofile import DriverSpec
from stationd.station.settings import Settings
from tools.config_reference import DOCUMENT, table_names, written

DOCS = Path(__file__).parents[2] / "docs"


def test_every_key_has_its_field_and_every_field_its_key() -> None:
    kinds = {
        "station": StationConfig,
        "csms": CsmsConfig,
        "restart": RestartConfig,
        "api": ApiConfig,
        "log": LogConfig,
    }
    for section, kind in kinds.items():
        names = {key.name for key in KEYS if key.section == section} - {"password_file"}
        assert names == {field.name for field in fields(kind)}


def test_the_reference_has_the_tables_of_the_schema() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document == written(document), "run python -m tools.config_reference"
    assert set(table_names(document)) == {*SECTIONS, "settings"} - {"variables", "keys", "hardware"}
    for key in KEYS:
        assert f"| `{key.name}` | {key.doc.replace('|', chr(92) + '|')} |" in document


def test_each_example_of_the_reference_is_accepted(tmp_path: Path) -> None:
    for key in KEYS:
        lines = {"station": ['hw_profile = "mock"', 'state_dir = "s"'], "csms": ["offline = true"]}
        section = [line for line in lines.get(key.section, []) if not line.startswith(f"{key.name} ")]
        lines[key.section] = [*section, f"{key.name} = {key.example}"]
        if key.name == "url":
            lines["csms"] += ['password = "correct-horse-battery"', 'ca_file = "ca.pem"']
        if key.name == "password_file":
            (tmp_path / "secret").write_text("correct-horse-battery")
            lines["csms"][-1] = 'password_file = "secret"'
        text = "".join(f"[{name}]\n" + "\n".join(each) + "\n" for name, each in lines.items())
        (tmp_path / "station.toml").write_text(text)
        load(tmp_path / "station.toml")


def test_the_shipped_example_can_be_used() -> None:
    config = load(DOCS / "stationd.toml")
    rows = table.rows_for([(1, (1,))])
    settings = Settings(rows, seeds=config.seeds(rows))
    assert settings.text(table.MODEL) == "Wallbox 11"
    assert config.csms.security_profile == 2


def test_options_of_the_file_are_laid_over_those_of_the_hw_profile() -> None:
    spec = DriverSpec("meter/eastron_sdm630", MappingProxyType({"host": "127.0.0.1", "port": 15020}))
    station = StationConfig(hw_profile="mock", state_dir=Path("/s"), runtime_dir=Path("/r"), site_limit_file=Path("/l"))
    config = Config(files=(), station=station, csms=CsmsConfig(), meter_options={"port": 15021})
    assert config.meter(spec).options == {"host": "127.0.0.1", "port": 15021}
    assert config.meter(spec).driver == spec.driver
    assert config.reader(spec) == spec
