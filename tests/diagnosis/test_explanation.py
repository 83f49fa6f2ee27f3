"""Every failure tells the step, what went out, what came back, the likely cause and the remedy, without secrets."""

from __future__ import annotations

import pytest

from microsip_core.diagnosis.evidence import MessageEvidence
from microsip_core.errors import (
    AuthenticationError,
    CallRefused,
    DnsError,
    InvalidArgument,
    MicrosipError,
    NetworkError,
    TimedOut,
    TlsError,
)
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message

from .messages import SDP, message


def request(start: str = "INVITE sip:bob@example.com SIP/2.0", *, sdp: str = SDP, extra: str = "") -> Request:
    parsed = parse_message(message(start, "1 INVITE", sdp=sdp, extra=extra))
    assert isinstance(parsed, Request)
    return parsed


def response(status_line: str, *, sdp: str = "", extra: str = "", via: str = "") -> Response:
    data = message(f"SIP/2.0 {status_line}", "1 INVITE", sdp=sdp, extra=extra)
    parsed = parse_message(data.replace(b"127.0.0.1:41000;", f"127.0.0.1:41000{via};".encode()))
    assert isinstance(parsed, Response)
    return parsed


CHALLENGE = 'WWW-Authenticate: Digest realm="pbx", nonce="n0nce", algorithm=MD5\r\n'
CREDENTIALS = 'Authorization: Digest username="alice", realm="pbx", nonce="n0nce", response="5ecret"\r\n'
REFUSED = AuthenticationError("refused", step="invite", peer="sip:bob@example.com")
SILENT = TimedOut("the peer did not respond in time", step="invite", peer="sip:bob@example.com")


def refused(status: int, reason: str) -> CallRefused:
    return CallRefused(status, reason, step="invite", peer="sip:bob@example.com", remedy="what the status says")


