"""Find drivers by name: `meter/eastron_sdm630` -> a TOML file or a Python module. The only importlib call in the brain.

`drivers/<kind>/<name>.py` holds `Config`, a frozen dataclass of options, and `Driver`:
    meter: Driver(config, *, evse_id: int, buses: BusPool)            -> hal.interfaces.Meter
    rfid:  Driver(config, *, runtime_dir: Path)                       -> hal.interfaces.TokenReader
`drivers/<kind>/<name>.toml` describes a device for such a module, which its own key `driver` names. That module also
holds `load_description(document, source)`; what it returns is given to its Driver as `description`.
Files of the same layout in a folder of the user's (/etc/stationd/drivers) come first, so that a site can mend a driver.
"""

import importlib
import importlib.util
import logging
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from stationd.domain.errors import ConfigurationError
from stationd.hal.bus import BusPool
from stationd.hal.interfaces import Meter, TokenReader
from stationd.hal.options import config_from_options, suggestion
from stationd.hal.plausibility import DEFAULT_MAX_POWER_W, CheckedMeter
from stationd.hwprofile import DriverSpec

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterLimits:
    """Options that every meter has, whatever its driver: what its energy registers can do at most."""

    max_power_w: float = DEFAULT_MAX_POWER_W
    energy_speed: float = 1.0
    """Of a simulated board: how many times faster than time its energy may run."""

    def __post_init__(self) -> None:
        if not 100 <= self.max_power_w <= 10_000_000:
            raise ValueError(f"max_power_w must be 100 to 10000000, not {self.max_power_w:g}")
        if not 1 <= self.energy_speed <= 3600:
            raise ValueError(f"energy_speed must be 1 to 3600, not {self.energy_speed:g}")


def create_meter(spec: DriverSpec, *, evse_id: int, buses: BusPool, user_drivers: Path | None = None) -> Meter:
    """Return the meter that the hw-profile names, behind the checks of `hal.plausibility`. Opens nothing yet.

    Raises:
        ConfigurationError: no such driver, it is broken, or an option is wrong.
    """
    found = _find(spec.driver, "meter", user_drivers)
    where = f"{spec.driver} of EVSE {evse_id}"
    limit_names = MeterLimits.__dataclass_fields__
    limits = config_from_options(MeterLimits, {k: v for k, v in spec.options.items() if k in limit_names}, where)
    options = {k: v for k, v in spec.options.items() if k not in limit_names}
    config = config_from_options(found.module.Config, options, where)
    meter = found.module.Driver(config, evse_id=evse_id, buses=buses, **found.description)
    return CheckedMeter(meter, max_power_w=limits.max_power_w, energy_speed=limits.energy_speed)


def create_reader(spec: DriverSpec, *, runtime_dir: Path, user_drivers: Path | None = None) -> TokenReader:
    """Return the card reader that the hw-profile names. Opens nothing yet.

    Raises:
        ConfigurationError: no such driver, it is broken, or an option is wrong.
    """
    found = _find(spec.driver, "rfid", user_drivers)
    config = config_from_options(found.module.Config, spec.options, spec.driver)
    reader: TokenReader = found.module.Driver(config, runtime_dir=runtime_dir, **found.description)
    return reader


def driver_names(kind: str, user_drivers: Path | None = None) -> list[str]:
    """Return the names of all drivers of a kind, as a hw-profile would give them."""
    return sorted({f"{kind}/{path.stem}" for path in _files(kind, user_drivers)})


@dataclass(frozen=True, slots=True)
class _Found:
    module: ModuleType
    description: dict[str, Any]
    """Empty, or `description` = what the module made of a TOML file."""


def _find(driver: str, kind: str, user_drivers: Path | None) -> _Found:
    path = _path(driver, kind, user_drivers)
    if path.suffix == ".py":
        module = _module(driver, path)
        if hasattr(module, "load_description"):
            raise ConfigurationError(
                f"cannot use driver {driver} by itself: name a file that describes a device for it"
            )
        return _Found(module, {})
    document = _document(path)
    through = document.get("driver")
    if not isinstance(through, str):
        raise ConfigurationError(f'cannot use {path}: key driver is missing; give a module such as "{kind}/modbus_map"')
    try:
        module_path = _path(through, kind, user_drivers)
    except ConfigurationError as error:
        raise ConfigurationError(f"cannot use {path}: {error}") from None
    if module_path.suffix != ".py" or not hasattr(module := _module(through, module_path), "load_description"):
        raise ConfigurationError(f"cannot use {path}: driver {through} takes no description of a device")
    return _Found(module, {"description": module.load_description(document, str(path))})


def _path(driver: str, kind: str, user_drivers: Path | None) -> Path:
    """Return the file of a driver; the user's before ours."""
    if not _NAME.fullmatch(driver) or not driver.startswith(f"{kind}/"):
        raise ConfigurationError(
            f"cannot use driver {driver!r}: a name is {kind}/ and small letters, digits and underscores"
        )
    name = driver.partition("/")[2]
    paths = [path for path in _files(kind, user_drivers) if path.stem == name]
    if not paths:
        raise ConfigurationError(f"cannot find driver {driver}: {suggestion(driver, driver_names(kind, user_drivers))}")
    same_folder = [path for path in paths if path.parent == paths[0].parent]
    if len(same_folder) > 1:
        raise ConfigurationError(f"cannot choose between {same_folder[0]} and {same_folder[1].name}: remove one")
    if len(paths) > 1:
        _log.info("driver_replaced driver=%s by=%s", driver, paths[0])
    return paths[0]


def _files(kind: str, user_drivers: Path | None) -> Iterable[Path]:
    for folder in (user_drivers, _shipped()):
        if folder is not None and (folder / kind).is_dir():
            for path in sorted((folder / kind).iterdir()):
                if path.suffix in (".py", ".toml") and _NAME.fullmatch(f"{kind}/{path.stem}"):
                    yield path


def _shipped() -> Path:
    package = importlib.util.find_spec("drivers")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError("cannot find the package drivers: it belongs beside stationd; install both")
    return Path(package.submodule_search_locations[0])


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from None


def _module(driver: str, path: Path) -> ModuleType:
    try:
        if path.parent.parent == _shipped():
            module = importlib.import_module(f"drivers.{driver.replace('/', '.')}")
        else:
            module = _load_file(path)
    except Exception as error:  # a driver is somebody else's code: whatever it raises is a fault of that file
        raise ConfigurationError(f"cannot load driver {path}: {type(error).__name__}: {error}") from error
    if not hasattr(module, "Driver") or not is_dataclass(getattr(module, "Config", None)):
        raise ConfigurationError(f"cannot load driver {path}: it needs a class Driver and a dataclass Config")
    return module


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"user_drivers_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
