"""Who we are towards a peer: address-of-record, contact user, credentials and pre-loaded route; one per account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .reach import Reach

if TYPE_CHECKING:
    from .authentication import ChallengeCache


@dataclass(slots=True)
class Credential:
    """User name and password for one protection space; ``realm`` None stands for any realm."""

    username: str
    password: str = field(repr=False)
    realm: str | None = None


class PendingCredential:
    """A credential somebody is being asked for: the request waits. Call :meth:`settle` once, soon."""

    __slots__ = ("credential", "settled", "waiting")

    def __init__(self) -> None:
        self.credential: Credential | None = None
        self.settled = False
        self.waiting: Callable[[float], None] | None = None
        """What goes on when it is there (kept by the core)."""

    def settle(self, credential: Credential | None, now: float) -> None:
        """Give the credential, or None for: there is none. The request goes on at once."""
        self.credential, self.settled = credential, True
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting(now)


CredentialSource = Callable[[str, str], "Credential | PendingCredential | None"]
"""``(realm, user part of our AOR) -> Credential``, None for: there is none, or a promise of one."""


@dataclass(slots=True, eq=False)
class Identity:
    """What a request of ours says about us. May be changed between requests; a request under way keeps what it was
    built from."""

    aor: str
    """Address-of-record, ``sip:user@domain``; the From of our requests."""
    display_name: str | None = None
    credentials: Sequence[Credential] | CredentialSource = ()
    routes: tuple[str, ...] = ()
    """Pre-loaded route: URIs of outbound proxies, nearest first (RFC 3261 s8.1.2). ``;lr`` is added where it is
    missing."""
    service_route: tuple[str, ...] = ()
    """Route the registrar wants our requests to take behind ``routes`` (RFC 3608; kept by the core)."""
    contact_user: str | None = None
    """User part of our Contact; the user part of ``aor`` unless given."""
    transport: str | None = None
    """Transport for URIs that name none ("UDP", "TCP", "TLS", ...); the endpoint's default unless given."""
    reach: Reach = field(default_factory=Reach)
    """How peers reach us: public address, instance, outbound, GRUU."""
    servers: tuple[str, ...] | None = None
    """URIs of the servers that may ask for credentials without realm, beside those of ``routes`` and ``service_route``:
    the registrar, the domain. None: whoever a request is sent to may."""
    realms: frozenset[str] = frozenset()
    """Realms, in lower case, with whose credentials our registrar has taken a REGISTER (kept by the core)."""
    challenges: ChallengeCache | None = None
    """Nonces of proxies seen so far, for authorization before being asked (kept by the core)."""

    def credential_for(self, realm: str) -> Credential | PendingCredential | None:
        """Return the credential for ``realm``: one made for it before one that fits any."""
        if callable(self.credentials):
            user = self.aor.partition(":")[2].partition("@")[0]
            return self.credentials(realm, user)
        fallback = None
        for credential in self.credentials:
            if credential.realm == realm:
                return credential
            if credential.realm is None and fallback is None:
                fallback = credential
        return fallback
