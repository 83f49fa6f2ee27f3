"""The running phone and the launches handed over to it, many at once, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from microsip_core.control.address import ControlAddress, address_for
from microsip_core.control.client import ControlClient
from microsip_core.control.hand_over import hand_over
from microsip_core.control.instance import run_phone
from microsip_core.control.phone import Phone
from microsip_core.errors import Busy, InvalidArgument, MicrosipError, NotInitialized
from microsip_core.user_agent.user_agent import UserAgent


class Running:
    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        self.address: ControlAddress = address_for(path, folder)
        self.ready: asyncio.Future[tuple[Phone, str]] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None

    async def start(self, *words: str) -> tuple[Phone, str]:
        self.task = asyncio.get_running_loop().create_task(run_phone(
            self.path, words, media="none", folder=self.folder,
            on_ready=lambda phone, said: self.ready.set_result((phone, said))))
        await asyncio.wait([self.task, self.ready], timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            self.task.result()
        return await self.ready


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    (tmp_path / "M.ini").write_text("[Settings]\nsingleMode=0\n")
    one = Running(tmp_path / "M.ini", tmp_path / "run")
    yield one
    if one.task is not None and not one.task.done():
        (await one.ready)[0].quit.set()
        await asyncio.wait_for(one.task, 10)


async def test_a_launch_starts_the_phone_and_the_next_is_handed_over(running: Running) -> None:
    with pytest.raises(NotInitialized):
        hand_over(running.address, ["status"])
    async with UserAgent(media="none") as peer:
        target = "sip:bob@{}:{}".format(*peer.listen_address)
        _, said = await running.start(target)
        assert said == "call 1"
        await (await peer.next_call(5)).answer()
        assert await asyncio.to_thread(hand_over, running.address, ["/hangupall"]) == "1 ended"
        assert await asyncio.to_thread(hand_over, running.address, [target]) == "call 2"
    with pytest.raises(MicrosipError, match="no call is ringing") as error:
        await asyncio.to_thread(hand_over, running.address, ["answer"])
    assert error.value.code == -7
    with pytest.raises(InvalidArgument):
        hand_over(running.address, ["/nothing"])
    assert await asyncio.to_thread(hand_over, running.address, ["/exit"]) == "ending"
    assert running.task is not None
    await asyncio.wait_for(running.task, 10)
    with pytest.raises(NotInitialized):
        hand_over(running.address, ["status"])


async def test_only_one_phone_runs_for_a_configuration(running: Running) -> None:
    await running.start()
    with pytest.raises(Busy):
        await run_phone(running.path, media="none", folder=running.folder)
    assert await asyncio.to_thread(hand_over, running.address, ["status"]) == "idle"


async def test_fifty_launches_at_the_same_instant_lose_nothing(running: Running) -> None:
    with ThreadPoolExecutor(50) as threads:
        loop = asyncio.get_running_loop()
        async with UserAgent(media="none") as peer:
            host, port = peer.listen_address
            launches = [loop.run_in_executor(
                threads, lambda number=number: hand_over(running.address, [f"sip:{number}@{host}:{port}"], patience=10))
                for number in range(50)]
            await running.start()
            said = await asyncio.wait_for(asyncio.gather(*launches), 20)
            assert sorted(said) == sorted(f"call {number}" for number in range(1, 51))
            called = {(await peer.next_call(5)).local_uri for _ in range(50)}
            assert called == {f"sip:{number}@{host}:{port}" for number in range(50)}


async def test_a_phone_that_can_not_start_leaves_nothing(running: Running) -> None:
    running.path.write_text("[Settings]\naudioCodecs=speex\n")
    with pytest.raises(MicrosipError, match="codec"):
        await running.start()
    running.path.write_text("")
    running.task = None
    await running.start("/minimized")
    assert await asyncio.to_thread(hand_over, running.address, ["calls"]) == ""


async def test_a_launch_that_fails_does_not_end_the_phone(running: Running) -> None:
    _, said = await running.start("100")
    assert "names no host" in said
    assert await asyncio.to_thread(hand_over, running.address, ["status"]) == "idle"


async def test_quitting_is_answered_before_the_end(running: Running) -> None:
    await running.start()

    def leave() -> tuple[int, str]:
        with ControlClient(running.address) as client:
            client.subscribe()
            return client.number(15)

    assert await asyncio.to_thread(leave) == (1, "ending")
    assert running.task is not None
    await asyncio.wait_for(running.task, 10)
