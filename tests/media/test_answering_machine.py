"""Person or machine: decided by what a listener hears in greetings that are cut and joined from speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from microsip_core.media.answering_machine import (
    AnsweringMachineDetector,
    AnsweringMachineResult,
    AnsweringMachineRules,
)
from microsip_core.media.engine import native_available
from microsip_core.media.wav import read_wav

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")

SPEECH = Path(__file__).parents[2] / "microsip_core" / "cli" / "speech"
RATE, FRAME = 8000, 160


def speech(seconds: float, start: float = 0.0, name: str = "alice.wav") -> NDArray[np.float64]:
    """A stretch of somebody talking, without the pause before."""
    spoken = read_wav(SPEECH / name).astype(np.float64)
    first = int(np.argmax(np.abs(spoken) > 500)) + int(start * RATE)
    return spoken[first:first + int(seconds * RATE)]


def silence(seconds: float) -> NDArray[np.float64]:
    return np.zeros(int(seconds * RATE))


def beep(frequency: float, seconds: float) -> NDArray[np.float64]:
    return 5000 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)


def answered(
    *sound: NDArray[np.float64], timeout: float = 8.0, early: float = 0.0, rules: AnsweringMachineRules | None = None,
) -> AnsweringMachineResult:
    """Decide about a call whose sound this is, answered after ``early`` seconds of early media."""
    from microsip_core.media import _native

    listener = _native.Listener(RATE, 200)
    whole = np.concatenate([*sound, silence(60)])
    whole = np.clip(whole + np.random.default_rng(2).normal(0, 15, len(whole)), -32768, 32767).astype(np.int16)
    detector = AnsweringMachineDetector(rules or AnsweringMachineRules(), 0.0, timeout)
    for at in range(0, len(whole), FRAME):
        now = (at + FRAME) / RATE
        if now >= early:
            detector.answered(now)
        for kind, place, since_ms, _, _ in listener.process(whole[at:at + FRAME]):
            {"speech_started": detector.speech_started, "speech_ended": detector.speech_ended,
             "tone": detector.tone, "beep": detector.beep}[kind](place / RATE - since_ms / 1000)
        result = detector.decide(now)
        if result is not None:
            return result
    raise AssertionError("never decided")


def test_a_short_hello_is_a_person() -> None:
    for seconds in (0.3, 0.5, 1.0, 1.4):
        for start in (0.0, 0.4):
            result = answered(silence(0.6), speech(seconds, start))
            assert (result.verdict, result.reason, result.beep_at) == ("human", "greeting", None)
            assert result.decided_at == pytest.approx(0.6 + seconds + 0.8, abs=0.4)


@pytest.mark.parametrize("name", ["alice.wav", "bob.wav"])
def test_somebody_who_goes_on_talking_is_a_machine(name: str) -> None:
    talk = np.concatenate([speech(2.6, 0.0, name), silence(0.4), speech(2.6, 0.2, name)])
    result = answered(silence(0.5), talk)
    assert (result.verdict, result.reason) == ("machine", "greeting")
    assert result.decided_at < 3.5


def test_many_short_phrases_are_a_machine() -> None:
    phrases = [part for number in range(6) for part in (speech(0.25, number * 0.2), silence(0.5))]
    result = answered(silence(0.5), *phrases)
    assert (result.verdict, result.reason) in {("machine", "phrases"), ("machine", "greeting")}


@pytest.mark.parametrize(("frequency", "seconds"), [(440, 0.4), (850, 0.2), (1000, 0.5), (1400, 0.15), (2000, 1.0)])
def test_a_beep_is_a_machine_and_told_to_a_tenth_of_a_second(frequency: float, seconds: float) -> None:
    result = answered(silence(0.5), speech(0.6), silence(0.3), beep(frequency, seconds))
    assert (result.verdict, result.reason) == ("machine", "beep")
    assert result.beep_at == pytest.approx(1.4 + seconds, abs=0.1)


def test_silence_is_not_known() -> None:
    result = answered()
    assert (result.verdict, result.reason) == ("unknown", "initial_silence")
    assert result.decided_at == pytest.approx(3.0, abs=0.05)
    assert answered(timeout=1.0).reason == "timeout"


def test_ringback_before_the_answer_does_not_count() -> None:
    ring = [part for _ in range(2) for part in (beep(425, 1.0), silence(4.0))]
    result = answered(*ring, silence(0.5), speech(0.6), timeout=20, early=10.0)
    assert (result.verdict, result.reason) == ("human", "greeting")
    assert result.decided_at == pytest.approx(10 + 0.5 + 0.6 + 0.8, abs=0.4)


def test_the_thresholds_can_be_set() -> None:
    patient = AnsweringMachineRules(initial_silence=5.0, greeting=10.0, silence_after=1.5)
    assert answered(silence(4.0), speech(2.5), rules=patient, timeout=20).verdict == "human"
