"""Makes requests and responses: header lines from parts, responses out of the raw lines of the request."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidArgument
from .grammar import is_token
from .header_fields import REPEATED_HEADER, SINGLE_KEYS, header_lines
from .header_values import CSeq, NameAddr, Via
from .headers import METHODS
from .message import Request, Response
from .parse_error import SipParseError
from .reason_phrases import REASON_PHRASES
from .uri import SipUri

__all__ = ["REASON_PHRASES", "ack_for_failure", "cancel_for", "request", "response_to"]


def request(
    method: str,
    uri: str | SipUri,
    *,
    via: str | Via,
    from_: str | NameAddr,
    to: str | NameAddr,
    call_id: str,
    cseq: int,
    max_forwards: int = 70,
    contact: str | NameAddr | None = None,
    routes: Iterable[str | NameAddr] = (),
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Request:
    """Make a request (RFC 3261 s8.1.1); ``cseq`` is the number, its method follows ``method``.

    Raises InvalidArgument when one of the values holds a line break, the method or a header name is no token, or
    ``uri`` has white space.
    """
    target = str(uri)
    if " " in target or (method not in METHODS and not is_token(method)):
        raise InvalidArgument("a request needs a method that is a token and a URI without white space")
    lines = ["", f"Via: {via}"]
    lines += [f"Route: {route}" for route in routes]
    lines += (
        f"Max-Forwards: {max_forwards}",
        f"From: {from_}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
    )
    if contact is not None:
        lines.append(f"Contact: {contact}")
    if headers:
        lines += header_lines(headers)
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    _refuse_line_breaks(lines, target)
    return Request(method, target, None, lines, body)


def response_to(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    contact: str | NameAddr | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """Make a response to ``request`` (RFC 3261 s8.2.6) from its raw Via, From, To, Call-ID and CSeq values.

    ``to_tag`` is added unless To has a tag already. Record-Route is copied into 1xx but 100 and into 2xx (s12.1.1),
    Timestamp into 100 (s8.2.6.1). What the request lacks, the response lacks: it also answers requests that did not
    pass ``check_request``.
    """
    if reason is None:
        reason = REASON_PHRASES.get(status, "")
    index = request._index or request._build_index()
    if request._fault == REPEATED_HEADER:
        index = {key: values.partition("\n")[0] if key in SINGLE_KEYS else values for key, values in index.items()}
    # Each step makes list elements out of one text: the values of a header are joined by LF in the index.
    lines = ("\nVia:" + index["via"].replace("\n", "\nVia:")).split("\n") if "via" in index else [""]
    if 100 < status < 300 and "record-route" in index:
        lines += ("Record-Route:" + index["record-route"].replace("\n", "\nRecord-Route:")).split("\n")
    if "from" in index:
        lines.append("From:" + index["from"])
    if "to" in index:
        to = index["to"]
        lines.append(f"To:{to};tag={to_tag}" if to_tag and not _has_to_tag(request) else "To:" + to)
    if "call-id" in index:
        lines.append("Call-ID:" + index["call-id"])
    if "cseq" in index:
        lines.append("CSeq:" + index["cseq"])
    if status == 100 and "timestamp" in index:
        lines.append("Timestamp:" + index["timestamp"].partition("\n")[0])
    given = len(lines)
    if contact is not None:
        lines.append(f"Contact: {contact}")
    if headers:
        lines += header_lines(headers)
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    _refuse_line_breaks(lines[given:], reason if to_tag is None else reason + to_tag)
    return Response(status, reason, None, lines, body)


def cancel_for(invite: Request) -> Request:
    """Make the CANCEL for a request that was sent (RFC 3261 s9.1)."""
    return _within_transaction(invite, "CANCEL", invite.get("To"))


def ack_for_failure(invite: Request, response: Response) -> Request:
    """Make the ACK for a 300-699 response to ``invite`` (RFC 3261 s17.1.1.3). A 2xx has its ACK made by the dialog."""
    return _within_transaction(invite, "ACK", response.get("To"))


def _within_transaction(invite: Request, method: str, to: str | None) -> Request:
    """Make a request that shares Request-URI, topmost Via, From, Call-ID, CSeq number and Route with ``invite``."""
    vias = invite.get_all("Via")
    lines = ["", f"Via: {vias[0]}"]
    lines += [f"Route: {route}" for route in invite.get_all("Route")]
    lines += (
        "Max-Forwards: 70",
        f"From: {invite.get('From')}",
        f"To: {to}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {CSeq(invite.cseq.number, method)}",
    )
    return Request(method, invite.uri, None, lines)


def _has_to_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except SipParseError:
        return False


def _refuse_line_breaks(lines: list[str], start: str) -> None:
    """Raise InvalidArgument when a part would smuggle in a header line."""
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\n" in start or "\r" in start:
        raise InvalidArgument("a header value, URI or reason phrase has a line break")
