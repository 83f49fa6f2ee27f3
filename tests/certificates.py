"""A throw-away certificate authority for tests of TLS."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from microsip_core.transport.tls import TlsSettings

DAY = datetime.timedelta(days=1)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(text: str) -> x509.GeneralName:
    """Take "sip:example.com" as URI, an address as address, all else as DNS name."""
    if text.startswith(("sip:", "sips:")):
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Authority:
    """Issues certificates into files of a folder."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._number = 0
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(self._name).issuer_name(self._name)
            .public_key(self._key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY).not_valid_after(now + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = self._write(f"{name}-ca.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *names: str, common_name: str = "test", expired: bool = False, self_signed: bool = False) -> Path:
        """Return a PEM file with key and certificate for ``names``."""
        self._number += 1
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        end = now - DAY if expired else now + DAY
        builder = (
            x509.CertificateBuilder().subject_name(_name(common_name))
            .issuer_name(_name(common_name) if self_signed else self._name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - 2 * DAY).not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if names:
            san = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(san, critical=False)
        certificate = builder.sign(key if self_signed else self._key, hashes.SHA256())
        content = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
        ) + certificate.public_bytes(serialization.Encoding.PEM)
        return self._write(f"{self._number}.pem", content)

    def settings(self, *names: str, client_certificates: str = "none") -> TlsSettings:
        """Return settings of one that trusts this authority, and has a certificate where ``names`` are given."""
        certificate = str(self.issue(*names)) if names else None
        return TlsSettings(certificate=certificate, ca=str(self.ca), client_certificates=client_certificates)

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name.replace(" ", "-")
        path.write_bytes(content)
        return path
