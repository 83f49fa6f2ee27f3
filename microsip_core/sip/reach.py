"""How peers reach us: what a Contact says of one identity beside the address of our socket.

That is the public address where a NAT lies between (told by the user, by STUN, or by the registrar: RFC 3581), the
instance and flow for outbound (RFC 5626 s4.1, s4.2), and the GRUU the registrar gave for the instance (RFC 5627).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .grammar import unquote
from .header_values import NameAddr
from .hop import RELIABLE_TRANSPORTS
from .parse_error import SipParseError
from .uri import SipUri

if TYPE_CHECKING:
    from .header_values import Via
    from .hop import Hop
    from .message import Response

Address = tuple[str, int]
Place = tuple[str, Address]
"""Transport and local address of a socket of ours."""
_MOST_LEARNED = 16
_LONGEST_GRUU = 512
_LONGEST_FLOW_TIMER = 86_400


class Grant(NamedTuple):
    """What a registrar's 2xx says beside the lifetime: outbound taken, Flow-Timer in seconds (0: none), GRUUs or ""."""

    outbound: bool = False
    flow_timer: int = 0
    public_gruu: str = ""
    temporary_gruu: str = ""


_NOTHING = Grant()


@dataclass(slots=True)
class Reach:
    """The settings of one identity, and what its registrar made of them (``grant``, ``learned``; kept by the core)."""

    instance: str = ""
    """"urn:uuid:..." that stays the same as long as the device is the same (RFC 5626 s4.1); "" for none."""
    reg_id: int = 1
    """Number of our flow to the registrar, from 1 on."""
    outbound: bool | None = None
    """Whether to ask for outbound; None: where the way to the registrar is a connection."""
    gruu: bool | None = None
    """Whether to ask for a GRUU, and to use it; None: where outbound is asked for. Needs an instance."""
    public: Address | None = None
    """The address to be called at, whatever our sockets say; port 0: that of the socket."""
    rewrite: bool | None = None
    """Whether to go by the address the registrar sees; None: by UDP from a private address."""
    grant: Grant = _NOTHING
    learned: dict[Place, Address] = field(default_factory=dict)
    """Socket of ours -> where the registrar sees it, if that is elsewhere and to be gone by."""

    def asks_outbound(self, hop: Hop) -> bool:
        """Whether a REGISTER by way of ``hop`` is to ask for outbound."""
        return bool(self.instance) and (hop.transport in RELIABLE_TRANSPORTS if self.outbound is None else
                                        self.outbound)

    def asks_gruu(self, hop: Hop) -> bool:
        """Whether a REGISTER by way of ``hop`` is to ask for a GRUU."""
        return bool(self.instance) and (self.asks_outbound(hop) if self.gruu is None else self.gruu)

    def address_of(self, place: Place) -> Address | None:
        """Return where peers see a socket of ours for all that this identity knows, None where that is no other."""
        if self.public is not None:
            return self.public[0], self.public[1] or place[1][1]
        return self.learned.get(place)

    def learn(self, request_via: Via, response_via: Via) -> bool:
        """Take note of where the registrar saw a REGISTER come from (RFC 3581 s4); whether that is news to act on."""
        seen = seen_address(request_via, response_via)
        if seen is None or self.rewrite is False or self.public is not None:
            return False
        (transport, local), public = seen
        if self.rewrite is None and (transport in RELIABLE_TRANSPORTS or not _is_private(local[0])):
            return False
        before = self.learned.get((transport, local), local)
        if public == local:
            self.learned.pop((transport, local), None)
        else:
            if len(self.learned) >= _MOST_LEARNED:
                self.learned.clear()
            self.learned[transport, local] = public
        return public != before


def seen_address(request_via: Via, response_via: Via) -> tuple[Place, Address] | None:
    """Return the socket of ours that sent a request, and the address its receiver saw; None where that can not be said.

    Nothing is believed that is no plain address of the same family: it will stand in our Contact and descriptions.
    """
    if request_via[:3] != response_via[:3] or not ("received" in response_via.params or response_via.rport):
        return None
    local = request_via.host, request_via.port or 5060
    public = response_via.received or local[0], response_via.rport or local[1]
    try:
        ours, seen = ipaddress.ip_address(local[0].strip("[]")), ipaddress.ip_address(public[0])
    except ValueError:
        return None
    if seen.version != ours.version or seen.is_multicast or seen.is_unspecified or seen.is_loopback > ours.is_loopback:
        return None
    return (request_via.transport, (str(ours), local[1])), (str(seen), public[1])


def _is_private(host: str) -> bool:
    return ipaddress.ip_address(host).is_private


def contact_parameters(reach: Reach, hop: Hop) -> str:
    """Return the header parameters that our Contact in a REGISTER has beside ``expires`` (RFC 5626 s4.2)."""
    if not reach.asks_outbound(hop):
        return f';+sip.instance="<{reach.instance}>"' if reach.asks_gruu(hop) else ""
    return f';+sip.instance="<{reach.instance}>";reg-id={reach.reg_id}'


def option_tags(reach: Reach, hop: Hop) -> str:
    """Return the value of Supported for a REGISTER."""
    outbound = ", outbound" if reach.asks_outbound(hop) else ""
    return f"path{outbound}{', gruu' if reach.asks_gruu(hop) else ''}"


def grant_of(response: Response, reach: Reach) -> Grant:
    """Read what a registrar's 2xx grants our instance (RFC 5626 s4.2.1, RFC 5627 s4.2)."""
    if not reach.instance:
        return Grant()
    timer = (response.get("Flow-Timer") or "").strip()
    seconds = int(timer) if timer.isascii() and timer.isdigit() and len(timer) < 9 else 0
    outbound = any(tag.lower() == "outbound" for tag in response.get_all("Require"))
    public = temporary = ""
    for value in response.get_all("Contact") if reach.gruu is not False else ():
        try:
            params = NameAddr.parse(value).params
        except SipParseError:
            continue
        if unquote(params.get("+sip.instance") or "").lower() == f"<{reach.instance.lower()}>":
            public, temporary = _gruu(params.get("pub-gruu")), _gruu(params.get("temp-gruu"))
    return Grant(outbound, min(seconds, _LONGEST_FLOW_TIMER), public, temporary)


def _gruu(text: str | None) -> str:
    """Return a GRUU that a registrar gave, "" for none and for what could not be called."""
    if not text or len(text) > _LONGEST_GRUU:
        return ""
    try:
        uri = SipUri.parse(unquote(text))
    except SipParseError:
        return ""
    return str(uri) if "gr" in uri.params and not uri.headers else ""
