"""The C-style functions that send a peer elsewhere, with user agents on real sockets."""

from __future__ import annotations

import pytest

import microsip_core as sip
from microsip_core.errors import ErrorCode

from .test_functions import OtherSide, other, wait_for_event  # noqa: F401


@pytest.fixture
def third() -> object:
    side = OtherSide()
    yield side
    side.close()


def answering(side: OtherSide) -> None:
    side.agent.on_incoming = lambda call: call.answer()


@pytest.mark.usefixtures("engine")
def test_blind_transfer(other: OtherSide, third: OtherSide) -> None:  # noqa: F811
    answering(other)
    answering(third)
    call = sip.sip_invite(other.uri)
    assert call > 0
    assert sip.sip_transfer(call, third.uri) == -1405  # it does not follow transfers
    assert sip.sip_list_calls() == [call]
    assert sip.sip_transfer(call, "mailto:x@y") == ErrorCode.SIP_EINVAL
    assert sip.sip_transfer(77, third.uri) == ErrorCode.SIP_ENOCALL
    assert wait_for_event("call_transfer_status").status == 405


def test_transfers_followed_have_handles(third: OtherSide) -> None:
    answering(third)
    assert sip.sip_init({"accept_transfers": True, "media": "none"}) == 0
    transferor = OtherSide()
    try:
        from microsip_core.c_api.engine import running_engine

        own = "sip:me@{}:{}".format(*running_engine().agent.listen_address)
        call = transferor.call(own)
        first = sip.sip_answer()
        assert first > 0

        async def transfer() -> None:
            await call.transfer(third.uri)

        transferor.run(transfer())
        assert sip.sip_wait_call(first, "ended", 5) == 0
        second = sip.sip_current_call()
        assert second != first
        info = sip.sip_get_call_info(second)
        assert (info.state, info.remote) == ("active", third.uri)
        assert sip.sip_hangup(second) == 0
    finally:
        transferor.close()
        sip.sip_shutdown()


@pytest.mark.usefixtures("engine")
def test_attended_transfer(third: OtherSide) -> None:
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.user_agent import UserAgent

    class Follower(OtherSide):
        async def _start(self) -> UserAgent:
            return await UserAgent(UserAgentConfig(accept_transfers=True), media="none").start()

    follower = Follower()
    try:
        answering(follower)
        answering(third)
        first, second = sip.sip_invite(follower.uri), sip.sip_invite(third.uri)
        assert sip.sip_attended_transfer(first, first) == ErrorCode.SIP_ESTATE
        assert sip.sip_attended_transfer(first, second) == 0
        assert sip.sip_wait_call(second, "ended", 5) == 0
        assert sip.sip_list_calls() == []
        assert [call.remote_uri for call in follower.agent.calls] == [third.uri]
    finally:
        follower.close()


def test_redirect(engine: None, other: OtherSide, third: OtherSide) -> None:  # noqa: F811
    from microsip_core.c_api.engine import running_engine

    answering(third)
    call = other.call("sip:me@{}:{}".format(*running_engine().agent.listen_address))
    assert sip.sip_redirect(0, third.uri) == 0
    assert sip.sip_redirect(0, third.uri) == ErrorCode.SIP_ENOCALL

    async def answered() -> str:
        await call.wait("active", 5)
        return call.remote_uri

    assert other.run(answered()) == third.uri
