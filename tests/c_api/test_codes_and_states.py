"""Every code, every call state, and the events that the other tests of the C-style API do not meet."""

from __future__ import annotations

from typing import Any

import pytest

import microsip_core as sip
from microsip_core import ErrorCode, MediaError
from microsip_core.c_api.results import returns_code
from microsip_core.c_api.structures import SipMediaStream, media_streams_of
from microsip_core.errors import ERROR_TABLE
from microsip_core.user_agent.states import CallState
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import ServerThread
from .test_functions import OtherSide, other, wait_for_event  # noqa: F401 - a fixture


@pytest.mark.parametrize(("error", "code"), [
    (None, ErrorCode.SIP_OK), (MemoryError(), ErrorCode.SIP_ENOMEM), (MediaError("no sound"), ErrorCode.SIP_EMEDIA),
    (ValueError("a fault of ours"), ErrorCode.SIP_ERROR),
])
def test_what_a_function_raises_becomes_a_code(error: Exception | None, code: ErrorCode) -> None:
    @returns_code
    def fail() -> int:
        if error is not None:
            raise error
        return ErrorCode.SIP_OK

    assert fail() == code


def test_every_code_has_a_text_of_its_own() -> None:
    texts = [sip.sip_strerror(code) for code in ErrorCode]
    assert len(set(texts)) == len(ErrorCode) == len(ERROR_TABLE)
    assert [int(code) for code in ErrorCode] == list(range(0, -25, -1))


def test_each_state_can_be_waited_for(engine: None, server: ServerThread) -> None:
    call = sip.sip_invite(server.uri("echo"))
    for state in ("idle", "calling", "incoming", "ringing", "early", "connecting", "active"):
        assert sip.sip_wait_call(call, state, 5) == 0, state  # it is there, or past it
    for state in ("held", "remote_held", "ended"):
        assert sip.sip_wait_call(call, state, 0.01) == ErrorCode.SIP_ETIMEOUT, state
    assert sip.sip_hold(call) == 0
    assert sip.sip_wait_call(call, "held", 1) == 0
    assert sip.sip_hangup(call) == 0
    assert sip.sip_wait_call(call, "ended", 5) == 0
    assert len(CallState) == 10


async def _ring_with_sound(agent: UserAgent) -> None:
    agent.on_incoming = lambda call: call.ring(early_media=True)


def test_early_media_is_told(engine: None, other: OtherSide) -> None:  # noqa: F811
    other.run(_ring_with_sound(other.agent))
    call = sip.sip_invite_nowait(other.uri)
    progress = wait_for_event("call_progress")
    assert (progress.call, progress.status) == (call, 183)
    assert sip.sip_wait_call(call, "early", 5) == 0
    assert sip.sip_cancel(call) == 0


def test_what_could_not_be_sent_is_told(engine: None) -> None:
    assert sip.sip_invite("sip:a@127.0.0.1:1;transport=tcp") == ErrorCode.SIP_ENETWORK
    assert "127.0.0.1:1" in wait_for_event("transport_error").text


def test_streams_of_a_call(engine: None, server: ServerThread) -> None:
    call = sip.sip_invite(server.uri("echo"))
    statistics: Any = sip.sip_media_stats(call)
    streams = media_streams_of(statistics)
    assert [one.dir for one in streams] == ["send", "receive"]
    assert all(isinstance(one, SipMediaStream) for one in streams)
    assert {(one.type, one.codec, one.clock_rate) for one in streams} == {("audio", "PCMU", 8000)}
    assert streams[0].ptime == 20
    assert media_streams_of(None) == []
