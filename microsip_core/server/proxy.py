"""Stateful proxy: finds the targets of a request, forwards it, and hands responses to its context (RFC 3261 s16)."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace

from microsip_core.ids import IdSource
from microsip_core.sip.hop import Hop, Source
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.transaction.client import ClientTransaction
from microsip_core.sip.transaction.layer import TransactionLayer
from microsip_core.sip.transaction.server import ServerTransaction
from microsip_core.sip.uri import SipUri

from .auth import Authenticator
from .domain import Domain
from .flow_token import FlowTokens
from .forwarding import (
    Target,
    forwarded_copy,
    is_loop,
    next_hop,
    one_per_instance,
    record_route_values,
    stateless_branch,
    via_value,
)
from .journal import Journal
from .location import Binding, LocationService
from .registrar import instance_name
from .response_context import MAX_BREADTH, Branch, ResponseContext

Refusal = tuple[int, tuple[tuple[str, str], ...]]
_TIMEOUT, _UNREACHABLE, _NOBODY = 408, 503, 480
FLOW_FAILED = 430
"""Status of RFC 5626 s11.5."""
_KNOWN_REFUSALS = 1000
LARGEST_DATAGRAM = 1300
"""Octets up to which a request goes by UDP (RFC 3261 s18.1.1)."""


class Proxy:
    """Forwards requests that the server does not answer itself. Implements :class:`~.response_context.Forwarder`."""

    def __init__(
        self, layer: TransactionLayer, ids: IdSource, domain: Domain, location: LocationService, known: Container[str],
        authenticator: Authenticator, local_address: Callable[[Hop], tuple[str, int]], journal: Journal, timer_c: float,
        flows: FlowTokens,
    ) -> None:
        self._flows = flows
        self._tcp_refused: set[Hop] = set()
        self.timer_c = timer_c
        self.timer_heap = layer.timer_heap
        self._layer = layer
        self._ids = ids
        self._domain = domain
        self._location = location
        self._known = known
        self._authenticator = authenticator
        self._local_address = local_address
        self._journal = journal

    # -- requests

    def validate(self, request: Request, digest: str) -> Refusal | None:
        """Return status and headers to refuse a request with, or None (s16.3). Raises SipParseError."""
        if request.max_forwards == 0:
            return 483, ()
        if is_loop(request, self._domain, digest):
            return 482, ()
        required = request.get_all("Proxy-Require")
        if required:
            return 420, (("Unsupported", ", ".join(required)),)
        return None

    def is_for_us(self, request: Request, routed: bool) -> bool:
        """Tell whether it is ours to say where a request goes. ``routed`` as in :meth:`proxy`. Raises SipParseError."""
        if "Route" in request:
            return False
        return self._domain.serves(request.request_uri, in_dialog=routed and request.to.tag is not None)

    def targets(self, request: Request, source: Source, token: str | None, now: float) -> list[Target] | int:
        """Return where a request goes, or the status to refuse it with (s16.5). Raises SipParseError.

        ``token`` is what :func:`~.forwarding.preprocess_route` returned.
        """
        uri = request.request_uri
        if not self.is_for_us(request, token is not None):
            flow = self._flows.flow(token) if token and "Route" not in request else None
            if flow is None or flow == source:
                return [Target(uri)]
            return [Target(uri, flow=flow, others=self._later_flows(uri, flow, now))]
        address = self._domain.address_of_record(uri)
        bindings = self._location.bindings(address, now)
        instance = uri.params.get("gr")
        if instance is not None:  # a GRUU stands for one instance (RFC 5627 s5.4)
            bindings = tuple(binding for binding in bindings if _is_instance(binding, instance))
        if bindings:
            instances = [binding.instance if binding.outbound else None for binding in bindings]
            return one_per_instance([_target(binding) for binding in bindings], instances)
        return 480 if address in self._known else 404

    def _later_flows(self, uri: SipUri, flow: Source, now: float) -> tuple[Target, ...]:
        """Return the flows that the contact of a dialog has registered by, beside the one its route was recorded by."""
        return tuple(
            _target(binding) for binding in self._location.bindings(uri.user_text, now)
            if binding.outbound and binding.flow != flow and binding.matches(uri, str(uri))
        )

    def proxy(
        self, transaction: ServerTransaction, request: Request, targets: list[Target], now: float, *, digest: str,
        routed: bool,
    ) -> None:
        """Forward a request that passed all checks. ``routed``: a Route value led it here, so a dialog of ours did."""
        context = ResponseContext(self, transaction, request, digest, routed, targets)
        transaction.owner = context
        context.start(now)

    def forward(self, branch: Branch, now: float) -> ClientTransaction | None:
        """Send a request to one target (s16.6); None when that target is malformed or out of bounds."""
        context = branch.context
        request = context.request
        source = context.transaction.source
        try:
            hop = next_hop(request, branch.target)
            if not self._may_send_to(hop, branch.target, context.routed):
                return None
            local = self._local_address(hop)
            via = via_value(hop, local, f"{self._ids.branch()}.{context.digest}")
            flow = branch.target.flow
            tokens = (
                self._flows.token(source, outbound=_is_outbound(request)),
                self._flows.token(flow, outbound=True) if flow is not None else "",
            )
            recorded = record_route_values(request, source, hop, local, tokens)
            copy = forwarded_copy(request, branch.target, via, recorded)
        except SipParseError:
            self._journal.count("malformed_targets")
            return None
        if branch.breadth < MAX_BREADTH:
            copy.set("Max-Breadth", str(branch.breadth))
        self._authenticator.strip_credentials(copy)
        tcp = None if branch.switched or flow is not None else _hop_for_large(copy, hop)
        if tcp in self._tcp_refused:
            tcp = None
        branch.switched = tcp is not None
        if tcp is not None:
            hop = tcp
            via = via_value(hop, self._local_address(hop), f"{self._ids.branch()}.{context.digest}")
            copy.replace_first("Via", via)
            self._journal.count("switched_to_tcp")
        self._journal.count("forwarded")
        return self._layer.send_request(copy, hop, now, branch, flow)

    def forward_ack(self, request: Request, source: Source, token: str | None, now: float) -> None:
        """Forward the ACK to a 2xx, which is no transaction of its own (s16.11). Raises SipParseError.

        One that names a user instead of the Contact of the 2xx, as some callers send it, goes to each of the user's
        contacts: those without that dialog take no notice. None is sent to ourselves: without a transaction, nothing
        would tell that it loops.
        """
        targets = self.targets(request, source, token, now)
        if isinstance(targets, int) or request.max_forwards == 0:
            self._journal.count("ack_dropped")
            return
        for target in [flow for first in targets for flow in (first, *first.others)]:
            hop = next_hop(request, target)
            if self._domain.is_own_address(hop.host, hop.port):
                self._journal.count("ack_dropped")
            elif self._may_send_to(hop, target, token is not None):
                via = via_value(hop, self._local_address(hop), stateless_branch(request, target))
                copy = forwarded_copy(request, target, via, [])
                self._authenticator.strip_credentials(copy)
                self._layer.send_stateless(copy.to_bytes(), hop, target.flow)

    def _may_send_to(self, hop: Hop, target: Target, routed: bool) -> bool:
        """Keep the server from being an open relay: see ``Domain.may_relay_to``."""
        if self._domain.may_relay_to(hop, known=routed or target.registered):
            return True
        self._journal.count("relay_refused")
        self._journal.tell("refused", f"not sent to {hop.host}: this server serves loopback and known peers only")
        return False

    # -- responses

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Hand a response to the context of its branch; those to our own CANCELs end here."""
        branch = transaction.owner
        if not isinstance(branch, Branch):
            return
        if response.status != FLOW_FAILED or not self._by_another_flow(branch, now):
            branch.context.on_response(branch, response, now)

    def on_client_timeout(self, transaction: ClientTransaction, now: float) -> None:
        """A branch brought no final response in time: as if it had answered 408 (s16.7 step 4)."""
        branch = transaction.owner
        if isinstance(branch, Branch) and not self._by_another_flow(branch, now):
            branch.context.on_failure(branch, _TIMEOUT, now)

    def on_client_transport_error(self, transaction: ClientTransaction, now: float) -> None:
        """A branch could not be sent: by UDP after all where only its size spoke for TCP (s18.1.1), else as if it had
        answered 503 (s16.9)."""
        branch = transaction.owner
        if isinstance(branch, Branch) and branch.switched and branch.response is None:
            if len(self._tcp_refused) >= _KNOWN_REFUSALS:
                self._tcp_refused.clear()
            self._tcp_refused.add(transaction.hop)
            branch.transaction = self.forward(branch, now)
            if branch.transaction is not None:
                return
        if isinstance(branch, Branch) and not self._by_another_flow(branch, now):
            branch.context.on_failure(branch, _status_of_unreachable(branch.target), now)

    def _by_another_flow(self, branch: Branch, now: float) -> bool:
        """Try the next flow of the instance whose flow has failed (RFC 5626 s6); False where there is none."""
        if branch.context.canceled or branch.response is not None:
            return False
        while branch.target.others:
            first, *others = branch.target.others
            branch.target = replace(first, others=tuple(others))
            branch.transaction = self.forward(branch, now)
            if branch.transaction is not None:
                self._journal.count("flows_failed")
                return True
        return False

    # -- for response contexts

    def new_tag(self) -> str:
        """Return a To tag for a response of our own."""
        return self._ids.tag()

    def finished(self, context: ResponseContext, response: Response) -> None:
        """Tell the journal what a forwarded request was answered."""
        self._journal.count(f"response_{response.status}")
        self._journal.tell("response", lambda: f"{describe(context.request)}: {response.status} {response.reason}")


