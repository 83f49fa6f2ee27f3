"""A conference: calls that all hear each other, with gain and mute for each, announcements and a recording."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING

from microsip_core.errors import FileError, InvalidArgument, InvalidState, MicrosipError
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.outcome import DONE, Outcome
from microsip_core.user_agent.playback import Playback
from microsip_core.user_agent.states import CallState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from microsip_core.media.events import MediaEvent
    from microsip_core.media.mixer import Member, Mixer
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.media_router import MediaRouter


@dataclass(frozen=True, slots=True)
class ConferenceMember:
    """One call in a conference. ``level`` is what it last said in dBov: 0 is full scale, -127 silence.

    ``gain`` scales what the others hear of it, ``volume`` what it hears of them; ``muted`` is not heard, ``deaf`` does
    not hear.
    """

    call: Call
    level: float
    gain: float
    volume: float
    muted: bool
    deaf: bool


@dataclass(frozen=True, slots=True)
class ConferenceInfo:
    """A conference at this moment. ``level`` in dBov is that of all together, ``mixing_seconds`` the time spent mixing.

    ``frames`` of 20 ms have been mixed, ``frames_skipped`` were not because the machine was too busy.
    """

    id: int
    sample_rate: int
    members: tuple[ConferenceMember, ...]
    level: float
    frames: int
    frames_skipped: int
    mixing_seconds: float
    recording: bool


@dataclass(slots=True)
class _Seat:
    call: Call
    member: Member
    gain: float = 1.0
    volume: float = 1.0
    muted: bool = False
    deaf: bool = False

    def apply(self) -> None:
        self.member.set(talk_gain=self.gain, hear_gain=self.volume, muted=self.muted, deaf=self.deaf)


class Conference:
    """Made by :meth:`UserAgent.conference`. ``async with`` ends it at the exit; its calls go on.

    A call leaves when it ends, or joins another conference or bridge. What is played into a single call by
    :meth:`Call.play`, or written to its :attr:`Call.audio`, is heard by its peer alone, instead of the others.
    """

    def __init__(self, router: MediaRouter, mixer: Mixer) -> None:
        self.id = mixer.id
        self.sample_rate = mixer.sample_rate
        self._router = router
        self._mixer = mixer
        self._seats: dict[int, _Seat] = {}
        self._playbacks: dict[int, Playback] = {}
        self._recordings: dict[int, tuple[str, asyncio.Future[None]]] = {}
        self._ended = False
        self.recording_error: MicrosipError | None = None
        router.listen(self.id, self)

    def __repr__(self) -> str:
        return f"<Conference {self.id} of {len(self._seats)}{' ended' if self._ended else ''}>"

    # -- members ----------------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """The calls in it, in the order they came."""
        self._prune()
        return [seat.call for seat in self._seats.values()]

    def add(
        self, call: Call, *, gain: float = 1.0, volume: float = 1.0, muted: bool = False, deaf: bool = False,
    ) -> None:
        """Let a call take part; see :class:`ConferenceMember`. One that is in it already is only set anew.

        It leaves any other conference or bridge. Raises InvalidState when the call has no media or this has ended.
        """
        self._require_open("add to conference")
        seat = self._seats.get(call.id)
        if seat is None or call.meeting is not self:
            stream = call.stream("add to conference")
            call.leave_meeting()
            seat = self._seats[call.id] = _Seat(call, self._mixer.join(stream))
            call.meeting = self
        seat.gain, seat.volume, seat.muted, seat.deaf = gain, volume, muted, deaf
        try:
            seat.apply()
        except MicrosipError:
            self.remove(call)
            raise

    def remove(self, call: Call) -> None:
        """Let a call leave; it goes on by itself. One that is not in it is no error."""
        seat = self._seats.pop(call.id, None)
        if seat is not None:
            seat.member.leave()
            call.meeting = None

    def mute(self, call: Call, muted: bool = True) -> None:
        """Let the others not hear a call."""
        seat = self._seat(call)
        seat.muted = muted
        seat.apply()

    def deafen(self, call: Call, deaf: bool = True) -> None:
        """Let a call not hear the others."""
        seat = self._seat(call)
        seat.deaf = deaf
        seat.apply()

    def set_gain(self, call: Call, gain: float = 1.0, volume: float = 1.0) -> None:
        """Scale what the others hear of a call, and what it hears of them: linear, 0 to 8."""
        seat = self._seat(call)
        before = seat.gain, seat.volume
        seat.gain, seat.volume = gain, volume
        try:
            seat.apply()
        except MicrosipError:
            seat.gain, seat.volume = before
            raise

    def info(self) -> ConferenceInfo:
        """Return who takes part and how it goes. Raises InvalidState after the end."""
        self._require_open("conference info")
        self._prune()
        figures = self._mixer.statistics()
        members = tuple(
            ConferenceMember(
                seat.call, seat.member.statistics().level, seat.gain, seat.volume, seat.muted, seat.deaf,
            ) for seat in self._seats.values()
        )
        return ConferenceInfo(
            self.id, self.sample_rate, members, figures.level, figures.frames, figures.frames_skipped,
            figures.mixing_seconds, bool(self._recordings),
        )

    # -- sound for all ----------------------------------------------------------------------------------------------

    def play(
        self, source: str | PathLike[str] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> Playback:
        """Play a WAV file, or an int16 array of ``rate`` Hz, to all. What played before stops. Raises FileError."""
        self._require_open("play")
        playback = Playback(self._mixer.play(source, rate=rate, loop=loop))
        self._playbacks[playback.id] = playback
        return playback

    def stop_play(self) -> None:
        """Stop what plays, now."""
        self._require_open("stop play")
        self._mixer.stop_play()

    def record(self, path: str | PathLike[str]) -> None:
        """Record all together to a mono file, as :meth:`Call.record`. A recording under way ends. Raises FileError.

        A fault while it is written ends the recording, and ``recording_error`` tells it.
        """
        self._require_open("record")
        recording = self._mixer.record(path)
        self._recordings[recording] = (str(path), asyncio.get_running_loop().create_future())

    def pause_record(self, paused: bool = True) -> None:
        """Leave out of the recording what comes, until it is resumed with False. None under way is no error."""
        self._require_open("pause recording")
        if self._recordings:
            self._mixer.pause_record(max(self._recordings), paused)

    def stop_record(self) -> Outcome:
        """End the recording; awaiting waits until the file is complete. After the end too."""
        if not self._recordings:
            return DONE
        if not self._ended:
            self._mixer.stop_record()
        return Outcome(self._until_recorded)

    async def _until_recorded(self) -> None:
        if self._recordings:
            await asyncio.wait([future for _, future in self._recordings.values()])

    def end(self) -> Outcome:
        """Let all calls leave; awaiting waits until a recording is complete. May be called again."""
        if not self._ended:
            self._ended = True
            for call in [seat.call for seat in self._seats.values()]:
                self.remove(call)
            self._mixer.close()
            for playback in list(self._playbacks.values()):
                playback.finish("stopped", 0)
            if not self._recordings:
                self._router.unlisten(self.id)
        return Outcome(self._until_recorded)

    async def __aenter__(self) -> Conference:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.end()

    # -- for the files of this package ------------------------------------------------------------------------------

    def on_media_event(self, event: MediaEvent) -> None:
        """Take what the media engine tells of this conference."""
        if event.kind == "playback_finished":
            playback = self._playbacks.pop(event.reference, None)
            if playback is not None:
                playback.finish(event.detail, event.value)
        elif event.kind == "recording_finished":
            self._recorded(event.reference, event.detail)
        elif event.kind == "recording_stalled":
            LOG.warning("the recording of %s loses sound: nothing was written for %d ms", self, event.value)

    def engine_gone(self) -> None:
        """Nothing more will be told."""
        for recording in list(self._recordings):
            self._recorded(recording, "")
        self.end()

    def _recorded(self, recording: int, fault: str) -> None:
        path, future = self._recordings.pop(recording, ("", None))
        if fault:
            self.recording_error = FileError(f"the recording is not complete: {fault}", step="record", peer=path)
            LOG.warning("%s", self.recording_error)
        if future is not None and not future.done():
            future.set_result(None)
        if self._ended and not self._recordings:
            self._router.unlisten(self.id)

    def _seat(self, call: Call) -> _Seat:
        self._require_open("conference")
        self._prune()
        seat = self._seats.get(call.id)
        if seat is None:
            raise InvalidArgument("the call does not take part", step="conference", peer=call.remote_uri,
                                  remedy="Add it first")
        return seat

    def _prune(self) -> None:
        for call in [seat.call for seat in self._seats.values() if seat.call.state is CallState.ENDED]:
            self.remove(call)

    def _require_open(self, step: str) -> None:
        if self._ended:
            raise InvalidState("the conference has ended", step=step, remedy="Make a new one")
