"""Chooses and opens a media engine; the only place that imports the compiled core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from microsip_core.errors import InvalidArgument, NotSupported

if TYPE_CHECKING:
    from .events import MediaEvent
    from .mixer import Mixer
    from .stream import Stream, StreamConfig

CORES = ("native", "reference")


class MediaEngine(Protocol):
    """A set of streams and the threads that serve them. Any thread may call; nothing waits for the network."""

    core: str
    """"native" or "reference"."""
    event_fd: int | None
    """A descriptor that is readable while events wait, for ``loop.add_reader``; None where there is none."""

    def open_stream(self, config: StreamConfig) -> Stream:
        """Bind a pair of ports. Raises ``NetworkError`` (no such address) or ``Busy`` (no free pair in the range)."""
        ...

    def open_mixer(self, sample_rate: int) -> Mixer:
        """Open a conference that mixes at 8000, 16000, 32000 or 48000 Hz.

        Raises ``NotSupported`` on the reference core.
        """
        ...

    def poll_events(self) -> list[MediaEvent]:
        """Take the events that wait, oldest first per stream."""
        ...

    def statistics(self) -> Mapping[str, object]:
        """Return figures of the threads: streams, ticks, late and skipped ones, lateness histogram, events lost."""
        ...

    def close(self) -> None:
        """Close every stream, finish recordings, end the threads. Safe to call twice."""
        ...


def native_available() -> bool:
    """Say whether the compiled core is there."""
    try:
        from . import _native  # noqa: F401
    except ImportError:
        return False
    return True


def default_core() -> str:
    """Return the core that :func:`create_engine` takes when it is not told which."""
    wanted = os.environ.get("MICROSIP_CORE") or "auto"
    return wanted if wanted in CORES else "native" if native_available() else "reference"


def create_engine(
    core: str | None = None, shards: int = 1, *, pinned: bool = False, streams_max: int = 0, load_max_percent: int = 0,
) -> MediaEngine:
    """Start an engine: "native", "reference", or the first of these that is there.

    The environment's MICROSIP_CORE (native, reference or auto) decides when ``core`` is None. ``shards`` is the
    number of native media threads, 1 to 64; they run at a real-time priority where the system allows it (root,
    CAP_SYS_NICE) and MICROSIP_REALTIME is not 0. ``pinned`` keeps each on a processor of its own. A native engine
    refuses further streams with ``LimitExceeded`` when each shard has ``streams_max``, or while a shard's work takes
    ``load_max_percent`` of its time (0: no limit). Raises ``NotSupported`` when the core asked for is not there.
    """
    wanted = core or os.environ.get("MICROSIP_CORE") or "auto"
    if wanted not in (*CORES, "auto"):
        raise InvalidArgument(f"no media core is called {wanted!r}", remedy="Use native, reference or auto")
    if not 1 <= shards <= 64:
        raise InvalidArgument(f"shards is {shards}, not 1 to 64")
    if streams_max < 0 or not 0 <= load_max_percent <= 100:
        raise InvalidArgument(f"limits of {streams_max} streams and {load_max_percent} percent")
    if wanted != "reference" and native_available():
        from .native_engine import NativeEngine

        return NativeEngine(shards, pinned=pinned, streams_max=streams_max, load_max_percent=load_max_percent)
    if wanted == "native":
        raise NotSupported(
            "the native media core is not built", remedy="Reinstall with a C compiler, or use the reference core",
        )
    from .reference.engine import ReferenceEngine

    return ReferenceEngine()
