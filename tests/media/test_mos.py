"""The E-model against values of G.107 and G.113."""

from __future__ import annotations

import pytest

from microsip_core.media.mos import delay_impairment, estimate_mos, impairment_of, mos_of_rating, rating


def test_best_connection() -> None:
    assert rating("PCMU", 0.0) == pytest.approx(93.2)
    assert estimate_mos("PCMU", 0.0) == pytest.approx(4.41, abs=0.01)


@pytest.mark.parametrize(
    ("r", "mos"), [(-5, 1.0), (0, 1.0), (50, 2.58), (60, 3.1), (70, 3.6), (80, 4.02), (90, 4.34), (100, 4.5)],
)
def test_table_of_annex_b(r: float, mos: float) -> None:
    assert mos_of_rating(r) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(("loss", "mos"), [(1, 4.33), (3, 4.13), (5, 3.92), (10, 3.41), (20, 2.63)])
def test_g711_with_concealment(loss: float, mos: float) -> None:
    assert estimate_mos("PCMA", loss) == pytest.approx(mos, abs=0.02)


def test_delay() -> None:
    assert delay_impairment(0.0) == delay_impairment(100.0) == 0.0
    assert delay_impairment(150.0) < 2.0
    assert delay_impairment(400.0) == pytest.approx(23.3, abs=1.5)
    assert estimate_mos("PCMU", 0.0, 400.0) < 3.75


def test_everything_gets_worse_with_loss_and_delay() -> None:
    for codec in ("PCMU", "G722", "opus", "G729", "unheard of"):
        steps = ((0, 0), (1, 0), (1, 200), (10, 300), (100, 1000))
        values = [estimate_mos(codec, loss, delay) for loss, delay in steps]
        assert values == sorted(values, reverse=True)
        assert all(1.0 <= value <= 4.5 for value in values)


def test_bursts_hurt_more() -> None:
    assert estimate_mos("PCMU", 5.0, burst_ratio=2.0) < estimate_mos("PCMU", 5.0)


def test_loss_out_of_range() -> None:
    assert estimate_mos("PCMU", -1.0) == estimate_mos("PCMU", 0.0)
    assert estimate_mos("PCMU", 500.0) == estimate_mos("PCMU", 100.0)


def test_names_in_any_case() -> None:
    assert impairment_of("OPUS") is impairment_of("opus")
    assert impairment_of("pcmu").ie == 0.0
