"""SIP messages and trace entries to draw."""

from __future__ import annotations

from dataclasses import dataclass

ALICE, SERVER, BOB = ("127.0.0.1", 41000), ("127.0.0.1", 5060), ("127.0.0.1", 42000)

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


@dataclass(frozen=True)
class Entry:
    time: float
    direction: str
    local: tuple[str, int]
    remote: tuple[str, int]
    data: bytes


def message(
    start: str, cseq: str, branch: str = "z9hG4bK1", *, call_id: str = "call-1", sdp: str = "", extra: str = "",
) -> bytes:
    content = "Content-Type: application/sdp\r\n" if sdp else ""
    head = f"{start}\r\nVia: SIP/2.0/UDP 127.0.0.1:41000;branch={branch}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n"
    return f"{head}{extra}{content}Content-Length: {len(sdp)}\r\n\r\n{sdp}".encode()


def sent(time: float, source: tuple[str, int], destination: tuple[str, int], data: bytes) -> Entry:
    return Entry(time, "out", source, destination, data)


def received(time: float, source: tuple[str, int], destination: tuple[str, int], data: bytes) -> Entry:
    return Entry(time, "in", destination, source, data)


INVITE = message("INVITE sip:bob@127.0.0.1 SIP/2.0", "1 INVITE", sdp=SDP)
OK = message("SIP/2.0 200 OK", "1 INVITE", sdp=SDP.replace("4000", "5000").replace("0 8 101", "8"))
ACK = message("ACK sip:bob@127.0.0.1 SIP/2.0", "1 ACK", "z9hG4bK2")
BYE = message("BYE sip:bob@127.0.0.1 SIP/2.0", "2 BYE", "z9hG4bK3")
