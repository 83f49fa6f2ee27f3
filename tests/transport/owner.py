"""What stands above a transport layer in tests: keeps what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from microsip_core.errors import NetworkError
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.transport.address import HostPort
from microsip_core.transport.stream_limits import DEFAULT_STREAM_LIMITS, StreamLimits
from microsip_core.transport.tls import TlsSettings
from microsip_core.transport.transport_layer import TransportLayer


class Owner:
    """Stands for the driver above the layer."""

    def __init__(
        self, listen: str | Sequence[str] = "127.0.0.1:0", *, traced: bool = False, tls: TlsSettings | None = None,
        limits: StreamLimits = DEFAULT_STREAM_LIMITS, nameservers: Sequence[str] = (),
    ) -> None:
        self.messages: list[tuple[bytes, Source]] = []
        self.failures: list[tuple[object, NetworkError]] = []
        self.traced: list[tuple[str, str, HostPort, HostPort, bytes]] = []
        self.lost: list[Hop] = []
        self.changed = asyncio.Event()
        self.layer = TransportLayer(
            asyncio.get_running_loop(), listen, receive=self._on_message, flush=self.changed.set,
            failed=self._on_failure, lost=self._on_lost, tls=tls, limits=limits, nameservers=nameservers,
            trace=(lambda *entry: self.traced.append(entry)) if traced else None,
        )

    def _on_message(self, data: bytes, source: Source) -> None:
        self.messages.append((data, source))

    def _on_failure(self, token: object, error: NetworkError) -> None:
        self.failures.append((token, error))
        self.changed.set()

    def _on_lost(self, hop: Hop) -> None:
        self.lost.append(hop)
        self.changed.set()

    def send(self, data: bytes, hop: Hop, source: Source | None = None, token: object | None = None) -> None:
        self.layer.send([OutgoingPacket(data, hop, source, token)])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until something is so that nobody tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
