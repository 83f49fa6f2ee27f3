"""TLS for SIP: settings, contexts, whose certificate it is (RFC 5922), and errors that name what is wrong with it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from microsip_core.errors import TlsError
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri
from microsip_core.transport.address import numeric_family


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What TLS and WSS connections use. Files are PEM.

    ``certificate`` (with its chain) and ``key`` are ours: needed to listen, and shown to servers that ask for a client
    certificate; ``key`` None: it is in the same file. ``key_password`` opens an encrypted key.
    ``ca`` is a file of the authorities to trust, None for the system's. ``verify`` False takes any certificate from a
    server: for tests only. ``client_certificates`` is what our listeners ask of callers: "none", "optional" or
    "required".
    """

    certificate: str | None = None
    key: str | None = None
    key_password: str | None = None
    ca: str | None = None
    verify: bool = True
    client_certificates: str = "none"


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context of connections we open. Raises TlsError when a file can not be used.

    The name in the certificate is checked by :func:`check_name`, since OpenSSL does not know SIP URIs in certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    if settings.verify:
        _load_authorities(context, settings, ssl.Purpose.SERVER_AUTH)
    else:
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate is not None:
        _load_certificate(context, settings)
    return context


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context of our listeners. Raises TlsError without a certificate, or when a file can not be used."""
    if settings.certificate is None:
        raise TlsError(
            "a certificate is needed to listen", step="listen", remedy="Give certificate and key in the TLS settings",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(context, settings)
    if settings.client_certificates != "none":
        _load_authorities(context, settings, ssl.Purpose.CLIENT_AUTH)
        required = settings.client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def _load_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    assert settings.certificate is not None
    try:
        context.load_cert_chain(settings.certificate, settings.key, settings.key_password or _no_password)
    except (OSError, ValueError) as error:
        files = settings.certificate if settings.key is None else f"{settings.certificate} and {settings.key}"
        reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else str(error)
        raise TlsError(
            f"certificate and key can not be used ({reason.lower().replace('_', ' ')})", step="tls", peer=files,
            remedy="Give PEM files: the certificate with its chain, and the key that belongs to it",
        ) from error


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal."""
    raise ValueError("the key is encrypted and no password was given")


def _load_authorities(context: ssl.SSLContext, settings: TlsSettings, purpose: ssl.Purpose) -> None:
    if settings.ca is None:
        context.load_default_certs(purpose)
        return
    try:
        context.load_verify_locations(cafile=settings.ca)
    except (OSError, ValueError) as error:
        raise TlsError(
            f"the file of trusted authorities can not be used ({error})", step="tls", peer=settings.ca,
            remedy="Give a PEM file with the certificates of the authorities",
        ) from error


def check_name(host: str, certificate: Mapping[str, Any]) -> None:
    """Check that a verified certificate (as of ``getpeercert``) is that of the SIP domain ``host`` (RFC 5922 s7).

    A ``sip:`` URI without user part or a DNS name in subjectAltName must equal it; a DNS name may have a wildcard for
    its first label, as providers use them. Without subjectAltName the common name counts. Raises TlsError.
    """
    names = _names_in(certificate)
    wanted = host.rstrip(".").lower()
    address = numeric_family(host) is not None
    for kind, name in names:
        value = name.lower()
        if kind == "IP Address":
            matches = address and _same_address(value, wanted)
        elif address and kind == "DNS":
            matches = False
        elif kind == "DNS" and value.startswith("*."):
            matches = wanted.partition(".")[2] == value[2:] and value.count(".") > 1
        else:
            matches = value.rstrip(".") == wanted
        if matches:
            return
    listed = ", ".join(name for _, name in names) or "nothing"
    raise TlsError(
        f"the certificate is for {listed} and not for {host}", step="tls", peer=host,
        remedy="Address the server by a name in its certificate, or have the certificate made for this name",
    )


def _names_in(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    names: list[tuple[str, str]] = []
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI":
            try:
                uri = SipUri.parse(value)
            except SipParseError:
                continue
            if uri.scheme == "sip" and uri.user is None:
                names.append((kind, uri.host))
        elif kind in ("DNS", "IP Address"):
            names.append((kind, value))
    if not certificate.get("subjectAltName"):
        subject = [pair for parts in certificate.get("subject", ()) for pair in parts]
        names = [("CN", value) for key, value in subject if key == "commonName"]
    return names


def _same_address(first: str, second: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(first) == ip_address(second.partition("%")[0])
    except ValueError:
        return False


_EXPIRED, _NOT_YET_VALID, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _UNKNOWN, _UNKNOWN_LEAF = 10, 9, 18, 19, 20, 21
_PROBLEMS = {
    _EXPIRED: ("the certificate has expired", "Have the server's certificate renewed, and check this host's clock"),
    _NOT_YET_VALID: ("the certificate is not valid yet", "Check this host's clock"),
    _SELF_SIGNED: (
        "the certificate is self-signed", "Give that certificate as ca in the TLS settings, if it is the right one",
    ),
    _SELF_SIGNED_IN_CHAIN: (
        "the certificate comes from an authority that is not trusted",
        "Give the authority's certificate as ca in the TLS settings",
    ),
    _UNKNOWN: (
        "the certificate comes from an unknown authority",
        "Give the authority's certificate as ca in the TLS settings; or the server does not send its whole chain",
    ),
}
_PROBLEMS[_UNKNOWN_LEAF] = _PROBLEMS[_UNKNOWN]
_ALERTS = {
    "CERTIFICATE_REQUIRED": ("the server wants a certificate of ours", "Give certificate and key in the TLS settings"),
    "UNKNOWN_CA": ("the server does not trust our certificate", "Use a certificate from an authority it trusts"),
    "BAD_CERTIFICATE": ("the server refuses our certificate", "Check certificate and key in the TLS settings"),
    "CERTIFICATE_EXPIRED": ("the server says that our certificate has expired", "Renew the certificate"),
    "HANDSHAKE_FAILURE": ("the server accepts none of our TLS parameters", "The server must speak TLS 1.2 or newer"),
    "PROTOCOL_VERSION": ("there is no TLS version in common", "The server must speak TLS 1.2 or newer"),
    "UNSUPPORTED_PROTOCOL": ("there is no TLS version in common", "The server must speak TLS 1.2 or newer"),
    "WRONG_VERSION_NUMBER": ("the server does not speak TLS at this port", "Check the port: 5061 is usual for TLS"),
    "HTTP_REQUEST": ("the server does not speak TLS at this port", "Check the port: 5061 is usual for TLS"),
}


def tls_error(error: Exception, peer: str) -> TlsError:
    """Put a failure of the TLS handshake with ``peer`` into words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        problem, remedy = _PROBLEMS.get(
            error.verify_code,
            (f"the certificate is not valid ({error.verify_message})", "Have the server's certificate corrected"),
        )
        return TlsError(problem, step="tls", peer=peer, remedy=remedy)
    reason = (getattr(error, "reason", None) or "").upper()
    for word, (problem, remedy) in _ALERTS.items():
        if word in reason:
            return TlsError(problem, step="tls", peer=peer, remedy=remedy)
    text = reason.lower().replace("_", " ") or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return TlsError(
        f"the handshake failed ({text})", step="tls", peer=peer, remedy="Check that the server speaks TLS at this port",
    )
