"""A change of the session that we ask for: re-INVITE (RFC 3261 s14.1).

While a change of either side is under way the other side refuses a second one with 491. Then both wait, for times that
can not be equal: the one who made the Call-ID 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms; and try again unless
a change of the peer came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import CallOfferAnswered, EndCause
from .acknowledgement import Acknowledgement
from .client_request import ClientRequest
from .offer_answer import sdp_of
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..message import Response
    from ..timers import Timer
    from .invite_session import Headers, InviteSession

MAX_TRIES = 10


class LocalChange:
    """One re-INVITE of ours, repeated after glare, until its answer is acknowledged or it failed."""

    __slots__ = ("_acknowledgement", "_headers", "_offer", "_request", "_session", "_timer", "_tries")

    def __init__(self, session: InviteSession, offer: bytes | None, headers: Headers) -> None:
        self._session = session
        self._offer = offer
        self._headers = tuple(headers)
        self._request: ClientRequest | None = None
        self._acknowledgement: Acknowledgement | None = None
        self._timer: Timer | None = None
        self._tries = 0

    @property
    def awaits_answer(self) -> bool:
        """Whether the peer's offer in a 2xx waits for our answer in the ACK."""
        return self._acknowledgement is not None

    @property
    def in_flight(self) -> bool:
        """Whether the re-INVITE is out, and does not just wait for its next try."""
        return self._timer is None

    def send(self, now: float) -> None:
        """Send the re-INVITE."""
        session = self._session
        dialog = session.established_dialog
        request, hop = dialog_request(
            session.endpoint, session.identity, dialog, "INVITE",
            headers=(*session.endpoint.invite_headers, *self._headers), body=self._offer or b"",
            content_type="application/sdp" if self._offer is not None else None,
        )
        if self._offer is not None:
            session.offer_answer.offer(self._offer)
        self._tries += 1
        self._request = ClientRequest(
            session.endpoint, session.identity, request, hop, self, dialog=dialog, nonces=session.usage_nonces(),
        )
        self._request.send(now)

    def stop(self) -> None:
        """The session is over: no more tries."""
        if self._timer is not None:
            self._session.endpoint.layer.timer_heap.cancel(self._timer)
            self._timer = None

    def acknowledge(self, sdp: bytes, now: float) -> None:
        """Send the ACK with our answer to the offer of the 2xx."""
        self._session.offer_answer.answer(sdp)
        self._acknowledge(sdp)
        self._session.local_change = None

    # -- what others report

    def on_timer(self, kind: int, now: float) -> None:
        """Try again after glare, unless the peer's own change is under way just then."""
        self._timer = None
        if self._session.remote_change is not None:
            self._wait(now)
        else:
            self.send(now)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to a re-INVITE tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The final response, or none."""
        session = self._session
        if response is not None and status < 300:
            self._succeeded(response, now)
            return
        session.offer_answer.withdraw()
        if session.ended:
            return
        if status == 491 and self._tries < MAX_TRIES:
            self._wait(now)
            return
        session.local_change = None
        session.endpoint.emit(CallOfferAnswered(session, status, reason, None, response))
        if status in (408, 481) or response is None:
            # s14.1: the peer has lost the dialog, or is gone
            lost = EndCause.DIALOG_LOST if status == 481 else cause or EndCause.TIMEOUT
            session.end(now, lost, "remote" if response is not None else "timeout", status, reason, response)
            session.send_bye(now)

    # -- inside

    def _wait(self, now: float) -> None:
        low, high = (2.1, 4.0) if self._session.direction == "outgoing" else (0.0, 2.0)
        delay = round(self._session.endpoint.ids.uniform(low, high), 2)
        self._timer = self._session.endpoint.layer.timer_heap.schedule(now + delay, self, 0)

    def _succeeded(self, response: Response, now: float) -> None:
        session = self._session
        request = self._request
        assert request is not None
        assert request.transaction is not None
        dialog = session.established_dialog
        dialog.refresh_target(response)
        self._acknowledgement = request.transaction.owner = Acknowledgement(
            session.endpoint, session.identity, request.request, session.nonces, dialog.remote_tag,
        )
        if session.ended:
            self._acknowledge(None)
            return
        sdp = sdp_of(response)
        if self._offer is None and sdp is not None:
            session.offer_answer.take_offer(sdp)
            session.endpoint.emit(
                CallOfferAnswered(session, response.status, response.reason, sdp, response, is_offer=True)
            )
            return
        self._acknowledge(None)
        session.local_change = None
        if sdp is None:
            session.offer_answer.withdraw()
            session.end(now, EndCause.NEGOTIATION, "local", response.status, "no session description", response)
            session.send_bye(now)
            return
        session.offer_answer.take_answer(sdp)
        session.endpoint.emit(CallOfferAnswered(session, response.status, response.reason, sdp, response))

    def _acknowledge(self, sdp: bytes | None) -> None:
        assert self._acknowledgement is not None
        assert self._request is not None
        self._acknowledgement.acknowledge(self._session.established_dialog, self._request.request.cseq.number, sdp)
