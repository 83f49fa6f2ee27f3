"""Conferences of the C-style API."""

from __future__ import annotations

import pytest

import microsip_core as sip
from microsip_core import SipConference
from microsip_core.errors import ErrorCode
from microsip_core.media.engine import native_available

from .conftest import ServerThread


@pytest.mark.skipif(not native_available(), reason="the native core is not built")
def test_calls_come_to_a_conference_and_leave_it(engine: None, server: ServerThread) -> None:
    first, second = sip.sip_invite(server.uri("sink")), sip.sip_invite(server.uri("sink"))
    assert min(first, second) > 0
    conference = sip.sip_conference_create()
    assert conference > 0
    assert sip.sip_conference_create(11025) == ErrorCode.SIP_EINVAL
    assert sip.sip_conference_add(conference, first) == 0
    assert sip.sip_conference_add(conference) == 0  # the current call
    assert sip.sip_conference_add(conference, 77) == ErrorCode.SIP_ENOCALL
    info = sip.sip_conference_info(conference)
    assert isinstance(info, SipConference)
    assert (info.calls, info.sample_rate, info.muted) == ((first, second), 16000, (False, False))
    assert sip.sip_conference_mute(conference, first) == 0
    assert sip.sip_conference_info(conference).muted == (True, False)  # type: ignore[union-attr]
    assert sip.sip_conference_mute(conference, first, False) == 0
    assert sip.sip_conference_set_gain(conference, second, 0.5, 2.0) == 0
    assert sip.sip_conference_set_gain(conference, second, 9.0) == ErrorCode.SIP_EINVAL
    assert sip.sip_conference_mute(conference, 77) == ErrorCode.SIP_ENOCALL
    assert sip.sip_conference_remove(conference, first) == 0
    sip.sip_hangup(second)
    left = sip.sip_conference_info(conference)
    assert isinstance(left, SipConference)
    assert left.calls == ()
    assert sip.sip_conference_end(conference) == 0
    assert sip.sip_conference_info(conference) == ErrorCode.SIP_ENOCALL
    assert sip.sip_conference_end(conference) == ErrorCode.SIP_ENOCALL
