"""Turns the host of a hop into socket addresses: numeric hosts at once, names by a look-up that is kept for a while."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from microsip_core.errors import DnsError
from microsip_core.sip.hop import DEFAULT_PORTS, Hop
from microsip_core.transport.address import HostPort, numeric_family

_KEPT_SECONDS = 60.0
_KEPT_NAMES = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try: transport protocol, numeric address, family."""

    transport: str
    address: HostPort
    family: socket.AddressFamily


class Resolver:
    """Finds the targets of a destination, best first (RFC 3263 s4: so far the host's A and AAAA records).

    What was found is kept 60 s, since the system's resolver does not tell how long it lasts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, nameservers: Sequence[str] = ()) -> None:
        self._loop = loop
        self._nameservers = nameservers
        self._kept: dict[Hop, tuple[float, list[Target]]] = {}
        self._running: dict[Hop, asyncio.Task[list[Target]]] = {}

    def known(self, hop: Hop) -> list[Target] | None:
        """Return the targets without waiting: of a numeric host, or of a name looked up lately; else None."""
        kept = self._kept.get(hop)
        if kept is not None:
            if kept[0] > self._loop.time():
                return kept[1]
            del self._kept[hop]
            return None
        family = numeric_family(hop.host)
        if family is None:
            return None
        return [Target(hop.transport, (hop.host, _port(hop)), family)]

    async def resolve(self, hop: Hop) -> list[Target]:
        """Return the targets, at least one. Raises DnsError."""
        known = self.known(hop)
        if known is not None:
            return known
        task = self._running.get(hop)
        if task is None:
            task = self._running[hop] = self._loop.create_task(self._look_up(hop))
            task.add_done_callback(lambda _: self._running.pop(hop, None))
        return await asyncio.shield(task)

    async def _look_up(self, hop: Hop) -> list[Target]:
        host, number = hop.host, _port(hop)
        try:
            found = await self._loop.getaddrinfo(host, number, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DnsError(
                f"the host {host!r} has no address ({reason})", step="resolve", peer=host,
                remedy="Check the spelling of the host and that the name server is reachable",
            ) from error
        targets = [
            Target(hop.transport, (str(address[0]), number), family)
            for family, _, _, _, address in found
        ]
        if not targets:
            raise DnsError(f"the host {host!r} has no IPv4 or IPv6 address", step="resolve", peer=host)
        if len(self._kept) >= _KEPT_NAMES:
            self._kept.clear()
        self._kept[hop] = (self._loop.time() + _KEPT_SECONDS, targets)
        return targets

    def avoid(self, hop: Hop, target: Target) -> None:
        """Put a target that has failed behind the others."""
        kept = self._kept.get(hop)
        if kept is not None and len(kept[1]) > 1 and target in kept[1]:
            self._kept[hop] = (kept[0], [*(other for other in kept[1] if other != target), target])

    async def close(self) -> None:
        """Give up the look-ups under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _port(hop: Hop) -> int:
    return hop.port or DEFAULT_PORTS.get(hop.transport, 5060)
