"""Read and check the configuration file. Every error of the file is told at once."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stationd.config.document import Document, near, read
from stationd.config.first_values import FirstValues
from stationd.config.schema import (
    FAST_HARDWARE,
    IDENTITY,
    KEYS,
    SECTIONS,
    SLOW_HARDWARE,
    ApiConfig,
    Config,
    CsmsConfig,
    Key,
    Kind,
    LogConfig,
    RestartConfig,
    StationConfig,
)
from stationd.domain import variable_table as table
from stationd.domain.errors import ConfigurationError
from stationd.domain.hosts import on_this_machine, usable_proxy

MAX_SOCKET_PATH = 107
"""Bytes of a unix socket's path; the kernel takes no more."""
_SOCKETS = ("pilot.sock", "plant-reader.sock")
_STATE_DIR = Path("/var/lib/stationd")
_HARDWARE_WHY = (
    "cannot be changed here: stationd-pilot keeps people safe and reads only the hw-profile; change it there"
)


def load(path: Path) -> Config:
    """Return the configuration of a file and of `conf.d/*.toml` beside it.

    Raises:
        ConfigurationError: with every error found, each naming file, key, value and fix.
    """
    document = read(path)
    config = _Reader(document, path.absolute().parent).config()
    if document.errors:
        raise ConfigurationError("\n".join(document.errors))
    return config


