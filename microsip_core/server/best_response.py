"""Which of several final responses a forking proxy sends back, and what it takes from the others (RFC 3261 s16.7)."""

from __future__ import annotations

from collections.abc import Sequence

from microsip_core.sip.message import Response

# s16.7 step 6: those which tell the caller how to go on come first. What only says that nobody was there comes last, so
# that one phone that is busy or declines decides over others that rang in vain.
_PREFERRED = frozenset({401, 407, 415, 420, 484})
_NOBODY_THERE = {480: 2, 404: 3, 410: 3, 408: 4, 487: 5}
_CHALLENGES = (("WWW-Authenticate", 401), ("Proxy-Authenticate", 407))


def _rank(status: int, canceled: bool) -> tuple[int, int]:
    """Return the sort key of a status: lowest wins."""
    if status >= 600:
        return 0, 0
    if canceled and status == 487:
        return 1, 0
    within = 0 if status in _PREFERRED else _NOBODY_THERE.get(status, 1)
    if status == 503:
        within = 9  # it speaks of one element only
    return status // 100, within


def best_response(responses: Sequence[Response], *, canceled: bool = False) -> Response:
    """Return the response to send, of at least one non-2xx final ones; 6xx wins, then the lowest class (s16.7 step 6).

    A 401 or 407 is given the challenges of all the others (s16.7 step 7), so that the caller can answer all at once.
    With ``canceled`` a 487 comes before the rest of its class. The one chosen is changed in place.
    """
    chosen = min(responses, key=lambda response: _rank(response.status, canceled))
    if chosen.status in (401, 407):
        for name, status in _CHALLENGES:
            for other in responses:
                if other is not chosen and other.status == status:
                    for value in other.get_all(name):
                        chosen.add(name, value)
    return chosen
