"""Whatever octets come in, nothing but SipParseError comes out, and what is accepted can be sent again."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microsip_core.sip.builder import ack_for_failure, cancel_for, response_to
from microsip_core.sip.digest import choose_challenges, parse_credentials
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import SipParseError, check_request, check_response, parse_message
from microsip_core.sip.stream_framing import StreamFramer
from microsip_core.sip.uri import SipUri

from .sip_vectors import VECTORS, manifest, nist_cases, nist_message, tells_its_end, torture_message

SIPGO = sorted((VECTORS / "fuzz" / "sipgo-sip").glob("*.bin"))
CORPUS = [
    *(torture_message(folder, case["file"]) for folder in ("rfc4475", "rfc5118") for case in manifest(folder)),
    *(nist_message(case) for case in nist_cases("message")[::8]),
    *(path.read_bytes() for path in SIPGO),
]
ATTRIBUTES = (
    "via",
    "vias",
    "from_",
    "to",
    "cseq",
    "call_id",
    "contact",
    "contacts",
    "routes",
    "record_routes",
    "max_forwards",
)
# Octets that mean something to the parser, and some that mean nothing.
SPLICES = st.sampled_from(
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\r\n ",
        b":",
        b";",
        b",",
        b'"',
        b"\\",
        b"<",
        b">",
        b"@",
        b"?",
        b"=",
        b"%",
        b"[",
        b"]",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"\xe2\x80\xa8",
        b"\x85",
        b"SIP/2.0",
        b"l: 5\r\n",
        b"Content-Length: 1\r\n",
        b"9" * 30,
        b"*",
        b"tag=",
    ]
)


def exercise(data: bytes) -> None:
    """Do with the octets all that an endpoint might do."""
    try:
        message = parse_message(data)
    except SipParseError as error:
        check_error(error)
        return
    for attribute in ATTRIBUTES:
        with contextlib.suppress(SipParseError):
            getattr(message, attribute)
    for name in message.names():
        message.get_all(name)
    _ = message.expires, message.media_type, repr(message)
    again = parse_message(message.to_bytes())
    assert again.body == message.body
    assert again.to_bytes() == parse_message(again.to_bytes()).to_bytes()
    challenges = choose_challenges(message.get_all("WWW-Authenticate"))
    assert isinstance(challenges, list)
    with contextlib.suppress(SipParseError):
        parse_credentials(message.get("Authorization") or "")
    if isinstance(message, Response):
        check_response(message)
        return
    with contextlib.suppress(SipParseError):
        _ = message.request_uri.user_text, str(message.request_uri)
    refused = check_request(message)
    answer(message, refused[0] if refused else 200)
    if refused is None:
        parse_message(ack_for_failure(message, response_to(message, 486, to_tag="t")).to_bytes())
        parse_message(cancel_for(message).to_bytes())
        assert [message.via, message.from_, message.to, message.cseq]


def check_error(error: SipParseError) -> None:
    assert 400 <= error.status <= 513
    if error.request_head is not None:
        answer(error.request_head, error.status)


def answer(request: Request, status: int) -> None:
    data = response_to(request, status, to_tag="t").to_bytes()
    response = parse_message(data)
    assert isinstance(response, Response)
    assert response.status == status
    assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")


@pytest.mark.parametrize("path", SIPGO, ids=lambda path: path.stem)
def test_octets_that_broke_another_parser(path: object) -> None:
    exercise(path.read_bytes())  # type: ignore[attr-defined]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_octets(data: bytes) -> None:
    exercise(data)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_octets_behind_a_good_start(data: bytes) -> None:
    exercise(b"OPTIONS sip:b@h SIP/2.0\r\n" + data + b"\r\n\r\n")


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(CORPUS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), SPLICES), min_size=1, max_size=6)
)
def test_mutated_messages(data: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    for place, removed, inserted in changes:
        position = int(place * len(data))
        data = data[:position] + inserted + data[position + removed :]
    exercise(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CORPUS), st.data())
def test_truncated_and_joined_messages(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    other = draw.draw(st.sampled_from(CORPUS))
    exercise(data[:cut])
    exercise(data[:cut] + other)


@settings(deadline=None)
@given(st.text(alphabet='sip:@;?&=%[]4af1.ü<>\\" \x00#', max_size=40))
def test_uris(text: str) -> None:
    try:
        uri = SipUri.parse("sip:" + text)
    except SipParseError:
        return
    assert SipUri.parse(str(uri)) == uri
    assert uri.equivalent(uri)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([one for one in CORPUS if tells_its_end(one)]), max_size=3),
    st.lists(st.integers(1, 200), min_size=1, max_size=20), st.booleans(),
)
def test_framing_does_not_depend_on_the_cuts(messages: list[bytes], cuts: list[int], opened_here: bool) -> None:
    stream = b"".join(messages)
    whole = StreamFramer(opened_here=opened_here)
    frames = whole.feed(stream)
    cut = StreamFramer(opened_here=opened_here)
    pieces: list[bytes] = []
    position = index = 0
    while position < len(stream):
        size = cuts[index % len(cuts)]
        pieces += cut.feed(stream[position : position + size])
        position += size
        index += 1
    assert pieces == frames
    assert (cut.error and cut.error.reason) == (whole.error and whole.error.reason)
    assert cut.buffered == whole.buffered
