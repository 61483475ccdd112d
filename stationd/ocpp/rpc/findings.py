"""What one attempt to connect has seen, layer by layer: data for people who look for the layer that fails."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """The certificate that the CSMS proved itself by."""

    subject: str
    issuer: str
    expires: datetime


@dataclass(slots=True)
class Findings:
    """Filled by `dial.connect` as it goes on; what is None was not reached or is not used."""

    host: str | None = None
    port: int | None = None
    proxy: str | None = None
    """`host:port`, where one is configured: the look-up and TCP are its, then."""
    proxy_status: int | None = None
    """Its answer (HTTP)."""
    addresses: tuple[str, ...] = ()
    """What the look-up found; the address itself if the CSMS is configured by one."""
    looked_up: bool = False
    address: str | None = None
    """The one that answered."""
    tls_version: str | None = None
    tls_suite: str | None = None
    certificate: CertificateSeen | None = None
    http_status: int | None = None
    subprotocol: str | None = None
