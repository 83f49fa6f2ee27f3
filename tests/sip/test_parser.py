"""Start lines, framing of the body, limits, and the checks before processing."""

from __future__ import annotations

import contextlib

import pytest

from microsip_core.sip.builder import response_to
from microsip_core.sip.limits import Limits
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import SipParseError, check_request, check_response, parse_message

HEADERS = (
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
)


def refusal(data: bytes, limits: Limits | None = None) -> SipParseError:
    with pytest.raises(SipParseError) as caught:
        parse_message(data, limits) if limits else parse_message(data)
    return caught.value


def parses(data: bytes, limits: Limits) -> bool:
    with contextlib.suppress(SipParseError):
        return isinstance(parse_message(data, limits), Request)
    return False


def options(*, start: str = "OPTIONS sip:b@h SIP/2.0", headers: str = HEADERS, extra: str = "") -> Request:
    message = parse_message(f"{start}\r\n{headers}{extra}\r\n".encode())
    assert isinstance(message, Request)
    return message


def test_request_line() -> None:
    request = options(start="FOO-bar! sips:x@h;y=z SIP/2.0")
    assert (request.method, request.uri) == ("FOO-bar!", "sips:x@h;y=z")


def test_status_line() -> None:
    for line, status, reason in (
        ("SIP/2.0 200 OK", 200, "OK"),
        ("SIP/2.0 699 ", 699, ""),
        ("SIP/2.0 100", 100, ""),
        ("SIP/2.0 480 Not  Here é", 480, "Not  Here é"),
    ):
        response = parse_message(f"{line}\r\n{HEADERS}\r\n".encode())
        assert isinstance(response, Response)
        assert (response.status, response.reason) == (status, reason)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("", 400),
        ("OPTIONS", 400),
        ("OPTIONS sip:b@h", 400),
        ("OPTIONS  sip:b@h SIP/2.0", 400),
        ("OPTIONS sip:b@h  SIP/2.0", 400),
        ("OPTIONS sip:b@h SIP/2.0 ", 400),
        ("OPTIONS sip:b@h; lr SIP/2.0", 400),
        (" OPTIONS sip:b@h SIP/2.0", 400),
        ("OPTIONS <sip:b@h> SIP/2.0", 400),
        ("OPTIONS sip:b\n@h SIP/2.0", 400),
        ("OPTIONS sip:b\r@h SIP/2.0", 400),
        ("OPTIONS sip:b@h HTTP/1.1", 400),
        ("OPTIONS sip:b@h SIP/02.00", 400),
        ("OPTIONS sip:b@h SIP/2.", 400),
        ("OPTIONS sip:b@h SIP/x", 400),
        ("OPTIONS sip:b@h SIP/2.1", 505),
        ("OPTIONS sip:b@h SIP/7.0", 505),
        ("OPT(IONS sip:b@h SIP/2.0", 400),
        ("SIP/2.0 2000 OK", 400),
        ("SIP/2.0 20 OK", 400),
        ("SIP/2.0 099 OK", 400),
        ("SIP/2.0 700 OK", 400),
        ("SIP/2.0 2x0 OK", 400),
        ("SIP/2.0 200 O\rK", 400),
        ("SIP/2.0 200 O\nK", 400),
        ("SIP/3.0 200 OK", 400),
    ],
)
def test_start_line_refused(line: str, status: int) -> None:
    assert refusal(f"{line}\r\n{HEADERS}\r\n".encode()).status == status


def test_version_is_compared_without_case() -> None:
    assert options(start="OPTIONS sip:b@h sip/2.0").method == "OPTIONS"
    assert isinstance(parse_message(b"Sip/2.0 200 OK\r\n\r\n"), Response)


def test_refused_request_can_be_answered() -> None:
    error = refusal(f"OPTIONS sip:b@h SIP/7.0\r\n{HEADERS}\r\n".encode())
    assert error.request_head is not None
    answer = response_to(error.request_head, error.status, error.reason, to_tag="t").to_bytes().decode()
    assert answer.startswith("SIP/2.0 505 Version Not Supported\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n")
    assert "To: <sip:b@h>;tag=t\r\n" in answer
    assert refusal(b"SIP/2.0 2000 OK\r\n\r\n").request_head is None


