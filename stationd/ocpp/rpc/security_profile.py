"""What the security profiles mean on the wire (block A): the password header and the TLS rules. The one door to ssl.

Every rule is set explicitly: the defaults of Python and of the distribution differ between releases.
"""

import base64
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from stationd.domain.errors import ConfigurationError
from stationd.domain.password import password_bytes
from stationd.ocpp.rpc.connection_settings import ConnectionSettings
from stationd.ocpp.rpc.findings import CertificateSeen

# A00.FR.318/319 (OCPP 2.0.1): the ECDSA pair or the RSA pair must be offered; forward secrecy is recommended.
_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_SUITES_WITHOUT_FORWARD_SECRECY = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
# 112 bits (A00.FR.502/503): RSA of 2048 bits, EC of 224, no SHA-1. Some builds of OpenSSL begin at a lower level.
_KEY_STRENGTH = "@SECLEVEL=2"

# OpenSSL's verification results (x509_vfy.h) that an installer can do something about.
_CERTIFICATE_FAULTS = {
    9: "its certificate is not valid yet (is the station's clock right?)",
    10: "its certificate has expired",
    18: "its certificate is self-signed and is not the root in ca_file",
    19: "its certificate chain ends in a root that is not in ca_file",
    20: "its certificate was not issued by a root in ca_file",
    21: "its certificate was not issued by a root in ca_file",
    24: "its certificate was issued by one that may not issue any",
    26: "its certificate is not meant for servers",
    62: "its certificate is for another host name",
    64: "its certificate is for another address",
    66: "the key of its certificate is too short (RSA needs 2048 bits, EC 224)",
    67: "a key in its certificate chain is too short (RSA needs 2048 bits, EC 224)",
    68: "its certificate chain is signed by a weak digest (SHA-256 or better is needed)",
    79: "its certificate was issued by one that may not issue any",
}


def basic_auth_header(settings: ConnectionSettings) -> str | None:
    """Return the value of the Authorization header; None where the profile has no password (0 and 3)."""
    if settings.security_profile not in (1, 2) or settings.password is None:
        return None
    credentials = settings.identity.encode() + b":" + password_bytes(settings.password)
    return "Basic " + base64.b64encode(credentials).decode("ascii")


def tls_context(settings: ConnectionSettings) -> ssl.SSLContext | None:
    """Return the TLS rules of a profile; None for profiles without TLS.

    Raises:
        ConfigurationError: a file cannot be read or does not hold what it should.
    """
    if not settings.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    suites = _SUITES + (_SUITES_WITHOUT_FORWARD_SECRECY if settings.allow_tls_rsa else ())
    context.set_ciphers(":".join((_KEY_STRENGTH, *suites)))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    # The whitepaper puts the host name into CN; OpenSSL looks there only if there is no alternative name.
    context.hostname_checks_common_name = True
    # Not VERIFY_X509_STRICT nor PARTIAL_CHAIN, which Python 3.13 would add: a chain is judged alike everywhere.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
    _load_files(context, settings)
    return context


def _load_files(context: ssl.SSLContext, settings: ConnectionSettings) -> None:
    """Trust the CPO's roots alone, never the system's (OCA: no public root bundles)."""
    try:
        context.load_verify_locations(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"cannot read the CSMS's roots from {settings.ca_file}: {_reason(error)}") from error
    if settings.security_profile != 3:
        return
    try:
        # an empty password keeps OpenSSL from asking for one on the terminal
        context.load_cert_chain(str(settings.client_certificate_file), settings.client_key_file, password=b"")
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot use the station certificate {settings.client_certificate_file} with the key "
            f"{settings.client_key_file}: {_reason(error)}"
        ) from error


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return error.strerror or type(error).__name__


def certificate_seen(tls: ssl.SSLObject) -> tuple[str | None, str | None, CertificateSeen | None]:
    """Return version, suite and the CSMS's certificate of a connection that was agreed on."""
    suite = tls.cipher()
    found: Any = tls.getpeercert()
    certificate = None
    if found:
        expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)
        certificate = CertificateSeen(_name(found.get("subject", ())), _name(found.get("issuer", ())), expires)
    return tls.version(), suite[0] if suite else None, certificate


def _name(parts: Iterable[Iterable[tuple[str, str]]]) -> str:
    """Return a distinguished name as people write it, without what a terminal would obey."""
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    text = ", ".join(f"{short.get(key, key)}={value}" for part in parts for key, value in part)
    return "".join(char for char in text if char.isprintable())[:200]


def is_tls_error(error: BaseException) -> bool:
    """Tell whether TLS is what failed; an edge above need not know ssl."""
    return isinstance(error, ssl.SSLError)


def describe_tls_error(error: BaseException) -> str:
    """Return what is wrong with the CSMS's TLS, in words without anything it sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_FAULTS.get(error.verify_code, f"its certificate is not trusted (code {error.verify_code})")
    if not isinstance(error, ssl.SSLError):
        return "the connection broke during the handshake"
    reason = error.reason or ""
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        return "it offers no TLS 1.2 or newer"
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return "it does not speak TLS on this port"
    if "CERTIFICATE_REQUIRED" in reason:
        return "it wants a certificate of the station: use security profile 3"
    if "HANDSHAKE_FAILURE" in reason or "NO_SHARED_CIPHER" in reason:
        return "it accepts none of our TLS suites (or wants a client certificate: security profile 3)"
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return f"it refuses the station's certificate ({reason.replace('_', ' ').lower()})"
    return reason.replace("_", " ").lower() or "the handshake failed"
