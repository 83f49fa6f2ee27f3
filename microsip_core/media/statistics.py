"""Media statistics of a call: the raw counters a core fills, and the frozen figures per direction made from them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypedDict

from .mos import estimate_mos, impairment_of


class StreamCounters(TypedDict, total=False):
    """Raw counters of one stream since it was opened, as ``Stream.statistics()`` gives them. Both cores fill them all.

    Integers throughout; times in microseconds (``_us``), audio in samples of ``sample_rate``. -1 means "not known yet".
    """

    # sending
    ssrc: int  # our SSRC
    packets_sent: int
    octets_sent: int  # payload without RTP header, as in an SR (RFC 3550 s6.4.1)
    send_errors: int  # sendto failed
    dtmf_sent: int  # telephone-events finished
    # receiving: what came
    remote_ssrc: int  # SSRC in force, -1 before the first packet
    packets_received: int  # valid RTP packets of the source in force, duplicates included
    octets_received: int  # their payload
    packets_expected: int  # RFC 3550 A.3, over all SSRCs
    packets_lost: int  # expected - received without duplicates, never below 0
    duplicates: int
    reordered: int  # arrived after a packet with a higher sequence number
    late: int  # arrived, but after its time to be played
    discarded: int  # thrown away for another reason: buffer full, direction not receiving
    invalid: int  # not RTP, or a payload type that was not negotiated
    foreign: int  # from another address than the one the stream is locked to
    ssrc_changes: int
    jitter_us: int  # interarrival jitter (RFC 3550 A.8)
    jitter_max_us: int
    srtp_forged: int  # RTP and RTCP packets that are not authentic: another key, or not the peer's
    srtp_replayed: int  # seen before, or too old to tell
    srtp_errors: int  # no such packet, or libsrtp gave up, in either direction
    dtmf_received: int
    # receiving: what was played
    sample_rate: int
    samples_played: int
    samples_concealed: int  # made up, bridges included; taken back when it turns out that the sender paused
    samples_bridged: int  # made up with the packet after the gap at hand
    samples_recovered: int  # said a second time by the packet after them (FEC); not among those made up
    samples_inserted: int  # by stretching time
    samples_removed: int  # by compressing time
    buffer_us: int  # audio waiting now, in ms of playing time
    buffer_mean_us: int
    buffer_max_us: int
    buffer_target_us: int
    buffer_delay_us: int  # present delay above that of the quickest packets
    resets: int  # new SSRC, or a jump in sequence number or timestamp
    bursts: int  # of loss, RFC 3611 s4.7.2 with a gap threshold of 16; these six -1 when the core does not count them
    burst_packets: int  # packets sent during bursts,
    burst_lost: int  # and those of them that were not played
    gap_packets: int  # packets sent outside of bursts,
    gap_lost: int  # and those of them that were not played
    loss_runs: int  # of packets lost one after the other
    clock_skew_ppm: int  # how much faster the sender's clock runs than ours,
    clock_skew_known: bool  # once some seconds have been heard
    # RTCP
    rtcp_sent: int
    rtcp_received: int
    rtcp_invalid: int
    round_trip_us: int  # RFC 3550 s6.4.1 from LSR and DLSR; -1 before the first report block
    round_trip_max_us: int
    remote_packets_lost: int  # cumulative, from the last report block; -1 before
    remote_fraction_lost: int  # 0 to 255, from the last report block; -1 before
    remote_jitter_us: int  # -1 before
    # what the peer's VoIP metrics say of our stream (RFC 3611 s4.7); -1 where it does not tell
    remote_xr_loss: int  # 1/256
    remote_xr_discard: int  # 1/256
    remote_xr_burst_density: int  # 1/256
    remote_xr_gap_density: int  # 1/256
    remote_xr_burst_ms: int
    remote_xr_gap_ms: int
    remote_xr_delay_ms: int  # in its buffer and devices
    remote_xr_r_factor: int
    remote_xr_mos_lq: int  # times 10
    remote_xr_mos_cq: int  # times 10
    # ticks
    ticks: int  # frames, sent or not
    ticks_late: int  # frames of this stream sent more than 5 ms after their time
    ticks_skipped: int  # frames never sent because the thread was too late


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """One direction of one stream. Fields that make no sense in a direction, or are not known, are ``None``."""

    direction: str  # "send" or "receive"
    codec: str  # RTP encoding name, "" when nothing was negotiated
    payload_type: int | None
    clock_rate: int  # Hz
    ptime_ms: int | None
    ssrc: int | None
    local: str  # "host:port"
    remote: str  # "host:port", "" when there is none
    packets: int
    octets: int  # payload only
    lost: int  # sending: as the peer reported it
    loss_percent: float
    jitter_ms: float | None
    rtt_ms: float | None
    mos: float | None  # estimated by the E-model from loss, concealment and delay
    late: int | None = None
    duplicates: int | None = None
    reordered: int | None = None
    invalid: int | None = None
    discarded: int | None = None
    concealed_ms: float | None = None
    bridged_ms: float | None = None  # of the concealed: with both sides of the gap known
    inserted_ms: float | None = None  # by stretching time, pauses included
    removed_ms: float | None = None
    bursts: int | None = None  # RFC 3611 s4.7.2, gap threshold 16; these three None when the core does not tell
    burst_loss_percent: float | None = None  # of the packets sent during bursts
    gap_loss_percent: float | None = None  # and of those between them
    clock_skew_ppm: float | None = None  # how much faster the sender's clock runs than ours
    buffer_delay_ms: float | None = None  # above the quickest packets
    buffer_ms: float | None = None
    buffer_mean_ms: float | None = None
    buffer_target_ms: float | None = None
    srtp: str | None = None  # the suite
    srtp_forged: int | None = None
    srtp_replayed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict for JSON; units are in the names (ms, percent), the rest are counts."""
        return {name: _rounded(getattr(self, name)) for name in _DIRECTION_FIELDS}

    def summary(self) -> str:
        """Return one line for a terminal."""
        optional = (
            ("jitter", self.jitter_ms, ".1f", " ms"),
            ("rtt", self.rtt_ms, ".1f", " ms"),
            ("buffer", self.buffer_mean_ms, ".0f", " ms"),
            ("concealed", self.concealed_ms, ".0f", " ms"),
            ("MOS", self.mos, ".2f", ""),
        )
        parts = [
            f"{self.direction} {self.codec or 'no codec'}",
            f"{self.packets} packets",
            f"lost {self.lost} ({self.loss_percent:.1f} %)",
        ]
        if self.srtp is not None:
            parts.insert(1, self.srtp)
        if self.srtp_forged:
            parts.append(f"{self.srtp_forged} packets not authentic")
        parts += [f"{label} {value:{form}}{unit}" for label, value, form, unit in optional if value is not None]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """Both directions of a call's audio."""

    codec: str
    send: MediaStatistics
    receive: MediaStatistics

    @property
    def mos(self) -> float | None:
        """Return the worse of the two directions' MOS, or ``None`` when neither is known."""
        return min((m for m in (self.send.mos, self.receive.mos) if m is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "codec": self.codec,
            "mos": _rounded(self.mos),
            "send": self.send.to_dict(),
            "receive": self.receive.to_dict(),
        }

    def summary(self) -> str:
        """Return two lines for a terminal, one per direction."""
        return f"{self.send.summary()}\n{self.receive.summary()}"


_DIRECTION_FIELDS = tuple(field.name for field in dataclasses.fields(MediaStatistics))


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What was negotiated for a stream: the part of its statistics that the counters do not hold."""

    codec: str = ""
    clock_rate: int = 8000  # Hz
    payload_type: int | None = None  # sent
    receive_payload_type: int | None = None
    ptime_ms: int = 20  # sent
    local: str = ""
    remote: str = ""
    srtp: str | None = None  # suite


def call_statistics(counters: StreamCounters, description: StreamDescription) -> CallStatistics:
    """Turn a stream's raw counters into the figures of a call."""
    rtt = _ms(counters.get("round_trip_us", -1))
    return CallStatistics(
        codec=description.codec,
        send=_send_statistics(counters, description, rtt),
        receive=_receive_statistics(counters, description, rtt),
    )


def _send_statistics(counters: StreamCounters, description: StreamDescription, rtt: float | None) -> MediaStatistics:
    packets = counters.get("packets_sent", 0)
    lost = counters.get("remote_packets_lost", -1)
    loss = _percent(max(lost, 0), packets)
    mos = None
    if lost >= 0 and packets and description.codec:
        # The peer's buffer is unknown: two frames of it are assumed.
        delay = (rtt or 0.0) / 2 + 3 * description.ptime_ms + impairment_of(description.codec).lookahead_ms
        mos = estimate_mos(description.codec, loss, delay)
    return MediaStatistics(
        direction="send",
        codec=description.codec,
        payload_type=description.payload_type,
        clock_rate=description.clock_rate,
        ptime_ms=description.ptime_ms,
        ssrc=_known(counters.get("ssrc", -1)),
        local=description.local,
        remote=description.remote,
        packets=packets,
        octets=counters.get("octets_sent", 0),
        lost=max(lost, 0),
        loss_percent=loss,
        jitter_ms=_ms(counters.get("remote_jitter_us", -1)),
        rtt_ms=rtt,
        mos=mos,
        srtp=description.srtp,
    )


def _receive_statistics(counters: StreamCounters, description: StreamDescription, rtt: float | None) -> MediaStatistics:
    packets = counters.get("packets_received", 0)
    duplicates = counters.get("duplicates", 0)
    expected = max(counters.get("packets_expected", 0), packets - duplicates)
    lost = counters.get("packets_lost", 0)
    late = counters.get("late", 0)
    buffer_mean = _ms(counters.get("buffer_mean_us", -1))
    patterned = counters.get("bursts", -1) >= 0
    mos = None
    if packets and description.codec:
        lookahead = impairment_of(description.codec).lookahead_ms
        delay = (rtt or 0.0) / 2 + (buffer_mean or 0.0) + description.ptime_ms + lookahead
        # The reference core also counts the time of digits, sent in place of audio, as concealed.
        concealed = counters.get("samples_concealed", 0) if patterned else 0
        missing = max(_percent(lost + late, expected), _percent(concealed, counters.get("samples_played", 0)))
        mos = estimate_mos(description.codec, missing, delay, _burst_ratio(counters))
    return MediaStatistics(
        direction="receive",
        codec=description.codec,
        payload_type=description.receive_payload_type,
        clock_rate=description.clock_rate,
        ptime_ms=None,
        ssrc=_known(counters.get("remote_ssrc", -1)),
        local=description.local,
        remote=description.remote,
        packets=packets,
        octets=counters.get("octets_received", 0),
        lost=lost,
        loss_percent=_percent(lost, expected),
        jitter_ms=_ms(counters.get("jitter_us", -1)) if packets else None,
        rtt_ms=rtt,
        mos=mos,
        late=late,
        duplicates=duplicates,
        reordered=counters.get("reordered", 0),
        invalid=counters.get("invalid", 0),
        discarded=counters.get("discarded", 0),
        concealed_ms=_sound_ms(counters, counters.get("samples_concealed", 0)),
        bridged_ms=_sound_ms(counters, counters.get("samples_bridged", 0)),
        inserted_ms=_sound_ms(counters, counters.get("samples_inserted", 0)),
        removed_ms=_sound_ms(counters, counters.get("samples_removed", 0)),
        bursts=counters["bursts"] if patterned else None,
        burst_loss_percent=_percent(counters["burst_lost"], counters["burst_packets"]) if patterned else None,
        gap_loss_percent=_percent(counters["gap_lost"], counters["gap_packets"]) if patterned else None,
        clock_skew_ppm=float(counters["clock_skew_ppm"]) if counters.get("clock_skew_known") else None,
        buffer_delay_ms=_ms(counters.get("buffer_delay_us", -1)),
        buffer_ms=_ms(counters.get("buffer_us", -1)),
        buffer_mean_ms=buffer_mean,
        buffer_target_ms=_ms(counters.get("buffer_target_us", -1)),
        srtp=description.srtp,
        srtp_forged=counters.get("srtp_forged", 0) if description.srtp else None,
        srtp_replayed=counters.get("srtp_replayed", 0) if description.srtp else None,
    )


def _burst_ratio(counters: StreamCounters) -> float:
    """Return BurstR of G.107 s7.5: mean length of runs of lost packets, over that of random loss of the same share."""
    runs = counters.get("loss_runs", -1)
    lost = counters.get("burst_lost", 0) + counters.get("gap_lost", 0)
    packets = counters.get("burst_packets", 0) + counters.get("gap_packets", 0)
    return lost / runs * (1.0 - lost / packets) if runs > 0 and packets > 0 else 1.0


def _sound_ms(counters: StreamCounters, samples: int) -> float:
    return samples * 1000.0 / (counters.get("sample_rate", 0) or 8000)


def _known(value: int) -> int | None:
    return value if value >= 0 else None


def _ms(microseconds: int) -> float | None:
    return microseconds / 1000.0 if microseconds >= 0 else None


def _percent(part: int, whole: int) -> float:
    return min(100.0 * part / whole, 100.0) if whole > 0 else 0.0


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
