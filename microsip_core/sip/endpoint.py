"""The one door of the SIP core: datagrams, commands and time go in; events and packets come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..ids import IdSource
from .events import Event
from .hop import Hop, OutgoingPacket, Source
from .identity import Identity
from .registration import Registration
from .session.client_request import ClientRequest
from .session.invite_session import InviteSession
from .timers import DEFAULT_TIMERS, Timers

Headers = Iterable[tuple[str, str]]


@dataclass(slots=True)
class EndpointConfig:
    """What an endpoint is told once. Times in seconds."""

    local_address: Callable[[Hop], tuple[str, int]]
    """Address and port for Via and Contact of a message to that hop; a pure, quick function of the driver. Literal
    IPv6 without brackets."""
    user_agent: str = "microsip-core"
    """User-Agent of requests and Server of responses; "" leaves them out."""
    timers: Timers = DEFAULT_TIMERS
    default_transport: str = "UDP"
    deliver: frozenset[str] = frozenset({"INFO", "MESSAGE"})
    """Methods handed to the driver as RequestReceived; other unknown ones are refused with 405 or 501."""
    supported: tuple[str, ...] = ()
    """Further option tags for Supported, beside those the core implements itself."""
    answer_timeout: float | None = 180.0
    """How long our INVITE may ring (Expires; then CANCEL) unless said otherwise per call."""
    ring_timeout: float | None = 180.0
    """How long an incoming call may ring before it is refused with 480."""
    max_transactions: int = 200_000
    """Server transactions beyond which new requests are refused with 503."""
    max_sessions: int = 50_000
    """Sessions beyond which a new INVITE is refused with 486."""


class Endpoint:
    """A user agent core without sockets (RFC 3261 s8, s12-15): feed it, then always take events, packets and the next
    timeout.

    ``now`` is a monotonic time in seconds, the same clock in every call. No method raises for what a peer does. Wrong
    use of ours raises :class:`~microsip_core.errors.InvalidState` or :class:`~microsip_core.errors.InvalidArgument`.
    """

    def __init__(self, config: EndpointConfig, ids: IdSource | None = None, identity: Identity | None = None) -> None:
        self.config = config
        raise NotImplementedError

    # -- the driver's side

    def receive(self, data: bytes, source: Source, now: float) -> None:
        """Take one whole message (a datagram, or a frame cut from a stream)."""
        raise NotImplementedError

    def transport_failed(self, token: object | None, error: str, now: float) -> None:
        """Tell that a packet could not be sent, by its token."""
        raise NotImplementedError

    def handle_timeout(self, now: float) -> None:
        """Do all that is due at ``now``."""
        raise NotImplementedError

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is to be called next, None for: no need."""
        raise NotImplementedError

    def next_event(self) -> Event | None:
        """Take the oldest event, None if there is none."""
        raise NotImplementedError

    def data_to_send(self) -> list[OutgoingPacket]:
        """Take all packets that wait to be sent, in order."""
        raise NotImplementedError

    @property
    def idle(self) -> bool:
        """Whether nothing is under way that a peer waits for: no session, no client transaction without final
        response."""
        raise NotImplementedError

    # -- the user's side

    def invite(
        self, uri: str, sdp: bytes | None, now: float, *, identity: Identity | None = None, headers: Headers = (),
        answer_timeout: float | None = None, call_id: str | None = None, owner: Any = None,
    ) -> InviteSession:
        """Start a call. ``sdp`` None: late offer, the peer offers in its 2xx. ``owner`` is kept as ``session.owner``
        for the driver."""
        raise NotImplementedError

    def register(
        self, identity: Identity, registrar: str, now: float, *, expires: int = 300, headers: Headers = (), owner: Any = None,
    ) -> Registration:
        """Register ``identity`` at the registrar (a URI like ``sip:example.com``) and keep it registered until told
        otherwise."""
        raise NotImplementedError

    def request(
        self, method: str, uri: str, now: float, *, identity: Identity | None = None, headers: Headers = (), body: bytes = b"",
        content_type: str | None = None, owner: Any = None,
    ) -> ClientRequest:
        """Send a request out of a dialog (OPTIONS, MESSAGE, ...); its end comes as ResponseReceived. Challenges are
        answered."""
        raise NotImplementedError

    def close_all(self, now: float) -> None:
        """Hang up every session and unregister every registration; then wait for ``idle``, at most as long as patience
        lasts."""
        raise NotImplementedError

    @property
    def sessions(self) -> list[InviteSession]:
        """The sessions that have not ended."""
        raise NotImplementedError

    @property
    def statistics(self) -> EndpointStatistics:
        """Counters since the start."""
        raise NotImplementedError


@dataclass(slots=True)
class EndpointStatistics:
    """Counters since the start, and what is alive now."""

    received: int = 0
    malformed: int = 0
    stray_responses: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    """Requests the core refused by itself, by status."""
