"""Transfers of ours: a peer is asked to call somebody else, and what becomes of that (RFC 3515, RFC 5589)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.errors import CallRefused, Canceled, InvalidState, MicrosipError, TimedOut
from microsip_core.user_agent.call_life import ANSWERED
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.failure import ended_error
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.states import CallState, EndCause

if TYPE_CHECKING:
    from microsip_core.sip.events import TransferProgress
    from microsip_core.sip.session.invite_session import InviteSession
    from microsip_core.sip.session.transfer import OutgoingTransfer
    from microsip_core.user_agent.call import Call

Headers = Sequence[tuple[str, str]]
_PATIENCE = 5.0  # seconds beyond the ring time-out that the outcome may take to be told


class TransferAttempt:
    """A REFER of ours whose outcome is open. ``outcome`` is done when it is known, or will not be."""

    __slots__ = ("_accepted", "_call", "_other", "_refer", "_target", "_timer", "outcome")

    def __init__(self, call: Call, refer: OutgoingTransfer, target: str, other: Call | None) -> None:
        agent = call.agent
        self.outcome: asyncio.Future[None] = agent.loop.create_future()
        self.outcome.add_done_callback(_look_at_exception)
        self._call = call
        self._refer = refer
        self._target = target
        self._other = other
        self._accepted = False
        self._timer = agent.loop.call_later(agent.config.ring_timeout + _PATIENCE, self._untold)

    def on_progress(self, event: TransferProgress) -> None:
        """The peer tells how its new call fares; we leave when that has been answered."""
        if event.transfer is not self._refer:
            return
        call, status = self._call, event.status
        call.emit(EventType.CALL_TRANSFER_STATUS, status, event.reason)
        if not event.final:
            self._accepted = True
        elif status < 300:
            self._settle(None)
            if self._other is not None:
                self._other.hangup()  # its peer has ended it by now, if it knows Replaces
            call.hangup()
        else:
            self._failed(CallRefused(
                status, event.reason, step="transfer", peer=self._target, remedy="The call goes on as it was",
            ))

    def call_ended(self) -> None:
        """The call is over before its transfer: a peer that had agreed may leave without telling the outcome."""
        call = self._call
        if self._accepted and call.ended_by == "remote" and call.end_cause is EndCause.NORMAL:
            self._settle(None)
        elif call.ended_by == "local" and call.error is None:
            self._settle(Canceled("the call was hung up before", step="transfer", peer=self._target))
        else:
            self._settle(call.error or ended_error(call.remote_uri))

    def _untold(self) -> None:
        self._failed(TimedOut("the peer did not tell the outcome", step="transfer", peer=self._target))

    def _failed(self, error: MicrosipError) -> None:
        """Go on with the peer; who was put on hold for the transfer is resumed."""
        self._settle(error)
        if self._call.held:
            try:
                self._call.unhold()
            except MicrosipError as fault:
                LOG.info("%s stays on hold after its transfer: %s", self._call, fault)

    def _settle(self, error: MicrosipError | None) -> None:
        self._timer.cancel()
        self._call.transfer_attempt = None
        if self.outcome.done():
            return
        if error is None:
            self.outcome.set_result(None)
        else:
            self.outcome.set_exception(error)


def begin_transfer(call: Call, target: str, other: Call | None, headers: Headers) -> TransferAttempt:
    """Send the REFER: to call ``target``, or with ``other`` to take our place in that call. Raises InvalidState."""
    session = _answered_session(call)
    if call.transfer_attempt is not None:
        raise InvalidState("a transfer is under way", step="transfer", peer=call.remote_uri,
                           remedy="Await the one before")
    now = call.agent.now()
    if other is None:
        refer = session.transfer(target, now, headers=headers)
    elif other is call:
        raise InvalidState("a call can not be transferred to itself", step="transfer", peer=call.remote_uri)
    else:
        refer = session.transfer_to(_answered_session(other), now, headers=headers)
    attempt = call.transfer_attempt = TransferAttempt(call, refer, target, other)
    call.emit(EventType.CALL_TRANSFERRING, text=target)
    call.agent.pump()
    return attempt


def _answered_session(call: Call) -> InviteSession:
    if call.state not in ANSWERED or call.session is None:
        ended = call.state is CallState.ENDED
        raise InvalidState(
            f"the call is {call.state}", step="transfer", peer=call.remote_uri,
            remedy=None if ended else "Wait until the call is answered",
        )
    return call.session


def on_transfer_progress(call: Call, event: TransferProgress) -> None:
    """Take what the peer tells of a transfer we asked for."""
    if call.transfer_attempt is not None:
        call.transfer_attempt.on_progress(event)


def _look_at_exception(future: asyncio.Future[None]) -> None:
    """Spare asyncio's complaint where nobody awaits the outcome."""
    if not future.cancelled():
        future.exception()
