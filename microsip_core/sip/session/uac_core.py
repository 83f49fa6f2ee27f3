"""How our requests are made: Request-URI, route, Via, From, Contact, common headers (RFC 3261 s8.1.1, s12.2.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InvalidArgument
from .. import builder
from ..dialog.dialog import next_hop, route_request, route_value
from ..header_values import NameAddr
from ..hop import transport_parameter
from ..parse_error import SipParseError
from ..reach import contact_parameters
from ..uri import format_host_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dialog.dialog import Dialog
    from ..endpoint import Endpoint
    from ..hop import Hop
    from ..identity import Identity
    from ..message import Request
    from .invite_session import InviteSession

CONTACT_METHODS = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "REFER", "NOTIFY"})
"""Methods whose requests set or refresh the peer's target, and so carry a Contact (s12.2.1.1, RFC 6665, RFC 3515)."""
_ANONYMOUS_HOST = "@anonymous.invalid"


def via_value(endpoint: Endpoint, hop: Hop) -> str:
    """Return a new Via for a request to ``hop``, with a fresh branch and asking for rport (RFC 3581 s3)."""
    host, port = endpoint.config.local_address(hop)
    return f"SIP/2.0/{hop.transport} {format_host_port(host, port)};rport;branch={endpoint.ids.branch()}"


def contact_value(
    address: tuple[str, int], transport: str, user: str | None, *, secure: bool = False, flow: bool = False,
) -> str:
    """Return our Contact at an address; ``secure``: a sips URI (s8.1.1.8); ``flow``: with ``ob`` (RFC 5626 s4.3)."""
    scheme = "sips" if secure else "sip"
    suffix = "" if transport == "UDP" or secure else f";transport={transport_parameter(transport)}"
    suffix += ";ob" if flow else ""
    where = format_host_port(*address)
    return f"<{scheme}:{user}@{where}{suffix}>" if user else f"<{scheme}:{where}{suffix}>"


def user_of(uri: str) -> str | None:
    """Return the user part of a URI as it stands, None where there is none."""
    user, at, _ = uri.partition(":")[2].partition("@")
    return user.partition(":")[0] if at else None


def contact_for(endpoint: Endpoint, identity: Identity, hop: Hop, target: str, shown: str) -> str:
    """Return the Contact of a request of ``identity`` to ``hop`` with ``shown`` as From.

    Where that is anonymous the Contact does not tell either who calls: it is the temporary GRUU or has no user part
    (RFC 3323 s4.1, RFC 5627 s3.1.2).
    """
    user = identity.contact_user or user_of(identity.aor)
    local = endpoint.config.local_address(hop)
    secure = target[:5].lower() == "sips:"
    if _ANONYMOUS_HOST not in shown.lower():
        return dialog_contact(endpoint, identity, hop.transport, local, user, secure=secure)
    grant = identity.reach.grant
    gruu = grant.temporary_gruu
    if gruu and (not secure or gruu[:5].lower() == "sips:"):
        return f"<{gruu}>"
    address = endpoint.public_address(identity, hop.transport, local)
    return contact_value(address, hop.transport, None, secure=secure, flow=grant.outbound)


def dialog_contact(
    endpoint: Endpoint, identity: Identity, transport: str, local: tuple[str, int], user: str | None, *, secure: bool,
) -> str:
    """Return the Contact of a dialog by a socket of ours: the GRUU where there is one (RFC 5627 s4.4), else its address
    as peers see it, marked ``ob`` where the registrar keeps our flow (RFC 5626 s4.3)."""
    grant = identity.reach.grant
    gruu = grant.public_gruu
    if gruu and gruu[:5].lower() == ("sips:" if secure else gruu[:5].lower()):
        return f"<{gruu}>"
    address = endpoint.public_address(identity, transport, local)
    return contact_value(address, transport, user, secure=secure, flow=grant.outbound)


