"""Who must authenticate and has: digest challenges of the registrar (401) and of the proxy (407) (RFC 3261 s22)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from microsip_core.sip.digest_server import DigestServer, DigestVerdict
from microsip_core.sip.message import Request


class ChallengeMode(StrEnum):
    """Which requests are challenged. ACK and CANCEL never are: they can not be sent again (s22.1)."""

    NONE = "none"
    REGISTER = "register"
    INVITE = "invite"  # REGISTER and INVITE, re-INVITE included
    ALL = "all"  # every method, in dialogs too


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How the server authenticates.

    ``algorithms`` are offered strongest first, "-sess" forms too, with the ``qop`` options.
    ``nonce_lifetime`` is in seconds: short ones provoke stale nonces.
    ``proxy_status`` is how requests other than REGISTER are challenged: 407 as a proxy does, or 401 as some PBXes do.
    """

    mode: ChallengeMode = ChallengeMode.REGISTER
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    nonce_lifetime: float = 300.0
    proxy_status: int = 407
    qop: tuple[str, ...] = ("auth",)


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of a request: ``status`` 0 lets it pass, else it is the status to refuse it with, and ``headers`` go
    along.

    ``user`` is who authenticated, None when nobody had to; ``verdict`` is what became of credentials that were there.
    """

    status: int = 0
    user: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    verdict: DigestVerdict | None = None


_PASSED = Decision()


class Authenticator:
    """Decides for each request whether it is challenged. ``secret`` signs the nonces, 16 octets or more."""

    def __init__(self, realm: str, users: Mapping[str, str], settings: AuthSettings, secret: bytes) -> None:
        self.settings = settings
        self._users = users
        self._digest = DigestServer(
            realm, secret, algorithms=settings.algorithms, qop=settings.qop, nonce_lifetime=settings.nonce_lifetime,
        )

    def check_register(self, request: Request, now: float) -> Decision:
        """Decide on a REGISTER for our own domain."""
        if self.settings.mode is ChallengeMode.NONE:
            return _PASSED
        return self._check(request, now, 401)

    def check_proxied(self, request: Request, now: float) -> Decision:
        """Decide on any other request."""
        mode = self.settings.mode
        if request.method in ("ACK", "CANCEL") or mode in (ChallengeMode.NONE, ChallengeMode.REGISTER):
            return _PASSED
        if mode is ChallengeMode.INVITE and request.method != "INVITE":
            return _PASSED
        return self._check(request, now, self.settings.proxy_status)

    def _check(self, request: Request, now: float, status: int) -> Decision:
        check = self._digest.check(
            request.get_all(_credentials_header(status)), request.method, self._users.get, now, request.body,
            request.uri,
        )
        if check.verdict is DigestVerdict.ACCEPTED:
            return Decision(user=check.username, verdict=check.verdict)
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        challenges = self._digest.challenges(now, stale=check.verdict is DigestVerdict.STALE)
        return Decision(status, None, tuple((name, value) for value in challenges), check.verdict)

    def strip_credentials(self, request: Request) -> None:
        """Take the credentials for our realm out of a request about to be forwarded: they are for us alone (s22.3)."""
        name = _credentials_header(self.settings.proxy_status)
        values = request.get_all(name)
        if values:
            request.remove(name)
            for value in self._foreign(values):
                request.add(name, value)

    def _foreign(self, values: Iterable[str]) -> list[str]:
        return [value for value in values if f'realm="{self._digest.realm}"' not in value]


def _credentials_header(status: int) -> str:
    return "Authorization" if status == 401 else "Proxy-Authorization"
