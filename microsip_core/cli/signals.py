"""Runs a command so that SIGINT and SIGTERM end it cleanly: hang up, unregister, exit with 128 + its number."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from .exit_status import ExitStatus

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_signal(command: Coroutine[Any, Any, int]) -> int:
    """Run ``command`` in a new loop and return its exit status, or 128 + n when signal n came before it was done.

    The first signal cancels the command, whose ``finally`` and ``async with`` blocks then hang up and unregister. A
    second one cuts that short.
    """
    return asyncio.run(_run(command))


def status_of_stop(stop: asyncio.CancelledError) -> int:
    """Return the exit status that belongs to a cancellation: 128 + the signal's number."""
    return int(stop.args[0]) if stop.args and isinstance(stop.args[0], int) else int(ExitStatus.INTERRUPTED)


@contextlib.asynccontextmanager
async def running(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines beside the block, and cancel them when it is left."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        await cancel_all(*tasks)


async def cancel_all(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have gone; what they raise is of no interest any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run(command: Coroutine[Any, Any, int]) -> int:
    task = asyncio.ensure_future(command)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel(128 + received[0])

    restore = _install(asyncio.get_running_loop(), stop)
    try:
        status = await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]
    finally:
        restore()
    return 128 + received[0] if received else status


def _install(loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> Callable[[], None]:
    """Install the handlers, the loop's own where it has them; return what takes them away."""
    try:
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop, number)
    except NotImplementedError:  # on Windows
        return _install_without_loop(loop, stop)

    def remove() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    return remove


def _install_without_loop(loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> Callable[[], None]:
    def tell_loop(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(stop, number)

    previous = {number: signal.signal(number, tell_loop) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    return restore
