"""Answering digest challenges as a client: credentials chosen, nonces kept and counted, refusals recognized (s22)."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from .digest import authorization, choose_challenges
from .grammar import iterate_name_values
from .identity import Credential, PendingCredential

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..ids import IdSource
    from .digest import Challenge
    from .hop import Hop
    from .identity import Identity
    from .message import Request, Response

_MAX_NONCES = 8
_MAX_STALE = 2
_HEADERS = (
    ("WWW-Authenticate", "Authorization", "Authentication-Info"),
    ("Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info"),
)


class Nonce:
    """A challenge that was answered, the credential for it, and how often it was used (nc of RFC 7616 s3.4).

    ``hop``: good for that next hop only; None: for every one.
    """

    __slots__ = ("challenge", "count", "credential", "header", "hop")

    def __init__(self, challenge: Challenge, credential: Credential, header: str, hop: Hop | None) -> None:
        self.challenge = challenge
        self.credential = credential
        self.header = header
        self.hop = hop
        self.count = 0

    def authorize(self, request: Request, ids: IdSource) -> None:
        """Add the answer to this challenge to a request about to be sent."""
        self.count += 1
        credential = self.credential
        value = authorization(
            self.challenge, request.method, request.uri, credential.username, credential.password, nc=self.count,
            cnonce=ids.cnonce(), body=request.body,
        )
        request.add(self.header, value)


class ChallengeCache:
    """The nonces to use without being asked again, at most one for each header and realm, and eight in all.

    Those of a user agent or registrar (401) are kept with what talks to it: a dialog or a registration. Those of
    proxies (407) are kept with the identity, and used for other requests to the same next hop only: a proxy elsewhere,
    or the callee, shall not get them.
    """

    __slots__ = ("_nonces",)

    def __init__(self) -> None:
        self._nonces: list[Nonce] = []

    def __len__(self) -> int:
        return len(self._nonces)

    @property
    def realms(self) -> frozenset[str]:
        """The realms of the nonces, in lower case."""
        return frozenset(nonce.challenge.realm.lower() for nonce in self._nonces)

    def put(self, nonce: Nonce) -> None:
        """Keep a nonce in place of an older one of its realm."""
        self.drop(nonce.header, nonce.challenge.realm)
        self._nonces.append(nonce)
        del self._nonces[:-_MAX_NONCES]

    def drop(self, header: str, realm: str) -> None:
        """Forget the nonce of a realm."""
        self._nonces = [old for old in self._nonces if (old.header, old.challenge.realm) != (header, realm)]

    def authorize(self, request: Request, hop: Hop, ids: IdSource, *, own: bool) -> None:
        """Answer the challenges known for that hop; ``own``: it is a server of the account.

        By UDP or TCP it is the same hop: a large request goes by TCP to who is else asked by UDP (RFC 3261 s18.1.1).
        """
        place = hop.host, hop.with_port.port
        for nonce in self._nonces:
            here = nonce.hop is None or (nonce.hop.host, nonce.hop.port) == place
            if here and (own or nonce.credential.realm is not None):
                nonce.authorize(request, ids)

    def renew(self, header: str, nextnonce: str) -> None:
        """Take the next nonce that a server hands out beforehand (RFC 7616 s3.5)."""
        for nonce in self._nonces:
            if nonce.header == header:
                nonce.challenge = replace(nonce.challenge, nonce=nextnonce)
                nonce.count = 0


class ChallengeOutcome(Enum):
    """What to do about a 401 or 407."""

    RETRY = "retry"
    NO_CREDENTIALS = "no credentials for the realm asked for"
    REFUSED = "credentials refused"
    UNSUPPORTED = "no challenge that can be answered"
    STRANGER = "the password is not for whoever asked"
    WAIT = "somebody is being asked for the credentials"


class Authentication:
    """The challenges met by one request and its repetitions: made when the first one comes."""

    __slots__ = ("_answered", "_identity", "_pending", "_stale", "_usage_nonces")

    def __init__(self, identity: Identity, usage_nonces: ChallengeCache) -> None:
        self._identity = identity
        self._usage_nonces = usage_nonces
        self._answered: set[tuple[str, str]] = set()
        self._pending: dict[str, PendingCredential] = {}
        self._stale: dict[tuple[str, str], int] = {}

    def answer(
        self, response: Response, hop: Hop, *, own: bool, realms: Collection[str] | None,
        go_on: Callable[[float], None],
    ) -> ChallengeOutcome:
        """Take the challenges of a 401 or 407 and tell whether to send the request again.

        ``own``: it went to a server of the account; ``realms``: those that a 401 may ask for, None: any. After WAIT
        ``go_on`` is called: then call this again.
        A realm whose fresh nonce was answered, and which asks again without saying stale, has refused the password:
        asking it once more would lock the account. Stale nonces are renewed twice.
        """
        asked = [
            (challenge, header)
            for challenge_header, header, _ in _HEADERS if challenge_header in response
            for challenge in choose_challenges(response.get_all(challenge_header))
        ]
        answers = []
        for challenge, header in asked:
            found = self._find(challenge, header, go_on)
            if isinstance(found, Credential) and found.realm is None:
                known = realms is None or header != "Authorization" or challenge.realm.lower() in realms
                found = found if own and known else ChallengeOutcome.STRANGER
            if isinstance(found, ChallengeOutcome):
                if found is not ChallengeOutcome.WAIT:
                    self._cache(header).drop(header, challenge.realm)
                return found
            answers.append(found)
        for (challenge, header), credential in zip(asked, answers, strict=True):
            self._take(challenge, header, credential, hop)
        return ChallengeOutcome.RETRY if asked else ChallengeOutcome.UNSUPPORTED

    @property
    def realms(self) -> frozenset[str]:
        """The realms that were answered, in lower case."""
        return frozenset(realm.lower() for _, realm in self._answered)

    def _find(
        self, challenge: Challenge, header: str, go_on: Callable[[float], None],
    ) -> Credential | ChallengeOutcome:
        """Return the credential with which to answer a challenge, or why it can not be answered."""
        key = header, challenge.realm
        renewed = challenge.stale and self._stale.get(key, 0) < _MAX_STALE
        if key in self._answered and not renewed:
            return ChallengeOutcome.REFUSED
        found = self._pending.get(challenge.realm) or self._identity.credential_for(challenge.realm)
        if isinstance(found, PendingCredential):
            self._pending[challenge.realm] = found
            if not found.settled:
                found.waiting = go_on
                return ChallengeOutcome.WAIT
        credential = found.credential if isinstance(found, PendingCredential) else found
        return ChallengeOutcome.NO_CREDENTIALS if credential is None else credential

    def _take(self, challenge: Challenge, header: str, credential: Credential, hop: Hop) -> None:
        key = header, challenge.realm
        self._pending.pop(challenge.realm, None)
        if challenge.stale:
            self._stale[key] = self._stale.get(key, 0) + 1
        self._answered.add(key)
        cache = self._cache(header)
        cache.put(Nonce(challenge, credential, header, None if cache is self._usage_nonces else hop.with_port))

    def _cache(self, header: str) -> ChallengeCache:
        if header == "Authorization":
            return self._usage_nonces
        if self._identity.challenges is None:
            self._identity.challenges = ChallengeCache()
        return self._identity.challenges


def take_next_nonces(response: Response, identity: Identity, usage_nonces: ChallengeCache | None) -> None:
    """Take over what (Proxy-)Authentication-Info of a final response says (RFC 7616 s3.5, RFC 3261 s22)."""
    for (_, header, info), cache in zip(_HEADERS, (usage_nonces, identity.challenges), strict=True):
        if not cache:
            continue
        value = response.get(info)
        if value is not None:
            nextnonce = dict(iterate_name_values(value)).get("nextnonce")
            if nextnonce:
                cache.renew(header, nextnonce)
