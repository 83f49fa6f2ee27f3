"""A request of ours until its final response, challenges answered on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..authentication import Authentication, ChallengeCache, ChallengeOutcome, take_next_nonces
from ..builder import REASON_PHRASES
from ..events import EndCause
from ..protection import is_own_server, realms_to_answer
from .failover import UNSEEN_OCTETS, fall_back, hop_for_large, next_target
from .uac_core import via_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dialog.dialog import Dialog
    from ..endpoint import Endpoint
    from ..hop import Hop
    from ..identity import Identity
    from ..message import Request, Response
    from ..transaction.client import ClientTransaction

_MAX_TRIES = 8


class RequestUser(Protocol):
    """Whoever sent a request and wants to know what comes of it."""

    def on_provisional(self, request: ClientRequest, response: Response, now: float) -> None:
        """A 1xx came."""

    def on_final(
        self, request: ClientRequest, status: int, reason: str, response: Response | None, cause: EndCause | None,
        now: float,
    ) -> None:
        """The end: a final response, or none (``response`` None, status 408 or 503).

        ``cause`` is TIMEOUT, TRANSPORT or AUTHENTICATION where one of these is to blame, else None.
        """


class ClientRequest:
    """A request under way, any method but ACK and CANCEL; repeated with credentials when it is challenged.

    ``nonces`` is the cache of the usage the request belongs to (dialog, registration), ``dialog`` gives CSeq numbers
    where there is one.
    """

    __slots__ = (
        "_authentication", "_challenge", "_dialog", "_endpoint", "_given_up", "_identity", "_switched", "_tries", "hop",
        "method", "nonces", "owner", "request", "transaction", "uri", "user",
    )

    def __init__(
        self, endpoint: Endpoint, identity: Identity, request: Request, hop: Hop, user: RequestUser, *,
        dialog: Dialog | None = None, nonces: ChallengeCache | None = None, owner: Any = None,
    ) -> None:
        self.method = request.method
        self.uri = request.uri
        self.owner = owner
        """Free for the driver."""
        self.request = request
        """The request as sent last."""
        self.hop = hop
        self.transaction: ClientTransaction | None = None
        self._endpoint = endpoint
        self._identity = identity
        self.user: RequestUser | None = user
        """Who is told; None after the end."""
        self._dialog = dialog
        self.nonces = nonces
        """Nonces of the usage; made here when the first challenge comes."""
        self._authentication: Authentication | None = None
        self._challenge: Response | None = None
        """The 401 or 407 to be answered when the credentials are there."""
        self._tries = 0
        self._given_up = False
        self._switched = False

    def send(self, now: float) -> None:
        """Send it, with the credentials that are known to be wanted."""
        endpoint = self._endpoint
        if self.nonces or self._identity.challenges:
            own = self._goes_to_own_server()
            for cache in (self.nonces, self._identity.challenges):
                if cache is not None:
                    cache.authorize(self.request, self.hop, endpoint.ids, own=own)
        request = self.request
        if len("".join(request._lines)) + len(request.body) > endpoint.config.largest_datagram - UNSEEN_OCTETS:
            tcp = hop_for_large(endpoint, self.request, self.hop, now)
            if tcp is not None:
                self._switched = True
                self.hop = tcp
                self.request.set("Via", via_value(endpoint, tcp))
        self._tries += 1
        flow = self._dialog.flow if self._dialog is not None else None
        self.transaction = endpoint.layer.send_request(self.request, self.hop, now, self, flow)

    def _goes_to_own_server(self) -> bool:
        flow = self._dialog.flow if self._dialog is not None else None
        return is_own_server(self._identity, self.hop, flow, self._endpoint.config.addresses_of)

    def _realms_to_answer(self) -> frozenset[str] | None:
        if self.method == "REGISTER":
            return None
        flow = self._dialog.flow if self._dialog is not None else None
        return realms_to_answer(self._identity, self.hop, flow, self._endpoint.config.addresses_of)

    def give_up(self) -> None:
        """Do not repeat it when it is challenged: it is about to be canceled."""
        self._given_up = True

    def cancel(self, now: float, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Cancel an INVITE, as soon as that is possible (s9.1)."""
        self._given_up = True
        if self._challenge is not None:
            self._go_on(now)
        elif self.transaction is not None:
            self.transaction.cancel(now, headers)

    # -- from the transaction

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take a response to the latest try."""
        if transaction is not self.transaction:
            return
        status = response.status
        if status < 200:
            if self.user is not None:
                self.user.on_provisional(self, response, now)
        elif status in (401, 407) and not self._given_up:
            self._challenged(response, now)
        elif status == 503 and self._try_elsewhere(now):
            return
        else:
            if self._tries > 1 or self.nonces:
                take_next_nonces(response, self._identity, self.nonces)
            if self.method == "REGISTER" and status < 300 and self._authentication and self._goes_to_own_server():
                self._identity.realms |= self._authentication.realms
            if self.method != "INVITE" or status >= 300:
                transaction.owner = None
            self._end(status, response.reason, response, None, now)

    def on_timeout(self, now: float) -> None:
        """No final response came in time."""
        if self._try_elsewhere(now):
            return
        self._end(408, REASON_PHRASES[408], None, EndCause.TIMEOUT, now)

    def on_transport_error(self, error: str, now: float) -> None:
        """It could not be sent."""
        if self._switched and not self._given_up:
            self._switched = False
            self.hop = fall_back(self._endpoint, self.hop, now)
            self._send_anew(now)
            return
        if self._try_elsewhere(now):
            return
        self._end(503, error, None, EndCause.TRANSPORT, now)

    def _end(self, status: int, reason: str, response: Response | None, cause: EndCause | None, now: float) -> None:
        """Tell the user, once: what comes after a 2xx to an INVITE is for its Acknowledgement."""
        user, self.user = self.user, None
        if user is not None:
            user.on_final(self, status, reason, response, cause, now)

    def _try_elsewhere(self, now: float) -> bool:
        """Send it to the next server of the domain, if it has one (RFC 3263 s4.3)."""
        if self.user is None or self._given_up or not next_target(self._endpoint, self.hop):
            return False
        self._send_anew(now)
        return True

    def _send_anew(self, now: float) -> None:
        """Send it by another way: the same request but for its Via and what depends on it, a new transaction."""
        if self.transaction is not None:
            self.transaction.owner = None
        request = self.request.copy()
        request.set("Via", via_value(self._endpoint, self.hop))
        request.remove("Authorization")
        request.remove("Proxy-Authorization")
        self.request = request
        self.send(now)

    # -- challenges

    def _challenged(self, response: Response, now: float) -> None:
        if self.nonces is None:
            self.nonces = ChallengeCache()
        if self._authentication is None:
            self._authentication = Authentication(self._identity, self.nonces)
        outcome = self._authentication.answer(
            response, self.hop, own=self._goes_to_own_server(), realms=self._realms_to_answer(), go_on=self._go_on,
        )
        if outcome is ChallengeOutcome.RETRY and self._tries < _MAX_TRIES:
            self._repeat(now)
            return
        if outcome is ChallengeOutcome.WAIT:
            self._challenge = response
            return
        reason = outcome.value if outcome is ChallengeOutcome.STRANGER else response.reason
        self._end(response.status, reason, response, EndCause.AUTHENTICATION, now)

    def _go_on(self, now: float) -> None:
        """The credentials that a challenge waits for are there, or nobody waits for them any more."""
        response, self._challenge = self._challenge, None
        if response is None:
            return
        if self._given_up:
            self._end(response.status, response.reason, response, None, now)
        else:
            self._challenged(response, now)

    def repeat(self, user: RequestUser, headers: Iterable[tuple[str, str]], now: float) -> None:
        """Send it again after its final response, with some headers changed."""
        self.user = user
        self._repeat(now, headers)

    def _repeat(self, now: float, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send it again: a new transaction with a higher CSeq (s8.1.3.5, s22.2)."""
        if self.transaction is not None:
            self.transaction.owner = None
        request = self.request.copy()
        number = self._dialog.next_cseq() if self._dialog is not None else request.cseq.number + 1
        request.set("CSeq", f"{number} {self.method}")
        request.set("Via", via_value(self._endpoint, self.hop))
        request.remove("Authorization")
        request.remove("Proxy-Authorization")
        for name, value in headers:
            request.set(name, value)
        self.request = request
        self.send(now)
