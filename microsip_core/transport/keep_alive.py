"""Keeps flows to registrars open through NATs, and notices when they fail (RFC 5626 s3.5, s4.4).

A UDP flow is kept by STUN where the registrar granted outbound, and by CRLF CRLF elsewhere, which no one answers. One
flow serves all accounts that register by it, so it is kept once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import Hop
from microsip_core.transport.address import HostPort

OUTBOUND_SECONDS = 29.0
"""The most between two STUN keep-alives where the registrar names no Flow-Timer (RFC 5626 s4.4.2)."""
CONNECTION_SECONDS = 120.0
"""The same for the pings of a connection (RFC 5626 s4.4.1)."""
CRLF = b"\r\n\r\n"


@dataclass(slots=True)
class _Flow:
    """What keeps one flow. ``owners`` are those who want it kept, with the seconds and the way each asked for."""

    owners: dict[object, tuple[float, bool]] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None
    armed_for: float = 0.0
    """The seconds that the timer goes by."""
    task: asyncio.Task[None] | None = None
    mapped: HostPort | None = None

    @property
    def seconds(self) -> float:
        """The shortest time that was asked for."""
        return min(seconds for seconds, _ in self.owners.values())

    @property
    def outbound(self) -> bool:
        """Whether anybody has outbound by this flow, so that it is answered for."""
        return any(outbound for _, outbound in self.owners.values())


class KeepAlive:
    """The kept UDP flows of one transport layer.

    ``send`` writes octets to a hop, ``ask`` has a STUN request answered over it; both may raise NetworkError. ``lost``
    is told of a flow that has failed, or that comes out elsewhere than before: who registered by it does so anew.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, send: Callable[[bytes, Hop], None],
        ask: Callable[[Hop], Awaitable[HostPort]], lost: Callable[[Hop], None],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._loop = loop
        self._send = send
        self._ask = ask
        self._lost = lost
        self._uniform = uniform
        self._flows: dict[Hop, _Flow] = {}

    def keep(self, hop: Hop, owner: object, seconds: float, *, outbound: bool) -> None:
        """Keep the flow to ``hop`` from now on, with something sent every 80 to 100 % of ``seconds`` (s4.4.1)."""
        flow = self._flows.setdefault(hop, _Flow())
        if flow.owners.get(owner) == (seconds, outbound):
            return
        flow.owners[owner] = (seconds, outbound)
        if flow.timer is None or seconds < flow.armed_for:
            self._arm(hop, flow)  # else it fires soon enough: thousands may join one flow, none is to walk the others

    def release(self, owner: object, but: Hop | None = None) -> None:
        """``owner`` needs its flow no longer, unless that is the one to ``but``, which goes on undisturbed."""
        for hop, flow in list(self._flows.items()):
            if hop != but and flow.owners.pop(owner, None) is not None and not flow.owners:
                self._drop(hop)

    @property
    def hops(self) -> list[Hop]:
        """The flows that are kept."""
        return list(self._flows)

    def _arm(self, hop: Hop, flow: _Flow) -> None:
        if flow.task is not None:
            return  # it arms when it is through
        if flow.timer is not None:
            flow.timer.cancel()
        seconds = flow.armed_for = flow.seconds
        flow.timer = self._loop.call_later(self._uniform(0.8 * seconds, seconds), self._on_timer, hop, flow)

    def _on_timer(self, hop: Hop, flow: _Flow) -> None:
        flow.timer = None
        if flow.outbound:
            flow.task = self._loop.create_task(self._probe(hop, flow))
            return
        try:
            self._send(CRLF, hop)
        except NetworkError:
            pass  # no network just now: who registers finds out, and says so
        self._arm(hop, flow)

    async def _probe(self, hop: Hop, flow: _Flow) -> None:
        """Ask by STUN whether the flow stands, and whether it comes out where it did."""
        try:
            mapped = await self._ask(hop)
            failed = flow.mapped is not None and mapped != flow.mapped
            flow.mapped = mapped
        except NetworkError:
            failed = True
        flow.task = None
        if self._flows.get(hop) is not flow:
            return
        if failed:
            self._drop(hop)
            self._lost(hop)
        else:
            self._arm(hop, flow)

    def _drop(self, hop: Hop) -> None:
        flow = self._flows.pop(hop)
        if flow.timer is not None:
            flow.timer.cancel()
            flow.timer = None
        if flow.task is not None:
            flow.task.cancel()
            flow.task = None

    def close(self) -> None:
        """Keep no flow any more. May be called again."""
        for hop in list(self._flows):
            self._drop(hop)
