"""A media backend without media: answers every offer with an inactive description and opens no socket."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from microsip_core.ids import IdSource
from microsip_core.media.statistics import CallStatistics, StreamDescription, call_statistics
from microsip_core.sdp.negotiation import AudioNegotiation, NegotiatedAudio

if TYPE_CHECKING:
    from microsip_core.media.events import MediaEvent
    from microsip_core.sdp.capabilities import AudioCapabilities

_DISCARD_PORT = 9  # RFC 863, as RFC 8839 s4.4.1.1 uses it for "no port yet"


class SignalingOnlySession:
    """The description of a call whose sound nobody carries."""

    __slots__ = ("_negotiation", "agreed")

    stream = None

    def __init__(self, negotiation: AudioNegotiation) -> None:
        self._negotiation = negotiation
        self.agreed: NegotiatedAudio | None = None

    @property
    def codec(self) -> str | None:
        """Name of the negotiated codec, None before negotiation."""
        return self.agreed.send.name if self.agreed is not None else None

    @property
    def remote_hold(self) -> bool:
        """Never: a peer that answers "inactive" with "inactive" does not hold us."""
        return False

    def create_offer(self, direction: str = "sendrecv") -> bytes:
        """Return an inactive offer of our codecs."""
        return self._negotiation.create_offer("inactive")

    def accept_answer(self, answer: bytes) -> None:
        """Take the answer. Raises CodecError when it holds no codec we offered."""
        self.agreed = self._negotiation.accept_answer(answer) or self.agreed

    def accept_offer(self, offer: bytes, direction: str = "sendrecv") -> bytes:
        """Return an inactive answer. Raises CodecError when there is no common codec."""
        answer, agreed = self._negotiation.accept_offer(offer, "inactive")
        self.agreed = agreed or self.agreed
        return answer

    def hold(self, on: bool) -> bytes:
        """Return a new offer, as inactive as the one before."""
        return self._negotiation.create_offer("inactive")

    def move(self, local_host: str, public_host: str | None = None) -> None:
        """Name another address in the next offer."""
        self._negotiation.host = public_host or local_host

    def statistics(self) -> CallStatistics:
        """Return statistics of nothing."""
        return call_statistics({}, StreamDescription(codec=self.codec or ""))

    def close(self) -> None:
        """There is nothing to free."""


class SignalingOnlyBackend:
    """Opens sessions that carry no sound."""

    event_fd = None
    core = "none"

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self._capabilities: dict[tuple[tuple[str, ...] | None, str], AudioCapabilities] = {}

    def open_session(
        self, *, local_host: str, codecs: Sequence[str] | None = None, ptime_ms: int = 20,
        port_range: tuple[int, int] | None = None, srtp: str = "off", public_host: str | None = None,
    ) -> SignalingOnlySession:
        """Return the description side of one call. Raises CodecError for an unknown codec."""
        key = (tuple(codecs) if codecs is not None else None, srtp)
        capabilities = self._capabilities.get(key)
        if capabilities is None:
            from microsip_core.media.codec_registry import capabilities_for

            capabilities = self._capabilities[key] = capabilities_for(key[0], "reference", srtp=srtp)
        return SignalingOnlySession(AudioNegotiation(
            capabilities, public_host or local_host, _DISCARD_PORT, session_id=self._ids.session_id(),
            ptime_ms=ptime_ms, new_key=secrets.token_bytes,
        ))

    def poll_events(self) -> list[MediaEvent]:
        """Return nothing: nothing happens here."""
        return []

    def close(self) -> None:
        """There is nothing to close."""
