"""A server core between hand-made messages: what goes in, what comes out, and a clock that moves when told to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from microsip_core.ids import IdSource
from microsip_core.server.auth import AuthSettings, ChallengeMode
from microsip_core.server.config import ServerConfig
from microsip_core.server.core import ServerCore
from microsip_core.sip.builder import request, response_to
from microsip_core.sip.hop import Hop, Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message

SERVER = ("127.0.0.1", 5060)
DOMAIN = "example.test"
BOB = f"sip:bob@{DOMAIN}"
SECRET = b"0123456789abcdef"


class Sent(NamedTuple):
    """One message the server sent."""

    message: Any
    hop: Hop

    @property
    def line(self) -> str:
        """What it is, and the port it went to."""
        message = self.message
        return f"{message.method if isinstance(message, Request) else message.status} {self.hop.port}"


class CoreBench:
    """Users alice, bob and carol, without authentication unless the config says otherwise."""

    def __init__(self, **config: Any) -> None:
        config.setdefault("users", {"alice": "secret", "bob": "secret", "carol": "secret"})
        config.setdefault("domains", (DOMAIN, "127.0.0.1"))
        config.setdefault("auth", AuthSettings(ChallengeMode.NONE))
        self.lines: list[str] = []
        self.core = ServerCore(ServerConfig(**config), lambda hop: SERVER, SECRET, ids=IdSource(1))
        self.core.domain.listening = frozenset({SERVER})
        self.core.journal.listener = lambda event: self.lines.append(str(event))
        self.now = 1000.0
        self._branch = 0

    def new(
        self, method: str, uri: str, *, port: int = 5071, from_: str = f"<sip:alice@{DOMAIN}>;tag=a",
        to: str | None = None,
        headers: Iterable[tuple[str, str]] = (), cseq: int = 1, call_id: str = "c1", max_forwards: int = 70,
        branch: str | None = None,
    ) -> Request:
        """A request from a phone on ``port``, with a fresh branch."""
        self._branch += 1
        return request(
            method, uri, via=f"SIP/2.0/UDP 127.0.0.1:{port};branch={branch or f'z9hG4bKt{self._branch}'};rport",
            from_=from_, to=to or f"<{uri}>", call_id=call_id, cseq=cseq, max_forwards=max_forwards, headers=headers,
        )

    def send(self, message: Request | Response | bytes, port: int = 5071) -> list[Sent]:
        """Have the server receive a message; returns what it sent then."""
        data = message if isinstance(message, bytes) else message.to_bytes()
        self.core.receive(data, Source("UDP", "127.0.0.1", port, SERVER), self.now)
        return self.sent()

    def sent(self) -> list[Sent]:
        """What the server has sent since last asked."""
        return [Sent(parse_message(packet.data), packet.hop) for packet in self.core.data_to_send()]

    def reply(
        self, sent: Sent, status: int, *, tag: str | None = None, headers: Iterable[tuple[str, str]] = (),
    ) -> list[Sent]:
        """Have the phone the server sent a request to answer it."""
        port = sent.hop.port or 5060
        return self.send(response_to(sent.message, status, to_tag=tag or f"t{port}", headers=headers), port)

    def advance(self, seconds: float) -> list[Sent]:
        """Let time pass, firing every timer when it is due; returns all that was sent."""
        end = self.now + seconds
        out: list[Sent] = []
        while (due := self.core.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.core.handle_timeout(self.now)
            out += self.sent()
        self.now = end
        return out

    def bind(self, user: str, *ports: int, q: dict[int, float] | None = None) -> None:
        """Register contacts of a user, one per port."""
        for cseq, port in enumerate(ports, 1):
            parameter = f";q={q[port]}" if q else ""
            answer = self.send(self.new(
                "REGISTER", f"sip:{DOMAIN}", from_=f"<sip:{user}@{DOMAIN}>;tag=r", to=f"<sip:{user}@{DOMAIN}>",
                cseq=cseq, call_id=f"r-{user}", headers=[("Contact", f"<sip:{user}@127.0.0.1:{port}>{parameter}")],
            ))
            assert [found.message.status for found in answer] == [200]


def lines(sent: list[Sent]) -> list[str]:
    """What was sent, and to which ports."""
    return [found.line for found in sent]


def forwarded(sent: list[Sent]) -> list[Sent]:
    """The requests among what was sent."""
    return [found for found in sent if isinstance(found.message, Request)]


def invite(bench: CoreBench, uri: str = BOB, max_forwards: int = 70) -> list[Sent]:
    """Have alice call; returns the INVITEs that went on."""
    contact = [("Contact", "<sip:alice@127.0.0.1:5071>")]
    return forwarded(bench.send(bench.new("INVITE", uri, headers=contact, max_forwards=max_forwards)))
