"""Location service: which contacts an address of record is bound to, until when (RFC 3261 s10.2.1, s16.5)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from microsip_core.errors import LimitExceeded
from microsip_core.sip.hop import Source
from microsip_core.sip.uri import SipUri

DEFAULT_MAX_ADDRESSES = 100_000
DEFAULT_MAX_BINDINGS_PER_ADDRESS = 16


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an address of record.

    ``expires_at`` is in the same monotonic seconds as every ``now``; ``math.inf`` never expires. ``q`` is 0 to 1 (RFC
    3261 s20.10). ``path`` is the route set recorded by Path (RFC 3327), topmost first. ``call_id`` and ``cseq`` are
    those of the REGISTER that made or refreshed it: they order updates that overtake each other. ``flow`` is the
    connection it came by, over which the contact is reached as long as it stands. ``instance`` is the raw
    ``+sip.instance``, ``reg_id`` the number of the flow where outbound is in force.
    """

    uri: SipUri
    text: str
    expires_at: float = math.inf
    q: float = 1.0
    call_id: str = ""
    cseq: int = 0
    path: tuple[str, ...] = ()
    instance: str | None = None
    flow: Source | None = None
    reg_id: str | None = None

    @property
    def outbound(self) -> bool:
        """Whether the contact is reached by its flow alone, and known by instance and reg-id (RFC 5626 s6)."""
        return self.reg_id is not None

    def replaced_by(self, other: Binding) -> bool:
        """Tell whether a newer binding takes the place of this one: the same flow of an instance, else the same URI."""
        if other.reg_id is not None:
            return self.reg_id == other.reg_id and self.instance == other.instance
        return self.reg_id is None and self.matches(other.uri, other.text)

    def matches(self, uri: SipUri, text: str) -> bool:
        """Tell whether this binding is for that contact (URI comparison of RFC 3261 s19.1.4)."""
        return self.text == text or self.uri.equivalent(uri)

    def remaining(self, now: float) -> int:
        """Return the seconds left, rounded up, for the ``expires`` parameter of a Contact in a response."""
        return max(0, math.ceil(self.expires_at - now))


class LocationService:
    """Bindings by address of record; expired ones are dropped when they are next looked at, so no timer is needed.

    Addresses are given as the caller canonicalised them (see ``registrar.address_of_record``). What is stored is
    bounded: more than ``max_addresses`` addresses or ``max_bindings`` contacts of one address raise
    :class:`LimitExceeded`.
    """

    __slots__ = ("_bindings", "max_addresses", "max_bindings")

    def __init__(
        self, *, max_addresses: int = DEFAULT_MAX_ADDRESSES, max_bindings: int = DEFAULT_MAX_BINDINGS_PER_ADDRESS,
    ) -> None:
        self.max_addresses = max_addresses
        self.max_bindings = max_bindings
        self._bindings: dict[str, tuple[Binding, ...]] = {}

    def bindings(self, address: str, now: float) -> tuple[Binding, ...]:
        """Return the bindings that are valid at ``now``, highest q first, newest first within the same q."""
        stored = self._bindings.get(address)
        if stored is None:
            return ()
        valid = stored
        if any(binding.expires_at <= now for binding in stored):
            valid = tuple(binding for binding in stored if binding.expires_at > now)
            self._store(address, valid)
        return valid

    def find(self, address: str, uri: SipUri, text: str, now: float) -> Binding | None:
        """Return the valid binding for one contact, or None."""
        for binding in self.bindings(address, now):
            if binding.matches(uri, text):
                return binding
        return None

    def commit(self, address: str, bindings: Iterable[Binding], now: float) -> None:
        """Replace all bindings of an address at once; an empty set removes it. Raises :class:`LimitExceeded`.

        The first given counts as the newest.
        """
        wanted = tuple(sorted(bindings, key=lambda binding: -binding.q))
        if len(wanted) > self.max_bindings:
            raise LimitExceeded(f"more than {self.max_bindings} contacts for one address of record", peer=address)
        if wanted and address not in self._bindings and len(self._bindings) >= self.max_addresses:
            self.expire(now)
            if len(self._bindings) >= self.max_addresses:
                raise LimitExceeded(f"more than {self.max_addresses} addresses of record are registered", peer=address)
        self._store(address, wanted)

    def expire(self, now: float) -> int:
        """Drop every binding that has expired by ``now``; return how many addresses of record remain bound."""
        for address in list(self._bindings):
            self.bindings(address, now)
        return len(self._bindings)

    def addresses(self) -> list[str]:
        """Return the addresses of record that have been bound and not yet seen to expire."""
        return list(self._bindings)

    def clear(self) -> None:
        """Forget everything."""
        self._bindings.clear()

    def _store(self, address: str, bindings: tuple[Binding, ...]) -> None:
        if bindings:
            self._bindings[address] = bindings
        else:
            self._bindings.pop(address, None)
