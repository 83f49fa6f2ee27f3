"""Client transactions: what the INVITE and the non-INVITE kind have in common."""

from __future__ import annotations

from typing import Any

from ..hop import Hop
from ..message import Request


class ClientTransaction:
    """A request of ours and what came of it."""

    request: Request
    hop: Hop
    owner: Any

    def cancel(self, now: float) -> ClientTransaction | None:
        """Send a CANCEL for this INVITE (s9.1), as soon as a provisional response is there; None if it is too late or waits for one."""
        raise NotImplementedError