@pytest.mark.parametrize("before", ["\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\n", "\n\n"])
def test_line_ends_before_the_message_are_ignored(before: str) -> None:
    message = parse_message(f"{before}SIP/2.0 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok??".encode())
    assert (message.get("X"), message.body) == ("y", b"ok")
    assert parse_message(f"{before}OPTIONS sip:h SIP/2.0\r\nX: y\r\n\r\n".encode()).get("X") == "y"


def test_a_request_without_headers_parses() -> None:
    message = parse_message(b"OPTIONS sip:h SIP/2.0\r\n\r\n")
    assert isinstance(message, Request)
    assert (message.names(), check_request(message)) == ([], (400, "Missing Via"))


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"OPTIONS sip:h SIP/2.0\r\nX: y\r\n", b"\r\n\r\n\0"]
)
def test_no_message_at_all(data: bytes) -> None:
    assert refusal(data).status == 400


def test_bare_line_feeds_throughout_are_understood() -> None:
    message = parse_message(b"OPTIONS sip:b@h SIP/2.0\nX: a\nY: b\nContent-Length: 3\n\nb\nc")
    assert (message.get("X"), message.get("Y"), message.body) == ("a", "b", b"b\nc")
    assert message.to_bytes() == b"OPTIONS sip:b@h SIP/2.0\r\nX: a\r\nY: b\r\nContent-Length: 3\r\n\r\nb\nc"


@pytest.mark.parametrize("line", ["X: a\nVia: evil", "X: a\rVia: evil", "X: a\n"])
def test_lone_line_ends_neither_hide_a_header_nor_pass_on(line: str) -> None:
    request = options(extra=f"{line}\r\n")
    assert len(request.vias) == 1
    assert check_request(request) == (400, "Malformed Header Line")
    assert b"\nVia: evil" not in request.to_bytes()
    assert b"\rVia: evil" not in request.to_bytes()


@pytest.mark.parametrize(
    ("length", "body"),
    [
        ("Content-Length: 2", b"ab"),
        ("l:0", b""),
        ("Content-Length : 3", b"abc"),
        ("CONTENT-LENGTH: 4", b"abcd"),
        ("X: y", b"abcdef"),
        ("Content-Length:\r\n 2", b"ab"),
        ("Content-Length: 0006", b"abcdef"),
    ],
)
def test_body_by_content_length(length: str, body: bytes) -> None:
    assert parse_message(f"OPTIONS sip:h SIP/2.0\r\n{length}\r\n\r\nabcdef".encode()).body == body


@pytest.mark.parametrize("length", ["7", "9999", "-1", "x", "", "1 2", "9" * 99, "0x2", "２"])
def test_content_length_that_can_not_be(length: str) -> None:
    for name in ("Content-Length", "l"):
        error = refusal(f"OPTIONS sip:h SIP/2.0\r\n{name}: {length}\r\n\r\nabcdef".encode())
        assert error.status == 400
        assert error.request_head is not None
        error = refusal(f"SIP/2.0 200 OK\r\n{name}: {length}\r\n\r\nabcdef".encode())
        assert error.request_head is None


def test_limits() -> None:
    limits = Limits(max_message=1000, max_headers=10, max_header=200, max_uri=100, max_body=50)

    def status(start: str = "OPTIONS sip:h SIP/2.0", headers: str = HEADERS, body: str = "") -> int:
        data = f"{start}\r\n{headers}\r\n{body}".encode()
        if parses(data, limits):
            return 0
        error = refusal(data, limits)
        assert error.request_head is not None
        assert error.request_head.method == "OPTIONS"
        return error.status

    assert status() == 0
    assert status(body="x" * 900) == 513
    assert status(body="x" * 51) == 413
    assert status(body="x" * 50) == 0
    assert status(f"OPTIONS sip:{'h' * 97} SIP/2.0") == 414
    assert status(f"OPTIONS sip:{'h' * 96} SIP/2.0") == 0
    assert status(headers=HEADERS + "X: y\r\n" * 6) == 513
    assert status(headers=HEADERS + "X: y\r\n" * 5) == 0
    assert status(headers=f"{HEADERS}X: {'y' * 198}\r\n") == 513
    assert status(headers=f"{HEADERS}X: {'y' * 197}\r\n") == 0
    assert status(headers="a:\r\n" * 11) == 513


