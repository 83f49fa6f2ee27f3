"""Header access and changes by name, lazy values, and the wire form of messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microsip_core.errors import InvalidArgument
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.parser import parse_message

INVITE = (
    "INVITE sip:bob@h SIP/2.0\r\n"
    "Via: SIP/2.0/UDP a:1;branch=z9hG4bK1\r\n"
    "v:SIP/2.0/TCP b;branch=z9hG4bK2 , SIP/2.0/TCP c\r\n"
    "Route: <sip:r1;lr>,<sip:r2,x;lr>\r\n"
    "Route: <sip:r3;lr>\r\n"
    'f: "A, B" <sip:a@h>;tag=1\r\n'
    "TO : <sip:bob@h>\r\n"
    "call-id: abc\r\n"
    "CSeq: 7 INVITE\r\n"
    'm: "x,y" <sip:a@1.2.3.4;ob>;q=0.5, <sip:b@h>\r\n'
    "k: timer,  100rel,\r\n"
    "X-Other: a, b\r\n"
    "x-other: c\r\n"
    "Subject: folded\r\n"
    "   value\r\n"
    "\there\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "body"
)


@pytest.fixture
def invite() -> Request:
    message = parse_message(INVITE.encode())
    assert isinstance(message, Request)
    return message


def head_lines(message: Request | Response) -> list[str]:
    return message.to_bytes().decode().split("\r\n\r\n")[0].split("\r\n")


def test_names_are_found_in_any_spelling(invite: Request) -> None:
    for name in ("From", "f", "F", "FROM", "from", " From "):
        assert invite.get(name) == '"A, B" <sip:a@h>;tag=1'
        assert name in invite
    assert invite.get("To") == "<sip:bob@h>"
    assert invite.get("cSEQ") == "7 INVITE"
    assert invite.get("Expires") is None
    assert "Expires" not in invite


def test_lists_are_split_and_others_are_not(invite: Request) -> None:
    assert invite.get_all("Via") == [
        "SIP/2.0/UDP a:1;branch=z9hG4bK1",
        "SIP/2.0/TCP b;branch=z9hG4bK2",
        "SIP/2.0/TCP c",
    ]
    assert invite.get_all("Route") == ["<sip:r1;lr>", "<sip:r2,x;lr>", "<sip:r3;lr>"]
    assert invite.get_all("Contact") == ['"x,y" <sip:a@1.2.3.4;ob>;q=0.5', "<sip:b@h>"]
    assert invite.get_all("Supported") == ["timer", "100rel"]
    assert invite.get_all("X-Other") == ["a, b", "c"]
    assert invite.get_all("Nothing") == []


def test_folded_lines_are_joined_by_one_space(invite: Request) -> None:
    assert invite.get("Subject") == "folded value here"
    assert "Subject: folded value here" in head_lines(invite)


def test_values_are_parsed_when_asked_for_and_kept(invite: Request) -> None:
    assert invite.via.branch == "z9hG4bK1"
    assert invite.via is invite.via
    assert [via.host for via in invite.vias] == ["a", "b", "c"]
    assert (invite.from_.display_name, invite.from_.tag) == ("A, B", "1")
    assert (invite.to.uri, invite.to.tag) == ("sip:bob@h", None)
    assert invite.cseq == (7, "INVITE")
    assert invite.call_id == "abc"
    assert invite.contact is not None
    assert invite.contact.sip_uri.host == "1.2.3.4"
    assert [contact.q for contact in invite.contacts] == [0.5, 1.0]
    assert [route.sip_uri.host for route in invite.routes if "," not in route.uri] == ["r1", "r3"]
    assert invite.record_routes == []
    assert invite.request_uri.user == "bob"
    assert (invite.max_forwards, invite.expires, invite.content_type, invite.media_type) == (None, None, None, None)


def test_a_missing_mandatory_header_is_the_peers_fault() -> None:
    message = parse_message(b"INVITE sip:b@h SIP/2.0\r\nCall-ID: \r\n\r\n")
    for attribute in ("via", "from_", "to", "cseq", "call_id"):
        with pytest.raises(SipParseError) as caught:
            getattr(message, attribute)
        assert caught.value.status == 400
    assert message.contact is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", 3600),
        ("0", 0),
        ("9" * 99, 0xFFFFFFFF),
        ("0 0l@company.com", None),
        ("Thu, 01 Dec 1994 16:00:00 GMT", None),
        ("", None),
    ],
)
def test_expires(text: str, seconds: int | None) -> None:
    assert parse_message(f"REGISTER sip:h SIP/2.0\r\nExpires: {text}\r\n\r\n".encode()).expires == seconds


@pytest.mark.parametrize(
    ("text", "hops"), [("0", 0), ("0068", 68), ("255", 255), ("256", "error"), ("x", "error"), ("", "error")]
)
def test_max_forwards(text: str, hops: int | str) -> None:
    message = parse_message(f"OPTIONS sip:h SIP/2.0\r\nMax-Forwards: {text}\r\n\r\n".encode())
    if isinstance(hops, int):
        assert message.max_forwards == hops
    else:
        with pytest.raises(SipParseError):
            message.max_forwards  # noqa: B018


def test_content_type() -> None:
    message = parse_message(b"INFO sip:h SIP/2.0\r\nc: Application/DTMF-Relay ;charset=x\r\n\r\n")
    assert message.content_type == "Application/DTMF-Relay ;charset=x"
    assert message.media_type == "application/dtmf-relay"


def test_unchanged_message_round_trips_octet_by_octet() -> None:
    plain = INVITE.replace("folded\r\n   value\r\n\there", "plain").encode()
    assert parse_message(plain).to_bytes() == plain


def test_names_in_order(invite: Request) -> None:
    assert invite.names() == [
        *(
            "Via",
            "Via",
            "Route",
            "Route",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Contact",
            "Supported",
            "X-Other",
            "x-other",
        ),
        *("Subject", "Content-Length"),
    ]


def test_add_and_insert_first(invite: Request) -> None:
    assert invite.via.host == "a"
    invite.insert_first("Via", "SIP/2.0/UDP top;branch=z9hG4bK0")
    invite.insert_first("Record-Route", "<sip:p;lr>")
    invite.add("Route", "<sip:r4;lr>")
    invite.add("X-New", "n")
    assert invite.via.host == "top"
    assert head_lines(invite)[1:4] == [
        "Record-Route: <sip:p;lr>",
        "Via: SIP/2.0/UDP top;branch=z9hG4bK0",
        "Via: SIP/2.0/UDP a:1;branch=z9hG4bK1",
    ]
    assert invite.get_all("Route")[-1] == "<sip:r4;lr>"
    assert head_lines(invite)[-1] == "X-New: n"
    again = parse_message(invite.to_bytes())
    assert [via.host for via in again.vias] == ["top", "a", "b", "c"]


def test_set_replaces_in_place(invite: Request) -> None:
    before = head_lines(invite)
    invite.set("CSeq", "8 INVITE")
    invite.set("x-other", "one")
    invite.set("Max-Forwards", "69")
    assert invite.cseq.number == 8
    assert invite.get_all("X-Other") == ["one"]
    assert invite.max_forwards == 69
    lines = head_lines(invite)
    assert lines.index("CSeq: 8 INVITE") == before.index("CSeq: 7 INVITE")
    assert lines.index("x-other: one") == before.index("X-Other: a, b")
    assert [line for line in lines if line.lower().startswith("x-other")] == ["x-other: one"]


def test_changing_forgets_what_was_parsed(invite: Request) -> None:
    assert (invite.to.tag, invite.from_.tag, invite.contact and invite.contact.q) == (None, "1", 0.5)
    invite.set("To", "<sip:bob@h>;tag=2")
    invite.set("f", "<sip:z@h>;tag=3")
    invite.remove("m")
    assert (invite.to.tag, invite.from_.tag, invite.contact) == ("2", "3", None)


def test_remove(invite: Request) -> None:
    invite.remove("Route")
    invite.remove("Nothing")
    assert "Route" not in invite
    assert b"Route" not in invite.to_bytes()


def test_remove_first_takes_one_element(invite: Request) -> None:
    assert invite.remove_first("Via") == "SIP/2.0/UDP a:1;branch=z9hG4bK1"
    assert invite.via.host == "b"
    assert invite.remove_first("Via") == "SIP/2.0/TCP b;branch=z9hG4bK2"
    assert invite.remove_first("Via") == "SIP/2.0/TCP c"
    assert invite.remove_first("Via") is None
    assert "Via" not in invite
    assert invite.remove_first("X-Other") == "a, b"
    assert invite.remove_first("Route") == "<sip:r1;lr>"
    assert invite.get_all("Route") == ["<sip:r2,x;lr>", "<sip:r3;lr>"]
    assert parse_message(invite.to_bytes()).get_all("Route") == ["<sip:r2,x;lr>", "<sip:r3;lr>"]


def test_replace_first_changes_one_element(invite: Request) -> None:
    invite.remove_first("Via")
    invite.replace_first("Via", "SIP/2.0/TCP b;branch=z9hG4bK2;received=9")
    assert invite.get_all("Via") == ["SIP/2.0/TCP b;branch=z9hG4bK2;received=9", "SIP/2.0/TCP c"]
    assert invite.via.received == "9"
    invite.replace_first("Route", "<sip:r0;lr>")
    assert invite.get_all("Route") == ["<sip:r0;lr>", "<sip:r2,x;lr>", "<sip:r3;lr>"]
    invite.replace_first("X-Other", "z")
    assert invite.get_all("X-Other") == ["z", "c"]
    invite.replace_first("New", "n")
    assert head_lines(invite)[-1] == "New: n"
    assert parse_message(invite.to_bytes()).get_all("Route") == invite.get_all("Route")


@pytest.mark.parametrize("change", ["add", "set", "insert_first", "replace_first"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("X", "a\r\nVia: evil"), ("X", "a\nb"), ("X", "a\rb"), ("X Y", "a"), ("", "a"), ("X:", "a"), ("X\r\nY", "a")],
)
def test_no_header_can_be_smuggled_in(invite: Request, change: str, name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        getattr(invite, change)(name, value)


def test_content_length_is_always_right(invite: Request) -> None:
    invite.body = b"longer body"
    assert b"Content-Length: 11\r\n\r\nlonger body" in invite.to_bytes()
    assert invite.to_bytes().count(b"Content-Length") == 1
    invite.body = b""
    assert invite.to_bytes().endswith(b"\r\nContent-Length: 0\r\n\r\n")
    invite.body = b"body"
    invite.set("Content-Length", "99")
    assert invite.to_bytes().endswith(b"\r\nContent-Length: 4\r\n\r\nbody")
    invite.remove("l")
    assert invite.to_bytes().endswith(b"\r\nContent-Length: 4\r\n\r\nbody")


def test_content_length_of_a_datagram_without_one() -> None:
    message = parse_message(b"MESSAGE sip:h SIP/2.0\r\nX: y\r\n\r\nhello")
    assert message.body == b"hello"
    assert message.to_bytes() == b"MESSAGE sip:h SIP/2.0\r\nX: y\r\nContent-Length: 5\r\n\r\nhello"


def test_start_line_may_be_changed(invite: Request) -> None:
    invite.uri = "sip:carol@h2"
    assert invite.to_bytes().startswith(b"INVITE sip:carol@h2 SIP/2.0\r\n")
    assert invite.request_uri.user == "carol"
    response = parse_message(b"SIP/2.0 180 Ringing\r\n\r\n")
    assert isinstance(response, Response)
    response.status, response.reason = 200, ""
    assert response.to_bytes().startswith(b"SIP/2.0 200 \r\n")


def test_copy_is_independent(invite: Request) -> None:
    copy = invite.copy()
    copy.set("To", "<sip:other@h>")
    copy.remove_first("Via")
    copy.method, copy.body = "ACK", b""
    assert invite.to.uri == "sip:bob@h"
    assert invite.via.host == "a"
    assert invite.to_bytes().startswith(b"INVITE")
    response = parse_message(b"SIP/2.0 200 OK\r\nX: y\r\n\r\n")
    other = response.copy()
    other.set("X", "z")
    assert (response.get("X"), other.get("X")) == ("y", "z")


def test_octets_that_are_no_utf8_pass_through() -> None:
    data = b"INVITE sip:b@h SIP/2.0\r\nSubject: \xff\xfe caf\xc3\xa9\r\nContent-Length: 0\r\n\r\n"
    message = parse_message(data)
    assert message.to_bytes() == data
    assert (message.get("Subject") or "").endswith("café")
    message.add("X", "y")
    assert b"Subject: \xff\xfe caf\xc3\xa9\r\n" in message.to_bytes()


def test_repr_shows_no_headers(invite: Request) -> None:
    invite.add("Authorization", 'Digest response="secret"')
    assert repr(invite) == "<Request INVITE sip:bob@h>"
    invite.uri = "sip:bob:hunter2@h"
    assert repr(invite) == "<Request INVITE sip:bob:***@h>"
    assert repr(parse_message(b"SIP/2.0 200 OK\r\n\r\n")) == "<Response 200 OK>"


_CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "insert_first", "set", "replace_first", "remove", "remove_first"]),
        st.sampled_from(["Via", "v", "Route", "X-Other", "Subject", "m", "To", "l", "New"]),
        st.sampled_from(["SIP/2.0/UDP q;branch=1", "<sip:a@h>;x=1, <sip:b@h>", "", "3"]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(_CHANGES)
def test_index_and_lines_stay_in_step(changes: list[tuple[str, str, str]]) -> None:
    """Whatever is changed in whatever order, the message and its parsed wire form say the same."""
    message = parse_message(INVITE.encode())
    for operation, name, value in changes:
        if operation.startswith("remove"):
            getattr(message, operation)(name)
        else:
            getattr(message, operation)(name, value)
    again = parse_message(message.to_bytes())
    for name in ("Via", "Route", "X-Other", "Subject", "Contact", "To", "From", "New"):
        assert again.get_all(name) == message.get_all(name)
    assert again.body == message.body
    assert message.to_bytes() == again.to_bytes()
