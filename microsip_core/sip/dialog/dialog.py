"""A dialog: the state two user agents share after a 101-299 to an INVITE (RFC 3261 s12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..header_values import NameAddr
from ..hop import Hop, Source, hop_for_uri
from ..parse_error import SipParseError
from ..uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..message import Message, Request, Response

DialogKey = tuple[str, str, str]
"""Call-ID, local tag, remote tag. A peer without tag (RFC 2543) has the empty one (s12.2.2)."""


class Dialog:
    """One dialog.

    ``local`` and ``remote`` are From and To values with their tags, as they stand in messages. ``target`` is the
    remote target URI and
    ``routes`` the route set, as Route values. ``flow`` is the connection to reuse where there is one. ``usage`` is
    what in-dialog requests are handed to. ``early`` until a 2xx.
    """

    __slots__ = (
        "call_id", "early", "flow", "local", "local_cseq", "local_tag", "remote", "remote_cseq", "remote_tag", "routes",
        "target", "usage",
    )

    def __init__(
        self, call_id: str, local: str, local_tag: str, remote: str, remote_tag: str, *, local_cseq: int,
        remote_cseq: int | None, target: str, routes: tuple[str, ...], early: bool, usage: Any = None,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.target = target
        self.routes = routes
        self.flow: Source | None = None
        self.early = early
        self.usage = usage

    @property
    def key(self) -> DialogKey:
        """What in-dialog requests are matched by."""
        return self.call_id, self.local_tag, self.remote_tag

    @classmethod
    def of_uas(cls, request: Request, local_tag: str, source: Source, usage: Any = None) -> Dialog:
        """Make the dialog of the one who answers ``request`` (s12.1.1). An RFC 2543 peer sends no Contact: From stands
        in."""
        dialog = cls(
            request.call_id, f"{request.get('To')};tag={local_tag}", local_tag,
            request.get("From") or "", request.from_.tag or "",
            local_cseq=0, remote_cseq=request.cseq.number,
            target=contact_uri(request) or request.from_.uri, routes=_usable(request.get_all("Record-Route")),
            early=True, usage=usage,
        )
        if source.transport != "UDP" and (dialog.routes or len(request.get_all("Via")) == 1):
            dialog.flow = source
        return dialog

    @classmethod
    def of_uac(cls, response: Response, request_uri: str, usage: Any = None) -> Dialog:
        """Make the dialog of the one whose INVITE got ``response`` (s12.1.2), a 101-299."""
        return cls(
            response.call_id, response.get("From") or "", response.from_.tag or "",
            response.get("To") or "", response.to.tag or "",
            local_cseq=response.cseq.number, remote_cseq=None, target=contact_uri(response) or request_uri,
            routes=_usable(reversed(response.get_all("Record-Route"))), early=response.status < 200, usage=usage,
        )

    def confirm(self, response: Response) -> None:
        """Take over a 2xx to the INVITE: it has the last word on the route set and the remote target (s13.2.2.4)."""
        self.early = False
        self.routes = _usable(reversed(response.get_all("Record-Route")))
        self.refresh_target(response)

    def refresh_target(self, message: Message) -> None:
        """Take the remote target from the Contact of a target refresh request, or of a 2xx to one (s12.2)."""
        uri = contact_uri(message)
        if uri is not None:
            self.target = uri

    def next_cseq(self) -> int:
        """Return the CSeq number of the next request of ours (s12.2.1.1)."""
        self.local_cseq += 1
        return self.local_cseq

    def accepts(self, request: Request) -> bool:
        """Take note of the CSeq of a request; False if it is older than, or as old as, one we had (s12.2.2)."""
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True


def contact_uri(message: Message) -> str | None:
    """Return the URI of the first Contact; None when there is none, or none a request could be sent to."""
    try:
        contact = message.contact
    except SipParseError:
        return None
    return contact.uri if contact is not None and is_target(contact.uri) else None


def is_target(uri: str) -> bool:
    """Whether a request could be sent to a URI of a peer."""
    try:
        SipUri.parse(uri)
    except SipParseError:
        return False
    return True


def _usable(record_routes: Iterable[str]) -> tuple[str, ...]:
    """Return the Route values among the Record-Route values of a peer: what can not be read can not be routed by."""
    routes = []
    for value in record_routes:
        try:
            SipUri.parse(_uri_of(value))
        except SipParseError:
            continue
        routes.append(value)
    return tuple(routes)


def route_request(target: str, routes: tuple[str, ...]) -> tuple[str, tuple[str, ...], str]:
    """Return Request-URI, Route values and the URI of the next hop (s12.2.1.1, s8.1.2).

    A first route without ``lr`` is a strict router: it becomes the Request-URI, and the target goes to the end of the
    route.
    """
    if not routes:
        return target, routes, target
    first = _uri_of(routes[0])
    if _is_loose(first):
        return target, routes, first
    return first, (*routes[1:], f"<{target}>"), first


def next_hop(uri: str, default_transport: str) -> Hop:
    """Return the hop of a URI. Raises SipParseError when it is no SIP URI."""
    return hop_for_uri(SipUri.parse(uri), default_transport)


def route_value(uri: str) -> str:
    """Return the Route value of a proxy that a user named by its URI: loose, and without what a Route may not have."""
    uri = _uri_of(uri)
    return f"<{uri}>" if _is_loose(uri) else f"<{uri};lr>"


def _is_loose(uri: str) -> bool:
    """Whether a route's URI has the ``lr`` parameter; a user part may hold those letters, too."""
    if ";lr" not in uri.lower():
        return False
    try:
        return SipUri.parse(uri).is_loose_router
    except SipParseError:
        return True


def _uri_of(route: str) -> str:
    """Return the URI within a Route value, or the text itself if it has no angle brackets."""
    if '"' in route:
        try:
            return NameAddr.parse(route).uri
        except SipParseError:
            return route
    before, angle, rest = route.partition("<")
    return rest.partition(">")[0] if angle else before.strip()
