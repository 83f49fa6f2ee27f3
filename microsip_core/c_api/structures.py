"""The structures of the C-style API, as frozen dataclasses with the field names of the C structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microsip_core.c_api.messages import SipMessage, structure_of
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState

if TYPE_CHECKING:
    from microsip_core.media.statistics import CallStatistics
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
    """sip_account_t. ``state``: unregistered, registering, registered, unregistering, failed; ``expires``: seconds.

    ``transport`` is "UDP", "TCP", ... where the account says so, else ""; ``srtp`` is that of the engine.
    """

    id: int
    aor: str
    registrar: str
    proxy: str
    state: str
    expires: int
    last_status: int
    transport: str
    srtp: str


@dataclass(frozen=True, slots=True)
class SipSession:
    """sip_session_t. ``state`` is a call state of the documentation; times are seconds since the epoch, 0: not yet.

    ``duration`` is seconds since the answer. ``end_cause`` and ``ended_by`` are "" while the call lasts.
    ``asserted_id`` is the caller as a trusted peer says, ``diversion`` who sent the call on last, ``media`` the kinds
    of media agreed on with commas between, ``recording`` the file of the last recording; each "" where there is none.
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
    asserted_id: str
    diversion: str
    local_tag: str
    remote_tag: str
    media: str
    recording: str


@dataclass(frozen=True, slots=True)
class SipMediaStream:
    """sip_media_stream_t: one direction of a call's sound; -1 stands for what is not known or makes no sense there.

    ``dir`` is "send" or "receive"; ``payload`` the RTP payload type, ``clock_rate`` in Hz, ``ptime`` in ms, addresses
    "host:port", ``srtp`` the suite or "", ``packets``, ``bytes`` (payload) and ``lost`` counts, the rest in ms but MOS.
    """

    type: str
    dir: str
    codec: str
    payload: int
    clock_rate: int
    ptime: int
    local_address: str
    remote_address: str
    ssrc: int
    srtp: str
    packets: int
    bytes: int
    lost: int
    jitter_ms: float
    rtt_ms: float
    mos: float


def media_streams_of(statistics: CallStatistics | None) -> list[SipMediaStream]:
    """Return what a call sends and receives; nothing where it never had media."""
    if statistics is None:
        return []
    return [SipMediaStream(
        "audio", one.direction, one.codec, _or(one.payload_type), one.clock_rate, _or(one.ptime_ms), one.local,
        one.remote, _or(one.ssrc), one.srtp or "", one.packets, one.octets, one.lost, _or(one.jitter_ms, -1.0),
        _or(one.rtt_ms, -1.0), _or(one.mos, -1.0),
    ) for one in (statistics.send, statistics.receive)]


def _or(value: float | None, unknown: Any = -1) -> Any:
    return unknown if value is None else value


def event_of(event: Event, request: int = 0) -> SipEvent:
    """Return an event with handles in the place of objects; ``request`` is that of a request that waits."""
    told = event.message if request or event.type is EventType.RESPONSE else None  # others would fill the queue
    return SipEvent(
        event.type.value, event.time, event.account.id if event.account else 0, event.call.id if event.call else 0,
        event.status, event.text, event.peer, request, structure_of(told) if told is not None else None,
    )


def account_of(account: Account, srtp: str) -> SipAccount:
    """Return a snapshot of an account; ``srtp`` is the mode of the engine."""
    return SipAccount(
        account.id, account.aor, account.registrar, account.proxy or "", account.state.value,
        int(account.expires or 0), account.status,
        account.traits.transport or account.uri.transport or "", srtp,
    )


def session_of(call: Call) -> SipSession:
    """Return a snapshot of a call."""
    return SipSession(
        call.id, call.direction, call.state.value, call.account.id if call.account else 0, call.local_uri,
        call.remote_uri, call.remote_display_name, call.call_id, call.codec or "", call.created, call.ringing or 0.0,
        call.answered or 0.0, call.ended or 0.0, call.duration, call.status, call.reason,
        call.end_cause.value if call.end_cause else "", call.ended_by or "", call.held,
        call.state is CallState.REMOTE_HELD, call.muted,
        call.caller.uri if call.caller is not None and call.caller.header != "From" else "",
        call.diversions[0].uri if call.diversions else "", *call.tags, "audio" if call.codec else "",
        call.recording_path,
    )
