"""What a launch of the program, a URL or a control message asks the phone to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from microsip_core.config.secret import Secret


class ActionKind(StrEnum):
    """The things a phone can be asked to do."""

    SHOW = "show"  # nothing was asked for: come to the front
    DIAL = "dial"
    MESSAGE = "message"
    ANSWER = "answer"  # the oldest ringing incoming call
    HANGUP = "hangup"  # the current call
    HANGUP_ALL = "hangupall"  # every call but unanswered incoming ones
    HANGUP_INCOMING = "hangupincoming"  # unanswered incoming calls only
    HANGUP_CALLING = "hangupcalling"  # outgoing calls that are not answered yet
    HOLD = "hold"  # or take it off hold again
    DTMF = "dtmf"
    FILL_DIGITS = "filldigits"  # put digits into the number field of a window, send nothing
    TRANSFER = "transfer"
    MUTE = "mute"  # or unmute
    MIC_MUTE = "micmute"
    MIC_UNMUTE = "micunmute"
    MIC_MUTE_CLICK = "micmuteclick"
    MIC_UP = "micup"
    MIC_DOWN = "micdown"
    SPEAKER_MUTE = "speakmute"
    SPEAKER_UNMUTE = "speakunmute"
    SPEAKER_MUTE_CLICK = "speakmuteclick"
    SPEAKER_UP = "speakup"
    SPEAKER_DOWN = "speakdown"
    ACCOUNT = "account"
    PASSWORD = "password"  # noqa: S105 (the name of an option)
    STATUS = "status"
    CALLS = "calls"
    MINIMIZE = "minimize"
    EXIT = "exit"
    RESET = "reset"
    RESET_NO_ASK = "resetnoask"


STARTS_A_PHONE = frozenset({
    ActionKind.SHOW, ActionKind.DIAL, ActionKind.MESSAGE, ActionKind.ACCOUNT, ActionKind.PASSWORD, ActionKind.MINIMIZE,
})
"""What starts a phone where none runs; all else has nothing to act on then."""


@dataclass(frozen=True, slots=True)
class Digits:
    """DTMF digits to send ``at`` seconds after the answer."""

    at: float
    digits: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. ``target`` is a number or URI as typed, ``text`` a message or digits.

    ``account`` is the number of an account's section, ``digits`` what a DIAL sends once it is answered.
    """

    kind: ActionKind
    target: str = ""
    text: str = ""
    digits: tuple[Digits, ...] = ()
    account: int | None = None
    password: Secret = field(default_factory=Secret)


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line, read. ``configuration`` is the file of ``/i:``, ``minimized`` says that no window is wanted."""

    actions: tuple[Action, ...]
    configuration: str | None = None
    minimized: bool = False

    @property
    def starts_a_phone(self) -> bool:
        """Whether it makes sense without a running phone."""
        return any(action.kind in STARTS_A_PHONE for action in self.actions)
