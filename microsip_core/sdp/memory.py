"""Remembers what was made of a description, for the many that differ from it only in o= and in the port.

A trunk or a PBX sends thousands of descriptions of one wording. What the negotiation reads off one of them hangs on
nothing but the octets between o= and the port and those after the port, which are the key here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .answering import RemoteAudio

_MOST_ENTRIES = 256
_MOST_OCTETS = 2048  # of a description worth remembering

Wording = tuple[bytes, bytes]


class Remembered(NamedTuple):
    """The one audio stream of a description, and its t= line."""

    audio: RemoteAudio
    timing: str


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
