"""G.711 against the full 16-bit sweep of the ITU-T STL (16-bit little-endian words, one code per word)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from microsip_core.media.reference import g711

SWEEP = Path(__file__).parent.parent / "vectors" / "codec" / "g711"


def words(name: str) -> NDArray[np.int16]:
    return np.fromfile(SWEEP / name, "<i2")


@pytest.mark.parametrize(
    ("encode", "codes"), [(g711.encode_a_law, "sweep-r.a"), (g711.encode_mu_law, "sweep-r.u")], ids=["A-law", "mu-law"],
)
def test_encoding(encode: Callable[[NDArray[np.int16]], bytes], codes: str) -> None:
    samples = words("sweep.src")
    assert len(samples) == 65536
    assert encode(samples) == words(codes).astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    ("decode", "codes", "samples"),
    [(g711.decode_a_law, "sweep-r.a", "sweep-r.a-a"), (g711.decode_mu_law, "sweep-r.u", "sweep-r.u-u")],
    ids=["A-law", "mu-law"],
)
def test_decoding(decode: Callable[[bytes], NDArray[np.int16]], codes: str, samples: str) -> None:
    decoded = decode(words(codes).astype(np.uint8).tobytes())
    assert decoded.dtype == np.int16
    assert (decoded == words(samples)).all()


@pytest.mark.parametrize("law", ["a_law", "mu_law"])
def test_every_code_survives(law: str) -> None:
    codes = bytes(range(256))
    decoded = getattr(g711, f"decode_{law}")(codes)
    encoded = getattr(g711, f"encode_{law}")(decoded)
    different = [code for code in range(256) if encoded[code] != codes[code]]
    # mu-law has two zeros; the negative one is coded like the positive.
    assert different == ([0x7F] if law == "mu_law" else [])
