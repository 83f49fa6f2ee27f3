"""One call: an INVITE session of either role, from the first INVITE to the BYE."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from ..message import Request
from .client_request import ClientRequest

Headers = Iterable[tuple[str, str]]


class SessionState(IntEnum):
    """Where a session stands; ``CONFIRMED`` is a call with both sides agreed."""

    CALLING = 0
    """Outgoing: INVITE sent, nothing but perhaps 100 heard."""
    INCOMING = 1
    """Incoming: not answered yet."""
    EARLY = 2
    """A provisional response 101-199 was received or sent."""
    CONNECTING = 3
    """A 2xx was received (ACK of a late offer owed) or sent (no ACK yet)."""
    CONFIRMED = 4
    ENDED = 5


class InviteSession:
    """A call. Commands raise InvalidState when the session is in no state for them; ``hangup`` never does."""

    call_id: str
    direction: str
    """"outgoing" or "incoming"."""
    state: SessionState
    request: Request | None
    """The INVITE that started it (incoming: theirs; outgoing: the last one sent), until the session is confirmed."""
    local_uri: str
    remote_uri: str
    remote_display_name: str | None
    local_sdp: bytes | None
    remote_sdp: bytes | None
    """The offer and answer now in force (in an early dialog: the preview)."""
    owner: Any
    """Free for the driver."""

    # -- incoming, before the answer

    def progress(self, status: int, now: float, *, reason: str | None = None, sdp: bytes | None = None, headers: Headers = ()) -> None:
        """Send a provisional response (101-199): 180 rings, 183 with ``sdp`` is early media (or early answer)."""
        raise NotImplementedError

    def accept(self, sdp: bytes | None, now: float, *, status: int = 200, headers: Headers = ()) -> None:
        """Answer. ``sdp`` is our answer, or our offer where the INVITE had none; None only if the answer went out
        before reliably."""
        raise NotImplementedError

    def reject(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse with 300-699 (redirect: 302 with Contact headers). CallEnded follows."""
        raise NotImplementedError

    # -- outgoing

    def acknowledge(self, sdp: bytes, now: float) -> None:
        """Send the ACK with our answer to an offer that came in a 2xx (CallAnswered or CallOfferAnswered with
        ``is_offer``)."""
        raise NotImplementedError

    def answer_early_offer(self, sdp: bytes, now: float) -> None:
        """Answer an offer of a reliable provisional response, in its PRACK (CallProgress with ``is_offer``)."""
        raise NotImplementedError

    # -- both

    def hangup(self, now: float, *, status: int = 603, reason: str | None = None, headers: Headers = ()) -> None:
        """End it whatever its state: CANCEL, BYE, or (incoming, unanswered) a refusal with ``status``.

        CallEnded is emitted at once; CallReleased when the peer has confirmed. In an ended session it does nothing. A
        CANCEL waits by itself for the first provisional response (RFC 3261 s9.1), a BYE for the ACK (s15); ``headers``
        (Reason, ...) go into the BYE or CANCEL.
        """
        raise NotImplementedError

    def reinvite(self, sdp: bytes | None, now: float, *, headers: Headers = ()) -> None:
        """Send a re-INVITE with our new offer (None: ask for one). CallOfferAnswered follows, glare (491) being
        retried before."""
        raise NotImplementedError

    def answer_offer(self, sdp: bytes, now: float, *, headers: Headers = ()) -> None:
        """Accept a CallOfferReceived with our answer (or with our offer, if it had none)."""
        raise NotImplementedError

    def reject_offer(self, status: int, now: float, *, reason: str | None = None, headers: Headers = ()) -> None:
        """Refuse a CallOfferReceived (488, ...): the session goes on as before."""
        raise NotImplementedError

    def send_request(
        self, method: str, now: float, *, headers: Headers = (), body: bytes = b"", content_type: str | None = None,
    ) -> ClientRequest:
        """Send a request in the dialog (INFO, MESSAGE, ...); its end comes as ResponseReceived."""
        raise NotImplementedError
