"""The microphone and loudspeaker of calls: opened off the loop, watched, and replaced when they are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from microsip_core.errors import MicrosipError
from microsip_core.media.devices import NULL_DEVICE, Direction, OpenDevice, open_device
from microsip_core.user_agent.log import LOG

if TYPE_CHECKING:
    from microsip_core.user_agent.call_devices import CallDevices

Choice = str | int | None
"""A name, part of a name or pattern, an index, "null", or None for the system's default."""

_LOOK_SECONDS = 0.25


class DeviceBoard:
    """What devices calls use by default, and those that are in use. One per user agent."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: set[CallDevices] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._working: set[asyncio.Future[None]] = set()
        self.choices: dict[Direction, Choice] = {"input": None, "output": None}
        self.opener: Callable[..., OpenDevice | None] = open_device

    async def open(
        self, call: CallDevices, wanted: Choice, direction: Direction, latency: float | str | None = None,
        besides: int = -1,
    ) -> OpenDevice | None:
        """Open a device for a call, in a thread: it takes its time. None is the null device."""
        if wanted == NULL_DEVICE:
            return None
        stream = call.stream("connect device")
        opening = self._loop.run_in_executor(
            None, lambda: self.opener(stream, wanted, direction, latency=latency, besides=besides),
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:  # nobody waits for it any more
            opening.add_done_callback(self._close_late)
            raise

    def _close_late(self, opening: asyncio.Future[OpenDevice | None]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self.let_go(opening.result())

    def let_go(self, device: OpenDevice | None) -> None:
        """Close a device, in a thread."""
        if device is not None:
            self._keep(self._loop.run_in_executor(None, device.close))

    def watch(self, call: CallDevices) -> None:
        """Look after the devices of a call from now on."""
        self._calls.add(call)
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)

    def forget(self, call: CallDevices) -> None:
        """The call has no devices any more."""
        self._calls.discard(call)

    @property
    def calls(self) -> list[CallDevices]:
        """The calls that have devices."""
        return list(self._calls)

    def _look(self) -> None:
        self._timer = self._loop.call_later(_LOOK_SECONDS, self._look) if self._calls else None
        for call in self.calls:
            for direction in call.lost_devices():
                self._keep(self._loop.create_task(call.replace_lost(direction)))

    def _keep(self, work: asyncio.Future[None]) -> None:
        self._working.add(work)
        work.add_done_callback(self._done)

    def _done(self, work: asyncio.Future[None]) -> None:
        self._working.discard(work)
        if not work.cancelled() and work.exception() is not None:
            LOG.error("fault while closing or replacing a sound device", exc_info=work.exception())

    async def close(self) -> None:
        """Wait until every device is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for call in self.calls:
            call.disconnect_device()
        while self._working:
            await asyncio.wait(list(self._working))


async def open_or_none(
    board: DeviceBoard, call: CallDevices, wanted: Choice, direction: Direction, besides: int,
) -> OpenDevice | None:
    """Open a device in place of one that was lost; None where there is no other."""
    try:
        return await board.open(call, wanted, direction, besides=besides)
    except MicrosipError as error:
        LOG.warning("no %s in place of the lost one: %s", direction, error)
        return None
