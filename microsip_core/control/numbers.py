"""The numbers of the control socket and of WM_COPYDATA, what they do and what they return: the one table of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Number(IntEnum):
    """What a frame asks for."""

    DIAL = 1
    HANGUP = 2
    ANSWER = 3
    STATUS = 4
    ACTIVECALL = 5
    REJECT = 6
    HOLD = 7
    UNHOLD = 8
    TRANSFER = 9
    DTMF = 10
    MUTE = 11
    MESSAGE = 12
    REGISTER = 13
    RELOAD = 14
    QUIT = 15
    REQUEST = 16
    AUTHENTICATE = 17
    EVENT = 18


class PhoneStatus(IntEnum):
    """What STATUS returns: the best that can be said of all calls, and after the last one that it has ended."""

    IDLE = 0
    RINGING = 1
    ACTIVE = 2
    HOLD = 3
    DISCONNECTED = 4


REPLY = 0x8000
"""Added to the number of a frame in the reply to it; events have it too."""


@dataclass(frozen=True, slots=True)
class NumberMeaning:
    """What a number does, its payload and its return codes."""

    payload: str
    meaning: str
    returns: str


_DONE = "1 done, 0 not possible; the text says why"

NUMBERS: dict[Number, NumberMeaning] = {
    Number.DIAL: NumberMeaning("command line", "what a launch with this command line would do",
                               "1 accepted, 0 busy or invalid; the text is the number of the call or the reason"),
    Number.HANGUP: NumberMeaning("empty, or command line", "hang up the current call; with a payload queue that "
                                 "command line and return at once", _DONE),
    Number.ANSWER: NumberMeaning("empty", "answer the oldest ringing call", _DONE),
    Number.STATUS: NumberMeaning("empty", "tell the state",
                                 "0 idle, 1 ringing, 2 active, 3 hold, 4 disconnected; the text is its name"),
    Number.ACTIVECALL: NumberMeaning("empty", "tell who is on the current call",
                                     "1 with the remote number as text, 0 without a call"),
    Number.REJECT: NumberMeaning("empty, or SIP status", "refuse the oldest ringing call, with 486 unless told", _DONE),
    Number.HOLD: NumberMeaning("empty", "put the current call on hold", _DONE),
    Number.UNHOLD: NumberMeaning("empty", "take the current call off hold", _DONE),
    Number.TRANSFER: NumberMeaning("number or URI", "transfer the current call", _DONE),
    Number.DTMF: NumberMeaning("digits", "send digits on the current call", _DONE),
    Number.MUTE: NumberMeaning("empty, 1 or 0", "mute or unmute the microphone; empty for the other way round",
                               "1 muted, 0 not muted, -9 (SIP_ESTATE) without a call"),
    Number.MESSAGE: NumberMeaning("number, blank, text", "send an instant message", _DONE),
    Number.REGISTER: NumberMeaning("empty, or account number", "register anew", _DONE),
    Number.RELOAD: NumberMeaning("empty", "read the configuration again", "1 done, 0 refused; the text is what changed "
                                 "or what is wrong"),
    Number.QUIT: NumberMeaning("empty", "end the phone", "1 done"),
    Number.REQUEST: NumberMeaning("JSON", "a request with an id, see below", "the reply is JSON"),
    Number.AUTHENTICATE: NumberMeaning("token", "the first frame on a TCP connection", "0 welcome, -21 (SIP_EPERM)"),
    Number.EVENT: NumberMeaning("", "only sent by the phone: an event as JSON, after a subscription", "none"),
}


def number_reference() -> str:
    """Return the table as Markdown."""
    lines = ["| number | name | payload | meaning | returns |", "|---|---|---|---|---|"]
    lines += [f"| {number.value} | {number.name} | {one.payload} | {one.meaning} | {one.returns} |"
              for number, one in NUMBERS.items()]
    return "\n".join(lines) + "\n"
