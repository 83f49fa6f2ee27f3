"""The part of a reference stream that the engine's thread runs: sockets, frames, reports, counters."""

from __future__ import annotations

import contextlib
import math
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from microsip_core.errors import InvalidArgument
from microsip_core.media.stream import Address, StreamConfig

from .jitter_buffer import JitterBuffer
from .peer import Peer
from .ports import open_port_pair
from .receiver import Emit, StreamReceiver
from .recording import Recording
from .reports import Reports
from .rtcp import SenderInfo, is_rtcp, ntp_time, parse_rtcp
from .seal import StreamSeal
from .sender import StreamSender

if TYPE_CHECKING:
    from microsip_core.media.statistics import StreamCounters

RATE = 8000  # Hz, of all audio here
_LATE = 0.005  # seconds
_TOO_LATE = 0.2  # seconds behind after which frames are skipped and not sent in a burst
_LARGEST_DATAGRAM = 2048
_BATCH = 64  # datagrams read at once
_SILENCE_DBOV = -127.0


class StreamCore:
    """Owned by the engine's thread, which holds the engine's lock; commands take the same lock."""

    def __init__(self, stream_id: int, config: StreamConfig, lock: threading.RLock, emit: Emit) -> None:
        """Open the ports; raises :class:`NetworkError` or :class:`Busy`."""
        if not 0 <= config.dscp <= 63:
            raise InvalidArgument(f"DSCP {config.dscp}", step="open media ports", remedy="Use 0 to 63")
        self.id = stream_id
        self.closed = False
        self.due: float | None = None  # of the next frame; None before the stream is configured
        self.rtp_socket, self.rtcp_socket = open_port_pair(config.local_host, config.port_range)
        self.rtp_address: Address = self.rtp_socket.getsockname()[:2]
        self.rtcp_address: Address = self.rtcp_socket.getsockname()[:2]
        self._lock = lock
        self._emit = emit
        self._peer = Peer()
        self._buffer = JitterBuffer(RATE, config.jitter_min_ms, config.jitter_max_ms, config.jitter_initial_ms)
        self._receiver = StreamReceiver(
            self._peer, self._buffer, config.media_timeout_ms / 1000, emit, config.no_rtp_ms / 1000, self._instead,
        )
        _mark(self.rtp_socket, self.rtcp_socket, dscp=config.dscp)
        self._sender = StreamSender(self._send_rtp, emit)
        self._reports = Reports(self._sender.ssrc, config.cname or secrets.token_urlsafe(12))
        self._seal: StreamSeal | None = None
        self._forged = self._replayed = self._srtp_errors = 0
        self._recording: Recording | None = None
        self._receive_gain = 1.0
        self._ticks = self._late = self._skipped = 0
        self._levels = (_SILENCE_DBOV, _SILENCE_DBOV)

    @property
    def frames(self) -> tuple[int, int, int]:
        """Frames due so far, those of them that were late, and those that were skipped."""
        return self._ticks, self._late, self._skipped

    def read_rtp(self, now: float) -> None:
        """Take the datagrams that wait at the RTP port."""
        for data, address in _datagrams(self.rtp_socket):
            if self._reports.options.mux and is_rtcp(data):
                self._take_rtcp(data, address, now)
                continue
            plain = data if self._seal is None else self._open_packet(self._seal, data, False)
            if plain is not None:
                self._receiver.packet(plain, address, now, authentic=self._seal is not None)

    def read_rtcp(self, now: float) -> None:
        """Take the datagrams that wait at the RTCP port."""
        for data, address in _datagrams(self.rtcp_socket):
            if not self._reports.options.mux:
                self._take_rtcp(data, address, now)

    def _take_rtcp(self, data: bytes, address: Address, now: float) -> None:
        options = self._reports.options
        plain = data if self._seal is None else self._open_packet(self._seal, data, True)
        news = parse_rtcp(plain, reduced_size=options.reduced_size) if plain is not None else None
        if news is None or not self._peer.accept_rtcp(address, muxed=options.mux):
            self._reports.invalid += 1
        else:
            self._reports.take(news, now, lambda ssrc: self._emit("rtcp_bye", ssrc))

    def tick(self, now: float) -> None:
        """Do the frames that are due, and the report if one is."""
        while self.due is not None and now >= self.due:
            length = self._sender.form.ptime_ms * 8 if self._sender.form is not None else 160
            self._ticks += 1
            if now - self.due > _TOO_LATE:
                self._skipped += 1
                self._sender.skip(length)
            else:
                self._late += now - self.due > _LATE
                self._frame(length, now)
            self.due += length / RATE
        if self._reports.due is not None and now >= self._reports.due:
            self._send_report(now)

    def _frame(self, count: int, now: float) -> None:
        received = self._receiver.frame(count, now)
        if self._receive_gain != 1.0:
            received = np.clip(received * self._receive_gain, -32768, 32767).astype(np.int16)
        tap = self._sender.tap
        if tap is not None:
            if tap.closed:
                self._sender.tap = None
            else:
                tap.hear(received)
        sent = self._sender.frame(received)
        if self._recording is not None and not self._recording.put(sent, received):
            self._recording = None
        self._levels = (_level(sent), _level(received))

    def _instead(self) -> str:
        """Say what came instead of RTP that could be played."""
        if self._forged:
            return "not_authentic"
        if self._receiver.stray_type is not None:
            return f"payload_type {self._receiver.stray_type}"
        if self._receiver.invalid:
            return "not_rtp"
        return "rtcp_only" if self._reports.received else "nothing"

    def _end_recording(self) -> None:
        if self._recording is not None:
            self._recording.end()
            self._recording = None

    def _send_rtp(self, data: bytes) -> bool:
        # Without an address nothing can go out; that is no error of the network.
        if self._peer.rtp is None:
            return False
        sealed = data if self._seal is None else self._close_packet(self._seal, data, False)
        return sealed is not None and _send(self.rtp_socket, sealed, self._peer.rtp)

    def _use_srtp(self, seal: StreamSeal | None) -> None:
        """Go on with the sessions whose keys stay, so that no packet number is used twice with one key."""
        if seal is not None and self._seal is not None:
            seal.take_over(self._seal)
        self._seal = seal

    def _open_packet(self, seal: StreamSeal, data: bytes, rtcp: bool) -> bytes | None:
        plain, verdict = seal.open(data, rtcp)
        self._forged += verdict == "forged"
        self._replayed += verdict == "replayed"
        self._srtp_errors += verdict == "failed"
        return plain

    def _close_packet(self, seal: StreamSeal, data: bytes, rtcp: bool) -> bytes | None:
        sealed = seal.close(data, rtcp)
        self._srtp_errors += sealed is None
        return sealed

    def _send_report(self, now: float, bye: bool = False) -> None:
        sender, source = self._sender, self._receiver.source
        info = None
        if sender.packets:
            info = SenderInfo(
                ntp_time(time.time()), sender.timestamp, sender.packets & 0xFFFFFFFF, sender.octets & 0xFFFFFFFF,
            )
        report = self._reports.build(info, source, RATE, now, bye)
        mux = self._reports.options.mux
        to = self._peer.rtp if mux else self._peer.rtcp
        if to is None:
            return
        sealed = report if self._seal is None else self._close_packet(self._seal, report, True)
        if sealed is None or not _send(self.rtp_socket if mux else self.rtcp_socket, sealed, to):
            sender.errors += 1

    def _counters(self) -> StreamCounters:
        sender, receiver, reports, buffer = self._sender, self._receiver, self._reports, self._buffer
        source, remote = receiver.source, reports.remote
        played = buffer.depth_count > 0
        return {
            "ssrc": sender.ssrc,
            "packets_sent": sender.packets,
            "octets_sent": sender.octets,
            "send_errors": sender.errors,
            "dtmf_sent": sender.digits,
            "remote_ssrc": -1 if source.ssrc is None else source.ssrc,
            "packets_received": source.packets,
            "octets_received": source.octets,
            "packets_expected": source.expected,
            "packets_lost": source.lost,
            "duplicates": source.duplicates,
            "reordered": source.reordered,
            "late": buffer.late,
            "discarded": receiver.discarded + buffer.discarded,
            "invalid": receiver.invalid,
            "foreign": receiver.foreign,
            "ssrc_changes": source.ssrc_changes,
            "jitter_us": int(source.jitter * 1e6),
            "jitter_max_us": int(source.jitter_max * 1e6),
            "srtp_forged": self._forged,
            "srtp_replayed": self._replayed,
            "srtp_errors": self._srtp_errors,
            "dtmf_received": receiver.digits,
            "sample_rate": RATE,
            "samples_played": buffer.played,
            "samples_concealed": buffer.concealed,
            "samples_bridged": 0,
            "samples_recovered": 0,
            "samples_inserted": buffer.inserted,
            "samples_removed": buffer.removed,
            "buffer_us": buffer.depth * 125,
            "buffer_mean_us": buffer.depth_sum * 125 // buffer.depth_count if played else -1,
            "buffer_max_us": buffer.depth_max * 125 if played else -1,
            "buffer_target_us": buffer.target * 125,
            "buffer_delay_us": buffer.depth * 125 if played else -1,
            "resets": source.ssrc_changes,
            "bursts": -1,
            "burst_packets": -1,
            "burst_lost": -1,
            "gap_packets": -1,
            "gap_lost": -1,
            "loss_runs": -1,
            "clock_skew_ppm": 0,
            "clock_skew_known": False,
            "rtcp_sent": reports.sent,
            "rtcp_received": reports.received,
            "rtcp_invalid": reports.invalid,
            "round_trip_us": int(reports.round_trip * 1e6) if reports.round_trip >= 0 else -1,
            "round_trip_max_us": int(reports.round_trip_max * 1e6) if reports.round_trip_max >= 0 else -1,
            "remote_packets_lost": -1 if remote is None else max(remote.cumulative_lost, 0),
            "remote_fraction_lost": -1 if remote is None else remote.fraction_lost,
            "remote_jitter_us": -1 if remote is None else remote.jitter * 125,
            # VoIP metrics are the native core's: this one neither sends nor reads them
            "remote_xr_loss": -1,
            "remote_xr_discard": -1,
            "remote_xr_burst_density": -1,
            "remote_xr_gap_density": -1,
            "remote_xr_burst_ms": -1,
            "remote_xr_gap_ms": -1,
            "remote_xr_delay_ms": -1,
            "remote_xr_r_factor": -1,
            "remote_xr_mos_lq": -1,
            "remote_xr_mos_cq": -1,
            "ticks": self._ticks,
            "ticks_late": self._late,
            "ticks_skipped": self._skipped,
        }


