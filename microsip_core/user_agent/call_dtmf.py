"""The digits of a call: sent as RTP telephone-events (RFC 4733) or SIP INFO, received either way."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from microsip_core.errors import CallRefused, Canceled, InvalidArgument, InvalidState, TimedOut
from microsip_core.user_agent.call_life import ANSWERED, CallLife
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.received_digits import CollectedDigits, KeyPresses
from microsip_core.user_agent.states import CallState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from microsip_core.media.stream import Stream
    from microsip_core.sip.events import ResponseReceived
    from microsip_core.sip.message import Request
    from microsip_core.user_agent.media_backend import MediaSession
    from microsip_core.user_agent.playback import Playback

_DIGITS = frozenset("0123456789*#ABCD")
_METHODS = ("auto", "rfc4733", "info", "inband")
_TONE_RATE = 16000  # Hz, of digits made as sound
_PAUSE = 0.5  # seconds that a comma stands for
_ENGINE_PATIENCE = 5.0  # seconds beyond the length of the digits
_REMEMBERED_DIGITS = 1000  # received and not read yet; the oldest are lost beyond that
_QUEUED_DIGITS = 32  # at most so many at a time are given to the media engine, which holds 64
_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}  # some peers send the event code
INFO_TYPES = ("application/dtmf-relay", "application/dtmf")


class CallDtmf(CallLife):
    """Sends and receives digits."""

    media: MediaSession | None = None
    description = b""
    _sent_waiter: tuple[int, asyncio.Future[None]] | None = None
    _info_waiter: asyncio.Future[ResponseReceived] | None = None
    _sending: asyncio.Lock | None = None
    _digits: deque[str] | None = None
    _digit_waiter: asyncio.Future[None] | None = None  # of all who wait: it is never cancelled
    _presses: KeyPresses | None = None

    @property
    def on_hold(self) -> bool:
        """Whether either side holds the other."""
        return self.state in (CallState.HELD, CallState.REMOTE_HELD)

    def stream(self, step: str) -> Stream:
        """Return the stream of the call, see CallMedia."""
        raise NotImplementedError

    async def send_dtmf(
        self, digits: str, *, method: str = "auto", duration_ms: int = 160, gap_ms: int = 80,
    ) -> None:
        """Send digits 0-9 A-D * #; a comma pauses 500 ms. Returns when the last has been sent.

        ``method`` is "rfc4733" (RTP telephone-event), "info" (SIP INFO), "inband" (tones in the sound, which replace
        what plays), or "auto": the first where the peer takes it, else the second.
        ``duration_ms`` (40-5000) is the length of a digit, ``gap_ms`` (20-5000) the silence after it.
        Raises InvalidState when the call is not answered, ends meanwhile, or the peer takes no telephone-events;
        CallRefused when it refuses an INFO. Cancelling the wait does not take back up to 32 digits that were handed to
        the media engine.
        """
        digits = digits.upper()
        if not set(digits) <= _DIGITS | {","} or not digits:
            raise InvalidArgument(f"{digits!r} are no DTMF digits", step="dtmf", remedy="Use 0-9, A-D, *, # and commas")
        if method not in _METHODS:
            raise InvalidArgument(f"no DTMF method is called {method!r}", step="dtmf", remedy=f"Use {_METHODS}")
        if not 40 <= duration_ms <= 5000 or not 20 <= gap_ms <= 5000:
            raise InvalidArgument(f"digits of {duration_ms} ms and gaps of {gap_ms} ms", step="dtmf",
                                  remedy="Use 40 to 5000 ms and 20 to 5000 ms")
        if self._sending is None:
            self._sending = asyncio.Lock()
        async with self._sending:
            for number, chunk in enumerate(digits.split(",")):
                if number:
                    await asyncio.sleep(_PAUSE)
                for start in range(0, len(chunk), _QUEUED_DIGITS):
                    await self._send_chunk(chunk[start:start + _QUEUED_DIGITS], method, duration_ms, gap_ms)

    async def _send_chunk(self, digits: str, method: str, duration_ms: int, gap_ms: int) -> None:
        if self.state not in ANSWERED:
            raise InvalidState(f"the call is {self.state}", step="dtmf", peer=self.remote_uri)
        if method == "inband":
            await self._play_digits(digits, duration_ms, gap_ms)
            return
        if method != "info":
            try:
                self.stream("dtmf").send_dtmf(digits, duration_ms, gap_ms)
            except InvalidState:
                if method == "rfc4733":
                    raise
            else:
                await self._until_sent(len(digits), len(digits) * (duration_ms + gap_ms) / 1000 + _ENGINE_PATIENCE)
                return
        for digit in digits:
            await self._send_info(digit, duration_ms)
            await asyncio.sleep((duration_ms + gap_ms) / 1000)

    async def _play_digits(self, digits: str, duration_ms: int, gap_ms: int) -> None:
        from microsip_core.media.dtmf_tones import dtmf_samples

        result = await self.play(dtmf_samples(digits, _TONE_RATE, duration_ms, gap_ms), rate=_TONE_RATE)
        if result.reason == "call_ended":
            raise InvalidState("the call has ended", step="dtmf", peer=self.remote_uri)
        if result.reason != "finished":
            raise Canceled(f"the tones were {result.reason} after {result.played_ms} ms", step="dtmf",
                           peer=self.remote_uri)

    def play(self, source: NDArray[np.int16], *, rate: int | None = None) -> Playback:
        """Play samples, see CallPlayback."""
        raise NotImplementedError

    def detect_dtmf(self, on: bool = True) -> None:
        """Listen for digits in the sound, too, for peers that send them no other way (ITU-T Q.24).

        They count like all others, and once where a peer sends them several ways. Raises InvalidState while there is
        no media, NotSupported on the reference core.
        """
        self.stream("dtmf").detect_dtmf(on)

    async def collect_digits(
        self, count: int = 1, *, terminators: str = "#", first_timeout: float | None = 5.0,
        inter_timeout: float | None = 3.0,
    ) -> CollectedDigits:
        """Return what the peer keys in: up to ``count`` (1-1000) digits, or until one of ``terminators``.

        ``first_timeout`` seconds bound the wait for the first digit, ``inter_timeout`` that for each one after it; None
        waits for ever. Digits keyed in before count, those after the end are left for the next time.
        """
        if not 1 <= count <= _REMEMBERED_DIGITS or not set(terminators.upper()) <= _DIGITS:
            raise InvalidArgument(f"{count} digits with terminators {terminators!r}", step="dtmf",
                                  remedy=f"Ask for 1 to {_REMEMBERED_DIGITS}, and terminators of 0-9, A-D, * and #")
        digits = ""
        while len(digits) < count:
            digit = await self.recv_dtmf(1, inter_timeout if digits else first_timeout)
            if not digit:
                ended = self.state is CallState.ENDED
                return CollectedDigits(
                    digits, "call_ended" if ended else "inter_timeout" if digits else "first_timeout",
                )
            if digit in terminators.upper():
                return CollectedDigits(digits, "terminator", digit)
            digits += digit
        return CollectedDigits(digits, "count")

    async def _until_sent(self, count: int, timeout: float) -> None:
        future: asyncio.Future[None] = self.agent.loop.create_future()
        self._sent_waiter = (count, future)
        try:
            done, _ = await asyncio.wait([future], timeout=timeout)
        finally:
            self._sent_waiter = None
        if not done:
            raise TimedOut("the digits were not sent: nothing is sent while on hold", step="dtmf", peer=self.remote_uri)
        future.result()

    def count_sent(self, count: int) -> None:
        """The media engine has sent ``count`` digits."""
        if self._sent_waiter is None:
            return
        left, future = self._sent_waiter
        self._sent_waiter = (left - count, future)
        if left <= count and not future.done():
            future.set_result(None)

    async def _send_info(self, digit: str, duration_ms: int) -> None:
        if self.session is None or self.state not in ANSWERED:
            raise InvalidState(f"the call is {self.state}", step="dtmf", peer=self.remote_uri)
        body = f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()
        request = self.session.send_request(
            "INFO", self.agent.now(), body=body, content_type="application/dtmf-relay",
        )
        request.owner = self._info_waiter = self.agent.loop.create_future()
        self.agent.pump()
        response = await self._info_waiter
        if response.status >= 300:
            raise CallRefused(
                response.status, response.reason, step="dtmf", peer=self.remote_uri,
                remedy="The peer does not take digits by INFO: use rfc4733",
            )

    async def recv_dtmf(self, count: int, timeout: float | None = None) -> str:
        """Return the next ``count`` (1-1000) digits, fewer when ``timeout`` seconds are over or the call has ended."""
        if not 1 <= count <= _REMEMBERED_DIGITS:
            raise InvalidArgument(f"{count} digits can not be waited for", step="dtmf",
                                  remedy=f"Ask for 1 to {_REMEMBERED_DIGITS}")
        if self._digits is None:
            self._digits = deque(maxlen=_REMEMBERED_DIGITS)
        deadline = None if timeout is None else self.agent.loop.time() + timeout
        while len(self._digits) < count and self.state is not CallState.ENDED:
            left = None if deadline is None else deadline - self.agent.loop.time()
            if left is not None and left <= 0:
                break
            if self._digit_waiter is None or self._digit_waiter.done():
                self._digit_waiter = self.agent.loop.create_future()
            await asyncio.wait([self._digit_waiter], timeout=left)
        return "".join(self._digits.popleft() for _ in range(min(count, len(self._digits))))

    def take_digit(self, digit: str, method: str, when: float) -> None:
        """A digit came in. A peer that sends it several ways pressed the key once."""
        if self._presses is None:
            self._presses = KeyPresses()
        if not self._presses.is_new(digit, method, when):
            return
        if self._digits is None:
            self._digits = deque(maxlen=_REMEMBERED_DIGITS)
        self._digits.append(digit)
        self.emit(EventType.DTMF, text=digit)
        self._wake_readers()

    def _wake_readers(self) -> None:
        if self._digit_waiter is not None and not self._digit_waiter.done():
            self._digit_waiter.set_result(None)

    def take_info(self, request: Request, now: float) -> bool:
        """Take an INFO; returns whether it held a digit."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        if kind not in INFO_TYPES:
            return False
        digit = _digit_of(request.body.decode("utf-8", "replace"))
        if digit not in _DIGITS:
            return False
        self.take_digit(digit, "info", now)
        return True

    def stop_dtmf(self) -> None:
        """The call has ended: wake those who wait."""
        for waiter in (self._sent_waiter[1] if self._sent_waiter else None, self._info_waiter):
            if waiter is not None and not waiter.done():
                waiter.set_exception(InvalidState("the call has ended", step="dtmf", peer=self.remote_uri))
        self._wake_readers()


def _digit_of(body: str) -> str:
    """Return the digit of an application/dtmf-relay or application/dtmf body, in capitals."""
    for line in body.splitlines():
        name, equals, value = line.partition("=")
        if not equals:
            return line.strip().upper()[:1]
        if name.strip().lower() == "signal":
            text = value.strip().upper()
            return _NUMBERED.get(text, text[:1])
    return ""
