"""Finds the likely cause of a failed call or registration in what was sent and what came back, and the remedy.

Rules are tried in order; the first that has something to say wins, and the error's own words are the last resort.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ..errors import AuthenticationError, DnsError, MicrosipError, NetworkError, TimedOut, TlsError
from ..sip.digest import parse_challenge
from ..sip.digest_values import split_challenges
from ..sip.message import Response
from ..sip.parse_error import SipParseError
from .message_summary import summarize_sdp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..sip.digest import Challenge
    from ..sip.message import Request
    from .evidence import MessageEvidence

Finding = tuple[str, str]

_FRAGMENT_OCTETS = 1300  # RFC 3261 s18.1.1
_WARNINGS = {
    300: "it can not use that network protocol", 301: "it can not use that network address format",
    302: "it has no such transport protocol", 303: "it can not use that bandwidth unit",
    304: "it has no such media type", 305: "it has none of the codecs offered", 306: "it lacks an attribute offered",
    307: "it did not understand a session description parameter", 330: "multicast is not available",
    331: "unicast is not available", 370: "there is not enough bandwidth",
}  # RFC 3261 s20.43


def find_cause(error: MicrosipError, facts: MessageEvidence) -> Finding:
    """Return the likely cause, and what to do about it; both end without a full stop."""
    for rule in _RULES:
        found = rule(error, facts)
        if found is not None:
            break
    else:
        found = error.message, error.remedy or ""
    cause, remedy = found
    nat = _nat(facts)
    return (f"{cause}; {nat}" if nat else cause), remedy


def _transport(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    """Nothing could be sent: the transport knows best why, and has named it."""
    if isinstance(error, DnsError):
        return f"DNS: {error.message}", error.remedy or ""
    if isinstance(error, TlsError):
        return f"TLS: {error.message}", error.remedy or ""
    if isinstance(error, NetworkError):
        return f"network: {error.message}", error.remedy or ""
    return None


def _authentication(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    response = _response(facts)
    if response is None or (response.status not in (401, 407) and not isinstance(error, AuthenticationError)):
        return None
    challenges, unreadable = _challenges(response)
    if not challenges:
        if response.status in (401, 407):
            return (f"the {response.status} has no digest challenge that can be read", "Tell the server's operator")
        return None
    realms = " and ".join(sorted({repr(challenge.realm) for challenge in challenges}))
    if not any(challenge.is_supported for challenge in challenges):
        names = ", ".join(sorted({challenge.algorithm or "MD5" for challenge in challenges} | unreadable))
        return f"the server wants {names}, which is not supported", "Ask for MD5, SHA-256 or SHA-512-256"
    if not facts.usernames:
        return f"a password is wanted for realm {realms}, and there is none", error.remedy or "Give the password"
    fitting = {name for realm, name in facts.usernames.items() if realm is None or repr(realm) in realms}
    if not fitting:
        ours = " and ".join(repr(realm) for realm in facts.usernames)
        return (f"wrong realm: the server asks for {realms}, the password at hand is for {ours}",
                "Give the credentials the server's realm, or none at all")
    if not _answered(facts):
        return (f"the password was not given to realm {realms}: the challenge came from elsewhere than the account's "
                "own server, or for a realm that this is not known by",
                "Check that the call goes through the account's registrar or proxy; if that realm may have the "
                "password, give a Credential for it")
    who = " and ".join(repr(name) for name in sorted(fitting))
    return (f"user name {who} or its password is not what the server has for realm {realms}",
            "Check user name, authentication id and password; the authentication id may differ from the number")


def _challenges(response: Response) -> tuple[list[Challenge], set[str]]:
    found: list[Challenge] = []
    unreadable: set[str] = set()
    for header in ("WWW-Authenticate", "Proxy-Authenticate"):
        for value in response.get_all(header):
            for text in split_challenges(value):
                try:
                    found.append(parse_challenge(text))
                except SipParseError:
                    unreadable.add(text.split(None, 1)[0] if text.split() else "nothing")
    return found, unreadable


def _answered(facts: MessageEvidence) -> bool:
    request = facts.sent
    return request is not None and bool(request.get("Authorization") or request.get("Proxy-Authorization"))


def _no_codec(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    response = _response(facts)
    if response is None or response.status not in (488, 606):
        return None
    reasons = [text for text in map(_warning, response.get_all("Warning")) if text]
    offered = summarize_sdp(facts.sent.body) if facts.sent is not None and facts.sent.body else "nothing"
    cause = f"the peer can not take what we offer ({offered})"
    if reasons:
        cause += f": {', and '.join(reasons)}"
    elif response.body:
        cause += f": it has {summarize_sdp(response.body)}"
    if facts.sent is not None and b"/SAVP" in facts.sent.body:
        return cause, "Offer plain RTP (srtp off or optional) if the peer has no SRTP, or more codecs"
    return cause, "Offer more codecs, or SRTP where the peer insists on it (srtp optional)"


def _warning(value: str) -> str:
    code, _, rest = value.strip().partition(" ")
    text = rest.partition('"')[2].rpartition('"')[0]
    known = _WARNINGS.get(int(code)) if code.isascii() and code.isdigit() and len(code) == 3 else None
    return f"{known} ({text})" if known and text else known or text


def _unsupported(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    response = _response(facts)
    if response is None or response.status not in (420, 421):
        return None
    if response.status == 420:
        options = ", ".join(response.get_all("Unsupported")) or "one that it does not name"
        return f"the peer lacks an extension that the request insists on: {options}", "Send it without that Require"
    options = ", ".join(response.get_all("Require")) or "one that it does not name"
    return f"the peer insists on an extension that we do not offer: {options}", "Ask its operator to switch it off"


def _silence(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    """Nothing final came: where did it stop?"""
    if facts.sent is None or facts.received is not None or not isinstance(error, TimedOut):
        return None
    if facts.provisional >= 180:
        return error.message, error.remedy or ""
    if facts.provisional:
        return ("the next server took the request (100 Trying) and whoever is behind it is silent",
                "Try again later; the callee's device may be off or unreachable for its server")
    request = facts.sent
    if _over_udp(request) and request.size > _FRAGMENT_OCTETS:
        return (f"nothing came back for a request of {request.size} octets over UDP: its fragments may have been "
                "dropped on the way", "Use TCP or TLS (;transport=tcp), or offer fewer codecs")
    return ("nothing came back at all: wrong address or port, the server is down, or a firewall drops it",
            "Check the address, port and transport, that the server runs, and that no firewall is between")


def _no_ack(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    if facts.kind != "no_ack":
        return None
    return ("the caller did not acknowledge our answer: it can not reach the address in our Contact, or our answers do "
            "not reach it (NAT or firewall)", "Give the public address, or register over TCP or TLS")


def _overloaded(error: MicrosipError, facts: MessageEvidence) -> Finding | None:
    response = _response(facts)
    if response is None or response.status not in (480, 500, 503, 600, 603):
        return None
    after = (response.get("Retry-After") or "").split("(")[0].split(";")[0].strip()
    if not after.isascii() or not after.isdigit():
        return None
    return f"the server said {response.status} {response.reason}".rstrip(), f"Try again in {after} s, as it asks"


def _nat(facts: MessageEvidence) -> str:
    """Say so where the peer saw our request come from elsewhere than our Via says (RFC 3581)."""
    response = _response(facts)
    if response is None or (response.status != 408 and facts.kind not in ("no_ack", "timeout", "dialog_lost")):
        return ""
    try:
        via = response.via
    except SipParseError:
        return ""
    public = via.received or via.host
    if public.strip("[]") == via.host.strip("[]") or not _is_address(public):
        return ""
    return f"we are behind a NAT: the peer sees us at {public}, not at {via.sent_by}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _response(facts: MessageEvidence) -> Response | None:
    return facts.received if isinstance(facts.received, Response) else None


def _over_udp(request: Request) -> bool:
    try:
        return request.via.transport == "UDP"
    except SipParseError:
        return False


_RULES: Sequence[Callable[[MicrosipError, MessageEvidence], Finding | None]] = (
    _transport, _authentication, _no_codec, _unsupported, _silence, _no_ack, _overloaded,
)
