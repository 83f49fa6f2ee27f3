"""Via, name-addr and CSeq values."""

from __future__ import annotations

import pytest

from microsip_core.sip.header_values import CSeq, NameAddr, Via
from microsip_core.sip.parse_error import SipParseError


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("SIP/2.0/UDP h", ("UDP", "h", None, {})),
        ("SIP/2.0/UDP h:5;branch=z9hG4bKa;rport", ("UDP", "h", 5, {"branch": "z9hG4bKa", "rport": None})),
        ("SIP/2.0/udp h", ("UDP", "h", None, {})),
        ("sip/2.0/tls h", ("TLS", "h", None, {})),
        ("SIP/2.0/NEW h", ("NEW", "h", None, {})),
        ("SIP/2.0/UDP   h : 5 ; branch = x", ("UDP", "h", 5, {"branch": "x"})),
        ("SIP / 2.0 / TCP\t h", ("TCP", "h", None, {})),
        ("SIP/2.0/WSS df7jal23ls0d.invalid;branch=a", ("WSS", "df7jal23ls0d.invalid", None, {"branch": "a"})),
        ("SIP/2.0/UDP [2001:db8::9:1]:6050;branch=x", ("UDP", "2001:db8::9:1", 6050, {"branch": "x"})),
    ],
)
def test_via(text: str, fields: tuple[object, ...]) -> None:
    via = Via.parse(text)
    assert tuple(via) == fields
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 h",
        "SIP/7.0/UDP h",
        "XXX/2.0/UDP h",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;branch=a;branch=b",
        "SIP/2.0/UDP h i",
        "SIP/2.0/U<P h",
        "SIP/2.0/UDP [::1",
        "//",
        ":// ;0=;",
    ],
)
def test_malformed_via(text: str) -> None:
    with pytest.raises(SipParseError) as caught:
        Via.parse(text)
    assert caught.value.status == 400


def test_via_properties() -> None:
    via = Via.parse("SIP/2.0/UDP h;received=[2001:db8::9:255];rport=4711;maddr=m;branch=b")
    assert (via.received, via.rport, via.wants_rport, via.maddr, via.branch) == (
        "2001:db8::9:255",
        4711,
        True,
        "m",
        "b",
    )
    assert via.sent_by == "h"
    empty = Via.parse("SIP/2.0/UDP h;rport")
    assert (empty.received, empty.rport, empty.wants_rport, empty.maddr, empty.branch) == (None, None, True, None, None)
    assert Via.parse("SIP/2.0/UDP h;rport=x").rport is None


