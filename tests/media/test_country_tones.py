"""Call progress tones by country: all can be played, and those of some countries are what they should be."""

from __future__ import annotations

import pytest

from microsip_core.errors import InvalidArgument
from microsip_core.media.country_tones import SIT, TONES, tone_of


def test_every_tone_of_every_country_can_be_played() -> None:
    assert len(TONES) >= 30
    for country, tones in TONES.items():
        assert set(tones) == {"dial", "ringback", "busy", "congestion"}, country
        for kind, steps in tones.items():
            assert 1 <= len(steps) <= 8
            for frequencies, on, off in steps:
                assert 1 <= len(frequencies) <= 4
                assert all(300 <= frequency <= 1800 for frequency in frequencies), (country, kind)
                assert (on == 0) == (kind == "dial"), (country, kind)
                assert kind == "dial" or (100 <= on <= 2000 and 100 <= off <= 5000), (country, kind)


def test_tones_of_some_countries() -> None:
    assert tone_of("ringback", "us") == (((440, 480), 2000, 4000),)
    assert tone_of("busy", "DE") == (((425,), 480, 480),)
    assert tone_of("ringback", "GB") == (((400, 450), 400, 200), ((400, 450), 400, 2000))
    assert tone_of("reorder", "US") == tone_of("congestion", "US") == (((480, 620), 250, 250),)
    assert tone_of("sit", "FR") == SIT
    assert [frequencies for frequencies, *_ in SIT] == [(950,), (1400,), (1800,)]


def test_what_is_not_known_is_told() -> None:
    with pytest.raises(InvalidArgument, match="XX"):
        tone_of("busy", "XX")
    with pytest.raises(InvalidArgument, match="howler"):
        tone_of("howler", "US")  # type: ignore[arg-type]
