"""A change of the session that the peer asks for: re-INVITE (RFC 3261 s14.2), or an offer in UPDATE (RFC 3311) or
PRACK (RFC 3262)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..builder import response_to
from ..events import CallOfferAnswered, EndCause
from .offer_answer import OfferAnswerState, sdp_of
from .session_timer import answer_headers
from .success_response import SuccessResponse

if TYPE_CHECKING:
    from ..message import Request
    from ..transaction.server import ServerTransaction
    from .invite_session import Headers, InviteSession


class RemoteChange:
    """A request of the peer that offers or asks for an offer, until our refusal, our 2xx, or the ACK to it."""

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
        """Send a 2xx with our answer, or with our offer if the request had none."""
        session = self._session
        if session.offer_answer.state == OfferAnswerState.OFFER_RECEIVED:
            session.offer_answer.answer(sdp)
        else:
            session.offer_answer.offer(sdp)
        headers = (*answer_headers(session, self.request, now), *headers)
        response = session.invite_response(self.request, 200, None, headers, sdp)
        if self.request.method == "INVITE":
            cseq = self.request.cseq.number
            self._success = SuccessResponse(session.endpoint.layer, self._transaction, response, cseq, self, now)
        else:
            session.remote_change = None
            self._transaction.owner = None
            self._transaction.respond(response, now)

    def refuse(self, status: int, reason: str | None, headers: Headers, now: float) -> None:
        """Send a failure response: what was agreed before stays in force."""
        session = self._session
        session.offer_answer.withdraw()
        session.remote_change = None
        self._respond(status, reason, headers, now)

    def stop(self, now: float) -> None:
        """The session is over. A request not yet answered is answered now (s15.1.2)."""
        if self._success is not None:
            self._stop_repeating()
        elif not self._transaction.answered:
            self._respond(487 if self.request.method == "INVITE" else 481, None, (), now)

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
        """It could not be answered: nothing has changed."""
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

    # -- inside

    def _respond(self, status: int, reason: str | None, headers: Headers, now: float) -> None:
        common = self._session.endpoint.response_headers
        self._transaction.owner = None
        self._transaction.respond(response_to(self.request, status, reason, headers=(*common, *headers)), now)

    def _stop_repeating(self) -> None:
        if self._success is not None:
            self._success.stop()
            self._success = None
