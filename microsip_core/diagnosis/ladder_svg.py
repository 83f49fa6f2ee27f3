"""Draws the SIP messages of a call as a ladder diagram in SVG: the same picture as the terminal's, for a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .ladder import Address, Arrow, Note, columns_of, format_address, label_of
from .svg import Drawing

_TIME, _MARGIN, _LEAST_GAP, _CHARACTER = 76, 90, 220, 7
_TOP, _ROW, _SDP_ROW, _HEAD = 64, 34, 14, 7
_LONGEST = 60

_STYLE = """
.paper{fill:#ffffff}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#3b4350;font-size:13px}
.name{font-size:15px;font-weight:600;fill:#14181f} .address,.time{font-size:12px;fill:#5b6472}
.sdp{font-size:11px;fill:#5b6472} .life{stroke:#c3cad3}
.request{stroke:#1f6fd6;fill:#1f6fd6} .provisional{stroke:#5b6472;fill:#5b6472} .success{stroke:#1a8a4a;fill:#1a8a4a}
.challenge{stroke:#b07a00;fill:#b07a00} .failure{stroke:#c62828;fill:#c62828} .lost,.again{stroke-dasharray:5 4}
.media{stroke:#0b8fa3;fill:#0b8fa3;stroke-width:3} .arrow{stroke-width:1.6}
"""


def render_ladder_svg(
    arrows: Sequence[Arrow], *, names: Mapping[Address, str] | None = None, notes: Sequence[Note] = (),
) -> str:
    """Return the diagram as an SVG file, empty when there are no arrows; ``names`` and ``notes`` as for the text."""
    return _Diagram(arrows, names or {}, notes).render() if arrows else ""


class _Diagram:
    def __init__(self, arrows: Sequence[Arrow], names: Mapping[Address, str], notes: Sequence[Note]) -> None:
        self._names = names
        self._columns = columns_of(arrows, names)
        self._rows: list[Arrow | Note] = sorted([*arrows, *notes], key=lambda row: row.time)
        self._start = arrows[0].time
        longest = max((len(_text(row)) for row in self._rows), default=0)
        self._gap = max(_LEAST_GAP, _CHARACTER * min(longest, _LONGEST) + 40)

    def render(self) -> str:
        height = _TOP + sum(map(_height, self._rows)) + 16
        width = self._x(self._columns[-1]) + _MARGIN
        drawing = Drawing(width, height, _STYLE, "Ladder diagram of the SIP messages of a call")
        for column in self._columns:
            x = self._x(column)
            drawing.text(x, 24, self._names.get(column, ""), "name", "middle")
            drawing.text(x, 42, format_address(column), "address", "middle")
            drawing.line(x, _TOP - 14, x, height - 8, "life")
        y = _TOP
        for row in self._rows:
            if isinstance(row, Arrow):
                self._arrow(drawing, row, y)
            else:
                self._note(drawing, row, y)
            y += _height(row)
        return drawing.to_svg()

    def _x(self, column: Address) -> int:
        return _TIME + _MARGIN + self._gap * self._columns.index(column)

    def _arrow(self, drawing: Drawing, arrow: Arrow, y: int) -> None:
        drawing.text(8, y + 14, f"{arrow.time - self._start:.3f} s", "time")
        begin, end = self._x(arrow.source), self._x(arrow.destination)
        css = _class(arrow)
        text = _clip(label_of(arrow))
        if begin == end:
            drawing.text(begin + 8, y + 14, f"{text} (to itself)", "label")
            return
        drawing.text((begin + end) / 2, y + 8, text, "label", "middle")
        heading = 1 if end > begin else -1
        line = f"arrow {css}" + (" lost" if arrow.lost else " again" if arrow.copies else "")
        tip = end - heading * (self._gap // 4 if arrow.lost else 1)
        drawing.line(begin, y + 14, tip - heading * _HEAD, y + 14, line)
        if arrow.lost:
            drawing.text(tip, y + 18, "✗", "label", "middle")
        else:
            back = tip - heading * _HEAD * 1.6
            drawing.polygon([(tip, y + 14), (back, y + 14 - _HEAD * 0.7), (back, y + 14 + _HEAD * 0.7)], css)
        if arrow.summary.sdp:
            drawing.text((begin + end) / 2, y + 27, _clip(arrow.summary.sdp), "sdp", "middle")

    def _note(self, drawing: Drawing, note: Note, y: int) -> None:
        drawing.text(8, y + 14, f"{note.time - self._start:.3f} s", "time")
        left, right = sorted((self._x(note.first), self._x(note.second)))
        drawing.text((left + right) / 2, y + 8, _clip(note.text), "label", "middle")
        drawing.line(left + 4, y + 14, right - 4, y + 14, "media")


def _text(row: Arrow | Note) -> str:
    return row.text if isinstance(row, Note) else max(label_of(row), row.summary.sdp, key=len)


def _height(row: Arrow | Note) -> int:
    return _ROW + (_SDP_ROW if isinstance(row, Arrow) and row.summary.sdp else 0)


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _class(arrow: Arrow) -> str:
    summary = arrow.summary
    if summary.is_request:
        return "request"
    if summary.status in (401, 407):
        return "challenge"
    return ("", "provisional", "success")[summary.status // 100] if summary.status < 300 else "failure"
