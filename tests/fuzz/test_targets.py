"""The fuzz targets take all of their seeds, and random changes of them: a short run without coverage."""

from __future__ import annotations

import random

import pytest

from .targets import FOUND, SEEDS, TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_takes_its_seeds_and_what_is_like_them(name: str) -> None:
    chance = random.Random(name)
    seeds = SEEDS[name]()
    assert seeds
    for seed in (*seeds, *FOUND.get(name, ())):
        TARGETS[name](seed)
    for _ in range(200):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randrange(4)] = chance.choice((b"", b"\0", b"\xff", b",", b'"', b"\r\n", b":", b";"))
        TARGETS[name](bytes(data))
