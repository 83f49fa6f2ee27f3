"""The states of calls and accounts, and the reasons for which a call ends."""

from __future__ import annotations

from enum import StrEnum


class CallState(StrEnum):
    """Where a call stands. The names are those of the documented C-style API."""

    IDLE = "idle"
    CALLING = "calling"  # INVITE sent, nothing but 100 came back
    RINGING = "ringing"  # 180 received, or sent by us
    INCOMING = "incoming"  # INVITE received, neither rung nor answered
    EARLY = "early"  # 18x with a session description: media may flow before the answer
    CONNECTING = "connecting"  # answered, ACK outstanding
    ACTIVE = "active"
    HELD = "held"  # by us
    REMOTE_HELD = "remote_held"
    ENDED = "ended"


class AccountState(StrEnum):
    """Where the registration of an account stands."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    UNREGISTERING = "unregistering"
    FAILED = "failed"
    UP = "up"  # a trunk whose other end is there, or is not asked
    DOWN = "down"  # a trunk whose other end does not answer OPTIONS


class EndCause(StrEnum):
    """Why a call ended."""

    NORMAL = "normal"  # BYE after an answered call
    CANCELED = "canceled"  # CANCEL before the answer
    ANSWERED_ELSEWHERE = "answered_elsewhere"  # CANCEL, since another phone has answered (Reason: SIP;cause=200)
    REFUSED = "refused"  # a final response 300-699, by whoever
    BUSY = "busy"  # 486, 600 or 603
    NO_ANSWER = "no_answer"  # nobody took the call in time
    TIMEOUT = "timeout"  # the peer did not answer a request
    TRANSPORT = "transport"  # a message could not be sent
    MEDIA_TIMEOUT = "media_timeout"  # the peer's RTP ceased
    MEDIA = "media"  # no common codec, or media could not be opened
    AUTHENTICATION = "authentication"  # challenged, and the credentials were missing or refused
    ERROR = "error"  # a fault on our side, such as an exception in a handler
