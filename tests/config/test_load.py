"""The configuration file: what is read, and what is refused in which words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stationd.config.load import load
from stationd.config.schema import Config
from stationd.domain.errors import ConfigurationError

BASE = """
[station]
hw_profile = "mock"
state_dir = "state"
[csms]
url = "ws://127.0.0.1:9000/ocpp"
identity = "CP-1"
"""
TLS = BASE.replace("ws://", "wss://")
CA = "ca_file = 'ca.pem'\n"
PASSWORD = 'password = "correct-horse-battery"\n'

Read = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def _read(text: str = BASE, **overlays: str) -> Config:
        (tmp_path / "station.toml").write_text(text)
        (tmp_path / "conf.d").mkdir(exist_ok=True)
        for name, overlay in overlays.items():
            (tmp_path / "conf.d" / f"{name}.toml").write_text(overlay)
        return load(tmp_path / "station.toml")

    return _read


def refused(read: Read, text: str, **overlays: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(text, **overlays)
    return str(error.value)


def test_a_small_file_gets_every_default(read: Read, tmp_path: Path) -> None:
    config = read()
    assert config.files == (tmp_path / "station.toml",)
    assert (config.station.hw_profile, config.station.evses, config.station.vendor) == ("mock", 1, None)
    assert config.station.state_dir == tmp_path / "state"
    assert config.station.runtime_dir == tmp_path / "state" / "run"
    assert config.station.site_limit_file == tmp_path / "state" / "site-limit.toml"
    assert config.csms.versions == ("2.1", "2.0.1", "1.6")
    assert (config.csms.security_profile, config.csms.password, config.csms.offline) == (0, None, False)
    assert (config.api.socket, config.api.group, config.log.level) == ("stationd.sock", None, "info")
    assert config.restart.reboot_command == ()
    assert (config.meter_options, config.reader_options) == ({}, {})


def test_every_key_is_read(read: Read, tmp_path: Path) -> None:
    config = read(
        """
        [station]
        vendor = "V"
        model = "M"
        serial_number = "S"
        firmware_version = "F"
        evses = 3
        state_dir = "/s"
        runtime_dir = "r"
        hw_profile = "boards/mine.toml"
        site_limit_file = "limit.toml"
        [csms]
        url = "wss://csms.example.org/ocpp"
        identity = "CP*1"
        versions = ["1.6"]
        security_profile = 3
        ca_file = "ca.pem"
        client_certificate_file = "c.pem"
        client_key_file = "/k.pem"
        offline = true
        [hardware.meter]
        port = 15021
        [hardware.reader]
        socket = "x.sock"
        [restart]
        reboot_command = ["/sbin/reboot", "-f"]
        [api]
        socket = "api.sock"
        group = "chargers"
        [log]
        level = "debug"
        """
    )
    station, csms = config.station, config.csms
    assert (station.vendor, station.model, station.serial_number, station.firmware_version) == ("V", "M", "S", "F")
    assert (station.evses, station.state_dir, station.runtime_dir) == (3, Path("/s"), tmp_path / "r")
    assert (station.hw_profile, station.site_limit_file) == (
        str(tmp_path / "boards/mine.toml"), tmp_path / "limit.toml",
    )  # fmt: skip
    assert (csms.url, csms.identity, csms.versions) == ("wss://csms.example.org/ocpp", "CP*1", ("1.6",))
    assert (csms.security_profile, csms.offline) == (3, True)
    assert (csms.ca_file, csms.client_certificate_file, csms.client_key_file) == (
        tmp_path / "ca.pem", tmp_path / "c.pem", Path("/k.pem"),
    )  # fmt: skip
    assert (config.meter_options, config.reader_options) == ({"port": 15021}, {"socket": "x.sock"})
    assert config.restart.reboot_command == ("/sbin/reboot", "-f")
    assert (config.api.socket, config.api.group, config.log.level) == ("api.sock", "chargers", "debug")


def test_overlays_are_merged_in_order_and_the_last_one_counts(read: Read, tmp_path: Path) -> None:
    config = read(
        BASE + '[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = 30\n"OCPPCommCtrlr.OfflineThreshold" = 9\n',
        a10="[station]\nevses = 2\n[variables]\nOCPPCommCtrlr.RetryBackOffWaitMinimum = 1\n",
        b20='[station]\nevses = 3\n[variables]\n"OCPPCommCtrlr.HeartbeatInterval" = 40\n',
    )
    assert config.files == tuple(tmp_path / name for name in ("station.toml", "conf.d/a10.toml", "conf.d/b20.toml"))
    assert (config.station.evses, config.station.hw_profile) == (3, "mock")
    assert config.first_values["OCPPCommCtrlr.HeartbeatInterval"] == "40"
    assert config.first_values["OCPPCommCtrlr.OfflineThreshold"] == "9"
    assert config.first_values["OCPPCommCtrlr.RetryBackOffWaitMinimum"] == "1"


def test_an_error_names_the_overlay_that_it_is_in(read: Read, tmp_path: Path) -> None:
    text = refused(read, BASE, wrong="[station]\nevses = 21\n")
    overlay = tmp_path / "conf.d" / "wrong.toml"
    assert text == f"cannot use {overlay}: [station] evses = 21 is no whole number from 1 to 20"


def test_every_error_is_told_at_once(read: Read) -> None:
    text = refused(read, BASE + '[log]\nlevel = "loud"\ncolour = 1\n[api]\nsocket = 7\n[stations]\n')
    assert len(text.splitlines()) == 4
    assert "[log] level = 'loud' is none of debug, info, warning, error" in text
    assert "[log] colour is an unknown key" in text
    assert "[api] socket = 7 is no text: write it in quotes" in text
    assert "[stations] is an unknown section: did you mean station?" in text


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[station]\nevses = 0", "evses = 0 is no whole number from 1 to 20"),
        ("[station]\nevses = true", "evses = True is no whole number"),
        ("[station]\nevses = 1.0", "evses = 1.0 is no whole number"),
        ('[station]\nvendor = "123456789012345678901"', "has 21 characters: use 1 to 20"),
        ('[station]\nvendor = ""', "vendor = '' is no text"),
        ('[station]\nvendor = "a\\nb"', "holds a control character"),
        ('[station]\nvendr = "a"', "[station] vendr is an unknown key: did you mean vendor?"),
        ("station = 3", "[station] is no table: write it as [station]"),
        ('[csms]\nversions = ["2.0"]', "has '2.0', which is none of 1.6, 2.0.1, 2.1"),
        ("[csms]\nversions = []", "versions = [] is empty or names one twice"),
        ('[csms]\nversions = ["1.6", "1.6"]', "is empty or names one twice"),
        ('[csms]\nversions = "1.6"', "versions = '1.6' is no list of texts"),
        ("[csms]\noffline = 1", "offline = 1 is not true or false"),
        ('[restart]\nreboot_command = ["reboot"]', "begins with 'reboot': give the absolute path of the program"),
        ('[restart]\nreboot_command = "reboot"', "is no list of texts"),
        ('[api]\nsocket = "../x"', "[api] socket is no plain name"),
        ("[hardware.contactor]\npin = 3", "[hardware] contactor cannot be changed here: stationd-pilot keeps people"),
        ("[hardware.pilot]\npin = 3", "[hardware] pilot cannot be changed here"),
        ("[hardware.metre]\nport = 3", "[hardware] metre is unknown: did you mean meter?"),
        ("[hardware]\nmeter = 3", "[hardware] meter is no table: write it as [hardware.meter]"),
        ('[hardware.meter]\ndriver = "meter/mock"', "[hardware] meter driver cannot be changed here"),
        ("[timing]\nreset_delay = 3", "[timing] reset_delay is unknown: did you mean reset_delay_s?"),
        ("[timing]\nreset_delay_s = 61", "[timing] reset_delay_s = 61 is more than 60"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_key_and_the_fix(read: Read, line: str, sentence: str) -> None:
    assert sentence in refused(read, BASE, over=line + "\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "[station] hw_profile is missing: add it, such as hw_profile ="),
        ("", "[csms] url is missing: add it, or offline = true to run without a CSMS"),
        ("", "[csms] identity is missing"),
        ("[station", "it is not TOML: "),
    ],
)
def test_what_is_missing_is_named(read: Read, text: str, sentence: str) -> None:
    assert sentence in refused(read, text)


def test_without_a_csms_the_station_must_be_offline(read: Read) -> None:
    config = read('[station]\nhw_profile = "mock"\nstate_dir = "s"\n[csms]\noffline = true\n')
    assert (config.csms.url, config.csms.identity, config.csms.offline) == (None, None, True)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*none.toml: No such file or directory"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe4"')
    with pytest.raises(ConfigurationError, match=r"cannot read .*latin.toml: it is not TOML"):
        load(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        (BASE, 0),
        (BASE + PASSWORD, 1),
        (TLS + PASSWORD + CA, 2),
        (TLS + CA + 'client_certificate_file = "c"\nclient_key_file = "k"\n', 3),
        (TLS + PASSWORD + "security_profile = 2\nca_file = 'ca'\n", 2),
    ],
)
def test_the_security_profile_follows_from_what_is_given(read: Read, text: str, profile: int) -> None:
    config = read(text)
    assert config.csms.security_profile == profile
    assert config.first_values["SecurityCtrlr.SecurityProfile"] == str(profile)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TLS, "security_profile = 2 needs a password: add password or password_file"),
        (BASE + "security_profile = 1\n", "security_profile = 1 needs a password"),
        (BASE + PASSWORD + "security_profile = 0\n", "= 0 sends no password, but one is given"),
        (
            BASE + PASSWORD + "security_profile = 2\n",
            "= 2 cannot go with a ws:// address: use wss:// or profile 0 or 1",
        ),
        (TLS + PASSWORD + "security_profile = 1\n", "= 1 cannot go with a wss:// address: use ws:// or profile 2 or 3"),
        (TLS + "security_profile = 3\n", "= 3 needs client_certificate_file and client_key_file: add both"),
        (TLS + 'client_certificate_file = "c"\n', "= 3 needs client_certificate_file and client_key_file"),
        (TLS + PASSWORD + 'security_profile = 2\nclient_key_file = "k"\n', "= 2 sends no client certificate"),
        (BASE + 'ca_file = "ca"\n', "= 0 checks no certificates, but ca_file is given"),
        (BASE + "allow_tls_rsa = true\n", "[csms] allow_tls_rsa is for wss:// addresses: remove it"),
        (BASE + "security_profile = 4\n", "security_profile = 4 is no whole number from 0 to 3"),
    ],
)
def test_a_security_profile_that_does_not_fit_is_refused(read: Read, text: str, sentence: str) -> None:
    assert sentence in refused(read, text)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://x/ocpp", "is no address such as wss://"),
        ("ws://", "is no address such as"),
        ("ws://x:99999/", "is no address such as"),
        ("ws://[::1/", "is no address such as"),
        ("ws://exa mple/", "is no address such as"),
        ("csms.example.org", "is no address such as"),
        ("ws://user:secret@x/ocpp", "holds a user or a password: give the password as [csms] password"),
        ("ws://x/ocpp?key=secret", "holds ? or #"),
        ("ws://x/ocpp#a", "holds ? or #"),
    ],
)
def test_an_address_that_cannot_work_is_refused_without_telling_its_secrets(
    read: Read, url: str, sentence: str
) -> None:
    text = refused(read, BASE.replace("ws://127.0.0.1:9000/ocpp", url))
    assert sentence in text
    assert "secret" not in text


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_clear_text_over_a_network_must_be_chosen_explicitly(read: Read, password: str) -> None:
    text = BASE.replace("127.0.0.1", "csms.example.org") + password
    profile = 1 if password else 0
    assert f"say so by security_profile = {profile}" in refused(read, text)
    assert read(text + f"security_profile = {profile}\n").csms.security_profile == profile
    assert read(text.replace("csms.example.org", "localhost")).csms.security_profile == profile


def test_a_proxy_is_named_without_a_password(read: Read) -> None:
    assert read(BASE + 'proxy = "http://proxy:3128"\n').csms.proxy == "http://proxy:3128"
    for url in ("http://me:secret@proxy:3128", "socks5://proxy:1080", "proxy"):
        text = refused(read, BASE + f"proxy = {url!r}\n")
        assert "is no proxy: write http://host:port" in text
        assert "secret" not in text


@pytest.mark.parametrize("identity", ["a b", "a/b", "ä", "a" * 49, "a?b"])
def test_an_identity_that_no_url_can_carry_is_refused(read: Read, identity: str) -> None:
    assert "[csms] identity = " in refused(read, BASE.replace("CP-1", identity))


def test_a_colon_in_the_identity_is_refused_only_where_it_is_a_user_name(read: Read) -> None:
    assert read(BASE.replace("CP-1", "CP:1")).csms.identity == "CP:1"
    text = refused(read, BASE.replace("CP-1", "CP:1") + PASSWORD)
    assert "[csms] identity = 'CP:1' has a colon" in text


def test_a_password_may_be_in_a_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct-horse-battery\n")
    config = read(BASE + 'password_file = "secret"\n')
    assert config.csms.password == "correct-horse-battery"
    assert config.csms.security_profile == 1
    assert config.first_values["SecurityCtrlr.BasicAuthPassword"] == "correct-horse-battery"


def test_a_password_file_that_does_not_help_is_refused(read: Read, tmp_path: Path) -> None:
    text = BASE + 'password_file = "secret"\n'
    assert "secret' cannot be read: No such file or directory" in refused(read, text)
    (tmp_path / "secret").write_text("tiny")
    told = refused(read, text)
    assert "holds a password of 4 characters: use 16 to 64" in told
    assert "tiny" not in told
    (tmp_path / "secret").write_bytes(b"\xff" * 20)
    assert "cannot be read: it is not UTF-8 text" in refused(read, text)
    (tmp_path / "secret").write_text("correct-horse-battery")
    assert "is given as well as password" in refused(read, text + PASSWORD)


def test_passwords_are_in_no_error_and_in_no_representation(read: Read) -> None:
    config = read(BASE + PASSWORD)
    assert "horse" not in repr(config)
    for wrong in (
        'password = "tiny-horse"\n',
        'password = ["horse"]\n',
        "password = 4711\n",
        'password = "horse\\u0007"\n',
    ):
        told = refused(read, BASE + wrong)
        assert "horse" not in told
        assert "4711" not in told
        assert "[csms] password" in told
    secret = '[variables]\n"SecurityCtrlr.BasicAuthPassword" = "another-horse-than-that"\n'
    told = refused(read, BASE + PASSWORD + secret)
    assert "contradicts [csms] password" in told
    assert "horse" not in told


def test_a_socket_path_that_the_kernel_would_refuse_is_told_beforehand(read: Read) -> None:
    long = "/run/" + "x" * 84
    assert read(BASE.replace('"state"', f'"state"\nruntime_dir = "{long}"')).station.runtime_dir == Path(long)
    told = refused(read, BASE.replace('"state"', f'"state"\nruntime_dir = "{long}x"'))
    assert "would have a path of 108 bytes, and 107 are possible" in told
    assert "[station] runtime_dir is too long: the socket /run/xxx" in told
