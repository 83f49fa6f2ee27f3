"""Where an INVITE session stands, as its driver sees it."""

from __future__ import annotations

from enum import IntEnum


class SessionState(IntEnum):
    """Where a session stands; ``CONFIRMED`` is a call with both sides agreed."""

    CALLING = 0
    """Outgoing: INVITE sent, nothing but perhaps 100 heard."""
    INCOMING = 1
    """Incoming: no response of ours yet but perhaps 100."""
    EARLY = 2
    """A provisional response 101-199 was received or sent."""
    CONNECTING = 3
    """A 2xx was received (ACK of a late offer owed) or sent (no ACK yet)."""
    CONFIRMED = 4
    ENDED = 5
