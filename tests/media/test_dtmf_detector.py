"""Digits heard in sound: the tolerances of ITU-T Q.23 and Q.24, noise, gaps, and an hour of speech that holds none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_room import Room, connect
from numpy.typing import NDArray

from microsip_core.media.dtmf_tones import dtmf_samples
from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.resampler import resample

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")

LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYPAD = "123A456B789C*0#D"
SPEECH = Path(__file__).parents[1] / "vectors" / "speech"


def tone(
    digit: str, ms: float, rate: int, low_off: float = 0.0, high_off: float = 0.0, dbm0: float = -10, twist: float = 0,
) -> NDArray[np.float64]:
    """A digit: frequencies off by parts of one, ``dbm0`` of the low tone, the high one ``twist`` dB above it."""
    row, column = divmod(KEYPAD.index(digit), 4)
    time = np.arange(round(rate * ms / 1000)) / rate
    amplitude = 32767 * 10 ** ((dbm0 - 3.14) / 20)
    low = np.sin(2 * np.pi * LOW[row] * (1 + low_off) * time + 1)
    return amplitude * (low + 10 ** (twist / 20) * np.sin(2 * np.pi * HIGH[column] * (1 + high_off) * time))


def heard(samples: NDArray[np.float64], rate: int = 8000) -> list[tuple[str, int]]:
    from microsip_core.media import _native

    detector = _native.DtmfDetector(rate)
    blocks = np.array_split(np.clip(samples, -32768, 32767).astype(np.int16), max(1, len(samples) // (rate // 50)))
    return [(digit, ms) for block in blocks for digit, ms, _ in detector.process(block)]


def dialled(rate: int = 8000, ms: float = 40, gap: float = 40, snr: float | None = None, **how: float) -> str:
    """All digits four times, beginning anywhere in the detector's blocks; returns what was heard."""
    parts = [np.zeros(rate // 5)]
    for number, digit in enumerate(KEYPAD * 4):
        parts += [tone(digit, ms, rate, **how), np.zeros(round(rate * (gap + number * 0.37 % 6) / 1000))]
    samples = np.concatenate([*parts, np.zeros(rate // 5)])
    if snr is not None:
        level = 32767 * 10 ** ((how.get("dbm0", -10) - 3.14 - 3 - snr) / 20)
        samples += np.random.default_rng(1).normal(0, level, len(samples))
    return "".join(digit for digit, _ in heard(samples, rate))


@pytest.mark.parametrize("how", [
    {}, {"rate": 16000}, {"rate": 48000},
    {"low_off": 0.015, "high_off": 0.015}, {"low_off": -0.015, "high_off": 0.015},
    {"low_off": 0.015, "high_off": -0.015}, {"low_off": -0.015, "high_off": -0.015},
    {"low_off": -0.015, "high_off": 0.015, "snr": 18},
    {"twist": 4}, {"twist": -8}, {"dbm0": 0}, {"dbm0": -25}, {"dbm0": -35}, {"snr": 15}, {"ms": 400, "gap": 200},
])
def test_every_digit_within_the_tolerances_is_heard(how: dict[str, float]) -> None:
    assert dialled(**how) == KEYPAD * 4


@pytest.mark.parametrize("how", [
    {"low_off": 0.035}, {"low_off": -0.035}, {"high_off": 0.035}, {"high_off": -0.035}, {"ms": 23}, {"dbm0": -45},
    {"twist": 9}, {"twist": -14}, {"low_off": 0.035, "ms": 200}, {"high_off": -0.035, "ms": 200},
])
def test_what_is_outside_of_them_is_no_digit(how: dict[str, float]) -> None:
    assert dialled(**how) == ""


def test_length_and_short_interruptions() -> None:
    silence = np.zeros(800)
    broken = np.concatenate([tone("5", 60, 8000), np.zeros(80), tone("5", 60, 8000)])  # 10 ms
    two = np.concatenate([tone("5", 60, 8000), np.zeros(320), tone("5", 60, 8000)])  # 40 ms
    assert [digit for digit, _ in heard(np.concatenate([silence, broken, silence]))] == ["5"]
    assert [digit for digit, _ in heard(np.concatenate([silence, two, silence]))] == ["5", "5"]
    (_, ms), = heard(np.concatenate([silence, tone("#", 250, 8000), silence]))
    assert ms == pytest.approx(250, abs=12)
    dial_tone = 3000 * np.sin(2 * np.pi * 425 * np.arange(8000) / 8000)
    assert heard(dial_tone) == []


def variants(hours: float) -> Iterator[NDArray[np.float64]]:
    """Speech at speeds and pitches that people have, forwards and backwards, by one voice and by two at once."""
    wide = np.fromfile(SPEECH / "P501_D_EN_fm_SWB_48k.pcm", "<i2").astype(np.float64)
    other = np.fromfile(SPEECH / "voice.src", "<i2").astype(np.float64)
    voices = [resample(wide, 48000, 8000), resample(other, 16000, 8000)]
    rng = np.random.default_rng(7)
    left = hours * 3600 * 8000
    while left > 0:
        voice = voices[rng.integers(2)]
        spoken = np.interp(np.arange(0, len(voice) - 1, rng.uniform(0.8, 1.25)), np.arange(len(voice)), voice)
        if rng.integers(2):
            spoken = spoken[::-1]
        if rng.integers(3) == 0:
            spoken = spoken + np.roll(spoken, rng.integers(len(spoken)))
        left -= len(spoken)
        yield spoken * rng.uniform(0.3, 2.0)


def test_an_hour_of_speech_holds_no_digit() -> None:
    found = [digit for spoken in variants(1.0) for digit in heard(spoken)]
    assert found == []


def test_made_digits_are_heard_in_a_stream_and_only_when_asked() -> None:
    engine = create_engine("native")
    room = Room(engine)
    first, second = room.open(), room.open()
    connect(first, second)
    connect(second, first)
    first.play(dtmf_samples("19*#D", 8000, 60, 50), rate=8000)
    assert room.wait_for(first, "playback_finished")
    assert room.of(second, "dtmf_inband") == []
    second.detect_dtmf(True)
    first.play(dtmf_samples("0459*#AD", 8000, 60, 50), rate=8000)
    assert room.wait(lambda: len(room.of(second, "dtmf_inband")) >= 8)
    assert "".join(event.detail for event in room.of(second, "dtmf_inband")) == "0459*#AD"
    assert all(abs(event.value - 60) <= 12 for event in room.of(second, "dtmf_inband"))
    assert room.of(second, "dtmf") == []
    engine.close()


def test_digits_are_made_at_any_rate() -> None:
    for rate in (8000, 16000, 48000):
        samples = dtmf_samples("42", rate, 80, 60)
        assert samples.dtype == np.int16
        assert len(samples) == round(rate * 0.28)
        assert [digit for digit, _ in heard(samples.astype(np.float64), rate)] == ["4", "2"]
