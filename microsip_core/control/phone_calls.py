"""The calls of a phone: the policy for incoming ones, what happens by itself in a call, and telling of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from microsip_core.config.configuration import Configuration
from microsip_core.control.actions import Digits
from microsip_core.control.call_policy import decide
from microsip_core.control.event_commands import EventCommands, EventFacts, remote_facts
from microsip_core.control.log import LOG
from microsip_core.control.numbers import PhoneStatus
from microsip_core.control.phone_accounts import PhoneAccounts
from microsip_core.control.phone_settings import dial_target, recording_file
from microsip_core.errors import MicrosipError
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.events import Event, EventType
from microsip_core.user_agent.incoming_calls import IncomingCalls, facts_of
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.user_agent import UserAgent

ANSWERED = (CallState.ACTIVE, CallState.HELD, CallState.REMOTE_HELD)
UNANSWERED = (CallState.INCOMING, CallState.RINGING, CallState.EARLY)
_DTMF_METHODS = ("auto", "inband", "rfc4733", "info")


class PhoneCalls:
    """Watches the calls of a user agent. ``tell`` gets each event for those who have subscribed."""

    def __init__(
        self, agent: UserAgent, accounts: PhoneAccounts, commands: EventCommands, configuration: Configuration,
        folder: Path, tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.agent, self.accounts, self.commands, self.configuration = agent, accounts, commands, configuration
        self._folder, self._tell = folder, tell
        self._digits: dict[int, tuple[Digits, ...]] = {}
        self._timers: dict[int, list[asyncio.TimerHandle]] = {}
        self._recordings: dict[int, str] = {}
        self._hung_up: set[int] = set()  # by a person, while it rang: that is no busy signal
        self._tasks: set[asyncio.Task[None]] = set()
        self._had_calls = False
        self._policy = IncomingCalls(agent, before_answer=self.hold_others, target_of=self._forward_target)
        agent.on_incoming = self.incoming

    # -- incoming ---------------------------------------------------------------------------------------------------

    def incoming(self, call: Call) -> None:
        """Decide on a call that comes in."""
        self._policy.carry_out(call, decide(self.configuration.settings, facts_of(self.agent, call)))

    def _forward_target(self, number: str, call: Call) -> str:
        return dial_target(number, self.accounts.settings_of(call.account))

    # -- what happens by itself -------------------------------------------------------------------------------------

    def _later(self, call: Call, delay: float, act: Callable[[], None]) -> None:
        timer = asyncio.get_running_loop().call_later(delay, act)
        self._timers.setdefault(call.id, []).append(timer)

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except MicrosipError as error:
            LOG.warning("%s", error)

    def spawn(self, work: Any) -> None:
        """Do something in the background; its failure is logged."""
        async def guarded() -> None:
            try:
                await work
            except MicrosipError as error:
                LOG.warning("%s", error)

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send_when_answered(self, call: Call, digits: tuple[Digits, ...]) -> None:
        """Send DTMF digits so and so long after the answer."""
        if digits:
            self._digits[call.id] = digits

    def send_digits(self, call: Call, digits: str) -> None:
        """Send DTMF digits now, in the background, by the method of the settings."""
        method = _DTMF_METHODS[self.configuration.settings.DTMFMethod]
        if call.state in ANSWERED:
            self.spawn(call.send_dtmf(digits, method=method))

    def hold_others(self, call: Call | None) -> None:
        """Put every other active call on hold: one is talked on at a time."""
        for one in self.agent.calls:
            if one is not call and one.state is CallState.ACTIVE:
                self._guarded(one.hold)

    def hang_up(self, call: Call) -> None:
        """Hang up because a person wants it."""
        if call.answered is None:
            self._hung_up.add(call.id)
        call.hangup()

    def _started(self, call: Call) -> None:
        settings = self.configuration.settings
        if settings.autoHangUpTime:
            self._later(call, settings.autoHangUpTime, lambda: self.hang_up(call))
        for one in self._digits.pop(call.id, ()):
            self._later(call, one.at, lambda one=one: self.send_digits(call, one.digits))  # type: ignore[misc]
        if settings.autoRecording and call.state in ANSWERED:
            number = remote_facts(EventFacts(""), call.remote_uri, "").number
            label = self.accounts.label(call.account)
            path = recording_file(settings, self._folder, number, call.direction, label)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                call.record(path)
            except (MicrosipError, OSError) as error:
                LOG.error("%s can not be recorded to %s: %s", call, path, error)

    # -- telling ----------------------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Walk the events of the user agent until it closes."""
        async for event in self.agent.events():
            try:
                self._take(event)
            except Exception:
                LOG.exception("an event could not be told: %s", event)

    def _take(self, event: Event) -> None:
        call = event.call
        if call is not None:
            self._had_calls = True
            if event.type is EventType.RECORDING_STARTED:
                self._recordings[call.id] = event.text
            self._act_on(call, event)
            self._tell(event.type.value, {**describe(call), "event_status": event.status, "text": event.text})
            return
        label = self.accounts.label(event.account)
        self._tell(event.type.value, {"account": label, "event_status": event.status, "text": event.text})
        if event.account is not None:
            self.commands.status_changed(EventFacts(event.type.value, code=event.status, reason=event.text,
                                                    account=label))

    def _act_on(self, call: Call, event: Event) -> None:
        facts, kind = self._facts(call, event), event.type
        if kind is EventType.CALL_INCOMING:
            self.commands.incoming(facts)
        elif kind is EventType.CALL_OUTGOING:
            self.commands.outgoing(facts)
        elif kind is EventType.CALL_RINGING and call.direction == "incoming":
            self.commands.ringing(facts)
        elif kind is EventType.CALL_STARTED:
            self._started(call)
            self.commands.started(facts)
        elif kind is EventType.CALL_ENDED:
            self.commands.ended(facts)
        if kind.value.startswith("call_") and kind not in (EventType.CALL_BUSY, EventType.CALL_PROGRESS):
            self.commands.status_changed(facts)
        if kind is EventType.CALL_ENDED:
            self._forget(call)

    def _facts(self, call: Call, event: Event) -> EventFacts:
        busy = call.end_cause is EndCause.BUSY and call.id not in self._hung_up
        facts = EventFacts(
            status=event.type.value.removeprefix("call_"), call=call.id, direction=call.direction,
            callid=call.call_id, duration=int(call.duration), code=event.status or call.status,
            reason=call.reason or (str(call.end_cause) if call.end_cause else ""),
            account=self.accounts.label(call.account), recording=self._recordings.get(call.id, ""),
            local_uri=call.local_uri, busy=busy,
        )
        return remote_facts(facts, call.remote_uri, call.remote_display_name)

    def _forget(self, call: Call) -> None:
        for timer in self._timers.pop(call.id, ()):
            timer.cancel()
        self._digits.pop(call.id, None)
        self._recordings.pop(call.id, None)
        self._hung_up.discard(call.id)

    def status(self) -> PhoneStatus:
        """Return the best that can be said of all calls."""
        states = {call.state for call in self.agent.calls}
        if states & {CallState.ACTIVE, CallState.CONNECTING}:
            return PhoneStatus.ACTIVE
        if states & {CallState.HELD, CallState.REMOTE_HELD}:
            return PhoneStatus.HOLD
        if states:
            return PhoneStatus.RINGING
        return PhoneStatus.DISCONNECTED if self._had_calls else PhoneStatus.IDLE


def describe(call: Call) -> dict[str, Any]:
    """Return a call as clients see it."""
    return {
        "call": call.id, "call_id": call.call_id, "direction": call.direction, "state": call.state.value,
        "local": call.local_uri, "remote": call.remote_uri, "name": call.remote_display_name, "status": call.status,
        "reason": call.reason, "duration": round(call.duration, 3), "muted": call.muted, "recording": call.recording,
        "end_cause": call.end_cause.value if call.end_cause else None, "ended_by": call.ended_by,
    }
