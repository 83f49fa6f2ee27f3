"""What a media stream is asked and what it answers: configuration, and the interface both cores implement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Protocol

from microsip_core.sdp.rtcp import NO_FEATURES, RtcpFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .srtp import SrtpKeys
    from .statistics import StreamCounters
    from .tap import Tap

Address = tuple[str, int]
"""A literal IPv4 or IPv6 address and a port."""
Cadence = tuple[Sequence[float], int, int]
"""Frequencies in Hz (up to 4) sounding together, ms on, ms off; 0 ms on means for ever."""

DTMF_DIGITS = "0123456789*#ABCD"
"""Digits of RFC 4733 s3.2, each at the place of its event code."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What Opus can be told; other codecs do not mind."""

    bitrate: int = 0
    """bit/s on average, 0: the codec's choice."""
    playback_rate: int = 0
    """Hz: what the peer can not play above half of it is not sent; 0: everything is."""
    complexity: int = 5
    """0 to 10: effort for quality."""
    expected_loss_percent: int = 0
    redundancy: bool = False
    """Say every frame a second time in the packet after it (in-band FEC)."""
    silence_suppression: bool = False
    """Send nothing while nobody talks (DTX)."""


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """One negotiated RTP payload: encoding ``name`` as in a=rtpmap, and its numbers."""

    name: str
    payload_type: int
    """0 to 127."""
    clock_rate: int = 8000
    """RTP clock in Hz."""
    channels: int = 1
    ptime_ms: int = 20
    """Audio per packet sent: 10, 20, 30, 40, 50 or 60 ms; Opus has no 30 and 50."""
    sample_rate: int = 0
    """Of the audio in Hz where the codec leaves a choice (Opus: 16000 or 48000), 0: the codec's own."""
    encoder: EncoderSettings = EncoderSettings()


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """How a stream is opened; it can not be changed afterwards."""

    local_host: str = "127.0.0.1"
    """Literal address to bind to."""
    port_range: tuple[int, int] | None = None
    """First and last port for RTP (even) and RTCP (the next); None: wherever the system has a free pair."""
    jitter_min_ms: int = 0
    jitter_max_ms: int = 500
    jitter_initial_ms: int = 0
    """Delay to begin with; 0: 40 ms, or one packet's length when the first packets come steadily (native core)."""
    media_timeout_ms: int = 0
    """Report ``media_timeout`` after so long without a valid packet; 0: never."""
    no_rtp_ms: int = 0
    """Report ``no_rtp`` with the likely cause when nothing was heard so long after it was to be; 0: never."""
    dscp: int = 0
    """DiffServ code point (RFC 2474) of what is sent, 0 to 63: 46 is EF, 0 best effort."""
    cname: str = ""
    """RTCP CNAME (RFC 3550 s6.5.1); empty: a random one, as RFC 7022 asks."""


def calls_in(port_range: tuple[int, int]) -> int:
    """Return how many calls a range of ports has room for: each takes an even port and the next."""
    low, high = port_range
    return max(high - low - low % 2 + 1, 0) // 2


def ports_text(port_range: tuple[int, int]) -> str:
    """Return a range of ports in words."""
    calls = calls_in(port_range)
    return f"ports {port_range[0]} to {port_range[1]} (room for {calls} call{'' if calls == 1 else 's'})"


