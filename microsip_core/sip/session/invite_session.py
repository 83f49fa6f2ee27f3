"""One call: an INVITE session of either role, from the first INVITE to the BYE.

The session is what user and dialog meet in; the work is done by its parts, each there only while it is needed:
``setup`` (the first INVITE: IncomingSetup or OutgoingSetup), ``local_change`` and ``remote_change`` (re-INVITEs).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...errors import InvalidArgument, InvalidState
from ..authentication import ChallengeCache
from ..builder import response_to
from ..events import CallEnded, CallReleased, EndCause, ResponseReceived
from ..header_values import NameAddr
from ..parse_error import SipParseError
from .client_request import ClientRequest
from .incoming_setup import IncomingInput, IncomingSetup
from .local_change import LocalChange
from .offer_answer import OfferAnswer, OfferAnswerState
from .outgoing_setup import OutgoingInput, OutgoingSetup
from .reason import reason_of
from .remote_change import RemoteChange
from .session_state import SessionState
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..dialog.dialog import Dialog
    from ..endpoint import Endpoint
    from ..identity import Identity
    from ..message import Request, Response

Headers = Iterable[tuple[str, str]]

__all__ = ["InviteSession", "SessionState"]


class InviteSession:
    """A call. Commands raise InvalidState when the session is in no state for them; ``hangup`` never does."""

    __slots__ = (
        "_local", "_released", "_remote", "call_id", "contact", "dialog", "direction", "endpoint", "identity",
        "local_address", "local_change", "nonces", "offer_answer", "owner", "remote_change", "request", "setup",
        "state",
    )

    def __init__(
        self, endpoint: Endpoint, identity: Identity, direction: str, request: Request, contact: str, owner: Any = None,
    ) -> None:
        self.endpoint = endpoint
        self.identity = identity
        """Who we are in this call; for an incoming one the driver may put the account called here, for its
        credentials."""
        self.direction = direction
        """"outgoing" or "incoming"."""
        self.request: Request | None = request
        """The INVITE that started it (outgoing: as first sent), until the session is confirmed or has ended."""
        self.call_id = request.call_id
        self.contact = contact
        self.local_address = ("", 0)
        """Address and port of ours that the first INVITE came in at or left from; never a wildcard."""
        self.owner = owner
        """Free for the driver."""
        outgoing = direction == "outgoing"
        self.state = SessionState.CALLING if outgoing else SessionState.INCOMING
        self.dialog: Dialog | None = None
        self.offer_answer = OfferAnswer()
        self.nonces: ChallengeCache | None = None
        self.setup: IncomingSetup | OutgoingSetup | None = None
        self.local_change: LocalChange | None = None
        self.remote_change: RemoteChange | None = None
        self._local = request.get("From" if outgoing else "To") or ""
        self._remote = request.get("To" if outgoing else "From") or ""
        self._released = False

    # -- what the user may look at

    @property
    def local_uri(self) -> str:
        """Our URI in this call: of From (outgoing) or To (incoming)."""
        return _address(self._local).uri

    @property
    def remote_uri(self) -> str:
        """The peer's URI: of To (outgoing) or From (incoming)."""
        return _address(self._remote).uri

    @property
    def remote_display_name(self) -> str | None:
        """The peer's display name, None where it gave none."""
        return _address(self._remote).display_name or None

    @property
    def local_sdp(self) -> bytes | None:
        """Our description now in force."""
        return self.offer_answer.local

    @property
    def remote_sdp(self) -> bytes | None:
        """The peer's description now in force, or its offer that waits for our answer."""
        return self.offer_answer.remote_offer or self.offer_answer.remote

    @property
    def ended(self) -> bool:
        """Whether CallEnded has been told."""
        return self.state == SessionState.ENDED

    @property
    def offer_pending(self) -> bool:
        """Whether a CallOfferReceived still waits for ``answer_offer`` or ``reject_offer``; a peer may withdraw it."""
        return self.remote_change is not None and self.remote_change.awaits_answer

    # -- incoming, before the answer

    def progress(
        self, status: int, now: float, *, reason: str | None = None, sdp: bytes | None = None, headers: Headers = (),
    ) -> None:
        """Send a provisional response (101-199): 180 rings, 183 with ``sdp`` is early media (or early answer)."""
        self._incoming_setup("send a provisional response").progress(status, reason, sdp, headers, now)

    def accept(self, sdp: bytes | None, now: float, *, status: int = 200, headers: Headers = ()) -> None:
        """Answer. ``sdp`` is our answer, or our offer where the INVITE had none; None: the one shown in a 183."""
        self._incoming_setup("answer the call").accept(status, sdp, headers, now)

    def reject(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse with 300-699 (redirect: 302 with Contact headers). CallEnded follows."""
        self._incoming_setup("refuse the call").refuse(status, reason, headers, now)

    # -- outgoing

    def acknowledge(self, sdp: bytes, now: float) -> None:
        """Send the ACK with our answer to an offer that came in a 2xx (``is_offer`` of the event)."""
        if self.local_change is not None and self.local_change.awaits_answer:
            self.local_change.acknowledge(sdp, now)
        elif isinstance(self.setup, OutgoingSetup) and self.state == SessionState.CONNECTING:
            self.offer_answer.answer(sdp)
            self.setup.handle(OutgoingInput.ACKNOWLEDGE, sdp, now)
        else:
            raise InvalidState("no offer of the peer waits to be acknowledged", step="acknowledge the answer")

    # -- both

    def hangup(self, now: float, *, status: int = 603, reason: str | None = None, headers: Headers = ()) -> None:
        """End it whatever its state: CANCEL, BYE, or (incoming, unanswered) a refusal with ``status``.

        CallEnded is emitted at once, CallReleased when the peer has confirmed. In an ended session it does nothing. A
        CANCEL waits by itself for the first provisional response (RFC 3261 s9.1), a BYE for the ACK (s15). ``headers``
        (Reason, ...) go into the BYE, the CANCEL or the refusal.
        """
        if self.ended:
            return
        if self.setup is None:
            self.end(now, EndCause.HANGUP, "local", 0, "")
            self.send_bye(now, headers)
        elif isinstance(self.setup, OutgoingSetup):
            self.setup.handle(OutgoingInput.HANGUP, headers, now)
        elif self.state == SessionState.CONNECTING:
            self.setup.handle(IncomingInput.HANGUP, headers, now)
        else:
            self.setup.refuse(status, reason, headers, now)

    def reinvite(self, sdp: bytes | None, now: float, *, headers: Headers = ()) -> None:
        """Send a re-INVITE with our new offer (None: ask for one). CallOfferAnswered follows, glare (491) being
        retried.

        Raises InvalidState before the session is confirmed, and while another change is under way (s14.1).
        """
        self._expect_confirmed("change the session")
        if self.local_change or self.remote_change or self.offer_answer.state != OfferAnswerState.STABLE:
            raise InvalidState("another change of the session is under way", step="change the session")
        self.local_change = LocalChange(self, sdp, headers)
        self.local_change.send(now)

    def answer_offer(self, sdp: bytes, now: float, *, headers: Headers = ()) -> None:
        """Accept a CallOfferReceived with our answer (or with our offer, if it had none)."""
        self._expect_offer("answer the peer's offer").accept(sdp, headers, now)

    def reject_offer(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse a CallOfferReceived (488, ...): the session goes on as before."""
        if not 300 <= status <= 699:
            raise InvalidArgument(f"{status} is no failure status from 300 to 699", step="refuse the peer's offer")
        self._expect_offer("refuse the peer's offer").refuse(status, reason, headers, now)

    def send_request(
        self, method: str, now: float, *, headers: Headers = (), body: bytes = b"", content_type: str | None = None,
        owner: Any = None,
    ) -> ClientRequest:
        """Send a request in the dialog (INFO, MESSAGE, ...); its end comes as ResponseReceived."""
        if method in ("INVITE", "ACK", "BYE", "CANCEL", "PRACK"):
            raise InvalidArgument(f"{method} is sent by the session itself", step=f"send {method}")
        self._expect_confirmed(f"send {method}")
        client_request = self._dialog_request(method, headers, body, content_type, owner)
        client_request.send(now)
        return client_request

    # -- what the parts and the core use

    @property
    def established_dialog(self) -> Dialog:
        """The dialog, where there is bound to be one."""
        assert self.dialog is not None
        return self.dialog

    def usage_nonces(self) -> ChallengeCache:
        """The nonces of this dialog."""
        if self.nonces is None:
            self.nonces = ChallengeCache()
        return self.nonces

    def invite_response(
        self, request: Request, status: int, reason: str | None, headers: Headers, sdp: bytes | None,
    ) -> Response:
        """Make a response to the INVITE, or to a re-INVITE."""
        endpoint = self.endpoint
        common = endpoint.success_headers if 200 <= status <= 299 else endpoint.response_headers
        return response_to(
            request, status, reason, to_tag=self.established_dialog.local_tag,
            contact=self.contact if status < 300 else None, headers=(*common, *headers) if headers else common,
            body=sdp or b"", content_type="application/sdp" if sdp else None,
        )

    def confirmed(self) -> None:
        """Offer, answer and ACK are through."""
        self.state = SessionState.CONFIRMED
        self.setup = None
        self.request = None

    def end(
        self, now: float, cause: EndCause, by: str, status: int, reason: str,
        message: Request | Response | None = None, contacts: tuple[str, ...] = (),
    ) -> None:
        """Tell the end, once. The dialog stays until ``release``."""
        if self.state == SessionState.ENDED:
            return
        self.state = SessionState.ENDED
        self.request = None
        if self.local_change is not None:
            self.local_change.stop()
            self.local_change = None
        if self.remote_change is not None:
            self.remote_change.stop(now)
            self.remote_change = None
        self.endpoint.emit(CallEnded(self, cause, status, reason, by, message, contacts))

    def ended_by_peer(self, request: Request, now: float) -> None:
        """A BYE came, and has been answered."""
        status, reason = reason_of(request)
        self.end(now, EndCause.HANGUP, "remote", status, reason, request)
        self.release(now)

    def send_bye(self, now: float, headers: Headers = ()) -> None:
        """Send the BYE of a session that has ended for the user; it is released when that is through."""
        self.setup = None
        self._dialog_request("BYE", headers, b"", None, None).send(now)

    def release(self, now: float, status: int = 0, *, tell: bool = False) -> None:
        """Forget the session: nothing more is to be sent or answered. ``tell`` the driver of the outcome of a
        hang-up."""
        if self._released:
            return
        self._released = True
        self.setup = None
        self.endpoint.forget_session(self)
        if tell:
            self.endpoint.emit(CallReleased(self, status))

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK to a 2xx of ours."""
        cseq = request.cseq.number
        if isinstance(self.setup, IncomingSetup):
            if self.setup.awaits_ack(cseq):
                self.setup.handle(IncomingInput.ACK, request, now)
        elif self.remote_change is not None and self.remote_change.awaits_ack(cseq):
            self.remote_change.on_ack(request, now)

    # -- requests within the dialog

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to a request within the dialog tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The end of a request within the dialog."""
        if request.method == "BYE":
            self.release(now, status if response is not None else 0, tell=True)
            return
        self.endpoint.emit(ResponseReceived(request, status, reason, response, self, cause))
        if status == 481 and not self.ended:
            self.end(now, EndCause.DIALOG_LOST, "remote", status, reason, response)
            self.send_bye(now)

    def _dialog_request(
        self, method: str, headers: Headers, body: bytes, content_type: str | None, owner: Any,
    ) -> ClientRequest:
        dialog = self.established_dialog
        request, hop = dialog_request(
            self.endpoint, self.identity, dialog, method, headers=headers, body=body, content_type=content_type,
        )
        return ClientRequest(
            self.endpoint, self.identity, request, hop, self, dialog=dialog, nonces=self.usage_nonces(), owner=owner,
        )

    # -- checks

    def _incoming_setup(self, step: str) -> IncomingSetup:
        if isinstance(self.setup, IncomingSetup):
            return self.setup
        raise InvalidState(f"the call is {self.direction} and {self.state.name}", step=step)

    def _expect_confirmed(self, step: str) -> None:
        if self.state != SessionState.CONFIRMED:
            raise InvalidState(f"the call is {self.state.name}, not CONFIRMED", step=step)

    def _expect_offer(self, step: str) -> RemoteChange:
        if self.remote_change is None or not self.remote_change.awaits_answer:
            raise InvalidState("no offer of the peer waits for an answer", step=step)
        return self.remote_change


def _address(value: str) -> NameAddr:
    try:
        return NameAddr.parse(value)
    except SipParseError:
        return NameAddr("", value)
