"""Digest challenges and credentials as values, and the arithmetic of RFC 7616 s3.4 with the hashes of RFC 8760."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from .grammar import iterate_name_values, quote, split_list
from .parse_error import SipParseError

ALGORITHMS = ("SHA-512-256", "SHA-256", "MD5")
"""Hash algorithms known here, strongest first; each has a ``-sess`` form."""

_CANONICAL = {name.upper() + suffix.upper(): name + suffix for name in ALGORITHMS for suffix in ("", "-sess")}


def _hash(algorithm: str, text: bytes) -> str:
    if algorithm == "MD5":
        return hashlib.md5(text, usedforsecurity=False).hexdigest()
    if algorithm == "SHA-256":
        return hashlib.sha256(text).hexdigest()
    return hashlib.new("sha512_256", text).hexdigest()


def _available(algorithm: str) -> bool:
    try:
        _hash(algorithm, b"")
    except ValueError:  # a build of OpenSSL without it, or a policy against it
        return False
    return True


SUPPORTED: frozenset[str] = frozenset(name for name in ALGORITHMS if _available(name))
"""The algorithms this Python's hashlib offers."""


def base_algorithm(algorithm: str) -> str:
    """Return the hash behind an algorithm name: ``MD5-sess`` gives ``MD5``."""
    return algorithm.removesuffix("-sess")


def hash_text(algorithm: str, text: str) -> str:
    """Return the hexadecimal hash of a text in UTF-8 (RFC 7616 s4)."""
    return _hash(base_algorithm(algorithm), text.encode("utf-8", "surrogateescape"))


def password_hash(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return H(username:realm:password), which may be stored in place of the password."""
    return hash_text(algorithm, f"{username}:{realm}:{password}")


def compute_response(
    algorithm: str, ha1: str, method: str, uri: str, nonce: str, *, qop: str | None, nc: str, cnonce: str, body: bytes
) -> str:
    """Return the response value (RFC 7616 s3.4.1 to 3.4.3); ``ha1`` is ``password_hash`` without any -sess step."""
    if algorithm.endswith("-sess"):
        ha1 = hash_text(algorithm, f"{ha1}:{nonce}:{cnonce}")
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        a2 += ":" + _hash(base_algorithm(algorithm), body)
    ha2 = hash_text(algorithm, a2)
    if qop is None:
        return hash_text(algorithm, f"{ha1}:{nonce}:{ha2}")
    return hash_text(algorithm, f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What WWW-Authenticate or Proxy-Authenticate asks for (RFC 7616 s3.3).

    ``algorithm`` is in canonical spelling, or as received when unknown; None when the header named none, which means
    MD5. ``qop`` lists the options in order, empty for the RFC 2069 form.
    """

    realm: str
    nonce: str
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    domain: str | None = None
    userhash: bool = False

    @property
    def is_supported(self) -> bool:
        """Whether we can answer: the algorithm is one of ours, and so is one of the qop options if there are any."""
        algorithm = self.algorithm or "MD5"
        known = algorithm.upper() in _CANONICAL and base_algorithm(algorithm) in SUPPORTED
        return known and (not self.qop or "auth" in self.qop or "auth-int" in self.qop)

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.domain is not None:
            parts.append(f"domain={quote(self.domain)}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=TRUE")
        if self.algorithm is not None:
            parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        if self.userhash:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)


def parse_challenge(value: str) -> Challenge:
    """Parse one challenge. Raises SipParseError 400 when it is no Digest challenge or lacks realm or nonce."""
    scheme, _, rest = value.strip().partition(" ")
    fields = dict(iterate_name_values(rest))
    if scheme.lower() != "digest" or "realm" not in fields or "nonce" not in fields:
        raise SipParseError(400, "Malformed Challenge")
    return Challenge(
        realm=fields["realm"],
        nonce=fields["nonce"],
        algorithm=_canonical(fields.get("algorithm")),
        qop=tuple(option.lower() for option in split_list(fields.get("qop", ""))),
        opaque=fields.get("opaque"),
        stale=fields.get("stale", "").lower() == "true",
        domain=fields.get("domain"),
        userhash=fields.get("userhash", "").lower() == "true",
    )


