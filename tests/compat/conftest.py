"""A loopback server in a thread of its own, for programs that block."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from microsip_core.c_api.loop_thread import LoopThread
from microsip_core.server import LoopbackServer


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A server that knows bot and caller, both with the password "secret"."""
    loop = LoopThread()
    running = LoopbackServer(users={"bot": "secret", "caller": "secret"})
    loop.run(running.start)
    try:
        yield running
    finally:
        loop.run(running.close)
        loop.stop()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """A phone that is stopped leaves no thread."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive(), thread


