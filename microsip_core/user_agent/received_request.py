"""Requests of peers that are no calls: offered to ``on_request``, and answered by default where it does not."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument
from microsip_core.user_agent.call_dtmf import INFO_TYPES
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.mailbox import take_message
from microsip_core.user_agent.target import check_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from microsip_core.sip.events import RequestReceived
    from microsip_core.sip.message import Request
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.agent_core import AgentCore
    from microsip_core.user_agent.call import Call

_PATIENCE = 30.0  # seconds that a handler may take; the sender gives up after 32 (timer F)
_MOST_WAITING = 1000  # handlers under way, beyond which requests are answered by default at once
_CONTACT = frozenset({"contact"})


class ReceivedRequest:
    """A request of a peer, not an INVITE, that waits for an answer: out of a call, or within ``call``.

    ``message`` is the request with all of its headers, ``method``, ``body`` and ``peer`` (the URI in From) are read
    from it. ``account`` is whom it is for, None for nobody we know.
    """

    __slots__ = ("_agent", "_event", "account", "call", "message")

    def __init__(self, agent: AgentCore, event: RequestReceived) -> None:
        self._agent = agent
        self._event = event
        self.message: Request = event.request
        self.call: Call | None = event.session.owner if event.session is not None else None
        host = event.incoming.source.host
        self.account: Account | None = (
            self.call.account if self.call is not None else agent.reception.account_for(event.request, host)
        )

    def __repr__(self) -> str:
        return f"<ReceivedRequest {self.method} from {self.peer}>"

    @property
    def method(self) -> str:
        """The method, such as "INFO"."""
        return self.message.method

    @property
    def peer(self) -> str:
        """The URI of the sender, as it says itself (From)."""
        return self.message.from_.uri

    @property
    def body(self) -> bytes:
        """The body as it came."""
        return self.message.body

    @property
    def answered(self) -> bool:
        """Whether a final response has been sent, or can not be sent any more."""
        return self._event.incoming.answered

    def respond(
        self, status: int = 200, reason: str | None = None, *, headers: Sequence[tuple[str, str]] | None = None,
        body: bytes | str = b"", content_type: str | None = None,
    ) -> None:
        """Answer with 101-699; one final response ends it. Contact is among the headers that may be given.

        Raises InvalidState after a final response, InvalidArgument for what can not be sent.
        """
        step = f"answer {self.method}"
        if not 101 <= status <= 699:
            raise InvalidArgument(f"{status} is no status to answer with", step=step, remedy="Give 101 to 699")
        extra = check_headers(headers, step, allowed=_CONTACT)
        self._event.incoming.respond(
            status, self._agent.now(), reason=reason, headers=extra, body=octets(body, step),
            content_type=content_type_of(body, content_type, step),
        )
        self._agent.pump()

    def answer_by_default(self) -> None:
        """Answer as if there were no handler: a text message or digit is taken, what nobody knows is refused."""
        if self.answered:
            return
        method, now = self.method, self._agent.now()
        if method == "MESSAGE":
            take_message(self._agent, self._event)
        elif method == "INFO":
            status = self._info_status(now)
            understood = (("Accept", ", ".join(INFO_TYPES)),) if status == 415 else ()
            self._event.incoming.respond(status, now, headers=understood)
        else:
            self._event.incoming.decline(now)
        self._agent.pump()

    def _info_status(self, now: float) -> int:
        """Take an INFO: 481 out of a call, 469 for a package nobody knows (RFC 6086 s4.2.2), 415 for no digit."""
        if self.call is None:
            return 481
        if "Info-Package" in self.message:
            return 469
        empty = not self.body and self.message.content_type is None  # asks only whether the call is there (RFC 2976)
        return 200 if empty or self.call.take_info(self.message, now) else 415


RequestHandler = Callable[[ReceivedRequest], Awaitable[object] | object]


class RequestReception:
    """Where requests arrive that are no calls."""

    def __init__(self, agent: AgentCore) -> None:
        self._agent = agent
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, event: RequestReceived) -> None:
        """Tell of a request, have the handler answer it, or answer it by default."""
        agent = self._agent
        handler = agent.on_request
        received = ReceivedRequest(agent, event)
        self._tell(received)
        if handler is None or agent.closing or len(self._tasks) >= _MOST_WAITING:
            received.answer_by_default()
            return
        try:
            result = handler(received)
        except Exception:
            self._failed(received)
            return
        if inspect.isawaitable(result):
            task = agent.loop.create_task(self._follow(received, result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            received.answer_by_default()

    def _tell(self, received: ReceivedRequest) -> None:
        event = Event(
            EventType.REQUEST, time.time(), received.call, received.account, 0, received.method, received.peer,
            received.message,
        )
        if received.call is not None:
            received.call.tell(event)
        elif received.account is not None:
            received.account.tell(event)
        self._agent.publish(event)

    async def _follow(self, received: ReceivedRequest, handling: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await handling
        except Exception:
            self._failed(received)
        else:
            received.answer_by_default()

    def _failed(self, received: ReceivedRequest) -> None:
        LOG.exception("fault in on_request for %s", received)
        if not received.answered:
            received.respond(500)

    async def close(self) -> None:
        """Cancel the handlers that still run, and wait until they have gone."""
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def octets(body: bytes | str, step: str) -> bytes:
    """Return a body that a user gave; text in UTF-8. Raises InvalidArgument."""
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise InvalidArgument(f"the body is {body!r}", step=step, remedy="Give bytes or a string")
    return bytes(body)


def content_type_of(body: bytes | str, content_type: str | None, step: str) -> str | None:
    """Return the Content-Type of a body: plain text for a string that names none. Raises InvalidArgument."""
    if content_type is None:
        return "text/plain;charset=UTF-8" if isinstance(body, str) and body else None
    check_headers([("X-Type", content_type)], step)
    return content_type
