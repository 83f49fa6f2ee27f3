"""One call: an INVITE session of either role, from the first INVITE to the BYE.

The session is what user and dialog meet in; the work is done by its parts, each there only while it is needed:
``setup`` (the first INVITE: IncomingSetup or OutgoingSetup), ``local_change`` and ``remote_change`` (re-INVITE,
UPDATE), ``timer`` (RFC 4028), ``transfers`` (REFER).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...errors import InvalidArgument, InvalidState
from ..caller_identity import ANONYMOUS
from ..events import CallEnded, CallReleased, EndCause, ResponseReceived
from . import answering
from .client_request import ClientRequest
from .incoming_setup import IncomingInput, IncomingSetup
from .local_change import LocalChange
from .offer_answer import OfferAnswerState
from .outgoing_setup import OutgoingInput, OutgoingSetup
from .reason import reason_of
from .remote_change import RemoteChange
from .session_base import SessionBase, checked
from .session_state import SessionState
from .session_timer import stop_timer
from .transfer import OutgoingTransfer, replaces_value
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..message import Request, Response

Headers = Iterable[tuple[str, str]]

__all__ = ["InviteSession", "SessionState"]

_OWN_METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"})


class InviteSession(SessionBase):
    """A call.

    Commands raise InvalidState when the session is in no state for them (``hangup`` never does), and InvalidArgument
    for a status, header or reason that can not be sent; then nothing has been changed.
    """

    __slots__ = ()

    # -- incoming, before the answer

    def progress(
        self, status: int, now: float, *, reason: str | None = None, sdp: bytes | None = None, headers: Headers = (),
        reliable: bool | None = None,
    ) -> None:
        """Send a provisional response (101-199): 180 rings, 183 with ``sdp`` is early media (or early answer).

        ``reliable`` (RFC 3262): True, or unless the caller can not; None: where the caller insists on it, or can and
        there is an ``sdp``. An ``sdp`` that answers no offer is an offer, and needs a reliable response.
        """
        answering.progress(self, status, reason, sdp, checked(headers, reason), reliable, now)

    def accept(self, sdp: bytes | None, now: float, *, status: int = 200, headers: Headers = ()) -> None:
        """Answer. ``sdp`` is our answer, or our offer where the INVITE had none; None: the one shown before.

        The 2xx waits by itself for the PRACK of a reliable response with a description.
        """
        answering.accept(self, status, sdp, checked(headers), now)

    def reject(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse with 300-699 (redirect: 302 with Contact headers). CallEnded follows."""
        answering.refuse(self, status, reason, checked(headers, reason), now)

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

    def answer_early_offer(self, sdp: bytes, now: float) -> None:
        """Answer an offer of a reliable provisional response, in its PRACK (CallProgress with ``is_offer``)."""
        if not isinstance(self.setup, OutgoingSetup) or not self.setup.early_offer_pending:
            raise InvalidState("no early offer of the peer waits for an answer", step="answer the early offer")
        self.setup.answer_early_offer(sdp, now)

    # -- both

    def hangup(self, now: float, *, status: int = 603, reason: str | None = None, headers: Headers = ()) -> None:
        """End it whatever its state: CANCEL, BYE, or (incoming, unanswered) a refusal with ``status``.

        CallEnded is emitted at once, CallReleased when the peer has confirmed. In an ended session it does nothing. A
        CANCEL waits by itself for the first provisional response (RFC 3261 s9.1), a BYE for the ACK (s15). ``headers``
        (Reason, ...) go into the BYE, the CANCEL or the refusal.
        """
        headers = checked(headers, reason)
        if self.ended:
            return
        if self.setup is None:
            self.end(now, EndCause.HANGUP, "local", 0, "")
        self.leave(now, headers, status, reason)

    def reinvite(self, sdp: bytes | None, now: float, *, headers: Headers = ()) -> None:
        """Send a re-INVITE with our new offer (None: ask for one). CallOfferAnswered follows, glare (491) being
        retried.

        Raises InvalidState before the session is confirmed, and while another change is under way (s14.1).
        """
        self._expect_confirmed("change the session")
        self._change("INVITE", sdp, headers, now)

    def update(self, sdp: bytes | None, now: float, *, headers: Headers = ()) -> None:
        """Send an UPDATE with our new offer (None: only refresh), RFC 3311. CallOfferAnswered follows.

        It may be sent before the answer too, once an early dialog has its first offer and answer. Not every peer knows
        UPDATE: see Allow of its messages.
        """
        early = self.state == SessionState.EARLY and self.dialog is not None and self.offer_answer.remote is not None
        if not early:
            self._expect_confirmed("update the session")
        self._change("UPDATE", sdp, headers, now)

    def _change(self, method: str, sdp: bytes | None, headers: Headers, now: float) -> None:
        if self.local_change or self.remote_change or self.offer_answer.state != OfferAnswerState.STABLE:
            raise InvalidState("another change of the session is under way", step="change the session")
        self.local_change = LocalChange(self, method, sdp, checked(headers))
        self.local_change.send(now)

    def answer_offer(self, sdp: bytes, now: float, *, headers: Headers = ()) -> None:
        """Accept a CallOfferReceived with our answer (or with our offer, if it had none)."""
        self._expect_offer("answer the peer's offer").accept(sdp, checked(headers), now)

    def reject_offer(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse a CallOfferReceived (488, ...): the session goes on as before."""
        if not 300 <= status <= 699:
            raise InvalidArgument(f"{status} is no failure status from 300 to 699", step="refuse the peer's offer")
        self._expect_offer("refuse the peer's offer").refuse(status, reason, checked(headers, reason), now)

    def send_request(
        self, method: str, now: float, *, headers: Headers = (), body: bytes = b"", content_type: str | None = None,
        owner: Any = None,
    ) -> ClientRequest:
        """Send a request in the dialog (INFO, MESSAGE, ...); its end comes as ResponseReceived."""
        if method in _OWN_METHODS:
            raise InvalidArgument(f"{method} is sent by the session itself", step=f"send {method}")
        self._expect_confirmed(f"send {method}")
        client_request = self._dialog_request(method, headers, body, content_type, owner)
        client_request.send(now)
        return client_request

    def transfer(self, target: str, now: float, *, headers: Headers = ()) -> OutgoingTransfer:
        """Ask the peer to call ``target``, a URI, instead (REFER, RFC 3515); TransferProgress tells how that fares."""
        self._expect_confirmed("transfer the call")
        transfer = OutgoingTransfer(self, f"<{target}>")
        hidden = self.direction == "outgoing" and self.local_uri == ANONYMOUS.uri
        named = () if hidden else (("Referred-By", f"<{self.identity.aor}>"),)
        parts = (("Refer-To", transfer.target), *named, *headers)
        request, hop = dialog_request(self.endpoint, self.identity, self.established_dialog, "REFER", headers=parts)
        self.transfers = (*self.transfers, transfer)
        transfer.send(self.client_request(request, hop, transfer), now)
        return transfer

    def transfer_to(self, other: InviteSession, now: float, *, headers: Headers = ()) -> OutgoingTransfer:
        """Join the peers of two calls of ours: this one's is to call the other's, in place of us (attended
        transfer)."""
        self._expect_confirmed("transfer the call")
        target = other.established_dialog.target if other.dialog is not None else other.remote_uri
        return self.transfer(f"{target.partition('?')[0]}?Replaces={replaces_value(other)}", now, headers=headers)

    # -- the end

    def end(
        self, now: float, cause: EndCause, by: str, status: int, reason: str,
        message: Request | Response | None = None, contacts: tuple[str, ...] = (), sent: Request | None = None,
    ) -> None:
        """Tell the end, once. The dialog stays until ``release``. For the parts."""
        if self.state == SessionState.ENDED:
            return
        self.state = SessionState.ENDED
        self.request = None
        self.replaces = None
        self.transfers = ()
        stop_timer(self)
        if self.local_change is not None:
            self.local_change.stop(now)
            self.local_change = None
        if self.remote_change is not None:
            self.remote_change.stop(now)
            self.remote_change = None
        self.endpoint.emit(CallEnded(self, cause, status, reason, by, message, contacts, sent))

    def leave(self, now: float, headers: Headers = (), status: int = 603, reason: str | None = None) -> None:
        """Send what ends the session in its present state: a refusal, a CANCEL or a BYE. For the parts."""
        setup = self.setup
        if setup is None:
            self.send_bye(now, headers)
        elif isinstance(setup, OutgoingSetup):
            setup.handle(OutgoingInput.HANGUP, headers, now)
        elif setup.waiting:
            answering.refuse(self, status, reason, headers, now)
        else:
            setup.handle(IncomingInput.HANGUP, headers, now)

    def replaced(self, now: float) -> None:
        """Another session has taken the place of this one (RFC 3891 s3). For the parts."""
        if not self.ended:
            self.end(now, EndCause.REPLACED, "remote", 0, "")
            self.leave(now)

    def ended_by_peer(self, request: Request, now: float) -> None:
        """A BYE came, and has been answered. For the parts."""
        status, reason = reason_of(request)
        self.end(now, EndCause.HANGUP, "remote", status, reason, request)
        self.release(now)

    def send_bye(self, now: float, headers: Headers = ()) -> None:
        """Send the BYE of a session that has ended for the user; that released, so is the session. For the parts."""
        self.setup = None
        self._dialog_request("BYE", headers, b"", None, None).send(now)

    def release(self, now: float, status: int = 0, *, tell: bool = False) -> None:
        """Forget the session. ``tell`` the driver the outcome of a hang-up. For the parts."""
        if self.released:
            return
        self.released = True
        self.setup = None
        self.endpoint.forget_session(self)
        if tell:
            self.endpoint.emit(CallReleased(self, status))

    # -- requests within the dialog

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK to a 2xx of ours."""
        cseq = request.cseq.number
        if isinstance(self.setup, IncomingSetup):
            if self.setup.awaits_ack(cseq):
                self.setup.handle(IncomingInput.ACK, request, now)
        elif self.remote_change is not None and self.remote_change.awaits_ack(cseq):
            self.remote_change.on_ack(request, now)

    def refresh(self, method: str, now: float) -> None:
        """Refresh the session, without changing it (RFC 4028 s7.4). For the session timer."""
        offer = self.offer_answer.local if method == "INVITE" else None
        self.local_change = LocalChange(self, method, offer, (), refresh=True)
        self.local_change.send(now)

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
        request, hop = dialog_request(
            self.endpoint, self.identity, self.established_dialog, method, headers=headers, body=body,
            content_type=content_type,
        )
        return self.client_request(request, hop, self, owner)

    # -- checks

    def _expect_confirmed(self, step: str) -> None:
        if self.state != SessionState.CONFIRMED:
            raise InvalidState(f"the call is {self.state.name}, not CONFIRMED", step=step)

    def _expect_offer(self, step: str) -> RemoteChange:
        if self.remote_change is None or not self.remote_change.awaits_answer:
            raise InvalidState("no offer of the peer waits for an answer", step=step)
        return self.remote_change
