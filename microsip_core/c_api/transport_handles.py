"""The handles of the addresses where the engine listens."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.transport.address import HostPort
from microsip_core.user_agent.user_agent import UserAgent


@dataclass(frozen=True, slots=True)
class SipTransport:
    """sip_transport_t: an address where the engine takes SIP messages. ``protocol`` is "UDP", "TCP", "TLS", ..."""

    id: int
    protocol: str
    host: str
    port: int


class Transports:
    """The handles of the addresses where the engine listens; on the loop thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, HostPort], int] = {}
        self._last = 0

    def id_of(self, entry: tuple[str, HostPort]) -> int:
        """Return the handle of an address, the same each time."""
        if entry not in self._known:
            self._last += 1
            self._known[entry] = self._last
        return self._known[entry]

    def look(self, agent: UserAgent) -> list[SipTransport]:
        """Return the addresses there are now, and forget those that are gone."""
        there = agent.transport.local_addresses
        self._known = {entry: handle for entry, handle in self._known.items() if entry in there}
        return [SipTransport(self.id_of(entry), entry[0], *entry[1]) for entry in there]
