"""A conference of streams: everybody hears all the others, and not himself."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stream import Stream


@dataclass(frozen=True, slots=True)
class MemberStatistics:
    """How one member fares."""

    level: float
    """Of what the member last said, in dBov (RFC 6465): 0 is full scale, -127 silence."""
    starved_ms: float
    """Silence in the midst of sound because the next frame came too late, both ways together."""
    trimmed_ms: float
    """Sound left out because too much had gathered, both ways together."""


@dataclass(frozen=True, slots=True)
class MixerStatistics:
    """How the whole conference fares."""

    members: int
    level: float
    """Of all together, in dBov."""
    frames: int
    """Of 20 ms, mixed."""
    frames_skipped: int
    mixing_seconds: float
    """Time spent on mixing; the members' codecs and conversions not included."""


class Member(Protocol):
    """A stream's place in a mixer."""

    def set(
        self, *, talk_gain: float = 1.0, hear_gain: float = 1.0, muted: bool = False, deaf: bool = False,
    ) -> None:
        """Scale what the others hear of it and what it hears of them (0 to 8), or silence either."""
        ...

    def statistics(self) -> MemberStatistics:
        """Return figures as of the last tick."""
        ...

    def leave(self) -> None:
        """Leave the mixer. May be called again."""
        ...


class Mixer(Protocol):
    """Sums what its members say, saturating, and hands each the sum without its own part.

    A member's stream may be of any sample rate and ptime. Being in a mixer adds 20 ms on average from one member to
    another. After ``close`` all but ``close`` raise ``InvalidState``.
    """

    id: int
    """Stands as the stream in events."""
    sample_rate: int

    def join(self, stream: Stream) -> Member:
        """Add a stream, which leaves any other mixer or bridge. What it plays itself, or a tap writes, comes first."""
        ...

    def play(
        self, source: str | PathLike[str] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> int:
        """Play a WAV file or int16 samples to all; see ``Stream.play``."""
        ...

    def stop_play(self) -> None:
        """End the playback under way, if any."""
        ...

    def record(self, path: str | PathLike[str]) -> int:
        """Record all together to a mono file; see ``Stream.record``."""
        ...

    def pause_record(self, recording: int, paused: bool = True) -> None:
        """Leave out what comes until it is resumed; see ``Stream.pause_record``."""
        ...

    def stop_record(self) -> None:
        """End the recording under way, if any."""
        ...

    def statistics(self) -> MixerStatistics:
        """Return figures as of the last tick."""
        ...

    def close(self) -> None:
        """Let the members go. May be called again."""
        ...
