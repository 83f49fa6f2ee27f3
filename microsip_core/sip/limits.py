"""Limits on what a received SIP message may hold, so that a peer can not spend our memory or time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest sizes and counts accepted; sizes in octets.

    ``max_message`` whole message (513), ``max_headers`` header lines (513), ``max_header`` one header line, unfolded
    (513), ``max_uri`` Request-URI (414), ``max_body`` message body (413). In brackets the status that answers a
    violation.
    """

    max_message: int = 65535
    max_headers: int = 256
    max_header: int = 8192
    max_uri: int = 2048
    max_body: int = 65535


DEFAULT_LIMITS = Limits()
