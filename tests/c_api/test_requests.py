"""sip_message and sip_options, with a user agent on a real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import microsip_core as sip
from microsip_core.errors import ErrorCode

from .test_functions import OtherSide, other, wait_for_event  # noqa: F401


@pytest.mark.usefixtures("engine")
def test_messages_out_and_in(other: OtherSide) -> None:  # noqa: F811
    events = other.agent.events()

    async def next_message() -> Any:
        async with asyncio.timeout(5):
            async for event in events:
                if event.type == "message":
                    return event
        raise AssertionError("no message")

    assert sip.sip_message(other.uri, "hello\nyou") == 0
    assert other.run(next_message()).text == "hello\nyou"
    assert wait_for_event("message_status").status == 200
    assert sip.sip_message(other.uri, "x" * 20_000) == ErrorCode.SIP_ELIMIT
    assert sip.sip_message(other.uri, b"\xff") == ErrorCode.SIP_EINVAL  # type: ignore[arg-type]
    assert sip.sip_message(other.uri, "hello", 7) == ErrorCode.SIP_ENOACCOUNT

    from microsip_core.c_api.engine import running_engine

    own = "sip:me@{}:{}".format(*running_engine().agent.listen_address)
    other.run(other.agent.send_message(own, "back"))
    event = wait_for_event("message")
    assert (event.text, event.peer, event.call) == ("back", "sip:microsip@127.0.0.1", 0)


@pytest.mark.usefixtures("engine")
def test_options(other: OtherSide) -> None:  # noqa: F811
    assert 1 <= sip.sip_options(other.uri) < 1000
    assert sip.sip_options("sip:x@127.0.0.1:9", 0.3) in (ErrorCode.SIP_ENETWORK, ErrorCode.SIP_ETIMEOUT)
    assert sip.sip_options("mailto:x@y") == ErrorCode.SIP_EINVAL
