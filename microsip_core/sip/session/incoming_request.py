"""A request delivered to the driver, to be answered by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InvalidState
from ..builder import response_to

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..endpoint import Endpoint
    from ..message import Request
    from ..transaction.server import ServerTransaction


class IncomingRequest:
    """A non-INVITE request that waits for our response."""

    __slots__ = ("_endpoint", "_tag", "_transaction", "request")

    def __init__(self, endpoint: Endpoint, transaction: ServerTransaction, request: Request) -> None:
        self._endpoint = endpoint
        self._transaction = transaction
        self._tag = None if request.to.tag is not None else endpoint.ids.tag()
        self.request = request

    @property
    def answered(self) -> bool:
        """Whether a final response has been sent, or can not be sent any more."""
        return self._transaction.answered

    def respond(
        self, status: int, now: float, *, reason: str | None = None, headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"", content_type: str | None = None,
    ) -> None:
        """Answer with 101-699. A second final response raises InvalidState."""
        if self._transaction.answered:
            raise InvalidState("the request has been answered", step=f"answer {self.request.method}")
        response = response_to(
            self.request, status, reason, to_tag=self._tag, headers=(*self._endpoint.response_headers, *headers),
            body=body, content_type=content_type,
        )
        self._transaction.respond(response, now)
