"""What an endpoint tells its driver: frozen records, taken one by one with ``Endpoint.next_event()``.

Order is the order of happening. For one session: CallIncoming comes first (incoming calls), CallEnded comes exactly
once, and after it at most one CallReleased. SDP bodies are handed through as bytes; ``sdp`` is None where the message
carried none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hop import Source
    from .message import Request, Response
    from .registration import Registration
    from .session.client_request import ClientRequest
    from .session.incoming_request import IncomingRequest
    from .session.invite_session import InviteSession
    from .session.transfer import IncomingTransfer, OutgoingTransfer


class EndCause(Enum):
    """Why a session or registration ended or failed."""

    HANGUP = "hangup"
    """BYE after answer."""
    CANCELED = "canceled"
    """The caller gave up before answer."""
    REJECTED = "rejected"
    """A final response 400-699, theirs or ours (``by`` tells)."""
    REDIRECTED = "redirected"
    """A final response 3xx; ``contacts`` of the event say where to."""
    NO_ANSWER = "no_answer"
    """Nobody answered within the time set (Expires, ``ring_timeout``)."""
    TIMEOUT = "timeout"
    """No response at all (timers B, F), or an in-dialog request ran into 408."""
    NO_ACK = "no_ack"
    """We answered, and no ACK came within 64*T1."""
    TRANSPORT = "transport"
    """The message could not be sent."""
    AUTHENTICATION = "authentication"
    """Credentials refused, or asked for and there are none."""
    NEGOTIATION = "negotiation"
    """Offer and answer did not come to an end: an answer that is missing where one is due, or refused by us."""
    DIALOG_LOST = "dialog_lost"
    """The peer no longer knows the dialog (481)."""
    SESSION_EXPIRED = "session_expired"
    """The session timer ran out (RFC 4028)."""
    REPLACED = "replaced"
    """Another call took its place (RFC 3891), or it was transferred."""
    SHUTDOWN = "shutdown"
    """The endpoint was told to end everything."""


@dataclass(frozen=True, slots=True)
class CallIncoming:
    """A new call: answer with ``session.progress``, ``accept``, ``reject``. ``sdp`` None: the caller wants our offer
    in the 2xx."""

    session: InviteSession
    request: Request
    sdp: bytes | None
    replaces: InviteSession | None = None
    """The session this one is to take the place of (RFC 3891): it ends by itself when this one is accepted."""
    joins: InviteSession | None = None
    """The session this one is to be added to (RFC 3911): the driver mixes them, or refuses this one."""


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A 101-199 to our INVITE. ``to_tag`` tells the forks apart. ``sdp`` is the (early) answer, or the early offer of
    a reliable response to an INVITE without one (``is_offer``): answer that with ``session.answer_early_offer``."""

    session: InviteSession
    status: int
    reason: str
    sdp: bytes | None
    to_tag: str | None
    response: Response
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The first 2xx to our INVITE.

    ``sdp`` is the answer (the one of an early response of the same fork if the 2xx has none), and the ACK has been
    sent; or, where
    ``is_offer`` is true, the peer's offer: then call ``session.acknowledge(answer, now)``, which sends the ACK.
    """

    session: InviteSession
    status: int
    sdp: bytes | None
    response: Response
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """The ACK for our 2xx arrived. ``sdp`` is the answer to the offer in that 2xx, None where the offer was the
    caller's."""

    session: InviteSession
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class CallOfferReceived:
    """The peer wants to change the session (re-INVITE or UPDATE): answer with ``session.answer_offer`` or
    ``reject_offer``.

    ``sdp`` None: a re-INVITE without offer, our answer_offer then carries a fresh offer of ours.
    """

    session: InviteSession
    request: Request
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class CallOfferAnswered:
    """The end of an offer of ours in an established session (``reinvite``, ``update``), or of a re-INVITE of theirs
    without offer.

    2xx: ``sdp`` is the answer. Otherwise the session goes on as it was before. ``is_offer``: our re-INVITE had no SDP
    and the 2xx brings the peer's offer; call ``session.acknowledge(answer, now)``.
    """

    session: InviteSession
    status: int
    reason: str
    sdp: bytes | None
    response: Response | None
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over for the user; exactly one per session. ``by``: "local", "remote", "timeout" or "transport".

    ``status`` and ``reason`` are those of the final response that decided, or of the Reason header of a BYE (after a
    CANCEL: 487 and the text of its Reason),
    else 0 and "". ``contacts`` are the URIs of a 3xx. ``message`` is the message that brought the end, None where none
    did; ``sent`` the INVITE as it was sent last, where that is what failed.
    """

    session: InviteSession
    cause: EndCause
    status: int
    reason: str
    by: str
    message: Request | Response | None = None
    contacts: tuple[str, ...] = ()
    sent: Request | None = None


@dataclass(frozen=True, slots=True)
class CallReleased:
    """After a hang-up of ours: the BYE or CANCEL is through (``status`` of its outcome), or was given up (``status``
    0).

    A caller in a hurry need not wait for it; one that is about to close its sockets should (or look at
    ``Endpoint.idle``).
    """

    session: InviteSession
    status: int


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """The peer asks us to call ``target`` instead of it (REFER): answer with ``transfer.accept`` or
    ``transfer.reject``.

    Then make the call, with ``replaces`` (if not None) in a Replaces header, and tell its fate with
    ``transfer.notify``.
    ``referred_by`` is the raw Referred-By value.
    """

    session: InviteSession
    transfer: IncomingTransfer
    target: str
    replaces: str | None
    referred_by: str | None
    request: Request


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How a transfer we asked for fares: 100 the peer tries, 180 it rings there, 2xx done, 3xx-6xx failed.

    ``final``: nothing more will be told. The call with the peer goes on until somebody hangs up.
    """

    session: InviteSession
    transfer: OutgoingTransfer
    status: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class RegistrationSucceeded:
    """The registrar accepted, first time or refresh. ``expires``: seconds granted; ``first``: the state before was
    another."""

    registration: Registration
    expires: int
    response: Response
    first: bool


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """A REGISTER failed. ``retry_in``: seconds until the core tries again by itself, None: it does not (wrong
    password, 403, ...).

    ``status`` is 0 where no response came; ``sent`` is the REGISTER as it was sent last.
    """

    registration: Registration
    cause: EndCause
    status: int
    reason: str
    retry_in: float | None
    response: Response | None = None
    sent: Request | None = None


