"""The loopback SIP server on asyncio: sockets, one timer, the service users, and settings for tests."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from types import TracebackType
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument, InvalidState, NetworkError
from microsip_core.ids import IdSource
from microsip_core.sip.hop import Hop, OutgoingPacket, Source
from microsip_core.sip.timers import DEFAULT_TIMERS, Timers
from microsip_core.sip.uri import escape_user, format_host_port
from microsip_core.transport.address import TRANSPORTS
from microsip_core.transport.tls import TlsSettings
from microsip_core.transport.transport_layer import TransportLayer

from .auth import AuthSettings, ChallengeMode
from .config import ServerConfig, ServiceSettings
from .core import ServerCore
from .domain import is_loopback
from .impairment import Impairment
from .journal import Journal, ServerEvent
from .registrar import RegistrarLimits

if TYPE_CHECKING:
    from .services import Services

_LOG = logging.getLogger(__name__)


class LoopbackServer:
    """A SIP registrar, proxy and set of service users on the running loop. ``async with LoopbackServer() as server:``

    ``host`` (an address) and ``port`` are where it listens, 0 for a free port. ``users`` maps names to passwords; it
    may be changed while the server runs. ``transports`` are those it listens for, "udp" and "tcp" at ``port``, and
    "tls", "ws" and "wss" at the next free ones (at free ones for port 0); ``tls`` has the certificate that TLS and WSS
    need. ``domain`` is the name in their addresses, by default the address it listens at. ``challenge`` says which
    requests must authenticate: "none", "register", "invite" (REGISTER and INVITE) or "all" (every method, BYE
    included); ``challenge_status`` 407 or 401 how those other than REGISTER are asked,
    ``algorithms``, ``qop`` and ``nonce_lifetime`` (seconds) with what.
    ``service_route`` is what it has registered users send their requests by (Service-Route, RFC 3608).
    ``min_expires`` to ``max_expires`` seconds is what a registration may last. ``loss`` (0 to 1), ``delay`` and
    ``jitter`` (seconds) impair what passes by UDP, the same way
    for the same ``seed``. ``services`` False leaves out the service users; ``service_settings`` says how they behave.
    ``on_event`` is called for each thing that happens, in the loop's thread.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, users: Mapping[str, str] | None = None, *,
        realm: str = "loopback", domain: str | None = None, challenge: str = "register", challenge_status: int = 407,
        algorithms: Sequence[str] = ("SHA-256", "MD5"), nonce_lifetime: float = 300.0,
        qop: Sequence[str] = ("auth",), min_expires: int = 1,
        max_expires: int = 7200, services: bool = True, service_settings: ServiceSettings | None = None,
        loss: float = 0.0, delay: float = 0.0, jitter: float = 0.0, seed: int | None = None,
        timers: Timers = DEFAULT_TIMERS, on_event: Callable[[ServerEvent], None] | None = None,
        transports: Sequence[str] = ("udp",), tls: TlsSettings | None = None, service_route: str = "",
    ) -> None:
        if challenge not in set(ChallengeMode):
            raise InvalidArgument(
                f"{challenge!r} is no challenge mode", remedy=f"choose one of {', '.join(ChallengeMode)}",
            )
        if challenge_status not in (401, 407):
            raise InvalidArgument(f"a challenge is 401 or 407, not {challenge_status}")
        self.users = dict(users or {})
        self._listen = _listen_addresses(host, port, transports)
        self._tls = tls
        # a wildcard is no address to be called at: then it is named, and has its services, on loopback
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared with, not bound)
        self._domain = domain
        self._ids = IdSource(seed)
        self._seed = seed
        self._impair = {"loss": loss, "delay": delay, "jitter": jitter}
        self._impairment: Impairment | None = None
        self._with_services = services
        self._service_settings = service_settings
        self._services: Services | None = None
        self._journal = Journal(on_event)
        self._transport: TransportLayer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        names = (domain or self._host, self._host, *(("localhost",) if is_loopback(self._host) else ()))
        self._core = ServerCore(
            ServerConfig(
                users=self.users, domains=tuple(dict.fromkeys(names)), realm=realm, timers=timers,
                auth=AuthSettings(
                    ChallengeMode(challenge), tuple(algorithms), nonce_lifetime, challenge_status, tuple(qop),
                ),
                registrar=RegistrarLimits(
                    min_expires, min(3600, max_expires), max_expires, service_route=service_route,
                ),
                date=lambda: formatdate(usegmt=True),
            ),
            self._local_address, secrets.token_bytes(32), ids=self._ids, journal=self._journal,
        )

    # -- life

    async def start(self) -> LoopbackServer:
        """Open the socket and the service users. Raises Busy when the port is in use, NetworkError, DnsError."""
        if self._loop is not None:
            raise InvalidState("the server has been started already", step="listen", remedy="make a new one")
        loop = self._loop = asyncio.get_running_loop()
        self._impairment = Impairment(loop, seed=self._seed, **self._impair)
        transport = self._transport = TransportLayer(
            loop, self._listen, receive=self._receive, flush=self._pump, failed=self._transport_failed, tls=self._tls,
            stun_server=True,
        )
        try:
            await transport.open()
            self._core.domain.listening = frozenset(local for _, local in transport.local_addresses)
            if self._with_services:
                await self._start_services()
        except BaseException:
            await self.close()
            raise
        self._journal.tell("listen", f"SIP server at {self.domain}")
        return self

    async def _start_services(self) -> None:
        from .services import SERVICES, Services

        services = Services(self._host, self._service_settings or ServiceSettings(), self._journal, self._seed)
        self._services = services
        host, port = await services.start()
        for name in SERVICES.keys() - self.users.keys():  # a user of that name comes first
            self._core.add_service(name, f"sip:{name}@{format_host_port(host, port)}")

    async def close(self) -> None:
        """Hang up the service calls, close every socket and forget every timer. May be called again."""
        try:
            if self._services is not None:
                services, self._services = self._services, None
                await services.close()
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._impairment is not None:
                self._impairment.close()
            if self._transport is not None:
                transport, self._transport = self._transport, None
                await transport.close()
                self._journal.tell("close", "SIP server closed")

    async def __aenter__(self) -> LoopbackServer:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.close()

    # -- what it is

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: (host, port). Raises NetworkError unless started."""
        if self._transport is None:
            raise NetworkError("the server is not running", step="listen", remedy="start it first")
        return self._transport.listen_address

    def address_of(self, transport: str) -> tuple[str, int]:
        """Where it listens for a transport such as "tls". Raises NetworkError where it does not."""
        if self._transport is None:
            raise NetworkError("the server is not running", step="listen", remedy="start it first")
        return self._transport.listen_address_of(transport.upper())

    def proxy_for(self, transport: str) -> str:
        """The URI to use as outbound proxy or registrar over a transport such as "tls"."""
        return f"sip:{format_host_port(self._host, self.address_of(transport)[1])};transport={transport.lower()}"

    @property
    def domain(self) -> str:
        """What stands behind the @ in its users' addresses: the given domain, else "HOST:PORT"."""
        return self._domain or format_host_port(self._host, self.address[1])

    @property
    def proxy(self) -> str:
        """The URI to use as outbound proxy or registrar, where the domain is a name that can not be looked up."""
        return f"sip:{format_host_port(self._host, self.address[1])}"

    def uri(self, user: str) -> str:
        """Return the address of record of a user or service."""
        return f"sip:{escape_user(user)}@{self.domain}"

    def registered(self, user: str) -> list[str]:
        """Return the contact URIs a user or service has now, best first."""
        return [binding.text for binding in self._core.location.bindings(user, self._now())]

    def statistics(self) -> dict[str, int]:
        """Return counters since the start (``received``, ...) and what is alive now (``registered``, ...)."""
        figures = self._core.statistics(self._now())
        figures["service_calls_now"] = self._services.calls if self._services is not None else 0
        figures["impairment_lost"] = self._impairment.lost if self._impairment is not None else 0
        return figures

    # -- between sockets and core

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    def _local_address(self, hop: Hop) -> tuple[str, int]:
        assert self._transport is not None
        return self._transport.local_address(hop)

    def _receive(self, data: bytes, source: Source) -> None:
        impairment = self._impairment
        if (
            impairment is None or not impairment.active or source.transport != "UDP"
            or (source.host, source.port) in self._core.trusted
        ):
            self._take(data, source)
        else:
            impairment.pass_on(lambda: self._take_late(data, source))

    def _take(self, data: bytes, source: Source) -> None:
        try:
            self._core.receive(data, source, self._now())
        except Exception:
            # a fault of ours must cost one message, not the loop or the rest of the batch
            self._journal.count("faults")
            _LOG.exception("fault while processing a message from %s:%d", source.host, source.port)

    def _take_late(self, data: bytes, source: Source) -> None:
        self._take(data, source)
        self._pump()

    def _transport_failed(self, token: object, error: NetworkError) -> None:
        self._core.transport_failed(token, str(error), self._now())
        self._pump()

    def _pump(self) -> None:
        """Send what waits to be sent, and arm the timer."""
        transport = self._transport
        if transport is None:
            return
        packets = self._core.data_to_send()
        if packets:
            impairment = self._impairment
            if impairment is None or not impairment.active:
                transport.send(packets)
            else:
                for packet in packets:
                    self._send_impaired(transport, impairment, packet)
        self._arm()

    def _send_impaired(self, transport: TransportLayer, impairment: Impairment, packet: OutgoingPacket) -> None:
        if packet.hop.transport != "UDP" or (packet.hop.host, packet.hop.port) in self._core.trusted:
            transport.send([packet])
        else:
            impairment.pass_on(lambda: transport.send([packet]))

    def _arm(self) -> None:
        due = self._core.next_timeout()
        if due is None or self._loop is None:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return  # it fires first, finds nothing due, and is armed anew: cheaper than cancelling each time
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        due = self._core.next_timeout()
        now = self._now()
        # the loop's clock may be coarser than what it is asked for, and wake us a moment early
        if due is not None and due <= now + 0.001:
            try:
                self._core.handle_timeout(max(now, due))
            except Exception:
                self._journal.count("faults")
                _LOG.exception("fault in a timer of the server")
        self._pump()


def _listen_addresses(host: str, port: int, transports: Sequence[str]) -> list[str]:
    """Return what to listen at: UDP and TCP share the port, the others follow it."""
    listen: list[str] = []
    following = port
    for transport in transports:
        if transport.upper() not in TRANSPORTS:
            raise InvalidArgument(
                f"{transport!r} is no transport", step="listen", remedy=f"choose from {', '.join(TRANSPORTS).lower()}",
            )
        number = port
        if port and transport.lower() not in ("udp", "tcp"):
            following += 1
            number = following
        listen.append(f"{transport.lower()}:{format_host_port(host, number)}")
    return listen
