"""Turns what the SIP core says went wrong into the exceptions of this package: the step, the peer, the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microsip_core.diagnosis.evidence import MessageEvidence
from microsip_core.errors import (
    AuthenticationError,
    Busy,
    CallRefused,
    Canceled,
    InvalidState,
    LimitExceeded,
    MediaError,
    MicrosipError,
    NetworkError,
    TimedOut,
)
from microsip_core.sdp.errors import SdpError
from microsip_core.sip.authentication import ChallengeOutcome
from microsip_core.sip.events import CallEnded, RegistrationFailed
from microsip_core.sip.events import EndCause as CoreCause
from microsip_core.sip.message import Message
from microsip_core.sip.session.reason import reasons_of
from microsip_core.user_agent.states import EndCause

if TYPE_CHECKING:
    from microsip_core.sip.identity import Identity
    from microsip_core.sip.message import Request

_CAUSES = {
    CoreCause.HANGUP: EndCause.NORMAL,
    CoreCause.CANCELED: EndCause.CANCELED,
    CoreCause.REJECTED: EndCause.REFUSED,
    CoreCause.REDIRECTED: EndCause.REFUSED,
    CoreCause.NO_ANSWER: EndCause.NO_ANSWER,
    CoreCause.TIMEOUT: EndCause.TIMEOUT,
    CoreCause.NO_ACK: EndCause.TIMEOUT,
    CoreCause.TRANSPORT: EndCause.TRANSPORT,
    CoreCause.AUTHENTICATION: EndCause.AUTHENTICATION,
    CoreCause.NEGOTIATION: EndCause.MEDIA,
    CoreCause.DIALOG_LOST: EndCause.TIMEOUT,
    CoreCause.SESSION_EXPIRED: EndCause.TIMEOUT,
    CoreCause.REPLACED: EndCause.NORMAL,
    CoreCause.SHUTDOWN: EndCause.NORMAL,
}
BUSY_STATUSES = frozenset({486, 600, 603})

_REMEDIES = {
    403: "The server does not permit it: check the account and whether it may call this number",
    404: "Check the user name or number: the server does not know it",
    405: "The peer does not support calls",
    408: "The peer did not answer its server in time: try again later",
    410: "That user or number no longer exists",
    413: "The request is too large for the peer",
    415: "The peer does not understand our session description",
    416: "The server does not support this kind of URI: use sip:",
    420: "The peer does not support an extension we require",
    480: "The callee is not registered or does not take calls now: try again later",
    482: "The proxies forward the call in a loop: check the proxy and registrar settings",
    483: "The call passed too many proxies: check the proxy and registrar settings",
    484: "The number is incomplete",
    486: "The callee is busy: try again later",
    487: "The call was canceled on the other side",
    488: "No codec in common, or one side wants SRTP and the other has none: offer more codecs, or change srtp",
    500: "The server has a fault: try again later",
    502: "A gateway behind the server has a fault: try again later",
    503: "The server is overloaded or down: try again later or use another one",
    504: "A server behind the proxy did not answer: try again later",
    600: "The callee is busy everywhere: try again later",
    603: "The callee declined",
    604: "The user does not exist anywhere",
    606: "No codec or transport in common: offer more codecs",
}
_CREDENTIALS = "Check user name, authentication id and password"


def end_cause(event: CallEnded) -> EndCause:
    """Return why the call ended, in the words of the public API."""
    if event.cause is CoreCause.REJECTED and event.status in BUSY_STATUSES:
        return EndCause.BUSY
    if event.cause is CoreCause.CANCELED and event.by == "remote" and _is_answered_elsewhere(event.message):
        return EndCause.ANSWERED_ELSEWHERE
    return _CAUSES.get(event.cause, EndCause.ERROR)


def _is_answered_elsewhere(cancel: Message | None) -> bool:
    """Whether a CANCEL says that another of the callee's phones has taken the call (RFC 3326 s3.1)."""
    reasons = reasons_of(cancel) if cancel is not None else ()
    return any(reason.protocol.upper() == "SIP" and reason.cause == 200 for reason in reasons)


def call_error(
    event: CallEnded, peer: str, network: NetworkError | None, *, identity: Identity | None = None,
    request: Request | None = None, provisional: int = 0,
) -> MicrosipError | None:
    """Return the exception for a call that ended before what was awaited; None for a normal hang-up.

    ``network`` is the transport's own account of a message that could not be sent; ``identity`` that of the call's
    account; ``request`` the call's first INVITE, and ``provisional`` the status of the last 1xx to it, 0 for none.
    """
    error = _call_error(event, peer, network, had_password=identity is not None and bool(identity.credentials))
    if error is not None:
        error.evidence = MessageEvidence(
            event.sent or request, event.message, provisional, _usernames(identity), event.cause.value,
        )
    return error


def _usernames(identity: Identity | None) -> dict[str | None, str]:
    """Return whom we have passwords of, by realm; a function that is asked for them is not asked here."""
    if identity is None:
        return {}
    if callable(identity.credentials):
        return {None: identity.aor}
    return {credential.realm: credential.username for credential in identity.credentials}


