"""A thousand calls, then idle: nothing of them is left in the process."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import threading
from pathlib import Path

import pytest
from leaks import open_descriptors

from microsip_core.media.engine import native_available
from microsip_core.sip.timers import Timers
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

BATCH = 50
WARM_UP = 4  # batches; the first ones fill caches, free lists and the arenas of the allocator
BATCHES = 20
SHORT = Timers(t1=0.06, t2=0.24, t4=0.3, trying=0.2, timer_d=3.84)  # transactions linger 3.84 s instead of 32 s
TOLERANCE = 6 * 1024 * 1024  # of resident memory; a call that left its media behind would cost ten times as much


def resident() -> int:
    """Return the resident octets of this process, 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


async def place(caller: UserAgent, callee: UserAgent) -> None:
    uri = "sip:bob@{}:{}".format(*callee.listen_address)
    calls = await asyncio.gather(*(caller.invite(uri) for _ in range(BATCH)))
    assert caller.endpoint.sessions
    await asyncio.gather(*(call.hangup() for call in calls))


async def until_idle(descriptors: float, *agents: UserAgent) -> None:
    """Wait until every transaction has seen its end, and the media threads have closed the sockets of the calls."""

    def busy() -> bool:
        return len(open_descriptors()) > descriptors or any(
            agent.endpoint.next_timeout() is not None or agent.calls for agent in agents
        )

    async with asyncio.timeout(30):
        while busy():  # noqa: ASYNC110 -- there is no event for it
            await asyncio.sleep(0.05)


def held(*agents: UserAgent) -> dict[str, object]:
    """Say what the agents hold that a call might have left."""
    return {
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "loop timers": len([one for one in asyncio.get_running_loop()._scheduled if not one.cancelled()]),  # type: ignore[attr-defined]
        "transactions": [(a.endpoint.layer.client_count, a.endpoint.layer.server_count) for a in agents],
        "sip timers": [len(agent.endpoint.layer.timer_heap) for agent in agents],
        "dialogs": [len(agent.endpoint.dialogs) for agent in agents],
        "sessions": [len(agent.endpoint.live_sessions) for agent in agents],
        "waiting for ACK": [len(agent.endpoint.unacknowledged) for agent in agents],
    }


@pytest.mark.skipif(not native_available(), reason="the native core is not built")
async def test_thousand_calls_leave_nothing_behind() -> None:
    config = UserAgentConfig(media_timeout=0)
    async with UserAgent(config) as caller, UserAgent(config) as callee:
        for agent in (caller, callee):
            agent.endpoint.layer.timers = SHORT
        callee.on_incoming = lambda call: call.answer()
        before: dict[str, object] = {}
        descriptors = math.inf
        memory = 0
        for number in range(BATCHES):
            await place(caller, callee)
            if number + 1 in (WARM_UP, BATCHES):
                await until_idle(descriptors, caller, callee)
                gc.collect()
                if not before:
                    before, memory, descriptors = held(caller, callee), resident(), len(open_descriptors())
        after, grown = held(caller, callee), resident() - memory  # descriptors have been waited for
        assert after == before
        assert after["sip timers"] == after["dialogs"] == after["sessions"] == after["waiting for ACK"] == [0, 0]
        assert after["transactions"] == [(0, 0), (0, 0)]
        assert grown < TOLERANCE
