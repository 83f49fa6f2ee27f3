"""Transfers between user agents on real sockets: blind and attended, followed and refused, and calls taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from microsip_core.errors import CallRefused, Canceled, InvalidArgument, InvalidState
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.destinations import followed_uri
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import OFFER, FakeBackend, RawPeer

UriOf = Callable[[UserAgent], str]
FOLLOWS = UserAgentConfig(accept_transfers=True)


async def talk(caller: UserAgent, uri: str, callee: UserAgent) -> tuple[Call, Call]:
    """Both ends of a new call that is active."""
    callee.on_incoming = lambda call: call.answer()
    before = {call.id for call in callee.calls}
    call = await caller.invite(uri)
    other = next(one for one in callee.calls if one.id not in before)
    await other.wait("active", 2)
    return call, other


async def next_of(stream: EventStream, kind: str) -> Event:
    async with asyncio.timeout(3):
        async for event in stream:
            if event.type == kind:
                return event
    raise AssertionError(f"no {kind}")


async def told(stream: EventStream) -> list[tuple[str, int]]:
    """Types and statuses of the events about transfers, to the end of the stream."""
    return [(event.type.value, event.status) async for event in stream if "transfer" in event.type]


async def test_blind_transfer_ends_our_call_when_the_new_one_is_answered(
    caller: UserAgent, callee: UserAgent, make_agent: MakeAgent, uri_of: UriOf,
) -> None:
    bob = await make_agent(config=FOLLOWS)
    asked: list[tuple[Call, str]] = []
    bob.on_transfer = lambda call, uri: asked.append((call, uri))
    call, at_bob = await talk(caller, uri_of(bob), bob)
    events, followed = call.events(), at_bob.events()
    moving = call.transfer(uri_of(callee))
    new = await callee.next_call(2)
    assert call.state is CallState.ACTIVE
    new.answer()
    await asyncio.wait_for(moving, 3)
    assert (call.state, call.end_cause, call.ended_by) == (CallState.ENDED, EndCause.NORMAL, "local")
    assert await told(events) == [
        ("call_transferring", 0), ("call_transfer_status", 100), ("call_transfer_status", 100),
        ("call_transfer_status", 180), ("call_transfer_status", 200),
    ]
    await at_bob.wait_ended(2)
    assert asked == [(at_bob, uri_of(callee))]
    assert at_bob.transferred_to is bob.calls[0]
    assert bob.calls[0].state is CallState.ACTIVE
    assert new.invite_request is not None
    assert new.invite_request.get("Referred-By") == f"<{call.local_uri}>"
    assert (await next_of(followed, "call_transferring")).text == uri_of(callee)


async def test_failed_transfer_leaves_the_call_and_takes_it_off_hold(make_agent: MakeAgent, uri_of: UriOf) -> None:
    backend = FakeBackend()
    caller, bob, carol = await make_agent(media=backend), await make_agent(config=FOLLOWS), await make_agent()
    call, at_bob = await talk(caller, uri_of(bob), bob)
    await call.hold()
    assert call.state is CallState.HELD
    carol.on_incoming = lambda call: call.reject(486)
    with pytest.raises(CallRefused, match="486") as caught:
        await asyncio.wait_for(call.transfer(uri_of(carol)), 3)
    assert (caught.value.step, caught.value.peer) == ("transfer", uri_of(carol))
    assert (call.state, at_bob.state) == (CallState.ACTIVE, CallState.ACTIVE)
    assert not call.held
    assert call.transfer_attempt is None
    carol.on_incoming = lambda call: call.answer()
    await asyncio.wait_for(call.transfer(uri_of(carol)), 3)  # and may be tried again
    assert call.end_cause is EndCause.NORMAL


async def test_attended_transfer_connects_the_others(make_agent: MakeAgent, uri_of: UriOf) -> None:
    alice, bob, carol = await make_agent(), await make_agent(config=FOLLOWS), await make_agent()
    first, at_bob = await talk(alice, uri_of(bob), bob)
    second, at_carol = await talk(alice, uri_of(carol), carol)
    carol.on_incoming = None  # who takes a place is not announced as a new caller
    events = at_carol.events()
    await asyncio.wait_for(first.transfer_to(second), 3)
    await asyncio.wait_for(asyncio.gather(second.wait_ended(), at_bob.wait_ended(), at_carol.wait_ended()), 3)
    assert at_carol.replaced_by is carol.calls[0]
    assert at_carol.error is None
    assert (await next_of(events, "call_replaced")).call is at_carol
    assert [call.state for call in (*bob.calls, *carol.calls)] == [CallState.ACTIVE, CallState.ACTIVE]
    assert bob.calls[0].call_id == carol.calls[0].call_id
    assert alice.calls == []


async def test_transfers_are_refused_unless_allowed(make_agent: MakeAgent, uri_of: UriOf) -> None:
    alice, bob = await make_agent(), await make_agent()
    call, _ = await talk(alice, uri_of(bob), bob)
    with pytest.raises(CallRefused, match="405"):
        await asyncio.wait_for(call.transfer("sip:carol@127.0.0.1:9"), 3)
    assert call.state is CallState.ACTIVE
    assert len(bob.calls) == 1


@pytest.mark.parametrize(("hosts", "handler", "status"), [
    (("example.com", "*.example.com"), None, "403"),
    (None, lambda call, uri: False, "603"),
    (None, lambda call, uri: 1 / 0, "603"),
])
async def test_policy_refuses_a_transfer(
    make_agent: MakeAgent, uri_of: UriOf, hosts: tuple[str, ...] | None,
    handler: Callable[[Call, str], bool] | None, status: str,
) -> None:
    config = UserAgentConfig(accept_transfers=True, followed_hosts=hosts)
    alice, bob = await make_agent(), await make_agent(config=config)
    bob.on_transfer = handler
    call, at_bob = await talk(alice, uri_of(bob), bob)
    with pytest.raises(CallRefused, match=status):
        await asyncio.wait_for(call.transfer("sip:carol@127.0.0.1:9"), 3)
    assert at_bob.transferred_to is None
    assert len(bob.calls) == 1


async def test_new_call_that_can_not_be_placed_is_told(make_agent: MakeAgent, uri_of: UriOf) -> None:
    alice, bob = await make_agent(), await make_agent(config=FOLLOWS)
    call, at_bob = await talk(alice, uri_of(bob), bob)
    with pytest.raises(CallRefused, match="503"):
        await asyncio.wait_for(call.transfer("sip:carol@nowhere.invalid"), 10)
    assert at_bob.state is CallState.ACTIVE


async def test_wrong_use_of_transfer(caller: UserAgent, make_agent: MakeAgent, uri_of: UriOf) -> None:
    bob = await make_agent(config=FOLLOWS)
    call, _ = await talk(caller, uri_of(bob), bob)
    with pytest.raises(InvalidArgument):
        call.transfer("mailto:x@y")
    with pytest.raises(InvalidState, match="itself"):
        call.transfer_to(call)
    ringing = caller.start_call(uri_of(bob))
    with pytest.raises(InvalidState):
        ringing.transfer("sip:x@127.0.0.1:9")
    with pytest.raises(InvalidState):
        call.transfer_to(ringing)
    await call.hangup()
    with pytest.raises(InvalidState):
        call.transfer("sip:x@127.0.0.1:9")


async def test_peer_that_agrees_and_leaves_counts_as_transferred(caller: UserAgent, peer: RawPeer) -> None:
    call = caller.start_call(peer.uri)
    await peer.respond(await peer.receive("INVITE"), "200 OK", body=OFFER.decode())
    ack = await peer.receive("ACK")
    await call.wait("active", 2)
    outcome = call.transfer("sip:carol@127.0.0.1:9")
    with pytest.raises(InvalidState, match="under way"):
        call.transfer("sip:dave@127.0.0.1:9")
    refer = await peer.receive("REFER")
    assert "\r\nRefer-To: <sip:carol@127.0.0.1:9>\r\n" in refer
    events = call.events()
    await peer.respond(refer, "202 Accepted")
    await next_of(events, "call_transfer_status")
    from_, to = (_value(ack, name) for name in ("From", "To"))
    await peer.send(
        f"BYE sip:u@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n"
        f"From: {to}\r\nTo: {from_}\r\nCall-ID: {call.call_id}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
    )
    await asyncio.wait_for(outcome, 3)
    assert call.ended_by == "remote"


def _value(message: str, name: str) -> str:
    return next(line.partition(": ")[2] for line in message.split("\r\n") if line.startswith(f"{name}: "))


async def test_hanging_up_gives_the_transfer_up(caller: UserAgent, peer: RawPeer) -> None:
    call = caller.start_call(peer.uri)
    await peer.respond(await peer.receive("INVITE"), "200 OK", body=OFFER.decode())
    await peer.receive("ACK")
    await call.wait("active", 2)
    outcome = call.transfer("sip:carol@127.0.0.1:9")
    refer = await peer.receive("REFER")
    call.hangup()
    with pytest.raises(Canceled):
        await asyncio.wait_for(outcome, 3)
    await peer.respond(refer, "202 Accepted")
    await peer.respond(await peer.receive("BYE"), "200 OK")


async def test_call_that_asks_to_join_another_is_told_as_such(make_agent: MakeAgent, uri_of: UriOf) -> None:
    bob = await make_agent(config=UserAgentConfig(accept_joins=True))
    alice, carol = await make_agent(), await make_agent()
    _, at_bob = await talk(alice, uri_of(bob), bob)
    joined: list[Call | None] = []
    bob.on_incoming = lambda call: (joined.append(call.joins), call.answer())[0]
    assert at_bob.session is not None
    dialog = at_bob.session.established_dialog
    value = f"{dialog.call_id};to-tag={dialog.local_tag};from-tag={dialog.remote_tag}"
    await carol.invite(uri_of(bob), headers=[("Join", value)])
    assert joined == [at_bob]
    assert at_bob.state is CallState.ACTIVE
    assert "join" in (await carol.options(uri_of(bob))).response.get_all("Supported")  # type: ignore[union-attr]


@pytest.mark.parametrize(("target", "before", "hosts", "expected"), [
    ("sip:x@a.example", "sip:b@c", None, "sip:x@a.example"),
    ("sip:x:secret@a.example?Route=%3Csip:evil%3E", "sip:b@c", None, "sip:x@a.example"),
    ("sip:x@a.example;method=BYE", "sip:b@c", None, None),
    ("sip:x@a.example;method=INVITE;transport=tcp", "sip:b@c", None, "sip:x@a.example;transport=tcp"),
    ("tel:+123", "sip:b@c", None, None),
    ("http://a.example", "sip:b@c", None, None),
    ("sip:x@a.example", "sips:b@c", None, None),
    ("sips:x@a.example", "sips:b@c", None, "sips:x@a.example"),
    ("sip:x@a.example", "sip:b@c", ("*.example",), "sip:x@a.example"),
    ("sip:x@aexample", "sip:b@c", ("*.example",), None),
    ("sip:x@A.Example", "sip:b@c", ("a.example",), "sip:x@A.Example"),
    ("sip:x@other.example", "sip:b@c", ("a.example",), None),
    ("sip:x@[::1]", "sip:b@c", ("[::1]",), "sip:x@[::1]"),
])
def test_where_a_peer_may_send_us(
    target: str, before: str, hosts: tuple[str, ...] | None, expected: str | None,
) -> None:
    found = followed_uri(target, before, hosts)
    assert (None if found is None else str(found)) == expected
