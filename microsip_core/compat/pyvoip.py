"""pyVoIP 1.6 on this engine: a program written for it runs when only its import is changed.

    from microsip_core.compat.pyvoip import CallState, InvalidStateError, VoIPPhone   # was: from pyVoIP.VoIP import ...

Sound is 8-bit unsigned, 8000 Hz, mono, as there. What is better here: registration and calls survive loss, BYE and
re-INVITE are right, sound passes a jitter buffer, silence does not block :meth:`VoIPCall.read_audio`, and a callback
begins at once in place of a second later. ``VoIPPhone.sip`` and the RTP classes of pyVoIP are not there.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from microsip_core.c_api.loop_thread import LoopThread
from microsip_core.compat.pyvoip_audio import SILENCE, OutgoingSound, to_unsigned
from microsip_core.compat.pyvoip_message import SIPMessage
from microsip_core.errors import AuthenticationError, InvalidState, MicrosipError
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.events import EventType
from microsip_core.user_agent.states import CallState as EngineState
from microsip_core.user_agent.user_agent import UserAgent

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.event_stream import EventStream

__all__ = [
    "CallState", "InvalidAccountInfoError", "InvalidRangeError", "InvalidStateError", "NoPortsAvailableError",
    "PhoneStatus", "VoIPCall", "VoIPPhone",
]

LOG = logging.getLogger("microsip_core.compat")
T = TypeVar("T")

_REGISTER_SECONDS = 30.0
_ANSWERED = frozenset({EngineState.ACTIVE, EngineState.HELD, EngineState.REMOTE_HELD})
_LONGEST_READ = 8000

InvalidAccountInfoError = AuthenticationError
"""The registrar refused user name or password."""


class InvalidRangeError(Exception):
    """``rtpPortHigh`` is below ``rtpPortLow``."""


class InvalidStateError(Exception):
    """The call is not in the state for that."""


class NoPortsAvailableError(Exception):
    """Every RTP port of the range is taken."""


class CallState(Enum):
    """Where a call stands."""

    DIALING = "DIALING"
    RINGING = "RINGING"
    ANSWERED = "ANSWERED"
    ENDED = "ENDED"


class PhoneStatus(Enum):
    """Where a phone stands."""

    INACTIVE = "INACTIVE"
    REGISTERING = "REGISTERING"
    REGISTERED = "REGISTERED"
    DEREGISTERING = "DEREGISTERING"
    FAILED = "FAILED"


class VoIPCall:
    """One call, made by :class:`VoIPPhone`; its methods may be called from any thread but the engine's own."""

    def __init__(self, phone: VoIPPhone, call: Call) -> None:
        self.phone = phone
        self._call = call
        self._incoming = call.direction == "incoming"
        self._digits: list[str] = []
        self._digits_lock = threading.Lock()
        self._sound = OutgoingSound(call)
        self._following: asyncio.Task[None] | None = None

    @property
    def call_id(self) -> str:
        """The Call-ID, empty while the name of the server is being looked up."""
        return self._call.call_id

    @property
    def request(self) -> SIPMessage:
        """The INVITE of the call."""
        return SIPMessage(self._call.invite_request)

    @property
    def state(self) -> CallState:
        """The state of the call."""
        state = self._call.state
        if state in _ANSWERED:
            return CallState.ANSWERED
        if state is EngineState.ENDED:
            return CallState.ENDED
        return CallState.RINGING if self._incoming else CallState.DIALING

    def answer(self) -> None:
        """Answer an incoming call and return when sound flows. Raises InvalidStateError unless it rings."""
        self._require(CallState.RINGING, "ringing")
        self.phone.on_loop(self._answer)

    async def _answer(self) -> None:
        try:
            await self._call.answer()
        except InvalidState as error:  # the caller gave up meanwhile
            raise InvalidStateError(str(error)) from error

    def deny(self) -> None:
        """Refuse an incoming call as busy. Raises InvalidStateError unless it rings."""
        self._require(CallState.RINGING, "ringing")
        self.phone.on_loop(self._reject)

    async def _reject(self) -> None:
        await self._call.reject(486)

    def hangup(self) -> None:
        """End an answered call. Raises InvalidStateError where it is not answered; see :meth:`cancel`."""
        self._require(CallState.ANSWERED, "answered")
        self.phone.on_loop(self._hangup)

    def cancel(self) -> None:
        """End the call in whatever state it is. (pyVoIP has no way to give up a call that nobody answers.)"""
        self.phone.on_loop(self._hangup)

    async def _hangup(self) -> None:
        await self._call.hangup()

    def write_audio(self, data: bytes) -> None:
        """Queue sound to be sent: 8-bit unsigned samples, 8000 a second, as many as you like."""
        self.phone.on_loop(lambda: self._sound.add(bytes(data)))

    def read_audio(self, length: int = 160, blocking: bool = True) -> bytes:
        """Return ``length`` octets (1 to 8000) of received sound.

        With ``blocking`` it waits for them; else, and after the end of the call, what is missing is silence (0x80).
        """
        if not 1 <= length <= _LONGEST_READ:
            raise ValueError(f"length is {length}: read 1 to {_LONGEST_READ} octets at a time")
        if self.state is not CallState.ANSWERED:
            return SILENCE * length
        samples = self.phone.on_loop(lambda: self._read(length, blocking))
        return samples + SILENCE * (length - len(samples))

    async def _read(self, length: int, blocking: bool) -> bytes:
        try:
            audio = self._call.audio
            return to_unsigned(await audio.read(length) if blocking else audio.read_now(length))
        except InvalidState:
            return b""

    def get_dtmf(self, length: int = 1) -> str:
        """Return up to ``length`` digits received and not yet read, "" where there are none; does not wait."""
        with self._digits_lock:
            taken, self._digits[:] = self._digits[:length], self._digits[length:]
        return "".join(taken)

    def dtmf_callback(self, code: str) -> None:
        """Take a digit that was received."""
        with self._digits_lock:
            self._digits.append(code)

    def follow(self, listening: asyncio.Task[None]) -> None:
        """Keep the task that takes the call's events: one that nobody holds may be lost."""
        self._following = listening

    def _require(self, state: CallState, word: str) -> None:
        if self.state is not state:
            raise InvalidStateError(f"Call is not {word}")

    def getDTMF(self, length: int = 1) -> str:
        """Old name of :meth:`get_dtmf`."""
        _deprecated("getDTMF", "get_dtmf")
        return self.get_dtmf(length)

    def writeAudio(self, data: bytes) -> None:
        """Old name of :meth:`write_audio`."""
        _deprecated("writeAudio", "write_audio")
        self.write_audio(data)

    def readAudio(self, length: int = 160, blocking: bool = True) -> bytes:
        """Old name of :meth:`read_audio`."""
        _deprecated("readAudio", "read_audio")
        return self.read_audio(length, blocking)


