"""Helpers of the media tests: an engine with its events, two streams connected, and looking into audio."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microsip_core.media.engine import MediaEngine
from microsip_core.media.events import MediaEvent
from microsip_core.media.stream import PayloadFormat, Stream, StreamConfig

PCMU = PayloadFormat("PCMU", 0)
PCMA = PayloadFormat("PCMA", 8)
EVENT = 101


@dataclass
class Room:
    """An engine with what it has reported, and ways to wait for more."""

    engine: MediaEngine
    events: list[MediaEvent] = field(default_factory=list)

    def pump(self, seconds: float) -> None:
        """Collect events for so long."""
        self.wait(lambda: False, seconds)

    def wait(self, condition: Callable[[], Any], timeout: float = 5.0) -> bool:
        """Collect events until a condition holds; False when it does not in time."""
        deadline = time.monotonic() + timeout
        while True:
            self.events += self.engine.poll_events()
            if condition():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            assert self.engine.event_fd is not None
            select.select([self.engine.event_fd], [], [], min(left, 0.02))

    def of(self, stream: Stream, kind: str) -> list[MediaEvent]:
        """What a stream has reported of a kind."""
        return [event for event in self.events if event.stream_id == stream.id and event.kind == kind]

    def wait_for(self, stream: Stream, kind: str, timeout: float = 5.0) -> MediaEvent:
        """Wait until a stream reports something of a kind."""
        assert self.wait(lambda: self.of(stream, kind), timeout), f"no {kind}; got {self.events}"
        return self.of(stream, kind)[0]

    def open(self, **config: Any) -> Stream:
        """Open a stream."""
        return self.engine.open_stream(StreamConfig(**config))


def connect(stream: Stream, to: Stream, form: PayloadFormat = PCMU, **options: Any) -> None:
    """Let a stream talk to another."""
    stream.configure(to.rtp_address, to.rtcp_address, form, {0: PCMU, 8: PCMA}, EVENT, {EVENT}, **options)


def strongest(samples: NDArray[np.int16], rate: int = 8000) -> float:
    """The frequency in Hz with the most power."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


def best_match(needle: NDArray[np.int16], haystack: NDArray[np.int16]) -> tuple[int, float]:
    """Where the needle fits best, and the normalised correlation there."""
    needle_f, haystack_f = needle.astype(np.float64), haystack.astype(np.float64)
    size = 1 << (len(needle) + len(haystack)).bit_length()
    products = np.fft.irfft(np.fft.rfft(haystack_f, size) * np.conj(np.fft.rfft(needle_f, size)), size)
    products = products[: max(len(haystack) - len(needle) + 1, 1)]
    power = np.concatenate(([0.0], np.cumsum(haystack_f**2)))
    energy = power[len(needle) :][: len(products)] - power[: len(products)]
    scores = products / np.sqrt(np.maximum(energy, 1.0) * (needle_f**2).sum())
    place = int(np.argmax(scores))
    return place, float(scores[place])
