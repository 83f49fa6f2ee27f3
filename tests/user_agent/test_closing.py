"""Nothing is left behind: no descriptor, thread, task or timer, whatever was under way."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from pathlib import Path

import pytest

from microsip_core.errors import Busy, Canceled, CodecError, MicrosipError, NotSupported
from microsip_core.server.server import LoopbackServer
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import RawPeer

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")


class Leftovers:
    """What exists now beyond what existed at first."""

    def __init__(self) -> None:
        gc.collect()  # an engine's event descriptor goes with the engine
        self.descriptors = set(os.listdir("/proc/self/fd"))
        self.threads = set(threading.enumerate())
        self.tasks = asyncio.all_tasks()

    def assert_none(self) -> None:
        gc.collect()
        assert set(os.listdir("/proc/self/fd")) <= self.descriptors
        assert {t for t in threading.enumerate() if not t.name.startswith("asyncio_")} <= self.threads
        assert asyncio.all_tasks() <= self.tasks


@pytest.mark.parametrize("media", ["none", None])
async def test_hundred_calls_leave_nothing(media: str | None) -> None:
    async with UserAgent(media=media):
        pass  # whatever is loaded once is loaded now
    before = Leftovers()
    async with UserAgent(media=media) as caller, UserAgent(media=media) as callee:
        callee.on_incoming = lambda call: call.answer()
        ended = callee.events()
        uri = "sip:bob@{}:{}".format(*callee.listen_address)
        for _ in range(10):
            calls = await asyncio.gather(*(caller.invite(uri) for _ in range(10)))
            await asyncio.gather(*(call.hangup() for call in calls))
        async with asyncio.timeout(2):
            for _ in range(100):
                while (await anext(ended)).type is not EventType.CALL_ENDED:
                    pass
        assert callee.calls == []
        assert caller.calls == []
        assert caller.endpoint.sessions == []
        assert callee.endpoint.sessions == []
    before.assert_none()


async def test_ended_calls_need_no_garbage_collector(make_agent: MakeAgent) -> None:
    """Thousands of calls a second would have it run all the time."""
    caller, callee = await make_agent(), await make_agent()
    callee.on_incoming = lambda call: call.answer()
    uri = "sip:bob@{}:{}".format(*callee.listen_address)
    await (await caller.invite(uri)).hangup()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await (await caller.invite(uri)).hangup()
        await asyncio.sleep(0.02)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        ours = [thing for thing in gc.garbage if type(thing).__module__.startswith("microsip_core")]
        assert ours == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def test_close_in_the_midst_of_everything(loopback_server: LoopbackServer, peer: RawPeer) -> None:
    before = Leftovers()
    config = UserAgentConfig(close_timeout=0.5)
    caller = await UserAgent(config, media="none").start()
    callee = await UserAgent(config, media="none").start()
    account = await caller.create_account(loopback_server.uri("alice"), "secret")
    uri = "sip:bob@{}:{}".format(*callee.listen_address)
    ringing = caller.start_call(uri)
    incoming = await callee.next_call(2)
    answered = caller.start_call(uri)
    await (await callee.next_call(2)).answer()
    silent = caller.start_call(peer.uri)
    unresolved = caller.start_call("sip:bob@nowhere.invalid")
    inviting = asyncio.create_task(caller.invite(uri))
    waiting = asyncio.create_task(caller.next_call())
    await asyncio.sleep(0.01)
    start = time.monotonic()
    await caller.close()
    assert time.monotonic() - start < 1.5
    assert {call.state for call in (ringing, answered, silent, unresolved)} == {CallState.ENDED}
    assert account.state != "registered"
    assert loopback_server.registered("alice") == []
    with pytest.raises(MicrosipError):
        await inviting
    with pytest.raises(Canceled):
        await waiting
    await incoming.wait_ended(2)
    await callee.close()
    before.assert_none()


async def test_close_is_quick_when_nothing_is_under_way_and_may_be_repeated() -> None:
    before = Leftovers()
    agent = await UserAgent(media="none").start()
    start = time.monotonic()
    await asyncio.gather(agent.close(), agent.close())
    await agent.close()
    assert time.monotonic() - start < 0.5
    before.assert_none()


async def test_canceled_close_still_frees_everything(peer: RawPeer) -> None:
    before = Leftovers()
    agent = await UserAgent().start()
    agent.start_call(peer.uri)
    closing = asyncio.create_task(agent.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await asyncio.wait_for(agent.close(), 1)
    del agent, closing
    await asyncio.sleep(0.05)
    before.assert_none()


async def test_close_is_bounded_when_the_peer_has_vanished(peer: RawPeer) -> None:
    before = Leftovers()
    agent = await UserAgent(UserAgentConfig(close_timeout=0.2), media="none").start()
    call = agent.start_call(peer.uri)
    await peer.respond(await peer.receive("INVITE"), "200 OK", body="\r\n".join([
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", "",
    ]))
    await call.wait("active", 2)
    start = time.monotonic()
    await agent.close()
    assert 0.15 < time.monotonic() - start < 1
    assert call.state is CallState.ENDED
    before.assert_none()


async def test_handlers_that_will_not_end_are_canceled(make_agent: MakeAgent) -> None:
    caller, callee = await make_agent(), await make_agent()
    canceled: list[bool] = []

    async def handler(call: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            canceled.append(True)
            raise

    callee.on_incoming = handler
    call = caller.start_call("sip:bob@{}:{}".format(*callee.listen_address))
    await call.wait("ringing", 2)
    await callee.close()
    assert canceled == [True]


async def test_closing_from_a_handler(make_agent: MakeAgent) -> None:
    caller, callee = await make_agent(), await make_agent()
    closed = asyncio.Event()

    async def handler(call: object) -> None:
        await callee.close()
        closed.set()

    callee.on_incoming = handler
    call = caller.start_call("sip:bob@{}:{}".format(*callee.listen_address))
    await asyncio.wait_for(closed.wait(), 3)
    await call.wait_ended(2)


async def test_start_that_fails_leaves_nothing(caller: UserAgent) -> None:
    before = Leftovers()
    with pytest.raises(Busy) as caught:
        await UserAgent(listen=f"127.0.0.1:{caller.listen_address[1]}").start()
    assert "another port" in str(caught.value)
    with pytest.raises(CodecError):
        await UserAgent(codecs=("PCMU", "MORSE")).start()
    with pytest.raises((NotSupported, MicrosipError)):
        await UserAgent(core="abacus").start()
    before.assert_none()


async def test_agents_dropped_mid_call_end_with_their_peer(make_agent: MakeAgent, peer: RawPeer) -> None:
    """A BYE of the peer for a call that the far end has lost is answered 481 and both are rid of it."""
    agent = await make_agent()
    agent.on_incoming = lambda call: call.answer()
    await peer.send(peer.invite(agent.listen_address, body=""), agent.listen_address)
    answer = await peer.receive("SIP/2.0 200")
    to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
    host, port = agent.listen_address
    await peer.send(
        f"BYE sip:u@{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKbye\r\n"
        f"From: <{peer.uri}>;tag=raw\r\n{to}\r\nCall-ID: raw1\r\nCSeq: 2 BYE\r\nMax-Forwards: 70\r\n"
        "Content-Length: 0\r\n\r\n",
    )
    await peer.receive("SIP/2.0 200")
    assert agent.calls == []
