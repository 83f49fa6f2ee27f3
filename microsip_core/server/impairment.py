"""A bad network in front of the server: loses and delays messages, the same ones for the same seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from microsip_core.errors import InvalidArgument


class Impairment:
    """Loses a share of what passes and holds the rest back.

    ``loss`` is 0 to 1, ``delay`` and ``jitter`` are seconds: each message waits ``delay`` plus a random part of
    ``jitter``, so that messages overtake each other where ``jitter`` is greater than their distance.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, loss: float = 0.0, delay: float = 0.0, jitter: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0.0 <= loss <= 1.0:
            raise InvalidArgument(f"loss is a share from 0 to 1, not {loss}")
        if not (0.0 <= delay <= 60.0 and 0.0 <= jitter <= 60.0):
            raise InvalidArgument(f"delay and jitter are 0 to 60 seconds, not {delay} and {jitter}")
        self.lost = 0
        self._loop = loop
        self._random = random.Random(seed)  # noqa: S311 (decides which test messages are lost, guards nothing)
        self._loss = loss
        self._delay = delay
        self._jitter = jitter
        self._waiting: set[asyncio.TimerHandle] = set()

    @property
    def active(self) -> bool:
        """Whether it does anything at all."""
        return bool(self._loss or self._delay or self._jitter)

    def pass_on(self, deliver: Callable[[], None]) -> None:
        """Call ``deliver`` now, later, or never."""
        if self._random.random() < self._loss:
            self.lost += 1
            return
        wait = self._delay + self._jitter * self._random.random()
        if wait == 0.0:
            deliver()
            return

        def due() -> None:
            self._waiting.discard(handle)
            deliver()

        handle = self._loop.call_later(wait, due)
        self._waiting.add(handle)

    def close(self) -> None:
        """Forget what is still held back."""
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
