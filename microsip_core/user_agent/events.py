"""What the user agent tells its user: one event type for calls, accounts and the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microsip_core.sip.message import Request, Response
    from microsip_core.user_agent.account import Account
    from microsip_core.user_agent.call import Call


class EventType(StrEnum):
    """The kinds of event. The names are those of the documented C-style API."""

    REGISTERED = "registered"
    REGISTER_FAILED = "register_failed"
    UNREGISTERED = "unregistered"
    TRUNK_UP = "trunk_up"
    TRUNK_DOWN = "trunk_down"
    CALL_INCOMING = "call_incoming"
    CALL_OUTGOING = "call_outgoing"
    CALL_RINGING = "call_ringing"
    CALL_PROGRESS = "call_progress"
    CALL_ANSWERED = "call_answered"
    CALL_STARTED = "call_started"
    CALL_HELD = "call_held"
    CALL_RESUMED = "call_resumed"
    CALL_TRANSFERRING = "call_transferring"
    CALL_TRANSFER_STATUS = "call_transfer_status"
    CALL_REPLACED = "call_replaced"
    CALL_BUSY = "call_busy"
    CALL_ENDED = "call_ended"
    DTMF = "dtmf"
    SPEECH_STARTED = "speech_started"
    SPEECH_ENDED = "speech_ended"
    BEEP = "beep"
    MESSAGE = "message"
    MESSAGE_STATUS = "message_status"
    MEDIA_STARTED = "media_started"
    MEDIA_TIMEOUT = "media_timeout"
    MEDIA_MISSING = "media_missing"
    MEDIA_OVERLOAD = "media_overload"
    DEVICE_CHANGED = "device_changed"
    DEVICE_LOST = "device_lost"
    RECORDING_STARTED = "recording_started"
    RECORDING_STOPPED = "recording_stopped"
    RECORDING_STALLED = "recording_stalled"
    PLAYBACK_FINISHED = "playback_finished"
    TRANSPORT_ERROR = "transport_error"
    REQUEST = "request"
    RESPONSE = "response"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    ``time`` is seconds since the epoch. ``status`` is the SIP status behind it, 0 where there is none. ``text`` is the
    reason phrase, the DTMF digit, the file name, the text message, or a sentence for a person. ``peer`` is the URI of
    who sent a text message or request, or was to get it. ``message`` is the SIP message behind the event, where it is
    about one: all of its headers and its body can be read from that.
    """

    type: EventType
    time: float
    call: Call | None = None
    account: Account | None = None
    status: int = 0
    text: str = ""
    peer: str = ""
    message: Request | Response | None = None
