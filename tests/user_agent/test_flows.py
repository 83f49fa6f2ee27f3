"""Flows to a registrar that fail, and the routes that registrars and proxies set (RFC 5626, RFC 3608, RFC 3327)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from microsip_core.errors import CallRefused, NetworkError
from microsip_core.server.server import LoopbackServer
from microsip_core.sip.hop import Hop
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.states import AccountState, EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import RawPeer

USERS = {"alice": "secret", "bob": "hunter2"}
GRANTED = "Require: outbound\r\nFlow-Timer: 1\r\n"


class Registrar:
    """Answers 200 to what comes first by each connection, ``later`` to the rest; notes what came by which."""

    def __init__(self, later: str) -> None:
        self.later = later
        self.came: list[tuple[int, str]] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Condition()

    async def start(self) -> str:
        """Listen; returns the URI of the registrar."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"sip:127.0.0.1:{self._server.sockets[0].getsockname()[1]};transport=tcp"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number, first = self.connections, True
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((line.split(":")[1] for line in head.split("\r\n") if line.startswith("Content-Le")), "0")
                await reader.readexactly(int(length))
                method = head.split(" ")[0].strip()
                if not method:
                    writer.write(b"\r\n")
                    continue
                async with self._changed:
                    self.came.append((number, method))
                    self._changed.notify_all()
                if method != "ACK":
                    writer.write(self._answer(head, "200 OK" if first else self.later).encode())
                first = False
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    def _answer(head: str, status: str) -> str:
        lines = head.split("\r\n")
        kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Contact")]
        to = next(line for line in lines if line.startswith("To:"))
        answer = [f"SIP/2.0 {status}", *kept, f"{to};tag=1", "Require: outbound", "Content-Length: 0", "", ""]
        return "\r\n".join(answer)

    async def until(self, entry: tuple[int, str]) -> None:
        """Wait until that method has come by that connection."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: entry in self.came)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


@pytest.fixture
async def failing() -> AsyncIterator[Registrar]:
    registrar = Registrar("430 Flow Failed")
    yield registrar
    registrar.close()


@pytest.fixture
def quick() -> UserAgentConfig:
    return UserAgentConfig(retry_base=0.05, retry_limit=0.1)


async def until_registered(account: Account) -> None:
    async with asyncio.timeout(5):
        while account.state is not AccountState.REGISTERED:  # noqa: ASYNC110 (its events may have passed)
            await asyncio.sleep(0.01)


async def test_430_to_a_refresh_has_us_register_over_a_new_flow(
    make_agent: MakeAgent, failing: Registrar, quick: UserAgentConfig,
) -> None:
    agent = await make_agent(config=quick)
    account = await agent.create_account("sip:alice@127.0.0.1", "x", registrar=await failing.start())
    with pytest.raises(CallRefused, match="430"):
        await account.register()
    await failing.until((2, "REGISTER"))
    await until_registered(account)


async def test_430_to_a_call_has_us_register_over_a_new_flow(
    make_agent: MakeAgent, failing: Registrar, quick: UserAgentConfig,
) -> None:
    agent = await make_agent(config=quick)
    uri = await failing.start()
    account = await agent.create_account("sip:alice@127.0.0.1", "x", registrar=uri, proxy=uri)
    with pytest.raises(CallRefused, match="430"):
        await account.invite("sip:bob@127.0.0.1", timeout=5)
    await failing.until((2, "REGISTER"))
    await until_registered(account)


async def test_udp_flow_without_stun_answers_is_registered_anew(
    make_agent: MakeAgent, peer: RawPeer, monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = await make_agent(config=UserAgentConfig(outbound=True))

    async def unanswered(hop: Hop) -> tuple[str, int]:
        raise NetworkError("the STUN server does not answer", step="stun", peer=hop.host)

    monkeypatch.setattr(agent.transport._keep_alive, "_ask", unanswered)
    registering = asyncio.create_task(agent.create_account(peer.uri, "x"))
    await peer.respond(await peer.receive("REGISTER"), "200 OK", extra=GRANTED)
    account = await registering
    assert account.identity.reach.grant.flow_timer == 1
    again = await peer.receive("REGISTER", timeout=5)
    assert "CSeq: 2 REGISTER" in again
    await peer.respond(again, "200 OK", extra=GRANTED)
    await until_registered(account)
    await peer.respond(await _removal(agent, peer), "200 OK")


async def _removal(agent: UserAgent, peer: RawPeer) -> str:
    agent.accounts[0].start_removal()
    return await peer.receive("REGISTER")


@pytest.mark.parametrize("gruu", [True, False])
async def test_peers_bye_arrives_by_the_flow_that_replaced_another(make_agent: MakeAgent, gruu: bool) -> None:
    async with LoopbackServer(users=USERS, services=False, challenge="all", transports=("udp", "tcp")) as server:
        alice = await make_agent(config=UserAgentConfig(listen_tcp=False, gruu=gruu))
        account = await alice.create_account(
            server.uri("alice"), "secret", proxy=server.proxy_for("tcp"),
        )
        bob = await make_agent()
        await bob.create_account(server.uri("bob"), "hunter2", proxy=server.proxy_for("udp"))
        bob.on_incoming = lambda call: call.answer()
        call = await account.invite(server.uri("bob"), timeout=5)
        (other,) = bob.calls
        events = account.events()
        alice.transport.streams.connections[0].abort()
        async with asyncio.timeout(5):
            assert (await anext(events)).type.value == "registered"
        await other.hangup()
        assert await call.wait_ended(5) is EndCause.NORMAL
        assert call.ended_by == "remote"


async def test_calls_go_by_service_route_and_come_by_path(make_agent: MakeAgent) -> None:
    """The registrar has a second server in the way of its users' requests, and remembers the one before it."""
    settings: dict[str, Any] = {"services": False, "challenge": "none"}
    async with LoopbackServer(**settings) as edge:
        route = "<sip:{}:{};lr>".format(*edge.address)
        async with LoopbackServer(users=USERS, service_route=route, **settings) as home:
            alice, bob = await make_agent(trace=50), await make_agent(trace=50)
            path = [("Path", route)]
            for agent, user in ((alice, "alice"), (bob, "bob")):
                await agent.create_account(home.uri(user), USERS[user], headers=path)
            bob.on_incoming = lambda call: call.answer()
            call = await alice.invite(home.uri("bob"), timeout=5)
            (other,) = bob.calls
            await other.hangup()
            assert await call.wait_ended(2) is EndCause.NORMAL
            invite = next(entry for entry in alice.trace if entry.data.startswith(b"INVITE"))
            assert f"Route: {route}".encode() in invite.data
            assert invite.remote == edge.address
            came = next(entry for entry in bob.trace if entry.data.startswith(b"INVITE"))
            assert came.remote == edge.address
            vias = came.data.count(b"\r\nVia:")
            assert vias == 4  # alice, the edge on the way out, home, the edge on the way in
