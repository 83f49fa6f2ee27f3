"""A thread that runs an asyncio loop, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from microsip_core.errors import InvalidState

T = TypeVar("T")
_JOIN_SECONDS = 5.0


class LoopThread:
    """Runs coroutines for other threads. As a ``daemon`` it must be stopped by whoever starts it before the interpreter
    ends; else it keeps the interpreter alive until it is stopped.
    """

    def __init__(self, *, daemon: bool = True) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="microsip-loop", daemon=daemon)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's own thread."""
        return threading.current_thread() is self._thread

    def refuse_here(self) -> None:
        """Raise InvalidState on the loop's own thread, where waiting for it would never end."""
        if self.is_here:
            raise InvalidState(
                "called on the engine's own thread", remedy="Call sip_ functions from your threads or from callbacks",
            )

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine function on the loop and wait for its result; an interrupt of the wait cancels it."""
        self.refuse_here()
        if not self._thread.is_alive():
            raise InvalidState("the engine's thread has ended", remedy="Call sip_shutdown and sip_init again")
        future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise InvalidState("the engine was shut down meanwhile") from None
        except BaseException:
            if not future.done():
                future.cancel()
            raise

    def stop(self) -> None:
        """Cancel what still runs, end the loop and the thread."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(_JOIN_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_JOIN_SECONDS)


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
