"""Every key of the configuration file, with its type and bounds, and what `load` makes of the file.

docs/CONFIG.md holds the same table for people; a test keeps the two alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stationd.domain import variable_table as table
from stationd.domain.errors import ConfigurationError
from stationd.domain.variables import VariableSpec
from stationd.hwprofile import DriverSpec

VERSIONS = ("1.6", "2.0.1", "2.1")
LOG_LEVELS = ("debug", "info", "warning", "error")
MOST_EVSES = 20
IDENTITY = r"[A-Za-z0-9*_=:+|@.-]{1,48}"
"""OCPP 2.0.1 part 2 identifierString, at the length that OCPP-J allows a station."""


class Kind(StrEnum):
    """What a key holds."""

    TEXT = "text"
    SECRET = "text, never shown"  # noqa: S105 - a description
    PATH = "path"
    INTEGER = "whole number"
    BOOLEAN = "true or false"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file. `minimum` and `maximum` bound a number or the length of a text."""

    section: str
    name: str
    kind: Kind
    doc: str
    default: str = ""
    """For the reference; the value itself is the default of the dataclass field."""
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    example: str = ""


KEYS = (
    Key("station", "vendor", Kind.TEXT, "Vendor told to the CSMS", "`stationd`", 1, 20, example='"Example Works"'),
    Key("station", "model", Kind.TEXT, "Model told to the CSMS", "`stationd`", 1, 20, example='"Wallbox 11"'),
    Key("station", "serial_number", Kind.TEXT, "Serial number told to the CSMS", "none", 1, 25, example='"A-0001"'),
    Key("station", "firmware_version", Kind.TEXT, "Version told to the CSMS", "stationd's own", 1, 50, example='"1.4"'),
    Key("station", "evses", Kind.INTEGER, "Number of EVSEs, as in the hw-profile", "`1`", 1, MOST_EVSES, example="2"),
    Key("station", "state_dir", Kind.PATH, "Folder of what must survive a restart", "`/var/lib/stationd`",
        example='"state"'),
    Key("station", "runtime_dir", Kind.PATH, "Folder of the sockets", "`run` in `state_dir`",
        example='"/run/stationd"'),
    Key("station", "hw_profile", Kind.TEXT, "Name of a board (`mock` is the simulated one), or the path of its file",
        "none: it must be given", 1, 4096, required=True, example='"mock"'),
    Key("station", "site_limit_file", Kind.PATH, "File with the installer's limit; only stationd-pilot reads it",
        "`site-limit.toml` in `state_dir`", example='"/etc/stationd/site-limit.toml"'),
    Key("csms", "url", Kind.TEXT, "Address of the CSMS without the identity: `ws://…` or `wss://…`",
        "none: needed unless `offline`", 1, 512, example='"wss://csms.example.org/ocpp"'),
    Key("csms", "identity", Kind.TEXT, "Name of this station at the CSMS: letters, digits and `*-_=:+|@.`",
        "none: needed unless `offline`", 1, 48, example='"CP-0001"'),
    Key("csms", "versions", Kind.TEXTS, "OCPP versions to offer, the preferred one first",
        '`["2.1", "2.0.1", "1.6"]`', choices=VERSIONS, example='["2.0.1", "1.6"]'),
    Key("csms", "security_profile", Kind.INTEGER,
        "0: no password; 1: password; 2: TLS and password; 3: TLS and client certificate",
        "by what is given: see below", 0, 3, example="2"),
    Key("csms", "password", Kind.SECRET, "Password of this station", "none", 16, 64,
        example='"long-and-random-text"'),
    Key("csms", "password_file", Kind.PATH, "File that holds the password alone, in place of `password`", "none",
        example='"/etc/stationd/password"'),
    Key("csms", "ca_file", Kind.PATH, "Certificates (PEM) that may have signed the CSMS's; needed for `wss`", "none",
        example='"/etc/stationd/csms-ca.pem"'),
    Key("csms", "client_certificate_file", Kind.PATH, "Certificate chain (PEM) of this station", "none",
        example='"/etc/stationd/station.pem"'),
    Key("csms", "client_key_file", Kind.PATH, "Private key (PEM) of that certificate", "none",
        example='"/etc/stationd/station.key"'),
    Key("csms", "proxy", Kind.TEXT, "HTTP proxy (CONNECT) to the CSMS; none is taken from the environment", "none",
        1, 512, example='"http://proxy.example.org:3128"'),
    Key("csms", "allow_tls_rsa", Kind.BOOLEAN,
        "Offer `TLS_RSA_…` suites too, which have no forward secrecy, to a CSMS that knows no others", "`false`",
        example="true"),
    Key("csms", "offline", Kind.BOOLEAN, "Start without a connection to the CSMS", "`false`", example="true"),
    Key("restart", "reboot_command", Kind.TEXTS,
        "Program (absolute path) and arguments that reboot the board at a hard reset; empty: restart stationd only",
        "`[]`", example='["/usr/bin/systemctl", "reboot"]'),
    Key("api", "socket", Kind.TEXT, "Name of the local API's socket in `runtime_dir`", "`stationd.sock`", 1, 64,
        example='"stationd.sock"'),
    Key("api", "group", Kind.TEXT, "Group whose members may use the local API, besides root and the service's user",
        "none", 1, 32, example='"stationd"'),
    Key("log", "level", Kind.TEXT, "Least severe messages to log", "`info`", choices=LOG_LEVELS, example='"debug"'),
)  # fmt: skip

