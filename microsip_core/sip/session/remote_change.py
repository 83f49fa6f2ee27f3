"""A change of the session that the peer asks for: re-INVITE received (RFC 3261 s14.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import CallOfferAnswered, EndCause
from .offer_answer import OfferAnswerState, sdp_of
from .success_response import SuccessResponse

if TYPE_CHECKING:
    from ..message import Request
    from ..transaction.server import ServerTransaction
    from .invite_session import Headers, InviteSession


class RemoteChange:
    """A re-INVITE of the peer, until our refusal, or the ACK to our 2xx."""

    __slots__ = ("_session", "_success", "_transaction", "request")

    def __init__(self, session: InviteSession, transaction: ServerTransaction, request: Request) -> None:
        self._session = session
        self._transaction = transaction
        self._success: SuccessResponse | None = None
        transaction.owner = self
        self.request = request

    @property
    def awaits_answer(self) -> bool:
        """Whether our user still has to say what we make of it."""
        return self._success is None and not self._transaction.answered

    def accept(self, sdp: bytes, headers: Headers, now: float) -> None:
        """Send a 2xx with our answer, or with our offer if the re-INVITE had none."""
        offer_answer = self._session.offer_answer
        if offer_answer.state == OfferAnswerState.OFFER_RECEIVED:
            offer_answer.answer(sdp)
        else:
            offer_answer.offer(sdp)
        session = self._session
        response = session.invite_response(self.request, 200, None, headers, sdp)
        cseq = self.request.cseq.number
        self._success = SuccessResponse(session.endpoint.layer, self._transaction, response, cseq, self, now)

    def refuse(self, status: int, reason: str | None, headers: Headers, now: float) -> None:
        """Send a failure response: what was agreed before stays in force."""
        session = self._session
        session.offer_answer.withdraw()
        session.remote_change = None
        self._transaction.respond(session.invite_response(self.request, status, reason, headers, None), now)
        self._transaction.owner = None

    def stop(self, now: float) -> None:
        """The session is over. A re-INVITE not yet answered is answered now (s15.1.2)."""
        if self._success is not None:
            self._stop_repeating()
        elif not self._transaction.answered:
            self._transaction.respond(self._session.invite_response(self.request, 487, None, (), None), now)
            self._transaction.owner = None

    # -- what others report

    @property
    def local_tag(self) -> str:
        """Our tag in this dialog."""
        return self._session.established_dialog.local_tag

    def on_cancel(self, request: Request, now: float) -> None:
        """The peer has canceled its re-INVITE."""
        if self.awaits_answer:
            self.refuse(487, None, (), now)

    def on_server_failure(self, error: str, now: float) -> None:
        """Our refusal could not be sent: nothing has changed."""
        self._session.offer_answer.withdraw()
        self._session.remote_change = None

    def awaits_ack(self, cseq: int) -> bool:
        """Whether an ACK with this CSeq number is for us."""
        return self._success is not None and self._success.cseq == cseq

    def on_ack(self, ack: Request, now: float) -> None:
        """The ACK to our 2xx, with the answer if the offer was ours."""
        session = self._session
        self._stop_repeating()
        session.remote_change = None
        if session.offer_answer.state != OfferAnswerState.OFFERED:
            return
        sdp = sdp_of(ack)
        if sdp is None:
            session.offer_answer.withdraw()
            session.end(now, EndCause.NEGOTIATION, "local", 0, "no answer in the ACK", ack)
            session.send_bye(now)
            return
        session.offer_answer.take_answer(sdp)
        session.endpoint.emit(CallOfferAnswered(session, 200, "OK", sdp, None))

    def on_no_ack(self, now: float) -> None:
        """Our 2xx was repeated in vain (s14.2 refers to s13.3.1.4)."""
        session = self._session
        self._success = None
        session.remote_change = None
        session.end(now, EndCause.NO_ACK, "timeout", 0, "no ACK")
        session.send_bye(now)

    def _stop_repeating(self) -> None:
        if self._success is not None:
            self._success.stop()
            self._success = None