def _target(binding: Binding) -> Target:
    return Target(binding.uri, binding.q, binding.path, True, binding.flow, binding.outbound)


def _status_of_unreachable(target: Target) -> int:
    """Return what it counts as that a target could not be sent to.

    430 tells the sender of a request in a dialog that the recorded flow is gone (RFC 5626 s5.3.1). One who called a
    user is to take no such thing for a failure of its own flow: nobody is there.
    """
    if target.flow is None:
        return _UNREACHABLE
    return _NOBODY if target.registered else FLOW_FAILED


def _hop_for_large(request: Request, hop: Hop) -> Hop | None:
    """Return the TCP hop for a request that is too large for its UDP hop, where its URI leaves us the choice
    (s18.1.1)."""
    if hop.transport != "UDP" or "transport=" in (request.get("Route") or request.uri).lower():
        return None
    return hop._replace(transport="TCP") if len(request.to_bytes()) > LARGEST_DATAGRAM else None


def _is_instance(binding: Binding, name: str) -> bool:
    return binding.instance is not None and instance_name(binding.instance).lower() == name.lower()


def _is_outbound(request: Request) -> bool:
    """Tell whether the sender of a request wants to be reached by its flow alone (RFC 5626 s5.3: ``ob``)."""
    if len(request.get_all("Via")) != 1:
        return False
    contact = request.contact
    return contact is not None and contact.uri != "*" and "ob" in contact.sip_uri.params


def describe(request: Request) -> str:
    """Return "INVITE alice -> bob" of a request, for the journal; malformed parts show as they came."""
    return f"{request.method} {_party(request.get('From'))} -> {_party(request.get('To'))}"


def _party(value: str | None) -> str:
    uri = (value or "?").partition("<")[2].partition(">")[0] or (value or "?").partition(";")[0]
    try:
        parsed = SipUri.parse(uri)
    except SipParseError:
        return uri[:80]
    return parsed.user_text or parsed.host_port
