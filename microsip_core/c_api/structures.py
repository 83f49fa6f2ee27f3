"""The structures of the C-style API, as frozen dataclasses with the field names of the C structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from microsip_core.c_api.messages import SipMessage, structure_of
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState

if TYPE_CHECKING:
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.events import Event


@dataclass(frozen=True, slots=True)
class SipEvent:
    """sip_event_t. ``type`` is an event name of the documentation; ``account`` and ``call`` are handles, 0 for none.

    ``time`` is seconds since the epoch, ``status`` a SIP status or 0, ``text`` a reason phrase, digit, file name or
    text message, ``peer`` who sent that or was to get it. ``request`` is the handle to answer an event "request" by
    where that waits for sip_send_response, else 0; ``message`` the SIP message of such a request, or of a "response".
    """

    type: str
    time: float
    account: int
    call: int
    status: int
    text: str
    peer: str = ""
    request: int = 0
    message: SipMessage | None = None


@dataclass(frozen=True, slots=True)
class SipAccount:
    """sip_account_t. ``state``: unregistered, registering, registered, unregistering, failed; ``expires``: seconds."""

    id: int
    aor: str
    registrar: str
    proxy: str
    state: str
    expires: int
    last_status: int


@dataclass(frozen=True, slots=True)
class SipSession:
    """sip_session_t. ``state`` is a call state of the documentation; times are seconds since the epoch, 0: not yet.

    ``duration`` is seconds since the answer. ``end_cause`` and ``ended_by`` are "" while the call lasts.
    """

    call: int
    direction: str
    state: str
    account: int
    local: str
    remote: str
    display_name: str
    call_id: str
    codec: str
    created: float
    ringing: float
    answered: float
    ended: float
    duration: float
    last_status: int
    reason: str
    end_cause: str
    ended_by: str
    held: bool
    remote_held: bool
    muted: bool


def event_of(event: Event, request: int = 0) -> SipEvent:
    """Return an event with handles in the place of objects; ``request`` is that of a request that waits."""
    told = event.message if request or event.type is EventType.RESPONSE else None  # others would fill the queue
    return SipEvent(
        event.type.value, event.time, event.account.id if event.account else 0, event.call.id if event.call else 0,
        event.status, event.text, event.peer, request, structure_of(told) if told is not None else None,
    )


def account_of(account: Account) -> SipAccount:
    """Return a snapshot of an account."""
    return SipAccount(
        account.id, account.aor, account.registrar, account.proxy or "", account.state.value,
        int(account.expires or 0), account.status,
    )


def session_of(call: Call) -> SipSession:
    """Return a snapshot of a call."""
    return SipSession(
        call.id, call.direction, call.state.value, call.account.id if call.account else 0, call.local_uri,
        call.remote_uri, call.remote_display_name, call.call_id, call.codec or "", call.created, call.ringing or 0.0,
        call.answered or 0.0, call.ended or 0.0, call.duration, call.status, call.reason,
        call.end_cause.value if call.end_cause else "", call.ended_by or "", call.held,
        call.state is CallState.REMOTE_HELD, call.muted,
    )
