"""Remembers what was made of a description, for the many that differ from it only in o= and in the port.

A trunk or a PBX sends thousands of descriptions of one wording. What the negotiation reads off one of them hangs on
nothing but the octets between o= and the port and those after the port, which are the key here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .answering import RemoteAudio
    from .negotiation import NegotiatedAudio

_MOST_ENTRIES = 256
_MOST_ANSWERS = 16  # to one wording: a host has few addresses and a user agent one packet time
_MOST_OCTETS = 2048  # of a description worth remembering

Wording = tuple[bytes, bytes]


AnswerKey = tuple[str, int, str]  # our host, packet time and wanted direction: what else an answer hangs on


class Answer(NamedTuple):
    """What was answered to a wording: the text behind o= without our port, what was agreed but for the peer's ports,
    and our lines about RTCP."""

    before_port: str
    after_port: str
    agreed: NegotiatedAudio
    rtcp_lines: str


class Remembered(NamedTuple):
    """The one audio stream of a description, its t= line, and our answers to an offer so worded."""

    audio: RemoteAudio
    timing: str
    answers: dict[AnswerKey, Answer]

    def keep_answer(self, key: AnswerKey, answer: Answer) -> None:
        """Remember an answer, as long as there are few."""
        if len(self.answers) < _MOST_ANSWERS:
            self.answers[key] = answer


def take_apart(data: bytes) -> tuple[Wording, int] | None:
    """Return the wording and the port of a description of plain form, ``None`` for any other form.

    Plain is: v=0, o=, s= and the rest of the session, then m=audio with a port from 1 to 65535.
    """
    head, _, audio = data.partition(b"\r\nm=audio ")
    origin, _, session = head.partition(b"\r\ns=")
    port, _, media = audio.partition(b" ")
    if (
        len(data) > _MOST_OCTETS or len(port) > 5 or not port.isdigit() or origin[:7] != b"v=0\r\no="
        or origin.find(b"\n", 7) >= 0 or origin.find(b"\r", 7) >= 0 or b"\0" in origin
    ):
        return None
    number = int(port)
    return ((session, media), number) if 0 < number <= 65535 else None


class DescriptionMemory:
    """A bounded table. When it is full it begins anew: strange wordings can slow it down, and no more."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Wording, Remembered] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, wording: Wording) -> Remembered | None:
        """Return what was made of a description of the same wording."""
        return self._known.get(wording)

    def keep(self, wording: Wording, remembered: Remembered) -> None:
        """Remember a description that has one stream, which is audio and was accepted."""
        if len(self._known) >= _MOST_ENTRIES:
            self._known.clear()
        self._known[wording] = remembered