def _datagrams(source: socket.socket) -> list[tuple[bytes, Address]]:
    received: list[tuple[bytes, Address]] = []
    while len(received) < _BATCH:
        try:
            data, address = source.recvfrom(_LARGEST_DATAGRAM)
        except BlockingIOError:
            break
        except ConnectionError:
            continue  # an ICMP error for what we sent; the next datagram is not affected
        received.append((data, (address[0], address[1])))
    return received


def _send(sender: socket.socket, data: bytes, address: Address) -> bool:
    try:
        sender.sendto(data, address)
    except OSError:
        return False  # counted by the caller: a peer or route that has gone must not end the stream
    return True


def _mark(*sockets: socket.socket, dscp: int) -> None:
    """Mark what is sent with a DiffServ code point, the upper six bits of the octet (RFC 2474)."""
    for opened in sockets if dscp else ():
        ipv6 = opened.family == socket.AF_INET6
        level, option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if ipv6 else (socket.IPPROTO_IP, socket.IP_TOS)
        with contextlib.suppress(OSError):  # where the system refuses, it goes out unmarked
            opened.setsockopt(level, option, dscp << 2)


def _level(frame: NDArray[np.int16]) -> float:
    """Return the level in dBov (RFC 6465): 0 for a full-scale square wave."""
    power = float(np.mean(frame.astype(np.float64) ** 2)) / 32768.0**2
    return max(10.0 * math.log10(power), _SILENCE_DBOV) if power > 0.0 else _SILENCE_DBOV
