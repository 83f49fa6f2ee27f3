"""A loopback server on a thread of its own, and the C-style engine started and stopped round a test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import microsip_core as sip
from microsip_core.server.server import LoopbackServer


class ServerThread:
    """Runs a loopback server beside blocking code."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(10)
        self.port = self.server.address[1]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self.server = LoopbackServer(users={"user": "password", "other": "secret"})
        self._loop.run_until_complete(self.server.start())
        self._loop.call_soon(self._started.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self.server.close())
        self._loop.close()

    def uri(self, user: str) -> str:
        """Return the URI of a user of the server."""
        return f"sip:{user}@127.0.0.1:{self.port}"

    def registered(self, user: str) -> list[str]:
        """Return the contacts bound to a user."""

        async def ask() -> list[str]:
            return self.server.registered(user)

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(5)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="session")
def server() -> Iterator[ServerThread]:
    thread = ServerThread()
    yield thread
    thread.close()


@pytest.fixture
def engine() -> Iterator[None]:
    """The engine, running; stopped after the test."""
    assert sip.sip_init() == 0
    yield
    sip.sip_shutdown()
