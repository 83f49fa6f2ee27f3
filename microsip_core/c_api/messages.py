"""SIP messages of the C-style API: as structures with all of their headers, from text and back."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.errors import InvalidArgument, ParseError
from microsip_core.sip.grammar import is_token
from microsip_core.sip.header_fields import header_lines
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.parser import parse_message


@dataclass(frozen=True, slots=True)
class SipHeader:
    """sip_header_t: one header line."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SipMessage:
    """sip_message_t. ``headers`` are all header lines in their order; ``via`` to ``contact`` are the first of these, ""
    where there is none, and ``cseq`` is "1 INVITE". A request has ``method`` and ``uri``, a response ``status`` and
    ``reason``. ``from_`` is the structure's ``from``."""

    is_request: bool
    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    via: str = ""
    from_: str = ""
    to: str = ""
    call_id: str = ""
    cseq: str = ""
    contact: str = ""
    headers: tuple[SipHeader, ...] = ()
    body: bytes = b""


def structure_of(message: Request | Response) -> SipMessage:
    """Return a message as a structure."""
    head = message.to_bytes().partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    lines = (line.partition(":") for line in head.split("\r\n")[1:])
    headers = tuple(SipHeader(name.strip(), value.strip()) for name, colon, value in lines if colon)
    via, from_, to, call_id, cseq, contact = (
        message.get(name) or "" for name in ("Via", "From", "To", "Call-ID", "CSeq", "Contact")
    )
    is_request = isinstance(message, Request)
    method, uri = (message.method, message.uri) if isinstance(message, Request) else ("", "")
    status, reason = (message.status, message.reason) if isinstance(message, Response) else (0, "")
    return SipMessage(
        is_request, method, uri, status, reason, via, from_, to, call_id, cseq, contact, headers, message.body,
    )


def parsed(text: str | bytes) -> SipMessage:
    """Return a message from its text. Raises ParseError."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    try:
        return structure_of(parse_message(data))
    except SipParseError as error:
        raise ParseError(f"{error.status} {error.reason}", step="parse") from error


def built(message: SipMessage) -> bytes:
    """Return the octets of a message, from its start line, ``headers`` and ``body``; Content-Length is counted.

    Raises InvalidArgument for what can not stand in a message.
    """
    lines = ["", *header_lines((header.name, header.value) for header in message.headers)]
    body = message.body
    if message.is_request:
        if not is_token(message.method) or not message.uri or any(char <= " " for char in message.uri):
            raise InvalidArgument("a request needs a method and a URI", step="build")
        return Request(message.method, message.uri, None, lines, body).to_bytes()
    if not 100 <= message.status <= 699 or "\r" in message.reason or "\n" in message.reason:
        raise InvalidArgument("a response needs a status of 100 to 699 and a reason on one line", step="build")
    return Response(message.status, message.reason, None, lines, body).to_bytes()
