"""What the SIP core tells of a session, turned into the state of its call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from microsip_core.errors import CallRefused, MediaError, MicrosipError
from microsip_core.sip import events as core
from microsip_core.sip.message import Response
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_life import ANSWERED
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.failure import call_error, end_cause, refusal_status
from microsip_core.user_agent.log import LOG
from microsip_core.user_agent.referral import on_transfer_requested
from microsip_core.user_agent.states import CallState, EndCause
from microsip_core.user_agent.transfer import on_transfer_progress

_HOLD_STATES = {
    (False, False): CallState.ACTIVE,
    (False, True): CallState.REMOTE_HELD,
    (True, False): CallState.HELD,
    (True, True): CallState.HELD,
}


def on_progress(call: Call, event: core.CallProgress) -> None:
    """Take a 101-199 to our INVITE: ringing, progress or early media."""
    call.status, call.reason, call.response = event.status, event.reason, event.response
    now = time.time()
    if call.first_response is None:
        call.first_response = now
    if call.referral is not None:
        call.referral.tell(call, event.status, event.reason)
    if event.sdp is not None and not event.is_offer and call.media is not None:
        try:
            call.media.accept_answer(event.sdp)
        except MicrosipError as error:  # the final answer may be better; if not, it is told then
            LOG.info("early media of %s can not be used: %s", call, error)
        else:
            call.enter(CallState.EARLY)
    if event.status == 180:
        if call.ringing is None:
            call.ringing = now
        if call.state is CallState.CALLING:
            call.enter(CallState.RINGING)
        call.emit(EventType.CALL_RINGING, event.status, event.reason, event.response)
    else:
        call.emit(EventType.CALL_PROGRESS, event.status, event.reason, event.response)


def on_answered(call: Call, event: core.CallAnswered) -> None:
    """Take the 2xx to our INVITE: media flows, or the call can not be and is hung up."""
    call.status, call.reason, call.response = event.status, event.response.reason, event.response
    now = call.answered = time.time()
    call.placement = None
    call.cancel_timer()
    if call.first_response is None:
        call.first_response = now
    call.emit(EventType.CALL_ANSWERED, event.status, call.reason, event.response)
    if call.session is None or call.media is None:
        return
    try:
        if event.is_offer and event.sdp is not None:
            call.session.acknowledge(call.media.accept_offer(event.sdp), call.agent.now())
        elif event.sdp is None:
            raise MediaError("the answer holds no session description", remedy="The peer must answer our offer")
        else:
            call.media.accept_answer(event.sdp)
    except MicrosipError as error:
        call.fail(_of_call(error, call, "answer"), cause=EndCause.MEDIA)
        return
    _start(call)


def on_confirmed(call: Call, event: core.CallConfirmed) -> None:
    """Take the ACK to our 200."""
    if event.sdp is not None and call.media is not None:
        try:
            call.media.accept_answer(event.sdp)
        except MicrosipError as error:
            call.fail(_of_call(error, call, "answer"), cause=EndCause.MEDIA)
            return
    _start(call)


def _start(call: Call) -> None:
    call.enter(_HOLD_STATES[False, call.media is not None and call.media.remote_hold])
    call.emit(EventType.CALL_STARTED, call.status, call.reason)
    if call.referral is not None:
        call.referral.tell(call, call.status, call.reason)


def on_offer_received(call: Call, event: core.CallOfferReceived) -> None:
    """Take the peer's wish to change the session (hold, another address or codec) and answer it."""
    session, media = event.session, call.media
    if not session.offer_pending:
        return  # withdrawn meanwhile: by CANCEL, or by the BYE behind it
    if media is None:
        session.reject_offer(488, call.agent.now())
        return
    try:
        answer = media.hold(call.held) if event.sdp is None else media.accept_offer(event.sdp)
    except MicrosipError as error:
        LOG.info("a change of %s was refused: %s", call, error)
        session.reject_offer(refusal_status(error), call.agent.now())
        return
    session.answer_offer(answer, call.agent.now())
    _update_hold(call)


def on_offer_answered(call: Call, event: core.CallOfferAnswered) -> None:
    """Take the outcome of our hold or resume, or the answer to an offer the peer had asked for."""
    future, call.renegotiation = call.renegotiation, None
    error: MicrosipError | None = None
    if event.status >= 300:
        error = CallRefused(
            event.status, event.reason, step="hold" if call.renegotiating_hold else "unhold", peer=call.remote_uri,
            remedy="The call goes on as it was",
        )
    elif event.sdp is not None and call.media is not None:
        try:
            call.media.accept_answer(event.sdp)
        except MicrosipError as fault:
            error = _of_call(fault, call, "hold")
        else:
            if future is not None:
                call.held = call.renegotiating_hold
            _update_hold(call)
    if future is not None and not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _update_hold(call: Call) -> None:
    before = call.state
    remote = call.media is not None and call.media.remote_hold
    after = _HOLD_STATES[call.held, remote]
    if after is before or before not in ANSWERED:  # an UPDATE may come in an early dialog: no answer yet
        return
    call.enter(after)
    if after is CallState.ACTIVE:
        call.emit(EventType.CALL_RESUMED)
    elif before is CallState.ACTIVE:
        call.emit(EventType.CALL_HELD, text="remote" if after is CallState.REMOTE_HELD else "local")


def on_ended(call: Call, event: core.CallEnded) -> None:
    """The session is over, for whatever reason; the call goes on where it is redirected."""
    provisional = call.status if 100 <= call.status < 200 else 0
    if event.status:
        call.status, call.reason = event.status, event.reason
    if isinstance(event.message, Response):
        call.response = event.message
    call.end_message = event.message
    if call.placement is not None and call.placement.go_on(event):
        return
    if call.error is None:
        network = call.agent.driver.transport_error(event.reason)
        call.error = call_error(
            event, call.remote_uri, network, identity=call.account.identity if call.account is not None else None,
            request=call.invite_request, provisional=provisional,
        )
    call.finish(end_cause(event), event.by)


def on_released(call: Call, event: core.CallReleased) -> None:
    """The peer has confirmed our hang-up, or will not."""
    if call.released is not None and not call.released.done():
        call.released.set_result(event.status)


def _of_call(error: MicrosipError, call: Call, step: str) -> MicrosipError:
    error.step, error.peer = error.step or step, error.peer or call.remote_uri
    return error


CALL_HANDLERS: dict[type[Any], Callable[[Call, Any], None]] = {
    core.CallProgress: on_progress,
    core.CallAnswered: on_answered,
    core.CallConfirmed: on_confirmed,
    core.CallOfferReceived: on_offer_received,
    core.CallOfferAnswered: on_offer_answered,
    core.CallEnded: on_ended,
    core.CallReleased: on_released,
    core.TransferRequested: on_transfer_requested,
    core.TransferProgress: on_transfer_progress,
}
"""What to do with each event of the core that belongs to a call."""
