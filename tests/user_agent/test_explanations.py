"""Calls and registrations that fail explain themselves, with what really went over the wire."""

from __future__ import annotations

import socket

import pytest

from microsip_core import UserAgent
from microsip_core.errors import MicrosipError
from microsip_core.server import LoopbackServer


async def failure_of(agent: UserAgent, uri: str, **arguments: object) -> MicrosipError:
    with pytest.raises(MicrosipError) as caught:
        await agent.invite(uri, **arguments)
    return caught.value


async def test_a_refused_call_tells_what_was_sent_and_what_came_back() -> None:
    async with LoopbackServer() as server, UserAgent() as agent:
        explained = (await failure_of(agent, f"sip:nobody@{server.domain}")).explain()
    assert explained.step == "invite"
    assert explained.sent[0].startswith("INVITE sip:nobody@127.0.0.1")
    assert "PCMU PCMA" in explained.sent[1]
    assert explained.received[-1].startswith(("404", "Server"))
    assert "does not know it" in explained.remedy


async def test_a_wrong_password_names_user_and_realm() -> None:
    async with LoopbackServer(users={"alice": "right"}) as server, UserAgent() as agent:
        account = agent.add_account(f"sip:alice@{server.domain}", "wrong")
        with pytest.raises(MicrosipError):
            await account.register(timeout=5)
        explained = account.explain()
    assert explained is not None
    assert "user name 'alice' or its password is not what the server has for realm" in explained.cause
    assert "wrong" not in str(explained).split("cause")[0]


async def test_a_dead_port_is_told_as_such() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with UserAgent() as agent:
            explained = (await failure_of(agent, f"sip:bob@127.0.0.1:{port};transport=tcp")).explain()
    assert explained.cause == "network: nothing listens there"


async def test_a_call_that_went_well_explains_nothing() -> None:
    async with LoopbackServer() as server, UserAgent() as agent:
        call = await agent.invite(f"sip:echo@{server.domain}")
        await call.hangup()
        assert call.explain() is None
