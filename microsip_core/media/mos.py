"""Conversational quality on the MOS scale by the E-model (ITU-T G.107 and G.107.1, codec values of G.113)."""

from __future__ import annotations

import math
from dataclasses import dataclass

_R_NARROWBAND = 93.2  # R0 - Is with every parameter of G.107 table 2 at its default
_R_WIDEBAND = 129.0  # G.107.1 s7


@dataclass(frozen=True, slots=True)
class CodecImpairment:
    """What a codec does to quality: equipment impairment ``ie``, packet-loss robustness ``bpl`` (G.113 app. I, IV).

    ``wideband`` values are on the scale of G.107.1, whose best connection has R = 129 instead of 93.2.
    """

    ie: float
    bpl: float
    wideband: bool = False
    lookahead_ms: float = 0.0


IMPAIRMENTS: dict[str, CodecImpairment] = {
    # G.113 appendix I: G.711 with the concealment of G.711 appendix I has Bpl 25.1, without any 4.3.
    "PCMU": CodecImpairment(0.0, 25.1),
    "PCMA": CodecImpairment(0.0, 25.1),
    # L16 at 8 kHz is the reference connection itself.
    "L16": CodecImpairment(0.0, 25.1),
    # G.113 appendix IV: Ie,wb 13 at 64 kbit/s. Its Bpl is an estimate: PESQ-WB falls about twice as fast as PESQ of
    # G.711 with concealment. The QMF delays by 22 samples of 16 kHz.
    "G722": CodecImpairment(13.0, 13.1, wideband=True, lookahead_ms=1.4),
    # Not in G.113, both values are estimates: as good as AMR-WB at 23 kbit/s, and with in-band FEC as robust as G.711.
    "opus": CodecImpairment(8.0, 20.0, wideband=True, lookahead_ms=6.5),
    # G.113 appendix I, for the rate that the RTP name means, or is used most. GSM-EFR is AMR's 12.2 kbit/s mode.
    "GSM": CodecImpairment(20.0, 10.0),
    "GSM-EFR": CodecImpairment(5.0, 10.0),
    "AMR": CodecImpairment(5.0, 10.0, lookahead_ms=5.0),
    "G723": CodecImpairment(15.0, 16.1, lookahead_ms=7.5),
    "G726-40": CodecImpairment(2.0, 19.0),
    "G726-32": CodecImpairment(7.0, 19.0),
    "G726-24": CodecImpairment(25.0, 19.0),
    "G726-16": CodecImpairment(50.0, 19.0),
    "G729": CodecImpairment(11.0, 19.0, lookahead_ms=5.0),
    "iLBC": CodecImpairment(11.0, 32.0, lookahead_ms=5.0),
    # G.113 appendix IV: Ie,wb 13 at 12.65 kbit/s. Its Bpl, and those of G.726, are estimates.
    "AMR-WB": CodecImpairment(13.0, 13.0, wideband=True, lookahead_ms=5.0),
}
_UNKNOWN = CodecImpairment(11.0, 19.0)
_BY_UPPER_NAME = {name.upper(): impairment for name, impairment in IMPAIRMENTS.items()}


def impairment_of(codec: str) -> CodecImpairment:
    """Return the impairment of a codec by its RTP encoding name, any case; an unknown one counts like G.729."""
    return _BY_UPPER_NAME.get(codec.upper(), _UNKNOWN)


def delay_impairment(one_way_delay_ms: float) -> float:
    """Return Idd of G.107 s7.4 for a mouth-to-ear delay in ms: 0 up to 100 ms. Echo is taken as cancelled."""
    if one_way_delay_ms <= 100.0:
        return 0.0
    x = math.log2(one_way_delay_ms / 100.0)
    return 25.0 * (math.pow(1.0 + x**6, 1 / 6) - 3.0 * math.pow(1.0 + (x / 3.0) ** 6, 1 / 6) + 2.0)


def rating(codec: str, loss_percent: float, one_way_delay_ms: float = 0.0, burst_ratio: float = 1.0) -> float:
    """Return the transmission rating R on the narrowband scale of G.107 (0 to 93.2; wideband codecs may reach 100).

    ``loss_percent`` counts what never arrived and what arrived too late to be played; ``burst_ratio`` is 1 for random
    loss and larger for bursts (G.107 s7.5).
    """
    impairment = impairment_of(codec)
    loss = min(max(loss_percent, 0.0), 100.0)
    best = _R_WIDEBAND if impairment.wideband else _R_NARROWBAND
    # 95 is the worst Ie-eff of both scales (G.107 s7.5, G.107.1 s7.5).
    effective = impairment.ie + (95.0 - impairment.ie) * loss / (loss / max(burst_ratio, 1.0) + impairment.bpl)
    r = best - delay_impairment(one_way_delay_ms) - effective
    return max(r / 1.29 if impairment.wideband else r, 0.0)


def mos_of_rating(r: float) -> float:
    """Return the estimated MOS of a rating R (G.107 annex B): 1.0 to 4.5."""
    if r <= 0.0:
        return 1.0
    if r >= 100.0:
        return 4.5
    return max(1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6, 1.0)


def estimate_mos(codec: str, loss_percent: float, one_way_delay_ms: float = 0.0, burst_ratio: float = 1.0) -> float:
    """Return the estimated MOS, 1.0 to 4.5, of a codec at that loss (%) and mouth-to-ear delay (ms)."""
    return mos_of_rating(rating(codec, loss_percent, one_way_delay_ms, burst_ratio))