def _call_error(
    event: CallEnded, peer: str, network: NetworkError | None, *, had_password: bool,
) -> MicrosipError | None:
    cause, status, reason = event.cause, event.status, event.reason
    if cause in (CoreCause.REJECTED, CoreCause.REDIRECTED):
        remedy = _REMEDIES.get(status)
        if cause is CoreCause.REDIRECTED and event.contacts:
            remedy = f"Call {' or '.join(event.contacts)} instead"
        return CallRefused(status, reason, step="invite", peer=peer, remedy=remedy)
    if cause is CoreCause.CANCELED:
        return Canceled("the call was canceled before it was answered", step="invite", peer=peer)
    if cause is CoreCause.NO_ANSWER:
        return TimedOut("nobody answered in time", step="invite", peer=peer, remedy="Try again later")
    if cause is CoreCause.TIMEOUT:
        return TimedOut(
            "the peer did not respond in time", step="invite", peer=peer,
            remedy="Check the address, that the peer runs, and that no firewall is between",
        )
    if cause is CoreCause.TRANSPORT:
        return network or NetworkError(reason or "a message could not be sent", step="invite", peer=peer)
    if cause is CoreCause.AUTHENTICATION and reason == ChallengeOutcome.STRANGER.value:
        return _stranger(status, "invite", peer)
    if cause is CoreCause.AUTHENTICATION:
        what = "the credentials were refused" if had_password else "a password is wanted"
        return AuthenticationError(f"{what} ({status} {reason})", step="invite", peer=peer,
                                   remedy=_CREDENTIALS if had_password else "Call from an account with a password")
    if cause is CoreCause.NEGOTIATION:
        return MediaError(f"the call has no sound: {reason}", step="invite", peer=peer,
                          remedy="The peer must answer an offer in its 200 or, where the 200 offers, in its ACK")
    if cause in (CoreCause.HANGUP, CoreCause.REPLACED, CoreCause.SHUTDOWN):
        return None
    return TimedOut(f"the call was lost ({cause.value.replace('_', ' ')})", step="call", peer=peer)


def _stranger(status: int, step: str, peer: str) -> AuthenticationError:
    return AuthenticationError(
        f"what wants a password ({status}) is none of the account's servers, by its place or its realm", step=step,
        peer=peer, remedy="If it may have it, make it the account's proxy, or give a Credential for its realm",
    )


def refusal_status(error: MicrosipError) -> int:
    """Return the status that refuses what failed with ``error``: 488 no codec, no address for media that we can use, or
    a description that can not be read (RFC 3261 s13.3.1.3: the offer is refused, the request is well-formed); 486 no
    media port free or the media engine full; 500 a fault of ours.
    """
    if isinstance(error, (Busy, LimitExceeded)):
        return 486
    return 488 if isinstance(error, (MediaError, SdpError)) else 500


def ended_error(peer: str) -> InvalidState:
    """Return the exception for something awaited of a call that was hung up in the ordinary way."""
    return InvalidState("the call has ended", step="call", peer=peer)


def no_answer_error(peer: str, waited: float, rang: bool) -> TimedOut:
    """Return the exception for a call that we gave up after ``waited`` seconds."""
    if rang:
        return TimedOut(f"nobody answered within {waited:g} s", step="invite", peer=peer,
                        remedy="Try again later, or wait longer")
    return TimedOut(f"no response within {waited:g} s", step="invite", peer=peer,
                    remedy="Check the address, that the peer runs, and that no firewall is between")


def registration_error(
    event: RegistrationFailed, peer: str, network: NetworkError | None, identity: Identity,
) -> MicrosipError:
    """Return the exception for a registration of ``identity`` that failed; ``network`` as in :func:`call_error`."""
    error = _registration_error(event, peer, network, had_password=bool(identity.credentials))
    error.evidence = MessageEvidence(event.sent, event.response, 0, _usernames(identity), event.cause.value)
    return error


def _registration_error(
    event: RegistrationFailed, peer: str, network: NetworkError | None, *, had_password: bool,
) -> MicrosipError:
    cause, status, reason = event.cause, event.status, event.reason
    if status in (401, 407) and not had_password:
        return AuthenticationError(
            f"the registrar wants a password ({status} {reason}{_realm(event)})", step="register", peer=peer,
            remedy="Give the account its password",
        )
    if cause is CoreCause.AUTHENTICATION and reason == ChallengeOutcome.STRANGER.value:
        return _stranger(status, "register", peer)
    if cause is CoreCause.AUTHENTICATION or status == 403:
        what = "refused the password" if status in (401, 403, 407) else "refused the credentials"
        again = f"{status} {reason}" + (" again" if status in (401, 407) else "")
        return AuthenticationError(
            f"the registrar {what} ({again}{_realm(event)})", step="register", peer=peer, remedy=_CREDENTIALS,
        )
    if cause is CoreCause.TIMEOUT:
        return TimedOut(
            "the registrar did not respond in time", step="register", peer=peer,
            remedy="Check the address, that the server runs, and that no firewall is between",
        )
    if cause is CoreCause.TRANSPORT:
        return network or NetworkError(reason or "REGISTER could not be sent", step="register", peer=peer)
    return CallRefused(status, reason, step="register", peer=peer, remedy=_REMEDIES.get(status))


def _realm(event: RegistrationFailed) -> str:
    response = event.response
    challenge = response and (response.get("WWW-Authenticate") or response.get("Proxy-Authenticate"))
    if not challenge:
        return ""
    _, found, rest = challenge.partition('realm="')
    return f" for realm {rest.partition(chr(34))[0]!r}" if found else ""
