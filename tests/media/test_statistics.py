"""From raw counters to the figures of a call."""

from __future__ import annotations

import dataclasses
import json

import pytest

from microsip_core.media.statistics import MediaStatistics, StreamCounters, StreamDescription, call_statistics

DESCRIPTION = StreamDescription("PCMU", 8000, 0, 0, 20, "192.0.2.1:4000", "192.0.2.2:5000")
COUNTERS: StreamCounters = {
    "ssrc": 11, "packets_sent": 1000, "octets_sent": 160_000, "remote_ssrc": 22, "packets_received": 960,
    "octets_received": 153_600, "packets_expected": 1000, "packets_lost": 50, "duplicates": 10, "reordered": 3,
    "late": 5, "invalid": 2, "jitter_us": 2500, "sample_rate": 8000, "samples_concealed": 8000, "buffer_us": 40_000,
    "buffer_mean_us": 45_000, "buffer_target_us": 50_000, "round_trip_us": 30_000, "remote_packets_lost": 20,
    "remote_fraction_lost": 5, "remote_jitter_us": 1500,
}


def test_figures() -> None:
    statistics = call_statistics(COUNTERS, DESCRIPTION)
    send, receive = statistics.send, statistics.receive
    assert statistics.codec == "PCMU"
    assert (send.direction, receive.direction) == ("send", "receive")
    assert (send.packets, send.octets, send.ssrc, send.lost) == (1000, 160_000, 11, 20)
    assert (send.loss_percent, send.jitter_ms, send.rtt_ms) == (2.0, 1.5, 30.0)
    assert (receive.packets, receive.lost, receive.loss_percent, receive.ssrc) == (960, 50, 5.0, 22)
    assert (receive.jitter_ms, receive.late, receive.duplicates, receive.reordered) == (2.5, 5, 10, 3)
    assert (receive.concealed_ms, receive.buffer_ms, receive.buffer_mean_ms) == (1000.0, 40.0, 45.0)
    assert receive.buffer_target_ms == 50.0
    assert send.mos is not None
    assert receive.mos is not None
    assert 3.5 < receive.mos < send.mos < 4.4
    assert statistics.mos == receive.mos


def test_nothing_yet() -> None:
    statistics = call_statistics({}, StreamDescription())
    assert statistics.mos is None
    assert statistics.send.ssrc is statistics.receive.ssrc is None
    assert statistics.send.rtt_ms is statistics.receive.jitter_ms is None
    assert statistics.receive.loss_percent == 0.0
    assert "no codec" in statistics.summary()
    json.dumps(statistics.to_dict())


def test_unknown_is_none() -> None:
    unknown: StreamCounters = {
        **COUNTERS, "round_trip_us": -1, "remote_packets_lost": -1, "remote_jitter_us": -1, "buffer_mean_us": -1,
    }
    send = call_statistics(unknown, DESCRIPTION).send
    assert send.rtt_ms is send.jitter_ms is send.mos is None
    assert send.lost == 0


def test_json() -> None:
    told = json.loads(json.dumps(call_statistics(COUNTERS, DESCRIPTION).to_dict()))
    assert set(told) == {"codec", "mos", "send", "receive"}
    assert set(told["send"]) == {field.name for field in dataclasses.fields(MediaStatistics)}
    assert told["receive"]["jitter_ms"] == 2.5
    assert told["receive"]["mos"] == round(told["receive"]["mos"], 3)


def test_summary_is_a_line_per_direction() -> None:
    lines = call_statistics(COUNTERS, DESCRIPTION).summary().split("\n")
    assert lines[0].startswith("send PCMU, 1000 packets, lost 20 (2.0 %), jitter 1.5 ms, rtt 30.0 ms, MOS 4.")
    assert lines[1].startswith("receive PCMU, 960 packets, lost 50 (5.0 %), jitter 2.5 ms, rtt 30.0 ms, buffer 45 ms")


def test_frozen() -> None:
    statistics = call_statistics(COUNTERS, DESCRIPTION)
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics.codec = "PCMA"  # type: ignore[misc]
