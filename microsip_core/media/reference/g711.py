"""G.711 mu-law and A-law (ITU-T G.711), bit exact, by tables made at first use from the definition."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_MU_LAW_BIAS = 33  # G.711 table 2: the decision values on a 14-bit scale, shifted so that segments are powers of two


@cache
def _a_law_values() -> NDArray[np.int16]:
    """Return the 16-bit value of each A-law octet (G.711 table 1; even bits are inverted on the wire)."""
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    mantissa = code & 15
    # On the 13-bit scale: the middle of the interval; the first two segments have the same step.
    magnitude = np.where(segment == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude << 3, -(magnitude << 3)).astype(np.int16)


@cache
def _mu_law_values() -> NDArray[np.int16]:
    """Return the 16-bit value of each mu-law octet (G.711 table 2; all bits are inverted on the wire)."""
    code = np.arange(256) ^ 0xFF
    segment = code >> 4 & 7
    mantissa = code & 15
    magnitude = ((2 * mantissa + _MU_LAW_BIAS) << segment) - _MU_LAW_BIAS
    return np.where(code & 0x80, -(magnitude << 2), magnitude << 2).astype(np.int16)


@cache
def _a_law_codes() -> NDArray[np.uint8]:
    """Return the A-law octet of each 16-bit sample, at the index of its unsigned form."""
    sample = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int32)
    # A negative value is taken down by one step of the 12-bit magnitude, so that -1 falls in the first interval.
    magnitude = np.where(sample >= 0, sample >> 4, ~sample >> 4)
    segment = np.maximum(_bit_length(magnitude) - 4, 0)
    mantissa = magnitude >> np.maximum(segment - 1, 0) & 15
    code = segment << 4 | mantissa
    codes: NDArray[np.uint8] = (np.where(sample >= 0, code | 0x80, code) ^ 0x55).astype(np.uint8)
    return codes


@cache
def _mu_law_codes() -> NDArray[np.uint8]:
    """Return the mu-law octet of each 16-bit sample, at the index of its unsigned form."""
    sample = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int32)
    # 14-bit magnitude plus bias, clipped to the last decision value.
    magnitude = np.minimum(np.where(sample >= 0, sample >> 2, ~sample >> 2) + _MU_LAW_BIAS, 0x1FFF)
    segment = _bit_length(magnitude) - 6
    code = segment << 4 | (magnitude >> segment + 1 & 15)
    codes: NDArray[np.uint8] = (np.where(sample >= 0, code, code | 0x80) ^ 0xFF).astype(np.uint8)
    return codes


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.frexp(values.astype(np.float64))[1].astype(np.int32)


def encode_a_law(samples: NDArray[np.int16]) -> bytes:
    """Return one octet per sample as transmitted."""
    return _a_law_codes()[samples.view(np.uint16)].tobytes()


def encode_mu_law(samples: NDArray[np.int16]) -> bytes:
    """Return one octet per sample as transmitted."""
    return _mu_law_codes()[samples.view(np.uint16)].tobytes()


def decode_a_law(data: bytes) -> NDArray[np.int16]:
    """Return one sample per octet: 13 significant bits, left-justified in 16."""
    return _a_law_values()[np.frombuffer(data, np.uint8)]


def decode_mu_law(data: bytes) -> NDArray[np.int16]:
    """Return one sample per octet: 14 significant bits, left-justified in 16."""
    return _mu_law_values()[np.frombuffer(data, np.uint8)]
