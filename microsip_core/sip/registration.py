"""A registration kept alive: REGISTER, refresh, retry and removal (RFC 3261 s10.2).

    REGISTERING --2xx--> REGISTERED --refresh--> REGISTERING
    REGISTERING --failure--> FAILED --retry--> REGISTERING
    any --unregister--> UNREGISTERING --any end--> REMOVED

All REGISTERs of one registration share a Call-ID, with CSeq growing by one (s10.2). One is under way at a time; it is
left alone unless the route to the registrar changes meanwhile: then a new one goes the new way at once, and the old
one's fate is no matter.

Where the registrar sees us at another address, and the identity goes by that, the binding is moved there before success
is told. With outbound (RFC 5626) the registrar knows the binding by instance and reg-id, not by address.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidArgument, InvalidState
from .backoff import recovery_delay
from .dialog.dialog import route_request, route_value
from .events import AddressLearned, EndCause, RegistrationFailed, RegistrationRemoved, RegistrationSucceeded
from .reach import Grant, grant_of, option_tags, seen_address
from .registrar_answer import granted_seconds, min_expires, registrar_uri, retry_after
from .session.client_request import ClientRequest
from .session.uac_core import hop_of, new_request, registered_contact
from .state_table import Machine, ignore, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .authentication import ChallengeCache
    from .endpoint import Endpoint
    from .hop import Hop
    from .identity import Identity
    from .message import Request, Response
    from .timers import Timer

LONGEST_PAUSE = 3600
"""Seconds a registrar may have us wait by Retry-After."""
_RETRIED = frozenset({408, 425, 429, 430, 480, 491, 500, 502, 503, 504, 580})
"""Failures that may pass by themselves."""


class RegistrationState(IntEnum):
    """Where a registration stands."""

    REGISTERING = 0
    REGISTERED = 1
    FAILED = 2
    """Not registered, or not for long; retried by itself if RegistrationFailed said so."""
    UNREGISTERING = 3
    REMOVED = 4


class RegistrationInput(IntEnum):
    """What may happen to a registration. The timer input is the timer kind too."""

    REFRESH = 0
    UNREGISTER = 1
    SUCCESS = 2
    """The argument is the response."""
    FAILURE = 3
    """The argument is the Failure."""
    TIMER = 4


class Failure(NamedTuple):
    """How a REGISTER failed: ``response`` None and a cause, or a response and perhaps a cause."""

    status: int
    reason: str
    response: Response | None
    cause: EndCause | None
    sent: Request


class Registration(Machine):
    """One binding of our Contact to an address-of-record at a registrar."""

    __slots__ = (
        "_bound", "_call_id", "_cseq", "_endpoint", "_failures", "_from_tag", "_headers", "_moved", "_nonces",
        "_removing", "_request", "_requested", "_sent_to", "_timer", "contact", "expires", "hop", "identity",
        "owner", "registrar", "service_route",
    )

    def __init__(
        self, endpoint: Endpoint, identity: Identity, registrar: str, expires: int,
        headers: Iterable[tuple[str, str]] = (), owner: Any = None,
    ) -> None:
        """Raises InvalidArgument when the registrar is no SIP URI."""
        self.state: int = RegistrationState.FAILED
        self.identity = identity
        self.registrar = registrar_uri(registrar)
        self.expires = expires
        """Seconds the registrar granted last; before that, the seconds we ask for."""
        self.contact = ""
        """Our Contact, as a header value; empty before the first REGISTER."""
        self.owner = owner
        """Free for the driver."""
        self._endpoint = endpoint
        self._requested = expires
        self._headers = tuple(headers)
        self._call_id = endpoint.ids.call_id()
        self._from_tag = endpoint.ids.tag()
        self._cseq = 0
        self._nonces: ChallengeCache | None = None
        self._request: ClientRequest | None = None
        self._sent_to: Hop | None = None
        self.hop: Hop | None = None
        """Where the REGISTER that got the last response went: the flow the registrar knows us by."""
        self._removing = False
        self._bound = False
        self._moved = False
        self._timer: Timer | None = None
        self._failures = 0

    # -- commands

    def refresh(self, now: float) -> None:
        """Send a REGISTER now: also without waiting after a failure, or after a change of route or local address.

        One that is under way is left alone, unless it went another way. Raises InvalidState after ``unregister``.
        """
        if self.state in (RegistrationState.UNREGISTERING, RegistrationState.REMOVED):
            raise InvalidState("the registration is being removed", step="register", peer=self.registrar)
        self.handle(RegistrationInput.REFRESH, None, now)

    def unregister(self, now: float) -> None:
        """Remove the binding (Expires: 0) and stop; RegistrationRemoved follows."""
        self.handle(RegistrationInput.UNREGISTER, None, now)

    def set_expires(self, expires: int) -> None:
        """Ask for another time, in seconds from 1 on, from the next REGISTER on."""
        if expires < 1:
            raise InvalidArgument(f"expires must be at least 1 second, not {expires}", step="register")
        self._requested = expires

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Add headers to every REGISTER from the next on."""
        self._headers = (*self._headers, *headers)

    # -- what others report

    def on_timer(self, kind: int, now: float) -> None:
        """Time to refresh, or to try again."""
        self._timer = None
        self.handle(kind, None, now)

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A provisional response to a REGISTER tells nothing of use."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The end of a REGISTER."""
        if request is not self._request:
            return
        self._request = None
        self._cseq = request.request.cseq.number
        self._nonces = request.nonces
        self.hop = request.hop
        if response is not None and status < 300:
            if self._moves(request, response):
                self._bound = True
                self._send(now)
            else:
                self.handle(RegistrationInput.SUCCESS, response, now)
        elif (status == 439 and self._without_outbound()) or (status == 423 and self._lengthen(response)):
            self._send(now)
        else:
            self.handle(RegistrationInput.FAILURE, Failure(status, reason, response, cause, request.request), now)

    # -- actions

    def _register(self, _: None, now: float) -> None:
        self._stop_timer()
        self._send(now)

    def _reroute(self, _: None, now: float) -> None:
        hop = self._next_hop()
        contact = registered_contact(self._endpoint, self.identity, hop, self.registrar)
        if self._request is not None and (hop != self._sent_to or contact != self.contact):
            self._request.give_up()  # what is challenged now is not to be said again: it names what was left behind
            self._cseq = self._request.request.cseq.number
            self._request = None
            self._send(now)

    def _registered(self, response: Response, now: float) -> None:
        first = self._failures > 0 or not self._bound
        self._bound = True
        self._failures = 0
        self.expires = granted_seconds(response, self.contact, self._requested)
        self.identity.service_route = tuple(response.get_all("Service-Route"))
        self.identity.reach.grant = grant_of(response, self.identity.reach)
        margin = max(0.1 * self.expires, min(40.0, 0.5 * self.expires))
        delay = max((self.expires - margin) * self._endpoint.ids.uniform(0.9, 1.0), 1.0)
        self._timer = self._endpoint.layer.timer_heap.schedule(now + delay, self, RegistrationInput.TIMER)
        self._endpoint.emit(RegistrationSucceeded(self, self.expires, response, first))

    def _moves(self, request: ClientRequest, response: Response) -> bool:
        """Whether the binding is to move to where the registrar sees us; twice in a row would be a NAT that never
        rests."""
        sent, got = request.request.via, response.via
        if self.state != RegistrationState.REGISTERING or not self.identity.reach.learn(sent, got):
            self._moved = False
            return False
        seen = seen_address(sent, got)
        hop = self._next_hop()
        if self.contact == registered_contact(self._endpoint, self.identity, hop, self.registrar):
            return False  # it was known by other means
        if seen is not None:
            self._endpoint.emit(AddressLearned(self, *seen[0], seen[1]))
        self._moved = not self._moved
        return self._moved

    def _without_outbound(self) -> bool:
        """Ask for no outbound after a 439: a proxy on the way does not know it (RFC 5626 s4.2.1)."""
        reach = self.identity.reach
        if self._removing or reach.outbound is False or self.hop is None or not reach.asks_outbound(self.hop):
            return False
        reach.outbound = False
        return True

    def _fail(self, failure: Failure, now: float) -> None:
        status, reason, response, cause, sent = failure
        self._failures += 1
        delay = self._retry_delay(failure)
        if delay is not None:
            self._timer = self._endpoint.layer.timer_heap.schedule(now + delay, self, RegistrationInput.TIMER)
        if cause is None:
            cause = EndCause.REDIRECTED if status < 400 else EndCause.REJECTED
        told = status if response is not None else 0
        self._endpoint.emit(RegistrationFailed(self, cause, told, reason, delay, response, sent))

    def _unregister(self, _: None, now: float) -> None:
        self._stop_timer()
        self._removing = True
        self._send(now)

    def _unregister_failed(self, _: None, now: float) -> None:
        """Remove what a REGISTER before the failed one may have left bound."""
        if self._bound:
            self._unregister(None, now)
        else:
            self._removed(0)

    def _remove_after_all(self, response: Response, now: float) -> None:
        if self._removing:
            self._removed(response.status)
        else:
            self._removing = True
            self._send(now)

    def _remove_failed(self, failure: Failure, now: float) -> None:
        self._removed(failure.status if failure.response is not None else 0)

    def _removed(self, status: int) -> None:
        self._stop_timer()
        self.state = RegistrationState.REMOVED
        self._endpoint.bind(self.identity, self.contact, "")
        self.identity.reach.grant = Grant()
        self._endpoint.forget_registration(self)
        self._endpoint.emit(RegistrationRemoved(self, status))

    TABLE = table(RegistrationState, RegistrationInput, {
        RegistrationState.REGISTERING: {
            RegistrationInput.REFRESH: (_reroute, RegistrationState.REGISTERING),
            RegistrationInput.UNREGISTER: (ignore, RegistrationState.UNREGISTERING),
            RegistrationInput.SUCCESS: (_registered, RegistrationState.REGISTERED),
            RegistrationInput.FAILURE: (_fail, RegistrationState.FAILED),
        },
        RegistrationState.REGISTERED: {
            RegistrationInput.REFRESH: (_register, RegistrationState.REGISTERING),
            RegistrationInput.TIMER: (_register, RegistrationState.REGISTERING),
            RegistrationInput.UNREGISTER: (_unregister, RegistrationState.UNREGISTERING),
        },
        RegistrationState.FAILED: {
            RegistrationInput.REFRESH: (_register, RegistrationState.REGISTERING),
            RegistrationInput.TIMER: (_register, RegistrationState.REGISTERING),
            RegistrationInput.UNREGISTER: (_unregister_failed, RegistrationState.UNREGISTERING),
        },
        RegistrationState.UNREGISTERING: {
            RegistrationInput.SUCCESS: (_remove_after_all, RegistrationState.UNREGISTERING),
            RegistrationInput.FAILURE: (_remove_failed, RegistrationState.UNREGISTERING),
        },
    })

    # -- REGISTER

    def _send(self, now: float) -> None:
        endpoint, identity = self._endpoint, self.identity
        old = f"{self.contact.partition('>')[0]}>" if self.contact else ""
        next_hop = self._next_hop()
        self.contact = registered_contact(endpoint, identity, next_hop, self.registrar)
        endpoint.bind(identity, old, self.contact)
        expires = 0 if self._removing else self._requested
        contact = f"{self.contact};expires={expires}"
        if old and not self.contact.startswith(old) and not identity.reach.grant.outbound:
            contact = f"{contact}, {old};expires=0"
        request, hop = new_request(
            endpoint, identity, "REGISTER", self.registrar, call_id=self._call_id, cseq=self._cseq + 1,
            from_tag=self._from_tag, to=f"<{identity.aor}>", contact=contact,
            headers=(("Expires", str(expires)), ("Supported", option_tags(identity.reach, next_hop)),
                     endpoint.allow_header, *self._headers),
        )
        self._cseq += 1
        self._sent_to = next_hop  # the request's own hop may become another: TCP where it is large
        self._request = ClientRequest(endpoint, identity, request, hop, self, nonces=self._nonces)
        self._request.send(now)

    def _next_hop(self) -> Hop:
        routes = tuple(route_value(route) for route in self.identity.routes)
        _, _, uri = route_request(self.registrar, routes)
        return hop_of(self._endpoint, self.identity, uri)

    def _lengthen(self, response: Response | None) -> bool:
        """Ask for the least time the registrar allows (s10.2.8); False if that is not longer than what we asked for."""
        least = min_expires(response) if response is not None else 0
        if self._removing or least <= self._requested:
            return False
        self._requested = least
        return True

    def _retry_delay(self, failure: Failure) -> float | None:
        """Return when to try again, with jitter, so that a registrar that comes back is not run over; None: never."""
        status, response, cause = failure.status, failure.response, failure.cause
        if cause is EndCause.AUTHENTICATION or (cause is None and status not in _RETRIED):
            return None
        config = self._endpoint.config
        delay = recovery_delay(self._failures, self._endpoint.ids.uniform, config.retry_base, config.retry_limit)
        asked = min(retry_after(response), LONGEST_PAUSE) if response is not None else 0
        return max(delay, float(asked))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._endpoint.layer.timer_heap.cancel(self._timer)
            self._timer = None
