"""The user agent on uvloop."""

from __future__ import annotations

import asyncio

import pytest

from microsip_core.media.engine import native_available
from microsip_core.user_agent.user_agent import UserAgent


@pytest.mark.parametrize("core", ["reference", pytest.param("native", marks=pytest.mark.skipif(
    not native_available(), reason="the native core is not built"))])
def test_call_with_sound(core: str) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> str:
        async with UserAgent(core=core) as caller, UserAgent(core=core) as callee:
            callee.on_incoming = lambda call: call.answer()
            call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
            await callee.calls[0].wait("active", 2)
            receiving = asyncio.create_task(callee.calls[0].recv_dtmf(2, 5))
            await call.send_dtmf("42", duration_ms=60, gap_ms=40)
            result = await call.play_tone([((440,), 100, 0)])
            assert result.reason == "finished"
            digits = await receiving
            await call.hangup()
            return digits

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(asyncio.wait_for(scenario(), 20)) == "42"
