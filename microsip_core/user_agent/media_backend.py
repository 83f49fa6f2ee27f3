"""The seam between calls and media: what a call asks of whoever carries its sound; signaling is tested with a fake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from microsip_core.media.events import MediaEvent
    from microsip_core.media.statistics import CallStatistics
    from microsip_core.media.stream import Stream


class MediaSession(Protocol):
    """The media of one call: offer and answer (RFC 3264) over one stream."""

    @property
    def stream(self) -> Stream | None:
        """The stream that carries the sound, None where there is none (yet)."""

    @property
    def remote_hold(self) -> bool:
        """Whether the peer's last description put us on hold (sendonly, inactive, or 0.0.0.0)."""

    @property
    def codec(self) -> str | None:
        """Name of the negotiated codec, None before negotiation."""

    def create_offer(self, direction: str = "sendrecv") -> bytes:
        """Return a session description that offers our codecs."""

    def accept_answer(self, answer: bytes) -> None:
        """Take the answer to our offer; called again when a final answer follows an early one.

        Raises CodecError when it holds no codec we offered, MediaError when it can not be used.
        """

    def accept_offer(self, offer: bytes, direction: str = "sendrecv") -> bytes:
        """Take the peer's offer and return our answer. Raises CodecError when there is no common codec (488)."""

    def hold(self, on: bool) -> bytes:
        """Return a new offer that holds or resumes, for a re-INVITE."""

    def move(self, local_host: str, public_host: str | None = None) -> None:
        """Go on from another local address, which the next offer names, or ``public_host`` in its place.

        Raises NetworkError or Busy when that can not be; nothing has changed then.
        """

    def statistics(self) -> CallStatistics:
        """Return a snapshot; after close() the last one."""

    def close(self) -> None:
        """Stop the media and free the sockets. May be called again."""


class MediaBackend(Protocol):
    """Opens media sessions, and tells what happens in them."""

    @property
    def event_fd(self) -> int | None:
        """File descriptor that is readable while events wait, None where the events must be polled."""

    def open_session(
        self, *, local_host: str, codecs: Sequence[str] | None = None, ptime_ms: int = 20,
        port_range: tuple[int, int] | None = None, srtp: str = "off", public_host: str | None = None,
    ) -> MediaSession:
        """Open the media of one call on ``local_host``. Raises MediaError when no port is free.

        ``srtp`` is "off", "optional" or "mandatory", and left out where it is "off". ``public_host`` is the address to
        name in descriptions in place of ``local_host``, left out where that will do.
        """

    def poll_events(self) -> list[MediaEvent]:
        """Return the events since the last time, oldest first."""

    def close(self) -> None:
        """Close every session and stop."""
