"""Octets to messages: framing of head and body, limits, and the checks a request must pass to be processed."""

from __future__ import annotations

from collections.abc import Container

from .grammar import DIGITS, is_token, parse_number
from .header_fields import NO_LENGTH, REPEATED_HEADER, UNKNOWN_LENGTH
from .headers import METHODS
from .limits import DEFAULT_LIMITS, Limits
from .message import Message, Request, Response
from .parse_error import SipParseError
from .uri import scheme_of

__all__ = ["SipParseError", "check_request", "check_response", "parse_message", "salvage_request"]

SIP_SCHEMES = frozenset(("sip", "sips"))
_WHITE_SPACE = (" ", "\t")
_TARGET_METHODS = frozenset(("INVITE", "SUBSCRIBE", "NOTIFY", "REFER", "UPDATE"))


def parse_message(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Request | Response:
    """Parse one whole message, as a datagram holds it or as the stream framing cut it out.

    Looks at the start line, finds the end of the head, takes the body by Content-Length (RFC 3261 s18.3: octets behind
    it are dropped, a short body is an error, without the header the body is the rest) and holds the message to
    ``limits``. Header lines are left for later: what is wrong in them comes out of ``check_request`` or of the header
    asked for. Raises SipParseError with the status to answer.
    """
    if len(data) > limits.max_message:
        raise SipParseError(513, "Message Too Large", salvage_request(data[: limits.max_header]))
    end = data.find(b"\r\n\r\n")
    if end <= 0 or data[0] < 14:
        data, end = _find_head(data)
    head = data[:end].decode("utf-8", "surrogateescape")
    is_response = head[3:4] == "/" and head[:8].upper() == "SIP/2.0 "
    message = _start_response(head) if is_response else _start_request(head, limits)
    try:
        if end > limits.max_header or end > 4 * limits.max_headers:
            _check_head(message, limits)
        _take_body(message, head, data, end + 4)
        if len(message.body) > limits.max_body:
            raise SipParseError(413, "Request Entity Too Large")
    except SipParseError as error:
        error.request_head = message if isinstance(message, Request) else None
        raise
    return message


def check_request(request: Request, schemes: Container[str] = SIP_SCHEMES) -> tuple[int, str] | None:
    """Return the status and reason with which to refuse a request that may not be processed, or None.

    Checks what RFC 3261 s8.1.1, s8.2 and s16.3 have in common for every element: well-formed lines, the mandatory
    headers once each and readable, CSeq method, Request-URI syntax and scheme (416), Max-Forwards range, one
    Content-Length, a readable Contact where it sets a dialog's target. A missing Max-Forwards, From tag or branch
    passes: RFC 2543 elements send none.
    """
    index = request._index or request._build_index()
    if request._fault is not None:
        return 400, request._fault
    try:
        request.via  # noqa: B018
        request.from_  # noqa: B018
        request.to  # noqa: B018
        request.call_id  # noqa: B018
        if request.cseq.method != request.method:
            return 400, "CSeq Method Mismatch"
        if "max-forwards" in index:
            request.max_forwards  # noqa: B018
        refusal = _check_request_uri(request, schemes)
        if refusal is None and request.method in _TARGET_METHODS:
            request.contact  # noqa: B018
            if "record-route" in index:
                request.record_routes  # noqa: B018
    except SipParseError as error:
        return error.status, error.reason
    return refusal


def check_response(response: Response) -> str | None:
    """Return what makes a response unusable (it is then dropped, RFC 3261 s8.1.3.3 and s18.1.2), or None.

    A header line that can not be read is no reason: a call shall not fail for it.
    """
    if response._index is None:
        response._build_index()
    if response._fault == REPEATED_HEADER:
        return response._fault
    try:
        response.via  # noqa: B018
        response.from_  # noqa: B018
        response.to  # noqa: B018
        response.cseq  # noqa: B018
        response.call_id  # noqa: B018
    except SipParseError as error:
        return error.reason
    return None


def _check_request_uri(request: Request, schemes: Container[str]) -> tuple[int, str] | None:
    try:
        uri = request.request_uri
    except SipParseError as error:
        if error.status == 416 and scheme_of(request.uri) in schemes:
            return None
        raise
    # The grammar allows headers here, RFC 3261 s19.1.1 does not.
    return (400, "Headers In Request-URI") if uri.headers else None


def _start_response(head: str) -> Response:
    status_text, _, reason = head.partition("\r\n")[0][8:].partition(" ")
    if len(status_text) != 3 or not DIGITS.issuperset(status_text) or not "1" <= status_text[0] <= "6":
        raise SipParseError(400, "Malformed Status-Line")
    if "\n" in reason or "\r" in reason:
        raise SipParseError(400, "Malformed Status-Line")
    return Response(int(status_text), reason, head, [], length=UNKNOWN_LENGTH)


def _start_request(head: str, limits: Limits) -> Request:
    parts = head.split(" ", 2)
    if len(parts) != 3 or (parts[2][:9] != "SIP/2.0\r\n" and parts[2] != "SIP/2.0"):
        parts = _unusual_request_line(head)
    method, uri, _ = parts
    request = Request(method, uri, head, [], length=UNKNOWN_LENGTH)
    if method not in METHODS and not is_token(method):
        raise SipParseError(400, "Malformed Method", request)
    if len(uri) > limits.max_uri:
        raise SipParseError(414, "Request-URI Too Long", request)
    if not uri or uri[0] == "<" or not uri.isprintable():
        raise SipParseError(400, "Malformed Request-URI", request)
    return request


def _unusual_request_line(head: str) -> list[str]:
    """Return the parts of a request line with ``SIP/2.0`` in unusual case (RFC 3261 s7.1), or refuse it."""
    line = head.partition("\r\n")[0]
    parts = line.rstrip(" \t").split(" ")
    name, _, number = parts[-1].partition("/")
    if name.upper() != "SIP":
        raise SipParseError(400, "Malformed Start Line")
    request = Request(parts[0], " ".join(parts[1:-1]), head, [], length=UNKNOWN_LENGTH)
    if len(parts) != 3 or line[-1] in _WHITE_SPACE:
        raise SipParseError(400, "Malformed Request-Line", request)
    major, _, minor = number.partition(".")
    for digits in (major, minor):
        if parse_number(digits, 999) is None or (len(digits) > 1 and digits[0] == "0"):
            raise SipParseError(400, "Malformed SIP-Version", request)
    if number != "2.0":
        raise SipParseError(505, "Version Not Supported", request)
    return parts


def _find_head(data: bytes) -> tuple[bytes, int]:
    """Find the end of a head that has line ends in front (RFC 3261 s7.5), or bare LF throughout, or no end."""
    data = data.lstrip(b"\r\n")
    if not data:
        raise SipParseError(400, "Empty Message")
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return data, end
    head, empty_line, body = data.partition(b"\n\n")
    if not empty_line or b"\r" in head:
        raise SipParseError(400, "No End Of Headers", salvage_request(data))
    head = head.replace(b"\n", b"\r\n")
    return b"%b\r\n\r\n%b" % (head, body), len(head)


def salvage_request(data: bytes) -> Request | None:
    """Make a request out of the beginning of a broken one, to be answered; None when it does not begin like one."""
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    parts = head.partition("\r\n")[0].rstrip(" \t").split(" ")
    if len(parts) < 3 or not parts[-1].upper().startswith("SIP/") or not is_token(parts[0]):
        return None
    return Request(parts[0], " ".join(parts[1:-1]), head, [], length=UNKNOWN_LENGTH)


def _check_head(message: Message, limits: Limits) -> None:
    """Hold a long head to the limits. Short ones can not exceed them: a header line takes four octets at least."""
    message._split_head()
    lines = message._lines
    if len(lines) - 1 > limits.max_headers or max(map(len, lines)) > limits.max_header:
        raise SipParseError(513, "Message Too Large")


def _take_body(message: Message, head: str, data: bytes, start: int) -> None:
    length = None
    position = head.rfind("\r\nContent-Length:")
    if position >= 0:
        line_end = head.find("\r\n", position + 17)
        if line_end < 0:
            length = parse_number(head[position + 17 :].strip(), 0xFFFFFFFF)
        elif head[line_end + 2 : line_end + 3] not in _WHITE_SPACE:
            length = parse_number(head[position + 17 : line_end].strip(), 0xFFFFFFFF)
    if length is None:
        text = message.get("Content-Length")
        if text is None:
            message.body = data[start:]
            message._length = NO_LENGTH
            return
        length = parse_number(text, 0xFFFFFFFF)
        if length is None:
            raise SipParseError(400, "Malformed Content-Length")
    if length > len(data) - start:
        raise SipParseError(400, "Content-Length Larger Than Message")
    message.body = data[start : start + length]
    message._length = length if message._fault is None else UNKNOWN_LENGTH
    if message._index is not None and "\n" in message._index.get("content-length", "\n"):
        message._length = UNKNOWN_LENGTH
