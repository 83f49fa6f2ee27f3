"""Draws the SIP messages of a call as a ladder diagram for the terminal.

One column per address, one arrow per message, times on the left, the SDP in a few words under its message::

             alice               loopback
        127.0.0.1:40000       127.0.0.1:5060
   0.000       │────── INVITE ──────►│
               │ PCMU 127.0.0.1:4000 │
   0.004       │◄───── 200 OK ───────│
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .ladder_style import ASCII, UNICODE, Glyphs, Style
from .message_summary import MessageSummary, summarize

Address = tuple[str, int]

_TIME_WIDTH = 9
_LEAST_GAP = 24
_ARROW_ROOM = 6  # lifeline, head, a space and a piece of shaft on each side
_ADDRESS_MARGIN = 11
_CLOCK_SLACK = 0.05


class TraceEntry(Protocol):
    """One message as the user agent or the server saw it; ``time`` in seconds, any origin."""

    @property
    def time(self) -> float:
        """When, in seconds."""

    @property
    def direction(self) -> str:
        """Return "in" or "out"."""

    @property
    def local(self) -> Address:
        """Our end."""

    @property
    def remote(self) -> Address:
        """The other end."""

    @property
    def data(self) -> bytes:
        """The message as it was on the wire."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message on the wire. ``lost`` is true when the receiver was traced too and never saw it."""

    time: float
    source: Address
    destination: Address
    summary: MessageSummary
    copies: int = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something to draw between two columns that is not a SIP message, such as the media stream."""

    time: float
    first: Address
    second: Address
    text: str


def arrows_of(*traces: Iterable[TraceEntry], call_id: str | None = None) -> list[Arrow]:
    """Return the messages of one or several traces in order of time, each once, retransmissions counted.

    A message that two of the traced programs saw, one sending and one receiving, is one arrow. ``call_id`` keeps only
    the messages of that dialog. Traces of several programs need one time origin, such as ``time.time()``.
    """
    entries = sorted((entry for trace in traces for entry in trace), key=lambda entry: entry.time)
    traced = {entry.local for entry in entries}
    arrived = _pair(entries)
    arrivals = set(arrived.values())
    arrows: list[Arrow] = []
    copies: dict[tuple[Address, Address, tuple[str, ...]], int] = {}
    for position, entry in enumerate(entries):
        if position in arrivals:
            continue
        outgoing = entry.direction == "out"
        source, destination = (entry.local, entry.remote) if outgoing else (entry.remote, entry.local)
        summary = summarize(entry.data)
        if call_id is not None and summary.call_id != call_id:
            continue
        copy = copies.get((source, destination, summary.identity), 0)
        copies[source, destination, summary.identity] = copy + 1
        lost = outgoing and destination in traced and position not in arrived
        arrows.append(Arrow(entry.time, source, destination, summary, copy, lost))
    return arrows


def _pair(entries: Sequence[TraceEntry]) -> dict[int, int]:
    """Return for each sending that was seen to arrive the arrival; both are positions in ``entries``.

    An arrival belongs to the last copy sent before it: where one of two copies arrived, the earlier is the lost one.
    """
    on_the_way: dict[tuple[Address, Address, bytes], list[int]] = {}
    arrived: dict[int, int] = {}
    early: list[int] = []
    for position, entry in enumerate(entries):
        if entry.direction == "out":
            on_the_way.setdefault((entry.local, entry.remote, entry.data), []).append(position)
        else:
            waiting = on_the_way.get((entry.remote, entry.local, entry.data))
            if waiting:
                arrived[waiting.pop()] = position
            else:
                early.append(position)
    # The sender may note a message a moment after the receiver has got it.
    for position in early:
        entry = entries[position]
        waiting = on_the_way.get((entry.remote, entry.local, entry.data))
        if waiting and entries[waiting[0]].time - entry.time < _CLOCK_SLACK:
            arrived[waiting.pop(0)] = position
    return arrived


def established_at(arrows: Sequence[Arrow]) -> float | None:
    """Return when the first answered INVITE was acknowledged all the way, None where none was answered."""
    answers = [each.time for each in arrows if each.summary.method == "INVITE" and each.summary.status // 100 == 2]
    if not answers:
        return None
    answered = answers[0]
    acknowledged = [each.time for each in arrows if each.summary.label == "ACK" and 0 <= each.time - answered < 1]
    return max(acknowledged, default=answered)


def render_ladder(
    arrows: Sequence[Arrow], *, names: Mapping[Address, str] | None = None, notes: Sequence[Note] = (),
    width: int = 100, color: bool = False, ascii_only: bool = False,
) -> str:
    """Return the diagram as text of at most ``width`` columns where that is possible; nothing when there are no arrows.

    ``names`` puts a name over an address and, in its order, fixes the order of the columns; other addresses follow
    in the order in which they speak. ``color`` adds ANSI colours: pass it for a terminal only.
    """
    if not arrows:
        return ""
    columns = columns_of(arrows, names or {})
    glyphs = ASCII if ascii_only else UNICODE
    gap = _gap(arrows, notes, columns, width)
    return _Diagram(columns, names or {}, gap, Style(color), glyphs).render(arrows, notes)


def columns_of(arrows: Sequence[Arrow], names: Mapping[Address, str]) -> list[Address]:
    """Return the addresses, from left to right: those with a name in the order of the names, then as they speak."""
    speaking = list(dict.fromkeys(end for arrow in arrows for end in (arrow.source, arrow.destination)))
    return [address for address in names if address in speaking] + [each for each in speaking if each not in names]


def _gap(arrows: Sequence[Arrow], notes: Sequence[Note], columns: list[Address], width: int) -> int:
    """Return the columns' distance: wide enough for every label, as far as ``width`` allows."""
    position = {column: number for number, column in enumerate(columns)}
    wanted = _LEAST_GAP
    for arrow in arrows:
        needed = max(len(label_of(arrow)) + _ARROW_ROOM, len(arrow.summary.sdp) + 3)
        wanted = max(wanted, -(-needed // max(1, abs(position[arrow.source] - position[arrow.destination]))))
    for note in notes:
        needed = len(note.text) + _ARROW_ROOM + 1
        wanted = max(wanted, -(-needed // max(1, abs(position[note.first] - position[note.second]))))
    allowed = (width - _TIME_WIDTH - 2 * _ADDRESS_MARGIN) // max(1, len(columns) - 1)
    return max(_LEAST_GAP, min(wanted, allowed))


def label_of(arrow: Arrow) -> str:
    """Return what stands on an arrow: the message, and whether it came again or was lost."""
    text = arrow.summary.label
    if arrow.copies:
        text += " (retransmitted)"
    return text + (" (lost)" if arrow.lost else "")


class _Diagram:
    """Lays the lines out: lifelines stand ``gap`` characters apart, the first one half a gap in."""

    def __init__(
        self, columns: list[Address], names: Mapping[Address, str], gap: int, style: Style, glyphs: Glyphs,
    ) -> None:
        self._columns = columns
        self._names = names
        self._gap = gap
        self._style = style
        self._glyphs = glyphs
        self._first = _TIME_WIDTH + min(gap // 2, _ADDRESS_MARGIN)

    def render(self, arrows: Sequence[Arrow], notes: Sequence[Note]) -> str:
        start = arrows[0].time
        lines = self._header()
        pending = sorted(notes, key=lambda note: note.time)
        for arrow in arrows:
            while pending and pending[0].time <= arrow.time:
                lines += self._note(pending.pop(0), start)
            lines += self._arrow(arrow, start)
        for note in pending:
            lines += self._note(note, start)
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _header(self) -> list[str]:
        texts = [[self._names.get(column, "") for column in self._columns],
                 [format_address(column) for column in self._columns]]
        lines = []
        for number, row in enumerate(texts):
            line = ""
            for column, text in zip(self._columns, row, strict=True):
                at = max(self._position(column) - len(text) // 2, len(line) + 1 if line else 0)
                line = line.ljust(at) + text
            if line:
                lines.append(self._style.bold(line) if number == 0 else self._style.dim(line))
        return lines

    def _position(self, column: Address) -> int:
        return self._first + self._gap * self._columns.index(column)

    def _lifelines(self) -> list[str]:
        line = [" "] * (self._position(self._columns[-1]) + 1)
        for column in self._columns:
            line[self._position(column)] = self._glyphs.lifeline
        return line

    def _arrow(self, arrow: Arrow, start: float) -> list[str]:
        left, right = sorted((self._position(arrow.source), self._position(arrow.destination)))
        clock = f"{arrow.time - start:{_TIME_WIDTH - 2}.3f}  "
        if left == right:
            return [clock + "".join(self._lifelines())[_TIME_WIDTH:] + f" {label_of(arrow)} (to itself)"]
        text = self._glyphs.clip(label_of(arrow), right - left - _ARROW_ROOM)
        rightward = self._position(arrow.source) == left
        shaft = f" {text} ".center(right - left - 2, self._glyphs.shaft)
        drawn = shaft + (self._glyphs.lost if arrow.lost else self._glyphs.right_head)
        if not rightward:
            drawn = (self._glyphs.lost if arrow.lost else self._glyphs.left_head) + shaft
        lines = [self._inserted(left + 1, drawn, self._style.of(arrow.summary, arrow.copies > 0 or arrow.lost), clock)]
        if arrow.summary.sdp:
            sdp = self._glyphs.clip(arrow.summary.sdp, right - left - 3).center(right - left - 1)
            lines.append(self._inserted(left + 1, sdp, "dim"))
        return lines

    def _note(self, note: Note, start: float) -> list[str]:
        left, right = sorted((self._position(note.first), self._position(note.second)))
        text = self._glyphs.clip(note.text, right - left - _ARROW_ROOM - 1)
        drawn = f" {text} ".center(right - left - 3, self._glyphs.media)
        clock = f"{note.time - start:{_TIME_WIDTH - 2}.3f}  "
        return [self._inserted(left + 1, self._glyphs.left_head + drawn + self._glyphs.right_head, "cyan", clock)]

    def _inserted(self, at: int, text: str, style: str, clock: str = "") -> str:
        line = self._lifelines()
        before, after = "".join(line[:at]), "".join(line[at + len(text):])
        return self._style.dim(clock) + before[len(clock):] + self._style.paint(text, style) + after


def format_address(address: Address) -> str:
    """Return host:port, with brackets round an IPv6 address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
