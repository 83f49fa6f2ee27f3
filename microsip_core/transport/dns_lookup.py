"""Asks the DNS for the servers of a SIP domain: NAPTR, SRV, A and AAAA records (RFC 3263 s4), by dnspython."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from microsip_core.transport.address import split_host_port

if TYPE_CHECKING:
    import dns.resolver

_SECONDS = 3.0  # for one question, all name servers and repetitions included
_SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
_SRV_NAMES = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
NO_ANSWER_SECONDS = 60.0  # how long to believe that there is nothing
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 3600.0


class Service(NamedTuple):
    """A transport that a domain offers, and the name of its SRV records."""

    transport: str
    srv_name: str


class Server(NamedTuple):
    """What an SRV record names."""

    host: str
    port: int


class DnsLookup:
    """One walk through the DNS. ``seconds`` is how long its result may be kept: the least TTL of all that was seen.

    Once no name server has answered a question the further ones are not asked: ``silent`` is set.
    """

    def __init__(self, nameservers: Sequence[str] = (), chance: random.Random | None = None) -> None:
        import dns.asyncresolver
        import dns.resolver

        self._nothing = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN)
        self._chance = chance or random.Random()  # noqa: S311 (spreads load)
        self.seconds = _MOST_SECONDS
        self.silent = False
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.asyncresolver.Resolver(configure=False)
            self.silent = True
        if nameservers:
            addresses = [split_host_port(text, 53) for text in nameservers]
            self._resolver.nameservers = [host for host, _ in addresses]
            self._resolver.nameserver_ports = dict(addresses)

    async def services(self, domain: str, supported: Sequence[str]) -> list[Service]:
        """Return the supported transports of a domain by its NAPTR records, best first (RFC 3263 s4.1)."""
        records = [
            record for record in await self._ask(domain, "NAPTR")
            if record.flags.lower() == b"s" and _SERVICES.get(record.service.decode("latin-1").upper()) in supported
        ]
        records.sort(key=lambda record: (record.order, record.preference))
        return [
            Service(_SERVICES[record.service.decode("latin-1").upper()], record.replacement.to_text(True))
            for record in records
        ]

    async def servers(self, srv_name: str) -> list[Server]:
        """Return the servers of an SRV name in the order to try them (RFC 2782), none without the service."""
        records = await self._ask(srv_name, "SRV")
        groups: dict[int, list[Any]] = {}
        for record in records:
            groups.setdefault(record.priority, []).append(record)
        ordered = [record for priority in sorted(groups) for record in self._by_weight(groups[priority])]
        return [Server(host, record.port) for record in ordered if (host := record.target.to_text(True)) != "@"]

    def _by_weight(self, records: list[Any]) -> list[Any]:
        """Draw records one after the other, each with a chance in proportion to its weight."""
        left, drawn = list(records), []
        while left:
            weights = [record.weight for record in left]
            index = self._chance.choices(range(len(left)), weights if any(weights) else None)[0]
            drawn.append(left.pop(index))
        return drawn

    async def addresses(self, host: str) -> list[tuple[socket.AddressFamily, str]]:
        """Return the addresses of a host, IPv4 before IPv6."""
        four, six = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        return [(socket.AF_INET, record.address) for record in four] + [
            (socket.AF_INET6, record.address) for record in six
        ]

    async def _ask(self, name: str, kind: str) -> list[Any]:
        if self.silent:
            return []
        import dns.exception

        try:
            answer: dns.resolver.Answer = await self._resolver.resolve(
                name if name.endswith(".") else f"{name}.", kind, lifetime=_SECONDS, search=False,
            )
        except self._nothing:
            return []
        except (dns.exception.DNSException, OSError):
            self.silent = True
            return []
        ttl = float(answer.rrset.ttl) if answer.rrset is not None else _LEAST_SECONDS
        self.seconds = min(self.seconds, max(ttl, _LEAST_SECONDS))
        return list(answer)


def srv_name(transport: str, domain: str) -> str:
    """Return the name of the SRV records of a domain for a transport (RFC 3263 s4.1)."""
    return _SRV_NAMES[transport] + domain


def has_services(transport: str) -> bool:
    """Whether a domain may say by SRV where its servers for this transport are."""
    return transport in _SRV_NAMES