def test_received_is_added_as_rfc3261_and_rfc3581_have_it() -> None:
    assert str(Via.parse("SIP/2.0/UDP 1.2.3.4;branch=b").with_received("1.2.3.4", 9)) == "SIP/2.0/UDP 1.2.3.4;branch=b"
    assert (
        str(Via.parse("SIP/2.0/UDP h;branch=b").with_received("1.2.3.4", 9))
        == "SIP/2.0/UDP h;branch=b;received=1.2.3.4"
    )
    asked = Via.parse("SIP/2.0/UDP 1.2.3.4;branch=b;rport")
    assert str(asked.with_received("1.2.3.4", 9)) == "SIP/2.0/UDP 1.2.3.4;branch=b;rport=9;received=1.2.3.4"
    assert asked.rport is None
    lie = Via.parse("SIP/2.0/UDP 1.2.3.4;received=6.6.6.6")
    assert lie.with_received("1.2.3.4", 9).received == "1.2.3.4"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("sip:a@h", ("", "sip:a@h", {})),
        ("sip:a@h;tag=1", ("", "sip:a@h", {"tag": "1"})),
        ("<sip:a@h;lr>;tag=1", ("", "sip:a@h;lr", {"tag": "1"})),
        ("< sip:a@h >", ("", "sip:a@h", {})),
        ("caller<sip:a@h>;tag=323", ("caller", "sip:a@h", {"tag": "323"})),
        ("A. G. Bell  <sip:a@h> ; tag = x", ("A. G. Bell", "sip:a@h", {"tag": "x"})),
        (r'"J Rosenberg \\\""   <sip:a@h>;tag=1', ('J Rosenberg \\"', "sip:a@h", {"tag": "1"})),
        ('"<x>;tag=9" <sip:a@h>;tag=1', ("<x>;tag=9", "sip:a@h", {"tag": "1"})),
        ("<sip:a@h;tag=9>", ("", "sip:a@h;tag=9", {})),
        ("<sip:a@h>;tag=a-b.c", ("", "sip:a@h", {"tag": "a-b.c"})),
        ("<sip:a@h>;x=1;tag=2", ("", "sip:a@h", {"x": "1", "tag": "2"})),
        (
            '<sip:a@h>;+sip.instance="<urn:uuid:0>";q=0.7',
            ("", "sip:a@h", {"+sip.instance": '"<urn:uuid:0>"', "q": "0.7"}),
        ),
        ("Bob <tel:+1-201>", ("Bob", "tel:+1-201", {})),
        ("*", ("", "*", {})),
        (r"\"arik\" <sip:a@h>;tag=6", (r"\"arik\"", "sip:a@h", {"tag": "6"})),
        ("Ærlig <sip:a@h>;tag=1", ("Ærlig", "sip:a@h", {"tag": "1"})),
    ],
)
def test_name_addr(text: str, fields: tuple[object, ...]) -> None:
    value = NameAddr.parse(text)
    assert tuple(value) == fields
    assert NameAddr.parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "<sip:a@h",
        '"Mr. J. User <sip:a@h>',
        '"a"',
        '"a" b <sip:x>',
        'a "b <sip:x>" <sip:y>',
        "<sip:a@h>x",
        "<sip:a@h>;;",
        "sip:a@h?Route=x",
        "sip:a@h, sip:b@h",
        "nothing",
        "<sip:a@h>;tag=1;tag=2",
        '0"<',
        "0<",
        '<sip:a>;x="a;tag=1',
        "a b",
    ],
)
def test_malformed_name_addr(text: str) -> None:
    with pytest.raises(SipParseError) as caught:
        NameAddr.parse(text)
    assert caught.value.status == 400


def test_long_values_are_parsed_the_same_but_not_remembered() -> None:
    text = f'"{"x" * 300}" <sip:a@h>;tag=1'
    assert NameAddr.parse(text).tag == "1"
    assert NameAddr.parse(text) is not NameAddr.parse(text)


def test_name_addr_properties() -> None:
    value = NameAddr.parse("<sip:a@h>;q=0.3;expires=60;tag=t")
    assert (value.tag, value.q, value.expires, value.sip_uri.user) == ("t", 0.3, 60, "a")
    plain = NameAddr.parse("<sip:a@h>")
    assert (plain.tag, plain.q, plain.expires) == (None, 1.0, None)
    assert NameAddr.parse("<sip:a@h>;q=nan;expires=x").q == 1.0
    assert NameAddr.parse("<sip:a@h>;q=7").q == 1.0
    assert NameAddr.parse("<sip:a@h>;expires=x").expires is None
    with pytest.raises(SipParseError):
        NameAddr.parse("<tel:+1>").sip_uri  # noqa: B018
    assert str(plain.with_param("tag", "z").with_param("lr", None)) == "<sip:a@h>;tag=z;lr"


def test_display_name_is_quoted_on_the_way_out() -> None:
    assert str(NameAddr('Say "hi"', "sip:a@h")) == r'"Say \"hi\"" <sip:a@h>'
    assert str(NameAddr("Bob", "sip:a@h")) == "Bob <sip:a@h>"


def test_password_is_not_shown() -> None:
    value = NameAddr.parse("<sip:a:hunter2@h;x=y>;tag=1")
    assert repr(value) == "NameAddr('<sip:a:***@h;x=y>;tag=1')"
    assert "hunter2" in str(value)
    assert repr(NameAddr.parse("<sip:h:5060>")) == "NameAddr('<sip:h:5060>')"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("1 INVITE", (1, "INVITE")),
        ("0009\t INVITE", (9, "INVITE")),
        ("4294967295 X-Y", (4294967295, "X-Y")),
        (" 7 ACK ", (7, "ACK")),
    ],
)
def test_cseq(text: str, fields: tuple[int, str]) -> None:
    assert tuple(CSeq.parse(text)) == fields


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE", "x INVITE", "-1 INVITE", "4294967296 INVITE", "1 IN VITE", "1 <X>", "² INVITE"]
)
def test_malformed_cseq(text: str) -> None:
    with pytest.raises(SipParseError) as caught:
        CSeq.parse(text)
    assert caught.value.status == 400
