"""Takes incoming calls: finds the account they are for, and the handler or waiter that takes them."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from microsip_core.errors import Canceled, MicrosipError, TimedOut
from microsip_core.sip.auto_answer import answer_after
from microsip_core.sip.caller_identity import caller_of
from microsip_core.sip.events import CallIncoming
from microsip_core.sip.session.session_state import SessionState
from microsip_core.sip.uri import SipUri
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_life import UNANSWERED_INCOMING
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.outcome import Outcome
from microsip_core.user_agent.states import CallState, EndCause

if TYPE_CHECKING:
    from microsip_core.sip.message import Request
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.agent_core import AgentCore

Handler = Callable[[Call], Awaitable[object] | object]


class Reception:
    """Where incoming calls arrive."""

    def __init__(self, agent: AgentCore) -> None:
        self._agent = agent
        self._queue: deque[Call] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, event: CallIncoming) -> None:
        """Take a new call: refuse it, give it to the handler, or queue it for ``next_call``."""
        agent, session = self._agent, event.session
        limit = agent.config.max_calls
        replaced: Call | None = event.replaces.owner if event.replaces is not None else None
        if agent.closing or (limit is not None and agent.call_count >= limit and replaced is None):
            session.reject(480 if agent.closing else 486, agent.now())
            return
        host = session.source.host if session.source is not None else ""
        account = self.account_for(event.request, host)
        if account is not None and account.trunk is not None and not account.trunk.admits(host):
            LOG.info("a call to the trunk %s from %s is refused: it is none of its peers", account.aor, host)
            session.reject(403, agent.now())
            return
        if account is not None:
            session.identity = account.identity  # its credentials answer challenges in this dialog, to our BYE say
        call = agent.new_call("incoming", CallState.INCOMING, account=account)
        call.session, session.owner, call.offer = session, call, event.sdp
        call.call_id, call.invite_request = session.call_id, event.request
        trusted = host in agent.trusted_peers or (account is not None and account.is_server(host))
        call.joins = event.joins.owner if event.joins is not None else None
        call.caller = caller_of(event.request, trusted=trusted)
        call.local_uri = event.request.to.uri
        call.remote_uri, call.remote_display_name = call.caller.uri, call.caller.display_name
        call.emit(EventType.CALL_INCOMING, text=call.remote_uri, message=event.request)
        if replaced is not None:
            _take_over(call, replaced)
            return
        handler = agent.on_incoming
        if handler is not None:
            self._hand_over(handler, call)
            self._obey_auto_answer(call)
            return
        if len(self._queue) > 2 * agent.call_count + 16:  # nobody takes them: do not keep those that have ended
            self._queue = deque(one for one in self._queue if one.state is not CallState.ENDED)
        self._queue.append(call)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._ring(call)
        self._obey_auto_answer(call)

    def _obey_auto_answer(self, call: Call) -> None:
        """Answer a call by itself whose caller asks for that, where the settings let it."""
        config = self._agent.config
        if not config.auto_answer_headers or call.invite_request is None or _is_over(call):
            return
        delay = answer_after(call.invite_request)
        if delay is None or not _may_ask(call.remote_uri, config.auto_answer_from):
            return
        call.timer = self._agent.loop.call_later(delay, self._answer_by_itself, call)  # stopped when the call ends

    def _answer_by_itself(self, call: Call) -> None:
        if call.state not in UNANSWERED_INCOMING or _is_over(call):
            return
        try:
            call.answer(headers=[("Answer-Mode", "Auto")])
        except MicrosipError as error:
            LOG.info("%s could not be answered by itself: %s", call, error)

    def account_for(self, request: Request, host: str) -> Account | None:
        """Return the account that a request from ``host`` is for.

        That is whose user and domain it names in its Request-URI or its To, else the trunk it comes from, else whose
        user it names.
        """
        accounts = self._agent.accounts
        if not accounts:
            return None
        by_source = next((one for one in accounts if one.trunk is not None and one.trunk.admits(host)), None)
        for text in (request.uri, str(request.to.uri)):
            try:
                uri = SipUri.parse(text)
            except MicrosipError:
                continue
            same_user = [account for account in accounts if account.uri.user == uri.user]
            for account in same_user:
                if account.uri.host.lower() == uri.host.lower():
                    return account
            if same_user and by_source is None:
                return same_user[0]
        return by_source

    def _hand_over(self, handler: Handler, call: Call) -> None:
        try:
            result = handler(call)
        except Exception as error:
            self._handler_failed(call, error)
            return
        if not isinstance(result, Outcome) and inspect.isawaitable(result):
            task = self._agent.loop.create_task(self._follow(call, result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._agent.loop.call_soon(self._ring, call)  # after the handler's first step
        else:
            self._ring(call)

    async def _follow(self, call: Call, handling: Awaitable[object]) -> None:
        try:
            await handling
        except Exception as error:
            self._handler_failed(call, error)

    def _handler_failed(self, call: Call, error: Exception) -> None:
        """A fault in the user's handler costs that call, and is told."""
        if isinstance(error, MicrosipError) and _is_over(call):
            LOG.info("the handler of %s stopped at the end of the call: %s", call, error)
            return
        LOG.error("the handler of %s failed", call, exc_info=error)
        call.fail(
            error if isinstance(error, MicrosipError)
            else MicrosipError(f"the handler of the call failed: {error!r}", step="on_incoming", peer=call.remote_uri),
            cause=EndCause.ERROR,
        )

    def _ring(self, call: Call) -> None:
        if call.state is CallState.INCOMING and not _is_over(call) and self._agent.config.auto_ring:
            call.ring()

    async def next_call(self, timeout: float | None) -> Call:
        """Return the oldest call that waits and still rings."""
        loop = self._agent.loop
        deadline = None if timeout is None else loop.time() + timeout
        while True:
            while self._queue:
                call = self._queue.popleft()
                if call.state is not CallState.ENDED:
                    if self._queue and self._waiter is not None and not self._waiter.done():
                        self._waiter.set_result(None)
                    return call
            if self._agent.closing:
                raise Canceled("the user agent was closed", step="next call")
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= 0:
                raise TimedOut(f"no call came in within {timeout:g} s", step="next call")
            if self._waiter is None or self._waiter.done():
                self._waiter = loop.create_future()
            await asyncio.wait([self._waiter], timeout=left)

    def stop_waiting(self) -> None:
        """Wake those who wait in ``next_call``: no call will come any more."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def close(self) -> None:
        """Cancel the handlers that still run, and wait until they have gone."""
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _may_ask(uri: str, allowed: Sequence[str] | None) -> bool:
    """Whether who calls from ``uri`` is among those a pattern names, by user, by user@host or by whole URI."""
    if allowed is None:
        return True
    address = uri.partition(":")[2].partition(";")[0]
    names = (uri.lower(), address.lower(), address.partition("@")[0].lower())
    return any(fnmatchcase(name, pattern.lower()) for pattern in allowed for name in names)


def _take_over(call: Call, replaced: Call) -> None:
    """Answer a call that takes the place of another one (RFC 3891 s3), which ends by that."""
    try:
        call.answer()
    except MicrosipError as error:
        LOG.info("%s could not be replaced: %s", replaced, error)
        return
    replaced.replaced_by = call
    replaced.emit(EventType.CALL_REPLACED, text=call.remote_uri)


def _is_over(call: Call) -> bool:
    """Whether it has ended; a call that is ended within a handler learns it when the handler has returned."""
    return call.session is None or call.session.state is SessionState.ENDED
