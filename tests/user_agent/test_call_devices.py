"""What becomes of a call's devices when they go, are exchanged, or the call ends; the devices are made up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from microsip_core.errors import DeviceError, InvalidState
from microsip_core.media.devices import DeviceInfo, Direction
from microsip_core.media.engine import native_available
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import MakeAgent

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")


@dataclass(eq=False)
class FakeDevice:
    """A device that does what it is told."""

    info: DeviceInfo
    direction: Direction
    lost: bool = False
    attached: bool = False
    closed: bool = False

    def attach(self) -> None:
        assert not self.closed
        self.attached = True

    def close(self) -> None:
        self.closed = True


@dataclass
class Shop:
    """Opens devices, as far as there are any."""

    names: list[str]
    opened: list[FakeDevice] = field(default_factory=list)

    def __call__(
        self, stream: Any, wanted: str | int | None, direction: Direction, *, latency: Any, besides: int,
    ) -> FakeDevice:
        for index, name in enumerate(self.names):
            if index != besides and (wanted is None or wanted == name):
                info = DeviceInfo(index, name, "fake", 1, 1, 48000, False, False)
                self.opened.append(FakeDevice(info, direction))
                return self.opened[-1]
        raise DeviceError(f"there is no {wanted}", step="choose device")


@pytest.fixture
async def call(make_agent: MakeAgent) -> Call:
    caller, callee = await make_agent(media=None), await make_agent(media=None)
    callee.on_incoming = lambda call: call.answer()
    return await caller.invite("sip:bob@{}:{}".format(*callee.listen_address))


def shop_of(call: Call, *names: str) -> Shop:
    shop = Shop(list(names))
    agent: UserAgent = call.agent  # type: ignore[assignment]
    agent.devices.opener = shop  # type: ignore[assignment]
    return shop


async def test_lost_device_is_replaced_by_the_default_then_by_none(call: Call) -> None:
    shop = shop_of(call, "speakers", "headset")
    events = call.events()
    await call.connect_device(input="headset", output="null")
    assert call.devices == {"input": "headset", "output": "null"}
    for name in ("speakers", "null"):
        before = shop.opened[-1]
        if name == "null":
            shop.names.clear()
        before.lost = True
        told = []
        async with asyncio.timeout(5):
            async for event in events:
                if event.type in (EventType.DEVICE_LOST, EventType.DEVICE_CHANGED):
                    told.append(event)
                if len(told) == 2:
                    break
        assert [(one.type, one.text) for one in told] == [
            (EventType.DEVICE_LOST, f"input: {before.info.name}"), (EventType.DEVICE_CHANGED, f"input: {name}"),
        ]
        assert call.devices["input"] == name
    assert call.state == "active"
    await call.agent.devices.close()
    assert all(one.closed and one.attached for one in shop.opened)


async def test_refused_device_leaves_the_ones_before(call: Call) -> None:
    shop = shop_of(call, "speakers", "headset")
    await call.connect_device(input="headset", output="speakers")
    with pytest.raises(DeviceError):
        await call.connect_device(input="headset", output="gone")
    assert call.devices == {"input": "headset", "output": "speakers"}
    await asyncio.sleep(0)
    assert not any(one.closed for one in shop.opened[:2])
    assert not shop.opened[2].attached


async def test_devices_are_closed_with_the_call(call: Call) -> None:
    shop = shop_of(call, "speakers")
    await call.connect_device()
    await call.hangup()
    assert call.devices == {}
    with pytest.raises(InvalidState):
        await call.connect_device()
    await call.agent.devices.close()
    assert len(shop.opened) == 2
    assert all(one.closed for one in shop.opened)


async def test_choice_of_the_user_agent_moves_the_calls_that_follow_it(call: Call) -> None:
    shop_of(call, "speakers", "headset")
    agent: UserAgent = call.agent  # type: ignore[assignment]
    await call.connect_device(input="speakers")
    await agent.set_devices(input="headset", output="headset")
    assert call.devices == {"input": "speakers", "output": "headset"}  # what was named stays
    with pytest.raises(DeviceError):
        await agent.set_devices(input="headset", output="gone")
    assert call.devices == {"input": "speakers", "output": "headset"}
    assert agent.devices.choices == {"input": "headset", "output": "headset"}
