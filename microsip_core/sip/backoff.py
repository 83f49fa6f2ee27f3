"""How long to wait before a registration is tried again: the flow recovery times of RFC 5626 s4.5."""

from __future__ import annotations

from collections.abc import Callable

RETRY_BASE = 30.0
RETRY_LIMIT = 1800.0
"""Seconds: base-time where every flow has failed, and max-time (RFC 5626 s4.5)."""
_MOST_DOUBLINGS = 16


def recovery_delay(
    failures: int, uniform: Callable[[float, float], float], base: float = RETRY_BASE, limit: float = RETRY_LIMIT,
) -> float:
    """Return the seconds to wait after so many failures in a row: 50 to 100 % of ``base`` * 2**failures or ``limit``.

    The share is drawn by ``uniform``, so that those whom an outage has thrown off do not all come back at once. That is
    30 to 60 s after the first failure, and 15 to 30 min from the sixth on.
    """
    return min(base * 2.0 ** min(failures, _MOST_DOUBLINGS), limit) * uniform(0.5, 1.0)
