"""A request delivered to the driver, to be answered by it."""

from __future__ import annotations

from collections.abc import Iterable

from ..message import Request


class IncomingRequest:
    """A non-INVITE request that waits for our response."""

    request: Request

    def respond(
        self, status: int, now: float, *, reason: str | None = None, headers: Iterable[tuple[str, str]] = (), body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer with 101-699. A second final response raises InvalidState."""
        raise NotImplementedError
