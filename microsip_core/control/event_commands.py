"""The event commands of the configuration: which are due when something happens, with which arguments and environment.

Two families: those of ``[Settings]`` get the remote number as their last argument, those of ``[General]`` have
placeholders. Words are split before anything is put in, so that what a caller calls himself stays inside its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from microsip_core.config.settings import General, Settings
from microsip_core.control.command_line import WINDOWS, as_argument, clean, split_command
from microsip_core.control.log import LOG
from microsip_core.errors import ConfigError

PLACEHOLDERS = (
    "number", "status", "callerid", "name", "direction", "callid", "duration", "code", "reason", "account", "recording",
)
_PLACEHOLDER = re.compile("%(" + "|".join(PLACEHOLDERS) + ")%", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What a command is told. Of a registration only ``status``, ``code``, ``reason`` and ``account`` are given.

    ``call`` is our number of the call, ``callid`` SIP's. ``number`` is the remote user part, the host without one.
    ``status`` is the state of the call or account in a word, ``duration`` seconds since the answer, ``code`` the last
    SIP status, ``recording`` the file of the recording. ``busy`` says that the call was refused as busy, by whoever.
    """

    status: str
    call: int = 0
    number: str = ""
    name: str = ""
    direction: str = ""
    callid: str = ""
    duration: int = 0
    code: int = 0
    reason: str = ""
    account: str = ""
    recording: str = ""
    remote_uri: str = ""
    local_uri: str = ""
    video: bool = False
    busy: bool = False

    def placeholders(self) -> dict[str, str]:
        """Return the text of each placeholder, as the peer sent it."""
        values = {name: str(getattr(self, name)) for name in PLACEHOLDERS if name != "callerid"}
        values["callerid"] = f"{self.name} <{self.number}>" if self.name else self.number
        return values

    def environment(self, event: str) -> dict[str, str]:
        """Return the ``MICROSIP_*`` variables."""
        values = {**self.placeholders(), "event": event, "call": str(self.call or ""),
                  "remote_uri": self.remote_uri, "local_uri": self.local_uri}
        return {f"MICROSIP_{name.upper()}": clean(value, 4096) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is due: ``event`` is its key in the configuration, ``last`` that it is the end of a call."""

    event: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    call: int
    last: bool = False


class CommandSink(Protocol):
    """What takes the commands; both methods return at once."""

    def run(self, command: Command) -> object:
        """Take a command."""
        ...

    def forget_call(self, call: int) -> None:
        """Take note that no further command of a call will come."""
        ...


class EventCommands:
    """Turns what happens into commands and hands them to ``sink``.

    A call that began is told to have ended once, with the cause it ended for, whatever came between.
    """

    def __init__(
        self, settings: Settings, general: General, sink: CommandSink, *, windows: bool = WINDOWS,
    ) -> None:
        self.configure(settings, general)
        self._sink = sink
        self._windows = windows
        self._open: set[int] = set()

    def configure(self, settings: Settings, general: General) -> None:
        """Take other commands; calls that are on keep their place."""
        self._settings, self._general = settings, general

    def incoming(self, facts: EventFacts) -> None:
        """Tell of a call that comes in, before it is decided what becomes of it."""
        self._open.add(facts.call)
        self._fire(facts, "cmdIncomingCall", "OnIncomingCall")

    def outgoing(self, facts: EventFacts) -> None:
        """Tell of a call that we make."""
        self._open.add(facts.call)
        self._fire(facts, "cmdOutgoingCall")

    def ringing(self, facts: EventFacts) -> None:
        """Tell that an incoming call rings here."""
        self._fire(facts, "cmdCallRing")

    def started(self, facts: EventFacts) -> None:
        """Tell that a call is talked on."""
        if facts.direction == "incoming":
            self._fire(facts, "cmdCallAnswer")
            if facts.video:
                self._fire(facts, "cmdCallAnswerVideo")
        self._fire(facts, "cmdCallStart", "OnCallStarted")

    def ended(self, facts: EventFacts) -> None:
        """Tell that a call has ended; a second time, or of a call that never began, nothing happens."""
        if facts.call not in self._open:
            return
        self._open.discard(facts.call)
        self._fire(facts, "cmdCallBusy" if facts.busy else "cmdCallEnd", "OnCallEnded", last=True)
        self._sink.forget_call(facts.call)

    def status_changed(self, facts: EventFacts) -> None:
        """Tell that the state of a call or of a registration is another."""
        self._fire(facts, "OnStatusChange")

    @property
    def open_calls(self) -> frozenset[int]:
        """The calls that have begun and not ended."""
        return frozenset(self._open)

    def _fire(self, facts: EventFacts, *events: str, last: bool = False) -> None:
        for event in events:
            try:
                arguments = self._arguments(event, facts)
            except ConfigError as error:
                LOG.error("%s was not run: %s", event, error)
                continue
            if arguments:
                self._sink.run(Command(event, arguments, facts.environment(event), facts.call, last))

    def _arguments(self, event: str, facts: EventFacts) -> tuple[str, ...]:
        general = event.startswith("On")
        words = split_command(getattr(self._general if general else self._settings, event), windows=self._windows)
        if not words:
            return ()
        if general:
            return (words[0], *(self._fill(word, facts, words[0]) for word in words[1:]))
        return (*words, as_argument(facts.number, words[0], windows=self._windows))

    def _fill(self, word: str, facts: EventFacts, program: str) -> str:
        """Put values into one word, in one go: what a value looks like is not looked at again."""
        values = facts.placeholders()

        def value(match: re.Match[str]) -> str:
            return as_argument(values[match[1].lower()], program, windows=self._windows)

        return _PLACEHOLDER.sub(value, word)


def check_commands(settings: Settings, general: General, *, windows: bool = WINDOWS) -> Iterator[str]:
    """Walk what is wrong with the commands of a configuration, one sentence each."""
    for section in (settings, general):
        for name in type(section).__dataclass_fields__:
            if name.startswith(("cmd", "On")):
                try:
                    split_command(getattr(section, name), windows=windows)
                except ConfigError as error:
                    yield f"{name}: {error.message}"


def remote_facts(facts: EventFacts, uri: str, name: str) -> EventFacts:
    """Return facts with the remote party taken from its URI and display name."""
    bare = uri.strip().removeprefix("<").partition(">")[0]
    scheme, colon, rest = bare.partition(":")
    address = (rest if colon and scheme.lower() in ("sip", "sips", "tel") else bare).partition(";")[0].partition("?")[0]
    user, at, host = address.rpartition("@")
    number = user.partition(":")[0] if at and user else host
    return replace(facts, number=number, name=name.strip().strip('"'), remote_uri=uri)
