"""A media backend that notes what it is asked, and a peer made of one socket that says what a test tells it to say."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Any

from microsip_core.errors import CodecError, InvalidState
from microsip_core.media.events import MediaEvent
from microsip_core.media.statistics import CallStatistics, StreamDescription, call_statistics

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=fake\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


class FakeStream:
    """Notes every method called, with its arguments."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.done: list[tuple[Any, ...]] = []
        self.takes_telephone_events = True
        self._next = 0

    def send_dtmf(self, digits: str, duration_ms: int, gap_ms: int) -> None:
        if not self.takes_telephone_events:
            raise InvalidState("the peer takes no telephone-events")
        self.done.append(("send_dtmf", digits, duration_ms, gap_ms))

    def play(self, source: Any, *, rate: int | None = None, loop: bool = False) -> int:
        self.done.append(("play", source, loop))
        self._next += 1
        return self._next

    def record(self, path: Any, *, stereo: bool = True) -> int:
        self.done.append(("record", path, stereo))
        self._next += 1
        return self._next

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.done.append((name, *arguments))


class FakeSession:
    """Answers every offer with the same words; ``b"hold"`` in a description means that the peer holds us."""

    def __init__(self, backend: FakeBackend, local_host: str) -> None:
        self.backend = backend
        self.local_host = local_host
        self.stream: FakeStream | None = FakeStream(len(backend.sessions) + 1)
        self.codec: str | None = None
        self.remote_hold = False
        self.done: list[tuple[str, bytes]] = []
        self.closed = False

    def create_offer(self, direction: str = "sendrecv") -> bytes:
        return OFFER

    def accept_answer(self, answer: bytes) -> None:
        self._take("accept_answer", answer)

    def accept_offer(self, offer: bytes, direction: str = "sendrecv") -> bytes:
        self._take("accept_offer", offer)
        return OFFER.replace(b"fake", b"answer")

    def _take(self, what: str, description: bytes) -> None:
        if b"nocodec" in description or self.backend.refuse:
            raise CodecError("no codec in common")
        self.done.append((what, description))
        self.remote_hold = b"hold" in description
        self.codec = "PCMU"

    def hold(self, on: bool) -> bytes:
        return OFFER.replace(b"fake", b"hold" if on else b"resume")

    def statistics(self) -> CallStatistics:
        return call_statistics({"packets_sent": 7}, StreamDescription(codec="PCMU"))

    def close(self) -> None:
        self.closed = True


class FakeBackend:
    """Opens fake sessions; ``tell`` makes an event happen."""

    event_fd = None
    core = "fake"

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []
        self.refuse = False
        self._events: deque[MediaEvent] = deque()

    def open_session(self, *, local_host: str, **_: Any) -> FakeSession:
        session = FakeSession(self, local_host)
        if self.sessions or local_host:
            self.sessions.append(session)
        return session

    def stream(self) -> FakeStream:
        """The stream of the newest session."""
        stream = self.sessions[-1].stream
        assert stream is not None
        return stream

    def tell(self, kind: Any, value: int = 0, detail: str = "", reference: int = 0) -> None:
        self._events.append(
            MediaEvent(kind, self.stream().id, value, detail, asyncio.get_running_loop().time(), reference),
        )

    def poll_events(self) -> list[MediaEvent]:
        events = list(self._events)
        self._events.clear()
        return events

    def close(self) -> None: ...


class RawPeer:
    """One UDP socket that speaks SIP as the test dictates."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.uri = f"sip:peer@127.0.0.1:{self.port}"
        self.remote: Any = None

    async def receive(self, wanted: str = "", timeout: float = 3.0) -> str:
        """Return the next message that starts with ``wanted``, skipping others."""
        async with asyncio.timeout(timeout):
            while True:
                data, self.remote = await asyncio.get_running_loop().sock_recvfrom(self.socket, 65535)
                text = data.decode()
                if text.startswith(wanted):
                    return text

    async def send(self, text: str, remote: Any = None) -> None:
        await asyncio.get_running_loop().sock_sendto(self.socket, text.encode(), remote or self.remote)

    async def respond(self, request: str, status: str, *, tag: str = "peer", body: str = "", extra: str = "") -> None:
        """Answer a request: its Via, From, Call-ID and CSeq, a To with our tag, a Contact."""
        lines = [f"SIP/2.0 {status}"]
        for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]:
            name = line.partition(":")[0].lower()
            if name in ("via", "from", "call-id", "cseq", "record-route"):
                lines.append(line)
            elif name == "to":
                lines.append(line if "tag=" in line else f"{line};tag={tag}")
        lines.append(f"Contact: <{self.uri}>")
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await self.send(
            "\r\n".join(lines) + f"\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}",
        )

    def invite(self, remote: tuple[str, int], *, body: str = OFFER.decode(), call_id: str = "raw1") -> str:
        """Return an INVITE for a user agent."""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"INVITE sip:u@{remote[0]}:{remote[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{call_id}\r\nMax-Forwards: 70\r\n"
            f"From: \"Raw Peer\" <{self.uri}>;tag=raw\r\nTo: <sip:u@{remote[0]}:{remote[1]}>\r\nCall-ID: {call_id}\r\n"
            f"CSeq: 1 INVITE\r\nContact: <{self.uri}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def close(self) -> None:
        self.socket.close()
