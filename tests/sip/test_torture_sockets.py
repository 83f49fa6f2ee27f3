"""The torture messages on real sockets, by UDP and TCP, against a running user agent and the loopback server."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from microsip_core.server.server import LoopbackServer
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.stream_framing import PONG, StreamFramer
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

from .sip_vectors import manifest, nist_cases, nist_message, torture_message

CASES = [(folder, case) for folder in ("rfc4475", "rfc5118") for case in manifest(folder)]
BYE_WITHOUT_DIALOG = {"via-received-param-with-delim"}  # 481 by RFC 3261 s15.1.2, see test_torture_endpoint
PATIENCE = 10.0
_NUMBERS = itertools.count()
_VIA = re.compile(rb"(?im)^(v(?:ia)?[ \t]*:\s*SIP\s*/\s*2\.0\s*/\s*)\w+(\s+)(?:\[[^\]]*\]|[^\s;,:]+)(\s*:\s*\d+)?")


class Injector:
    """Sends a message, then a good OPTIONS, and gives the responses that come before the answer to that."""

    def __init__(self, transport: str, target: tuple[str, int]) -> None:
        self.transport = transport
        self.via = transport
        self.target = target
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __aenter__(self) -> Injector:
        loop = asyncio.get_running_loop()
        await (self._open_udp(loop) if self.transport == "UDP" else self._open_tcp())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def _open_udp(self, loop: asyncio.AbstractEventLoop) -> None:
        received = self._received

        class Protocol(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                received.put_nowait(data)

        link, _ = await loop.create_datagram_endpoint(Protocol, remote_addr=self.target)
        self._send, self._close = link.sendto, link.close
        self.local = link.get_extra_info("sockname")

    async def _open_tcp(self) -> None:
        reader, writer = await asyncio.open_connection(*self.target)

        async def read() -> None:
            framer = StreamFramer(opened_here=True)
            while data := await reader.read(65536):
                for frame in framer.feed(data):
                    if frame != PONG:
                        self._received.put_nowait(frame)
            self._received.put_nowait(None)

        task = asyncio.create_task(read())

        def close() -> None:
            task.cancel()
            writer.close()

        self._send, self._close = writer.write, close
        self.local = writer.get_extra_info("sockname")

    async def first_answer(self, data: bytes) -> list[Response]:
        """Return the first final response to a message, and what came before it: on a stream that may end then."""
        self._send(self._as_ours(data))
        found: list[Response] = []
        async with asyncio.timeout(PATIENCE):
            while (frame := await self._received.get()) is not None:
                message = parse_message(frame)
                assert isinstance(message, Response)
                found.append(message)
                if message.status >= 200:
                    break
        return found

    def _as_ours(self, data: bytes) -> bytes:
        host, port = self.local[:2]
        return _VIA.sub(rb"\g<1>%b\g<2>%b:%d" % (self.via.encode(), host.encode(), port), data, count=1)

    async def ask(self, data: bytes) -> list[Response]:
        """Return the responses to a message; the topmost Via names us, as if we had made it."""
        host, port = self.local[:2]
        self._send(self._as_ours(data))
        last = f"sentinel-{next(_NUMBERS)}"
        self._send(
            f"OPTIONS sip:{host}:{self.target[1]} SIP/2.0\r\nVia: SIP/2.0/{self.transport} {host}:{port};rport;"
            f"branch=z9hG4bK{last}\r\nFrom: <sip:a@{host}>;tag=a\r\nTo: <sip:{host}>\r\nCall-ID: {last}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode(),
        )
        found: list[Response] = []
        async with asyncio.timeout(PATIENCE):
            while (frame := await self._received.get()) is not None:
                message = parse_message(frame)
                if isinstance(message, Response) and message.get("Call-ID") == last:
                    # what is left of a message on a stream, behind its length, spoils the next one
                    assert message.status == 200 or self.transport == "TCP"
                    return found
                if isinstance(message, Response):
                    found.append(message)
        return found


@pytest.fixture(scope="module", params=["UDP", "TCP"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def agent() -> AsyncIterator[UserAgent]:
    config = UserAgentConfig(listen=("127.0.0.1:0", "tcp:127.0.0.1:0"), close_timeout=0.0)
    async with UserAgent(config, media="none") as agent:
        agent.on_incoming = lambda call: call.answer()
        yield agent


def injector(agent: UserAgent, transport: str) -> Injector:
    return Injector(transport, agent.transport.listen_address_of(transport))


async def test_a_running_user_agent_does_as_the_manifests_say(agent: UserAgent, transport: str) -> None:
    wrong = {}
    for folder, case in CASES:
        expected = case["ua"]
        if transport == "TCP" and expected.get("over") == "udp":
            continue  # a stream just waits for the rest of it
        async with injector(agent, transport) as peer:
            data = torture_message(folder, case["file"])
            answered_alone = transport == "TCP" and expected["action"] == "respond"
            found = await (peer.first_answer(data) if answered_alone else peer.ask(data))
        statuses = [one.status for one in found]
        allowed = {*expected.get("codes", ()), *expected.get("also_ok", ())}
        allowed = {481} if case["name"] in BYE_WITHOUT_DIALOG else allowed | {100, 180} if 200 in allowed else allowed
        if bool(statuses) is not (expected["action"] == "respond") or not set(statuses) <= allowed:
            wrong[case["name"]] = statuses, sorted(allowed)
    assert wrong == {}


SYNTAX = {400, 413, 414, 505, 513}


async def test_a_running_user_agent_tells_the_good_nist_messages_from_the_bad(agent: UserAgent, transport: str) -> None:
    """Good requests are understood, whatever becomes of them; bad ones refused; an ACK and a response get no answer."""
    wrong = {}
    for case in nist_cases("message"):
        data = nist_message(case)
        unanswered = data.startswith((b"SIP/", b"ACK "))
        async with injector(agent, transport) as peer:
            answered_alone = transport == "TCP" and not unanswered
            found = await (peer.first_answer(data) if answered_alone else peer.ask(data))
        statuses = {one.status for one in found}
        if unanswered:
            good = statuses <= ({400} if transport == "TCP" else set())  # what its length leaves over on a stream
        elif case["expect"] == "reject":
            good = bool(statuses) and statuses <= {400, 416, 505}
        else:
            good = bool(statuses) and not statuses & SYNTAX
        if not good:
            wrong[case["index"]] = [f"{one.status} {one.reason}" for one in found], data
    assert wrong == {}


async def test_what_comes_by_udp_and_tcp_is_answered_on_both(agent: UserAgent) -> None:
    """The same octets, Via and all, from one who sends each message by UDP and then by TCP."""
    wrong = {}
    for folder, case in CASES:
        expected = case["ua"]
        if expected["action"] != "respond" or expected.get("over") == "udp":
            continue
        data = torture_message(folder, case["file"])
        async with injector(agent, "UDP") as peer, injector(agent, "TCP") as other:
            other.local, other.via = peer.local, peer.via
            by_udp, by_tcp = await peer.first_answer(data), await other.first_answer(data)
        found = by_udp[-1].status, by_tcp[-1].status
        if found[0] != found[1]:
            wrong[case["name"]] = found
    assert wrong == {}


async def test_the_running_loopback_server_survives_and_refuses(transport: str) -> None:
    wrong = {}
    server = LoopbackServer(users={"user": "secret"}, challenge="none", services=False, transports=("udp", "tcp"))
    async with server:
        cases = [(case["name"], torture_message(folder, case["file"]), case) for folder, case in CASES]
        cases += [(f"nist {number}", nist_message(case), {}) for number, case in enumerate(nist_cases("message"))]
        for name, data, case in cases:
            if transport == "TCP" and case.get("ua", {}).get("over") == "udp":
                continue
            async with Injector(transport, server.address) as peer:
                statuses = {one.status for one in await peer.ask(data)}
            if case.get("parse") == "reject" and not statuses <= {*case["ua"]["codes"]}:
                wrong[name] = statuses
        assert server.statistics().get("faults", 0) == 0
    assert wrong == {}
