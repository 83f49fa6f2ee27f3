"""Source of the random identifiers SIP and RTP need; injectable, and repeatable when seeded."""

from __future__ import annotations

import random

_MAGIC_COOKIE = "z9hG4bK"


class IdSource:
    """Makes branches, tags, Call-IDs and the like.

    Without a seed each comes from the system's generator, so that no number of them lets anybody guess the next one;
    tags and branches have 64 bits (RFC 3261 s19.3 asks for 32). With a seed they repeat, for tests.
    """

    __slots__ = ("_bits",)

    def __init__(self, seed: int | str | None = None) -> None:
        source = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 (tests repeat on purpose)
        self._bits = source.getrandbits

    def branch(self) -> str:
        """Return a Via branch with the RFC 3261 magic cookie."""
        return f"{_MAGIC_COOKIE}{self._bits(64):016x}"

    def tag(self) -> str:
        """Return a From or To tag of 64 bits."""
        return f"{self._bits(64):016x}"

    def call_id(self) -> str:
        """Return a Call-ID of 128 bits, without a host: it should not tell the address of the caller."""
        return f"{self._bits(128):032x}"

    def instance(self) -> str:
        """Return an instance id: a random UUID (RFC 9562 s5.4) as a URN, for +sip.instance (RFC 5626 s4.1)."""
        bits = self._bits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
        text = f"{bits:032x}"
        return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def cnonce(self) -> str:
        """Return a digest client nonce (RFC 7616 s3.4)."""
        return f"{self._bits(64):016x}"

    def session_id(self) -> int:
        """Return an SDP session id: positive and below 2**62, so that it fits a signed 64-bit integer."""
        return self._bits(62)

    def ssrc(self) -> int:
        """Return an RTP synchronization source identifier of 32 bits."""
        return self._bits(32)

    def uniform(self, low: float, high: float) -> float:
        """Return a random float in [low, high), for the jitter of retries and glare timers."""
        return low + (high - low) * self._bits(53) / 9007199254740992.0
