"""JsSIP 3.13 in Chromium, over WebSocket through our loopback server: signaling, without media.

Our media can not speak WebRTC: its offers are refused with 488 by both sides, unless a stub answers them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from user_agent.fakes import FakeBackend, FakeSession

from microsip_core import CallRefused, CodecError, UserAgent
from microsip_core.server import LoopbackServer

from .browser import Page, jssip_script, open_page, start_browser
from .peers import Peer
from .sipp_scenarios import over

PASSWORD = "secret"
_PHONE = """
(() => {
  window.heard = [];
  const tell = (...words) => heard.push(words.join(' '));
  window.ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface('%(socket)s')], uri: '%(uri)s', password: '%(password)s',
    session_timers: true, register_expires: 60,
  });
  ua.on('registered', () => tell('registered'));
  ua.on('registrationFailed', event => tell('registration failed', event.cause));
  ua.on('newMessage', event => { if (event.originator === 'remote') tell('message', event.request.body); });
  ua.on('newOptions', event => { if (event.originator === 'remote') tell('options'); });
  ua.on('newRTCSession', event => {
    window.session = event.session;
    tell('session', event.originator);
    for (const name of ['progress', 'accepted', 'confirmed', 'ended', 'failed'])
      session.on(name, data => tell(name, data.originator || '', data.cause || ''));
  });
  window.silence = () => new AudioContext().createMediaStreamDestination().stream;
  window.dial = uri => ua.call(uri, {mediaStream: silence(), pcConfig: {iceServers: []}});
  ua.start();
})()
"""


class WebRtcSession(FakeSession):
    """Answers the offer of a browser as one who speaks WebRTC would; there is nobody behind it."""

    def accept_offer(self, offer: bytes, direction: str = "sendrecv") -> bytes:
        super().accept_offer(offer, direction)
        fingerprint = ":".join(["AB"] * 32)
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
            "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\na=rtcp-mux\r\na=recvonly\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=setup:active\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
            f"a=fingerprint:sha-256 {fingerprint}\r\n"
        ).encode()


class WebRtcBackend(FakeBackend):
    """Opens such sessions."""

    def open_session(self, *, local_host: str, **_: object) -> FakeSession:
        session = WebRtcSession(self, local_host)
        self.sessions.append(session)
        return session


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(
        users={"alice": PASSWORD, "bob": PASSWORD}, challenge="all", transports=("udp", "ws"), services=False,
    ) as loopback:
        yield loopback


@pytest.fixture
async def bob(server: LoopbackServer, started: Callable[[Peer], Peer], tmp_path: Path) -> AsyncIterator[Page]:
    """JsSIP, registered."""
    script = jssip_script()
    page = await open_page(started(start_browser(tmp_path)))
    assert (await page.run(script)).startswith("3.13")
    host, port = server.address_of("ws")
    await page.run(_PHONE % {"socket": f"ws://{host}:{port}", "uri": server.uri("bob"), "password": PASSWORD})
    await heard(page, "registered")
    yield page
    await page.do("ua.stop()")
    await page.close()


async def heard(page: Page, words: str) -> None:
    """Wait until the phone has told something that begins so, and forget it."""
    found: list[str] = []
    for _ in range(100):
        found = await page.run("heard")
        if any(line.startswith(words) for line in found):
            await page.run("heard.splice(0)")
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"JsSIP did not tell {words!r} but {found}")


async def test_registration_messages_and_options(agent: UserAgent, server: LoopbackServer, bob: Page) -> None:
    alice = await agent.create_account(server.uri("alice"), PASSWORD)
    assert "transport=ws" in server.registered("bob")[0]
    await agent.send_message(server.uri("bob"), "hello from us", account=alice, timeout=5)
    await heard(bob, "message hello from us")
    events = agent.events()
    await bob.do(f"ua.sendMessage('{server.uri('alice')}', 'hello from a browser')")
    async with asyncio.timeout(5):
        async for event in events:
            if event.type == "message":
                break
    assert event.text == "hello from a browser"
    reply = await agent.options(server.uri("bob"), account=alice, timeout=5)
    assert reply.status == 200
    answered = f"""new Promise((resolve, reject) => ua.sendOptions('{server.uri('alice')}', null, {{eventHandlers: {{
        succeeded: event => resolve(event.response.status_code), failed: event => reject(event.cause)}}}}))"""
    assert await bob.run(answered) == 200


async def test_calls_refused_and_given_up_both_ways(agent: UserAgent, server: LoopbackServer, bob: Page) -> None:
    alice = await agent.create_account(server.uri("alice"), PASSWORD)
    # our offer is none of WebRTC: JsSIP rings, and may refuse
    call = agent.start_call(server.uri("bob"), account=alice)
    await call.wait("ringing", 5)
    await heard(bob, "session remote")
    await bob.do("session.terminate({status_code: 486})")
    with pytest.raises(CallRefused) as caught:
        await call.wait("active", 5)
    assert caught.value.status == 486
    # or we give up
    call = agent.start_call(server.uri("bob"), account=alice)
    await call.wait("ringing", 5)
    await call.hangup()
    await heard(bob, "failed remote Canceled")
    # JsSIP gives up
    await bob.do(f"dial('{server.uri('alice')}')")
    incoming = await agent.next_call(10)
    await heard(bob, "progress remote")
    await bob.do("session.terminate()")
    await over(incoming)
    # we can not answer what it offers, and say so
    await bob.do(f"dial('{server.uri('alice')}')")
    incoming = await agent.next_call(10)
    with pytest.raises(CodecError):
        await incoming.answer()
    await heard(bob, "failed remote Incompatible SDP")
    assert incoming.ended_by == "local"


@pytest.mark.parametrize("ends", ["JsSIP", "we"])
async def test_call_answered_by_a_stub_that_speaks_webrtc(server: LoopbackServer, bob: Page, ends: str) -> None:
    async with UserAgent(media=WebRtcBackend()) as agent:
        await agent.create_account(server.uri("alice"), PASSWORD)
        await bob.do(f"dial('{server.uri('alice')}')")
        call = await agent.next_call(10)
        await call.answer()
        await heard(bob, "confirmed")
        if ends == "JsSIP":
            await bob.do("session.terminate()")
            await over(call)
        else:
            await call.hangup()
            await heard(bob, "ended remote")
