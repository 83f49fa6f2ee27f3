"""Redirections: sent by us, followed by us, and not followed where a limit, a circle or the settings forbid it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from microsip_core.errors import CallRefused, Canceled, InvalidArgument
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import FakeBackend, RawPeer

UriOf = Callable[[UserAgent], str]


async def test_redirected_call_is_answered_elsewhere(
    make_agent: MakeAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    backend = FakeBackend()
    caller, other = await make_agent(media=backend, trace=20), await make_agent()
    callee.on_incoming = lambda call: call.redirect([uri_of(other), "sip:x@127.0.0.1:9"])
    other.on_incoming = lambda call: call.answer()
    call = await asyncio.wait_for(caller.invite(uri_of(callee)), 3)
    assert call.remote_uri == uri_of(other)
    assert other.calls[0].call_id == call.call_id
    moved = next(entry.data for entry in caller.trace if b" 302 " in entry.data)
    assert f"Contact: <{uri_of(other)}>;q=1, <sip:x@127.0.0.1:9>;q=0.9".encode() in moved.replace(
        b"\r\nContact: <sip:x", b", <sip:x")
    assert [session.closed for session in backend.sessions[-2:]] == [True, False]
    assert callee.calls == []
    await call.hangup()
    assert call.end_cause is EndCause.NORMAL


async def test_next_place_is_tried_when_the_first_refuses(
    make_agent: MakeAgent, caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    busy, free = await make_agent(), await make_agent()
    callee.on_incoming = lambda call: call.redirect([uri_of(busy), uri_of(free)])
    busy.on_incoming = lambda call: call.reject(486)
    free.on_incoming = lambda call: call.answer()
    call = await asyncio.wait_for(caller.invite(uri_of(callee)), 3)
    assert call.remote_uri == uri_of(free)


async def test_circle_and_limit_and_policy(
    make_agent: MakeAgent, caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    other = await make_agent()
    callee.on_incoming = lambda call: call.redirect(uri_of(other))
    other.on_incoming = lambda call: call.redirect(uri_of(callee))
    with pytest.raises(CallRefused, match="circle") as caught:
        await asyncio.wait_for(caller.invite(uri_of(callee)), 3)
    assert caught.value.status == 302
    numbers = iter(range(100))
    other.on_incoming = lambda call: call.redirect(uri_of(other).replace("bob", f"n{next(numbers)}"))
    with pytest.raises(CallRefused, match="more than 5 times"):
        await asyncio.wait_for(caller.invite(uri_of(callee)), 3)
    assert next(numbers) == 5
    careful = await make_agent(config=UserAgentConfig(followed_hosts=["example.com"]))
    with pytest.raises(CallRefused, match="may not lead there"):
        await asyncio.wait_for(careful.invite(uri_of(callee)), 3)


async def test_hang_up_while_redirected(caller: UserAgent, peer: RawPeer) -> None:
    call = caller.start_call(peer.uri)
    request = await peer.receive("INVITE")
    await peer.respond(request, "180 Ringing")
    await call.wait("ringing", 2)
    call.hangup()
    await peer.receive("CANCEL")
    await peer.respond(request, "302 Moved Temporarily")
    await peer.receive("ACK")
    with pytest.raises(Canceled):
        await call.wait("active", 2)
    assert (call.state, caller.calls) == (CallState.ENDED, [])


async def test_wrong_use_of_redirect(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    caller.start_call(uri_of(callee))
    call = await callee.next_call(2)
    for contacts, status in (([], 302), ("mailto:x@y", 302), ("sip:x@y", 486)):
        with pytest.raises(InvalidArgument):
            call.redirect(contacts, status)
    assert call.state is CallState.RINGING
