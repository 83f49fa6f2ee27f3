"""Fixtures of the server tests: each media core in turn, a server with its service users, and callers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from microsip_core import UserAgent
from microsip_core.media.engine import native_available
from microsip_core.server import LoopbackServer, ServerEvent, ServiceSettings

USERS = {"alice": "secret", "bob": "secret"}


@pytest.fixture(params=["native", "reference"])
def core(request: pytest.FixtureRequest) -> str:
    """The name of each media core; the native one is left out only where it was not built."""
    if request.param == "native" and not native_available():
        if os.environ.get("MICROSIP_REQUIRE_NATIVE") == "1":
            pytest.fail("the native core is required here but was not built")
        pytest.skip("the native core was not built")
    return str(request.param)


@pytest.fixture
def told() -> list[ServerEvent]:
    """What the server told."""
    return []


@pytest.fixture
def server_settings() -> dict[str, Any]:
    """Further settings of the server; override it in a module."""
    return {}


@pytest.fixture
async def server(
    core: str, told: list[ServerEvent], server_settings: dict[str, Any],
) -> AsyncIterator[LoopbackServer]:
    """A server whose services run on the media core at hand, and which tells what happens."""
    settings = ServiceSettings(slow_delay=0.4, early_delay=1.5, core=core)
    async with LoopbackServer(
        users=USERS, service_settings=settings, on_event=told.append, **server_settings,
    ) as running:
        yield running


@pytest.fixture
async def alice(core: str, server: LoopbackServer) -> AsyncIterator[UserAgent]:
    """A user agent with the account of alice, registered."""
    async with UserAgent(core=core) as agent:
        await agent.create_account(server.uri("alice"), "secret")
        yield agent


@pytest.fixture
async def bob(core: str, server: LoopbackServer) -> AsyncIterator[UserAgent]:
    """A user agent with the account of bob, registered."""
    async with UserAgent(core=core) as agent:
        await agent.create_account(server.uri("bob"), "secret")
        yield agent
