"""A server that challenges everything, with nonces that are soon stale: every method of a user agent gets through."""

from __future__ import annotations

import asyncio

import pytest

from microsip_core import CallState, EndCause, UserAgent
from microsip_core.server import LoopbackServer
from microsip_core.sip.message import Response
from microsip_core.sip.parser import parse_message
from microsip_core.user_agent.config import UserAgentConfig

USERS = {"alice": "secret", "bob": "secret", "carol": "secret"}
LIFETIME = 0.3


def challenged(agent: UserAgent) -> dict[str, list[str]]:
    """The methods that an agent was challenged for, each with what it had sent: nothing, or a stale nonce."""
    found: dict[str, list[str]] = {}
    for entry in agent.trace:
        message = parse_message(entry.data)
        if isinstance(message, Response) and message.status in (401, 407):
            values = message.get_all("Proxy-Authenticate") + message.get_all("WWW-Authenticate")
            found.setdefault(message.cseq.method, []).append("stale" if "stale=true" in values[0].lower() else "new")
    return found


def passed(agent: UserAgent, method: str) -> bool:
    """Whether a request of this method had a good end."""
    return any(
        isinstance(message, Response) and message.cseq.method == method and 200 <= message.status < 300
        for message in (parse_message(entry.data) for entry in agent.trace)
    )


async def outlive_the_nonces() -> None:
    await asyncio.sleep(LIFETIME + 0.1)


@pytest.mark.parametrize(("status", "transport"), [(407, "udp"), (401, "tcp")])
async def test_every_method_gets_through_a_server_that_challenges_all(status: int, transport: str) -> None:
    server = LoopbackServer(
        users=USERS, services=False, challenge="all", challenge_status=status, nonce_lifetime=LIFETIME,
        transports=("udp", "tcp"),
    )
    config = UserAgentConfig(accept_transfers=True, trace=1000)
    async with (
        server, UserAgent(config, media="none") as alice, UserAgent(config, media="none") as bob,
        UserAgent(config, media="none") as carol,
    ):
        for name, agent in (("alice", alice), ("bob", bob), ("carol", carol)):
            await agent.create_account(server.uri(name), "secret", proxy=server.proxy_for(transport))
        inbox = bob.events()  # a message that nobody reads is refused
        await alice.send_message(server.uri("bob"), "hello")
        call = alice.start_call(server.uri("bob"))
        other = await bob.next_call(timeout=5)
        await outlive_the_nonces()
        await other.ring(early_media=True)  # reliable: alice acknowledges it by PRACK
        await outlive_the_nonces()
        await other.answer()
        await call.wait(CallState.ACTIVE, timeout=5)
        await outlive_the_nonces()
        await call.hold()
        await call.unhold()
        await outlive_the_nonces()
        carol.on_incoming = lambda third: third.answer()
        await call.transfer(server.uri("carol"))
        assert await call.wait_ended(timeout=10) is EndCause.NORMAL
        inbox.close()
        asked = challenged(alice)
        for method in ("REGISTER", "MESSAGE", "INVITE", "PRACK", "REFER"):
            assert asked[method], method
            assert passed(alice, method), method
        assert "stale" in asked["INVITE"]
        assert "NOTIFY" in challenged(bob)
        assert server.statistics().get("faults", 0) == 0
