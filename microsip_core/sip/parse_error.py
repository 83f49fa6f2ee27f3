"""The error that says what is wrong with a received SIP message, and the status to answer it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ParseError

if TYPE_CHECKING:
    from .message import Request


class SipParseError(ParseError):
    """A received message, header value or URI is malformed or exceeds a limit.

    ``status`` is the response to send when it was a request (RFC 3261 s21.4), ``reason`` its reason phrase, made of our
    own words only. ``request_head`` is the request as far as it could be read, for answering; None when it was no
    request.
    """

    def __init__(self, status: int, reason: str, request_head: Request | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.request_head = request_head
