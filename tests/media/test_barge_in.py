"""What is still sent after a program has cleared its tap: at most 60 ms, counted in packets on the wire."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest
from media_room import Room

from microsip_core.media.engine import create_engine, native_available
from microsip_core.media.stream import PayloadFormat

pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built")
SILENT = frozenset(b"\xff\x7f")  # mu-law zeros


def loud_packets(wire: socket.socket) -> int:
    """How many RTP packets with sound wait in the socket."""
    loud = 0
    while True:
        try:
            packet = wire.recv(2048)
        except BlockingIOError:
            return loud
        loud += not set(packet[12:]) <= SILENT


@pytest.mark.parametrize("ptime_ms", [10, 20, 60])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_clear_leaves_at_most_60_ms_on_the_wire(ptime_ms: int, rate: int) -> None:
    engine = create_engine("native")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.setblocking(False)
        stream = Room(engine).open()
        stream.configure(wire.getsockname(), None, PayloadFormat("PCMU", 0, ptime_ms=ptime_ms), {})
        tap = stream.open_tap(rate)
        tap.write((8000 * np.sin(np.arange(rate) * 0.3)).astype(np.int16))
        deadline = time.monotonic() + 5
        while loud_packets(wire) == 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert tap.clear() > rate // 2
        loud_packets(wire)  # what was sent before
        sent = stream.statistics()["packets_sent"]
        while stream.statistics()["packets_sent"] < sent + 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert loud_packets(wire) * ptime_ms <= 60
        assert tap.unplayed == 0
    engine.close()
