"""Where and as whom a station connects to its CSMS."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from stationd.domain.errors import ConfigurationError
from stationd.domain.hosts import on_this_machine, usable_proxy


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """One way to the CSMS. Read anew at each dial, so that a changed password takes effect by reconnecting."""

    url: str
    """The CSMS's endpoint without the identity."""
    identity: str
    subprotocols: tuple[str, ...]
    """In the order of preference in which they are offered."""
    security_profile: int = 1
    """0 none, 1 password, 2 TLS and password, 3 TLS and client certificate."""
    password: str | None = field(default=None, repr=False)
    """As settings hold it (`domain.password`)."""
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    proxy: str | None = None
    """`http://host:port` of a proxy that understands CONNECT; nothing comes from the environment."""
    allow_tls_rsa: bool = False
    """Offer the suites without forward secrecy too, for a CSMS that has no others."""

    @property
    def tls(self) -> bool:
        """True where the profile demands TLS."""
        return self.security_profile >= 2

    @property
    def exposed(self) -> bool:
        """True where everything, the password too, crosses a network in clear text."""
        return not self.tls and not on_this_machine(urlsplit(self.url).hostname)

    @property
    def proxy_address(self) -> tuple[str, int] | None:
        """Host and port of the proxy."""
        if self.proxy is None:
            return None
        parts = urlsplit(self.proxy)
        return parts.hostname or "", parts.port or 80

    @property
    def endpoint(self) -> str:
        """The URL to dial: the identity is one percent-encoded path segment (OCPP-J 2.0.1 section 3.1.1)."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/") + "/" + quote(self.identity, safe="")
        return parts._replace(path=path).geturl()

    def check(self) -> None:
        """Refuse what cannot be dialled.

        Raises:
            ConfigurationError: says which setting is wrong and what it must be.
        """
        try:
            parts = urlsplit(self.url)
        except ValueError as error:
            raise ConfigurationError(f"cannot use the CSMS address {self.url}: {error}") from error
        scheme = "wss" if self.tls else "ws"
        if parts.scheme != scheme or not parts.hostname:
            raise ConfigurationError(
                f"cannot use a {parts.scheme or 'missing'}:// address with security profile {self.security_profile}: "
                f"the CSMS address must begin with {scheme}:// and name a host"
            )
        if parts.username is not None or parts.fragment:
            raise ConfigurationError("cannot use a CSMS address with user, password or #: set the password by itself")
        if self.proxy is not None and not usable_proxy(self.proxy):
            raise ConfigurationError(f"cannot use the proxy {self.proxy.split('@')[-1]}: write http://host:port")
        if not self.identity:
            raise ConfigurationError("cannot connect without an identity: set the station's identity")
        if not self.subprotocols:
            raise ConfigurationError("cannot connect without an OCPP version: name at least one to offer")
        self._check_credentials()

    def _check_credentials(self) -> None:
        profile = self.security_profile
        if profile not in (0, 1, 2, 3):
            raise ConfigurationError(f"cannot use security profile {profile}: it must be 0, 1, 2 or 3")
        if profile in (1, 2) and not self.password:
            raise ConfigurationError(f"cannot use security profile {profile} without a password: set one, or profile 0")
        if profile in (1, 2) and ":" in self.identity:
            raise ConfigurationError(f"cannot use the identity {self.identity} with a password: it must not hold ':'")
        if profile >= 2 and not self.ca_file:
            raise ConfigurationError(f"cannot use security profile {profile} without the CSMS's root: set ca_file")
        if profile == 3 and not (self.client_certificate_file and self.client_key_file):
            raise ConfigurationError(
                "cannot use security profile 3 without a station certificate: "
                "set client_certificate_file and client_key_file"
            )
