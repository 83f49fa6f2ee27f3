"""Other ways for a request of ours: TCP where it is too large for UDP (RFC 3261 s18.1.1), and back to UDP where TCP is
refused; the next server of a domain where one has failed (RFC 3263 s4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..endpoint import Endpoint
    from ..hop import Hop
    from ..message import Request

_REFUSED_SECONDS = 600.0
"""How long a peer that refused TCP is not asked for it again."""
_KNOWN_REFUSALS = 1000
UNSEEN_OCTETS = 300
"""What a request may have beside the text of its header lines and its body: start line, line ends, Content-Length."""


def hop_for_large(endpoint: Endpoint, request: Request, hop: Hop, now: float) -> Hop | None:
    """Return the TCP hop for a request that is too large for its UDP hop; None where the hop is right.

    It is where the URI asks for UDP in so many words, and where TCP was refused lately.
    """
    if hop.transport != "UDP" or len(request.to_bytes()) <= endpoint.config.largest_datagram:
        return None
    if "transport=" in (request.get("Route") or request.uri).lower():
        return None
    tcp = hop._replace(transport="TCP")
    refused = endpoint.tcp_refused.get(tcp)
    if refused is not None:
        if now - refused < _REFUSED_SECONDS:
            return None
        del endpoint.tcp_refused[tcp]
    endpoint.statistics.switched_to_tcp += 1
    return tcp


def fall_back(endpoint: Endpoint, tcp: Hop, now: float) -> Hop:
    """Return the UDP hop for a large request that TCP was refused for, and remember the refusal."""
    if len(endpoint.tcp_refused) >= _KNOWN_REFUSALS:
        endpoint.tcp_refused.clear()
    endpoint.tcp_refused[tcp] = now
    endpoint.statistics.tcp_refused += 1
    return tcp._replace(transport="UDP")


def next_target(endpoint: Endpoint, hop: Hop) -> bool:
    """Whether there is another server behind ``hop``, which the next request to it will go to."""
    another = endpoint.config.another_target
    if hop.port is not None or another is None or not another(hop):
        return False
    endpoint.statistics.failovers += 1
    return True
