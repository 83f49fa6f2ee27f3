"""SIP URIs: parse, format, escapes and the comparison of RFC 3261 s19.1.4."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri, decode, escape_user, format_host_port, is_ipv6, parse_host_port, scheme_of

from .sip_vectors import nist_cases


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("sip:alice@atlanta.com", ("sip", "alice", None, "atlanta.com", None, {}, ())),
        ("sip:alice:secret@atlanta.com:5070", ("sip", "alice", "secret", "atlanta.com", 5070, {}, ())),
        ("sips:1212@gw.com;user=phone;lr", ("sips", "1212", None, "gw.com", None, {"user": "phone", "lr": None}, ())),
        (
            "sip:a@b?subject=project%20x&priority=urgent",
            ("sip", "a", None, "b", None, {}, (("subject", "project%20x"), ("priority", "urgent"))),
        ),
        ("sip:[2001:db8::10]", ("sip", None, None, "2001:db8::10", None, {}, ())),
        ("sip:u@[::1]:5061;transport=TCP", ("sip", "u", None, "::1", 5061, {"transport": "TCP"}, ())),
        ("SIP:SIP", ("sip", None, None, "SIP", None, {}, ())),
        (
            "sip:j.SIP:secret@big.com;transport=tcp",
            ("sip", "j.SIP", "secret", "big.com", None, {"transport": "tcp"}, ()),
        ),
        (
            "sip:user;par=u%40example.net@example.com",
            ("sip", "user;par=u%40example.net", None, "example.com", None, {}, ()),
        ),
        ("sip:a?b@c", ("sip", "a?b", None, "c", None, {}, ())),
        ("sip:*72#@pbx", ("sip", "*72%23", None, "pbx", None, {}, ())),
    ],
)
def test_parse(text: str, fields: tuple[object, ...]) -> None:
    assert tuple(SipUri.parse(text)) == fields


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("alice", 400),
        ("sip:", 400),
        ("sip:@host", 400),
        ("sip::x@host", 400),
        ("sip:a@", 400),
        ("sip:a@b@c", 400),
        ("sip:a b@c", 400),
        ("sip:a@b c", 400),
        ("sip:a@b;", 400),
        ("sip:a@b;;lr", 400),
        ("sip:a@b;lr;LR", 400),
        ("sip:a@b?x", 400),
        ("sip:a@b?", 400),
        ("sip:a@b:port", 400),
        ("sip:a@b:", 400),
        ("sip:a@b:65536", 400),
        ("sip:2001:db8::10", 400),
        ("sip:[2001:db8::10", 400),
        ("sip:[192.0.2.1]", 400),
        ("sip:[::1]x", 400),
        ("sip:[fe80::1%25eth0]", 400),
        ("sip:%zz@host", 400),
        ("sip:%4@host", 400),
        ("sip:a\r\nVia: x@host", 400),
        ("sip:<a>@host", 400),
        ("sip:a@hôst", 400),
        ("sip:a@" + "h" * 400, 400),
        ("tel:+12125551212", 416),
        ("nobodyKnowsThisScheme:totallyopaquecontent", 416),
        ("mailto:a@b", 416),
        ("1x:abc", 400),
    ],
)
def test_refused(text: str, status: int) -> None:
    with pytest.raises(SipParseError) as caught:
        SipUri.parse(text)
    assert caught.value.status == status


def test_escapes_are_brought_into_normal_form() -> None:
    uri = SipUri.parse("sip:%75se%72%3a%40@h;n%61me=v%61lue%25%34%31")
    assert uri.user == "user%3A%40"
    assert uri.user_text == "user:@"
    assert uri.params == {"name": "value%2541"}
    assert decode(uri.params["name"] or "") == "value%41"
    assert str(uri) == "sip:user%3A%40@h;name=value%2541"


def test_escaped_nulls_end_nothing() -> None:
    assert SipUri.parse("sip:null-%00-null@example.com").user_text == "null-\0-null"
    assert SipUri.parse("sip:%00@h") != SipUri.parse("sip:%00%00@h")


def test_decode_keeps_octets_that_are_no_utf8() -> None:
    assert decode("%ff").encode("utf-8", "surrogateescape") == b"\xff"
    assert decode("100%") == "100%"
    assert decode("%D0%BC") == "м"


@settings(deadline=None)
@given(st.text())
def test_any_text_fits_in_a_user_part(text: str) -> None:
    uri = SipUri.parse(f"sip:{escape_user(text)}@h") if text else SipUri("sip", None, None, "h")
    assert uri.user_text == text
    assert SipUri.parse(str(uri)) == uri


def test_formatting_escapes_what_was_set_by_hand() -> None:
    uri = SipUri("sip", "a b@c", "p:q", "h", 5060, {"x": "y z"}, (("Subject", "a&b"),))
    assert str(uri) == "sip:a%20b%40c:p%3Aq@h:5060;x=y%20z?Subject=a%26b"


def test_password_is_not_shown() -> None:
    uri = SipUri.parse("sip:alice:hunter2@h")
    assert "hunter2" not in repr(uri)
    assert "hunter2" in str(uri)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_equivalent_by_rfc3261(one: str, other: str) -> None:
    assert SipUri.parse(one).equivalent(SipUri.parse(other))
    assert SipUri.parse(other).equivalent(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a:x@h", "sip:a:y@h"),
        ("sip:%3Ba@h", "sip:;a@h"),
    ],
)
def test_not_equivalent_by_rfc3261(one: str, other: str) -> None:
    assert not SipUri.parse(one).equivalent(SipUri.parse(other))
    assert not SipUri.parse(other).equivalent(SipUri.parse(one))


@pytest.mark.parametrize("case", nist_cases("sip-url"), ids=lambda case: str(case["index"]))
def test_nist_uris_parse_and_round_trip(case: dict[str, str]) -> None:
    uri = SipUri.parse(case["text"])
    assert SipUri.parse(str(uri)) == uri
    assert uri.equivalent(SipUri.parse(str(uri)))


def test_host_and_port() -> None:
    assert parse_host_port("[::1]:5") == ("::1", 5)
    assert parse_host_port("h : 5") == ("h", 5)
    assert format_host_port("::1", None) == "[::1]"
    assert format_host_port("h", 5) == "h:5"
    assert is_ipv6("2001:db8::1")
    assert not is_ipv6("2001:db8::1::2")
    assert not is_ipv6("1.2.3.4")


def test_convenience() -> None:
    uri = SipUri.parse("sip:[::1]:5061;transport=tcp;lr")
    assert (uri.host_port, uri.transport, uri.is_loose_router, uri.user_text) == ("[::1]:5061", "TCP", True, "")
    assert scheme_of("TEL:+1") == "tel"
    assert scheme_of("nothing") == ""
