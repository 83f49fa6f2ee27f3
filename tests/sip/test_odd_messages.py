"""Messages at the edges of the grammar of RFC 3261 s25: what an endpoint answers to the legal and illegal."""

from __future__ import annotations

import pytest

from microsip_core.sip.hop import Source
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.stream_framing import PING, StreamFramer

from .calls import OFFER
from .test_refusals import INVITE, OPTIONS, SDP, ask, make_endpoint, message

BIG = str(2**31 - 1)
VIA = "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1"
GOOD = message(OPTIONS)


def with_line(line: str, data: bytes = GOOD) -> bytes:
    """Add a header line behind the others."""
    return data.replace(b"\r\nContent-Length", b"\r\n" + line.encode() + b"\r\nContent-Length", 1)


LEGAL: list[tuple[str, bytes, int]] = [
    ("compact names", GOOD.replace(b"Via:", b"v:").replace(b"From:", b"f:").replace(b"To:", b"t:")
        .replace(b"Call-ID:", b"i:").replace(b"Contact:", b"m:").replace(b"Content-Length:", b"l:"), 200),
    ("names in capitals", GOOD.replace(b"Via:", b"VIA:").replace(b"CSeq:", b"cSEQ:").replace(b"To:", b"TO:"), 200),
    ("white space before colons", GOOD.replace(b"Via:", b"Via \t :").replace(b"CSeq:", b"CSeq\t:"), 200),
    ("no white space behind colons", GOOD.replace(b": ", b":"), 200),
    ("every value on a line of its own", GOOD.replace(b": ", b":\r\n  "), 200),
    ("folded in the middle", message(OPTIONS, ("CSeq", "1\r\n\tOPTIONS")), 200),
    ("white space in Via", message(OPTIONS, ("Via", "SIP / 2.0 / UDP\t192.0.2.7 : 5060 ; branch = z9hG4bK1")), 200),
    ("white space around parameters", message(OPTIONS, ("From", "<sip:a@192.0.2.7> ; tag = a")), 200),
    ("protocol in small letters", message(OPTIONS, ("Via", "sip/2.0/udp 192.0.2.7;branch=z9hG4bK1")), 200),
    ("version in small letters", message("OPTIONS sip:bob@10.0.0.2 sip/2.0"), 200),
    ("scheme in capitals", message("OPTIONS SIP:bob@10.0.0.2 SIP/2.0"), 200),
    ("several Vias on one line", message(OPTIONS, ("Via", f"{VIA} , SIP/2.0/TCP h;branch=z9hG4bK2,SIP/2.0/WS x")), 200),
    ("an empty value", with_line("Subject:"), 200),
    ("an unknown header", with_line("X-Odd_Name.%!*+`'~: ;;,,\"<>@"), 200),
    ("an unknown parameter everywhere", message(
        "OPTIONS sip:bob@10.0.0.2;what=ever;x SIP/2.0", ("Via", VIA + ";x=\"q,;\""), ("To", "<sip:b@h;x>;y=z"),
    ), 200),
    ("quoted pairs in a name", message(OPTIONS, ("From", '"a \\" \\\\ <sip:x@y> , b" <sip:a@192.0.2.7>;tag=a')), 200),
    ("UTF-8 in a name", message(OPTIONS, ("From", "\"J\u00fcrgen \u4e2d\" <sip:a@192.0.2.7>;tag=a")), 200),
    ("a name of tokens", message(OPTIONS, ("From", "Not A.Quoted-Name! <sip:a@192.0.2.7>;tag=a")), 200),
    ("no brackets, so a parameter of the header", message(OPTIONS, ("From", "sip:a@192.0.2.7;tag=a")), 200),
    ("question mark in the user part", message("OPTIONS sip:a?b;c=d@10.0.0.2 SIP/2.0"), 200),
    ("every mark in the user part", message("OPTIONS sip:-_.!~*'()&=+$,;?/:%25@10.0.0.2 SIP/2.0"), 200),
    ("an empty password", message("OPTIONS sip:bob:@10.0.0.2 SIP/2.0"), 200),
    ("an IPv6 reference", message("OPTIONS sip:bob@[2001:db8::2]:5060 SIP/2.0"), 200),
    ("IPv4 in an IPv6 reference", message("OPTIONS sip:bob@[::ffff:192.0.2.1] SIP/2.0"), 200),
    ("IPv6 in Via", message(OPTIONS, ("Via", "SIP/2.0/UDP [2001:db8::7]:5070;branch=z9hG4bK1;received=[::1]")), 200),
    ("a host that ends with a dot", message("OPTIONS sip:bob@example.com. SIP/2.0"), 200),
    ("the largest CSeq", message(OPTIONS, ("CSeq", f"{BIG} OPTIONS")), 200),
    ("zeros before CSeq", message(OPTIONS, ("CSeq", "0000000001 OPTIONS")), 200),
    ("Max-Forwards 0", message(OPTIONS, ("Max-Forwards", "0")), 200),
    ("Max-Forwards 255", message(OPTIONS, ("Max-Forwards", "255")), 200),
    ("no Max-Forwards", message(OPTIONS, ("Max-Forwards", None)), 200),
    ("Expires beyond all numbers", with_line("Expires: 99999999999999999999"), 200),
    ("a Call-ID of any word", message(OPTIONS, ("Call-ID", "!%<>:\\\"/[]?{}@-.()`'~*+_")), 200),
    ("an unknown Date and language", with_line("Date: yesterday\r\nAccept-Language: ,, da;q=1.000"), 200),
    ("Accept without a value", with_line("Accept:"), 200),
    ("line ends before the message", b"\r\n\r\n\r\n" + GOOD, 200),
    ("octets behind the length", GOOD + b"INVITE sip:x SIP/2.0\r\n\r\n", 200),
    ("a body of an OPTIONS", message(OPTIONS, ("Content-Type", "text/plain"), body=b"hello"), 200),
    ("an offer of a folded type", message(INVITE, ("c", "application\r\n /sdp;charset=utf-8"), body=OFFER), 200),
    ("a type in capitals", message(INVITE, ("Content-Type", "APPLICATION/SDP"), body=OFFER), 200),
    ("no offer at all", message(INVITE), 200),
    ("an optional body of another type", message(
        INVITE, ("Content-Type", "x/y"), ("Content-Disposition", "icon ; handling = optional"), body=b"x",
    ), 200),
    ("Require of what we have", message(INVITE, SDP, ("Require", "100rel, timer,\r\n replaces"), body=OFFER), 200),
    ("Proxy-Require is not for us", with_line("Proxy-Require: nothing.we.have"), 200),
    ("a Contact list with commas in names", message(
        INVITE, SDP, ("Contact", '"a, b" <sip:a@192.0.2.7?x=y,z>;q=0.5'), body=OFFER,
    ), 200),
]
ILLEGAL: list[tuple[str, bytes, int]] = [
    ("no From tag and no From", message(OPTIONS, ("From", "")), 400),
    ("an empty To", message(OPTIONS, ("To", "")), 400),
    ("an empty Call-ID", message(OPTIONS, ("Call-ID", "")), 400),
    ("words in Call-ID", message(OPTIONS, ("Call-ID", "two words")), 200),
    ("an empty CSeq", message(OPTIONS, ("CSeq", "")), 400),
    ("CSeq with a word more", message(OPTIONS, ("CSeq", "1 OPTIONS now")), 400),
    ("CSeq with a sign", message(OPTIONS, ("CSeq", "+1 OPTIONS")), 400),
    ("CSeq in Arabic digits", message(OPTIONS, ("CSeq", "\u0661 OPTIONS")), 400),
    ("Max-Forwards of words", message(OPTIONS, ("Max-Forwards", "many")), 400),
    ("Max-Forwards with a point", message(OPTIONS, ("Max-Forwards", "7.0")), 400),
    ("a quote that ends in the next header", message(OPTIONS, ("From", '"a <sip:a@h>;tag=a')), 400),
    ("two addresses in From", message(OPTIONS, ("From", "<sip:a@h>;tag=a, <sip:b@h>;tag=b")), 400),
    ("two tags", message(OPTIONS, ("From", "<sip:a@h>;tag=a;tag=b")), 400),
    ("rubbish behind the address", message(OPTIONS, ("To", "<sip:a@h> x")), 400),
    ("no space in the request line", message("OPTIONSsip:bob@10.0.0.2 SIP/2.0"), 400),
    ("a tab in the request line", message("OPTIONS\tsip:bob@10.0.0.2\tSIP/2.0"), 0),
    ("a space at the end of the request line", message("OPTIONS sip:bob@10.0.0.2 SIP/2.0 "), 400),
    ("no URI", message("OPTIONS  SIP/2.0"), 400),
    ("no version", message("OPTIONS sip:bob@10.0.0.2"), 0),
    ("no host", message("OPTIONS sip:bob@ SIP/2.0"), 400),
    ("an empty user", message("OPTIONS sip:@10.0.0.2 SIP/2.0"), 400),
    ("two ats", message("OPTIONS sip:a@b@10.0.0.2 SIP/2.0"), 400),
    ("no port behind the colon", message("OPTIONS sip:bob@10.0.0.2: SIP/2.0"), 400),
    ("an unclosed reference", message("OPTIONS sip:bob@[2001:db8::2 SIP/2.0"), 400),
    ("too many groups", message("OPTIONS sip:bob@[1:2:3:4:5:6:7:8:9] SIP/2.0"), 400),
    ("an escape cut short", message("OPTIONS sip:bob%4@10.0.0.2 SIP/2.0"), 400),
    ("a method that is no token", message("OPT(IONS sip:bob@10.0.0.2 SIP/2.0"), 400),
    ("a header name with a space", with_line("X Y: z"), 400),
    ("a line of white space", with_line(" ").replace(b"Max-Forwards: 70\r\n", b"", 1), 200),
    ("a lone line feed", with_line("Subject: a\nVia: SIP/2.0/UDP evil"), 400),
    ("a lone carriage return", with_line("Subject: a\rVia: SIP/2.0/UDP evil"), 400),
    ("lengths that agree by chance", message(OPTIONS, ("l", "00")), 400),
    ("a length with a sign", message(OPTIONS, ("Content-Length", "+0")), 400),
    ("a length with a fraction", message(OPTIONS, ("Content-Length", "0.0")), 400),
    ("Contact: * in an INVITE", message(INVITE, ("Contact", "*")), 400),
    ("two Contacts in an INVITE", message(INVITE, SDP, ("Contact", "<sip:a@h>, <sip:b@h>"), body=OFFER), 200),
    ("sip:user of another scheme", message("OPTIONS sipx:bob@10.0.0.2 SIP/2.0"), 416),
    ("a tel URI", message("OPTIONS tel:+4912345 SIP/2.0"), 416),
    ("an unknown method in no dialog", message("FOO sip:bob@10.0.0.2 SIP/2.0", ("To", "<sip:b@h>;tag=x")), 481),
    ("two extensions", message(OPTIONS, ("Require", "one,two")), 420),
    ("version 2.1", message("OPTIONS sip:bob@10.0.0.2 SIP/2.1"), 505),
    ("version 1.0", message("OPTIONS sip:bob@10.0.0.2 SIP/1.0"), 505),
    ("a version of three", message("OPTIONS sip:bob@10.0.0.2 SIP/2.0.0"), 400),
    ("another protocol", message("OPTIONS sip:bob@10.0.0.2 HTTP/1.1"), 0),
    ("an encoding nobody knows", message(INVITE, SDP, ("e", "zip"), body=OFFER), 415),
    ("an answer of a type nobody knows", message(INVITE, SDP, ("Accept", "text/nobodyKnowsThis"), body=OFFER), 406),
    ("an answer of any type", message(INVITE, SDP, ("Accept", "text/x, Application / *;q=0.1"), body=OFFER), 200),
    ("an answer in several parts", message(INVITE, SDP, ("Accept", "multipart/mixed"), body=OFFER), 200),
    ("an answer of that type not at all", message(INVITE, SDP, ("Accept", "text/x, application/sdp;q=0.0"), body=OFFER),
     406),
    ("two spaces at the end of the request line", message("OPTIONS sip:bob@10.0.0.2 SIP/2.0  "), 400),
    ("a body without a type", message(INVITE, body=b"v=0\r\n"), 200),
]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize(("data", "status"), [case[1:] for case in LEGAL + ILLEGAL],
                         ids=[case[0] for case in LEGAL + ILLEGAL])
