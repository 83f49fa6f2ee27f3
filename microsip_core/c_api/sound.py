"""Gives the calls of the engine the microphone and loudspeaker that the program has chosen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from microsip_core.errors import MicrosipError
from microsip_core.media.devices import NULL_DEVICE, Direction
from microsip_core.user_agent.call_life import ANSWERED
from microsip_core.user_agent.log import LOG

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.user_agent import UserAgent


class Sound:
    """What is chosen, and the calls on their way to it; on the loop thread."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._working: set[asyncio.Task[None]] = set()
        self.choices: dict[Direction, str] = {"input": NULL_DEVICE, "output": NULL_DEVICE}

    async def choose(self, choices: dict[Direction, str]) -> None:
        """Let all calls use these from now on. Raises DeviceError; then nothing has changed."""
        for call in self._agent.calls:
            if call.state in ANSWERED:
                await call.connect_device(input=choices["input"], output=choices["output"])
        self.choices = choices

    def started(self, call: Call) -> None:
        """A call has been answered: connect it, where anything is chosen."""
        if all(choice == NULL_DEVICE for choice in self.choices.values()):
            return
        task = asyncio.get_running_loop().create_task(self._connect(call))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _connect(self, call: Call) -> None:
        try:
            await call.connect_device(input=self.choices["input"], output=self.choices["output"])
        except MicrosipError as error:
            LOG.warning("the call goes on without a sound device: %s", error)
