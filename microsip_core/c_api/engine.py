"""The one engine behind the C-style functions: a user agent on a thread of its own, and the handles given out."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from microsip_core.c_api.codec_order import CodecOrder
from microsip_core.c_api.dispatcher import Dispatcher
from microsip_core.c_api.loop_thread import LoopThread
from microsip_core.c_api.preferences import Preferences
from microsip_core.c_api.sound import Sound
from microsip_core.c_api.structures import event_of
from microsip_core.c_api.termination import exit_on_sigterm, forget_sigterm
from microsip_core.c_api.transport_handles import Transports
from microsip_core.errors import (
    AuthenticationError,
    InvalidState,
    MicrosipError,
    NoAccount,
    NoCall,
    NotInitialized,
)
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_life import UNANSWERED_INCOMING
from microsip_core.user_agent.conference import Conference
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.incoming_calls import IncomingCalls, facts_of
from microsip_core.user_agent.incoming_policy import Decision, decide
from microsip_core.user_agent.received_request import ReceivedRequest
from microsip_core.user_agent.states import AccountState, CallState
from microsip_core.user_agent.user_agent import UserAgent

T = TypeVar("T")
_KNOWN_CALLS = 1000  # so many calls can be asked about, once they have ended
_BEGINNINGS = frozenset({EventType.CALL_INCOMING, EventType.CALL_OUTGOING})
_REGISTER_WAIT = 10.0  # seconds that a call waits for a registration under way

_lock = threading.RLock()
_engine: Engine | None = None
_orphans: list[Engine] = []  # of a parent process: its threads are not here, so it must not even be finalized


class Engine:
    """What stands between sip_init and sip_shutdown."""

    def __init__(self, config: UserAgentConfig | None, media: str | None) -> None:
        self.thread = LoopThread()
        self.dispatcher = Dispatcher()
        self._known: OrderedDict[int, Call] = OrderedDict()
        self.conferences: dict[int, Conference] = {}  # on the loop thread
        self._requests: dict[int, tuple[ReceivedRequest, asyncio.Future[None]]] = {}
        self._request_number = 0
        self._watch: asyncio.Task[None] | None = None
        try:
            self.thread.run(lambda: self._start(config, media))
        except BaseException:
            self.thread.stop()
            raise

    async def _start(self, config: UserAgentConfig | None, media: str | None) -> None:
        self.agent = UserAgent(config, media=media)
        self.agent.on_request = self._hold_request
        self.agent.on_incoming = self._incoming
        self.preferences = Preferences(self.agent)
        self.transports, self.codecs = Transports(), CodecOrder()
        self.sound = Sound(self.agent)
        self._calls_in = IncomingCalls(self.agent, target_of=self.preferences.dialled_for)
        await self.agent.start()
        self._watch = asyncio.create_task(self._deliver(self.agent.events()))

    async def _deliver(self, events: EventStream) -> None:
        async for event in events:
            if event.call is not None and event.type in _BEGINNINGS:
                self.know(event.call)  # also one that no function has made: a transfer followed, a place taken over
            if event.call is not None and event.type is EventType.CALL_STARTED:
                self.sound.started(event.call)
            waiting = (number for number, one in self._requests.items() if one[0].message is event.message)
            self.dispatcher.put(event_of(event, next(waiting, 0) if event.type is EventType.REQUEST else 0))

    def _incoming(self, call: Call) -> None:
        """Do with a call as the policy says; without one it rings until sip_answer: the user agent sends 180."""
        self.know(call)
        decision = decide(self.preferences.policy, facts_of(self.agent, call))
        if decision != Decision():
            self._calls_in.carry_out(call, decision)

    def _hold_request(self, received: ReceivedRequest) -> Coroutine[Any, Any, None] | None:
        """Keep a request for sip_send_response, if the settings say that the program answers its method."""
        if received.method not in self.agent.config.methods:
            return None
        self._request_number += 1
        number, answered = self._request_number, asyncio.get_running_loop().create_future()
        self._requests[number] = (received, answered)

        async def wait() -> None:
            try:
                await answered
            finally:
                self._requests.pop(number, None)

        return wait()

    def request(self, handle: int) -> ReceivedRequest:
        """Return the request of a handle that waits for an answer. Raises InvalidState."""
        if handle not in self._requests:
            raise InvalidState(f"no request {handle} waits for an answer", step="sip_send_response")
        return self._requests[handle][0]

    def request_answered(self, handle: int) -> None:
        """A final response has been sent."""
        answered = self._requests[handle][1]
        if not answered.done():
            answered.set_result(None)

    def know(self, call: Call) -> None:
        """Remember a call by its handle, for a good while after its end too."""
        self._known[call.id] = call
        if len(self._known) > _KNOWN_CALLS:
            oldest = next((known for known in self._known.values() if known.state is CallState.ENDED), None)
            if oldest is not None:
                del self._known[oldest.id]

    def run(self, work: Callable[[UserAgent], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine function with the user agent, on the loop thread, and wait for its result."""
        return self.thread.run(lambda: work(self.agent))

    def close(self) -> None:
        """Hang up, unregister, end the threads."""
        self.thread.run(self._close)
        self.thread.stop()
        self.dispatcher.close()

    async def _close(self) -> None:
        await self.agent.close()
        if self._watch is not None:
            await self._watch  # the last events are delivered, "shutdown" among them

    # -- handles; on the loop thread --------------------------------------------------------------------------------

    def account(self, handle: int) -> Account:
        """Return the account of a handle, the default one for 0. Raises NoAccount."""
        accounts = self.agent.accounts
        if handle == 0 and accounts:
            return accounts[0]
        for account in accounts:
            if account.id == handle:
                return account
        raise NoAccount(f"there is no account {handle}" if handle else "there is no account",
                        remedy="Call sip_create_account first")

    def call(self, handle: int) -> Call:
        """Return the call of a handle, ended ones too; the current one for 0. Raises NoCall."""
        if handle == 0:
            return self.current_call()
        call = self._known.get(handle)
        if call is None:
            raise NoCall(f"there is no call {handle}", remedy="Ask sip_list_calls for those there are")
        return call

    def last_call(self) -> Call:
        """Return the newest call, ended or not. Raises NoCall."""
        if not self._known:
            raise NoCall("there has been no call")
        return next(reversed(self._known.values()))

    def current_call(self) -> Call:
        """Return the call that a function without a handle means. Raises NoCall.

        That is the newest answered one, else the newest outgoing one, else the oldest incoming one.
        """
        calls = self.agent.calls
        answered = [call for call in calls if call.answered is not None]
        outgoing = [call for call in calls if call.direction == "outgoing"]
        if not calls:
            raise NoCall("there is no call", remedy="Call sip_invite first, or wait for an incoming call")
        return answered[-1] if answered else outgoing[-1] if outgoing else calls[0]

    def ringing_call(self) -> Call:
        """Return the oldest incoming call that waits for an answer. Raises NoCall."""
        for call in self.agent.calls:
            if call.direction == "incoming" and call.state in UNANSWERED_INCOMING:
                return call
        raise NoCall("no incoming call is ringing")

    async def registration_settled(self, account: Account) -> None:
        """Wait for a registration under way, at most 10 s. Raises AuthenticationError when credentials were refused.

        After any other failure the call is worth trying: the peer may be no registrar, or slow at it.
        """
        if account.state is AccountState.REGISTERING:
            with contextlib.suppress(MicrosipError):
                await account.settled(_REGISTER_WAIT)
        if account.state is AccountState.FAILED and isinstance(account.error, AuthenticationError):
            raise account.error


def start_engine(config: UserAgentConfig | None, media: str | None) -> bool:
    """Start the engine; returns False when it runs already."""
    global _engine  # noqa: PLW0603
    with _lock:
        if _engine is not None:
            return False
        _engine = Engine(config, media)
    exit_on_sigterm()
    return True


def stop_engine() -> bool:
    """Stop the engine; returns False when there was none."""
    global _engine  # noqa: PLW0603
    with _lock:
        engine = _engine
        if engine is None:
            return False
        engine.thread.refuse_here()
        _engine = None
    engine.close()
    forget_sigterm()
    return True


def running_engine() -> Engine:
    """Return the engine. Raises NotInitialized."""
    engine = _engine
    if engine is None:
        raise NotInitialized("the engine does not run in this process", remedy="Call sip_init first")
    return engine


def is_running() -> bool:
    """Whether there is an engine."""
    return _engine is not None


def _forget_after_fork() -> None:
    """In a forked child the engine's threads do not exist: it starts without an engine."""
    global _engine, _lock  # noqa: PLW0603
    _lock = threading.RLock()
    if _engine is not None:
        _orphans.append(_engine)
        _engine = None


atexit.register(stop_engine)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
