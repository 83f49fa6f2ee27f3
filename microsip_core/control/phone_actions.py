"""What can be done with a phone: dial, answer, hang up, hold, mute, digits; for launches and requests alike."""

from __future__ import annotations

from microsip_core.config.account_settings import AccountSettings
from microsip_core.control.actions import Digits
from microsip_core.control.launch import check_digits
from microsip_core.control.phone_accounts import PhoneAccounts
from microsip_core.control.phone_calls import ANSWERED, UNANSWERED, PhoneCalls
from microsip_core.control.phone_settings import call_privacy, dial_target
from microsip_core.errors import Busy, InvalidArgument, InvalidState, NoCall
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.outcome import Outcome
from microsip_core.user_agent.states import AccountState, CallState
from microsip_core.user_agent.target import complete_target, parse_uri
from microsip_core.user_agent.user_agent import UserAgent

REGISTRATION_TIME = 32.0
"""Seconds that a dialled number waits for a registration under way, then it is dialled all the same."""

_HANG_UP = ("all", "incoming", "calling", "current")


class PhoneActions:
    """Acts on the calls of a phone. ``call`` None means the current one; all raise MicrosipError."""

    def __init__(self, agent: UserAgent, accounts: PhoneAccounts, calls: PhoneCalls) -> None:
        self._agent, self._accounts, self._calls = agent, accounts, calls

    # -- which call -------------------------------------------------------------------------------------------------

    def call(self, number: int | None = None) -> Call:
        """Return a call by its number, or the current one: active before held before all else, the newest first."""
        calls = self._agent.calls
        if number is not None:
            found = [one for one in calls if one.id == number]
        else:
            order = (CallState.ACTIVE, CallState.REMOTE_HELD, CallState.CONNECTING, CallState.HELD)
            found = sorted(calls, key=lambda one: (
                order.index(one.state) if one.state in order else len(order), -one.id))
        if not found:
            raise NoCall("there is no call" if number is None else f"there is no call {number}", step="find the call")
        return found[0]

    def ringing(self, number: int | None = None) -> Call:
        """Return the oldest incoming call that is not answered. Raises NoCall."""
        for one in self._agent.calls:
            if one.direction == "incoming" and one.state in UNANSWERED and number in (None, one.id):
                return one
        raise NoCall("no call is ringing", step="answer")

    # -- placing calls ----------------------------------------------------------------------------------------------

    def dial(self, typed: str, digits: tuple[Digits, ...] = ()) -> str:
        """Call what a user typed by the chosen account; return what came of it.

        Raises Busy in single mode when there is a call, PermissionDenied for what the dial plan blocks,
        InvalidArgument.
        """
        self._require_free()
        account, section = self._accounts.current()
        complete = _whole_target(typed, account, section, "dial")
        privacy = call_privacy(section)
        if account is not None and account.state is AccountState.REGISTERING:
            self._calls.spawn(self._dial_later(account, complete, privacy, digits))
            return "waiting for the registration"
        return f"call {self._start(account, complete, privacy, digits).id}"

    def _require_free(self) -> None:
        if self._calls.configuration.settings.singleMode and self._agent.calls:
            raise Busy("there is a call already (singleMode)", step="dial", remedy="End it, or set singleMode to 0")

    def _start(
        self, account: Account | None, target: str, privacy: str, digits: tuple[Digits, ...],
    ) -> Call:
        self._calls.hold_others(None)
        call = self._agent.start_call(target, account=account, privacy=privacy)
        self._calls.send_when_answered(call, digits)
        return call

    async def _dial_later(
        self, account: Account, target: str, privacy: str, digits: tuple[Digits, ...],
    ) -> None:
        await account.settled(REGISTRATION_TIME)
        self._require_free()
        self._start(account, target, privacy, digits)

    # -- acting on calls --------------------------------------------------------------------------------------------

    def answer(self, number: int | None = None) -> str:
        """Answer the oldest ringing call."""
        call = self.ringing(number)
        self._calls.hold_others(call)
        call.answer()
        return f"call {call.id}"

    def reject(self, number: int | None = None, status: int = 486) -> str:
        """Refuse the oldest ringing call. Raises InvalidArgument for a status that refuses nothing."""
        call = self.ringing(number)
        call.reject(status)
        return f"call {call.id}"

    def hang_up(self, number: int | None = None) -> str:
        """Hang up one call."""
        call = self.call(number)
        self._calls.hang_up(call)
        return f"call {call.id}"

    def hang_up_all(self, which: str = "all") -> str:
        """Hang up every call but unanswered incoming ones ("all"), only those ("incoming"), unanswered ones of ours
        ("calling").
        """
        if which not in _HANG_UP[:3]:
            raise InvalidArgument(f"{which!r} must be one of {', '.join(_HANG_UP[:3])}", step="hang up")
        ended = 0
        for call in self._agent.calls:
            incoming = call.direction == "incoming" and call.state in UNANSWERED
            calling = call.direction == "outgoing" and call.state not in ANSWERED
            if {"all": not incoming, "incoming": incoming, "calling": calling}[which]:
                self._calls.hang_up(call)
                ended += 1
        if not ended:
            raise NoCall("there is no such call", step="hang up")
        return f"{ended} ended"

    async def hold(self, number: int | None = None, on: bool | None = None) -> str:
        """Put a call on hold or take it off; None does the other of what is."""
        call = self.call(number)
        on = not call.held if on is None else on
        await (call.hold() if on else call.unhold())
        return "held" if on else "resumed"

    def mute(self, number: int | None = None, on: bool | None = None) -> bool:
        """Mute or unmute the microphone of a call; None does the other of what is. Return whether it is muted."""
        try:
            call = self.call(number)
        except NoCall as error:
            raise InvalidState("there is no call to mute", step="mute") from error
        on = not call.muted if on is None else on
        if on:
            call.mute()
        else:
            call.unmute()
        return on

    def transfer(self, typed: str, number: int | None = None) -> str:
        """Ask the peer of a call to call what a user typed instead of us, in the background; the events
        ``call_transfer_status`` and ``call_ended`` tell the outcome. Raises InvalidState, InvalidArgument.
        """
        call = self.call(number)
        target = _whole_target(typed, call.account, self._accounts.settings_of(call.account), "transfer")
        self._calls.spawn(_outcome_of(call.transfer(target)))
        return f"call {call.id}"

    def connect(self, number: int | None = None, other: int | None = None) -> str:
        """Connect the peers of two calls with each other (attended transfer): by default the current one and the newest
        other. Raises NoCall, InvalidState.
        """
        call = self.call(number)
        others = [one for one in self._agent.calls if one is not call and other in (None, one.id)]
        if not others:
            raise NoCall("there is no other call to connect with", step="transfer")
        self._calls.spawn(_outcome_of(call.transfer_to(others[-1])))
        return f"calls {call.id} and {others[-1].id}"

    async def message(self, typed: str, text: str) -> str:
        """Send a text message to what a user typed, by the chosen account, after its registration; wait until it has
        been taken. Raises CallRefused, TimedOut, InvalidArgument.
        """
        if not text.strip():
            raise InvalidArgument("the message is empty", step="message", remedy="Write NUMBER and the text")
        account, section = self._accounts.current()
        target = _whole_target(typed, account, section, "message")
        if account is not None and account.state is AccountState.REGISTERING:
            await account.settled(REGISTRATION_TIME)
        await self._agent.send_message(target, text, account=account)
        return "sent"

    def dtmf(self, digits: str, number: int | None = None) -> str:
        """Send digits on a call, in the background. Raises InvalidArgument, InvalidState."""
        digits = check_digits(digits.strip())
        call = self.call(number)
        if call.state not in ANSWERED:
            raise InvalidState(f"the call is {call.state}", step="dtmf", remedy="Wait until it is answered")
        self._calls.send_digits(call, digits)
        return f"call {call.id}"


def _whole_target(typed: str, account: Account | None, section: AccountSettings | None, step: str) -> str:
    """Return the URI that is meant by what a user typed. Raises InvalidArgument, PermissionDenied."""
    complete = complete_target(dial_target(typed, section), account.uri.host_port if account is not None else None)
    parse_uri(complete.partition("?")[0], step)
    return complete


async def _outcome_of(outcome: Outcome) -> None:
    await outcome
