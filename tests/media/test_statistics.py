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


NATIVE: StreamCounters = {
    **COUNTERS, "samples_played": 160_000, "samples_bridged": 4000, "samples_inserted": 800, "samples_removed": 400,
    "discarded": 4, "bursts": 3, "burst_packets": 60, "burst_lost": 30, "gap_packets": 940, "gap_lost": 20,
    "loss_runs": 25, "clock_skew_ppm": -42, "clock_skew_known": True, "buffer_delay_us": 41_000,
}


def test_what_the_native_core_adds() -> None:
    receive = call_statistics(NATIVE, DESCRIPTION).receive
    assert (receive.bursts, receive.burst_loss_percent, receive.clock_skew_ppm) == (3, 50.0, -42.0)
    assert receive.gap_loss_percent == pytest.approx(2.13, abs=0.01)
    assert (receive.bridged_ms, receive.inserted_ms, receive.removed_ms) == (500.0, 100.0, 50.0)
    assert (receive.discarded, receive.buffer_delay_ms) == (4, 41.0)
    plain = call_statistics(COUNTERS, DESCRIPTION).receive
    assert plain.bursts is plain.burst_loss_percent is plain.gap_loss_percent is plain.clock_skew_ppm is None


def _receive_mos(**changes: int) -> float:
    quiet: StreamCounters = {**NATIVE, "packets_lost": 0, "late": 0, "samples_concealed": 0, "loss_runs": 0}
    mos = call_statistics({**quiet, **changes}, DESCRIPTION).receive.mos  # type: ignore[typeddict-item]
    assert mos is not None
    return mos


def test_mos_hears_silence_of_the_peer_bursts_and_delay() -> None:
    assert _receive_mos() > 4.35
    assert _receive_mos(samples_concealed=80_000) < 2.0  # half of the call, though no packet is missing
    scattered, in_bursts = _receive_mos(packets_lost=50, loss_runs=50), _receive_mos(packets_lost=50, loss_runs=20)
    assert in_bursts < scattered < 4.0
    assert _receive_mos(buffer_mean_us=400_000) < 3.8


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
