"""Messages and keep-alives out of a byte stream."""

from __future__ import annotations

import pytest

from microsip_core.sip.limits import Limits
from microsip_core.sip.parser import parse_message
from microsip_core.sip.stream_framing import PING, PONG, StreamFramer

from .sip_vectors import torture_message

ONE = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nContent-Length: 5\r\n\r\nhello"
TWO = b"SIP/2.0 200 OK\r\nl : 0\r\n\r\n"


def test_whole_messages() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + TWO + ONE) == [ONE, TWO, ONE]
    assert framer.buffered == 0


def test_octet_by_octet() -> None:
    framer = StreamFramer()
    frames = [frame for octet in ONE + TWO for frame in framer.feed(bytes([octet]))]
    assert frames == [ONE, TWO]


def test_incomplete_message_is_kept() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE[:-1]) == []
    assert framer.buffered == len(ONE) - 1
    assert framer.feed(ONE[-1:] + b"SIP") == [ONE]
    assert framer.buffered == 3


def test_keep_alives_where_the_peer_opened_the_connection() -> None:
    framer = StreamFramer()
    assert framer.feed(PING) == [PING]
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n") == [PING]
    assert framer.feed(b"\r\n" + ONE + PING + PING + TWO) == [ONE, PING, PING, TWO]
    assert framer.error is None


def test_keep_alives_where_we_opened_the_connection() -> None:
    framer = StreamFramer(opened_here=True)
    assert framer.feed(b"\r\n") == [PONG]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n" + ONE) == [PONG, ONE]


def test_stray_line_ends_are_passed_over() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\n\n\r\r" + ONE) == [ONE]


def test_folded_and_compact_content_length() -> None:
    for line in (
        b"Content-Length:\r\n  2",
        b"l:2",
        b"CONTENT-LENGTH : 2",
        b"content-length:\t2",
        b"l: 2\r\nContent-Length: 02",
    ):
        message = b"OPTIONS sip:h SIP/2.0\r\n" + line + b"\r\nX: y\r\n\r\nab"
        assert StreamFramer().feed(message + ONE) == [message, ONE]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"Content-Type: text/plain", "Missing Content-Length"),
        (b"Content-Length: x", "Malformed Content-Length"),
        (b"Content-Length: -5", "Malformed Content-Length"),
        (b"Content-Length: 2\r\nl: 3", "Malformed Content-Length"),
        (b"Content-Length: 2\r\nContent-Length: 3", "Malformed Content-Length"),
    ],
)
def test_stream_ends_where_the_next_message_can_not_be_found(line: bytes, reason: str) -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + b"OPTIONS sip:h SIP/2.0\r\n" + line + b"\r\n\r\nab" + ONE) == [ONE]
    assert framer.error is not None
    assert (framer.error.status, framer.error.reason) == (400, reason)
    assert framer.error.request_head is not None
    assert framer.error.request_head.method == "OPTIONS"
    assert framer.feed(ONE) == []
    assert framer.buffered == 0


def test_conflicting_lengths_of_rfc4475_break_the_stream() -> None:
    framer = StreamFramer()
    assert framer.feed(torture_message("rfc4475", "mcl01.dat")) == []
    assert framer.error is not None


def test_too_long_a_content_length_waits_within_the_limit() -> None:
    framer = StreamFramer()
    assert framer.feed(torture_message("rfc4475", "clerr.dat")) == []
    assert framer.error is None
    assert framer.buffered > 0


def test_limits() -> None:
    limits = Limits(max_message=200, max_body=100)

    def status(data: bytes) -> int:
        framer = StreamFramer(limits)
        framer.feed(data)
        return framer.error.status if framer.error else 0

    assert status(b"x" * 200) == 0
    assert status(b"x" * 201) == 513
    assert status(b"OPTIONS sip:h SIP/2.0\r\nl: 101\r\n\r\n") == 413
    assert status(b"OPTIONS sip:h SIP/2.0\r\nl: 100\r\n\r\n") == 0
    assert status(b"OPTIONS sip:h SIP/2.0\r\nX: " + b"y" * 90 + b"\r\nl: 100\r\n\r\n") == 513
    assert status(b"\r\n\r\n" * 1000) == 0


def test_a_head_that_trickles_in_is_not_searched_again_and_again() -> None:
    framer = StreamFramer(Limits(max_message=2_000_000))
    for _ in range(20_000):
        assert (
            framer.feed(
                b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"
            )
            == []
        )
    assert framer.buffered > 1_500_000


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"X: y", b""),
        (b"c: application/SDP;x=y", b"v=0\r\ns=-\r\n"),
        (b"Content-Type: application/sdp", b"v=0\ns=-\n"),
        (b"Content-Type:\r\n application/sdp", b""),
    ],
)
def test_an_old_element_need_not_tell_a_length_that_shows(header: bytes, body: bytes) -> None:
    """RFC 2543 s6.14 knows messages without Content-Length; RFC 4475 s3.4.1 wants them served."""
    old = b"INVITE sip:h SIP/2.0\r\n" + header + b"\r\n\r\n" + body
    assert StreamFramer().feed(old + b"\r\n" + ONE) == [old, ONE]
    assert parse_message(old).body == body
