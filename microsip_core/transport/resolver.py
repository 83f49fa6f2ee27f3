"""Turns a hop into socket addresses, best first, and remembers which of them failed (RFC 3263 s4)."""

from __future__ import annotations

import asyncio
import importlib.util
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from microsip_core.errors import DnsError
from microsip_core.sip.hop import DEFAULT_PORTS, Hop
from microsip_core.transport.address import HostPort, numeric_family

if TYPE_CHECKING:
    from microsip_core.transport.dns_lookup import DnsLookup

_KEPT_SECONDS = 60.0  # what the system's resolver finds: it does not tell how long that lasts
_KEPT_NAMES = 1000
_AVOIDED_SECONDS = 60.0
_LOCAL_DOMAINS = ("localhost", "local", "invalid", "internal")  # RFC 6761, RFC 6762: no business of the DNS
_CHOICE = ("UDP", "TCP", "TLS")  # transports a sip: domain may choose from, in the order we like them


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try: transport protocol, numeric address, family."""

    transport: str
    address: HostPort
    family: socket.AddressFamily


@dataclass(slots=True)
class _Found:
    """What a look-up has found: targets, until when, the transport the domain prefers, and which targets failed."""

    until: float
    targets: list[Target]
    preferred: str | None = None
    failed: dict[Target, float] = field(default_factory=dict)


class Resolver:
    """Finds the targets of hops: numeric hosts at once; names with a port by the system; SIP domains, which have none,
    by NAPTR and SRV records first, if dnspython is there.

    ``nameservers`` ("HOST" or "HOST:PORT") are asked instead of the system's. What was found is kept as long as its
    TTL allows. ``seed`` makes the choice among servers of equal priority repeatable.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, nameservers: Sequence[str] = (), seed: int | None = None,
    ) -> None:
        self._loop = loop
        self._nameservers = tuple(nameservers)
        self._chance = random.Random(seed)  # noqa: S311 (spreads load)
        self._found: dict[Hop, _Found] = {}
        self._running: dict[Hop, asyncio.Task[_Found]] = {}

    def known(self, hop: Hop) -> list[Target] | None:
        """Return the targets without waiting: of a numeric host, or of a name looked up lately; else None."""
        found = self._found.get(hop)
        if found is not None:
            return found.targets if found.until > self._loop.time() else None
        family = numeric_family(hop.host)
        if family is None:
            return None
        return [Target(hop.transport, (hop.host, _port(hop)), family)]

    def addresses_of(self, hop: Hop) -> list[HostPort]:
        """Return the addresses that the last look-up of a hop has found, however long ago; none for one not looked up.
        """
        found = self._found.pop(hop, None)
        if found is None:
            return []
        self._found[hop] = found  # the last now: who is asked for is not to be pushed out by many others
        return [target.address for target in found.targets]

    def choose(self, hop: Hop) -> Hop:
        """Return the hop with the transport the domain prefers, where a URI names neither port nor transport.

        ``hop`` has our default transport. Without a look-up before, it stays.
        """
        found = self._found.get(hop)
        if found is None or found.preferred is None or hop.port is not None:
            return hop
        return hop._replace(transport=found.preferred)

    async def resolve(self, hop: Hop) -> list[Target]:
        """Return the targets, at least one. Raises DnsError."""
        known = self.known(hop)
        if known is not None:
            return known
        task = self._running.get(hop)
        if task is None:
            task = self._running[hop] = self._loop.create_task(self._look_up(hop))
            task.add_done_callback(lambda _: self._running.pop(hop, None))
        return (await asyncio.shield(task)).targets

    # -- failover ---------------------------------------------------------------------------------------------------

    def avoid(self, hop: Hop, target: Target) -> bool:
        """Put a target that has failed behind the others for a minute; returns whether one is left that has not."""
        found = self._found.get(hop)
        if found is None or target not in found.targets:
            return False
        now = self._loop.time()
        found.failed[target] = now
        failed = found.failed = {key: when for key, when in found.failed.items() if now - when < _AVOIDED_SECONDS}
        found.targets = sorted(found.targets, key=lambda each: failed.get(each, 0.0))
        return found.targets[0] not in failed

    # -- looking up -------------------------------------------------------------------------------------------------

    async def _look_up(self, hop: Hop) -> _Found:
        found = None
        if hop.port is None and _is_domain(hop.host) and importlib.util.find_spec("dns") is not None:
            found = await self._ask_domain(hop)
        if found is None:
            addresses = await self._ask_system(hop.host, _port(hop))
            targets = [Target(hop.transport, (host, _port(hop)), family) for family, host in addresses]
            found = _Found(self._loop.time() + _KEPT_SECONDS, targets)
        self._found.pop(hop, None)
        if len(self._found) >= _KEPT_NAMES:
            del self._found[next(iter(self._found))]
        self._found[hop] = found
        return found

    async def _ask_domain(self, hop: Hop) -> _Found | None:
        """Walk NAPTR, SRV and addresses; None when the DNS knows nothing of SIP there (s4.2: then its address)."""
        from microsip_core.transport.dns_lookup import DnsLookup, has_services, srv_name

        lookup = DnsLookup(self._nameservers, self._chance)
        targets: list[Target] = []
        preferred: str | None = None
        if has_services(hop.transport):
            services = await lookup.services(hop.host, _CHOICE if hop.transport == "UDP" else (hop.transport,))
            names = dict.fromkeys([srv_name(hop.transport, hop.host)])
            if services:
                preferred = services[0].transport
                names = dict.fromkeys(service.srv_name for service in services if service.transport == hop.transport)
            targets = await self._ask_servers(hop, list(names), lookup)
            if not services and not targets and hop.transport == "UDP" and not lookup.silent:
                for transport in _CHOICE[1:]:
                    if await lookup.servers(srv_name(transport, hop.host)):
                        preferred = transport
                        break
        if not targets and self._nameservers:
            targets = [
                Target(hop.transport, (address, _port(hop)), family)
                for family, address in await lookup.addresses(hop.host)
            ]
        if not targets and preferred is not None and preferred != hop.transport:
            chosen = await self._look_up(hop._replace(transport=preferred))
            targets = chosen.targets
        return _Found(self._loop.time() + lookup.seconds, targets, preferred) if targets else None

    async def _ask_servers(self, hop: Hop, names: list[str], lookup: DnsLookup) -> list[Target]:
        targets: list[Target] = []
        for name in names:
            for server in await lookup.servers(name):
                family = numeric_family(server.host)
                addresses = [(family, server.host)] if family is not None else await lookup.addresses(server.host)
                if not addresses:
                    try:
                        addresses = await self._ask_system(server.host, server.port)
                    except DnsError:
                        continue  # the other servers may do
                targets += [Target(hop.transport, (host, server.port), each) for each, host in addresses]
        return targets

    async def _ask_system(self, host: str, number: int) -> list[tuple[socket.AddressFamily, str]]:
        try:
            found = await self._loop.getaddrinfo(host, number, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DnsError(
                f"the host {host!r} has no address ({reason})", step="resolve", peer=host,
                remedy="Check the spelling of the host and that the name server is reachable",
            ) from error
        if not found:
            raise DnsError(f"the host {host!r} has no IPv4 or IPv6 address", step="resolve", peer=host)
        return [(family, str(address[0])) for family, _, _, _, address in found]

    def forget(self) -> None:
        """Look everything up anew: another network may have other answers."""
        for found in self._found.values():
            found.until = 0.0  # what it was is still known: whether somebody is a server of ours, say

    async def close(self) -> None:
        """Give up the look-ups under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _port(hop: Hop) -> int:
    return hop.port or DEFAULT_PORTS.get(hop.transport, 5060)


def _is_domain(host: str) -> bool:
    """Whether a name may be one the DNS has records for."""
    labels = host.rstrip(".").lower().split(".")
    return len(labels) > 1 and labels[-1] not in _LOCAL_DOMAINS
