"""Digest authentication (RFC 3261 s22, RFC 7616, RFC 8760): the client side, and the door to the rest of it."""

from __future__ import annotations

from collections.abc import Iterable

from .digest_server import DigestCheck, DigestServer, DigestVerdict
from .digest_values import (
    Challenge,
    Credentials,
    compute_response,
    hash_text,
    parse_challenge,
    parse_credentials,
    password_hash,
    split_challenges,
    verify,
)
from .parse_error import SipParseError

__all__ = [
    "Challenge",
    "Credentials",
    "DigestCheck",
    "DigestServer",
    "DigestVerdict",
    "authorization",
    "choose_challenge",
    "choose_challenges",
    "parse_challenge",
    "parse_credentials",
    "password_hash",
    "verify",
]


def choose_challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges to answer, one for each realm in order of appearance, out of one response's header values.

    In each realm the topmost we support wins (RFC 8760 s2.4): the server has put them in its order of preference. What
    we can not answer or read, such as another scheme, is passed over.
    """
    chosen: dict[str, Challenge] = {}
    for value in values:
        for text in split_challenges(value):
            try:
                challenge = parse_challenge(text)
            except SipParseError:
                continue
            if challenge.is_supported:
                chosen.setdefault(challenge.realm, challenge)
    return list(chosen.values())


def choose_challenge(values: Iterable[str]) -> Challenge | None:
    """Return the first of ``choose_challenges``, or None when there is none we can answer."""
    challenges = choose_challenges(values)
    return challenges[0] if challenges else None


def authorization(
    challenge: Challenge,
    method: str,
    uri: str,
    username: str,
    password: str,
    *,
    nc: int = 1,
    cnonce: str,
    body: bytes = b"",
    prefer_integrity: bool = False,
) -> str:
    """Return the value of Authorization or Proxy-Authorization that answers ``challenge``.

    ``uri`` is the Request-URI as sent; ``nc`` counts the requests sent with this nonce, from 1. Of the qop options
    ``auth`` is taken, ``auth-int`` when it is the only one or ``prefer_integrity`` is set. ``challenge`` must be
    supported (see its ``is_supported``).
    """
    algorithm = challenge.algorithm or "MD5"
    qop = None
    if challenge.qop:
        integrity = "auth-int" in challenge.qop and (prefer_integrity or "auth" not in challenge.qop)
        qop = "auth-int" if integrity else "auth"
    count = f"{nc:08x}"
    ha1 = password_hash(algorithm, username, challenge.realm, password)
    response = compute_response(
        algorithm, ha1, method, uri, challenge.nonce, qop=qop, nc=count, cnonce=cnonce, body=body
    )
    needs_cnonce = qop is not None or algorithm.endswith("-sess")
    credentials = Credentials(
        username=hash_text(algorithm, f"{username}:{challenge.realm}") if challenge.userhash else username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response=response,
        algorithm=challenge.algorithm,
        cnonce=cnonce if needs_cnonce else None,
        opaque=challenge.opaque,
        qop=qop,
        nc=count if qop is not None else None,
        userhash=challenge.userhash,
    )
    return str(credentials)
