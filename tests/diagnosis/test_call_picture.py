"""The picture is well-formed SVG that holds what it was given, and finds its scales."""

from __future__ import annotations

import wave
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from microsip_core.diagnosis.call_picture import Direction, QualitySample, Wave, render_call_picture
from microsip_core.diagnosis.svg import round_ticks
from microsip_core.diagnosis.waveform import envelope, read_channels
from microsip_core.errors import FileError

TONE = (8000 * np.sin(np.arange(16000) * 0.3)).astype(np.int16)


def quality(lost: int = 0) -> list[QualitySample]:
    return [QualitySample(i * 0.1, 40.0 + i % 3, 42.0, 0.5, 5 * i, lost if i > 10 else 0) for i in range(20)]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def count(svg: str, tag: str, css: str) -> int:
    root = ElementTree.fromstring(svg)
    return sum(1 for element in root.iter("{http://www.w3.org/2000/svg}" + tag) if element.get("class") == css)


def test_picture_of_both_directions() -> None:
    svg = render_call_picture("Call <a> & b", "PCMU", [
        Direction("a → b", "figures", [Wave("a says", TONE, 8000), Wave("b hears", TONE, 8000, 0.05)], quality()),
        Direction("b → a", "figures", [Wave("b says", TONE, 8000)], quality(lost=3)),
    ])
    shown = texts(svg)
    assert {"Call <a> & b", "a says", "b hears", "b says"} <= set(shown)
    assert {"Jitter-buffer delay", "Network jitter", "Packets lost", "seconds since the answer"} <= set(shown)
    assert any("ms" in text for text in shown)
    assert count(svg, "polygon", "peak0") == 2
    assert count(svg, "polygon", "peak1") == 1
    assert count(svg, "polyline", "line0") == 2
    # one bar for the one moment of loss, beside the swatch in the legend
    assert count(svg, "rect", "bar1") == 2
    assert "none lost" not in shown


def test_picture_without_loss_says_so() -> None:
    assert "none lost" in texts(render_call_picture("t", "s", [Direction("d", "", [], quality())]))


def test_picture_without_any_figure_says_not_measured() -> None:
    svg = render_call_picture("t", "s", [Direction("d", "", [Wave("w", np.zeros(0, np.int16), 8000)])])
    assert texts(svg).count("not measured") == 3


def test_three_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="one or two directions"):
        render_call_picture("t", "s", [Direction("d", "")] * 3)


def test_envelope_keeps_extremes() -> None:
    samples = np.zeros(1000, np.int16)
    samples[500], samples[501] = 32767, -32768
    shape = envelope(samples, 100)
    assert (shape.high.max(), shape.low.min(), len(shape.rms)) == (32767, -32768, 100)
    assert len(envelope(samples[:3], 100).high) == 3
    assert len(envelope(samples[:0], 100).high) == 1


@pytest.mark.parametrize(("top", "ticks"), [
    (60.0, [0, 20, 40, 60]), (5.0, [0, 2, 4, 6]), (0.0, [0, 1]), (97.0, [0, 50, 100]),
])
def test_ticks_are_round_and_reach_the_top(top: float, ticks: list[float]) -> None:
    assert round_ticks(top, 3) == pytest.approx(ticks)


def test_channels_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.column_stack([TONE, -TONE]).tobytes())
    rate, (left, right) = read_channels(path)
    assert rate == 8000
    assert (left == TONE).all()
    assert (right == -TONE).all()


def test_unreadable_recordings_are_told(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    for name in ("bad.wav", "missing.wav"):
        with pytest.raises(FileError):
            read_channels(tmp_path / name)
