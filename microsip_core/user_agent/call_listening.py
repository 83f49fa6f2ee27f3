"""What a call hears in its peer's sound: speech, for barge-in, and whether a machine has answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from microsip_core.errors import InvalidArgument, InvalidState
from microsip_core.user_agent.call_life import ANSWERED
from microsip_core.user_agent.call_playback import CallPlayback
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState

if TYPE_CHECKING:
    from microsip_core.media.answering_machine import (
        AnsweringMachineDetector,
        AnsweringMachineResult,
        AnsweringMachineRules,
    )
    from microsip_core.media.events import MediaEvent

_HANGOVER_MS = 200
_LOOK = 0.1  # seconds between two looks at whether the call has been answered or has ended
_EVENTS = {
    "speech_started": EventType.SPEECH_STARTED, "speech_ended": EventType.SPEECH_ENDED, "beep": EventType.BEEP,
}


class CallListening(CallPlayback):
    """Listens, when asked to."""

    talking = False
    """Whether the peer is talking, as far as :meth:`detect_voice` has heard."""
    _voice_wanted = False
    _detector: AnsweringMachineDetector | None = None
    _heard: asyncio.Event | None = None

    def detect_voice(self, on: bool = True, *, hangover_ms: int = _HANGOVER_MS) -> None:
        """Tell when the peer begins and ceases to talk: the events ``speech_started`` and ``speech_ended``.

        The first comes about 80 ms after the beginning, the other ``hangover_ms`` (50 to 10000) after the end, so that
        pauses between words do not count. A ``beep`` is told, too. Works on early media. Raises InvalidState while
        there is no media, NotSupported on the reference core.
        """
        if not 50 <= hangover_ms <= 10_000:
            raise InvalidArgument(f"a hangover of {hangover_ms} ms", step="detect voice", remedy="Use 50 to 10000")
        self.stream("detect voice").listen(on or self._detector is not None, hangover_ms)
        self._voice_wanted = on
        if not on:
            self.talking = False

    async def detect_answering_machine(
        self, timeout: float = 8.0, *, wait_for_beep: float = 0.0, rules: AnsweringMachineRules | None = None,
    ) -> AnsweringMachineResult:
        """Return whether a person or a machine has answered, by what is heard from now on, early media included.

        Decides within ``timeout`` seconds. With ``wait_for_beep`` it goes on to listen to a machine for so many seconds
        until its beep has ended: the time to leave a message. ``rules`` are the thresholds. Raises InvalidState while
        there is no media or another detection is under way, NotSupported on the reference core.
        """
        from microsip_core.media.answering_machine import AnsweringMachineDetector, AnsweringMachineRules

        if self._detector is not None:
            raise InvalidState("a detection is under way", step="detect answering machine", peer=self.remote_uri)
        if not 0 < timeout <= 3600 or not 0 <= wait_for_beep <= 3600:
            raise InvalidArgument(f"timeouts of {timeout} and {wait_for_beep} s", step="detect answering machine")
        stream = self.stream("detect answering machine")
        if not self._voice_wanted:
            stream.listen(True, _HANGOVER_MS)
        detector = AnsweringMachineDetector(rules or AnsweringMachineRules(), time.monotonic(), timeout)
        self._detector, self._heard = detector, asyncio.Event()
        try:
            result = await self._until_decided(detector)
            if result.verdict == "machine" and result.beep_at is None and wait_for_beep:
                result = await self._until_beep(detector, result, wait_for_beep)
            return result
        finally:
            self._detector = self._heard = None
            if not self._voice_wanted and not self._closing and self.state is not CallState.ENDED:
                stream.listen(False, _HANGOVER_MS)

    async def _until_decided(self, detector: AnsweringMachineDetector) -> AnsweringMachineResult:
        from microsip_core.media.answering_machine import AnsweringMachineResult

        began = time.monotonic()
        while True:
            now = time.monotonic()
            if self._closing or self.state is CallState.ENDED:
                return AnsweringMachineResult("unknown", "call_ended", detector.beep_at, now - began)
            if self.state in ANSWERED:
                detector.answered(now)
            result = detector.decide(now)
            if result is not None:
                return result
            await self._until_heard(min(detector.next_look() - now, _LOOK))

    async def _until_beep(
        self, detector: AnsweringMachineDetector, result: AnsweringMachineResult, patience: float,
    ) -> AnsweringMachineResult:
        from dataclasses import replace

        deadline = time.monotonic() + patience
        while detector.beep_at is None and not self._closing and self.state is not CallState.ENDED:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            await self._until_heard(min(left, _LOOK))
        return replace(result, beep_at=detector.beep_at)

    async def _until_heard(self, seconds: float) -> None:
        heard = self._heard
        assert heard is not None
        heard.clear()
        try:
            await asyncio.wait_for(heard.wait(), max(seconds, 0.001))
        except TimeoutError:
            return

    def take_heard(self, event: MediaEvent) -> None:
        """Take what the media engine heard."""
        detector = self._detector
        if event.kind == "speech_started":
            began = event.time - event.value / 1000
            if detector is not None:
                detector.speech_started(began)
        elif detector is not None and event.kind == "speech_ended":
            detector.speech_ended(event.time - event.reference / 1000)
        elif detector is not None and event.kind == "tone":
            detector.tone(event.time - event.value / 1000)
        elif detector is not None:
            detector.beep(event.time - event.reference / 1000)
        if self._heard is not None:
            self._heard.set()
        if self._voice_wanted and event.kind != "tone":
            self.talking = event.kind == "speech_started" or (self.talking and event.kind == "beep")
            self.emit(_EVENTS[event.kind], text="" if event.kind == "speech_started" else f"{event.value} ms")
