"""The life of a call: its state and times, who waits for it, who listens to it, and its end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from microsip_core.errors import InvalidArgument, MicrosipError, TimedOut
from microsip_core.sip.caller_identity import Diversion, HistoryEntry, diversions_of, history_of, privacy_of
from microsip_core.sip.session.reason import Reason, reasons_of
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.failure import ended_error
from microsip_core.user_agent.states import CallState, EndCause

if TYPE_CHECKING:
    from microsip_core.errors import Explanation
    from microsip_core.sip.caller_identity import Caller
    from microsip_core.sip.message import Request, Response
    from microsip_core.sip.session.invite_session import InviteSession
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.agent_core import AgentCore
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.placement import Placement
    from microsip_core.user_agent.referral import Referral
    from microsip_core.user_agent.transfer import TransferAttempt

ANSWERED = frozenset({CallState.ACTIVE, CallState.HELD, CallState.REMOTE_HELD})
UNANSWERED_INCOMING = frozenset({CallState.INCOMING, CallState.RINGING, CallState.EARLY})
_NOT_ENDED = frozenset(CallState) - {CallState.ENDED}
_REACHED: dict[CallState, frozenset[CallState]] = {
    CallState.IDLE: _NOT_ENDED,
    CallState.CALLING: _NOT_ENDED,
    CallState.INCOMING: _NOT_ENDED,
    CallState.RINGING: frozenset({CallState.RINGING, CallState.EARLY, CallState.CONNECTING}) | ANSWERED,
    CallState.EARLY: frozenset({CallState.EARLY, CallState.CONNECTING}) | ANSWERED,
    CallState.CONNECTING: frozenset({CallState.CONNECTING}) | ANSWERED,
    CallState.ACTIVE: ANSWERED,
    CallState.HELD: frozenset({CallState.HELD}),
    CallState.REMOTE_HELD: frozenset({CallState.REMOTE_HELD}),
    CallState.ENDED: frozenset({CallState.ENDED}),
}


class CallLife:
    """State, waiters and listeners of a call. What a call is made of beyond that is in the classes on top of it."""

    # most calls never set most of these: as defaults of the class they cost such a call nothing
    call_id = ""
    status = 0
    reason = ""
    ringing: float | None = None
    answered: float | None = None
    ended: float | None = None
    end_cause: EndCause | None = None
    ended_by: str | None = None
    error: MicrosipError | None = None
    invite_request: Request | None = None
    response: Response | None = None
    caller: Caller | None = None
    end_message: Request | Response | None = None
    held = False
    transferred_to: Call | None = None
    replaced_by: Call | None = None
    joins: Call | None = None

    session: InviteSession | None = None  # from here on: for the files of this package
    offer: bytes | None = None
    first_response: float | None = None
    released: asyncio.Future[int] | None = None  # the status that our BYE or CANCEL got, 0 where none came
    renegotiation: asyncio.Future[None] | None = None
    renegotiating_hold = False
    placement: Placement | None = None  # of an outgoing call, until it is answered
    transfer_attempt: TransferAttempt | None = None
    referral: Referral | None = None  # of the call that a REFER has asked for
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    _waiters: list[tuple[frozenset[CallState], asyncio.Future[None]]] | None = None
    _streams: list[EventStream] | None = None

    def __init__(
        self, agent: AgentCore, number: int, direction: str, state: CallState, *, account: Account | None = None,
        local_uri: str = "", remote_uri: str = "", remote_display_name: str = "",
    ) -> None:
        self.agent = agent
        self.id = number
        self.direction = direction
        self.state = state
        self.account = account
        self.local_uri = local_uri
        self.remote_uri = remote_uri
        self.remote_display_name = remote_display_name
        self.created = time.time()

    @property
    def diversions(self) -> tuple[Diversion, ...]:
        """Who has sent the call on before it came here, the last one first (RFC 5806); empty where nobody has."""
        return diversions_of(self.invite_request) if self.invite_request is not None else ()

    @property
    def tags(self) -> tuple[str, str]:
        """Our tag and the peer's, which name the dialog beside ``call_id`` (RFC 3261 s12); "" where there is none yet.
        """
        dialog = self.session.dialog if self.session is not None else None
        if dialog is not None:
            return dialog.local_tag, dialog.remote_tag
        told, last = self.invite_request, self.response
        caller = (told.from_.tag if told is not None else None) or ""
        callee = (last.to.tag if last is not None else None) or ""
        return (caller, callee) if self.direction == "outgoing" else (callee, caller)

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        """Where the call has been before (RFC 7044); empty where it does not say."""
        return history_of(self.invite_request) if self.invite_request is not None else ()

    @property
    def privacy(self) -> frozenset[str]:
        """What the caller wants kept private (RFC 3323): "id", "user", ...; empty for nothing."""
        return privacy_of(self.invite_request) if self.invite_request is not None else frozenset()

    @property
    def end_reasons(self) -> tuple[Reason, ...]:
        """The Reason values of the message that ended the call; empty where it had none."""
        return reasons_of(self.end_message) if self.end_message is not None else ()

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.direction} {self.remote_uri} {self.state}>"

    @property
    def setup_ms(self) -> float | None:
        """Milliseconds from the INVITE to the first sign of the callee: 101-199 or 200. None before."""
        return None if self.first_response is None else (self.first_response - self.created) * 1000

    @property
    def answer_ms(self) -> float | None:
        """Milliseconds from the INVITE to the answer, None before."""
        return None if self.answered is None else (self.answered - self.created) * 1000

    @property
    def duration(self) -> float:
        """Seconds since the answer, or from answer to end; 0 where there was no answer."""
        if self.answered is None:
            return 0.0
        return (self.ended or time.time()) - self.answered

    async def wait(self, state: CallState | str, timeout: float | None = None) -> None:
        """Wait until the call is in ``state`` or past it. Raises TimedOut, or why the call ended.

        ``timeout`` in seconds. An answered call is past "ringing"; "active" is reached by a held call too.
        """
        try:
            wanted = _REACHED[CallState(state)]
        except ValueError:
            raise InvalidArgument(f"{state!r} is no call state", remedy=f"One of {', '.join(CallState)}") from None
        if self.state in wanted:
            return
        if self.state is CallState.ENDED:
            raise self.error or ended_error(self.remote_uri)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiters is None:
            self._waiters = []
        entry = (wanted, waiter)
        self._waiters.append(entry)
        try:
            done, _ = await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiters.remove(entry)
            if waiter.done():
                waiter.exception()  # seen: a wait that is cancelled as the call fails leaves no complaint of asyncio
        if not done:
            raise TimedOut(
                f"the call is {self.state}, not {state}, after {timeout:g} s", step="wait", peer=self.remote_uri,
            )
        waiter.result()

    def explain(self) -> Explanation | None:
        """Return why the call failed: what was sent, what came back, the likely cause, the remedy; None: it did not."""
        return None if self.error is None else self.error.explain()

    async def wait_ended(self, timeout: float | None = None) -> EndCause:
        """Wait until the call has ended, by whomever; returns the cause. Raises TimedOut."""
        await self.wait(CallState.ENDED, timeout)
        return self.end_cause or EndCause.NORMAL

    def events(self) -> EventStream:
        """Return the call's events from now on, for ``async for``; ends with the call."""
        stream = EventStream()
        if self.state is CallState.ENDED:
            stream.close()
        elif self._streams is None:
            self._streams = [stream]
        else:
            self._streams.append(stream)
        return stream

    # -- for the files of this package ------------------------------------------------------------------------------

    def emit(
        self, kind: EventType, status: int = 0, text: str = "", message: Request | Response | None = None,
    ) -> None:
        """Tell the listeners of the call and of the user agent."""
        if self._streams is None and not self.agent.observed:
            return
        event = Event(kind, time.time(), cast("Call", self), self.account, status, text, "", message)
        self.tell(event)
        self.agent.publish(event)

    @property
    def observed(self) -> bool:
        """Whether anybody listens to the events of the call."""
        return bool(self._streams)

    def tell(self, event: Event) -> None:
        """Tell those who listen to the call."""
        for stream in self._streams or ():
            stream.put(event)

    def enter(self, state: CallState) -> None:
        """Change the state and wake those who waited for it."""
        self.state = state
        for wanted, waiter in self._waiters or ():
            if waiter.done():
                continue
            if state in wanted:
                waiter.set_result(None)
            elif state is CallState.ENDED:
                waiter.set_exception(self.error or ended_error(self.remote_uri))

    def fail(self, error: MicrosipError, status: int = 500, cause: EndCause = EndCause.ERROR) -> None:
        """End the call for a reason of ours. ``error`` is what those who wait get, ``status`` what a caller gets."""
        if self.state is CallState.ENDED:
            return
        self.error, self.end_cause = error, cause
        if self.session is None:
            self.finish(cause, "local")
            return
        self.session.hangup(self.agent.now(), status=status)
        self.agent.pump()

    def finish(self, cause: EndCause, by: str) -> None:
        """The call is over: say so to everyone, free what it held."""
        if self.state is CallState.ENDED:
            return
        self.ended = time.time()
        self.end_cause, self.ended_by = self.end_cause or cause, by
        self.cancel_timer()
        if self.session is None and self.task is not None:
            self.task.cancel()
        self.close_media()
        if self.renegotiation is not None and not self.renegotiation.done():
            self.renegotiation.set_exception(self.error or ended_error(self.remote_uri))
        if self.transfer_attempt is not None:
            self.transfer_attempt.call_ended()
        self.enter(CallState.ENDED)
        self.agent.forget(self)
        self.placement = None
        self.session = None  # and so no cycle: what the call held is freed without the garbage collector
        if self.referral is not None:
            self.referral.tell_end(self)
            self.referral = None
        if self.end_cause is EndCause.BUSY:
            self.emit(EventType.CALL_BUSY, self.status, self.reason)
        self.emit(EventType.CALL_ENDED, self.status, self.reason, self.end_message)
        if not self.recording:
            self.close_streams()

    def cancel_timer(self) -> None:
        """Stop the timer that gives the call up."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def close_streams(self) -> None:
        """No event of this call will come any more."""
        for stream in self._streams or ():
            stream.close()
        self._streams = None

    @property
    def recording(self) -> bool:
        """Whether a recording is being written."""
        raise NotImplementedError

    def close_media(self) -> None:
        """Stop the sound and free its sockets."""
        raise NotImplementedError
