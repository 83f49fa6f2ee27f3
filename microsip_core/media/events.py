"""What a media engine reports by itself: one frozen record per event, taken with ``MediaEngine.poll_events``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MediaEventKind = Literal[
    "first_rtp", "dtmf", "media_timeout", "media_resumed", "rtcp_bye", "ssrc_change",
    "playback_finished", "recording_finished", "dtmf_sent", "error", "no_rtp", "overload", "dtmf_inband",
    "recording_stalled", "speech_started", "speech_ended", "tone", "beep",
]


@dataclass(frozen=True, slots=True)
class MediaEvent:
    """One thing that happened on a stream.

    ===================  ==============================  ======================================  =====================
    kind                 value                           detail                                  reference
    ===================  ==============================  ======================================  =====================
    first_rtp            payload type                    where it came from, "host:port"         0
    dtmf                 duration in ms (RFC 4733)       the digit: 0-9, ``*``, ``#``, A-D        0
    dtmf_inband          duration in ms, of the sound    the digit                               0
    dtmf_sent            how many digits went out        ""                                      0
    media_timeout        ms without a valid packet       "" (or "never" when none ever came)     0
    media_resumed        ms without a valid packet       ""                                      0
    rtcp_bye             SSRC that left                  ""                                      0
    ssrc_change          the new SSRC                    ""                                      0
    playback_finished    ms played                       finished, stopped, replaced, error: why  the playback's id
    recording_finished   ms recorded                     "" or what went wrong with the file     the recording's id
    recording_stalled    ms that nothing was written     ""                                      the recording's id
    speech_started       ms since it began               ""                                      0
    speech_ended         ms it lasted                    ""                                      ms since its end
    tone                 ms since it began               its frequency in Hz; it may be a beep    0
    beep                 ms it lasted                    its frequency in Hz                     ms since its end
    error                errno or 0                      one line                                0
    no_rtp               ms since it was due             what came instead, see ``media.trouble``  0
    overload             frames skipped in a second      one line; of no stream, ``stream_id`` 0  0
    ===================  ==============================  ======================================  =====================
    """

    kind: MediaEventKind
    stream_id: int
    value: int
    detail: str
    time: float
    """When it happened, in seconds of ``time.monotonic``."""
    reference: int = 0
