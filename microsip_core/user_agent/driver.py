"""Pumps one endpoint on one asyncio loop: hands out its events, writes its packets, keeps its one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from microsip_core.errors import NetworkError
from microsip_core.sip.endpoint import Endpoint
from microsip_core.sip.events import Event as CoreEvent
from microsip_core.sip.hop import OutgoingPacket, Source
from microsip_core.user_agent.log import LOG

_KEEP_ALIVES = (b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b"")
_REMEMBERED_ERRORS = 256
_CLOCK_STEP = 0.001  # uvloop's clock moves in milliseconds


class Driver:
    """Between loop, sockets and endpoint. Whoever gave the endpoint a command calls :meth:`pump` afterwards."""

    __slots__ = (
        "_deliver",
        "_endpoint",
        "_idle",
        "_loop",
        "_pumping",
        "_send",
        "_time",
        "_timer",
        "_timer_due",
        "_transport_errors",
        "closed",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint, send: Callable[[list[OutgoingPacket]], None],
        deliver: Callable[[CoreEvent], None],
    ) -> None:
        self._loop = loop
        self._time = loop.time
        self._endpoint = endpoint
        self._send = send
        self._deliver = deliver
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._pumping = False
        self._idle: asyncio.Future[None] | None = None
        self.closed = False
        self._transport_errors: dict[str, NetworkError] = {}

    def receive(self, data: bytes, source: Source) -> None:
        """Take one message from a socket; the socket calls :meth:`pump` after a batch of them."""
        if len(data) <= 4 and data in _KEEP_ALIVES:
            return
        try:
            self._endpoint.receive(data, source, self._time())
        except Exception:
            # a fault of ours must cost one message, not the loop or the rest of the batch
            LOG.exception("fault while processing a message from %s:%d", source.host, source.port)

    def note_wait(self, waited: float, queue: Hashable) -> None:
        """Tell how long the messages that are received next from a socket have waited there."""
        self._endpoint.note_wait(waited, self._time(), queue)

    def transport_failed(self, token: object, error: NetworkError) -> None:
        """Tell the endpoint that a message did not get out, and remember the exception behind the words it gets."""
        if len(self._transport_errors) >= _REMEMBERED_ERRORS:
            self._transport_errors.clear()
        reason = str(error)
        self._transport_errors[reason] = error
        try:
            self._endpoint.transport_failed(token, reason, self._time())
        except Exception:
            LOG.exception("fault while handling that a message could not be sent")
        self.pump()

    def transport_error(self, reason: str) -> NetworkError | None:
        """Return the exception behind the reason that an event of the endpoint gives."""
        return self._transport_errors.get(reason)

    def pump(self) -> None:
        """Deliver all events, send all packets, arm the timer. Called while it runs, it leaves the work to that run."""
        if self._pumping or self.closed:
            return
        self._pumping = True
        next_event, data_to_send = self._endpoint.next_event, self._endpoint.data_to_send
        try:
            while True:
                while (event := next_event()) is not None:
                    self._deliver_safely(event)
                packets = data_to_send()
                if not packets:
                    break
                self._send(packets)
        finally:
            self._pumping = False
        self._arm()
        if self._idle is not None and not self._idle.done() and self._endpoint.idle:
            self._idle.set_result(None)

    def _deliver_safely(self, event: CoreEvent) -> None:
        try:
            self._deliver(event)
        except Exception:
            LOG.exception("fault while handling %s", type(event).__name__)

    def _arm(self) -> None:
        due = self._endpoint.next_timeout()
        if due is None:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return  # it fires first, finds nothing due, and is armed anew: cheaper than cancelling each time
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._time()
        due = self._endpoint.next_timeout()
        if due is not None and due <= now + _CLOCK_STEP:
            try:
                self._endpoint.handle_timeout(max(now, due))
            except Exception:
                LOG.exception("fault in a timer of the SIP core")
        self.pump()

    async def until_idle(self, timeout: float) -> None:
        """Wait until no peer owes us a response, at most ``timeout`` seconds."""
        self._idle = self._loop.create_future()
        self.pump()
        await asyncio.wait([self._idle], timeout=timeout)

    def close(self) -> None:
        """Stop: nothing is delivered or sent any more."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
