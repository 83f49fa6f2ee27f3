"""What a user agent is made of, and how the events of the SIP core reach calls and accounts."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from microsip_core import __version__
from microsip_core.diagnosis.trace import TraceEntry
from microsip_core.errors import Canceled, InvalidState, NetworkError, NotInitialized
from microsip_core.ids import IdSource
from microsip_core.sip import events as core
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.hop import Hop, Source
from microsip_core.sip.identity import Identity
from microsip_core.sip.overload import OverloadSettings
from microsip_core.transport.address import HostPort
from microsip_core.transport.transport_layer import TransportLayer
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_audio import AudioTicker
from microsip_core.user_agent.call_progress import CALL_HANDLERS
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.devices import DeviceBoard
from microsip_core.user_agent.discovery import Discovery
from microsip_core.user_agent.driver import Driver
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.media_backend import MediaBackend
from microsip_core.user_agent.media_router import MediaRouter
from microsip_core.user_agent.network_change import NetworkChange
from microsip_core.user_agent.network_watch import NetworkWatch
from microsip_core.user_agent.peers import Peers
from microsip_core.user_agent.reach_options import parse_public_address
from microsip_core.user_agent.received_request import RequestHandler, RequestReception
from microsip_core.user_agent.reception import Handler, Reception
from microsip_core.user_agent.referral import TransferHandler
from microsip_core.user_agent.states import CallState

if TYPE_CHECKING:
    from microsip_core.user_agent.call_life import CallLife

_FLOW_FAILED = 430
_ANONYMOUS_USER = "microsip"


def _answer_mode(config: UserAgentConfig) -> tuple[str, ...]:
    """Return the option tag of RFC 5373 where we obey what it is for."""
    return ("answermode",) if config.auto_answer_headers else ()


class AgentCore:
    """The inside of :class:`UserAgent`; its methods are for the files of this package."""

    loop: asyncio.AbstractEventLoop
    endpoint: Endpoint
    transport: TransportLayer
    driver: Driver
    media: MediaRouter
    ticker: AudioTicker
    now: Callable[[], float]
    pump: Callable[[], None]
    reception: Reception
    requests: RequestReception
    on_incoming: Handler | None
    on_request: RequestHandler | None
    on_transfer: TransferHandler | None
    on_trace: Callable[[TraceEntry], None] | None

    def __init__(self, config: UserAgentConfig, media: MediaBackend | str | None) -> None:
        self.config = config
        self.closing = False
        self._media = media
        self._opened = False
        self._calls: dict[int, Call] = {}
        self._call_number = 0
        self.accounts: list[Account] = []
        self._account_number = 0
        self._streams: weakref.WeakSet[EventStream] = weakref.WeakSet()
        self._trace: deque[TraceEntry] = deque(maxlen=config.trace)
        self._anonymous: dict[str, Identity] = {}
        self.trusted_peers = Peers(config.trusted_peers, "trusted_peers")
        self._closed: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._expected: set[asyncio.Future[core.ResponseReceived]] = set()

    # -- opening and closing ----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Make everything and open the listening socket."""
        if self._opened:
            raise InvalidState("the user agent has been started already", step="start")
        self._opened = True
        config, loop = self.config, asyncio.get_running_loop()
        self.loop, self.now = loop, loop.time
        ids = IdSource(config.seed)
        self.media = MediaRouter(loop, config, ids, self._media)
        self.media.on_overload = self._media_overloaded
        self.transport = TransportLayer(
            loop, config.listen, receive=self._receive, flush=self._flush, failed=self._transport_failed,
            trace=self._record_trace if config.trace or config.trace_sinks else None, lost=self._connection_lost,
            tls=config.tls, nameservers=config.nameservers, listen_tcp=config.listen_tcp,
            waits=self._note_wait if config.refuse_when_late else None,
        )
        self.instance_id = ids.instance()
        endpoint_config = EndpointConfig(
            local_address=self.transport.local_address, deliver=frozenset({"INFO", "MESSAGE", *config.methods}),
            deliver_others=True,
            ring_timeout=config.ring_timeout, answer_timeout=config.ring_timeout,
            default_transport=self.transport.default_transport,
            choose_hop=self.transport.choose_hop, another_target=self.transport.another_target,
            transfers=config.accept_transfers, admission=config.admission(),
            overload=OverloadSettings() if config.refuse_when_late else None,
            joins=config.accept_joins, supported=("histinfo", *_answer_mode(config)),
            public=parse_public_address(config.public_address),
            retry_base=config.retry_base, retry_limit=config.retry_limit,
            addresses_of=self.transport.resolver.addresses_of,
        )
        endpoint_config.user_agent = f"microsip-core/{__version__}" if config.user_agent is None else config.user_agent
        self.endpoint = Endpoint(endpoint_config, ids)
        self.driver = Driver(loop, self.endpoint, self.transport.send, self._deliver)
        self.pump = self.driver.pump
        self.ticker = AudioTicker(loop)
        self.devices = DeviceBoard(loop)
        self.reception = Reception(self)
        self.discovery = Discovery(self)
        self.network = NetworkChange(self)
        self.network_watch = NetworkWatch(self, config.network_poll)
        self.requests = RequestReception(self)
        try:
            self.media.open()
            await self.transport.open()
            await self.discovery.begin()
            self.network_watch.begin()
        except BaseException:
            self.media.close()
            await self.discovery.close()
            await self.transport.close()
            self.closing = True
            raise

    def _media_overloaded(self, text: str) -> None:
        self.publish(Event(EventType.MEDIA_OVERLOAD, time.time(), text=text))

    async def shut_down(self) -> None:
        """End everything, within ``config.close_timeout`` seconds; cancelling cuts only the waiting short."""
        if not self._opened or self.closing:
            if self._closed is not None:
                await asyncio.wait([self._closed])
            return
        self.closing = True
        self._closed = self.loop.create_future()
        async with contextlib.AsyncExitStack() as stack:  # all of it happens, also where the wait is cancelled
            stack.callback(self._closed.set_result, None)
            stack.push_async_callback(self._release)
            stack.push_async_callback(self.reception.close)
            stack.push_async_callback(self.requests.close)
            self.reception.stop_waiting()
            for call in list(self._calls.values()):
                call.hangup()
            for account in self.accounts:
                account.start_removal()
            await self.driver.until_idle(self.config.close_timeout)

    async def _release(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for account in self.accounts:
            account.close()
        self.driver.close()
        for waiter in list(self._expected):
            if not waiter.done():
                waiter.set_exception(Canceled("the user agent was closed", step="request"))
        self.network_watch.close()
        await self.network.close()
        await self.discovery.close()
        self.ticker.close()
        await self.devices.close()
        self.media.close()
        await self.transport.close()
        for sink in self.config.trace_sinks:
            sink.close()
        self.publish(Event(EventType.SHUTDOWN, time.time()))
        for stream in list(self._streams):
            stream.close()

    def require_started(self, step: str) -> None:
        """Raise NotInitialized before the start."""
        if not self._opened:
            raise NotInitialized("the user agent has not been started", step=step, remedy="Await start() first")

    def require_open(self, step: str) -> None:
        """Raise NotInitialized before the start, InvalidState after the end."""
        self.require_started(step)
        if self.closing:
            raise InvalidState("the user agent is closed", step=step, remedy="Make a new one")

    # -- messages and core events -----------------------------------------------------------------------------------

    def _receive(self, data: bytes, source: Source) -> None:
        self.driver.receive(data, source)

    def _note_wait(self, waited: float, queue: Hashable) -> None:
        self.driver.note_wait(waited, queue)

    def _flush(self) -> None:
        self.driver.pump()

    def _transport_failed(self, token: object, error: NetworkError) -> None:
        LOG.info("%s", error)
        if self._streams:
            self.publish(Event(EventType.TRANSPORT_ERROR, time.time(), text=str(error)))
        self.driver.transport_failed(token, error)

    def _connection_lost(self, hop: Hop) -> None:
        """A connection or UDP flow has ended: who is to be reached over it registers anew (RFC 5626 s4.4)."""
        if not self.closing:
            self.discovery.flow_lost(hop)
            for account in self.accounts:
                account.connection_lost(hop)

    def _flow_failed(self, identity: Identity) -> None:
        for account in self.accounts:
            if account.identity is identity:
                account.flow_failed()

    def public_host(self, account: Account | None, local_host: str) -> str | None:
        """Return the host to name in session descriptions in place of a local one, None where that will do."""
        identity = account.identity if account is not None else self.endpoint.identity
        public = self.endpoint.public_host(identity, local_host)
        return public if public != local_host else None

    def _deliver(self, event: Any) -> None:
        """Hand one event of the core to the call, account or waiter it is about."""
        kind = type(event)
        handler = CALL_HANDLERS.get(kind)
        if handler is not None:
            if kind is core.CallEnded and event.status == _FLOW_FAILED:
                self._flow_failed(event.session.identity)
            if event.session.owner is not None:
                handler(event.session.owner, event)
        elif kind is core.CallIncoming:
            self.reception.take(event)
        elif kind is core.RegistrationSucceeded:
            event.registration.owner.on_succeeded(event)
        elif kind is core.RegistrationFailed:
            event.registration.owner.on_failed(event)
        elif kind is core.RegistrationRemoved:
            event.registration.owner.on_removed(event)
        elif kind is core.RequestReceived:
            self.requests.take(event)
        elif kind is core.ResponseReceived:
            waiter = event.request.owner
            if waiter is not None and not waiter.done():
                waiter.set_result(event)
        elif kind is core.MalformedReceived:
            LOG.info("malformed message from %s: %d %s", event.source, event.status, event.reason)

    def expect(self) -> asyncio.Future[core.ResponseReceived]:
        """Return a future to be the owner of a request: done with its final response, or when we are closed."""
        waiter: asyncio.Future[core.ResponseReceived] = self.loop.create_future()
        self._expected.add(waiter)
        waiter.add_done_callback(self._expected.discard)
        return waiter

    def keep_task(self, task: asyncio.Task[None]) -> None:
        """Keep a task until it is done; it is cancelled when we are closed."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- calls ------------------------------------------------------------------------------------------------------

    @property
    def calls_now(self) -> list[Call]:
        """The calls that have not ended, oldest first."""
        return list(self._calls.values())

    @property
    def call_count(self) -> int:
        """Number of calls that have not ended."""
        return len(self._calls)

    def new_call(
        self, direction: str, state: CallState, *, account: Account | None = None, remote_uri: str = "",
    ) -> Call:
        """Make a call and keep it until it ends."""
        self._call_number = number = self._call_number + 1
        call = self._calls[number] = Call(self, number, direction, state, account=account, remote_uri=remote_uri)
        return call

    def forget(self, call: CallLife) -> None:
        """The call has ended."""
        self._calls.pop(call.id, None)

    def anonymous_identity(self, local_host: str) -> Identity:
        """Return who we are in a call without account."""
        identity = self._anonymous.get(local_host)
        if identity is None:
            host = f"[{local_host}]" if ":" in local_host else local_host
            identity = self._anonymous[local_host] = Identity(f"sip:{_ANONYMOUS_USER}@{host}")
        return identity

    # -- events -----------------------------------------------------------------------------------------------------

    @property
    def observed(self) -> bool:
        """Whether anybody listens to the events of the user agent."""
        return bool(self._streams)

    def new_stream(self) -> EventStream:
        """Return a new stream of all events."""
        stream = EventStream()
        if self.closing:
            stream.close()
        else:
            self._streams.add(stream)
        return stream

    def publish(self, event: Event) -> None:
        """Tell those who listen to the user agent."""
        for stream in list(self._streams):
            stream.put(event)

    def _record_trace(
        self, direction: str, transport: str, local: HostPort, remote: HostPort, data: bytes,
    ) -> None:
        entry = TraceEntry(time.time(), direction, local, remote, data, transport)
        self._trace.append(entry)
        sinks: list[Callable[[TraceEntry], None]] = [*self.config.trace_sinks]
        for sink in sinks if self.on_trace is None else [self.on_trace, *sinks]:
            try:
                sink(entry)
            except Exception:
                LOG.exception("fault in %r, which is told of SIP messages", sink)
