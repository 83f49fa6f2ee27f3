"""Two user agents that can call each other, fakes for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from microsip_core.user_agent.user_agent import UserAgent

from .fakes import FakeBackend, RawPeer

MakeAgent = Callable[..., Awaitable[UserAgent]]


@pytest.fixture
async def make_agent() -> AsyncIterator[MakeAgent]:
    """Make started user agents, signaling only unless told otherwise; they are closed after the test."""
    made: list[UserAgent] = []

    async def make(**options: Any) -> UserAgent:
        options.setdefault("media", "none")
        agent = UserAgent(**options)
        made.append(agent)
        return await agent.start()

    yield make
    for agent in made:
        await agent.close()


@pytest.fixture
async def caller(make_agent: MakeAgent) -> UserAgent:
    return await make_agent()


@pytest.fixture
async def callee(make_agent: MakeAgent) -> UserAgent:
    return await make_agent()


@pytest.fixture
def uri_of() -> Callable[[UserAgent], str]:
    """Return the function that gives a SIP URI for a user agent."""
    return lambda agent: "sip:bob@{}:{}".format(*agent.listen_address)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    raw = RawPeer()
    yield raw
    raw.close()
