"""The sending half of a reference stream: what is sent in each frame, and its RTP packets."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from microsip_core.media.stream import PayloadFormat

from . import g711
from .receiver import Emit
from .rtp import RtpPacket, build_rtp
from .sources import Source
from .tap import ReferenceTap
from .telephone_event import DtmfFrame, DtmfSender

ENCODERS = {"PCMU": g711.encode_mu_law, "PCMA": g711.encode_a_law}


class StreamSender:
    """Sends the first of: a digit, what is played, what a tap has waiting, echo, silence."""

    def __init__(self, send: Callable[[bytes], bool], emit: Emit) -> None:
        self.ssrc = secrets.randbits(32)
        self.timestamp = secrets.randbits(32)
        self.packets = self.octets = self.errors = 0
        self.digits = 0
        self.form: PayloadFormat | None = None
        self.telephone_event: int | None = None
        self.sending = False
        self.muted = False
        self.echo = False
        self.gain = 1.0
        self.tap: ReferenceTap | None = None
        self.dtmf = DtmfSender()
        self._digits_told = 0
        self._sequence = secrets.randbits(16)
        self._talking = False  # the last frame was sent as audio, so the next begins no talk spurt
        self._playing: tuple[int, Source] | None = None
        self._played = 0  # samples of it
        self._send = send
        self._emit = emit

    def play(self, playback_id: int, source: Source) -> None:
        """Play a source in place of the one under way."""
        self.stop("replaced")
        self._playing, self._played = (playback_id, source), 0

    def stop(self, why: str = "stopped") -> None:
        """End the playback under way and tell how much of it went out."""
        if self._playing is not None:
            self._emit("playback_finished", self._played // 8, why, self._playing[0])
            self._playing = None

    def frame(self, received: NDArray[np.int16]) -> NDArray[np.int16]:
        """Send one frame as long as ``received``; return the audio sent, silence where a digit was."""
        count = len(received)
        form = self.form
        if not self.sending or form is None:
            self._talking = False
            self.timestamp = (self.timestamp + count) & 0xFFFFFFFF
            return np.zeros(count, np.int16)
        digit = self.dtmf.next(self.timestamp, count) if self.telephone_event is not None else None
        if digit is not None:
            frame = np.zeros(count, np.int16)
            self._send_digit(digit)
        else:
            frame = self._audio(received)
            self._transmit(form.payload_type, self.timestamp, not self._talking, ENCODERS[form.name.upper()](frame))
        self._talking = digit is None
        self.timestamp = (self.timestamp + count) & 0xFFFFFFFF
        return frame

    def skip(self, count: int) -> None:
        """Let the time of a frame pass that comes too late to be sent."""
        self.timestamp = (self.timestamp + count) & 0xFFFFFFFF
        self._talking = False

    def _audio(self, received: NDArray[np.int16]) -> NDArray[np.int16]:
        frame = self._choose(received)
        if self.muted:
            return np.zeros(len(received), np.int16)
        if self.gain != 1.0:
            frame = np.clip(frame * self.gain, -32768, 32767).astype(np.int16)
        return frame

    def _choose(self, received: NDArray[np.int16]) -> NDArray[np.int16]:
        count = len(received)
        frame: NDArray[np.int16] | None = None
        if self._playing is not None:
            frame = self._playing[1].read(count)
            self._played += len(frame)
            if len(frame) < count:
                self.stop("finished")
                frame = np.concatenate((frame, np.zeros(count - len(frame), np.int16)))
        if frame is None and self.tap is not None:
            frame = self.tap.say(count)
        if frame is None:
            frame = received if self.echo else np.zeros(count, np.int16)
        return frame

    def _send_digit(self, digit: DtmfFrame) -> None:
        if self.telephone_event is not None:
            self._transmit(self.telephone_event, digit.timestamp, digit.marker, digit.event.to_bytes())
        self.digits += digit.last
        if digit.last and not len(self.dtmf):
            self._emit("dtmf_sent", self.digits - self._digits_told)
            self._digits_told = self.digits

    def _transmit(self, payload_type: int, timestamp: int, marker: bool, payload: bytes) -> None:
        packet = RtpPacket(payload_type, self._sequence, timestamp, self.ssrc, payload, marker)
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self._send(build_rtp(packet)):
            self.packets += 1
            self.octets += len(payload)
        else:
            self.errors += 1
