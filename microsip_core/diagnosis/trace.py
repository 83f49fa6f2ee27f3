"""A bounded record of the SIP messages that went in and out, for ladder diagrams and captures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One SIP message on the wire.

    ``time`` is seconds since the epoch, ``direction`` "in" or "out", ``local`` and ``remote`` are (host, port),
    ``data`` is the message as it was on the wire, with whatever secrets it held: whoever shows it redacts it.
    ``transport`` is "UDP", "TCP", "TLS", "WS" or "WSS".
    """

    time: float
    direction: str
    local: tuple[str, int]
    remote: tuple[str, int]
    data: bytes
    transport: str = "UDP"


class TraceSink(Protocol):
    """Is told of each message as it comes and goes, on the loop: a capture file, a HEP collector, one of your own."""

    def __call__(self, entry: TraceEntry) -> None:
        """Take one message; soon, as calls wait for it."""

    def close(self) -> None:
        """No more will come."""