def registered_contact(endpoint: Endpoint, identity: Identity, hop: Hop, registrar: str) -> str:
    """Return the Contact to register: the address as peers see it, with our instance and flow where they are told."""
    user = identity.contact_user or user_of(identity.aor)
    address = endpoint.public_address(identity, hop.transport, endpoint.config.local_address(hop))
    contact = contact_value(address, hop.transport, user, secure=registrar[:5].lower() == "sips:")
    return contact + contact_parameters(identity.reach, hop)


def relocate(session: InviteSession) -> tuple[str, int]:
    """Have a session go by the sockets there are now, after ours have changed; return the local address towards the
    peer. The peer learns our new Contact by the next re-INVITE or response."""
    endpoint, dialog = session.endpoint, session.established_dialog
    _, _, next_uri = route_request(dialog.target, dialog.routes)
    hop = hop_of(endpoint, session.identity, next_uri)
    if dialog.flow is not None:
        hop = hop._replace(transport=dialog.flow.transport)
    session.local_address = endpoint.config.local_address(hop)
    session.contact = contact_for(endpoint, session.identity, hop, dialog.target, dialog.local)
    return session.local_address


def new_request(
    endpoint: Endpoint, identity: Identity, method: str, uri: str, *, call_id: str, cseq: int, from_tag: str,
    to: str | None = None, contact: str | None = None, headers: Iterable[tuple[str, str]] = (), body: bytes = b"",
    content_type: str | None = None, from_address: NameAddr | None = None,
) -> tuple[Request, Hop]:
    """Make a request out of any dialog, and its hop. ``from_address`` is shown in place of the identity's.

    Raises InvalidArgument for a URI, route or header that can not be used.
    """
    proxies = identity.routes if method == "REGISTER" else (*identity.routes, *identity.service_route)
    routes = tuple(route_value(route) for route in proxies)
    request_uri, route_values, next_uri = route_request(uri, routes)
    hop = hop_of(endpoint, identity, next_uri)
    shown = from_address or NameAddr(identity.display_name or "", identity.aor)
    if contact is None and method in CONTACT_METHODS:
        contact = contact_for(endpoint, identity, hop, request_uri, shown.uri)
    from_ = shown._replace(params={"tag": from_tag})
    request = builder.request(
        method, request_uri, via=via_value(endpoint, hop), from_=from_, to=to or f"<{uri}>", call_id=call_id, cseq=cseq,
        contact=contact, routes=route_values, headers=(*endpoint.request_headers, *headers), body=body,
        content_type=content_type,
    )
    return request, hop


def dialog_request(
    endpoint: Endpoint, identity: Identity, dialog: Dialog, method: str, *, cseq: int | None = None,
    headers: Iterable[tuple[str, str]] = (), body: bytes = b"", content_type: str | None = None,
) -> tuple[Request, Hop]:
    """Make a request within a dialog (s12.2.1.1), and its hop. ``cseq`` is given for ACK and CANCEL only."""
    request_uri, route_values, next_uri = route_request(dialog.target, dialog.routes)
    hop = hop_of(endpoint, identity, next_uri)
    if dialog.flow is not None:
        hop = hop._replace(transport=dialog.flow.transport)
    contact = contact_for(endpoint, identity, hop, request_uri, dialog.local) if method in CONTACT_METHODS else None
    request = builder.request(
        method, request_uri, via=via_value(endpoint, hop), from_=dialog.local, to=dialog.remote, call_id=dialog.call_id,
        cseq=dialog.next_cseq() if cseq is None else cseq, contact=contact, routes=route_values,
        headers=(*endpoint.request_headers, *headers), body=body, content_type=content_type,
    )
    return request, hop


def hop_of(endpoint: Endpoint, identity: Identity, uri: str) -> Hop:
    """Return the hop of a URI for a request of ours. Raises InvalidArgument when it is no SIP URI."""
    config = endpoint.config
    try:
        hop = next_hop(uri, identity.transport or config.default_transport)
    except SipParseError as error:
        raise InvalidArgument(
            f"no usable SIP URI: {uri!r}", step="send request", remedy="Use sip:user@host[:port]",
        ) from error
    if config.choose_hop is not None and (
        hop.transport == "WS" or (hop.port is None and "transport=" not in uri.lower())
    ):
        return config.choose_hop(hop)
    return hop
