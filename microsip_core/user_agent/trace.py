"""A bounded record of the SIP messages that went in and out, for ladder diagrams and captures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One SIP message on the wire.

    ``time`` is seconds since the epoch, ``direction`` "in" or "out", ``local`` and ``remote`` are (host, port),
    ``data`` is the message as it was on the wire, with whatever secrets it held: whoever shows it redacts it.
    """

    time: float
    direction: str
    local: tuple[str, int]
    remote: tuple[str, int]
    data: bytes
    transport: str = "UDP"
