"""Tables line up, carry units, and show a dash for what is not known."""

from __future__ import annotations

from microsip_core.diagnosis.tables import format_table, media_table
from microsip_core.media.statistics import StreamDescription, call_statistics

COUNTERS = {
    "packets_sent": 1303, "octets_sent": 208480, "remote_packets_lost": 3, "remote_jitter_us": 900,
    "packets_received": 1300, "packets_expected": 1302, "packets_lost": 2, "jitter_us": 214, "sample_rate": 8000,
    "samples_concealed": 320,
    "buffer_mean_us": 38200, "round_trip_us": 410,
}


def test_table_aligns_names_left_and_numbers_right() -> None:
    assert format_table(["", "a"], [["one", "1"], ["eleven", "11"]]) == (
        "         a\n──────────\none      1\neleven  11\n"
    )
    assert format_table(["", "a"], [["one", "1"]], ascii_only=True).isascii()


def test_media_table_of_one_side_uses_the_peers_reports_for_what_it_sent() -> None:
    statistics = call_statistics(COUNTERS, StreamDescription(codec="PCMU", payload_type=0)).to_dict()
    text = media_table({"sent": (statistics["send"], {}), "received": ({}, statistics["receive"])})
    rows = {line[:20].strip(): line[20:].split("  ") for line in text.splitlines()[2:]}
    assert "1,303" in text
    assert [cell.strip() for cell in rows["packets received"] if cell.strip()] == ["–", "1,300"]
    assert [cell.strip() for cell in rows["lost"] if cell.strip()] == ["3", "2"]
    assert [cell.strip() for cell in rows["network jitter"] if cell.strip()] == ["0.90 ms", "0.21 ms"]
    assert [cell.strip() for cell in rows["buffer delay, mean"] if cell.strip()] == ["–", "38.2 ms"]


def test_loss_that_no_report_told_is_not_shown_as_none() -> None:
    statistics = call_statistics({"packets_sent": 5}, StreamDescription(codec="PCMU")).to_dict()
    text = media_table({"sent": (statistics["send"], {})})
    assert "loss" not in text
    assert "packets sent" in text


def test_extra_rows() -> None:
    text = media_table({"a": ({"packets": 1}, {}), "b": ({"packets": 2}, {})}, extra={"PESQ-NB": ["4.31", "4.29"]})
    assert text.splitlines()[-1].split() == ["PESQ-NB", "4.31", "4.29"]
