"""Calls between two user agents: every way to begin and to end one, and what those who wait are told."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable

import pytest

from microsip_core.errors import (
    CallRefused,
    Canceled,
    CodecError,
    DnsError,
    InvalidArgument,
    InvalidState,
    MediaError,
    MicrosipError,
    NetworkError,
    NotInitialized,
    TimedOut,
)
from microsip_core.sip.events import CallOfferReceived
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .fakes import FakeBackend, RawPeer

UriOf = Callable[[UserAgent], str]


async def types(stream: EventStream) -> list[str]:
    """The types of all events of a stream, to its end."""
    return [event.type.value async for event in stream]


async def test_answered_call_on_both_sides(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    callee.on_incoming = lambda call: call.answer()
    seen = caller.events()
    call = await caller.invite(uri_of(callee))
    other = callee.calls[0]
    await other.wait("active", 2)
    assert (call.state, other.state) == (CallState.ACTIVE, CallState.ACTIVE)
    assert (call.direction, other.direction) == ("outgoing", "incoming")
    assert call.call_id == other.call_id
    assert call.remote_uri == uri_of(callee)
    assert other.remote_uri == call.local_uri == "sip:microsip@127.0.0.1"
    assert call.status == 200
    assert call.created <= (call.answered or 0)
    assert 0 < (call.setup_ms or 0) <= (call.answer_ms or 0) < 2000
    await call.hangup()
    assert await other.wait_ended(2) is EndCause.NORMAL
    assert (call.end_cause, call.ended_by, other.ended_by) == (EndCause.NORMAL, "local", "remote")
    assert call.error is None
    assert 0 < call.duration < 2
    assert caller.calls == callee.calls == []
    await caller.close()
    assert await types(seen) == ["call_outgoing", "call_answered", "call_started", "call_ended", "shutdown"]


async def test_coroutine_handler_that_answers_later_rings_first(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    go = asyncio.Event()

    async def handler(call: Call) -> None:
        await go.wait()
        await call.answer()
        await call.wait_ended()

    callee.on_incoming = handler
    call = caller.start_call(uri_of(callee))
    await call.wait("ringing", 2)
    assert call.state is CallState.RINGING
    assert call.ringing is not None
    assert callee.calls[0].state is CallState.RINGING
    go.set()
    await call.wait("active", 2)
    assert call.answer_ms > call.setup_ms  # type: ignore[operator]
    await call.hangup()


async def test_no_180_when_the_handler_answers_at_once(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(trace=50), await make_agent()

    async def handler(call: Call) -> None:
        await call.answer()

    callee.on_incoming = handler
    await caller.invite(uri_of(callee))
    received = [entry.data.split(b" ", 2)[1] for entry in caller.trace if entry.direction == "in"]
    assert received == [b"200"]


async def test_without_handler_calls_ring_and_wait_in_order(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    first, second, third = (caller.start_call(uri_of(callee)) for _ in range(3))
    for call in (first, second, third):
        await call.wait("ringing", 2)
    gone = callee.calls[1]
    await second.hangup()
    await gone.wait_ended(2)
    assert (await callee.next_call()).call_id == first.call_id
    assert (await callee.next_call(1)).call_id == third.call_id  # the second has gone
    with pytest.raises(TimedOut):
        await callee.next_call(0.02)


async def test_calls_that_nobody_takes_are_not_kept(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    for _ in range(60):
        call = caller.start_call(uri_of(callee))
        await call.wait("ringing", 2)
        await call.hangup()
    assert len(callee.reception._queue) < 40


async def test_waiting_next_call_gets_the_call(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    waiting = asyncio.create_task(callee.next_call())
    await asyncio.sleep(0)
    call = caller.start_call(uri_of(callee))
    incoming = await asyncio.wait_for(waiting, 2)
    incoming.answer()
    await call.wait("active", 2)


@pytest.mark.parametrize(("status", "cause"), [
    (486, EndCause.BUSY), (603, EndCause.BUSY), (404, EndCause.REFUSED), (480, EndCause.REFUSED),
])
async def test_refusal_reaches_the_caller_with_a_remedy(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, status: int, cause: EndCause,
) -> None:
    callee.on_incoming = lambda call: call.reject(status, "My Own Words")
    events = caller.events()
    with pytest.raises(CallRefused) as caught:
        await caller.invite(uri_of(callee))
    error = caught.value
    assert (error.status, error.reason, error.code) == (status, "My Own Words", -1000 - status)
    assert error.peer == uri_of(callee)
    assert error.remedy
    await caller.close()
    kinds = await types(events)
    assert ("call_busy" in kinds) == (cause is EndCause.BUSY)
    assert kinds[-2] == "call_ended"


@pytest.mark.parametrize("ended_by", ["reject", "hangup"])
async def test_plain_handler_may_end_the_call(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, ended_by: str, caplog: pytest.LogCaptureFixture,
) -> None:
    callee.on_incoming = lambda call: getattr(call, ended_by)()
    with pytest.raises(CallRefused):
        await caller.invite(uri_of(callee))
    assert callee.calls == []
    assert not caplog.records


@pytest.mark.parametrize(("changes", "status"), [
    ({"RTP/AVP 0": "RTP/AVP 3"}, "488"),
    ({"m=audio": "m=video"}, "488"),
    ({"127.0.0.1": "host.invalid"}, "488"),
    ({"127.0.0.1": "::1", "IP4": "IP6"}, "488"),
    ({"v=0": "hello"}, "488"),
])
async def test_offer_that_can_not_be_answered_costs_its_caller_the_call_and_no_traceback(
    make_agent: MakeAgent, peer: RawPeer, changes: dict[str, str], status: str, caplog: pytest.LogCaptureFixture,
) -> None:
    callee = await make_agent(media=None)
    callee.on_incoming = lambda call: call.answer()
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    for old, new in changes.items():
        offer = offer.replace(old, new)
    await peer.send(peer.invite(callee.listen_address, body=offer), callee.listen_address)
    assert (await peer.receive("SIP/2.0 4")).startswith(f"SIP/2.0 {status} ")
    assert callee.calls == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_answer_without_description_says_so(make_agent: MakeAgent, peer: RawPeer) -> None:
    caller = await make_agent(media=None)
    calling = asyncio.create_task(caller.invite(peer.uri))
    await peer.respond(await peer.receive("INVITE"), "200 OK")
    with pytest.raises(MediaError, match="no session description"):
        await calling
    await peer.respond(await peer.receive("BYE"), "200 OK")


async def test_wait_canceled_as_the_call_fails_leaves_no_complaint(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, caplog: pytest.LogCaptureFixture,
) -> None:
    call = caller.start_call(uri_of(callee))
    waiting = asyncio.create_task(call.wait(CallState.ACTIVE))
    await asyncio.sleep(0)
    call.fail(NetworkError("gone"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    del waiting
    gc.collect()
    assert not caplog.records


async def test_reject_takes_only_failures(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    caller.start_call(uri_of(callee))
    incoming = await callee.next_call(2)
    with pytest.raises(InvalidArgument):
        incoming.reject(200)
    incoming.reject()
    with pytest.raises(InvalidState):
        incoming.answer()


async def test_caller_hangs_up_while_it_rings(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    call = caller.start_call(uri_of(callee))
    incoming = await callee.next_call(2)
    await call.wait("ringing", 2)
    await call.hangup()
    assert (call.end_cause, call.ended_by) == (EndCause.CANCELED, "local")
    assert await incoming.wait_ended(2) is EndCause.CANCELED
    assert incoming.ended_by == "remote"
    with pytest.raises(Canceled):
        await incoming.wait("active")


async def test_callee_hangs_up_before_and_after_the_answer(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    call = caller.start_call(uri_of(callee))
    (await callee.next_call(2)).hangup()
    with pytest.raises(CallRefused, match="603"):
        await call.wait("active", 2)
    call = caller.start_call(uri_of(callee))
    incoming = await callee.next_call(2)
    await incoming.answer()
    await incoming.hangup()
    assert await call.wait_ended(2) is EndCause.NORMAL
    assert call.ended_by == "remote"


async def test_hang_up_is_idempotent_and_other_commands_refuse(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri_of(callee))
    await call.hangup()
    await call.hangup()
    for act in (call.answer, call.ring, call.reject, call.hold, call.unhold, call.mute, lambda: call.play("x.wav")):
        with pytest.raises(InvalidState):
            act()
    with pytest.raises(InvalidState):
        await call.send_dtmf("1")
    with pytest.raises(InvalidState):
        await call.wait("active")
    assert await call.recv_dtmf(1) == ""
    assert await types(call.events()) == []


async def test_canceling_the_wait_cancels_the_call(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    inviting = asyncio.create_task(caller.invite(uri_of(callee)))
    incoming = await callee.next_call(2)
    inviting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await inviting
    assert await incoming.wait_ended(2) is EndCause.CANCELED
    assert caller.calls == []


async def test_asyncio_timeout_round_invite_cancels_the_call(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf,
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await caller.invite(uri_of(callee))
    incoming = await callee.next_call(2) if callee.calls else None
    assert incoming is None or await incoming.wait_ended(2) is EndCause.CANCELED


async def test_unanswered_call_is_given_up(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    call = caller.start_call(uri_of(callee), timeout=0.1)
    incoming = await callee.next_call(2)
    with pytest.raises(TimedOut, match=r"nobody answered within 0\.1 s"):
        await call.wait("active", 2)
    assert call.end_cause is EndCause.NO_ANSWER
    assert await incoming.wait_ended(2) is EndCause.CANCELED


async def test_call_that_rings_too_long_is_refused_by_us(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(), await make_agent(config=UserAgentConfig(ring_timeout=0.1))
    call = caller.start_call(uri_of(callee))
    with pytest.raises(CallRefused, match="480"):
        await call.wait("active", 2)


async def test_peer_that_is_silent(caller: UserAgent, peer: RawPeer) -> None:
    with pytest.raises(TimedOut, match="no response") as caught:
        await caller.invite(peer.uri, timeout=0.1)
    assert caught.value.peer == peer.uri
    assert "firewall" in str(caught.value)


async def test_port_where_nobody_listens(caller: UserAgent, peer: RawPeer) -> None:
    peer.close()
    with pytest.raises(NetworkError, match="nothing listens") as caught:
        await caller.invite(peer.uri, timeout=5)
    assert caught.value.peer == f"127.0.0.1:{peer.port}"
    assert caller.calls == []


async def test_unknown_host(caller: UserAgent) -> None:
    with pytest.raises(DnsError, match=r"nowhere\.invalid"):
        await caller.invite("sip:bob@nowhere.invalid")
    assert caller.calls == []


async def test_hang_up_while_the_host_is_looked_up(caller: UserAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = asyncio.Event()

    async def look_up(*_: object, **__: object) -> list[object]:
        looking.set()
        return await asyncio.Event().wait()  # type: ignore[return-value]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    call = caller.start_call("sip:bob@example.com:5060")
    await asyncio.wait_for(looking.wait(), 2)
    await call.hangup()
    assert (call.state, call.end_cause) == (CallState.ENDED, EndCause.CANCELED)


@pytest.mark.parametrize("target", ["", "bob", "sip:", "sip:bob@host:99999", "mailto:bob@host", "sip:b@h\r\nX: y"])
def test_what_can_not_be_called(caller: UserAgent, target: str) -> None:
    with pytest.raises(InvalidArgument):
        caller.start_call(target)
    assert caller.calls == []


async def test_fault_in_a_handler_costs_only_its_call(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, caplog: pytest.LogCaptureFixture,
) -> None:
    def plain(call: Call) -> None:
        raise ZeroDivisionError("plain")

    async def coroutine(call: Call) -> None:
        await call.answer()
        raise ZeroDivisionError("coroutine")

    callee.on_incoming = plain
    with pytest.raises(CallRefused, match="500"):
        await caller.invite(uri_of(callee))
    callee.on_incoming = coroutine
    call = caller.start_call(uri_of(callee))
    assert await call.wait_ended(2) is EndCause.NORMAL
    assert call.ended_by == "remote"
    assert caplog.text.count("ZeroDivisionError: ") == 2
    callee.on_incoming = lambda call: call.answer()
    await caller.invite(uri_of(callee))


async def test_handler_stopped_by_the_end_of_its_call_is_no_fault(
    caller: UserAgent, callee: UserAgent, uri_of: UriOf, caplog: pytest.LogCaptureFixture,
) -> None:
    ended = asyncio.Event()

    async def handler(call: Call) -> None:
        await call.answer()
        try:
            await call.wait("held")
        finally:
            ended.set()

    callee.on_incoming = handler
    async with await caller.invite(uri_of(callee)):
        pass
    await asyncio.wait_for(ended.wait(), 2)
    await asyncio.sleep(0)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_no_common_codec_is_488_for_the_caller_and_an_error_for_the_callee(
    make_agent: MakeAgent, caller: UserAgent, uri_of: UriOf, backend: FakeBackend,
) -> None:
    callee = await make_agent(media=backend)
    backend.refuse = True
    errors: list[MicrosipError] = []

    async def handler(call: Call) -> None:
        try:
            await call.answer()
        except CodecError as error:
            errors.append(error)
        assert call.end_cause is EndCause.MEDIA

    callee.on_incoming = handler
    with pytest.raises(CallRefused, match="488"):
        await caller.invite(uri_of(callee))
    assert errors[0].step == "answer"


async def test_answer_without_a_codec_of_ours_ends_the_call(make_agent: MakeAgent, peer: RawPeer) -> None:
    caller = await make_agent(media=FakeBackend())
    inviting = asyncio.create_task(caller.invite(peer.uri))
    await peer.respond(await peer.receive("INVITE"), "200 OK", body="nocodec")
    await peer.receive("ACK")
    await peer.respond(await peer.receive("BYE"), "200 OK")
    with pytest.raises(CodecError) as caught:
        await inviting
    assert caught.value.peer == peer.uri


async def test_answer_without_description_ends_the_call(caller: UserAgent, peer: RawPeer) -> None:
    inviting = asyncio.create_task(caller.invite(peer.uri))
    await peer.respond(await peer.receive("INVITE"), "200 OK")
    await peer.receive("BYE")
    with pytest.raises(MicrosipError):
        await inviting


async def test_redirect_says_where_to(make_agent: MakeAgent, peer: RawPeer) -> None:
    caller = await make_agent(config=UserAgentConfig(max_redirects=0))
    inviting = asyncio.create_task(caller.invite(peer.uri))
    await peer.respond(await peer.receive("INVITE"), "302 Moved Temporarily")
    with pytest.raises(CallRefused, match="302") as caught:
        await inviting
    assert peer.uri in str(caught.value.remedy)


async def test_early_media_then_answer(make_agent: MakeAgent, peer: RawPeer) -> None:
    backend = FakeBackend()
    caller = await make_agent(media=backend)
    call = caller.start_call(peer.uri)
    request = await peer.receive("INVITE")
    await peer.respond(request, "183 Session Progress", body="early")
    await call.wait("early", 2)
    assert call.state is CallState.EARLY
    assert call.answered is None
    await peer.respond(request, "200 OK", body="final")
    await call.wait("active", 2)
    assert backend.sessions[-1].done == [("accept_answer", b"early"), ("accept_answer", b"final")]


async def test_early_media_of_ours(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    call = caller.start_call(uri_of(callee))
    incoming = await callee.next_call(2)
    incoming.ring(early_media=True)
    assert incoming.state is CallState.EARLY
    await call.wait("early", 2)
    incoming.answer()
    await call.wait("active", 2)


async def test_change_before_the_answer_leaves_the_call_to_be_answered(make_agent: MakeAgent, uri_of: UriOf) -> None:
    """UPDATE may hold within the early dialog (RFC 3311): that is no answer, and the call starts as held."""
    caller, callee = await make_agent(media=FakeBackend()), await make_agent(media=FakeBackend())
    call = caller.start_call(uri_of(callee))
    incoming = await callee.next_call(2)
    incoming.ring(early_media=True)
    await call.wait("early", 2)
    assert call.session is not None
    offered = asyncio.Event()
    callee_answers = incoming.media.accept_offer
    incoming.media.accept_offer = lambda sdp: (offered.set(), callee_answers(sdp))[1]
    call.session.update(b"hold", caller.now())
    caller.pump()
    await asyncio.wait_for(offered.wait(), 2)
    assert incoming.state is CallState.EARLY
    await incoming.answer()
    assert incoming.state is CallState.REMOTE_HELD


async def test_caller_without_offer_gets_ours_and_answers_in_the_ack(make_agent: MakeAgent, peer: RawPeer) -> None:
    backend = FakeBackend()
    callee = await make_agent(media=backend)
    callee.on_incoming = lambda call: call.answer()
    await peer.send(peer.invite(callee.listen_address, body=""), callee.listen_address)
    answer = await peer.receive("SIP/2.0 200")
    assert "s=fake" in answer
    to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
    host, port = callee.listen_address
    await peer.send(
        f"ACK sip:u@{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bKack\r\n"
        f"From: <{peer.uri}>;tag=raw\r\n{to}\r\nCall-ID: raw1\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\n"
        "Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nlate",
    )
    await callee.calls[0].wait("active", 2)
    assert backend.sessions[-1].done == [("accept_answer", b"late")]
    assert callee.calls[0].remote_display_name == "Raw Peer"


async def test_limit_of_calls(make_agent: MakeAgent, caller: UserAgent, uri_of: UriOf) -> None:
    callee = await make_agent(config=UserAgentConfig(max_calls=1))
    callee.on_incoming = lambda call: call.answer()
    first = await caller.invite(uri_of(callee))
    with pytest.raises(CallRefused, match="486"):
        await caller.invite(uri_of(callee))
    await first.hangup()
    await caller.invite(uri_of(callee))


async def test_hold_and_resume(make_agent: MakeAgent, uri_of: UriOf) -> None:
    caller, callee = await make_agent(media=FakeBackend()), await make_agent(media=FakeBackend())
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri_of(callee))
    other = callee.calls[0]
    await other.wait("active", 2)
    seen = other.events()
    await call.hold()
    assert call.held
    assert (call.state, other.state) == (CallState.HELD, CallState.REMOTE_HELD)
    await call.hold()  # nothing to do
    await call.unhold()
    assert (call.state, other.state) == (CallState.ACTIVE, CallState.ACTIVE)
    await call.hangup()
    assert await types(seen) == ["call_held", "call_resumed", "call_ended"]


async def test_offer_withdrawn_before_it_is_handled_is_no_fault(
    make_agent: MakeAgent, uri_of: UriOf, caplog: pytest.LogCaptureFixture,
) -> None:
    caller, callee = await make_agent(media=FakeBackend()), await make_agent(media=FakeBackend())
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri_of(callee))
    session, invite = callee.calls[0].session, callee.calls[0].invite_request
    assert session is not None
    assert invite is not None
    callee.driver._deliver_safely(CallOfferReceived(session, invite, invite.body))
    assert not caplog.records
    assert callee.calls[0].session is session
    await call.hangup()


async def test_refused_hold_leaves_the_call_as_it_was(make_agent: MakeAgent, uri_of: UriOf) -> None:
    backend = FakeBackend()
    caller, callee = await make_agent(media=FakeBackend()), await make_agent(media=backend)
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(uri_of(callee))
    backend.refuse = True
    with pytest.raises(CallRefused, match="488"):
        await call.hold()
    assert (call.state, call.held) == (CallState.ACTIVE, False)
    backend.refuse = False
    pending = call.hold()
    with pytest.raises(InvalidState, match="under way"):
        call.unhold()
    await pending
    assert call.held


async def test_hang_up_during_hold_tells_who_waits(make_agent: MakeAgent, peer: RawPeer) -> None:
    caller = await make_agent(media=FakeBackend())
    call = caller.start_call(peer.uri)
    await peer.respond(await peer.receive("INVITE"), "200 OK", body="sdp")
    await call.wait("active", 2)
    holding = call.hold()
    await peer.receive("INVITE")
    call.hangup()
    with pytest.raises(InvalidState):
        await holding


async def test_wait(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    call = caller.start_call(uri_of(callee))
    await call.wait("calling")
    with pytest.raises(InvalidArgument, match="remote_held"):
        await call.wait("sleeping")
    with pytest.raises(TimedOut, match="not active"):
        await call.wait("active", 0.02)
    waiters = [asyncio.create_task(call.wait("active")) for _ in range(3)]
    await asyncio.sleep(0)
    waiters[0].cancel()
    (await callee.next_call(2)).answer()
    await asyncio.gather(*waiters[1:])
    assert call._waiters == []


async def test_context_manager_hangs_up(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    callee.on_incoming = lambda call: call.answer()
    with pytest.raises(ZeroDivisionError):
        async with await caller.invite(uri_of(callee)) as call:
            1 / 0  # noqa: B018
    assert call.end_cause is EndCause.NORMAL


async def test_extra_headers_reach_the_callee(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    caller.start_call(uri_of(callee), headers=[("X-Order", "4711")])
    incoming = await callee.next_call(2)
    await incoming.answer()
    assert incoming.invite_request is not None
    assert incoming.invite_request.get("x-order") == "4711"


async def test_header_that_can_not_be_sent(caller: UserAgent, callee: UserAgent, uri_of: UriOf) -> None:
    with pytest.raises(InvalidArgument):
        caller.start_call(uri_of(callee), headers=[("X-Order", "1\r\nEvil: 2")])
    assert caller.calls == []


async def test_ipv6(make_agent: MakeAgent, caller: UserAgent) -> None:
    callee = await make_agent(listen="[::1]:0")
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite(f"sip:bob@[::1]:{callee.listen_address[1]}")
    assert callee.calls[0].remote_uri == "sip:microsip@[::1]"
    await call.hangup()


async def test_before_start_and_after_close(caller: UserAgent) -> None:
    agent = UserAgent(media="none")
    with pytest.raises(NotInitialized):
        agent.start_call("sip:a@127.0.0.1")
    with pytest.raises(NotInitialized):
        assert agent.listen_address
    await agent.close()
    await caller.close()
    with pytest.raises(InvalidState):
        caller.start_call("sip:a@127.0.0.1")
    with pytest.raises(InvalidState):
        await caller.next_call()
    with pytest.raises(InvalidState):
        await caller.start()