class Stream(Protocol):
    """One RTP session with one peer: sockets, jitter buffer, codec, and the sources and sinks of its audio.

    Every method returns at once; what was asked happens at the stream's next tick. What is sent is the first of: a
    DTMF event, a tone, a playback, what a tap has waiting, echo, silence. After ``close`` every method raises
    ``InvalidState`` but ``close`` and ``statistics``, which keep returning the final figures.
    """

    id: int
    rtp_address: Address
    rtcp_address: Address

    def configure(
        self,
        remote: Address | None,
        remote_rtcp: Address | None,
        send: PayloadFormat | None,
        receive: Mapping[int, PayloadFormat],
        telephone_event: int | None = None,
        telephone_event_receive: Collection[int] = (),
        *,
        sending: bool = True,
        receiving: bool = True,
        srtp: SrtpKeys | None = None,
        telephone_event_clock: int | None = None,
        rtcp: RtcpFeatures = NO_FEATURES,
    ) -> None:
        """Set or change what was negotiated (first answer, re-INVITE).

        ``remote`` is where RTP goes until a valid packet has come from elsewhere; ``remote_rtcp`` None means the next
        port, and does not count where ``rtcp`` says that both share one.
        ``receive`` maps payload types to their formats; ``telephone_event`` is the payload type to send digits
        with, None when the peer takes none. ``telephone_event_receive``
        may map the types to their clock rates, which are 8000 Hz else; ``telephone_event_clock`` is that of the type to
        send with, where it is not the codec's. With ``sending`` off nothing is sent but RTCP
        (hold); with ``receiving``
        off what comes is thrown away. With ``srtp`` nothing goes out in the clear and nothing that is not authentic
        comes in; keys that stay the same go on where they are. Raises ``NotSupported`` where there is no SRTP,
        ``CodecError`` for a format this core does not have, ``InvalidArgument``
        for numbers out of range.
        """
        ...

    def play(
        self, source: str | PathLike[str] | NDArray[np.int16], *, rate: int | None = None, loop: bool = False,
    ) -> int:
        """Send a WAV file, or int16 mono samples at ``rate`` Hz (default: the stream's); return the playback's id.

        Replaces a playback under way. ``playback_finished`` tells the end, with the milliseconds that were played.
        Raises ``FileError`` when the file is missing or is no WAV file that can be read.
        """
        ...

    def play_files(self, paths: Sequence[str | PathLike[str]], *, loop: bool = False) -> int:
        """Send files of any format that PyAV reads, one after the other; return the playback's id, as ``play``.

        They are decoded while they play, on a thread of their own, two seconds ahead. When one of them can not be read
        the playback ends, and ``playback_finished`` has "error: " and the reason in its detail. Raises ``FileError``
        when the first can not be opened, ``NotSupported`` without PyAV and on the reference core.
        """
        ...

    def pause_play(self, playback: int, paused: bool = True) -> None:
        """Send silence instead of a playback until it is resumed. One that has ended is no error.

        Raises ``NotSupported`` on the reference core.
        """
        ...

    def seek_play(self, playback: int, seconds: float) -> None:
        """Go on at a time from the beginning of the clip, or of the file of a list, that is being played.

        Raises ``NotSupported`` on the reference core.
        """
        ...

    def played(self) -> float:
        """Return how many seconds of the playback under way, or of the last one, have been sent."""
        ...

    def stop_play(self) -> None:
        """End the playback under way, if any."""
        ...

    def play_tone(self, cadence: Sequence[Cadence], loop: bool = False) -> int:
        """Send tones, one after the other; return a playback id, as ``play``. At most 8 steps."""
        ...

    def echo(self, on: bool) -> None:
        """Send back what was received, after the jitter buffer."""
        ...

    def record(self, path: str | PathLike[str], *, stereo: bool = True) -> int:
        """Write a file: what is sent left and what is received right, or both mixed; return the recording's id.

        The end of the name says its format: .flac, .opus or .ogg (Opus) and .mp3 are encoded with PyAV on a thread of
        their own, all else is 16-bit WAV, whose header is renewed every second. Replaces a recording under way.
        ``recording_stalled`` tells that nothing could be written for 2 s, so that sound is being lost;
        ``recording_finished`` how much. Raises ``FileError`` when the file can not be made, ``NotSupported`` for
        encoded ones without PyAV and on the reference core.
        """
        ...

    def pause_record(self, recording: int, paused: bool = True) -> None:
        """Leave out what comes until the recording is resumed. One that has ended is no error.

        Raises ``NotSupported`` on the reference core.
        """
        ...

    def stop_record(self) -> None:
        """End the recording under way, if any; ``recording_finished`` comes when the file is complete."""
        ...

    def send_dtmf(self, digits: str, duration_ms: int = 160, gap_ms: int = 80) -> None:
        """Queue digits (``0-9*#A-D``) to be sent as telephone-events (RFC 4733). At most 64 may wait.

        ``duration_ms`` is 40 to 5000, ``gap_ms`` 20 to 5000. Raises ``InvalidState`` when the peer takes no
        telephone-events.
        """
        ...

    def detect_dtmf(self, on: bool) -> None:
        """Listen for digits in the sound received (ITU-T Q.24); ``dtmf_inband`` tells them.

        Raises ``NotSupported`` on the reference core.
        """
        ...

    def listen(self, on: bool, hangover_ms: int = 200) -> None:
        """Listen for speech and beeps: ``speech_started``, ``speech_ended``, ``tone`` and ``beep`` tell.

        Speech ends after ``hangover_ms`` (50 to 10000) without any. Raises ``NotSupported`` on the reference core.
        """
        ...

    def set_mute(self, muted: bool) -> None:
        """Send silence instead of audio; DTMF still goes out."""
        ...

    def set_gain(self, send: float = 1.0, receive: float = 1.0) -> None:
        """Scale what is sent and received: linear factors, 0 to 8."""
        ...

    def bridge(self, other: Stream) -> None:
        """Let this stream and another of the engine hear each other; both leave the bridge or conference they were in.

        What a stream plays itself, or a tap writes, is sent instead while it lasts. Sample rates and ptimes may differ.
        Raises ``NotSupported`` on the reference core.
        """
        ...

    def unbridge(self) -> None:
        """Leave a bridge or conference; the others hear nothing more from here. In none this does nothing."""
        ...

    def open_tap(self, sample_rate: int | None = None) -> Tap:
        """Give the program the stream's audio at ``sample_rate`` Hz (default: the stream's). One tap at a time."""
        ...

    def level(self) -> tuple[float, float]:
        """Return the level of what was last sent and received in dBov (RFC 6465): 0 is full scale, -127 silence."""
        ...

    def statistics(self) -> StreamCounters:
        """Return the counters as of the last tick."""
        ...

    def move(self, local_host: str, port_range: tuple[int, int] | None = None) -> None:
        """Go on from another local address, with new ports as in :class:`StreamConfig`; all else stays as it is.

        ``rtp_address`` and ``rtcp_address`` tell the new ones at once. Raises ``NetworkError`` for an address that is
        not ours and ``Busy`` without a free pair of ports; nothing has changed then.
        """
        ...

    def close(self) -> StreamCounters:
        """Send an RTCP BYE, end playback and recording, free the ports; return the final counters.

        Safe to call twice.
        """
        ...
