"""Who may ask us for something new, and how often: an allow-list, and a token bucket for each source."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ..errors import InvalidArgument

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SITE_BITS = 64  # of an IPv6 address (RFC 4291 s2.5.4): whoever has one address there has all of them


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """What is asked of requests outside of dialogs. Networks are written as "192.0.2.0/24", "2001:db8::/32", or one
    address.

    ``rate`` requests a second are taken of one source for long, and ``burst`` at once; None: as many as it likes. As
    many again are refused, the rest is dropped. An IPv6 source is its /64, unless a longer network named here has it.
    ``unlimited`` networks have no limit.
    ``allowed`` networks alone may send such requests, None: everybody may; ``silent``: others get no answer.
    ``most_sources`` are remembered; beyond them the one not heard of for longest is forgotten.
    """

    rate: float | None = 100.0
    burst: int = 500
    unlimited: tuple[str, ...] = ("127.0.0.0/8", "::1")
    allowed: tuple[str, ...] | None = None
    silent: bool = False
    most_sources: int = 4096

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise InvalidArgument(f"a rate of {self.rate!r} requests a second", remedy="Give more than 0, or None")
        if self.burst < 1 or self.most_sources < 1:
            raise InvalidArgument("burst and most_sources must be 1 at least")
        parse_networks(self.unlimited)
        parse_networks(self.allowed or ())


class Verdict(Enum):
    """What becomes of a request."""

    ADMITTED = "admitted"
    LIMITED = "limited"
    """Too many from there: 503 with Retry-After."""
    FORBIDDEN = "forbidden"
    """Not from an allowed network: 403."""
    DROPPED = "dropped"
    """Far too many from there: not even an answer."""
    IGNORED = "ignored"
    """Not from an allowed network, and that is not told."""


class _Source:
    """What is known of one source; ``requests`` and ``refusals`` are what is left in its two buckets at ``seen``."""

    __slots__ = ("allowed", "limited", "refusals", "requests", "seen")

    def __init__(self, allowed: bool, limited: bool, burst: float, now: float) -> None:
        self.allowed = allowed
        self.limited = limited
        self.requests = self.refusals = burst
        self.seen = now


class Admission:
    """Judges new requests by where they come from. ``now`` is in seconds, of a clock that does not go back."""

    __slots__ = ("_allowed", "_settings", "_single", "_sources", "_unlimited")

    def __init__(self, settings: AdmissionSettings) -> None:
        self._settings = settings
        self._unlimited = parse_networks(settings.unlimited)
        self._allowed = None if settings.allowed is None else parse_networks(settings.allowed)
        named = (*self._unlimited, *(self._allowed or ()))
        self._single = tuple(one for one in named if one.version == 6 and one.prefixlen > _SITE_BITS)
        self._sources: dict[str, _Source] = {}

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def retry_after(self) -> int:
        """Seconds after which a source that was refused has its burst again."""
        settings = self._settings
        return 1 if settings.rate is None else min(max(1, round(settings.burst / settings.rate)), 3600)

    def judge(self, host: str, now: float) -> Verdict:
        """Judge one request from a numeric address."""
        settings = self._settings
        source = self._source(host, now)
        if not source.allowed:
            if settings.silent:
                return Verdict.IGNORED
            return Verdict.FORBIDDEN if self._take_refusal(source, now) else Verdict.DROPPED
        if not source.limited or settings.rate is None:
            return Verdict.ADMITTED
        self._refill(source, now)
        if source.requests >= 1:
            source.requests -= 1
            return Verdict.ADMITTED
        return Verdict.LIMITED if self._take_refusal(source, now) else Verdict.DROPPED

    def _take_refusal(self, source: _Source, now: float) -> bool:
        if self._settings.rate is None:
            return True
        self._refill(source, now)
        if source.refusals < 1:
            return False
        source.refusals -= 1
        return True

    def _refill(self, source: _Source, now: float) -> None:
        settings = self._settings
        gained = max(0.0, now - source.seen) * (settings.rate or 0.0)
        source.seen = now
        source.requests = min(settings.burst, source.requests + gained)
        source.refusals = min(settings.burst, source.refusals + gained)

    def _source(self, host: str, now: float) -> _Source:
        """Return what is known of a source, and put it behind those not heard of since."""
        key = host if ":" not in host or is_within(host, self._single) else _site(host)
        source = self._sources.pop(key, None)
        if source is None:
            if len(self._sources) >= self._settings.most_sources:
                del self._sources[next(iter(self._sources))]
            allowed = self._allowed is None or is_within(host, self._allowed)
            source = _Source(allowed, not is_within(host, self._unlimited), float(self._settings.burst), now)
        self._sources[key] = source
        return source


def parse_networks(networks: Sequence[str]) -> tuple[Network, ...]:
    """Return networks from their text. Raises InvalidArgument."""
    if isinstance(networks, str):
        raise InvalidArgument(f"{networks!r} is one text", remedy='Give a sequence, such as ["192.0.2.0/24"]')
    found = []
    for text in networks:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except (TypeError, ValueError) as error:
            raise InvalidArgument(
                f"{text!r} is no network", remedy='Write "192.0.2.0/24", "2001:db8::/32", or one address',
            ) from error
    return tuple(found)


def is_within(host: str, networks: Sequence[Network]) -> bool:
    """Whether a numeric address lies in one of the networks; an IPv4 address mapped into IPv6 counts as the former."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in networks)


def _site(host: str) -> str:
    """Return the /64 of an IPv6 address, or the IPv4 address mapped into it."""
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return address.exploded[: _SITE_BITS // 16 * 5]
