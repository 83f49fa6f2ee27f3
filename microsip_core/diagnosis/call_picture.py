"""Draws one call as an SVG picture: the sound sent and received, the network and the jitter buffer over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from .svg import Drawing, round_ticks, tick_label
from .waveform import envelope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WIDTH, _LEFT, _RIGHT = 960, 64, 24
_PLOT = _WIDTH - _LEFT - _RIGHT
_WAVE_HEIGHT, _PANEL_HEIGHT, _TITLE_HEIGHT, _GAP = 64, 84, 22, 10

_STYLE = """
.paper{fill:#ffffff} .field{fill:#f6f7f9}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#3b4350;font-size:12px}
.title{font-size:20px;font-weight:600;fill:#14181f} .sub{font-size:13px;fill:#5b6472}
.panel{font-weight:600;fill:#2a303a}
.unit{fill:#5b6472} .tick{font-size:11px;fill:#5b6472} .grid{stroke:#dfe3e8} .axis{stroke:#9aa3af} .quiet{fill:#5b6472}
.line0,.line1{fill:none;stroke-width:2;stroke-linejoin:round} .line0{stroke:#1f6fd6} .line1{stroke:#c8620a}
.target0,.target1{fill:none;stroke-width:1.2;stroke-dasharray:4 3;opacity:.65}
.target0{stroke:#1f6fd6} .target1{stroke:#c8620a}
.peak0{fill:#1f6fd6;opacity:.38} .peak1{fill:#c8620a;opacity:.38} .rms0,.bar0{fill:#1f6fd6} .rms1,.bar1{fill:#c8620a}
"""


@dataclass(frozen=True, slots=True)
class Wave:
    """One recorded channel: int16 samples at ``rate`` Hz, the first of them ``start`` seconds into the call."""

    title: str
    samples: NDArray[np.int16]
    rate: int
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class QualitySample:
    """What a receiver measured at one moment, ``time`` seconds into the call; counts are since its start."""

    time: float
    buffer_ms: float | None
    target_ms: float | None
    jitter_ms: float | None
    packets: int
    lost: int


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of the sound: who speaks to whom, the recordings along the way, and the receiver's measurements."""

    name: str
    summary: str
    waves: Sequence[Wave] = ()
    quality: Sequence[QualitySample] = field(default_factory=tuple)


def render_call_picture(title: str, subtitle: str, directions: Sequence[Direction]) -> str:
    """Return an SVG picture of the call, for one or two directions of its sound."""
    if not 1 <= len(directions) <= 2:
        raise ValueError("a call has one or two directions of sound")
    return _Picture(title, subtitle, directions).render()


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    unit: str
    least_top: float
    value: Callable[[QualitySample], float | None]


_PANELS = (
    _Panel("Jitter-buffer delay", "ms, dashed: its target", 60.0, lambda sample: sample.buffer_ms),
    _Panel("Network jitter", "ms, RFC 3550", 2.0, lambda sample: sample.jitter_ms),
)


class _Picture:
    def __init__(self, title: str, subtitle: str, directions: Sequence[Direction]) -> None:
        self._title, self._subtitle, self._directions = title, subtitle, directions
        waves = [wave for direction in directions for wave in direction.waves]
        ends = [wave.start + len(wave.samples) / wave.rate for wave in waves]
        ends += [direction.quality[-1].time for direction in directions if direction.quality]
        self._seconds = max([1.0, *ends])
        peaks = [float(abs(wave.samples.astype("int32")).max()) / 32768 for wave in waves if len(wave.samples)]
        self._full_scale = max([0.05, *peaks])
        legend = 22 * len(directions)
        self._top = 74 + legend
        height = self._top + len(waves) * (_TITLE_HEIGHT + _WAVE_HEIGHT + _GAP)
        height += 3 * (_TITLE_HEIGHT + _PANEL_HEIGHT + _GAP) + 34
        self._drawing = Drawing(_WIDTH, height, _STYLE, f"{title}. {subtitle}")

    def render(self) -> str:
        self._heading()
        y = float(self._top)
        for number, direction in enumerate(self._directions):
            for wave in direction.waves:
                y = self._wave(wave, number, y)
        for panel in _PANELS:
            y = self._curves(panel, y)
        y = self._loss(y)
        self._time_axis(y - _GAP)
        return self._drawing.to_svg()

    def _heading(self) -> None:
        self._drawing.text(_LEFT, 36, self._title, "title")
        self._drawing.text(_LEFT, 58, self._subtitle, "sub")
        for number, direction in enumerate(self._directions):
            y = 82 + 22 * number
            self._drawing.rect(_LEFT, y - 10, 12, 12, f"bar{number}")
            self._drawing.text(_LEFT + 20, y, direction.name, "panel")
            self._drawing.text(_LEFT + 150, y, direction.summary, "unit")

    def _x(self, seconds: float) -> float:
        return _LEFT + _PLOT * min(max(seconds / self._seconds, 0.0), 1.0)

    def _frame(self, title: str, unit: str, y: float, height: int) -> float:
        """Draw a panel's title, field and time grid; return the y of its top."""
        self._drawing.text(_LEFT, y + 15, title, "panel")
        self._drawing.text(_WIDTH - _RIGHT, y + 15, unit, "unit", "end")
        self._drawing.rect(_LEFT, y + _TITLE_HEIGHT, _PLOT, height, "field")
        for tick in self._time_ticks():
            self._drawing.line(self._x(tick), y + _TITLE_HEIGHT, self._x(tick), y + _TITLE_HEIGHT + height, "grid")
        return y + _TITLE_HEIGHT

    def _time_ticks(self) -> list[float]:
        return [tick for tick in round_ticks(self._seconds, 8) if tick <= self._seconds * 1.0001]

    def _time_axis(self, y: float) -> None:
        self._drawing.line(_LEFT, y, _LEFT + _PLOT, y, "axis")
        for tick in self._time_ticks():
            self._drawing.line(self._x(tick), y, self._x(tick), y + 4, "axis")
            self._drawing.text(self._x(tick), y + 17, tick_label(tick), "tick", "middle")
        self._drawing.text(_WIDTH - _RIGHT, y + 31, "seconds since the answer", "tick", "end")

    def _wave(self, wave: Wave, color: int, y: float) -> float:
        top = self._frame(wave.title, "full scale = 1", y, _WAVE_HEIGHT)
        middle, reach = top + _WAVE_HEIGHT / 2, _WAVE_HEIGHT / 2 - 3
        label = tick_label(float(f"{self._full_scale:.1g}"))
        for value, text in ((1.0, label), (0.0, "0"), (-1.0, "−" + label)):
            at = middle - value * reach * float(label) / self._full_scale
            self._drawing.text(_LEFT - 8, min(max(at, top + 6), top + _WAVE_HEIGHT - 2) + 4, text, "tick", "end")
        begin, end = self._x(wave.start), self._x(wave.start + len(wave.samples) / wave.rate)
        columns = int(end - begin)
        self._drawing.line(_LEFT, middle, _LEFT + _PLOT, middle, "grid")
        if columns >= 2:
            shape = envelope(wave.samples, columns)
            scale = reach / (self._full_scale * 32768)
            for upper, lower, css in ((shape.high, shape.low, "peak"), (shape.rms, -shape.rms, "rms")):
                outline = [(begin + column, middle - float(value) * scale) for column, value in enumerate(upper)]
                outline += [(begin + column, middle - float(value) * scale) for column, value in
                            reversed(list(enumerate(lower)))]
                self._drawing.polygon(outline, f"{css}{color}")
        return top + _WAVE_HEIGHT + _GAP

    def _curves(self, panel: _Panel, y: float) -> float:
        top = self._frame(panel.title, panel.unit, y, _PANEL_HEIGHT)
        values = [value for direction in self._directions for sample in direction.quality
                  if (value := panel.value(sample)) is not None]
        if not values:
            self._remark("not measured", top)
            return top + _PANEL_HEIGHT + _GAP
        ticks = self._value_axis(max(max(values) * 1.1, panel.least_top), top)
        for number, direction in enumerate(self._directions):
            if panel is _PANELS[0]:
                self._curve(direction.quality, lambda sample: sample.target_ms, ticks[-1], top, f"target{number}")
            self._curve(direction.quality, panel.value, ticks[-1], top, f"line{number}")
        return top + _PANEL_HEIGHT + _GAP

    def _curve(
        self, quality: Sequence[QualitySample], value_of: Callable[[QualitySample], float | None], highest: float,
        top: float, css: str,
    ) -> None:
        known = [(sample.time, value) for sample in quality if (value := value_of(sample)) is not None]
        if known:
            self._drawing.polyline(
                ((self._x(time), top + _PANEL_HEIGHT * (1 - min(value / highest, 1.0))) for time, value in known), css)

    def _value_axis(self, highest: float, top: float) -> list[float]:
        ticks = round_ticks(highest, 3)
        for tick in ticks:
            at = top + _PANEL_HEIGHT * (1 - tick / ticks[-1])
            self._drawing.line(_LEFT, at, _LEFT + _PLOT, at, "grid")
            self._drawing.text(_LEFT - 8, at + 4, tick_label(tick), "tick", "end")
        return ticks

    def _loss(self, y: float) -> float:
        top = self._frame("Packets lost", "% of the packets of each moment", y, _PANEL_HEIGHT)
        bars = [list(_loss_per_interval(direction.quality)) for direction in self._directions]
        highest = max([percent for each in bars for _, _, percent in each], default=-1.0)
        ticks = self._value_axis(max(highest, 5.0), top)
        if highest <= 0:
            self._remark("none lost" if highest == 0 else "not measured", top)
        for number, each in enumerate(bars):
            for begin, end, percent in each:
                if percent > 0:
                    height = _PANEL_HEIGHT * percent / ticks[-1]
                    width = max((self._x(end) - self._x(begin)) / len(bars) - 0.5, 1.0)
                    x = self._x(begin) + number * (width + 0.5)
                    self._drawing.rect(x, top + _PANEL_HEIGHT - height, width, height, f"bar{number}")
        return top + _PANEL_HEIGHT + _GAP

    def _remark(self, text: str, top: float) -> None:
        self._drawing.text(_LEFT + _PLOT / 2, top + _PANEL_HEIGHT / 2 + 4, text, "quiet", "middle")


def _loss_per_interval(quality: Sequence[QualitySample]) -> list[tuple[float, float, float]]:
    """Return (begin, end, percent lost) between each two samples in which packets were due."""
    intervals = []
    for before, after in pairwise(quality):
        lost = max(0, after.lost - before.lost)
        due = lost + max(0, after.packets - before.packets)
        if due:
            intervals.append((before.time, after.time, 100.0 * lost / due))
    return intervals
