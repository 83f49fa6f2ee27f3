"""Three times the calls we can serve: most of what we can is served, and all is well as soon as it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from microsip_core import Call, UserAgent, UserAgentConfig

from .conftest import address
from .peers import Peer, start_sipp

WORK, RATE, SECONDS = 0.01, 300, 4  # a call takes that long to serve: less than a hundred a second can be


async def test_a_burst_of_three_times_our_capacity_leaves_most_of_it_and_nothing_behind(
    started: Callable[[Peer], Peer], tmp_path: Path,
) -> None:
    served = 0

    def answer(call: Call) -> None:
        nonlocal served
        served += 1
        time.sleep(WORK)  # stands for work that keeps the loop
        call.answer()

    async with UserAgent(UserAgentConfig(listen="127.0.0.1:0"), media="none") as agent:
        agent.on_incoming = answer
        burst = started(start_sipp(
            tmp_path, ["-sn", "uac"], "-m", str(RATE * SECONDS), "-r", str(RATE), "-d", "0", "-l", "5000",
            target=address(agent),
        ))
        await asyncio.to_thread(burst.wait, 60)
        assert agent.counters.overloaded > 0
        assert served >= 0.5 * SECONDS / (2 * WORK), burst.output()[-2000:]
        after = started(start_sipp(tmp_path, ["-sn", "uac"], "-m", "20", "-r", "20", "-d", "0", target=address(agent)))
        assert await asyncio.to_thread(after.wait, 60) == 0, after.output()[-2000:]
        assert not agent.calls
        assert not agent.endpoint.live_sessions
