"""SIP as it was seen on the wire: every captured message parses, the two broken ones do no harm."""

from __future__ import annotations

from collections import Counter

import pytest

from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import SipParseError, check_request, check_response, parse_message
from microsip_core.sip.stream_framing import StreamFramer

from .sip_vectors import tcp_segments, udp_payloads


def test_real_calls() -> None:
    kinds: Counter[str] = Counter()
    payloads = udp_payloads("zeek-wireshark.pcap")
    for payload in payloads:
        message = parse_message(payload)
        if isinstance(message, Request):
            assert check_request(message) is None
            kinds[message.method] += 1
        else:
            assert check_response(message) is None
            kinds[str(message.status)] += 1
        assert parse_message(message.to_bytes()).to_bytes() == message.to_bytes()
        _ = message.vias, message.contacts, message.record_routes, message.routes
    assert len(payloads) == 81
    assert all(kinds[kind] for kind in ("REGISTER", "401", "INVITE", "407", "CANCEL", "ACK", "200"))


@pytest.mark.parametrize("file", ["suricata-compact-form.pcap", "suricata-sdp.pcap"])
def test_compact_form_and_a_phone_that_escapes_its_quotes(file: str) -> None:
    for payload in udp_payloads(file):
        message = parse_message(payload)
        assert (check_request(message) if isinstance(message, Request) else check_response(message)) is None
        assert message.from_.sip_uri.user == "816666"
        assert message.via.wants_rport
        assert len(message.body) == 272


def test_two_to_headers_parse_but_are_not_served() -> None:
    (payload,) = udp_payloads("suricata-header-multi-value.pcap")
    message = parse_message(payload)
    assert isinstance(message, Request)
    assert message.get_all("To") == ["<sip:97239287044@voip.brujula.net>", "<sip:12345@voip.brujula.net>"]
    assert check_request(message) == (400, "Repeated Header")


def test_tcp_segments() -> None:
    framer = StreamFramer()
    messages = [
        parse_message(frame) for segment in tcp_segments("suricata-sip-tcp.pcap") for frame in framer.feed(segment)
    ]
    assert framer.error is None
    assert framer.buffered == 0
    register, ok = messages
    assert isinstance(register, Request)
    assert check_request(register) is None
    assert isinstance(ok, Response)
    assert check_response(ok) is None


def test_junk_before_a_request() -> None:
    junk, register = udp_payloads("zeek-sip-junk-before-request.pcap")
    with pytest.raises(SipParseError):
        parse_message(junk)
    message = parse_message(register)
    assert isinstance(message, Request)
    assert message.method == "REGISTER"
    assert check_request(message) == (400, "Missing Via")


def test_invalid_content_length() -> None:
    for payload in udp_payloads("zeek-invalid-content-length.pcap"):
        with pytest.raises(SipParseError) as caught:
            parse_message(payload)
        assert caught.value.status == 400
