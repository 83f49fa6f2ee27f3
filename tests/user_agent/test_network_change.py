"""A user agent moves to another address: its calls keep their sound, its accounts their registration."""

from __future__ import annotations

import asyncio

import pytest

from microsip_core.errors import InvalidArgument, NetworkError
from microsip_core.server.server import LoopbackServer
from microsip_core.user_agent import network_change, network_watch
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.network_change import NetworkChange
from microsip_core.user_agent.states import AccountState, CallState
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent
from .test_sound import calls, core, listen, strongest  # noqa: F401 (fixtures)


@pytest.mark.parametrize("on_hold", [False, True])
async def test_call_keeps_its_sound_at_another_address(calls: tuple[Call, Call], on_hold: bool) -> None:  # noqa: F811
    call, other = calls
    assert isinstance(call.agent, UserAgent)
    call.play_tone([((440,), 20_000, 0)])
    other.play_tone([((620,), 20_000, 0)])
    if on_hold:
        await call.hold()
    await call.agent.network_changed("127.0.0.2:0")
    assert call.agent.listen_address[0] == "127.0.0.2"
    for _ in range(500):
        if call.session is None or not call.session.busy:
            break
        await asyncio.sleep(0.01)
    assert other.session is not None
    assert "127.0.0.2" in other.session.established_dialog.target
    description = (other.session.remote_sdp or b"").decode()
    assert "c=IN IP4 127.0.0.2" in description
    if on_hold:
        assert "a=sendonly" in description
        assert (call.state, other.state) == (CallState.HELD, CallState.REMOTE_HELD)
        await call.unhold()
    audio, its_audio = call.open_audio(8000), other.open_audio(8000)
    await listen(its_audio, 0.3)  # what was on its way
    assert strongest(await listen(its_audio, 0.5)) == pytest.approx(440, abs=15)
    assert strongest(await listen(audio, 0.5)) == pytest.approx(620, abs=15)
    await other.hangup()
    await call.wait_ended(2)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_accounts_move_their_binding(make_agent: MakeAgent, transport: str) -> None:
    async with LoopbackServer(users={"alice": "secret"}, services=False, transports=("udp", "tcp")) as server:
        agent = await make_agent()
        account = await agent.create_account(server.uri("alice"), "secret", registrar=server.proxy_for(transport))
        await agent.network_changed("127.0.0.3:0")
        await account.settled(5)
        assert account.state is AccountState.REGISTERED
        (binding,) = server.registered("alice")
        assert "@127.0.0.3:" in binding


async def test_change_of_the_systems_address_is_noticed(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new address moves us, once; one that is gone does not; the same one back after that does."""
    addresses = ["192.0.2.10", "192.0.2.10", "192.0.2.20", "192.0.2.20", None, None, "192.0.2.20", "192.0.2.20"]
    looks = iter(addresses)
    seen: list[str | None] = []
    done = asyncio.Event()

    def routing_address(host: str, family: object) -> str:
        found = next(looks, "end")
        if found == "end":
            done.set()
            return "192.0.2.20"
        seen.append(found)
        if found is None:
            raise NetworkError("no route", step="send")
        return found

    monkeypatch.setattr(network_watch, "routing_address", routing_address)
    moved: list[int] = []
    monkeypatch.setattr(NetworkChange, "start", lambda self, listen=None: moved.append(len(seen)))
    agent = await make_agent(config=UserAgentConfig(network_poll=0.001))
    await asyncio.wait_for(done.wait(), 5)
    assert moved == [3, 7]
    await agent.close()
    assert agent.network_watch._timer is None


async def test_ringing_calls_outlast_a_change(make_agent: MakeAgent) -> None:
    """A call that rings when the network changes is answered, and ended, all the same."""
    async with LoopbackServer(users={"alice": "secret", "bob": "secret"}, services=False) as server:
        caller, callee = await make_agent(), await make_agent()
        for agent, user in ((caller, "alice"), (callee, "bob")):
            await agent.create_account(server.uri(user), "secret", registrar=server.proxy)
        ringing: asyncio.Queue[Call] = asyncio.Queue()
        callee.on_incoming = ringing.put_nowait
        call = caller.accounts[0]
        inviting = asyncio.create_task(call.invite(server.uri("bob"), timeout=5))
        incoming = await asyncio.wait_for(ringing.get(), 5)
        await callee.network_changed("127.0.0.4:0")
        await callee.accounts[0].settled(5)
        await incoming.answer()
        mine = await inviting
        assert mine.session is not None
        assert "@127.0.0.4:" in mine.session.established_dialog.target
        await mine.hangup()
        await incoming.wait_ended(5)


async def test_network_that_is_not_there_yet_is_tried_again(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(network_change, "PAUSE", 0.001)
    agent = await make_agent()
    reopen, tries = agent.transport.reopen, []

    async def by_and_by(listen: object) -> None:
        tries.append(listen)
        await reopen("192.0.2.1:0" if len(tries) < 4 else "127.0.0.2:0")

    monkeypatch.setattr(agent.transport, "reopen", by_and_by)
    await agent.network_changed()
    assert len(tries) == 4
    assert agent.listen_address[0] == "127.0.0.2"


async def test_closing_ends_a_move_that_does_not_come_to_anything(make_agent: MakeAgent) -> None:
    agent = await make_agent()
    moving = asyncio.ensure_future(agent.network_changed("192.0.2.1:0"))
    await asyncio.sleep(0)
    await agent.close()
    with pytest.raises(asyncio.CancelledError):
        await moving


async def test_a_second_change_takes_over_and_the_first_caller_waits_for_it(make_agent: MakeAgent) -> None:
    agent = await make_agent()
    first = asyncio.ensure_future(agent.network_changed())
    await asyncio.sleep(0)
    await agent.network_changed()
    await asyncio.wait_for(first, 5)


async def test_an_address_that_can_not_be_read_changes_nothing(make_agent: MakeAgent) -> None:
    agent, other = await make_agent(), await make_agent()
    before = agent.listen_address
    with pytest.raises(InvalidArgument):
        await agent.network_changed("sctp:nonsense:abc:99999")
    assert agent.listen_address == before
    assert (await agent.options("sip:{}:{}".format(*other.listen_address), timeout=5)).status == 200
