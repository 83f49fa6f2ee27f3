"""Reliable provisional responses and their PRACK (RFC 3262), both roles.

The answering side numbers such responses (RSeq), repeats each at T1, 2*T1, 4*T1 ... until its PRACK, and sends no
second one before that. Without a PRACK within 64*T1 the INVITE is refused (s3). The calling side acknowledges those
that come in order, in the early dialog they belong to (s4).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .client_request import ClientRequest
from .uac_core import dialog_request

if TYPE_CHECKING:
    from ..dialog.dialog import Dialog
    from ..events import EndCause
    from ..message import Request, Response
    from ..timers import Timer
    from ..transaction.server import ServerTransaction
    from .incoming_setup import IncomingSetup
    from .invite_session import InviteSession

_LAST_RSEQ = 0x7FFFFFFF


class ReliableResponses:
    """The reliable provisional responses of one INVITE we are about to answer."""

    __slots__ = (
        "_deadline", "_interval", "_rseq", "_session", "_setup", "_timer", "_transaction", "_unsent", "current",
    )

    def __init__(self, session: InviteSession, setup: IncomingSetup, transaction: ServerTransaction) -> None:
        self._session = session
        self._setup = setup
        self._transaction = transaction
        self._rseq = int(session.endpoint.ids.uniform(1, 1_000_000))
        self._unsent: deque[Response] = deque()
        self._timer: Timer | None = None
        self._interval = 0.0
        self._deadline = 0.0
        self.current: Response | None = None
        """The response that waits for its PRACK."""

    @property
    def holds_description(self) -> bool:
        """Whether a response with a session description is not acknowledged yet: then no 2xx may be sent (s3)."""
        waiting = (self.current, *self._unsent)
        return any(response is not None and response.body for response in waiting)

    def send(self, response: Response, now: float) -> None:
        """Send a response reliably, now or when the one before it is acknowledged."""
        if self.current is not None:
            self._unsent.append(response)
            return
        timers = self._session.endpoint.config.timers
        self._rseq += 1
        response.add("Require", "100rel")
        response.add("RSeq", str(self._rseq))
        self.current = response
        self._interval = timers.t1
        self._deadline = now + timers.timeout
        self._transmit(now)

    def matches(self, prack: Request) -> bool:
        """Whether a PRACK is for the response that waits (s3)."""
        numbers = (prack.get("RAck") or "").split()
        return self.current is not None and numbers == [str(self._rseq), str(self._setup.request.cseq.number), "INVITE"]

    def acknowledged(self, now: float) -> None:
        """The PRACK is here: send the next response that waited."""
        self._cancel_timer()
        self.current = None
        if self._unsent:
            self.send(self._unsent.popleft(), now)

    def stop(self) -> None:
        """Repeat no more: a final response is due. A PRACK under way is still expected."""
        self._unsent.clear()
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._session.endpoint.layer.timer_heap.cancel(self._timer)
            self._timer = None

    def on_timer(self, kind: int, now: float) -> None:
        """Send it again, or give up."""
        self._timer = None
        if now >= self._deadline:
            self.stop()
            self._setup.on_no_ack(now)
            return
        self._interval *= 2
        self._transmit(now)

    def _transmit(self, now: float) -> None:
        when = min(now + self._interval, self._deadline)
        self._timer = self._session.endpoint.layer.timer_heap.schedule(when, self, 0)
        if self.current is not None:
            self._transaction.respond(self.current, now)


class Prack:
    """A PRACK of ours; it has no offer, so nothing is to be learned from its response."""

    __slots__ = ()

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """Nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """Where it failed, the INVITE will fail too: the peer sees to that."""


def send_prack(session: InviteSession, dialog: Dialog, response: Response, sdp: bytes | None, now: float) -> None:
    """Acknowledge a reliable response, with our answer if it brought an offer (s4, s5)."""
    endpoint = session.endpoint
    request, hop = dialog_request(
        endpoint, session.identity, dialog, "PRACK",
        headers=(("RAck", f"{response.get('RSeq')} {response.cseq.number} INVITE"),), body=sdp or b"",
        content_type="application/sdp" if sdp else None,
    )
    client_request = ClientRequest(
        endpoint, session.identity, request, hop, Prack(), dialog=dialog, nonces=session.usage_nonces(),
    )
    client_request.send(now)


def reliable_sequence(response: Response) -> int | None:
    """Return the RSeq of a response that has to be acknowledged by PRACK; None for others, and malformed ones."""
    if not any(tag.lower() == "100rel" for tag in response.get_all("Require")):
        return None
    text = response.get("RSeq") or ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    return number if 0 < number <= _LAST_RSEQ else None


def supports_reliable(request: Request) -> bool:
    """Whether the sender of an INVITE understands reliable provisional responses."""
    tags = request.get_all("Supported") + request.get_all("Require")
    return any(tag.lower() == "100rel" for tag in tags)


def requires_reliable(request: Request) -> bool:
    """Whether the sender of an INVITE insists on reliable provisional responses."""
    return any(tag.lower() == "100rel" for tag in request.get_all("Require"))
