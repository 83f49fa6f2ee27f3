"""Transfers a peer asks for: whether its REFER is followed, the new call, and the NOTIFYs that tell how it fares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from microsip_core.errors import MicrosipError
from microsip_core.user_agent.destinations import followed_uri
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.states import CallState, EndCause

if TYPE_CHECKING:
    from microsip_core.sip.events import TransferRequested
    from microsip_core.sip.session.transfer import IncomingTransfer
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.call_life import CallLife
    from microsip_core.user_agent.user_agent import UserAgent

TransferHandler = Callable[["Call", str], "bool | None"]
_END_STATUSES = {EndCause.TIMEOUT: 408, EndCause.NO_ANSWER: 408, EndCause.CANCELED: 487, EndCause.MEDIA: 488}


class Referral:
    """A REFER that we follow. The new call holds it and tells it what happens."""

    __slots__ = ("_told", "_transfer")

    def __init__(self, transfer: IncomingTransfer) -> None:
        self._transfer = transfer
        self._told = 100  # by the acceptance

    def tell(self, call: CallLife, status: int, reason: str = "") -> None:
        """Tell the peer the status the new call has reached, each once; none after a final one."""
        if status == self._told or self._told >= 200:
            return
        self._told = status
        self._transfer.notify(status, call.agent.now(), reason=reason or None)
        call.agent.pump()

    def tell_end(self, call: CallLife) -> None:
        """Tell the peer that the new call has failed; nothing when it had been answered."""
        if call.status >= 300:
            self.tell(call, call.status, call.reason)
        else:
            cause = call.end_cause
            self.tell(call, _END_STATUSES.get(cause, 503) if cause is not None else 503)


def on_transfer_requested(call: Call, event: TransferRequested) -> None:
    """Take a REFER of the peer: refuse it, or make the call it asks for."""
    agent = cast("UserAgent", call.agent)
    transfer, now = event.transfer, agent.now()
    before = call.transferred_to
    if before is not None and before.state is not CallState.ENDED:
        transfer.reject(491, now)
        return
    uri = followed_uri(event.target, call.remote_uri, agent.config.followed_hosts)
    if uri is None or agent.closing:
        LOG.info("%s is not transferred to %s: it is not allowed to lead there", call, event.target)
        transfer.reject(403 if uri is None else 480, now)
        return
    target = str(uri)
    if not _wanted(agent.on_transfer, call, target):
        transfer.reject(603, now)
        return
    headers = [("Referred-By", event.referred_by)] if event.referred_by else []
    if event.replaces is not None:
        headers.append(("Replaces", event.replaces))
    transfer.accept(now)
    call.emit(EventType.CALL_TRANSFERRING, text=target)
    referral = Referral(transfer)
    try:
        new = agent.start_call(target, account=call.account, headers=headers)
    except MicrosipError as error:
        LOG.info("%s could not be transferred: %s", call, error)
        transfer.notify(503, now)
        return
    call.transferred_to = new
    if new.state is CallState.ENDED:
        referral.tell_end(new)
    else:
        new.referral = referral


def _wanted(handler: TransferHandler | None, call: Call, target: str) -> bool:
    if handler is None:
        return True
    try:
        return handler(call, target) is not False
    except Exception:
        LOG.exception("fault in on_transfer")
        return False
