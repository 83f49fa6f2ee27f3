"""One call: its signaling state, and what its user can do with it."""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType

from microsip_core.user_agent.account import Account
from microsip_core.user_agent.call_media import CallMedia
from microsip_core.user_agent.event_stream import EventStream
from microsip_core.user_agent.states import CallState, EndCause


class Call(CallMedia):
    """A call, incoming or outgoing. Made by :class:`UserAgent`, never directly.

    The methods that act (``ring``, ``answer``, ``reject``, ``hangup``, ``hold``, ``unhold``) act at once, also from a plain
    function, and return something to await for the outcome. ``async with call:`` hangs up at the exit.
    """

    id: int  # 1, 2, 3 ... within the user agent
    call_id: str  # SIP Call-ID
    direction: str  # "outgoing" or "incoming"
    state: CallState
    account: Account | None
    local_uri: str
    remote_uri: str
    remote_display_name: str
    status: int  # last SIP status, 0 before the first
    reason: str  # its reason phrase
    created: float  # times are seconds since the epoch
    ringing: float | None
    answered: float | None
    ended: float | None
    end_cause: EndCause | None
    ended_by: str | None  # "local", "remote", "timeout" or "transport"

    @property
    def setup_ms(self) -> float | None:
        """Milliseconds from the INVITE to the first sign of the callee: 180, 183 or 200. None before."""
        raise NotImplementedError

    @property
    def answer_ms(self) -> float | None:
        """Milliseconds from the INVITE to the answer, None before."""
        raise NotImplementedError

    @property
    def duration(self) -> float:
        """Seconds since the answer, or from answer to end; 0 where there was no answer."""
        raise NotImplementedError

    def ring(self, early_media: bool = False) -> Awaitable[None]:
        """Send 180 Ringing, or with ``early_media`` 183 with our session description, for an incoming call."""
        raise NotImplementedError

    def answer(self) -> Awaitable[None]:
        """Answer an incoming call with 200; awaiting waits for the caller's ACK.

        Without a common codec it is refused with 488 and awaiting raises CodecError. InvalidState when not incoming.
        """
        raise NotImplementedError

    def reject(self, status: int = 486, reason: str | None = None) -> Awaitable[None]:
        """Refuse an incoming call with a final status of 300-699."""
        raise NotImplementedError

    def hangup(self) -> Awaitable[None]:
        """End the call whatever its state: CANCEL, final response or BYE. Awaiting waits until it has ended; never raises."""
        raise NotImplementedError

    async def wait(self, state: CallState | str, timeout: float | None = None) -> None:
        """Wait until the call is in ``state`` or past it. Raises TimedOut, or why the call ended."""
        raise NotImplementedError

    async def wait_ended(self, timeout: float | None = None) -> EndCause:
        """Wait until the call has ended, by whomever; returns the cause. Raises TimedOut."""
        raise NotImplementedError

    def hold(self) -> Awaitable[None]:
        """Put the peer on hold by a re-INVITE."""
        raise NotImplementedError

    def unhold(self) -> Awaitable[None]:
        """Resume after :meth:`hold`."""
        raise NotImplementedError

    def events(self) -> EventStream:
        """Return the call's events from now on, for ``async for``; ends with the call."""
        raise NotImplementedError

    async def __aenter__(self) -> Call:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.hangup()
