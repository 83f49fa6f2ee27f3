"""One line per message, for good ones and bad ones, and without secrets."""

from __future__ import annotations

import pytest

from microsip_core.diagnosis.message_summary import summarize, summarize_sdp
from microsip_core.diagnosis.redaction import redact

from .messages import INVITE, OK, SDP, message

AUTHORIZATION = (
    'Authorization: Digest username="alice", realm="loopback", nonce="5f1c", uri="sip:loopback", '
    'response="6629fae49393a05397450978507c4ef1", algorithm=MD5, cnonce="0a4f", qop=auth, nc=00000001\r\n'
)


def test_request_and_response() -> None:
    request, response = summarize(INVITE), summarize(OK)
    assert (request.method, request.status, request.label, request.is_request) == ("INVITE", 0, "INVITE", True)
    assert (response.method, response.status, response.label) == ("INVITE", 200, "200 OK")
    assert (request.call_id, request.sdp) == ("call-1", "PCMU PCMA 127.0.0.1:4000")


def test_compact_headers_are_understood() -> None:
    summary = summarize(b"BYE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\ni: abc\r\nCSeq: 1 BYE\r\n\r\n")
    assert summary.call_id == "abc"


def test_credentials_are_told_but_not_shown() -> None:
    summary = summarize(message("REGISTER sip:loopback SIP/2.0", "2 REGISTER", extra=AUTHORIZATION))
    assert summary.label == "REGISTER (credentials)"


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (b"\r\n\r\n", "keep-alive"),
        (b"\0", "keep-alive"),
        (b"", "keep-alive"),
        (b"GET / HTTP/1.1\r\n\r\n", "no SIP message (18 octets)"),
        (b"\xff\xfe\x00garbage", "no SIP message (10 octets)"),
        (b"SIP/2.0 abc Odd\r\n\r\n", "no SIP message (19 octets)"),
        (b"SIP/2.0 180\r\n\r\n", "180"),
        (b"INVITE sip:a SIP/2.0", "INVITE"),
    ],
)
def test_odd_messages_have_a_label(data: bytes, label: str) -> None:
    assert summarize(data).label == label


@pytest.mark.parametrize(
    ("sdp", "text"),
    [
        (SDP, "PCMU PCMA 127.0.0.1:4000"),
        (SDP + "a=sendonly\r\n", "PCMU PCMA 127.0.0.1:4000 sendonly"),
        (SDP.replace("IN IP4 127.0.0.1\r\nt=", "IN IP6 ::1\r\nt="), "PCMU PCMA [::1]:4000"),
        ("m=audio 0 RTP/AVP 0\r\n", "audio refused"),
        ("c=IN IP4 h\r\nm=audio 1 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\nm=video 2 RTP/AVP 34\r\nc=IN IP4 v\r\n",
         "opus h:1, video 34 v:2"),
        ("", ""),
        ("m=\r\nc=\r\na=rtpmap:\r\n", ""),
    ],
)
def test_sdp_in_a_few_words(sdp: str, text: str) -> None:
    assert summarize_sdp(sdp.encode()) == text


def test_control_characters_of_a_peer_do_not_reach_the_terminal() -> None:
    summary = summarize(message("SIP/2.0 486 \x1b[31mBusy\x07", "1 INVITE", sdp="m=audio 1 RTP/AVP \x1b[1m\r\n"))
    assert summary.label.isprintable()
    assert summary.sdp.isprintable()
    assert "Busy" in summary.label


def test_redaction_takes_every_secret_and_leaves_the_rest() -> None:
    text = (
        "INVITE sip:alice:hunter2@example.com;user=phone SIP/2.0\r\n" + AUTHORIZATION
        + "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\nSubject: nonce=harmless\r\n\r\n"
        + "m=audio 4000 RTP/SAVP 0\r\n"
        + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20\r\n"
        + "k=clear:secretkey\r\n"
    )
    shown = redact(text)
    for secret in ("hunter2", "6629fae4", "5f1c", "0a4f", "YWxpY2U6", "d0Rmdm", "secretkey"):
        assert secret not in shown
    for kept in ('username="alice"', 'realm="loopback"', "nc=00000001", "nonce=harmless", "AES_CM_128_HMAC_SHA1_80"):
        assert kept in shown


def test_redaction_follows_folded_headers() -> None:
    assert "secret" not in redact('Authorization: Digest username="a",\r\n response="secret"\r\nTo: b\r\n')
