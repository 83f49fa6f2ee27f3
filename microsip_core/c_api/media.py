"""C-style functions: playing, recording, reading and writing the sound of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microsip_core.c_api import results
from microsip_core.c_api.engine import Engine, running_engine
from microsip_core.c_api.results import handle, number, returns_code, text
from microsip_core.errors import ErrorCode, InvalidArgument
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.call_audio import CallAudio
from microsip_core.user_agent.user_agent import UserAgent

if TYPE_CHECKING:
    from collections.abc import Callable

    from microsip_core.media.statistics import CallStatistics

_LARGEST_BUFFER = 1 << 24


def _on_call(call: Any, act: Callable[[Call], object]) -> int:
    """Do something with a call on the loop thread; returns 0."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        act(running.call(wanted))
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_media_play(call: int, file: str, loop: bool = False) -> int:
    """Play a WAV file to the peer, in the background; "playback_finished" tells the end. Returns 0."""
    path = text(file, "file")
    return _on_call(call, lambda found: found.play(path, loop=bool(loop)))


@returns_code
def sip_media_stop_play(call: int = 0) -> int:
    """Stop what plays."""
    return _on_call(call, lambda found: found.stop_play())


@returns_code
def sip_media_play_tone(call: int, frequencies: Sequence[float], ms: int = 1000) -> int:
    """Play up to four frequencies in Hz together for ``ms`` milliseconds."""
    duration = number(ms, "ms", 10, 600_000)
    try:
        tones = [float(frequency) for frequency in frequencies]
    except (TypeError, ValueError):
        raise InvalidArgument(f"{frequencies!r} are no frequencies", remedy="Give a sequence of Hz") from None
    return _on_call(call, lambda found: found.play_tone([(tones, duration, 0)]))


@returns_code
def sip_media_record(call: int, file: str) -> int:
    """Record both sides to a stereo WAV file: we are left, the peer is right."""
    path = text(file, "file")
    return _on_call(call, lambda found: found.record(path))


@returns_code
def sip_media_stop_record(call: int = 0) -> int:
    """End the recording, and wait until the file is complete."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> int:
        await running.call(wanted).stop_record()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_mute(call: int = 0) -> int:
    """Send silence."""
    return _on_call(call, lambda found: found.mute())


@returns_code
def sip_unmute(call: int = 0) -> int:
    """Send sound again."""
    return _on_call(call, lambda found: found.unmute())


@dataclass(frozen=True, slots=True)
class SipLevel:
    """sip_level_t: how loud a call was last, in dBov (RFC 6465): 0 is full scale, -127 silence."""

    sent: float
    received: float


@returns_code
def sip_media_set_volume(call: int, send: float = 1.0, receive: float = 1.0) -> int:
    """Scale what a call sends and what it receives: linear factors, 0 to 8."""
    factors = [results.seconds(one) for one in (send, receive)]
    if None in factors:
        raise InvalidArgument(f"the factors are {send!r} and {receive!r}", remedy="Give 0 to 8")
    return _on_call(call, lambda found: found.set_volume(factors[0] or 0.0, factors[1] or 0.0))


@returns_code
def sip_media_get_level(call: int = 0) -> SipLevel:
    """Return how loud is what the call last sent and received."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> SipLevel:
        return SipLevel(*running.call(wanted).level())

    return running.run(work)


@returns_code
def sip_media_stats(call: int = 0) -> CallStatistics | None:
    """Return the media statistics of a call, the last ones after its end; None when it never had media."""
    running, wanted = running_engine(), handle(call)

    async def work(agent: UserAgent) -> CallStatistics | None:
        return running.call(wanted).statistics()

    return running.run(work)


def _audio_of(running: Engine, call: Any) -> CallAudio:
    wanted = handle(call)

    async def work(agent: UserAgent) -> CallAudio:
        return running.call(wanted).audio

    return running.run(work)


@returns_code
def sip_media_read(call: int, buffer: Any, n: int | None = None) -> int:
    """Copy received samples into ``buffer`` (a writable int16 array) and return how many there were; does not wait."""
    view = _samples(buffer, n, writable=True)
    import numpy as np

    received = _audio_of(running_engine(), call).read_now(len(view))
    np.frombuffer(view, dtype=np.int16)[:len(received)] = received
    return len(received)


@returns_code
def sip_media_write(call: int, buffer: Any, n: int | None = None) -> int:
    """Queue int16 samples of ``buffer`` to be sent and return how many were taken; does not wait."""
    view = _samples(buffer, n, writable=False)
    import numpy as np

    return _audio_of(running_engine(), call).write(np.frombuffer(view, dtype=np.int16))


def _samples(buffer: Any, n: int | None, *, writable: bool) -> memoryview:
    """Return the first ``n`` samples of a buffer of int16. Raises InvalidArgument for any other."""
    try:
        view = memoryview(buffer)
    except TypeError:
        raise InvalidArgument("the buffer is no buffer", remedy='Give a numpy int16 array or array("h")') from None
    if view.format in ("B", "b", "c") and view.nbytes % 2 == 0 and view.c_contiguous:
        view = view.cast("B").cast("h")
    if view.format != "h" or view.ndim != 1 or not view.c_contiguous or (writable and view.readonly):
        raise InvalidArgument("the buffer holds no int16 samples", remedy='Give a numpy int16 array or array("h")')
    return view[:number(len(view) if n is None else n, "n", 0, min(len(view), _LARGEST_BUFFER))]