class VoIPPhone:
    """A phone with one account: ``start`` registers, ``callCallback`` gets each incoming call in a thread of its own.

    As with pyVoIP, a phone that has been started keeps the program alive until ``stop``. Incoming calls are refused as
    busy where there is no ``callCallback``; one that fails costs its call.
    """

    def __init__(
        self, server: str, port: int, username: str, password: str, myIP: str = "0.0.0.0",  # noqa: S104
        callCallback: Callable[[VoIPCall], None] | None = None, sipPort: int = 5060,
        rtpPortLow: int = 10000, rtpPortHigh: int = 20000,
    ) -> None:
        if rtpPortLow > rtpPortHigh:
            raise InvalidRangeError("'rtpPortHigh' must be >= 'rtpPortLow'")
        self.server = server
        self.port = port
        self.username = username
        self.password = password
        self.myIP = myIP
        self.callCallback = callCallback
        self.calls: dict[str, VoIPCall] = {}
        self._config = UserAgentConfig(
            listen=f"{_bracketed(myIP)}:{sipPort}", codecs=("PCMU", "PCMA"),
            port_range=(rtpPortLow, min(rtpPortHigh + 1, 65_535)),
        )
        self._status = PhoneStatus.INACTIVE
        self._loop: LoopThread | None = None
        self._agent: UserAgent | None = None

    def __repr__(self) -> str:
        return f"<VoIPPhone {self.username}@{self.server}:{self.port} {self._status.value}>"

    def get_status(self) -> PhoneStatus:
        """Return where the phone stands."""
        return self._status

    def getStatus(self) -> PhoneStatus:
        """Old name of :meth:`get_status`."""
        _deprecated("getStatus", "get_status")
        return self.get_status()

    def start(self) -> None:
        """Open the sockets and register. Raises InvalidAccountInfoError, TimedOut, Busy, NetworkError."""
        if self._loop is not None:
            raise RuntimeError("the phone has been started already")
        self._status = PhoneStatus.REGISTERING
        self._loop = LoopThread(daemon=False)
        try:
            self.on_loop(self._start)
        except BaseException:
            self.stop(failed=True)
            raise
        self._status = PhoneStatus.REGISTERED

    async def _start(self) -> None:
        self._agent = agent = UserAgent(self._config)
        agent.on_incoming = self._take
        await agent.start()
        registrar = f"sip:{_bracketed(self.server)}:{self.port}"
        await agent.create_account(
            f"sip:{self.username}@{_bracketed(self.server)}:{self.port}", self.password, registrar=registrar,
            timeout=_REGISTER_SECONDS,
        )

    def stop(self, failed: bool = False) -> None:
        """Hang up, unregister, close the sockets."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        self._status = PhoneStatus.DEREGISTERING
        agent, self._agent = self._agent, None
        try:
            if agent is not None:
                loop.run(agent.close)
        finally:
            loop.stop()
            self.calls.clear()
            self._status = PhoneStatus.FAILED if failed else PhoneStatus.INACTIVE

    def call(self, number: str) -> VoIPCall:
        """Call a number at the server, or a SIP URI; return at once. Watch ``state`` for the answer."""
        target = number if ":" in number else f"sip:{number}@{_bracketed(self.server)}:{self.port}"
        return self.on_loop(lambda: self._dial(target))

    async def _dial(self, target: str) -> VoIPCall:
        assert self._agent is not None
        return self._keep(self._agent.start_call(target))

    def _take(self, call: Call) -> None:
        """Take an incoming call, on the engine's thread."""
        if self.callCallback is None:
            call.reject(486)
            return
        taken = self._keep(call)
        threading.Thread(
            target=self._converse, args=(self.callCallback, taken), name=f"Phone Call: {taken.call_id}", daemon=True,
        ).start()

    def _keep(self, call: Call) -> VoIPCall:
        kept = VoIPCall(self, call)
        key = kept.call_id or f"dialing-{call.id}"
        self.calls[key] = kept
        assert self._agent is not None
        kept.follow(self._agent.loop.create_task(self._listen(call.events(), kept, key)))
        return kept

    async def _listen(self, events: EventStream, kept: VoIPCall, key: str) -> None:
        async for event in events:
            if event.type is EventType.DTMF:
                kept.dtmf_callback(event.text)
        self.calls.pop(key, None)

    def _converse(self, callback: Callable[[VoIPCall], None], call: VoIPCall) -> None:
        """Run the callback in its thread; a call that is left behind by a fault is ended."""
        try:
            callback(call)
        except Exception:
            LOG.exception("the callback of a call has failed")
            try:
                call.cancel()
            except (MicrosipError, RuntimeError) as error:
                LOG.info("its call had ended already: %s", error)

    def on_loop(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine function on the engine's thread. Raises RuntimeError where the phone is not started."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("the phone is not started")
        return loop.run(work)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated due to PEP8 compliance. Use {new} instead.", DeprecationWarning, stacklevel=3)
