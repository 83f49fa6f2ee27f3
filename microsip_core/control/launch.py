"""MicroSIP's command line, read: numbers and URLs to dial, messages, commands with a slash, and their aliases.

Commands are found in any case, with ``/`` or ``-`` before them, those of ``ALIASES`` also bare. A launch may hold:

    NUMBER | URI | NUMBER,123,,4     dial; DTMF after the answer, see :func:`schedule_digits`
    NUMBER text...                   send the text as an instant message
    /answer /dtmf:12 /transfer:N ... act on the calls there are
    /account:N /password:X /i:FILE   before or behind a number
    msip:answer msip:transfer_N ...  the same as a URL; what is no command is dialled
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from microsip_core.config.number import LONGEST_TARGET, SCHEMES, is_number, strip_scheme
from microsip_core.config.secret import Secret
from microsip_core.control.actions import Action, ActionKind, Digits, Launch
from microsip_core.errors import InvalidArgument

LONGEST_LINE = 16_384
"""Characters of a command line."""

LONGEST_DIGITS = 128
"""DTMF digits of one command."""

FIRST_DIGITS_AFTER = 1.0  # seconds from the answer
CHUNK_PAUSE = 1.0  # seconds between chunks, beside the time of the digits
DIGIT_TIME = 0.2  # seconds

ALIASES = ("answer", "hangup", "hold", "mute", "status", "calls")
"""Words that are commands without any mark, and never dialled."""

_PLAIN = {kind.value: kind for kind in (
    ActionKind.ANSWER, ActionKind.HANGUP, ActionKind.HANGUP_ALL, ActionKind.HANGUP_INCOMING, ActionKind.HANGUP_CALLING,
    ActionKind.HOLD, ActionKind.MUTE, ActionKind.STATUS, ActionKind.CALLS, ActionKind.MINIMIZE, ActionKind.EXIT,
    ActionKind.RESET, ActionKind.RESET_NO_ASK,
)}
_OF_URL = {kind.value: kind for kind in (
    ActionKind.ANSWER, ActionKind.HANGUP, ActionKind.HANGUP_ALL, ActionKind.HOLD, ActionKind.MINIMIZE,
    ActionKind.MIC_MUTE, ActionKind.MIC_UNMUTE, ActionKind.MIC_MUTE_CLICK, ActionKind.MIC_UP, ActionKind.MIC_DOWN,
    ActionKind.SPEAKER_MUTE, ActionKind.SPEAKER_UNMUTE, ActionKind.SPEAKER_MUTE_CLICK, ActionKind.SPEAKER_UP,
    ActionKind.SPEAKER_DOWN, ActionKind.MUTE, ActionKind.STATUS, ActionKind.CALLS,
)}
_BEHIND_A_NUMBER = ("account", "password", "i", "minimized")
_TRANSFER = "transfer_"
_DTMF = frozenset("0123456789*#ABCD")


def parse_launch(words: Sequence[str]) -> Launch:
    """Read the arguments of a launch, the program's name not among them.

    Raises InvalidArgument for an unknown command or one that lacks what it needs; the text of it holds no password.
    """
    return _Reader(list(words), [" ".join(words[at:]) for at in range(len(words))]).read()


def parse_command_line(text: str) -> Launch:
    """Read a command line that is still one text, as the messages between MicroSIP's instances have it.

    Double quotes hold words together; the text of a message stays as it is. Raises InvalidArgument.
    """
    if len(text) > LONGEST_LINE:
        raise InvalidArgument("the command line is too long", step="read the command line")
    words, starts = _split(text)
    rests = []
    for at, start in enumerate(starts):
        rest = text[start:].strip()
        rests.append(words[at] if at == len(words) - 1 else rest)
    return _Reader(words, rests).read()


def schedule_digits(text: str) -> tuple[Digits, ...]:
    """Return when to send the DTMF digits behind a number's first comma.

    The first chunk goes out 1 s after the answer, each further one 1 s and 0.2 s a digit of the chunk before later; an
    empty chunk, from two commas, is a pause of 1 s. Raises InvalidArgument for what is no digit.
    """
    at = FIRST_DIGITS_AFTER
    found: list[Digits] = []
    for chunk in text.split(","):
        digits = "".join(chunk.split())
        if digits:
            found.append(Digits(round(at, 3), check_digits(digits)))
        at += CHUNK_PAUSE + DIGIT_TIME * len(digits)
    return tuple(found)


def check_digits(digits: str) -> str:
    """Return DTMF digits in upper case. Raises InvalidArgument."""
    digits = digits.upper()
    if not digits or not set(digits) <= _DTMF or len(digits) > LONGEST_DIGITS:
        raise InvalidArgument(f"{digits[:40]!r} are no DTMF digits", step="read the command line",
                              remedy="Give 0-9, A-D, * and #")
    return digits


def looks_like_launch(word: str) -> bool:
    """Tell whether a first word is of this grammar beyond doubt: a mark, scheme, address, number or alias."""
    lowered = word.lower()
    if word[:1] in ("/", "-") and not is_number(word):
        name, colon, _ = lowered[1:].partition(":")
        return word[0] == "/" or name in _PLAIN or (bool(colon) and name in (*_BEHIND_A_NUMBER, "dtmf", "transfer"))
    scheme = lowered.startswith((*SCHEMES, "sips:"))
    return scheme or lowered in ALIASES or "@" in word or is_number(word.partition(",")[0])


def redact(words: Sequence[str]) -> list[str]:
    """Return the words of a launch as they may be logged."""
    return [f"{word[:10]}***" if word[1:10].lower() == "password:" and word[:1] in "/-" else word for word in words]


def _split(text: str) -> tuple[list[str], list[int]]:
    words: list[str] = []
    starts: list[int] = []
    word, start, quoted = "", -1, False
    for at, character in enumerate(text):
        if character.isspace() and not quoted:
            if start >= 0:
                words.append(word)
                starts.append(start)
            word, start = "", -1
            continue
        start = at if start < 0 else start
        if character == '"':
            quoted = not quoted
        else:
            word += character
    if start >= 0:
        words.append(word)
        starts.append(start)
    return words, starts


class _Reader:
    """Reads the words of one launch; ``rests`` holds for each word the text from there to the end."""

    def __init__(self, words: list[str], rests: list[str]) -> None:
        self._words, self._rests = words, rests
        self._actions: list[Action] = []
        self._dial: Action | None = None
        self._account: int | None = None
        self._password = Secret()
        self._configuration: str | None = None
        self._minimized = False

    def read(self) -> Launch:
        for at, word in enumerate(self._words):
            if self._dial is not None and not self._is_option(word):
                self._dial = self._message(self._dial, self._rests[at])
                break
            self._read_word(word)
        before = []
        if self._password:
            before.append(Action(ActionKind.PASSWORD, account=self._account, password=self._password))
        elif self._account is not None:
            before.append(Action(ActionKind.ACCOUNT, account=self._account))
        actions = [*before, *self._actions, *([self._dial] if self._dial else [])]
        if not actions:
            actions = [Action(ActionKind.MINIMIZE if self._minimized else ActionKind.SHOW)]
        return Launch(tuple(actions), self._configuration, self._minimized)

    @staticmethod
    def _is_option(word: str) -> bool:
        return word[:1] in ("/", "-") and word[1:].partition(":")[0].lower() in _BEHIND_A_NUMBER

    def _message(self, dial: Action, text: str) -> Action:
        if dial.digits:
            raise InvalidArgument("digits and a text do not go together", step="read the command line",
                                  remedy="Dial NUMBER,DIGITS or send NUMBER text")
        return Action(ActionKind.MESSAGE, target=dial.target, text=text)

    def _read_word(self, word: str) -> None:
        if "\0" in word or len(word) > LONGEST_LINE:
            raise InvalidArgument("the command line can not be read", step="read the command line")
        if word[:1] in ("/", "-") and not is_number(word):
            self._read_command(word[1:])
        elif word.lower() in ALIASES:
            self._actions.append(Action(_PLAIN[word.lower()]))
        elif word[:5].lower() == "msip:" and (action := _of_url(strip_scheme(word))) is not None:
            self._actions.append(action)
        elif word.strip():
            self._dial = _dial(word)

    def _read_command(self, command: str) -> None:
        name, colon, value = command.partition(":")
        name = name.lower()
        take = {"dtmf": self._take_digits, "transfer": self._take_transfer, "account": self._take_account,
                "password": self._take_password, "i": self._take_configuration}.get(name) if colon else None
        if take is not None:
            if not value:
                raise InvalidArgument(f"/{name}: needs a value", step="read the command line")
            take(value)
        elif name == "minimized" and not colon:
            self._minimized = True
        elif name in _PLAIN and not colon:
            self._actions.append(Action(_PLAIN[name]))
        else:
            known = re.match("[a-z]*", name)  # what follows might be a password, as in /password=...
            raise InvalidArgument(f"there is no command /{known[0] if known else ''}", step="read the command line",
                                  remedy="See microsip --help")

    def _take_digits(self, value: str) -> None:
        kind = ActionKind.FILL_DIGITS if value.endswith("?") else ActionKind.DTMF
        self._actions.append(Action(kind, text=check_digits("".join(value.removesuffix("?").split()))))

    def _take_transfer(self, value: str) -> None:
        self._actions.append(Action(ActionKind.TRANSFER, target=_target(value)))

    def _take_account(self, value: str) -> None:
        if not (value.isascii() and value.isdigit() and len(value) <= 3):
            raise InvalidArgument("/account: needs the number of an account", step="read the command line")
        self._account = int(value)

    def _take_password(self, value: str) -> None:
        self._password = Secret(value)

    def _take_configuration(self, value: str) -> None:
        self._configuration = value


def _of_url(command: str) -> Action | None:
    """Return the command of an ``msip:`` URL, None for something to dial."""
    lowered = command.lower()
    if lowered.startswith(_TRANSFER) and len(command) > len(_TRANSFER):
        return Action(ActionKind.TRANSFER, target=_target(command[len(_TRANSFER):]))
    return Action(_OF_URL[lowered]) if lowered in _OF_URL else None


def _dial(word: str) -> Action:
    target, comma, digits = strip_scheme(word).partition(",")
    if " " in target and not is_number(target):  # one word of a URL or in quotes that holds number and text
        number, _, text = target.partition(" ")
        return Action(ActionKind.MESSAGE, target=_target(number), text=text.strip() + comma + digits)
    return Action(ActionKind.DIAL, target=_target(target), digits=schedule_digits(digits) if comma else ())


def _target(text: str) -> str:
    target = strip_scheme(text)
    if not target or len(target) > LONGEST_TARGET:
        raise InvalidArgument("there is no number to dial" if not target else "the number is too long",
                              step="read the command line")
    if any(ord(character) < 32 or ord(character) == 127 for character in target):
        raise InvalidArgument("a number has no control characters", step="read the command line")
    return target
