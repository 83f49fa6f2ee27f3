"""Server transactions: what the INVITE and the non-INVITE kind have in common."""

from __future__ import annotations

from typing import Any

from ..hop import Source
from ..message import Request, Response


class ServerTransaction:
    """A request of a peer and our responses to it."""

    request: Request | None
    """None once a final response has been sent: keep what you need."""
    source: Source
    owner: Any

    def respond(self, response: Response, now: float) -> None:
        """Send a response. After a final one, only further 2xx of an INVITE pass (RFC 6026 s7.1: a proxy's); others are dropped."""
        raise NotImplementedError
