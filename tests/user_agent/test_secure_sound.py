"""Calls with SRTP between two user agents, on both media cores: every pair of modes, early media, hold, secrets."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from microsip_core.diagnosis.redaction import redact
from microsip_core.errors import CallRefused, InvalidArgument
from microsip_core.media.engine import native_available
from microsip_core.sdp.crypto import SUITES
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent

KEY = re.compile(rb"inline:([A-Za-z0-9+/=]+)")


@pytest.fixture(params=["reference", pytest.param("native", marks=pytest.mark.skipif(
    not native_available(), reason="the native core is not built"))])
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def call_between(caller: UserAgent, callee: UserAgent) -> tuple[Call, Call]:
    callee.on_incoming = lambda call: call.answer()
    call = await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    other = callee.calls[0]
    await other.wait("active", 2)
    return call, other


async def heard(call: Call, more: int = 10) -> None:
    """Wait until so many more packets have come."""
    def received() -> int:
        figures = call.statistics()
        return figures.receive.packets if figures is not None else 0

    wanted = received() + more
    deadline = asyncio.get_running_loop().time() + 5
    while received() < wanted:
        assert asyncio.get_running_loop().time() < deadline, call.statistics()
        await asyncio.sleep(0.02)


def suites_of(*calls: Call) -> list[str | None]:
    figures = [call.statistics() for call in calls]
    return [figure.send.srtp if figure is not None else None for figure in figures]


@pytest.mark.parametrize(("ours", "theirs", "secure"), [
    ("optional", "optional", True), ("mandatory", "mandatory", True), ("mandatory", "optional", True),
    ("optional", "mandatory", True), ("optional", "off", False), ("off", "optional", False),
])
async def test_modes(make_agent: MakeAgent, core: str, ours: str, theirs: str, secure: bool) -> None:
    caller = await make_agent(media=None, core=core, srtp=ours)
    callee = await make_agent(media=None, core=core, srtp=theirs)
    call, other = await call_between(caller, callee)
    await heard(call)
    await heard(other)
    assert suites_of(call, other) == ["AES_CM_128_HMAC_SHA1_80" if secure else None] * 2
    figures = call.statistics()
    assert figures is not None
    assert figures.receive.srtp_forged == (0 if secure else None)
    assert ("AES_CM" in figures.summary()) is secure
    await call.hangup()


@pytest.mark.parametrize(("ours", "theirs"), [("off", "mandatory"), ("mandatory", "off")])
async def test_modes_that_do_not_meet(make_agent: MakeAgent, ours: str, theirs: str) -> None:
    caller, callee = await make_agent(media=None, srtp=ours), await make_agent(media=None, srtp=theirs)
    callee.on_incoming = lambda call: call.answer()
    with pytest.raises(CallRefused) as refusal:
        await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))
    assert refusal.value.status == 488
    assert "SRTP" in (refusal.value.remedy or "")


@pytest.mark.parametrize("suite", SUITES)
async def test_every_suite_can_be_asked_for(make_agent: MakeAgent, core: str, suite: str) -> None:
    config = UserAgentConfig(srtp="mandatory", srtp_suites=(suite,), core=core)
    call, other = await call_between(await make_agent(config=config, media=None),
                                     await make_agent(media=None, core=core, srtp="optional"))
    await heard(call)
    await heard(other)
    assert suites_of(call, other) == [suite, suite]


async def test_early_media_has_the_keys_of_the_183(make_agent: MakeAgent, core: str) -> None:
    caller = await make_agent(media=None, core=core, srtp="mandatory")
    callee = await make_agent(media=None, core=core, srtp="mandatory")
    call = caller.start_call("sip:bob@{}:{}".format(*callee.listen_address))
    other = await callee.next_call(5)
    other.ring(early_media=True)
    await call.wait("early", 5)
    await heard(call, 20)
    figures = call.statistics()
    assert figures is not None
    assert (figures.receive.srtp, figures.receive.srtp_forged) == ("AES_CM_128_HMAC_SHA1_80", 0)
    await other.answer()
    await call.wait("active", 5)
    await heard(call, 20)
    await heard(other, 20)


async def test_hold_and_resume_go_on_with_the_keys(make_agent: MakeAgent, core: str) -> None:
    caller = await make_agent(media=None, core=core, srtp="optional", trace=100)
    callee = await make_agent(media=None, core=core, srtp="optional")
    call, other = await call_between(caller, callee)
    await heard(other)
    await call.hold()
    await call.unhold()
    await heard(other)
    await heard(call)
    for side in (call, other):
        figures = side.statistics()
        assert figures is not None
        assert (figures.receive.srtp_forged, figures.receive.srtp_replayed) == (0, 0)
    keys = {key for entry in caller.trace for key in KEY.findall(entry.data) if entry.direction == "out"}
    assert len(keys) == len(SUITES)


async def test_keys_are_never_logged_and_never_twice(make_agent: MakeAgent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys: list[bytes] = []
    for _ in range(2):
        caller = await make_agent(media=None, srtp="mandatory", trace=100, seed=1)
        callee = await make_agent(media=None, srtp="mandatory", seed=1)
        call, _other = await call_between(caller, callee)
        await call.hangup()
        keys += {key for entry in caller.trace for key in KEY.findall(entry.data)}
        shown = [redact(entry.data.decode()) for entry in caller.trace]
        assert any("inline:<redacted>" in text for text in shown)
        assert not [key for key in keys if any(key.decode() in text for text in shown)]
        assert not [key for key in keys if key.decode() in repr(call.media) + repr(caller.config)]
    assert len(keys) == len(set(keys)) == 2 * (len(SUITES) + 1)
    assert not [key for key in keys if key.decode() in caplog.text]


async def test_words_that_mean_nothing_are_refused(make_agent: MakeAgent) -> None:
    with pytest.raises(InvalidArgument, match="sometimes"):
        await make_agent(media=None, srtp="sometimes")
    with pytest.raises(InvalidArgument, match="ROT13"):
        await make_agent(media=None, config=UserAgentConfig(srtp="optional", srtp_suites=("ROT13",)))


async def test_signaling_only_takes_part(make_agent: MakeAgent) -> None:
    caller, callee = await make_agent(srtp="mandatory"), await make_agent(srtp="optional")
    call, _other = await call_between(caller, callee)
    await call.hangup()
    assert call.status == 200