@dataclass(frozen=True, slots=True)
class RegistrationRemoved:
    """The binding is gone: unregistered by us (``status`` of the answer; 0: none came)."""

    registration: Registration
    status: int


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request the core does not answer itself (``EndpointConfig.deliver``: INFO, MESSAGE, ...), in or out of a
    dialog.

    ``incoming.respond(status, now, ...)`` must be called, soon; ``session`` is None out of a dialog.
    """

    incoming: IncomingRequest
    request: Request
    session: InviteSession | None


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response to ``Endpoint.request`` or ``session.send_request``, challenges already dealt with.

    ``response`` None: none came in time (``cause`` TIMEOUT) or it could not be sent (TRANSPORT); ``status`` is then
    408 or 503.
    """

    request: ClientRequest
    status: int
    reason: str
    response: Response | None
    session: InviteSession | None
    cause: EndCause | None = None


@dataclass(frozen=True, slots=True)
class AddressLearned:
    """The registrar sees us at another address than before (received and rport of RFC 3581): there is a NAT.

    Told once per change, and only where the identity goes by it. ``local`` is what we had put into the Via, ``public``
    what the registrar saw; the registration is on its way to the new address.
    """

    registration: Registration
    transport: str
    local: tuple[str, int]
    public: tuple[str, int]


@dataclass(frozen=True, slots=True)
class MalformedReceived:
    """Something that is no SIP message came in and was dropped, or answered with ``status`` if it was a request with a
    usable head."""

    source: Source
    status: int
    reason: str
    answered: bool


Event = (
    CallIncoming | CallProgress | CallAnswered | CallConfirmed | CallOfferReceived | CallOfferAnswered | CallEnded
    | CallReleased | TransferRequested | TransferProgress | RegistrationSucceeded | RegistrationFailed
    | RegistrationRemoved | RequestReceived | ResponseReceived | AddressLearned | MalformedReceived
)