TIMING: Mapping[str, VariableSpec] = MappingProxyType(
    {
        "ev_connection_timeout_s": table.EV_CONNECTION_TIMEOUT,
        "reset_delay_s": table.RESET_DELAY,
        "profile_switch_delay_s": table.PROFILE_SWITCH_DELAY,
        "heartbeat_interval_s": table.HEARTBEAT_INTERVAL,
        "ping_interval_s": table.PING_INTERVAL,
        "message_timeout_s": table.MESSAGE_TIMEOUT,
        "message_attempts": table.MESSAGE_ATTEMPTS,
        "message_attempt_interval_s": table.MESSAGE_ATTEMPT_INTERVAL,
        "retry_back_off_wait_minimum_s": table.RETRY_BACK_OFF_WAIT_MINIMUM,
        "retry_back_off_random_range_s": table.RETRY_BACK_OFF_RANDOM_RANGE,
        "retry_back_off_repeat_times": table.RETRY_BACK_OFF_REPEAT_TIMES,
        "offline_threshold_s": table.OFFLINE_THRESHOLD,
        "sampled_interval_s": table.SAMPLED_UPDATED_INTERVAL,
        "aligned_interval_s": table.ALIGNED_INTERVAL,
        "auth_cache_life_time_s": table.AUTH_CACHE_LIFETIME,
    }
)
"""Names for the times that test benches change; each is the first value of a row."""

SECTIONS = ("station", "csms", "timing", "variables", "keys", "hardware", "restart", "api", "log")
SLOW_HARDWARE = ("meter", "reader")
FAST_HARDWARE = ("pilot", "proximity", "contactor", "lock", "fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationConfig:
    """Section `[station]`; paths are absolute."""

    hw_profile: str
    """A name such as `mock`, or an absolute path."""
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    evses: int = 1
    state_dir: Path
    runtime_dir: Path
    site_limit_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CsmsConfig:
    """Section `[csms]`. `url` and `identity` are None only if `offline`."""

    url: str | None = None
    identity: str | None = None
    versions: tuple[str, ...] = ("2.1", "2.0.1", "1.6")
    security_profile: int = 0
    password: str | None = field(default=None, repr=False)
    """Of `password` or of `password_file`."""
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    proxy: str | None = None
    allow_tls_rsa: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartConfig:
    """Section `[restart]`."""

    reboot_command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Section `[api]`."""

    socket: str = "stationd.sock"
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """Section `[log]`."""

    level: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked."""

    files: tuple[Path, ...]
    """What was read: the file, then its overlays in order."""
    station: StationConfig
    csms: CsmsConfig
    restart: RestartConfig = RestartConfig()
    api: ApiConfig = ApiConfig()
    log: LogConfig = LogConfig()
    meter_options: Mapping[str, Any] = field(default_factory=dict)
    """`[hardware.meter]`, for the meter of every EVSE."""
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    """`[hardware.reader]`."""
    first_values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """First values of settings by `VariableSpec.name`, from every section that gives some; secrets among them."""

    def seeds(self, specs: Iterable[VariableSpec]) -> Mapping[VariableSpec, str]:
        """Return the first values of these rows, as `station.settings.Settings` takes them.

        Raises:
            ConfigurationError: the file names a row that is not among `specs`.
        """
        by_name = {spec.name: spec for spec in specs}
        if missing := sorted(set(self.first_values) - set(by_name)):
            raise ConfigurationError(f"cannot use {self.files[0]}: this station has no setting {', '.join(missing)}")
        return {by_name[name]: value for name, value in self.first_values.items()}

    def meter(self, spec: DriverSpec) -> DriverSpec:
        """Return the hw-profile's meter with `[hardware.meter]` laid over its options."""
        return _overlaid(spec, self.meter_options)

    def reader(self, spec: DriverSpec) -> DriverSpec:
        """Return the hw-profile's card reader with `[hardware.reader]` laid over its options."""
        return _overlaid(spec, self.reader_options)


def _overlaid(spec: DriverSpec, options: Mapping[str, Any]) -> DriverSpec:
    return DriverSpec(spec.driver, MappingProxyType({**spec.options, **options})) if options else spec
