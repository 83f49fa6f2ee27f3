"""Peers by their address: which senders a user trusts, or takes calls from."""

from __future__ import annotations

from collections.abc import Sequence

from microsip_core.errors import InvalidArgument
from microsip_core.sip.admission import is_within, parse_networks


class Peers:
    """Addresses and networks: ``host in peers`` for a numeric host. "*" stands for any."""

    __slots__ = ("_any", "_networks")

    def __init__(self, given: Sequence[str], what: str) -> None:
        """``given`` are addresses ("10.0.0.1", "::1") and networks ("10.0.0.0/8"). Raises InvalidArgument."""
        if isinstance(given, str):
            raise InvalidArgument(f"{what} is {given!r}", step="configure", remedy="Give a sequence of addresses")
        self._any = "*" in given
        try:
            self._networks = parse_networks([text for text in given if text != "*"])
        except InvalidArgument as error:
            raise InvalidArgument(f"{what}: {error.message}", step="configure", remedy=error.remedy) from error

    def __bool__(self) -> bool:
        return self._any or bool(self._networks)

    def __contains__(self, host: object) -> bool:
        return self._any or (bool(self._networks) and is_within(str(host), self._networks))