class _Reader:
    """Turns one document into a `Config`; errors are collected in the document."""

    def __init__(self, document: Document, folder: Path) -> None:
        self._document = document
        self._folder = folder

    def config(self) -> Config:
        for name in self._document.values:
            if name not in SECTIONS:
                self._document.error((name,), f"is an unknown section{near(name, list(SECTIONS))}")
        station = self._station(self._section("station"))
        csms = self._csms(self._section("csms"))
        restart, api, log = (self._section(name) for name in ("restart", "api", "log"))
        self._check_command(restart.get("reboot_command", ()))
        api_config = ApiConfig(**api)
        self._check_sockets(station.runtime_dir, api_config.socket)
        hardware = self._hardware()
        return Config(
            files=tuple(self._document.files),
            station=station,
            csms=csms,
            restart=RestartConfig(**restart),
            api=api_config,
            log=LogConfig(**log),
            meter_options=hardware.get("meter", {}),
            reader_options=hardware.get("reader", {}),
            first_values=self._first_values(station, csms),
        )

    def _section(self, name: str) -> dict[str, Any]:
        """Return the good values of a section by key; keys that are not given are absent."""
        keys = {key.name: key for key in KEYS if key.section == name}
        found: dict[str, Any] = {}
        for given, value in self._document.table(name).items():
            if given not in keys:
                self._document.error((name, given), f"is an unknown key{near(given, list(keys))}")
            elif (problem := _problem(keys[given], value)) is not None:
                self._document.error((name, given), problem)
            else:
                found[given] = self._converted(keys[given], value)
        for key in keys.values():
            if key.required and key.name not in self._document.table(name):
                self._document.error((name, key.name), f"is missing: add it, such as {key.name} = {key.example}")
        return found

    def _converted(self, key: Key, value: Any) -> Any:
        if key.kind is Kind.PATH:
            return self._folder / value
        return tuple(value) if key.kind is Kind.TEXTS else value

    def _station(self, found: dict[str, Any]) -> StationConfig:
        state_dir = found.setdefault("state_dir", _STATE_DIR)
        found.setdefault("runtime_dir", state_dir / "run")
        found.setdefault("site_limit_file", state_dir / "site-limit.toml")
        profile = found.get("hw_profile", "")
        is_path = "/" in profile or profile.endswith(".toml")
        found["hw_profile"] = str(self._folder / profile) if is_path else profile
        return StationConfig(**found)

    def _check_sockets(self, runtime_dir: Path, api_socket: str) -> None:
        if "/" in api_socket or api_socket in (".", ".."):
            self._document.error(("api", "socket"), "is no plain name: the socket is always in runtime_dir")
            return
        longest = max((os.fsencode(runtime_dir / name) for name in (*_SOCKETS, api_socket)), key=len)
        if len(longest) > MAX_SOCKET_PATH:
            self._document.error(
                ("station", "runtime_dir"),
                f"is too long: the socket {os.fsdecode(longest)} would have a path of {len(longest)} bytes, and "
                f"{MAX_SOCKET_PATH} are possible; choose a shorter folder, such as /run/stationd",
            )

    def _check_command(self, command: tuple[str, ...]) -> None:
        if command and not command[0].startswith("/"):
            self._document.error(
                ("restart", "reboot_command"), f"begins with {command[0]!r}: give the absolute path of the program"
            )

    def _csms(self, found: dict[str, Any]) -> CsmsConfig:
        for name in ("url", "identity"):
            if name not in self._document.table("csms") and not found.get("offline"):
                self._document.error(("csms", name), "is missing: add it, or offline = true to run without a CSMS")
        found["password"] = self._password(found.get("password"), found.pop("password_file", None))
        tls = self._uses_tls(found.get("url"))
        given = found.get("security_profile")
        if given is None:
            by_certificate = found.get("client_certificate_file") is not None
            found["security_profile"] = (3 if by_certificate else 2) if tls else int(found["password"] is not None)
        if tls is not None:
            self._check_profile(found, tls=tls)
            if not tls and given is None and not on_this_machine(urlsplit(found["url"]).hostname):
                self._document.error(
                    ("csms", "url"),
                    f"= {found['url']!r} would send everything in clear text: use wss://, or, if the network is "
                    f"trusted (a VPN), say so by security_profile = {found['security_profile']}",
                )
        proxy = found.get("proxy")
        if proxy is not None and not usable_proxy(proxy):
            self._document.error(("csms", "proxy"), f"= {proxy.split('@')[-1]!r} is no proxy: write http://host:port")
        self._check_identity(found.get("identity"), found["security_profile"])
        return CsmsConfig(**found)

    def _password(self, password: str | None, file: Path | None) -> str | None:
        if file is None:
            return password
        path = ("csms", "password_file")
        if password is not None:
            self._document.error(path, "is given as well as password: remove one of them")
        try:
            text = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self._document.error(path, f"= {str(file)!r} cannot be read: {reason}")
            return None
        if not 16 <= len(text) <= 64:
            self._document.error(path, f"= {str(file)!r} holds a password of {len(text)} characters: use 16 to 64")
        return text

    def _uses_tls(self, url: str | None) -> bool | None:
        """Check the address; None if it is wrong or not given."""
        if url is None:
            return None
        path = ("csms", "url")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or not url.isascii() or any(char <= " " for char in url):
            self._document.error(path, f"= {url.split('@')[-1]!r} is no address such as wss://csms.example.org/ocpp")
        elif parts.username is not None or parts.password is not None:
            self._document.error(path, "holds a user or a password: give the password as [csms] password")
        elif parts.query or parts.fragment:
            self._document.error(path, "holds ? or #: the identity is appended to it as the last part")
        else:
            return parts.scheme == "wss"
        return None

    def _check_profile(self, found: Mapping[str, Any], *, tls: bool) -> None:
        profile, password = found["security_profile"], found["password"]
        at = ("csms", "security_profile")
        if tls != (profile >= 2):
            fix = "use wss:// or profile 0 or 1" if profile >= 2 else "use ws:// or profile 2 or 3"
            self._document.error(at, f"= {profile} cannot go with a {'wss' if tls else 'ws'}:// address: {fix}")
        tried = {"password", "password_file"} & self._document.table("csms").keys()
        if profile in (1, 2) and not tried:
            self._document.error(at, f"= {profile} needs a password: add password or password_file")
        if profile in (0, 3) and password is not None:
            self._document.error(
                at, f"= {profile} sends no password, but one is given: remove it or change the profile"
            )
        certificate, key = found.get("client_certificate_file"), found.get("client_key_file")
        if profile == 3 and (certificate is None or key is None):
            self._document.error(at, "= 3 needs client_certificate_file and client_key_file: add both")
        if profile < 3 and (certificate is not None or key is not None):
            self._document.error(at, f"= {profile} sends no client certificate, but one is given: remove it or use 3")
        if profile >= 2 and found.get("ca_file") is None:
            self._document.error(at, f"= {profile} needs ca_file: add the certificates that may have signed the CSMS's")
        if profile < 2 and found.get("allow_tls_rsa"):
            self._document.error(("csms", "allow_tls_rsa"), "is for wss:// addresses: remove it")
        if profile < 2 and found.get("ca_file") is not None:
            self._document.error(at, f"= {profile} checks no certificates, but ca_file is given: remove it or use 2")

    def _check_identity(self, identity: str | None, profile: int) -> None:
        path = ("csms", "identity")
        if identity is None:
            return
        if not re.fullmatch(IDENTITY, identity):
            self._document.error(path, f"= {identity!r} is no identity: use up to 48 letters, digits and *-_=:+|@.")
        elif ":" in identity and profile in (1, 2):
            self._document.error(path, f"= {identity!r} has a colon, which no user name of HTTP may have: remove it")

    def _hardware(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, options in self._document.table("hardware").items():
            path = ("hardware", name)
            if name in FAST_HARDWARE:
                self._document.error(path, _HARDWARE_WHY)
            elif name not in SLOW_HARDWARE:
                self._document.error(path, f"is unknown{near(name, list(SLOW_HARDWARE))}")
            elif not isinstance(options, dict):
                self._document.error(path, f"is no table: write it as [hardware.{name}]")
            elif "driver" in options:
                self._document.error((*path, "driver"), "cannot be changed here: choose the driver in the hw-profile")
            else:
                found[name] = options
        return found

    def _first_values(self, station: StationConfig, csms: CsmsConfig) -> dict[str, str]:
        rows = table.rows_for([(evse_id, (1,)) for evse_id in range(1, station.evses + 1)])
        values = FirstValues(self._document, rows)
        for row, value, path in (
            (table.VENDOR_NAME, station.vendor, ("station", "vendor")),
            (table.MODEL, station.model, ("station", "model")),
            (table.SERIAL_NUMBER, station.serial_number, ("station", "serial_number")),
            (table.FIRMWARE_VERSION, station.firmware_version, ("station", "firmware_version")),
            (table.SECURITY_IDENTITY, csms.identity, ("csms", "identity")),
            (table.SECURITY_PROFILE, csms.security_profile, ("csms", "security_profile")),
            (table.BASIC_AUTH_PASSWORD, csms.password, ("csms", "password")),
        ):
            if value is not None:
                values.put(row, value, path)
        values.take_timing()
        values.take_variables()
        values.take_keys()
        return values.values


def _problem(key: Key, value: Any) -> str | None:
    """Return what is wrong with a value, as the end of a sentence."""
    shown = "" if key.kind is Kind.SECRET else f"= {value!r} "
    if key.kind is Kind.INTEGER:
        low, high = key.minimum or 0, key.maximum or 0
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if good else f"{shown}is no {key.kind} from {low} to {high}"
    if key.kind is Kind.BOOLEAN:
        return None if isinstance(value, bool) else f"{shown}is not true or false"
    if key.kind is Kind.TEXTS:
        return _list_problem(key, value)
    if not isinstance(value, str) or not value:
        return f"{shown}is no text: write it in quotes"
    if key.choices and value not in key.choices:
        return f"{shown}is none of {', '.join(key.choices)}{near(value, list(key.choices))}"
    if any(char < " " or char == "\x7f" for char in value):
        return f"{shown}holds a control character"
    if key.maximum is not None and not (key.minimum or 0) <= len(value) <= key.maximum:
        return f"{shown}has {len(value)} characters: use {key.minimum or 0} to {key.maximum}"
    return None


def _list_problem(key: Key, value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(part, str) and part and "\x00" not in part for part in value):
        return f"= {value!r} is no list of texts"
    if not key.choices:
        return None
    if strange := [part for part in value if part not in key.choices]:
        return f"= {value!r} has {strange[0]!r}, which is none of {', '.join(key.choices)}"
    if not value or len(set(value)) != len(value):
        return f"= {value!r} is empty or names one twice"
    return None
