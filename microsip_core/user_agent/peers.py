"""Peers by their address: which senders a user trusts, or takes calls from."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from microsip_core.errors import InvalidArgument

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Peers:
    """Addresses and networks: ``host in peers`` for a numeric host. "*" stands for any."""

    __slots__ = ("_any", "_networks")

    def __init__(self, given: Sequence[str], what: str) -> None:
        """``given`` are addresses ("10.0.0.1", "::1") and networks ("10.0.0.0/8"). Raises InvalidArgument."""
        if isinstance(given, str):
            raise InvalidArgument(f"{what} is {given!r}", step="configure", remedy="Give a sequence of addresses")
        self._any = False
        self._networks: list[_Network] = []
        for text in given:
            if text == "*":
                self._any = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except (TypeError, ValueError):
                raise InvalidArgument(
                    f"{text!r} in {what} is no address or network", step="configure",
                    remedy='Write "10.0.0.1", "10.0.0.0/8" or "2001:db8::/32"',
                ) from None

    def __bool__(self) -> bool:
        return self._any or bool(self._networks)

    def __contains__(self, host: object) -> bool:
        if self._any:
            return True
        if not self._networks:
            return False
        try:
            address = ipaddress.ip_address(str(host).partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
