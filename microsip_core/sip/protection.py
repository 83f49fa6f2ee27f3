"""Who may ask for an account's password: its own servers, and nobody it is merely sent to (RFC 3261 s22.1).

A digest of the password is worth trying passwords against, and the realm in a challenge is whatever its sender likes.
So credentials that are for any realm answer a challenge only where the request went to a server of the account: its
registrar, its proxies, its domain. A called party, or the place a redirection names, is none.

A called party's 401 also comes back through our own proxy, looking like one of the proxy's. So once the registrar has
taken our credentials for a realm, a 401 to anything but REGISTER is answered for such a realm, the name of a server, or
a realm that a proxy asked for. What can not be told apart: a called party behind a server of ours that asks for one of
these realms, or that sends a 407, which only proxies should. An account that was never challenged at its registrar
answers any realm where requests go to the registrar or domain without a proxy. A Credential with a realm never goes to
another realm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from .hop import DEFAULT_PORTS, Hop, hop_for_uri
from .parse_error import SipParseError
from .uri import SipUri, is_ipv6

if TYPE_CHECKING:
    from .hop import Source
    from .identity import Identity

AddressesOf = Callable[[Hop], Collection[tuple[str, int]]]
"""The numeric addresses that a hop is known to have stood for."""


def is_own_server(identity: Identity, hop: Hop, flow: Source | None, addresses_of: AddressesOf | None) -> bool:
    """Whether a request to ``hop``, or over ``flow``, goes to a server of this identity."""
    if identity.servers is None:
        return True
    return any(
        _is_at(server, place, addresses_of)
        for server in _hops(identity)
        for place in (hop, *_hop_of_flow(flow))
    )


def realms_to_answer(
    identity: Identity, hop: Hop, flow: Source | None, addresses_of: AddressesOf | None,
) -> frozenset[str] | None:
    """Return the realms, in lower case, of which a 401 to a request but REGISTER may ask for any credentials; None:
    all."""
    if identity.servers is None:
        return None
    servers = _hops_of(identity.servers)
    if not (identity.realms or identity.routes) and any(
        _is_at(server, place, addresses_of) for server in servers for place in (hop, *_hop_of_flow(flow))
    ):
        return None
    asked = identity.challenges.realms if identity.challenges is not None else frozenset()
    return identity.realms | asked | {server.host.lower() for server in servers}


def _hops(identity: Identity) -> list[Hop]:
    return _hops_of((*(identity.servers or ()), *identity.routes, *identity.service_route))


def _hops_of(uris: Collection[str]) -> list[Hop]:
    hops = []
    for text in uris:
        try:
            hops.append(hop_for_uri(SipUri.parse(text.partition("<")[2].partition(">")[0] or text)))
        except SipParseError:
            continue
    return hops


def _hop_of_flow(flow: Source | None) -> tuple[Hop, ...]:
    return () if flow is None else (Hop(flow.transport, flow.host, flow.port),)


def _is_at(server: Hop, place: Hop, addresses_of: AddressesOf | None) -> bool:
    """Whether a server is at that place: by its name, a name below it, or an address.

    Loopback addresses are told apart by port too, since many live there. Elsewhere a server is trusted at all of its
    ports: PBXs answer calls on another than registrations.
    """
    name, host = server.host.lower(), place.host.lower()
    if not _is_numeric(name):
        if host == name:
            return not _is_loopback(name) or _port(server, place) == place.with_port.port
        if host.endswith(f".{name}"):
            return True
        variants = {server._replace(transport=transport) for transport in (*DEFAULT_PORTS, server.transport)}
        known = [address for hop in variants for address in addresses_of(hop)] if addresses_of is not None else []
        if not _is_loopback(host):
            return any(host == address for address, _ in known)
        return (host, place.with_port.port) in known
    return host == name and (not _is_loopback(host) or _port(server, place) == place.with_port.port)


def _port(server: Hop, place: Hop) -> int | None:
    """Return the port of a server for the transport that is used."""
    return server.port or DEFAULT_PORTS.get(place.transport)


def _is_numeric(host: str) -> bool:
    return is_ipv6(host) or host.replace(".", "").isdigit()


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or (host.startswith("127.") and _is_numeric(host))
