"""Requests too large for UDP through the proxy: by TCP, and by UDP where TCP is refused (RFC 3261 s18.1.1)."""

from __future__ import annotations

import pytest

from microsip_core.server.server import LoopbackServer
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent


@pytest.mark.parametrize(("listens", "transport"), [(True, "TCP"), (False, "UDP")])
async def test_large_request_is_forwarded_by_tcp_where_it_can_be(listens: bool, transport: str) -> None:
    async with (
        LoopbackServer(users={"alice": "secret", "bob": "secret"}, services=False) as server,
        UserAgent(media="none") as alice,
        UserAgent(UserAgentConfig(listen_tcp=listens, trace=20), media="none") as bob,
    ):
        bob.on_incoming = lambda call: call.answer()
        await bob.create_account(server.uri("bob"), "secret")
        await alice.create_account(server.uri("alice"), "secret")
        call = await alice.invite(server.uri("bob"), headers=[("X-Filler", "x" * 1300)], timeout=10)
        invite = next(entry for entry in bob.trace if entry.data.startswith(b"INVITE"))
        assert invite.transport == transport
        assert invite.data.split(b"\r\nVia: ")[1].startswith(f"SIP/2.0/{transport}".encode())
        assert server.statistics()["switched_to_tcp"] == 1
        await call.hangup()
        again = await alice.invite(server.uri("bob"), headers=[("X-Filler", "x" * 1300)], timeout=10)
        assert server.statistics()["switched_to_tcp"] == (2 if listens else 1)  # a refusal is remembered
        await again.hangup()
