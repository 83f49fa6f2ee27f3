"""Pytest fixtures with a SIP server to test against: ``pytest_plugins = ["microsip_core.testing"]`` (needs
pytest-asyncio).

``loopback_server`` is a running :class:`~microsip_core.server.server.LoopbackServer` on a free port of 127.0.0.1,
with users alice and bob (password "secret") and the service users echo, tone, play, sink, busy, noanswer, slow, early
and dtmf::

    async def test_my_bot(loopback_server):
        async with UserAgent() as ua:
            await ua.create_account(loopback_server.uri("alice"), "secret")
            async with await ua.invite(loopback_server.uri("echo")) as call:
                ...

Define a fixture ``loopback_server_settings`` of your own, returning keyword arguments of ``LoopbackServer``, to
change users, challenges, loss and the like. ``sip_domain`` is the domain of the users' addresses, "127.0.0.1:PORT"
unless set.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from microsip_core.server.server import LoopbackServer

__all__ = ["loopback_server", "loopback_server_settings", "sip_domain"]


@pytest.fixture
def loopback_server_settings() -> dict[str, Any]:
    """Keyword arguments of the server; override it in a module or conftest."""
    return {"users": {"alice": "secret", "bob": "secret"}}


@pytest_asyncio.fixture
async def loopback_server(loopback_server_settings: dict[str, Any]) -> AsyncIterator[LoopbackServer]:
    """A running SIP server, closed after the test."""
    async with LoopbackServer(**loopback_server_settings) as server:
        yield server


@pytest.fixture
def sip_domain(loopback_server: LoopbackServer) -> str:
    """What stands behind the @ in the addresses of the server's users."""
    return loopback_server.domain
