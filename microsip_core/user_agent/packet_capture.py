"""Hands the RTP and RTCP packets of calls to the trace sinks that want them, for capture files."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from microsip_core.user_agent.log import LOG

if TYPE_CHECKING:
    from microsip_core.media.stream import Stream

_POLL_SECONDS = 0.1
_ROOM = 1 << 20  # octets of packets not yet read, for each call: a second of the widest codec
_MOST = 10_000  # packets taken at a time


@runtime_checkable
class PacketSink(Protocol):
    """A trace sink that takes media packets too."""

    wants_rtp: bool

    def packet(
        self, time: float, source: tuple[str, int], destination: tuple[str, int], data: bytes, *, outgoing: bool,
        comment: str = "",
    ) -> None:
        """Take one datagram as it was on the wire; ``time`` in seconds since the epoch."""


class PacketLog(Protocol):
    """The packets of one stream, see ms_packet_log."""

    def read(self, most: int) -> list[tuple[int, bool, tuple[bytes, int], tuple[bytes, int], bytes]]:
        """Take the oldest."""

    def dropped(self) -> int:
        """How many found no room."""

    def close(self) -> None:
        """Detach from the stream."""


class PacketCapture:
    """The media packets of all calls of one user agent, ten times a second."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sinks: Sequence[object]) -> None:
        self._loop = loop
        self._sinks = [sink for sink in sinks if isinstance(sink, PacketSink) and sink.wants_rtp]
        self._logs: dict[int, PacketLog] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._told = False

    def watch(self, stream: Stream) -> None:
        """Take the packets of a stream from now on, where anybody wants them."""
        if not self._sinks or stream.id in self._logs:
            return
        opener = getattr(stream, "open_packet_log", None)
        if opener is None:
            if not self._told:
                LOG.warning("RTP is not captured: this media core can not; the native one can")
            self._told = True
            return
        self._logs[stream.id] = opener(_ROOM)
        if self._timer is None:
            self._timer = self._loop.call_later(_POLL_SECONDS, self._poll)

    def forget(self, stream_id: int) -> None:
        """The stream is closed: take what is left."""
        log = self._logs.pop(stream_id, None)
        if log is None:
            return
        self._take(log)
        if log.dropped():
            LOG.warning("%d RTP packets are missing in the capture: it was not written fast enough", log.dropped())
        log.close()

    def _poll(self) -> None:
        for log in self._logs.values():
            self._take(log)
        self._timer = self._loop.call_later(_POLL_SECONDS, self._poll) if self._logs else None

    def _take(self, log: PacketLog) -> None:
        for nanoseconds, outgoing, local, remote, data in log.read(_MOST):
            ends = [(str(ipaddress.ip_address(host)), port) for host, port in (local, remote)]
            source, destination = ends if outgoing else reversed(ends)
            for sink in self._sinks:
                sink.packet(nanoseconds / 1e9, source, destination, data, outgoing=outgoing)

    def close(self) -> None:
        """Stop, the packets of streams still open taken."""
        for stream_id in list(self._logs):
            self.forget(stream_id)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
