"""The part of a call that is about sound: play, record, echo, audio frames, statistics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from microsip_core.errors import FileError, InvalidState
from microsip_core.sip.session.uac_core import relocate
from microsip_core.user_agent.call_audio import CallAudio
from microsip_core.user_agent.call_listening import CallListening
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.outcome import DONE, Outcome
from microsip_core.user_agent.states import CallState, EndCause

if TYPE_CHECKING:
    from microsip_core.errors import MicrosipError
    from microsip_core.media.events import MediaEvent
    from microsip_core.media.statistics import CallStatistics
    from microsip_core.media.stream import Stream

_FILE_PATIENCE = 2.0  # seconds that the end of a call waits for the last of a recording


class CallMedia(CallListening):
    """What a call can do with its sound, from the moment there is a session description of both sides."""

    muted = False
    stream_id = -1
    _audio: CallAudio | None = None
    _recordings: dict[int, tuple[str, asyncio.Future[None]]] | None = None
    recording_error: MicrosipError | None = None
    recording_path = ""
    """The file of the last recording, also when it has ended; empty where there was none."""

    @property
    def codec(self) -> str | None:
        """Name of the negotiated codec, None before negotiation."""
        return self.media.codec if self.media is not None else None

    def stream(self, step: str) -> Stream:
        """Return the stream below, for what this class does not offer. Raises InvalidState while there is none."""
        stream = self.media.stream if self.media is not None and not self._closing else None
        if stream is None or self.codec is None:
            raise InvalidState(
                f"the call is {self.state} and has no media", step=step, peer=self.remote_uri,
                remedy="Wait until the call is answered",
            )
        return stream

    def mute(self) -> None:
        """Send silence from now on."""
        self.stream("mute").set_mute(True)
        self.muted = True

    def unmute(self) -> None:
        """Send sound again."""
        self.stream("unmute").set_mute(False)
        self.muted = False

    def set_volume(self, send: float = 1.0, receive: float = 1.0) -> None:
        """Scale what is sent and what is received: linear factors, 0 to 8."""
        self.stream("set volume").set_gain(send, receive)

    def level(self) -> tuple[float, float]:
        """Return how loud was what was last sent and received, in dBov (RFC 6465): 0 is full scale, -127 silence."""
        return self.stream("level").level()

    def record(self, path: str | PathLike[str], *, stereo: bool = True) -> None:
        """Record the call to a file: stereo has us left and the peer right, else both are mixed.

        The end of the name says the format: .flac, .opus, .ogg (Opus) and .mp3 take PyAV and the native core (else
        NotSupported), all else is WAV, which survives a crash. A recording under way ends. Raises
        FileError when the file can not be made; a fault while it is written, such as a full disk, ends the recording,
        and ``recording_error`` tells it.
        """
        recording = self.stream("record").record(path, stereo=stereo)
        if self._recordings is None:
            self._recordings = {}
        self.recording_path = str(path)
        self._recordings[recording] = (str(path), self.agent.loop.create_future())
        self.emit(EventType.RECORDING_STARTED, text=str(path))

    def pause_record(self, paused: bool = True) -> None:
        """Leave out of the recording what comes, until it is resumed with False. None under way is no error.

        Raises InvalidState when the call has ended, NotSupported on the reference core.
        """
        if self._recordings:
            self.stream("pause recording").pause_record(max(self._recordings), paused)

    def stop_record(self) -> Outcome:
        """End the recording; awaiting waits until the file is complete. After the call too: its end is theirs."""
        if not self._recordings:
            return DONE
        if not self._closing:
            self.stream("stop record").stop_record()
        return Outcome(self.recordings_complete)

    @property
    def recording(self) -> bool:
        """Whether a recording is being written."""
        return bool(self._recordings)

    async def recordings_complete(self, timeout: float | None = None) -> None:
        """Wait until no recording is being written, at most ``timeout`` seconds."""
        if self._recordings:
            await asyncio.wait([future for _, future in self._recordings.values()], timeout=timeout)

    async def wait_ended(self, timeout: float | None = None) -> EndCause:
        """Wait until the call has ended, by whomever, and its recordings are complete; returns the cause.

        Raises TimedOut when it still lasts after ``timeout`` seconds.
        """
        cause = await super().wait_ended(timeout)
        await self.recordings_complete(_FILE_PATIENCE)
        return cause

    def echo(self, on: bool = True) -> None:
        """Send back what is received."""
        self.stream("echo").echo(on)

    @property
    def audio(self) -> CallAudio:
        """The sound as int16 frames, in and out, at the codec's sample rate. Opened at first use."""
        return self.open_audio()

    def open_audio(self, sample_rate: int | None = None) -> CallAudio:
        """Open :attr:`audio` at a sample rate of your own (Hz); once it is open the rate stays."""
        if self._audio is None:
            self._audio = CallAudio(self.stream("audio").open_tap(sample_rate), self.agent.ticker)
        return self._audio

    def statistics(self) -> CallStatistics | None:
        """Return a snapshot of the media statistics; after the end of the call the last one. None without media."""
        if self.media is None or self.media.codec is None:
            return None
        return self.media.statistics()

    # -- for the files of this package ------------------------------------------------------------------------------

    def answer_offer(self, offer: bytes | None) -> bytes:
        """Open the media where it is not, and return our answer; our offer where the caller made none."""
        if self.media is None:
            assert self.session is not None
            host = self.session.local_address[0]
            media = self.agent.media.new_session(host, None, self.agent.public_host(self.account, host))
            self.description = media.create_offer() if offer is None else media.accept_offer(offer)
            self.media = media
            self.agent.media.watch(self)
        return self.description

    def make_offer(self, local_host: str, codecs: Sequence[str] | None) -> bytes:
        """Open the media on ``local_host`` and return our offer."""
        public_host = self.agent.public_host(self.account, local_host)
        self.media = self.agent.media.new_session(local_host, codecs, public_host)
        self.description = self.media.create_offer()
        self.agent.media.watch(self)
        return self.description

    def move(self) -> None:
        """Go on by the sockets there are now: move the sound, and tell the peer by a re-INVITE where we are.

        Raises InvalidState while another change of the call is under way, NetworkError or Busy when no media port can
        be had; to be called again then.
        """
        session, media = self.session, self.media
        if session is None or media is None or self.renegotiation is not None or session.busy:
            raise InvalidState("a change of the call is under way", step="move", peer=self.remote_uri)
        host = relocate(session)[0]
        media.move(host, self.agent.public_host(self.account, host))
        session.reinvite(media.create_offer(), self.agent.now())
        self.agent.pump()

    def on_media_event(self, event: MediaEvent) -> None:
        """Take what the media engine tells of this call."""
        kind = event.kind
        if kind == "dtmf":
            self.take_digit(event.detail, "rfc4733", event.time)
        elif kind == "dtmf_inband":
            self.take_digit(event.detail, "inband", event.time)
        elif kind == "dtmf_sent":
            self.count_sent(event.value)
        elif kind == "playback_finished":
            self._playback_finished(event)
        elif kind == "recording_finished":
            self._recording_finished(event.reference, event.detail)
        elif kind in ("speech_started", "speech_ended", "tone", "beep"):
            self.take_heard(event)
        elif kind == "recording_stalled":
            LOG.warning("the recording of %s loses sound: nothing was written for %d ms", self, event.value)
            self.emit(EventType.RECORDING_STALLED, text=self._recordings.get(event.reference, ("",))[0]
                      if self._recordings else "")
        elif kind == "first_rtp":
            self.emit(EventType.MEDIA_STARTED, text=event.detail)
        elif kind == "media_timeout":
            self._media_timed_out(event)
        elif kind == "no_rtp":
            self._media_missing(event)
        elif kind == "error":
            LOG.warning("media of %s: %s", self, event.detail)

    def _recording_finished(self, recording: int, fault: str) -> None:
        path, future = self._recordings.pop(recording, ("", None)) if self._recordings else ("", None)
        if future is not None and not future.done():
            future.set_result(None)
            self.emit(EventType.RECORDING_STOPPED, text=path)
        if fault:
            self.recording_error = FileError(
                f"the recording is not complete: {fault.removeprefix(f'{path}: ')}", step="record", peer=path,
                remedy="Check the space there",
            )
            LOG.warning("%s", self.recording_error)
        if self.state is CallState.ENDED and not self._recordings:
            self.agent.media.forget(self)
            self.close_streams()

    def _media_missing(self, event: MediaEvent) -> None:
        """Nothing is heard some seconds after it was due: the call goes on, and its listeners are told why."""
        from microsip_core.media.trouble import explain_no_rtp

        stream = self.media.stream if self.media is not None else None
        if self.on_hold or stream is None:
            return
        text, remedy = explain_no_rtp(event.detail, "{}:{}".format(*stream.rtp_address), event.value)
        LOG.warning("%s: %s. %s", self, text, remedy)
        self.emit(EventType.MEDIA_MISSING, text=f"{text}. {remedy}")

    def _media_timed_out(self, event: MediaEvent) -> None:
        """The peer's RTP ceased: that ends the call, unless none was due (on hold, or it never sent any)."""
        if self.on_hold:
            return
        self.emit(EventType.MEDIA_TIMEOUT, text=f"no RTP for {event.value} ms")
        if event.detail != "never":
            self.fail(self.media_timeout_error(event.value), cause=EndCause.MEDIA_TIMEOUT)

    def media_timeout_error(self, silent_ms: int) -> MicrosipError:
        """Return the exception for a peer that vanished."""
        from microsip_core.errors import TimedOut

        return TimedOut(
            f"no RTP from the peer for {silent_ms / 1000:g} s: it seems to be gone", step="media",
            peer=self.remote_uri,
            remedy="Check the network; media_timeout sets how long to wait",
        )

    def close_media(self) -> None:
        """Stop the sound and free its sockets; what plays or records ends."""
        if self._closing:
            return
        self._closing = True
        if self._audio is not None:
            self._audio.close()
        self.leave_meeting()
        if self.media is not None:
            self.media.close()
            if self._playbacks or self._recordings:
                self.agent.media.poll()  # the engine has told by now how they ended
        for playback in list((self._playbacks or {}).values()):
            playback.finish("call_ended", 0)
        if not self._recordings:  # else the router goes on to hand us the engine's events, until they are complete
            self.agent.media.forget(self)
        self.stop_dtmf()

    def engine_gone(self) -> None:
        """The engine is gone: nothing more will be told of recordings."""
        for recording in list(self._recordings or {}):
            self._recording_finished(recording, "")
