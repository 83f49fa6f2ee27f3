"""A request delivered to the driver, to be answered by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InvalidState
from ..builder import response_to
from ..headers import header_key
from .uac_core import CONTACT_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..endpoint import Endpoint
    from ..hop import Source
    from ..message import Request
    from ..transaction.server import ServerTransaction
    from .invite_session import InviteSession


class IncomingRequest:
    """A non-INVITE request that waits for our response."""

    __slots__ = ("_endpoint", "_session", "_tag", "_transaction", "request")

    def __init__(
        self, endpoint: Endpoint, transaction: ServerTransaction, request: Request, session: InviteSession | None,
    ) -> None:
        self._endpoint = endpoint
        self._session = session
        self._transaction = transaction
        self._tag = None if request.to.tag is not None else endpoint.ids.tag()
        self.request = request

    @property
    def source(self) -> Source:
        """Where it came from."""
        return self._transaction.source

    @property
    def answered(self) -> bool:
        """Whether a final response has been sent, or can not be sent any more."""
        return self._transaction.answered

    def respond(
        self, status: int, now: float, *, reason: str | None = None, headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"", content_type: str | None = None,
    ) -> None:
        """Answer with 101-699. A second final response raises InvalidState.

        A 2xx to a request that makes or refreshes a dialog has our Contact unless ``headers`` bring another.
        """
        if self._transaction.answered:
            raise InvalidState("the request has been answered", step=f"answer {self.request.method}")
        headers = tuple(headers)
        contact = None
        named = any(header_key(name) == "contact" for name, _ in headers)
        if 200 <= status < 300 and self.request.method in CONTACT_METHODS and not named:
            contact = self._endpoint.core.contact_towards(self._transaction.source, self.request)
        response = response_to(
            self.request, status, reason, to_tag=self._tag, contact=contact,
            headers=(*self._endpoint.response_headers, *headers), body=body, content_type=content_type,
        )
        self._transaction.respond(response, now)

    def decline(self, now: float) -> None:
        """Answer as the core does where nobody else does: OPTIONS with what we can, others with 405, 481, 489, 501."""
        if not self._transaction.answered:
            self._endpoint.core.answer_other(self._transaction, self.request, self._session, now)
