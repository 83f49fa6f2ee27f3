"""The reference core's jitter buffer, with its time told by the test."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from microsip_core.media.reference.jitter_buffer import JitterBuffer

FRAME = 160
SIGNAL = (np.random.default_rng(2).standard_normal(8000 * 8) * 3000).astype(np.int16)
START = 0xFFFFFF00  # wraps soon


def run(
    arrivals: dict[int, float], seconds: float, buffer: JitterBuffer | None = None, jitter: float = 0.0,
) -> tuple[NDArray[np.int16], JitterBuffer]:
    """Push frame n of the signal at its arrival time, pull every 20 ms."""
    buffer = buffer or JitterBuffer()
    queue = sorted((arrival, number) for number, arrival in arrivals.items())
    heard = []
    for tick in range(int(seconds * 50)):
        now = 0.02 * tick
        while queue and queue[0][0] <= now:
            arrival, number = queue.pop(0)
            samples = SIGNAL[FRAME * number : FRAME * (number + 1)]
            buffer.push((START + FRAME * number) & 0xFFFFFFFF, samples, arrival)
        heard.append(buffer.pull(FRAME, now, jitter))
    return np.concatenate(heard), buffer


def frames_in(heard: NDArray[np.int16], count: int) -> list[int]:
    """Which frames of the signal were heard whole, in the order they were heard."""
    known = {SIGNAL[FRAME * n : FRAME * (n + 1)].tobytes(): n for n in range(count)}
    found = [known.get(heard[place : place + FRAME].tobytes()) for place in range(0, len(heard), FRAME)]
    return [n for n in found if n is not None]


def test_perfect_network_is_transparent() -> None:
    heard, buffer = run({n: 0.02 * n for n in range(200)}, 4.2)
    assert frames_in(heard, 200) == list(range(200))
    assert not heard[: 2 * FRAME].any()  # the initial 40 ms
    assert heard[2 * FRAME :][:FRAME].any()
    assert buffer.late == buffer.removed == 0


def test_order_is_restored() -> None:
    arrivals = {n: 0.02 * n for n in range(200)}
    for n in range(5, 190, 10):
        arrivals[n] += 0.025
    heard, buffer = run(arrivals, 4.2, jitter=0.01)
    assert frames_in(heard, 200) == list(range(200))
    assert buffer.concealed == 5 * FRAME  # only at the end, when nothing follows


def test_random_jitter_loses_little() -> None:
    chance = random.Random(5)
    heard, buffer = run({n: 0.02 * n + chance.uniform(0, 0.06) for n in range(300)}, 6.5, jitter=0.02)
    assert len(frames_in(heard, 300)) >= 294
    assert buffer.late <= 3


def test_loss_is_concealed_and_time_goes_on() -> None:
    arrivals = {n: 0.02 * n for n in range(100) if n not in (50, 51)}
    heard, buffer = run(arrivals, 2.2)
    assert frames_in(heard, 100) == [n for n in range(100) if n not in (50, 51)]
    place = (2 + 50) * FRAME
    concealed = heard[place : place + 2 * FRAME].astype(float)
    # The last frame again, fading out.
    assert np.corrcoef(concealed[:FRAME], SIGNAL[49 * FRAME : 50 * FRAME])[0, 1] > 0.95
    assert np.abs(concealed[FRAME:]).mean() < np.abs(concealed[:FRAME]).mean()
    assert 2 * FRAME <= buffer.concealed <= 7 * FRAME


def test_late_packet_is_counted_and_not_played() -> None:
    arrivals = {n: 0.02 * n for n in range(100)}
    arrivals[50] += 0.2
    heard, buffer = run(arrivals, 2.2)
    assert 50 not in frames_in(heard, 100)
    assert buffer.late == 1


def test_pause_and_return() -> None:
    arrivals = {n: 0.02 * n for n in range(50)} | {n: 0.02 * n + 1.0 for n in range(50, 100)}
    heard, buffer = run(arrivals, 3.2)
    assert frames_in(heard, 100) == list(range(100))
    assert buffer.concealed <= 10 * FRAME  # silence, not endless concealment


def test_new_clock() -> None:
    heard, buffer = run({n: 0.02 * n for n in range(50)}, 1.1)
    buffer.reset()
    buffer.push(12345, SIGNAL[:FRAME], 1.1)
    later = np.concatenate([buffer.pull(FRAME, 1.1 + 0.02 * n) for n in range(4)])
    assert frames_in(later, 1) == [0]
    assert len(frames_in(heard, 50)) == 50


def test_depth_after_a_burst_comes_down() -> None:
    # Half a second of silence in the network, then all of it at once.
    arrivals = {n: max(0.02 * n, 1.0 if 25 <= n < 50 else 0.0) for n in range(350)}
    _, buffer = run(arrivals, 6.9)
    assert buffer.removed > 0
    assert buffer.depth <= 4 * FRAME


def test_bound_on_delay() -> None:
    buffer = JitterBuffer(max_ms=100)
    for n in range(20):
        buffer.push(FRAME * n, SIGNAL[FRAME * n : FRAME * (n + 1)], 0.0)
    assert buffer.depth <= 100 * 8


def test_wild_timestamp_does_not_break_it() -> None:
    buffer = JitterBuffer()
    buffer.push(0, SIGNAL[:FRAME], 0.0)
    buffer.push(0x40000000, SIGNAL[:FRAME], 0.02)
    assert buffer.discarded == 1
    buffer.push(FRAME, SIGNAL[FRAME : 2 * FRAME], 0.04)
    assert len(buffer.pull(FRAME, 0.2)) == FRAME


def test_long_packets_and_short_pulls() -> None:
    buffer = JitterBuffer()
    heard = []
    for tick in range(60):
        now = 0.02 * tick
        if tick % 3 == 0:
            buffer.push(480 * (tick // 3), SIGNAL[480 * (tick // 3) :][:480], now)
        heard.append(buffer.pull(FRAME, now))
    assert frames_in(np.concatenate(heard), 60)[:50] == list(range(50))
