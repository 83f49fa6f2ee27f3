"""The resampler: gain, delay, blocks, odd ratios."""

from __future__ import annotations

import numpy as np
import pytest

from microsip_core.media.resampler import Resampler, resample, to_int16

RATES = [(8000, 16000), (16000, 8000), (48000, 8000), (8000, 48000), (44100, 8000), (8000, 11025), (5512, 8000)]


def sine(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return 10000 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("frequency", [200, 1000, 3400])
def test_a_tone_stays_what_it_is(source: int, target: int, frequency: float) -> None:
    result = resample(sine(frequency, source), source, target)
    expected = sine(frequency, target)
    assert len(result) == len(expected)
    middle = slice(target // 8, -target // 8)
    if frequency > 0.45 * min(source, target):
        return  # above what the filter passes
    error = result[middle] - expected[middle]
    assert 10 * np.log10((expected[middle] ** 2).mean() / (error**2).mean()) > 60


@pytest.mark.parametrize(("source", "target"), RATES)
def test_blocks_give_the_same_as_the_whole(source: int, target: int) -> None:
    signal = np.random.default_rng(0).standard_normal(source // 2)
    whole = Resampler(source, target).process(signal)
    live = Resampler(source, target)
    parts = [live.process(signal[start : start + 37]) for start in range(0, len(signal), 37)]
    assert np.concatenate(parts) == pytest.approx(whole, abs=1e-12)
    # Nothing is held back but the filter's own delay of 16 samples of the lower rate.
    assert len(whole) >= (len(signal) / source - 17 / min(source, target)) * target - 1


def test_same_rate_and_nothing() -> None:
    signal = sine(1000, 8000)
    assert resample(signal, 8000, 8000) is signal
    assert len(resample(np.zeros(0), 8000, 16000)) == 0
    assert len(Resampler(8000, 16000).process(np.zeros(0))) == 0


def test_odd_ratio_needs_a_bounded_table() -> None:
    resampler = Resampler(191_999, 8000)
    assert resampler._filters.size < 1 << 20


def test_rounding_and_clipping() -> None:
    assert to_int16(np.array([0.5, 1.5, -40000.0, 40000.0])).tolist() == [0, 2, -32768, 32767]


def test_bad_rates() -> None:
    with pytest.raises(ValueError, match="0 to 8000"):
        Resampler(0, 8000)
