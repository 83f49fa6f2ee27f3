"""What a proxy does to a request: route preprocessing, loop detection, the forwarded copy (RFC 3261 s16.3-16.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2s

from microsip_core.sip.header_values import NameAddr
from microsip_core.sip.hop import Hop, Source, hop_for_uri, transport_parameter
from microsip_core.sip.message import Request
from microsip_core.sip.uri import SipUri, format_host_port

from .domain import Domain, is_numeric

DEFAULT_MAX_FORWARDS = 70
_DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})
_BRANCH_COOKIE = "z9hG4bK"


@dataclass(frozen=True, slots=True)
class Target:
    """One place a request is to be sent to: its new Request-URI, and of a registered contact preference and Path.

    ``flow`` is the connection the target is reached by, where it has one (RFC 5626 s5.3); with ``outbound`` it is
    reached by nothing else. ``others`` are the other flows of the same instance, to be tried when this one has failed.
    """

    uri: SipUri
    q: float = 1.0
    path: tuple[str, ...] = ()
    registered: bool = False
    flow: Source | None = None
    outbound: bool = False
    others: tuple[Target, ...] = ()


def one_per_instance(targets: list[Target], instances: list[str | None]) -> list[Target]:
    """Return one target for each instance that has several flows, the first, with the others to fall back to (RFC
    5626 s6); ``instances`` names that of each target, None where it is none that has outbound."""
    flows: dict[str, list[Target]] = {}
    for target, instance in zip(targets, instances, strict=True):
        if instance is not None:
            flows.setdefault(instance, []).append(target)
    return [
        target if instance is None else replace(target, others=tuple(flows[instance][1:]))
        for target, instance in zip(targets, instances, strict=True)
        if instance is None or target is flows[instance][0]
    ]


def preprocess_route(request: Request, domain: Domain) -> str | None:
    """Take ourselves out of the route set (s16.4); returns None unless we were in it, that is, recorded the route.

    If so, the user part of our last entry is returned, "" where it has none: the flow token of the next hop.

    Also undoes what a strict router did to the Request-URI. Two entries of ours in a row are one hop with a change of
    transport (RFC 5658). Raises SipParseError.
    """
    routes = request.get_all("Route")
    if not routes:
        return None
    token: str | None = None
    uri = request.request_uri
    if uri.is_loose_router and domain.is_own_route(uri):
        request.remove("Route")
        for value in routes[:-1]:
            request.add("Route", value)
        request.uri = NameAddr.parse(routes.pop()).uri
        token = uri.user or ""
    for value in routes:
        route = NameAddr.parse(value).sip_uri
        if not domain.is_own_route(route):
            break
        request.remove_first("Route")
        token = route.user or ""
    return token


def routing_digest(request: Request) -> str:
    """Return a digest of all that our routing depends on (s16.6 step 8; RFC 5393 s4.2 leaves out the topmost Via).

    It is part of our branches: when a request comes back with the same digest it loops, with another one it spirals.
    """
    parts = [request.uri, request.from_.tag or "", request.to.tag or "", request.call_id, str(request.cseq)]
    parts += request.get_all("Route")
    parts += request.get_all("Proxy-Require")
    parts += request.get_all("Proxy-Authorization")
    return blake2s("\n".join(parts).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


def is_loop(request: Request, domain: Domain, digest: str) -> bool:
    """Tell whether we forwarded this very request before (s16.3 step 4). Raises SipParseError on a malformed Via."""
    if not any(digest in value for value in request.get_all("Via")):
        return False
    return any(
        (via.branch or "").endswith(f".{digest}") and domain.is_own_address(via.host, via.port) for via in request.vias
    )


def stateless_branch(request: Request, target: Target) -> str:
    """Return the branch for forwarding an ACK to a target: the same for each retransmission of it (s16.11)."""
    received = f"{request.via.branch or ''} {request.call_id} {target.uri}"
    digest = blake2s(received.encode("utf-8", "surrogateescape"), digest_size=8)
    return f"{_BRANCH_COOKIE}{digest.hexdigest()}"


def next_hop(request: Request, target: Target) -> Hop:
    """Return where a request goes: the target's path, the topmost Route, else the target itself (s16.6 steps 6, 7).

    A target with a flow may have an address that means nothing to us (RFC 7118 s5, RFC 5626): then it is the flow's
    other end.
    """
    route = target.path[0] if target.path else next(iter(request.get_all("Route")), None)
    hop = hop_for_uri(NameAddr.parse(route).sip_uri if route is not None else target.uri)
    flow = target.flow
    if flow is not None and (
        target.outbound or flow.transport == "UDP" or hop.transport != flow.transport or not is_numeric(hop.host)
    ):
        return Hop(flow.transport, flow.host, flow.port)
    return hop


def forwarded_copy(request: Request, target: Target, via: str, record_routes: list[str]) -> Request:
    """Return the request as it leaves (s16.6 steps 1-6 and 8). Raises SipParseError on a malformed Route."""
    copy = request.copy()
    copy.uri = str(target.uri)
    remaining = request.max_forwards
    copy.set("Max-Forwards", str(DEFAULT_MAX_FORWARDS if remaining is None else remaining - 1))
    for value in record_routes:
        copy.insert_first("Record-Route", value)
    for value in reversed(target.path):
        copy.insert_first("Route", value)
    routes = copy.get_all("Route")
    if routes:
        first = NameAddr.parse(routes[0]).sip_uri
        if not first.is_loose_router:
            copy.add("Route", f"<{copy.uri}>")
            copy.remove_first("Route")
            copy.uri = str(first)
    copy.insert_first("Via", via)
    return copy


def via_value(hop: Hop, local: tuple[str, int], branch: str) -> str:
    """Return our Via value for a hop (s16.6 step 8)."""
    return f"SIP/2.0/{hop.transport} {format_host_port(*local)};branch={branch}"


def record_route_values(
    request: Request, source: Source, hop: Hop, local: tuple[str, int], tokens: tuple[str, str],
) -> list[str]:
    """Return our Record-Route values in the order they are put on top (s16.6 step 4).

    None for a request that makes no dialog or is in one. Two where the request leaves by another transport or address
    than it came by, so that each side finds an address it can reach (RFC 5658). ``tokens`` stand for the connections
    to the sender and to the receiver, "" where there is none.
    """
    if request.method not in _DIALOG_METHODS or request.to.tag is not None:
        return []
    inward = _record_route(source.transport, source.local, tokens[0])
    outward = _record_route(hop.transport, local, tokens[1])
    return [inward] if inward == outward else [inward, outward]


def _record_route(transport: str, address: tuple[str, int], token: str) -> str:
    parameter = "" if transport == "UDP" else f";transport={transport_parameter(transport)}"
    user = f"{token}@" if token else ""
    return f"<sip:{user}{format_host_port(*address)}{parameter};lr>"
