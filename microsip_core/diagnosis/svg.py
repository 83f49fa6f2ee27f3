"""A few SVG elements, and round axis ticks: what the pictures are drawn with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr


class Drawing:
    """Collects SVG elements; ``to_svg`` returns the file. Coordinates are pixels, y grows downwards."""

    def __init__(self, width: int, height: int, style: str, description: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img" aria-label={quoteattr(description)}>',
            f"<style>{style}</style>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
        ]

    def rect(self, x: float, y: float, width: float, height: float, css: str) -> None:
        """Draw a rectangle."""
        self._parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{css}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """Draw a straight line."""
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>')

    def text(self, x: float, y: float, text: str, css: str, anchor: str = "start") -> None:
        """Write text with its base line at ``y``; ``anchor`` is start, middle or end."""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(text)}</text>')

    def polyline(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Draw a line through the points."""
        self._parts.append(f'<polyline points="{_points(points)}" class="{css}"/>')

    def polygon(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Fill the area within the points."""
        self._parts.append(f'<polygon points="{_points(points)}" class="{css}"/>')

    def to_svg(self) -> str:
        """Return the whole file."""
        return "\n".join([*self._parts, "</svg>\n"])


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def round_ticks(top: float, count: int = 4) -> list[float]:
    """Return about ``count`` + 1 numbers from 0 to at least ``top``, in steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    rough = top / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * magnitude for factor in (1, 2, 5) if factor * magnitude >= rough * 0.999), 10 * magnitude)
    return [step * number for number in range(math.ceil(top / step - 1e-9) + 1)]


def tick_label(value: float) -> str:
    """Return a tick's number without needless zeros."""
    return f"{value:g}"
