"""Runs ``microsip`` commands in processes of their own and reads the JSON lines they print."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from microsip_core.errors import MicrosipError, TimedOut

_END_TIMEOUT = 8.0


class ChildProcess:
    """One ``microsip COMMAND ... --json``. ``name`` is what a person calls it in messages."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process

    @classmethod
    async def start(
        cls, name: str, arguments: Sequence[str], environment: dict[str, str] | None = None,
    ) -> ChildProcess:
        """Start a command of this very package; ``environment`` is added to ours."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "microsip_core", *arguments, "--json", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **(environment or {})},
        )
        return cls(name, process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def next_record(self, timeout: float) -> dict[str, Any]:
        """Return the next JSON object it prints. Raises TimedOut, or MicrosipError when it ended without one."""
        stdout = self._process.stdout
        if stdout is None:
            raise MicrosipError("its output is not connected", step=self.name)
        try:
            async with asyncio.timeout(timeout):
                line = await stdout.readline()
                if not line:
                    raise MicrosipError(await self._last_words(), step=self.name)
        except TimeoutError as error:
            raise self._too_slow(f"it said nothing for {timeout:.0f} s") from error
        record: dict[str, Any] = json.loads(line)
        return record

    async def wait(self, timeout: float) -> int:
        """Wait until it has ended; return its exit status. Raises TimedOut."""
        try:
            async with asyncio.timeout(timeout):
                return await self._process.wait()
        except TimeoutError as error:
            raise self._too_slow(f"it has not ended in {timeout:.0f} s") from error

    async def stop(self) -> None:
        """End it: SIGTERM, and after a while SIGKILL. Does nothing where it has ended."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_END_TIMEOUT):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def _too_slow(self, message: str) -> TimedOut:
        return TimedOut(message, step=self.name, peer=f"process {self.pid}", remedy="Try again on a less busy machine")

    async def _last_words(self) -> str:
        """Return what it printed to stderr, once it has ended."""
        status = await self._process.wait()
        text = (await self._process.stderr.read()).decode("utf-8", "replace") if self._process.stderr else ""
        last = [line for line in text.splitlines() if line.strip()][-1:]
        return f"it ended with status {status}" + (f": {last[0]}" if last else "")
