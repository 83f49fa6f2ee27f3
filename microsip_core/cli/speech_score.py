"""Scores received speech against what was said, where the package pesq is installed."""

from __future__ import annotations

import importlib.util

from microsip_core.diagnosis.waveform import read_channels

_RATE = 8000


def pesq_narrowband(said: str, recording: str) -> float | None:
    """Return PESQ-NB (ITU-T P.862, 1.0 to 4.55) of a recording's received channel, None where it can not be had.

    That is without the package pesq, at another rate than 8000 Hz, and where no speech was received at all.
    """
    if importlib.util.find_spec("pesq") is None:
        return None
    import pesq

    said_rate, said_channels = read_channels(said)
    rate, channels = read_channels(recording)
    if said_rate != _RATE or rate != _RATE or len(channels) != 2:
        return None
    try:
        return round(float(pesq.pesq(_RATE, said_channels[0], channels[1], "nb")), 2)
    except (pesq.NoUtterancesError, pesq.BufferTooShortError):
        return None
