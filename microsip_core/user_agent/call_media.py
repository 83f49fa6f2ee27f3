"""The part of a call that is about sound: play, record, DTMF, audio frames, statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.user_agent.call_audio import CallAudio
from microsip_core.user_agent.playback import Playback

if TYPE_CHECKING:
    import numpy as np

    from microsip_core.media.statistics import CallStatistics

ToneStep = tuple[Sequence[float], int, int]


class CallMedia:
    """What a call can do with its sound, from the moment there is a session description of both sides."""

    @property
    def codec(self) -> str | None:
        """Name of the negotiated codec, None before negotiation."""
        raise NotImplementedError

    @property
    def muted(self) -> bool:
        """Whether we send silence."""
        raise NotImplementedError

    def mute(self) -> None:
        """Send silence from now on."""
        raise NotImplementedError

    def unmute(self) -> None:
        """Send sound again."""
        raise NotImplementedError

    def play(
        self, source: str | np.ndarray, *, rate: int | None = None, loop: bool = False,
    ) -> Playback:
        """Play a WAV file, or an int16 array of ``rate`` Hz, to the peer. A playback under way stops.

        Raises FileError when the file is missing or no usable WAV, InvalidState when there is no media yet.
        """
        raise NotImplementedError

    def play_tone(self, steps: Sequence[ToneStep], *, loop: bool = False) -> Playback:
        """Play tones: each step is (frequencies in Hz, on ms, off ms)."""
        raise NotImplementedError

    def stop_play(self) -> None:
        """Stop what plays, now."""
        raise NotImplementedError

    def record(self, path: str, *, stereo: bool = True) -> None:
        """Record the call to a WAV file: stereo has the peer left and us right, else both are mixed."""
        raise NotImplementedError

    def stop_record(self) -> None:
        """End the recording and close the file."""
        raise NotImplementedError

    def echo(self, on: bool = True) -> None:
        """Send back what is received."""
        raise NotImplementedError

    async def send_dtmf(
        self, digits: str, *, method: str = "auto", duration_ms: int = 160, gap_ms: int = 80,
    ) -> None:
        """Send digits 0-9 A-D * #; a comma pauses 500 ms. Returns when the last has been sent.

        ``method`` is "rfc4733" (RTP telephone-event), "info" (SIP INFO), or "auto": the first where the peer takes it.
        """
        raise NotImplementedError

    async def recv_dtmf(self, count: int, timeout: float | None = None) -> str:
        """Return the next ``count`` digits, fewer when ``timeout`` seconds are over or the call has ended."""
        raise NotImplementedError

    @property
    def audio(self) -> CallAudio:
        """The sound as int16 frames, in and out. Opened at first use."""
        raise NotImplementedError

    def statistics(self) -> CallStatistics | None:
        """Return a snapshot of the media statistics; after the end of the call the last one. None without media."""
        raise NotImplementedError
