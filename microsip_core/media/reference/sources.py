"""What a stream can play: a clip from memory, or tones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from microsip_core.errors import InvalidArgument
from microsip_core.media.stream import Cadence

_AMPLITUDE = 7000.0  # of each frequency: -13.4 dBov, about what exchanges send
_RAMP = 16  # samples over which a tone begins and ends, so that it does not click
_MOST_STEPS = 8
_MOST_FREQUENCIES = 4


class Source(Protocol):
    """Something to send: at its end ``read`` returns fewer samples than asked for."""

    def read(self, count: int) -> NDArray[np.int16]:
        """Return the next samples."""
        ...


class Clip:
    """Samples from memory, once or for ever."""

    def __init__(self, samples: NDArray[np.int16], loop: bool) -> None:
        self._samples = samples
        self._loop = loop and len(samples) > 0
        self._place = 0

    def read(self, count: int) -> NDArray[np.int16]:
        """Return the next samples."""
        if self._loop:
            places = np.arange(self._place, self._place + count) % len(self._samples)
            self._place = (self._place + count) % len(self._samples)
            return self._samples[places]
        part = self._samples[self._place : self._place + count]
        self._place += len(part)
        return part


class Tones:
    """Steps of frequencies sounding together: (Hz, ms on, ms off); 0 ms on means for ever."""

    def __init__(self, steps: Sequence[Cadence], loop: bool, rate: int) -> None:
        """Check the steps; raises :class:`InvalidArgument`."""
        if not 1 <= len(steps) <= _MOST_STEPS:
            raise InvalidArgument(f"{len(steps)} tone steps, not 1 to {_MOST_STEPS}", step="play tone")
        for frequencies, on_ms, off_ms in steps:
            if len(frequencies) > _MOST_FREQUENCIES or not all(0 < frequency < rate / 2 for frequency in frequencies):
                raise InvalidArgument(
                    f"tone of {list(frequencies)} Hz", step="play tone",
                    remedy=f"Use up to {_MOST_FREQUENCIES} frequencies above 0 and below {rate // 2} Hz",
                )
            if on_ms < 0 or off_ms < 0 or (on_ms == 0 and not frequencies):
                raise InvalidArgument(f"tone of {on_ms} ms on and {off_ms} ms off", step="play tone")
        self._steps = [(tuple(frequencies), on * rate // 1000, off * rate // 1000) for frequencies, on, off in steps]
        self._loop = loop
        self._rate = rate
        self._step = 0
        self._place = 0  # samples into the step

    def read(self, count: int) -> NDArray[np.int16]:
        """Return the next samples."""
        parts: list[NDArray[np.int16]] = []
        made = 0
        idle = 0  # steps of no length in a row: a loop of them would never end
        while made < count and self._step < len(self._steps) and idle < len(self._steps):
            frequencies, on, off = self._steps[self._step]
            left = count - made if on == 0 else min(on + off - self._place, count - made)
            parts.append(self._sound(frequencies, on, left))
            made += left
            idle = 0 if left else idle + 1
            self._place += left
            if on and self._place >= on + off:
                self._place = 0
                self._step += 1
                if self._loop:
                    self._step %= len(self._steps)
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def _sound(self, frequencies: Sequence[float], on: int, count: int) -> NDArray[np.int16]:
        places = np.arange(self._place, self._place + count)
        wave = np.zeros(count)
        for frequency in frequencies:
            wave += _AMPLITUDE * np.sin(2.0 * np.pi * frequency / self._rate * places)
        ramp = np.minimum(places, on - 1 - places) if on else places
        return np.clip(wave * np.clip(ramp / _RAMP, 0.0, 1.0), -32768, 32767).astype(np.int16)
