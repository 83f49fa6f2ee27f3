"""Tells a person from an answering machine by the timing of what is said first, and by the beep; it knows no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

_BEEP_KNOWN = 2.2  # seconds after a tone began: a beep has ended and been told by then
Verdict = Literal["human", "machine", "unknown"]


@dataclass(frozen=True, slots=True)
class AnsweringMachineRules:
    """The thresholds, in seconds. A person says a word or two and waits; a machine goes on talking, and beeps."""

    initial_silence: float = 3.0
    """Nobody has said anything so long after the answer: unknown."""
    greeting: float = 1.8
    """More speech than that, pauses left out: a machine."""
    phrases: int = 4
    """More stretches of speech than that: a machine."""
    silence_after: float = 0.8
    """A shorter greeting, and so long nothing more: a person, who waits for us."""


@dataclass(frozen=True, slots=True)
class AnsweringMachineResult:
    """Who has answered.

    ``reason`` is "greeting" (it was short, or went on too long), "phrases" (too many), "beep", "initial_silence",
    "timeout" or "call_ended". ``beep_at`` is when a beep ended, None where none was heard, and ``decided_at`` when the
    verdict was known: seconds since the detection began.
    """

    verdict: Verdict
    reason: str
    beep_at: float | None
    decided_at: float


class AnsweringMachineDetector:
    """Fed with speech and beeps as a media engine tells them; times are seconds of one clock.

    On early media the initial silence does not count before :meth:`answered`: it still rings.
    """

    def __init__(self, rules: AnsweringMachineRules, now: float, timeout: float) -> None:
        self._rules = rules
        self._began = now
        self._timeout = now + timeout
        self._answered: float | None = None
        self._talking_since: float | None = None
        self._quiet_since: float | None = None
        self._said = 0.0
        self._phrases = 0
        self._tone_since = -math.inf
        self.beep_at: float | None = None

    def answered(self, now: float) -> None:
        """The call is answered: somebody should talk now. Only the first time counts."""
        if self._answered is None:
            self._answered = now

    def speech_started(self, at: float) -> None:
        """Somebody began to talk."""
        self._talking_since, self._quiet_since = at, None
        self._phrases += 1

    def speech_ended(self, at: float) -> None:
        """They stopped."""
        if self._talking_since is not None:
            self._said += max(0.0, at - self._talking_since)
        self._talking_since, self._quiet_since = None, at

    def tone(self, at: float) -> None:
        """A tone began that may turn out to be a beep: until that is known, quiet means nothing."""
        self._tone_since = at

    def beep(self, at: float) -> None:
        """A beep ended."""
        if self.beep_at is None:
            self.beep_at = at - self._began

    def next_look(self) -> float:
        """When :meth:`decide` may know more, if nothing is heard until then."""
        return min(at for at, _, _ in self._prospects())

    def decide(self, now: float) -> AnsweringMachineResult | None:
        """Return the result, None while it is open."""
        if self.beep_at is not None:
            return self._result("machine", "beep", now)
        if self._phrases > self._rules.phrases:
            return self._result("machine", "phrases", now)
        due = min(self._prospects())
        return self._result(due[2], due[1], now) if due[0] <= now else None

    def _prospects(self) -> list[tuple[float, str, Verdict]]:
        """What will be the case, and when, if it goes on as it is."""
        rules = self._rules
        prospects: list[tuple[float, str, Verdict]] = [(self._timeout, "timeout", "unknown")]
        if self._talking_since is not None:
            prospects.append((self._talking_since + rules.greeting - self._said, "greeting", "machine"))
        elif self._said > rules.greeting:
            prospects.append((-math.inf, "greeting", "machine"))
        elif self._quiet_since is not None:
            quiet = max(self._quiet_since + rules.silence_after, self._tone_since + _BEEP_KNOWN)
            prospects.append((quiet, "greeting", "human"))
        elif self._answered is not None:
            quiet = max(self._answered + rules.initial_silence, self._tone_since + _BEEP_KNOWN)
            prospects.append((quiet, "initial_silence", "unknown"))
        return prospects

    def _result(self, verdict: Verdict, reason: str, now: float) -> AnsweringMachineResult:
        return AnsweringMachineResult(verdict, reason, self.beep_at, now - self._began)
