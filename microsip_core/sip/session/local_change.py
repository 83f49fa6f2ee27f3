"""A change or refresh of the session that we ask for: re-INVITE (RFC 3261 s14.1) or UPDATE (RFC 3311 s5.1).

While a change of either side is under way the other side refuses a second one with 491. Then both wait, for times that
can not be equal: the one who made the Call-ID 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms; and try again unless a
change of the peer came first.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from ..events import CallOfferAnswered, EndCause
from .acknowledgement import Acknowledgement
from .client_request import ClientRequest
from .offer_answer import OfferAnswerState, sdp_of
from .session_timer import lengthen, request_headers, take_response
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..message import Response
    from ..timers import Timer
    from .invite_session import InviteSession

MAX_TRIES = 10


class ChangeTimer(IntEnum):
    """What a change waits for."""

    AGAIN = 0
    """The next try after glare."""
    PATIENCE = 1
    """A final response to a re-INVITE that got a provisional one."""


class LocalChange:
    """One re-INVITE or UPDATE of ours, repeated after glare, until its answer is acknowledged or it failed.

    ``offer`` None: a re-INVITE then asks for an offer, an UPDATE only refreshes. ``refresh``: the session timer asked
    for it, so that an answer that changes nothing is not worth an event.
    """

    __slots__ = (
        "_acknowledgement", "_headers", "_method", "_offer", "_refresh", "_request", "_session", "_timer", "_tries",
        "_waiting",
    )

    def __init__(
        self, session: InviteSession, method: str, offer: bytes | None, headers: tuple[tuple[str, str], ...], *,
        refresh: bool = False,
    ) -> None:
        self._session = session
        self._method = method
        self._offer = offer
        self._headers = headers
        self._refresh = refresh
        self._request: ClientRequest | None = None
        self._acknowledgement: Acknowledgement | None = None
        self._timer: Timer | None = None
        self._waiting = False
        self._tries = 0

    @property
    def awaits_answer(self) -> bool:
        """Whether the peer's offer in a 2xx waits for our answer in the ACK."""
        return self._acknowledgement is not None

    @property
    def in_flight(self) -> bool:
        """Whether the request is out, and does not just wait for its next try."""
        return not self._waiting

    def send(self, now: float) -> None:
        """Send the request."""
        session = self._session
        endpoint = session.endpoint
        dialog = session.established_dialog
        request, hop = dialog_request(
            endpoint, session.identity, dialog, self._method,
            headers=(*endpoint.invite_headers, *request_headers(session), *self._headers), body=self._offer or b"",
            content_type="application/sdp" if self._offer is not None else None,
        )
        if self._offer is not None:
            session.offer_answer.offer(self._offer)
        self._tries += 1
        self._request = ClientRequest(
            endpoint, session.identity, request, hop, self, dialog=dialog, nonces=session.usage_nonces(),
        )
        self._request.send(now)
        if self._method == "INVITE" and endpoint.config.answer_timeout is not None:
            self._schedule(now + endpoint.config.answer_timeout, ChangeTimer.PATIENCE)

    def stop(self, now: float) -> None:
        """The session is over: no more tries, and no open INVITE."""
        self._stop_timer()
        if self._request is not None and self._method == "INVITE":
            self._request.cancel(now)

    def acknowledge(self, sdp: bytes, now: float) -> None:
        """Send the ACK with our answer to the offer of the 2xx."""
        self._session.offer_answer.answer(sdp)
        self._acknowledge(sdp)
        self._session.local_change = None

    # -- what others report

    def on_timer(self, kind: int, now: float) -> None:
        """Try again after glare, unless the peer's own change is under way just then; or lose patience."""
        self._timer = None
        session = self._session
        if kind == ChangeTimer.PATIENCE:
            if self._request is not None:
                self._request.cancel(now)
        elif session.remote_change is not None or session.offer_answer.state != OfferAnswerState.STABLE:
            self._wait(now)
        else:
            self._waiting = False
            self.send(now)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to a change tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The final response, or none."""
        session = self._session
        self._stop_timer()
        if response is not None and status < 300:
            self._succeeded(response, now)
            return
        if self._offer is not None:
            session.offer_answer.withdraw()
        if session.ended:
            return
        if self._tries < MAX_TRIES:
            if status == 491 or (status == 500 and response is not None and "Retry-After" in response):
                self._wait(now)
                return
            if status == 422 and response is not None and lengthen(session, response):
                self.send(now)
                return
        session.local_change = None
        if not self._refresh:
            session.endpoint.emit(CallOfferAnswered(session, status, reason, None, response))
        if status in (408, 481) or response is None:
            # s14.1: the peer has lost the dialog, or is gone
            lost = EndCause.DIALOG_LOST if status == 481 else cause or EndCause.TIMEOUT
            session.end(now, lost, "remote" if response is not None else "timeout", status, reason, response)
            session.send_bye(now)

    # -- success

    def _succeeded(self, response: Response, now: float) -> None:
        session = self._session
        session.established_dialog.refresh_target(response)
        if self._method == "INVITE":
            self._take_over(response)
        if session.ended:
            self._acknowledge(None)
            return
        take_response(session, response, now)
        sdp = sdp_of(response)
        if self._method == "INVITE" and self._offer is None and sdp is not None:
            session.offer_answer.take_offer(sdp)
            self._tell(response, sdp, is_offer=True)
            return
        self._acknowledge(None)
        session.local_change = None
        if self._offer is None and self._method == "UPDATE":
            self._tell(response, None)
        elif sdp is None:
            session.offer_answer.withdraw()
            session.end(now, EndCause.NEGOTIATION, "local", response.status, "no session description", response)
            session.send_bye(now)
        else:
            changed = sdp != session.offer_answer.remote
            session.offer_answer.take_answer(sdp)
            if changed or not self._refresh:
                self._tell(response, sdp)

    def _tell(self, response: Response, sdp: bytes | None, *, is_offer: bool = False) -> None:
        if sdp is not None or not self._refresh:
            session = self._session
            session.endpoint.emit(
                CallOfferAnswered(session, response.status, response.reason, sdp, response, is_offer=is_offer)
            )

    def _take_over(self, response: Response) -> None:
        """Hand what else may come for this INVITE to its Acknowledgement."""
        session, request = self._session, self._request
        assert request is not None
        assert request.transaction is not None
        self._acknowledgement = request.transaction.owner = Acknowledgement(
            session.endpoint, session.identity, request, session.established_dialog.remote_tag,
        )

    def _acknowledge(self, sdp: bytes | None) -> None:
        if self._acknowledgement is not None and self._request is not None:
            cseq = self._request.request.cseq.number
            self._acknowledgement.acknowledge(self._session.established_dialog, cseq, sdp)

    # -- waiting

    def _wait(self, now: float) -> None:
        low, high = (2.1, 4.0) if self._session.direction == "outgoing" else (0.0, 2.0)
        self._waiting = True
        self._schedule(now + round(self._session.endpoint.ids.uniform(low, high), 2), ChangeTimer.AGAIN)

    def _schedule(self, when: float, kind: ChangeTimer) -> None:
        self._timer = self._session.endpoint.layer.timer_heap.schedule(when, self, kind)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._session.endpoint.layer.timer_heap.cancel(self._timer)
            self._timer = None
