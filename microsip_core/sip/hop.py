"""Where a message goes and where it came from: the words in which the core and the transports speak of addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .header_values import Via
    from .uri import SipUri

RELIABLE_TRANSPORTS = frozenset({"TCP", "TLS", "WS", "WSS", "SCTP", "TLS-SCTP"})
_GROUPS = frozenset(str(octet) for octet in range(224, 240))
DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "SCTP": 5060, "TLS": 5061, "TLS-SCTP": 5061, "WS": 80, "WSS": 443}


class Hop(NamedTuple):
    """Next hop of a message. ``host`` may be a name and ``port`` None: the transport resolves both (RFC 3263)."""

    transport: str
    host: str
    port: int | None = None

    @property
    def with_port(self) -> Hop:
        """The same hop with the default port of its transport filled in, for comparison."""
        return self if self.port is not None else self._replace(port=DEFAULT_PORTS.get(self.transport))

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits by itself (RFC 3261 s17)."""
        return self.transport in RELIABLE_TRANSPORTS


class Source(NamedTuple):
    """Where a message came from, and the local address and port (a concrete one, never a wildcard) it arrived at."""

    transport: str
    host: str
    port: int
    local: tuple[str, int]


class OutgoingPacket(NamedTuple):
    """One message to be written.

    ``source`` is set for responses, and names the flow to reuse: the same connection where it still stands (RFC 3261
    s18.2.2), and for UDP the local socket the request came in by (RFC 3581 s4). ``token`` goes back into
    ``transport_failed`` when sending fails; it is None where nobody wants to know.
    """

    data: bytes
    hop: Hop
    source: Source | None
    token: object | None


def hop_for_uri(uri: SipUri, default_transport: str = "UDP") -> Hop:
    """Return the hop of a SIP or SIPS URI by its ``maddr``, port and ``transport`` (RFC 3261 s16.6 step 7, RFC 3263
    s4)."""
    transport = (uri.params.get("transport") or default_transport).upper()
    if uri.scheme == "sips":
        transport = {"UDP": "TLS", "TCP": "TLS", "WS": "WSS"}.get(transport, transport)
    host = uri.params.get("maddr") or uri.host
    return Hop(transport, host.strip("[]"), uri.port)


def transport_parameter(transport: str) -> str:
    """Return the value of the ``transport`` parameter of a URI; that of WSS is "ws", too (RFC 7118 s4.1)."""
    return "ws" if transport == "WSS" else transport.lower()


def response_hop(via: Via, source: Source) -> Hop:
    """Return where a response goes, by the topmost Via of its request (RFC 3261 s18.2.2, RFC 3581 s4).

    Over a reliable transport the connection of ``source`` comes first; the hop then says where to open another if it
    is gone. The ``received`` and ``rport`` of the Via are not looked at: they are what ``source`` says. A ``maddr``
    that is no multicast group is passed over: it would have us send to whomever the sender names.
    """
    params = via.params
    if source.transport in RELIABLE_TRANSPORTS:
        return Hop(source.transport, source.host, via.port or DEFAULT_PORTS.get(source.transport))
    if "rport" in params:
        return Hop(source.transport, source.host, source.port)
    maddr = params.get("maddr") or ""
    return Hop(source.transport, maddr if _is_multicast(maddr) else source.host, via.port or 5060)


def _is_multicast(host: str) -> bool:
    """Whether a numeric address is one of a group, which is what ``maddr`` in a Via is for."""
    if ":" in host:
        return host.lower().lstrip("[").startswith("ff")
    return host.partition(".")[0] in _GROUPS and host.replace(".", "").isdigit()
