"""Finds out by STUN where our UDP socket comes out of the NAT, and watches that it stays so (RFC 8489)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from microsip_core.errors import NetworkError
from microsip_core.sip.backoff import recovery_delay
from microsip_core.sip.hop import Hop
from microsip_core.transport.address import split_host_port
from microsip_core.transport.keep_alive import OUTBOUND_SECONDS
from microsip_core.user_agent.log import LOG

if TYPE_CHECKING:
    from microsip_core.user_agent.agent_core import AgentCore

STUN_PORT = 3478
PATIENCE = 3.0
"""Seconds that the start of a user agent waits for the STUN server; after that the answer is taken when it comes."""


class Discovery:
    """The public address of a user agent with a ``stun_server``; without one it does nothing."""

    def __init__(self, agent: AgentCore) -> None:
        self._agent = agent
        self._task: asyncio.Task[None] | None = None
        self._hop: Hop | None = None
        self._hop = _hop_of(agent.config.stun_server)

    def use(self, server: str | None) -> None:
        """Ask another server from now on; None: none, and go by our own addresses."""
        self._agent.transport.release_flow(self)
        if self._task is not None:
            self._task.cancel()
        self._hop = _hop_of(server)
        if self._hop is not None:
            self._start(0.0)
        elif self._agent.endpoint.public_addresses:
            self._agent.endpoint.public_addresses.clear()
            for account in self._agent.accounts:
                account.recover()

    async def begin(self) -> None:
        """Ask, and wait a little for the answer."""
        if self._hop is not None:
            self._start(0.0)
            assert self._task is not None
            await asyncio.wait([self._task], timeout=PATIENCE)

    async def again(self) -> None:
        """Forget what was found, since our sockets are others now; ask anew, and wait a little for the answer."""
        if self._hop is not None:
            self._agent.endpoint.public_addresses.clear()
            self._agent.transport.release_flow(self)
            if self._task is not None:
                self._task.cancel()
            await self.begin()

    def flow_lost(self, hop: Hop) -> None:
        """A flow has failed, or comes out elsewhere: ask anew, if it was ours."""
        if hop == self._hop:
            self.restart()

    def restart(self) -> None:
        """Forget what was found, and ask anew."""
        if self._hop is not None and not self._agent.closing:
            if self._task is not None:
                self._task.cancel()
            self._start(self._agent.endpoint.ids.uniform(0.0, 0.5))

    def _start(self, delay: float) -> None:
        self._task = self._agent.loop.create_task(self._find(delay))

    async def _find(self, delay: float) -> None:
        """Ask until there is an answer, with growing pauses."""
        agent, hop = self._agent, self._hop
        assert hop is not None
        failures = 0
        while True:
            await asyncio.sleep(delay)
            try:
                local, public = await agent.transport.local_and_public(hop)
            except NetworkError as error:
                failures += 1
                LOG.warning("the public address is not known: %s", error)
                config = agent.config
                delay = recovery_delay(failures, agent.endpoint.ids.uniform, config.retry_base, config.retry_limit)
            else:
                self._found(hop, local, public)
                return

    def _found(self, hop: Hop, local: tuple[str, int], public: tuple[str, int]) -> None:
        """Go by what the server saw, and move what is registered there."""
        agent = self._agent
        before = dict(agent.endpoint.public_addresses)
        agent.endpoint.public_addresses.clear()
        if public != local:
            agent.endpoint.public_addresses["UDP", local] = public
        LOG.info("%s:%d is %s:%d outside", *local, *public)
        agent.transport.keep_alive(hop, self, OUTBOUND_SECONDS, outbound=True)
        if agent.endpoint.public_addresses != before:
            for account in agent.accounts:
                account.recover()

    async def close(self) -> None:
        """Ask no more."""
        agent = self._agent
        agent.transport.release_flow(self)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _hop_of(server: str | None) -> Hop | None:
    return None if server is None else Hop("UDP", *split_host_port(server, STUN_PORT))
