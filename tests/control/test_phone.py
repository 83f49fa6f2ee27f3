"""The phone: real calls between it and another user agent, by its configuration, its numbers and its requests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from microsip_core.control.address import ControlAddress
from microsip_core.control.client import ControlClient
from microsip_core.control.launch import parse_launch
from microsip_core.control.numbers import Number
from microsip_core.control.phone import Phone
from microsip_core.control.requests import REQUESTS
from microsip_core.control.server import ControlServer
from microsip_core.errors import Busy, CallRefused, ConfigError, InvalidArgument, MicrosipError, NoCall, NotSupported
from microsip_core.server import LoopbackServer
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.states import AccountState, CallState
from microsip_core.user_agent.user_agent import UserAgent

Make = Callable[..., Awaitable[Phone]]
N = Number


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    phones: list[Phone] = []

    async def phone(text: str = "", media: str | None = "none") -> Phone:
        (tmp_path / "M.ini").write_text(text)
        one = Phone(tmp_path / "M.ini", media=media)
        await one.start()
        phones.append(one)
        return one

    yield phone
    for one in phones:
        await one.close()


@pytest.fixture
async def peer() -> AsyncIterator[UserAgent]:
    async with UserAgent(media="none", trace=50) as agent:
        yield agent


def uri(agent: UserAgent, user: str = "bob") -> str:
    return "sip:{}@{}:{}".format(user, *agent.listen_address)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (several things may make it true)
            await asyncio.sleep(0.005)


async def state(call: Call, wanted: CallState) -> None:
    await until(lambda: call.state is wanted)


# -- calls ---------------------------------------------------------------------------------------------------------

async def test_dial_hold_and_hang_up_by_numbers(make: Make, peer: UserAgent) -> None:
    phone = await make()
    assert await phone.number(N.STATUS, "") == (0, "idle")
    assert await phone.number(N.DIAL, uri(peer)) == (1, "call 1")
    call = await peer.next_call(5)
    assert await phone.number(N.STATUS, "") == (1, "ringing")
    await call.answer()
    await until(lambda: phone.calls.status() == 2)
    assert await phone.number(N.ACTIVECALL, "") == (1, uri(peer))
    assert await phone.number(N.DIAL, uri(peer)) == (0, "dial: there is a call already (singleMode). End it, or set "
                                                     "singleMode to 0")
    assert await phone.number(N.HOLD, "") == (1, "held")
    assert await phone.number(N.STATUS, "") == (3, "hold")
    assert await phone.number(N.UNHOLD, "") == (1, "resumed")
    assert (await phone.number(N.TRANSFER, "100"))[0] == 0
    assert await phone.number(N.HANGUP, "") == (1, "call 1")
    await call.wait_ended(5)
    assert await phone.number(N.STATUS, "") == (4, "disconnected")
    assert (await phone.number(N.HANGUP, ""))[0] == 0
    assert (await phone.number(N.ACTIVECALL, ""))[0] == 0


async def test_answer_and_reject_by_numbers(make: Make, peer: UserAgent) -> None:
    phone = await make("[Settings]\nsingleMode=0\n")
    assert (await phone.number(N.ANSWER, ""))[0] == 0
    first = peer.start_call(uri(phone.agent))
    await state(first, CallState.RINGING)
    assert (await phone.number(N.ANSWER, ""))[0] == 1
    await state(first, CallState.ACTIVE)
    second = peer.start_call(uri(phone.agent))
    await state(second, CallState.RINGING)
    assert (await phone.number(N.REJECT, "603"))[0] == 1
    with pytest.raises(CallRefused, match="603"):
        await second.wait("active", 5)
    third = peer.start_call(uri(phone.agent))
    await state(third, CallState.RINGING)
    assert (await phone.number(N.REJECT, "x"))[0] == 0
    assert await phone.number(N.HANGUP, "/hangupincoming") == (1, "queued")
    await third.wait_ended(5)
    assert first.state is CallState.ACTIVE
    assert (await phone.execute(parse_launch(["/hangupall"]))) == "1 ended"
    await first.wait_ended(5)


@pytest.mark.parametrize(("settings", "status"), [
    ("DND=1", 486), ("denyIncoming=all", 486), ("denyIncoming=remotedomain\n[Account1]\nusername=bob\ndomain=pbx", 486),
    ("forwarding=all\nforwardingNumber=sip:eve@127.0.0.1:9", 302),
])
async def test_calls_refused_or_sent_on(make: Make, peer: UserAgent, settings: str, status: int) -> None:
    phone = await make(f"[Settings]\n{settings}\n")
    call = peer.start_call(uri(phone.agent))
    with pytest.raises(MicrosipError):
        await call.wait("active", 5)
    responses = [one.data for one in peer.trace if one.data.startswith(f"SIP/2.0 {status}".encode())]
    assert len(responses) == 1
    assert (b"<sip:eve@127.0.0.1:9>" in responses[0]) == (status == 302)
    assert (b"Diversion: <sip:bob@" in responses[0]) == (status == 302)


async def test_a_call_is_answered_by_itself_and_ended_after_its_time(make: Make, peer: UserAgent) -> None:
    reluctant = await make("[Settings]\nautoAnswer=header\nautoHangUpTime=1\nautoAnswerNumber=x*\n")
    call = peer.start_call(uri(reluctant.agent))
    await state(call, CallState.RINGING)  # no header asks for it
    await call.hangup()
    phone = await make("[Settings]\nautoAnswer=header\nautoHangUpTime=1\n")
    call = peer.start_call(uri(phone.agent), headers=[("Call-Info", "<sip:x>;answer-after=0")])
    await call.wait("active", 5)
    await call.wait_ended(5)
    assert 0.8 < call.duration < 6
    assert call.ended_by == "remote"


# -- accounts -------------------------------------------------------------------------------------------------------

ACCOUNT = "[Account{n}]\nserver={server}\nusername={user}\npassword={password}\n"


async def test_several_accounts_register_and_a_dialled_number_waits(
    make: Make, peer: UserAgent, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("K_TEST_PASSWORD", "s1")
    async with LoopbackServer(users={"alice": "s1", "bob": "s2"}, challenge="register") as server:
        text = (ACCOUNT.format(n=1, server=server.domain, user="alice", password="env:K_TEST_PASSWORD")
                + ACCOUNT.format(n=2, server=server.domain, user="bob", password="wrong"))
        phone = await make("[Settings]\nsingleMode=0\n" + text)
        assert await phone.execute(parse_launch(["busy"])) == "waiting for the registration"
        await until(lambda: server.registered("alice"))
        await until(lambda: phone.calls.status() == 4)  # it was dialled, and refused
        accounts = phone.accounts.accounts
        await until(lambda: accounts[2].state is AccountState.FAILED)
        shown = repr(phone.snapshot())
        assert "s1" not in shown
        assert "wrong" not in shown
        assert await phone.execute(parse_launch(["/account:2", "/password:s2"])) == ""
        await until(lambda: server.registered("bob"))
        assert phone.accounts.chosen == 2
        with pytest.raises(MicrosipError, match="Account9"):
            await phone.execute(parse_launch(["/account:9", "100"]))


async def test_an_account_that_can_not_be_made_costs_no_other(
    make: Make, caplog: pytest.LogCaptureFixture,
) -> None:
    phone = await make("[Account1]\nusername=a\ndomain=pbx\npassword=env:NOT_SET_ANYWHERE\n"
                       "[Account2]\nusername=b\ndomain=pbx\n[Account3]\nserver=pbx\n")
    assert list(phone.accounts.accounts) == [2]
    assert "[Account1] can not be used" in caplog.text
    assert "[Account3] can not be used" in caplog.text


# -- reload ---------------------------------------------------------------------------------------------------------

async def test_a_reload_applies_what_differs_or_nothing(make: Make, peer: UserAgent) -> None:
    phone = await make("[Settings]\nDND=0\n[Account1]\nusername=a\ndomain=pbx\n")
    kept = phone.accounts.accounts[1]
    phone.path.write_text("[Settings]\nDND=1\n[Account1]\nusername=a\ndomain=pbx\n[Account2]\nusername=b\ndomain=pbx\n")
    assert await phone.number(N.RELOAD, "") == (1, "[Settings] DND: 0 -> 1\n[Account2] added")
    assert phone.accounts.accounts[1] is kept
    with pytest.raises(CallRefused, match="486"):
        await peer.invite(uri(phone.agent), timeout=5)
    phone.path.write_text("[Settings]\nDND=0\nvolumeRing=200\n")
    code, text = await phone.number(N.RELOAD, "")
    assert code == 0
    assert "M.ini:3" in text
    assert phone.configuration.settings.DND
    phone.path.write_text("[Settings]\nDND=0\n")
    assert (await phone.number(N.RELOAD, ""))[0] == 1
    assert not phone.accounts.accounts
    assert await phone.number(N.RELOAD, "") == (1, "nothing has changed")


async def test_bad_values_are_told_at_the_start(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    await make("[Settings]\nvolumeRing=200\ncmdCallEnd='open\nVAD=1\n")
    assert "M.ini:2: [Settings] volumeRing" in caplog.text
    assert "cmdCallEnd" in caplog.text
    assert "VAD has no effect yet" in caplog.text


# -- event commands and recordings ----------------------------------------------------------------------------------

@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell writes down what happens")
async def test_every_begin_has_its_end(make: Make, peer: UserAgent, tmp_path: Path) -> None:
    script = tmp_path / "note it"
    script.write_text(f'#!/bin/sh\necho "$MICROSIP_EVENT $1 $MICROSIP_CODE $MICROSIP_CALL" >> "{tmp_path}/notes"\n')
    script.chmod(0o755)
    keys = ["cmdOutgoingCall", "cmdIncomingCall", "cmdCallRing", "cmdCallAnswer", "cmdCallStart", "cmdCallBusy",
            "cmdCallEnd"]
    phone = await make("[Settings]\n" + "".join(f'{key}="{script}"\n' for key in keys) + "maxConcurrentCalls=1\n"
                       f'[General]\nOnCallEnded="{script}" %number%\n')
    call = peer.start_call(uri(phone.agent))
    await state(call, CallState.RINGING)
    refused = peer.start_call(uri(phone.agent))
    await refused.wait_ended(5)
    phone.actions.answer()
    await state(call, CallState.ACTIVE)
    await call.hangup()
    await phone.number(N.DIAL, "sip:carol@{}:{}".format(*peer.listen_address))
    await (await peer.next_call(5)).reject(486)
    await until(lambda: not phone.agent.calls)
    await phone.close()
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    by_call = {number: sorted(note[0] for note in notes if note[-1] == number) for number in "123"}
    assert by_call == {
        "1": ["OnCallEnded", "cmdCallAnswer", "cmdCallEnd", "cmdCallRing", "cmdCallStart", "cmdIncomingCall"],
        "2": ["OnCallEnded", "cmdCallBusy", "cmdIncomingCall"],
        "3": ["OnCallEnded", "cmdCallBusy", "cmdOutgoingCall"],
    }
    assert ["OnCallEnded", "carol", "486", "3"] in notes


async def test_digits_and_recordings(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROSIP_CORE", "reference")
    async with UserAgent() as peer:
        phone = await make("[Settings]\nautoRecording=1\nrecordingFormat=wav\n[Account1]\nlabel=desk\nusername=me\n"
                           "domain=pbx\n", media=None)
        assert await phone.execute(parse_launch([uri(peer) + ",12"])) == "call 1"
        call = await peer.next_call(5)
        await call.answer()
        assert await call.recv_dtmf(2, 8) == "12"
        assert await phone.number(N.MUTE, "") == (1, "")
        assert await phone.number(N.MUTE, "") == (0, "")
        assert (await phone.number(N.DTMF, "5"))[0] == 1
        assert await call.recv_dtmf(1, 8) == "5"
        assert phone.snapshot()["calls"][0]["recording"]
        await phone.number(N.HANGUP, "")
        await call.wait_ended(5)
    await phone.close()
    [recording] = (tmp_path / "Recordings").iterdir()
    assert recording.name.endswith("-bob-outgoing-desk.wav")
    assert recording.stat().st_size > 16_000


# -- requests, and the whole over the socket ------------------------------------------------------------------------

async def test_requests(make: Make, peer: UserAgent) -> None:
    phone = await make("[Settings]\nsingleMode=0\n")
    assert await phone.request("launch", {"words": [uri(peer)]}) == {"text": "call 1"}
    call = await peer.next_call(5)
    waiting = asyncio.ensure_future(phone.request("wait", {"call": 1, "state": "active", "timeout": 5}))
    await call.answer()
    assert (await waiting)["state"] == "active"
    assert await phone.request("hold", {"call": 1, "on": True}) == "held"
    assert await phone.request("hangup", {"call": 1}) == "call 1"
    back = peer.start_call(uri(phone.agent))
    await state(back, CallState.RINGING)
    assert await phone.request("answer", {}) == "call 2"
    await state(back, CallState.ACTIVE)
    assert await phone.request("hangup_all", {"which": "all"}) == "1 ended"
    assert await phone.request("reload", {}) == "nothing has changed"
    assert not phone.quit.is_set()
    await phone.request("quit", {})
    assert phone.quit.is_set()


@pytest.mark.parametrize(("command", "arguments", "error"), [
    ("nothing", {}, NotSupported), ("__init__", {}, NotSupported), ("hangup", {"call": "1"}, InvalidArgument),
    ("hangup", {"call": True}, InvalidArgument), ("hangup", {"self": 1}, InvalidArgument), ("hangup", {}, NoCall),
    ("hangup_all", {"which": "x"}, InvalidArgument), ("launch", {"words": [1]}, InvalidArgument),
    ("launch", {"words": ["/nothing"]}, InvalidArgument), ("launch", {"words": ["100", "hi"]}, InvalidArgument),
    ("launch", {"words": ["/reset"]}, NotSupported), ("command_line", {"line": "100"}, InvalidArgument),
    ("wait", {"timeout": 0}, InvalidArgument), ("dtmf", {"digits": "x"}, InvalidArgument), ("answer", {}, NoCall),
    ("reload", {"x": 1}, InvalidArgument),
])
async def test_requests_that_can_not_be_done(
    make: Make, command: str, arguments: dict[str, Any], error: type[Exception],
) -> None:
    phone = await make()
    with pytest.raises(error):
        await phone.request(command, arguments)


async def test_each_request_and_number_is_answered_whatever_it_carries(make: Make) -> None:
    phone = await make()
    for number in range(1, 16):
        for text in ("", "100", "/answer", "x" * 2000, "\n"):
            try:
                code, _ = await phone.number(Number(number), text)
            except MicrosipError:
                assert number == N.MUTE
            else:
                assert code >= 0
    for command in REQUESTS:
        if command in ("reload", "quit", "register", "command_line", "launch"):
            await phone.request(command, {})
        else:
            with pytest.raises(MicrosipError):
                await phone.request(command, {})


async def test_a_call_over_the_socket_with_its_events(make: Make, peer: UserAgent, tmp_path: Path) -> None:
    phone = await make()
    server = ControlServer(phone, ControlAddress(tmp_path / "run", "phone"))
    await server.start()
    phone.tell = server.publish

    def use() -> list[str]:
        with ControlClient(server.address) as client:
            begun = client.subscribe(["call_outgoing", "call_started", "call_ended"])
            assert begun.snapshot is not None
            assert begun.snapshot["status"] == "idle"
            assert client.number(N.DIAL, uri(peer)) == (1, "call 1")
            seen = [client.next_event(8) for _ in range(2)]
            assert seen[1]["state"] == "active"
            assert client.request("hangup") == "call 1"
            return [event["event"] for event in (*seen, client.next_event(8))]

    using = asyncio.ensure_future(asyncio.to_thread(use))
    await (await peer.next_call(8)).answer()
    assert await asyncio.wait_for(using, 15) == ["call_outgoing", "call_started", "call_ended"]
    await server.close()


async def test_single_mode_and_unknown_codecs(make: Make, peer: UserAgent) -> None:
    phone = await make()
    phone.actions.dial(uri(peer))
    with pytest.raises(Busy):
        phone.actions.dial(uri(peer))
    with pytest.raises(ConfigError):
        await make("[Settings]\naudioCodecs=speex\n")


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell writes down what happens")
async def test_closing_ends_calls_and_tells_so_and_commands_see_no_password(
    make: Make, peer: UserAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("K_TEST_PASSWORD", "hunter2")
    (tmp_path / "note").write_text(f'#!/bin/sh\n(echo "$MICROSIP_EVENT"; env) >> "{tmp_path}/notes"\n')
    (tmp_path / "note").chmod(0o755)
    phone = await make(f"[Settings]\ncmdCallStart={tmp_path}/note\ncmdCallEnd={tmp_path}/note\n"
                       "[Account1]\nusername=a\ndomain=pbx\npassword=env:K_TEST_PASSWORD\n")
    assert await phone.number(N.DIAL, uri(peer)) == (1, "call 1")
    await (await peer.next_call(5)).answer()
    await until(lambda: phone.calls.status() == 2)
    await phone.close()
    notes = (tmp_path / "notes").read_text()
    assert "cmdCallStart\n" in notes
    assert "cmdCallEnd\n" in notes
    assert "hunter2" not in notes


async def test_encryption_does_not_change_under_a_running_phone(make: Make) -> None:
    phone = await make("[Account1]\nusername=a\ndomain=pbx\n")
    phone.path.write_text("[Account1]\nusername=a\ndomain=pbx\nSRTP=mandatory\n")
    code, text = await phone.number(N.RELOAD, "")
    assert code == 0
    assert "restart" in text
