"""Digest authentication, server side: signed nonces that expire, and a bounded memory of counts against replay."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ..errors import InvalidArgument
from .digest_values import (
    ALGORITHMS,
    SUPPORTED,
    Challenge,
    Credentials,
    PasswordLookup,
    base_algorithm,
    parse_credentials,
    verify,
)
from .parse_error import SipParseError
from .uri import SipUri

_WINDOW = 64


class DigestVerdict(Enum):
    """What came of looking at a request's credentials."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    """No credentials for this realm: challenge."""
    STALE = "stale"
    """The password is right but the nonce is old, used or not ours: challenge with stale=TRUE (RFC 7616 s3.3)."""
    REFUSED = "refused"
    """Wrong user or password, or not what was asked for: challenge again, or 403."""


@dataclass(frozen=True, slots=True)
class DigestCheck:
    """A verdict, and the user name that was proved (or claimed, unless ACCEPTED)."""

    verdict: DigestVerdict
    username: str | None = None


class DigestServer:
    """Issues challenges for one realm and checks what comes back.

    A nonce says when it was made and its serial number, signed with ``secret``: nothing is remembered of a challenge
    until somebody proves a password with it. Then its counts are remembered, of at most ``max_nonces`` nonces; when
    that is full the oldest are given up, and every nonce not newer than they is stale from then on, so a count can not
    be replayed by filling the memory. ``now`` is in seconds, of any clock that does not go back.
    """

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        algorithms: Iterable[str] = ("SHA-256", "MD5"),
        qop: tuple[str, ...] = ("auth",),
        nonce_lifetime: float = 300.0,
        max_nonces: int = 10000,
    ) -> None:
        if len(secret) < 16:
            raise InvalidArgument("the nonce secret must have 16 octets at least")
        asked = tuple(dict.fromkeys(algorithms))
        known = [name for name in asked if base_algorithm(name) in SUPPORTED]
        self.algorithms = tuple(sorted(known, key=lambda name: ALGORITHMS.index(base_algorithm(name))))
        if not self.algorithms:
            raise InvalidArgument("no digest algorithm that is supported here")
        self.realm = realm
        self.qop = qop
        self.nonce_lifetime = nonce_lifetime
        self.max_nonces = max_nonces
        self._secret = secret
        self._serial = 0
        self._given_up = -1
        self._counts: dict[int, tuple[int, int]] = {}

    def challenges(self, now: float, *, stale: bool = False) -> list[str]:
        """Return values for WWW-Authenticate or Proxy-Authenticate, one line each, strongest first (RFC 8760 s2.3)."""
        nonce = self._issue(now)
        return [str(Challenge(self.realm, nonce, algorithm, self.qop, stale=stale)) for algorithm in self.algorithms]

    def check(
        self, values: Iterable[str], method: str, password_of: PasswordLookup, now: float, body: bytes = b"",
        uri: str | None = None,
    ) -> DigestCheck:
        """Check the values of all Authorization (or Proxy-Authorization) headers of a request to ``uri``, which is what
        they must be for (RFC 7616 s3.4.6); None: that is not looked at.

        Those for other realms are passed over. ACK and CANCEL can not be challenged (RFC 3261 s22.1): do not check
        them.
        """
        for value in values:
            try:
                credentials = parse_credentials(value)
            except SipParseError:
                continue
            if credentials.realm == self.realm:
                return self._check_credentials(credentials, method, password_of, now, body, uri)
        return DigestCheck(DigestVerdict.MISSING)

    def _check_credentials(
        self, credentials: Credentials, method: str, password_of: PasswordLookup, now: float, body: bytes,
        uri: str | None,
    ) -> DigestCheck:
        username = credentials.username
        made = self._read_nonce(credentials.nonce)
        offered = (credentials.algorithm or "MD5") in self.algorithms
        qop_offered = credentials.qop is None or credentials.qop in self.qop
        if not offered or not qop_offered or credentials.userhash:
            return DigestCheck(DigestVerdict.REFUSED, username)
        password = password_of(username)
        # The arithmetic is done for unknown users too: its time must not tell who exists.
        proved = verify(credentials, method, password=password or "", body=body)
        if password is None or not proved or (uri is not None and not _same_resource(credentials.uri, uri)):
            return DigestCheck(DigestVerdict.REFUSED, username)
        if made is None or not 0 <= now - made[0] <= self.nonce_lifetime or not self._use(made[1], credentials):
            return DigestCheck(DigestVerdict.STALE, username)
        return DigestCheck(DigestVerdict.ACCEPTED, username)

    def _issue(self, now: float) -> str:
        self._serial += 1
        claim = f"{int(now * 1000):x}.{self._serial:x}"
        return f"{claim}.{self._sign(claim)}"

    def _read_nonce(self, nonce: str) -> tuple[float, int] | None:
        """Return when a nonce was made and its serial number, None when it is none of ours."""
        claim, _, signature = nonce.rpartition(".")
        if not hmac.compare_digest(self._sign(claim).encode(), signature.encode("utf-8", "surrogateescape")):
            return None
        made, _, serial = claim.partition(".")
        return int(made, 16) / 1000, int(serial, 16)

    def _sign(self, claim: str) -> str:
        text = f"{claim}:{self.realm}".encode("utf-8", "surrogateescape")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:32]

    def _use(self, serial: int, credentials: Credentials) -> bool:
        """Note that a count of a nonce is used; False when it was before, or may have been.

        Counts may arrive out of order by up to 64 (UDP). Without qop there is no count: the nonce serves once.
        """
        count = 1 if credentials.qop is None else credentials.nonce_count
        if not count:
            return False
        seen = self._counts.get(serial)
        if seen is None:
            if serial <= self._given_up:
                return False
            if len(self._counts) >= self.max_nonces:
                oldest = next(iter(self._counts))
                del self._counts[oldest]
                self._given_up = max(self._given_up, oldest)
            self._counts[serial] = (count, 1)
            return True
        highest, bits = seen
        if count > highest:
            shift = min(count - highest, _WINDOW)
            self._counts[serial] = (count, (bits << shift | 1) & ((1 << _WINDOW) - 1))
            return True
        behind = highest - count
        if behind >= _WINDOW or bits >> behind & 1:
            return False
        self._counts[serial] = (highest, bits | 1 << behind)
        return True


def _same_resource(proved: str, asked: str) -> bool:
    """Whether credentials are for the Request-URI: the same user, host and port, since proxies take parameters away."""
    if proved == asked:
        return True
    try:
        one, other = SipUri.parse(proved), SipUri.parse(asked)
    except SipParseError:
        return False
    return (one.user_text, one.host.lower(), one.port) == (other.user_text, other.host.lower(), other.port)
