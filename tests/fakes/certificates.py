"""Certificates for tests of TLS; made with what cryptography 38 offers too."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Authority:
    """A root certificate that issues others into a folder."""

    def __init__(self, folder: Path, name: str = "Test Root") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        root = _builder(self._name, self._name, self._key, timedelta(days=-1), timedelta(days=30))
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._root = root.sign(self._key, hashes.SHA256())
        self.ca_file = folder / f"{name.replace(' ', '-').lower()}.pem"
        self.ca_file.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        common_name: str,
        *,
        hosts: tuple[str, ...] = (),
        begins: timedelta = timedelta(days=-1),
        ends: timedelta = timedelta(days=2),
        use_rsa: bool = False,
        rsa_bits: int = 2048,
        self_signed: bool = False,
        purpose: x509.ObjectIdentifier | None = None,
    ) -> tuple[Path, Path]:
        """Return the files of a certificate and its key; `rsa_bits` counts with `use_rsa`."""
        key: Key = rsa.generate_private_key(65537, rsa_bits) if use_rsa else ec.generate_private_key(ec.SECP256R1())
        issuer = _name(common_name) if self_signed else self._name
        certificate = _builder(_name(common_name), issuer, key, begins, ends)
        if purpose is not None:
            certificate = certificate.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if hosts:
            names = [_host(host) for host in hosts]
            certificate = certificate.add_extension(x509.SubjectAlternativeName(names), critical=False)
        stem = f"{common_name}-{x509.random_serial_number() % 10**6}"
        files = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        signed = certificate.sign(key if self_signed else self._key, hashes.SHA256())
        files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(tzinfo=None)  # cryptography 38 takes naive times only
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "O")]
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
