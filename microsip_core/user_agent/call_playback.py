"""What a call plays to its peer: files, lists of files, samples, tones; also before the answer, as early media."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from microsip_core.user_agent.call_meeting import CallMeeting
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.playback import Playback

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from microsip_core.media.country_tones import ToneKind
    from microsip_core.media.events import MediaEvent

ToneStep = tuple[Sequence[float], int, int]
Path = str | PathLike[str]
_WHOLE = 4 << 20  # octets: WAV files up to this are read as a whole, once for all calls that play them


class CallPlayback(CallMeeting):
    """Plays. Only one thing at a time: what comes next replaces what plays."""

    _playbacks: dict[int, Playback] | None = None
    _closing = False

    def play(
        self, source: Path | Sequence[Path] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> Playback:
        """Play to the peer: a file, a list of files, or an int16 array of ``rate`` Hz. What played before stops.

        WAV files play on both cores. The native core plays whatever PyAV reads (MP3, Ogg, FLAC, ...), decoding while
        it plays. On an unanswered incoming call, ``ring(early_media=True)`` comes first. Raises FileError when the
        file is missing or no usable WAV, NotSupported for what the core can not play, InvalidState when there is no
        media yet. A file that turns out to be unreadable later ends the playback; its result tells.
        """
        stream = self.stream("play")
        if isinstance(source, (str, PathLike)):
            streamed = not _plays_whole(source)
            return self._keep(stream.play_files([source], loop=loop) if streamed else stream.play(source, loop=loop))
        if isinstance(source, (list, tuple)):
            return self._keep(stream.play_files(source, loop=loop))
        return self._keep(stream.play(source, rate=rate, loop=loop))  # type: ignore[arg-type]  # an array, then

    def play_tone(
        self, steps: Sequence[ToneStep] | ToneKind, *, country: str = "US", loop: bool = False,
    ) -> Playback:
        """Play tones: each step is (frequencies in Hz, on ms, off ms).

        Or by name, as they sound in a country (ISO 3166): "dial", "ringback", "busy", "congestion", "reorder", "sit".
        Raises InvalidArgument for names that are not known.
        """
        if isinstance(steps, str):
            from microsip_core.media.country_tones import tone_of

            steps = tone_of(steps, country)
        return self._keep(self.stream("play tone").play_tone(steps, loop))

    def _keep(self, playback_id: int) -> Playback:
        playback = Playback(playback_id, self.stream("play"))
        if self._playbacks is None:
            self._playbacks = {}
        for before in self._playbacks.values():
            before.detach()  # it is being replaced
        self._playbacks[playback_id] = playback
        return playback

    def stop_play(self) -> None:
        """Stop what plays, now."""
        self.stream("stop play").stop_play()

    def _playback_finished(self, event: MediaEvent) -> None:
        playback = self._playbacks.pop(event.reference, None) if self._playbacks else None
        if playback is None:
            return
        reason, _, error = event.detail.partition(": ")
        if self._closing and reason == "stopped":
            reason = "call_ended"
        playback.finish(reason, event.value, error)
        self.emit(EventType.PLAYBACK_FINISHED, text=reason)


def _plays_whole(path: Path) -> bool:
    """Whether a file is played from memory: small WAV files, and what is not there, to be told by the core."""
    try:
        with open(path, "rb") as file:
            named = os.fsdecode(path).lower().endswith(".wav")
            return os.fstat(file.fileno()).st_size <= _WHOLE and (named or file.read(4) == b"RIFF")
    except (OSError, ValueError):
        return True