def test_default_limits_let_a_browsers_invite_pass() -> None:
    assert check_request(options(extra=f"X: {'y' * 8000}\r\n")) is None


def test_good_request_passes() -> None:
    assert check_request(options()) is None
    assert check_request(options(extra="Max-Forwards: 70\r\nContent-Length: 0\r\n")) is None


def test_request_of_an_rfc2543_element_passes() -> None:
    headers = HEADERS.replace(";branch=z9hG4bK1", "").replace(";tag=1", "")
    assert check_request(options(headers=headers)) is None


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_missing_mandatory_header(name: str) -> None:
    headers = "".join(line + "\r\n" for line in HEADERS.split("\r\n") if line and not line.startswith(name))
    assert check_request(options(headers=headers)) == (400, f"Missing {name}")


@pytest.mark.parametrize(
    "line",
    [
        "From: <sip:a@h>;tag=2",
        "t: <sip:b@h>",
        "Call-ID: d",
        "i: c",
        "CSeq: 1 OPTIONS",
        "garbage",
        ": x",
        "a b: c",
        "Max-Forwards: 256",
        "Max-Forwards: 1\r\nMax-Forwards: 1",
        "Content-Length: 0\r\nl: 0",
        "\x00: y",
        "é: y",
    ],
)
def test_bad_line(line: str) -> None:
    refused = check_request(options(extra=f"{line}\r\n"))
    assert refused is not None
    assert refused[0] == 400


@pytest.mark.parametrize(
    ("uri", "refused"),
    [
        ("sip:b@h?X=y", (400, "Headers In Request-URI")),
        ("sip:2001:db8::10", (400, "Malformed Port")),
        ("sip:", (400, "Malformed Host")),
        ("b@h", (400, "Malformed URI")),
        ("tel:+12", (416, "Unsupported URI Scheme")),
        ("nobody:knows", (416, "Unsupported URI Scheme")),
    ],
)
def test_request_uri_is_checked(uri: str, refused: tuple[int, str]) -> None:
    assert check_request(options(start=f"OPTIONS {uri} SIP/2.0")) == refused


def test_other_schemes_pass_where_they_are_understood() -> None:
    assert check_request(options(start="OPTIONS tel:+12 SIP/2.0"), schemes=("sip", "sips", "tel")) is None


def test_cseq_method_must_match() -> None:
    assert check_request(options(headers=HEADERS.replace("OPTIONS", "INVITE"))) == (400, "CSeq Method Mismatch")


def test_contact_is_checked_where_it_sets_the_target() -> None:
    headers = HEADERS.replace("OPTIONS", "INVITE") + "Contact: <sip:a\r\n"
    assert check_request(options(start="INVITE sip:b@h SIP/2.0", headers=headers)) == (400, "Malformed Address")
    assert check_request(options(extra="Contact: <sip:a\r\n")) is None
    routed = HEADERS.replace("OPTIONS", "INVITE") + "Record-Route: <sip:a\r\n"
    assert check_request(options(start="INVITE sip:b@h SIP/2.0", headers=routed)) == (400, "Malformed Address")


def test_response_checks() -> None:
    def problem(headers: str) -> str | None:
        response = parse_message(f"SIP/2.0 200 OK\r\n{headers}\r\n".encode())
        assert isinstance(response, Response)
        return check_response(response)

    assert problem(HEADERS) is None
    assert problem(HEADERS + "garbage\r\n") is None
    assert problem(HEADERS + "To: <sip:b@h>\r\n") == "Repeated Header"
    assert problem(HEADERS.replace("CSeq: 1", "CSeq: x")) == "Malformed CSeq"
    assert problem("") == "Missing Via"
