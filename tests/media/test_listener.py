"""Speech found in noise, beeps found in time, and call progress tones, digits and speech that are no beeps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from media_room import Room, connect
from numpy.typing import NDArray

from microsip_core.errors import InvalidArgument, NotSupported
from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.resampler import resample
from microsip_core.media.wav import read_wav

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "tests" / "vectors" / "speech"
RATE = 8000
HOP = RATE // 100
Heard = tuple[str, int, int, int, int]


def voices() -> list[NDArray[np.float64]]:
    """Four people, at one loudness."""
    wide = np.fromfile(SPEECH / "P501_D_EN_fm_SWB_48k.pcm", "<i2").astype(np.float64)
    other = np.fromfile(SPEECH / "voice.src", "<i2").astype(np.float64)
    spoken = [resample(wide, 48000, RATE), resample(other, 16000, RATE)]
    people = ROOT / "microsip_core" / "cli" / "speech"
    spoken += [read_wav(people / name).astype(np.float64) for name in ("alice.wav", "bob.wav")]
    return [voice * 1500 / np.sqrt(np.mean(voice**2)) for voice in spoken]


def listen(samples: NDArray[np.float64], rate: int = RATE, hangover_ms: int = 200) -> list[Heard]:
    """All that is heard, in frames of 20 ms."""
    from microsip_core.media import _native

    listener = _native.Listener(rate, hangover_ms)
    whole = np.clip(samples, -32768, 32767).astype(np.int16)
    frame = rate // 50
    return [heard for at in range(0, len(whole), frame) for heard in listener.process(whole[at:at + frame])]


def noise(kind: str, count: int) -> NDArray[np.float64]:
    white = np.random.default_rng(3).normal(0, 1, count)
    spectrum = np.fft.rfft(white)
    frequency = np.maximum(np.arange(len(spectrum)) * RATE / count, 1)
    shape = {"white": 1, "pink": 1 / np.sqrt(frequency), "car": 1 / (1 + (frequency / 150) ** 2)}[kind]
    shaped = np.fft.irfft(spectrum * shape, count)
    return shaped / np.sqrt(np.mean(shaped**2))


def spoken_hops(clean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where clean speech is within 35 dB of its loudest; pauses of up to 200 ms belong to it."""
    powers = np.mean(clean[: len(clean) // HOP * HOP].reshape(-1, HOP) ** 2, axis=1)
    spoken = powers > powers.max() * 10**-3.5
    places = np.flatnonzero(spoken)
    for first, second in pairwise(places):
        if second - first <= 20:
            spoken[first:second] = True
    return spoken


def heard_hops(heard: list[Heard], count: int) -> NDArray[np.bool_]:
    result = np.zeros(count, bool)
    began = count
    for kind, at, since_ms, _, _ in heard:
        place = max(at // HOP - since_ms // 10, 0)
        if kind == "speech_started":
            began = place
        elif kind == "speech_ended":
            result[began:place] = True
            began = count
    result[began:] = True
    return result


@pytest.mark.parametrize(("kind", "least"), [("none", 0.96), ("white", 0.85), ("pink", 0.9), ("car", 0.95)])
def test_speech_is_found_in_noise_of_a_tenth_of_its_power(kind: str, least: float) -> None:
    """The share of stretches of 10 ms told rightly; half of them are pauses."""
    right = []
    for voice in voices():
        clean = np.concatenate([np.zeros(2 * RATE), voice, np.zeros(2 * RATE), voice * 0.7, np.zeros(2 * RATE)])
        spoken = spoken_hops(clean)
        power = np.mean(clean[: len(spoken) * HOP][np.repeat(spoken, HOP)] ** 2)
        loud = clean if kind == "none" else clean + noise(kind, len(clean)) * np.sqrt(power / 10)
        right.append(np.mean(heard_hops(listen(loud), len(spoken)) == spoken))
    assert np.mean(right) >= least


def test_speech_is_told_soon_and_its_end_after_the_hangover() -> None:
    voice = voices()[2]
    begins = int(np.argmax(np.abs(voice) > 300))
    said = np.concatenate([np.zeros(RATE), voice[begins:begins + RATE], np.zeros(2 * RATE)])
    heard = listen(said, hangover_ms=500)
    assert [kind for kind, *_ in heard] == ["speech_started", "speech_ended"]
    (_, started, since, _, _), (_, ended, silent, lasted, _) = heard
    assert started - RATE < 0.15 * RATE
    assert since <= 100
    assert silent == 500
    assert ended / RATE == pytest.approx(2.5, abs=0.15)
    assert lasted == pytest.approx(1000, abs=150)


def tone(frequencies: tuple[float, ...], ms: float, amplitude: float = 6000, rate: int = RATE) -> NDArray[np.float64]:
    time = np.arange(int(rate * ms / 1000)) / rate
    fade = np.minimum(1, np.minimum(np.arange(len(time)), np.arange(len(time))[::-1]) / (rate * 0.005))
    return fade * sum((amplitude * np.sin(2 * np.pi * f * time) for f in frequencies), np.zeros(len(time)))


@pytest.mark.parametrize(("rate", "snr"), [(8000, None), (8000, 15), (48000, 15)])
@pytest.mark.parametrize(("frequency", "ms"), [
    (420, 400), (440, 200), (600, 700), (852, 125), (1000, 200), (1000, 1500), (1400, 400), (2100, 300), (2590, 200),
])
def test_beeps_are_found_in_time(rate: int, snr: float | None, frequency: float, ms: float) -> None:
    greeting = resample(voices()[0][: 3 * RATE // 2] / 3, RATE, rate)
    sound = np.concatenate([
        np.zeros(rate // 2), greeting, np.zeros(3 * rate // 10), tone((frequency,), ms, rate=rate), np.zeros(rate),
    ])
    if snr is not None:
        sound = sound + np.random.default_rng(1).normal(0, 6000 / np.sqrt(2) * 10 ** (-snr / 20), len(sound))
    (_, at, since_ms, lasted, hertz), = [heard for heard in listen(sound, rate) if heard[0] == "beep"]
    assert (at / rate - since_ms / 1000) == pytest.approx((len(sound) - rate) / rate, abs=0.03)
    assert lasted == pytest.approx(ms, abs=30)
    assert hertz == pytest.approx(frequency, abs=8)


@pytest.mark.parametrize("cadence", [
    [((440, 480), 2000), ((), 4000)], [((425,), 1000), ((), 4000)], [((400, 450), 400), ((), 200)],  # ringback
    [((425,), 400), ((), 200), ((425,), 400), ((), 2000)], [((400,), 1000), ((), 2000)],
    [((480, 620), 500), ((), 500)], [((425,), 250), ((), 250)], [((400,), 375), ((), 375)],  # busy
    [((950,), 330), ((1400,), 330), ((1800,), 330), ((), 1000)],  # special information tone
    [((2100,), 3000), ((), 1000)], [((425,), 6000)],  # fax, dial tone
    *[[((low, high), 160), ((), 200)] for low, high in ((697, 1209), (770, 1336), (941, 1633), (852, 1477))],
])
def test_call_progress_and_digits_are_neither_beeps_nor_speech(cadence: list[tuple[tuple[float, ...], int]]) -> None:
    sound = [tone(frequencies, ms, 4000) for _ in range(3) for frequencies, ms in cadence]
    heard = listen(np.concatenate([np.zeros(RATE // 2), *sound, np.zeros(RATE)]))
    assert [kind for kind, *_ in heard if kind != "tone"] == []


def test_speech_holds_no_beep() -> None:
    for voice in voices():
        for speed in (0.8, 1.0, 1.25):
            spoken = np.interp(np.arange(0, len(voice) - 1, speed), np.arange(len(voice)), voice)
            assert [heard for heard in listen(spoken) if heard[0] == "beep"] == []


def test_a_stream_tells_what_it_hears_and_only_when_asked() -> None:
    engine = create_engine("native")
    room = Room(engine)
    first, second = room.open(), room.open()
    connect(first, second)
    connect(second, first)
    second.listen(True, 100)
    pause = np.zeros(RATE // 2)
    said = np.concatenate([pause, voices()[2][:RATE], pause, tone((1000,), 300), pause])
    first.play(said.astype(np.int16), rate=RATE)
    beep = room.wait_for(second, "beep")
    assert (beep.value, int(beep.detail)) == (pytest.approx(300, abs=30), pytest.approx(1000, abs=8))
    assert room.of(second, "speech_started")
    assert len(room.of(second, "speech_started")) == len(room.of(second, "speech_ended"))
    second.listen(False)
    count = len(room.events)
    first.play(said.astype(np.int16)[: 2 * RATE], rate=RATE)
    room.pump(1.0)
    assert [event.kind for event in room.events[count:] if event.stream_id == second.id] == []
    with pytest.raises(InvalidArgument):
        second.listen(True, 10)
    engine.close()


def test_the_reference_core_says_that_it_can_not() -> None:
    engine = create_engine("reference")
    with pytest.raises(NotSupported):
        Room(engine).open().listen(True)
    engine.close()