def test_an_odd_message_is_answered_as_it_should(data: bytes, status: int, transport: str) -> None:
    """0: it can not be answered, and is counted. Some of what is illegal does no harm, and is taken."""
    frames = [one for one in StreamFramer().feed(data) if one != PING] if transport == "TCP" else [data]
    endpoint = make_endpoint()
    responses = [one for frame in frames[:1] for one in ask(endpoint, frame, transport)]
    if not frames:  # the stream itself refuses it
        framer = StreamFramer()
        framer.feed(data)
        assert framer.error is not None
        assert framer.error.status == status
        return
    assert [one.status for one in responses] == ([status] if status else [])
    if not status:
        assert endpoint.statistics.malformed == 1
    for one in responses:
        assert parse_message(one.to_bytes()).to_bytes() == one.to_bytes()


def test_several_messages_in_a_segment_and_one_in_a_datagram() -> None:
    other = GOOD.replace(b"z9hG4bK1", b"z9hG4bK2").replace(b"CSeq: 1", b"CSeq: 2")
    assert StreamFramer().feed(GOOD + b"\r\n" + other) == [GOOD, other]
    endpoint = make_endpoint()
    endpoint.receive(GOOD + other, Source("UDP", "192.0.2.7", 5060, ("10.0.0.2", 5060)), 0.0)
    responses = [parse_message(packet.data) for packet in endpoint.data_to_send()]
    assert [one.cseq.number for one in responses if isinstance(one, Response)] == [1]
