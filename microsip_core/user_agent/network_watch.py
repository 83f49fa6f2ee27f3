"""Notices that the network is another one: looks, every few seconds, from which address packets would leave.

That is a question to the system's routing table; nothing is sent. An address that is gone is no change yet: there is
nothing to move to. When one is back, be it the same, the way out may be another, so that all moves then.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from microsip_core.errors import NetworkError
from microsip_core.transport.address import numeric_family
from microsip_core.transport.local_route import routing_address
from microsip_core.user_agent.log import LOG

if TYPE_CHECKING:
    from microsip_core.user_agent.agent_core import AgentCore

_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # RFC 5737, RFC 3849: nobody's
Addresses = tuple[str, ...]


class NetworkWatch:
    """Moves a user agent (see :mod:`~.network_change`) when its default local address has changed."""

    def __init__(self, agent: AgentCore, seconds: float) -> None:
        """``seconds`` between two looks, 0 for none."""
        self._agent = agent
        self._seconds = seconds
        self._before: Addresses = ()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Take note of how things are, and look from now on."""
        if self._seconds > 0:
            self._before = self._look()
            self._arm()

    def _arm(self) -> None:
        self._timer = self._agent.loop.call_later(self._seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._arm()
        now, before = self._look(), self._before
        self._before = now
        if now and now != before:
            LOG.info("the local address was %s, and is %s now", " ".join(before) or "none", " ".join(now))
            self._agent.network.start()

    def _look(self) -> Addresses:
        """Return the default local address of each family that we have sockets for, as far as there is one."""
        families = {numeric_family(local[0]) for _, local in self._agent.transport.local_addresses} or set(_SOMEWHERE)
        found: list[str] = []
        for family, somewhere in _SOMEWHERE.items():
            if family in families:
                try:
                    found.append(routing_address(somewhere, family))
                except NetworkError:
                    continue
        return tuple(found)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
