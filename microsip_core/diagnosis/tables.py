"""Tables for the terminal: any rows, and the media statistics of a call per direction with their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
"""One direction as ``MediaStatistics.to_dict()`` gives it; figures that are absent or None are shown as a dash."""

_BOLD, _DIM, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def format_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, color: bool = False, ascii_only: bool = False,
    left: int = 1,
) -> str:
    """Return a table: the first ``left`` columns flush left, the others flush right; one line per row."""
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()

    rule = ("-" if ascii_only else "─") * (sum(widths) + 2 * (len(widths) - 1))
    top = f"{_BOLD}{line(header)}{_END}" if color else line(header)
    middle = f"{_DIM}{rule}{_END}" if color else rule
    return "\n".join([top, middle, *map(line, rows)]) + "\n"


def media_table(
    directions: Mapping[str, tuple[Figures, Figures]], *, extra: Mapping[str, Sequence[str]] | None = None,
    color: bool = False, ascii_only: bool = False,
) -> str:
    """Return the table of media statistics, one column per direction of the sound.

    ``directions`` maps a title such as "alice to bob" to the sender's figures (its "send") and the receiver's (its
    "receive"); a side that is not known is an empty mapping. ``extra`` adds rows, one text per direction.
    """
    dash = "-" if ascii_only else "–"
    pairs = list(directions.values())
    rows = [[label, *(_cell(pair, side, name, form, dash) for pair in pairs)] for label, side, name, form in _ROWS]
    kept = [row for row in rows if any(cell != dash for cell in row[1:])]
    kept += [[label, *cells] for label, cells in (extra or {}).items()]
    return format_table(["", *directions], kept, color=color, ascii_only=ascii_only)


_SEND, _RECEIVE = 0, 1

_ROWS: tuple[tuple[str, int, str, str], ...] = (
    ("codec", _SEND, "codec", "{}"),
    ("packets sent", _SEND, "packets", "{:,}"),
    ("packets received", _RECEIVE, "packets", "{:,}"),
    ("lost", _RECEIVE, "lost", "{:,}"),
    ("loss", _RECEIVE, "loss_percent", "{:.2f} %"),
    ("too late to play", _RECEIVE, "late", "{:,}"),
    ("out of order", _RECEIVE, "reordered", "{:,}"),
    ("duplicates", _RECEIVE, "duplicates", "{:,}"),
    ("network jitter", _RECEIVE, "jitter_ms", "{:.2f} ms"),
    ("round trip", _SEND, "rtt_ms", "{:.2f} ms"),
    ("buffer delay, mean", _RECEIVE, "buffer_mean_ms", "{:.1f} ms"),
    ("concealed sound", _RECEIVE, "concealed_ms", "{:.0f} ms"),
    ("MOS (E-model)", _RECEIVE, "mos", "{:.2f}"),
)


_REPORTED_BY_PEER = ("lost", "loss_percent", "jitter_ms", "mos")


def _cell(pair: tuple[Figures, Figures], side: int, name: str, form: str, dash: str) -> str:
    """Return one figure; where its own side is not known, what the other side says of it (RTCP, negotiation)."""
    value = pair[side].get(name)
    other = pair[1 - side]
    reported = name in _REPORTED_BY_PEER and other.get("jitter_ms") is not None
    if value is None and (reported or name in ("codec", "rtt_ms")):
        value = other.get(name)
    return dash if value is None or value == "" else form.format(value)