CAUSES: list[tuple[str, MicrosipError, MessageEvidence, str, str]] = [
    ("name", DnsError("the host 'x' has no address", remedy="Check the spelling"), MessageEvidence(request()),
     "DNS: the host 'x' has no address", "Check the spelling"),
    ("certificate", TlsError("the certificate has expired", remedy="Renew it"), MessageEvidence(request()),
     "TLS: the certificate has expired", "Renew it"),
    ("port", NetworkError("nothing listens there"), MessageEvidence(request()), "network: nothing listens there", ""),
    ("no password", REFUSED, MessageEvidence(request(), response("401 Unauthorized", extra=CHALLENGE)),
     "a password is wanted for realm 'pbx', and there is none", "Give the password"),
    ("wrong realm", REFUSED,
     MessageEvidence(request(), response("401 Unauthorized", extra=CHALLENGE), usernames={"office": "alice"}),
     "wrong realm: the server asks for 'pbx', the password at hand is for 'office'", "realm"),
    ("wrong password", REFUSED,
     MessageEvidence(request(extra=CREDENTIALS), response("401 Unauthorized", extra=CHALLENGE),
                     usernames={None: "alice"}),
     "user name 'alice' or its password is not what the server has for realm 'pbx'", "authentication id"),
    ("a stranger asks", REFUSED,
     MessageEvidence(request(), response("401 Unauthorized", extra=CHALLENGE), usernames={None: "alice"}),
     "the password was not given to realm 'pbx'", "registrar or proxy"),
    ("algorithm", REFUSED,
     MessageEvidence(request(), response("401 Unauthorized", extra=CHALLENGE.replace("MD5", "ROT13")),
                     usernames={None: "alice"}), "the server wants ROT13", "SHA-256"),
    ("another scheme", REFUSED,
     MessageEvidence(request(), response("401 Unauthorized", extra="WWW-Authenticate: Bearer x\r\n"),
                     usernames={None: "alice"}), "no digest challenge", "operator"),
    ("no codec, said why", refused(488, "Not Acceptable Here"),
     MessageEvidence(request(), response("488 Not Acceptable Here", extra='Warning: 305 a.b "only G.729"\r\n')),
     "it has none of the codecs offered (only G.729)", "Offer more codecs"),
    ("no codec, described", refused(488, "Not Acceptable Here"),
     MessageEvidence(request(), response("488 Not Acceptable Here", sdp=SDP.replace("0 8 101", "18"))),
     "it has G729 127.0.0.1:4000", "Offer more codecs"),
    ("no SRTP", refused(488, "Not Acceptable Here"),
     MessageEvidence(request(sdp=SDP.replace("RTP/AVP", "RTP/SAVP")), response("488 Not Acceptable Here")),
     "can not take what we offer", "Offer plain RTP"),
    ("an odd warning", refused(606, "Not Acceptable"),
     MessageEvidence(request(), response("606 Not Acceptable", extra="Warning: ?\r\n")),
     "can not take what we offer", "Offer more codecs"),
    ("extension", refused(420, "Bad Extension"),
     MessageEvidence(request(), response("420 Bad Extension", extra="Unsupported: 100rel\r\n")),
     "lacks an extension that the request insists on: 100rel", "Require"),
    ("silence", SILENT, MessageEvidence(request()), "nothing came back at all", "firewall"),
    ("silence for a large one", SILENT, MessageEvidence(request(sdp=SDP + "a=x:" + "y" * 1200 + "\r\n")),
     "fragments may have been dropped", "TCP"),
    ("silence behind the proxy", SILENT, MessageEvidence(request(), provisional=100),
     "whoever is behind it is silent", "Try again later"),
    ("no ACK", TimedOut("the call was lost (no ack)"), MessageEvidence(None, kind="no_ack"),
     "can not reach the address in our Contact", "public address"),
    ("overload", refused(503, "Service Unavailable"),
     MessageEvidence(request(), response("503 Service Unavailable", extra="Retry-After: 30 (soon)\r\n")),
     "503 Service Unavailable", "Try again in 30 s"),
    ("anything else", refused(404, "Not Found"), MessageEvidence(request(), response("404 Not Found")),
     "404 Not Found", "what the status says"),
    ("behind a NAT", refused(408, "Request Timeout"),
     MessageEvidence(request(), response("408 Request Timeout", via=";received=203.0.113.9;rport=7000")),
     "we are behind a NAT: the peer sees us at 203.0.113.9, not at 127.0.0.1:41000", ""),
]


@pytest.mark.parametrize(("error", "evidence", "cause", "remedy"), [row[1:] for row in CAUSES],
                         ids=[row[0] for row in CAUSES])
def test_the_likely_cause_and_its_remedy_are_named(
    error: MicrosipError, evidence: MessageEvidence, cause: str, remedy: str,
) -> None:
    error.evidence = evidence
    explained = error.explain()
    assert cause in explained.cause
    assert remedy in explained.remedy
    assert explained.cause in str(explained)


def test_what_was_sent_and_what_came_back_is_told_without_secrets() -> None:
    error = refused(403, "Forbidden")
    error.peer = "sip:alice:pa55@example.com"
    sent = request("INVITE sip:alice:pa55@example.com SIP/2.0", extra=CREDENTIALS)
    error.evidence = MessageEvidence(sent, response("403 Forbidden", extra="Server: pbx\x1b[2J\r\n"), 183)
    text = str(error.explain())
    assert "sent:     INVITE sip:alice:***@example.com" in text
    assert "UDP from 127.0.0.1:41000 to example.com" in text
    assert "offering PCMU PCMA 127.0.0.1:4000" in text
    assert "received: 183, and after it" in text
    assert "received: 403 Forbidden" in text
    assert "Server: pbx" in text
    assert not any(secret in text for secret in ("pa55", "5ecret", "n0nce", "\x1b"))


def test_an_error_without_evidence_explains_itself() -> None:
    explained = InvalidArgument("5 is no port", step="listen", remedy="Give another").explain()
    assert (explained.step, explained.cause, explained.remedy) == ("listen", "5 is no port", "Give another")