def split_challenges(value: str) -> list[str]:
    """Split a value of several challenges, joined by commas as the parameters of each are (RFC 3261 s20.44)."""
    challenges: list[list[str]] = []
    for piece in split_list(value):
        scheme, space, rest = piece.partition(" ")
        if not challenges or (space and "=" not in scheme and rest.lstrip()[:1] != "="):
            challenges.append([])
        challenges[-1].append(piece)
    return [", ".join(pieces) for pieces in challenges]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Authorization or Proxy-Authorization answers (RFC 7616 s3.4). ``nc`` is text of eight hexadecimal digits."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str | None = None
    cnonce: str | None = None
    opaque: str | None = None
    qop: str | None = None
    nc: str | None = None
    userhash: bool = False

    @property
    def nonce_count(self) -> int | None:
        """``nc`` as a number; None when absent or not eight hexadecimal digits."""
        if self.nc is None or len(self.nc) != 8 or not set(self.nc) <= set("0123456789abcdefABCDEF"):
            return None
        return int(self.nc, 16)

    def __str__(self) -> str:
        parts = [
            f"username={quote(self.username)}", f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}", f'response="{self.response}"',
        ]  # fmt: skip
        if self.algorithm is not None:
            parts.append(f"algorithm={self.algorithm}")
        if self.qop is not None:
            parts += (f"cnonce={quote(self.cnonce or '')}", f"qop={self.qop}", f"nc={self.nc}")
        elif self.cnonce is not None:
            parts.append(f"cnonce={quote(self.cnonce)}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.userhash:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)


def parse_credentials(value: str) -> Credentials:
    """Parse credentials. Raises SipParseError 400 when they are no Digest credentials or lack a mandatory field."""
    scheme, _, rest = value.strip().partition(" ")
    fields = dict(iterate_name_values(rest))
    if scheme.lower() != "digest":
        raise SipParseError(400, "Malformed Credentials")
    try:
        qop = fields.get("qop")
        return Credentials(
            username=fields["username"],
            realm=fields["realm"],
            nonce=fields["nonce"],
            uri=fields["uri"],
            response=fields["response"],
            algorithm=_canonical(fields.get("algorithm")),
            cnonce=fields.get("cnonce"),
            opaque=fields.get("opaque"),
            qop=qop.lower() if qop is not None else None,
            nc=fields.get("nc"),
            userhash=fields.get("userhash", "").lower() == "true",
        )
    except KeyError as missing:
        raise SipParseError(400, "Malformed Credentials") from missing


def verify(
    credentials: Credentials, method: str, *, password: str | None = None, ha1: str | None = None, body: bytes = b""
) -> bool:
    """Tell whether credentials prove the password, or its ``ha1`` (see ``password_hash``), for a ``method`` request.

    Compares in constant time. Looks at nothing but the arithmetic: nonce, realm, URI and count are for the caller.
    """
    algorithm = credentials.algorithm or "MD5"
    if algorithm.upper() not in _CANONICAL or base_algorithm(algorithm) not in SUPPORTED:
        return False
    if credentials.qop not in (None, "auth", "auth-int") or (
        credentials.qop and not (credentials.nc and credentials.cnonce)
    ):
        return False
    if ha1 is None:
        if password is None:
            return False
        ha1 = password_hash(algorithm, credentials.username, credentials.realm, password)
    expected = compute_response(
        algorithm, ha1, method, credentials.uri, credentials.nonce,
        qop=credentials.qop, nc=credentials.nc or "", cnonce=credentials.cnonce or "", body=body,
    )  # fmt: skip
    return hmac.compare_digest(expected.encode(), credentials.response.lower().encode("utf-8", "surrogateescape"))


def _canonical(algorithm: str | None) -> str | None:
    return None if algorithm is None else _CANONICAL.get(algorithm.upper(), algorithm)


PasswordLookup = Callable[[str], "str | None"]
"""``username -> password``, None for an unknown user."""
