"""Which URIs are the server's own: its domain, its addresses, its entries in route sets (RFC 3261 s16.4, s16.5)."""

from __future__ import annotations

from collections.abc import Iterable

from microsip_core.sip.hop import DEFAULT_PORTS, Hop, hop_for_uri
from microsip_core.sip.uri import SipUri, is_ipv6

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (compared with, not bound)

_MOST_LEARNED = 256  # a wildcard may stand for a whole IPv6 network: one address a message would be without end


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine only: 127.0.0.0/8, ::1 or ``localhost``."""
    return (host.startswith("127.") and is_numeric(host)) or host == "::1" or host.lower() == "localhost"


def is_numeric(host: str) -> bool:
    """Tell whether a host is an address and no name."""
    return is_ipv6(host) or host.replace(".", "").isdigit()


class Domain:
    """The names and addresses the server answers for.

    ``names`` are its domain and aliases. ``listening`` are the addresses it is reached at; they may be set later,
    when the sockets are open. A URI with one of our names and no port is ours whatever the port we listen on, since
    an address of record has no port (RFC 3261 s19.1.1: it is the domain's business where its servers are).
    """

    __slots__ = ("_names", "listening")

    def __init__(self, names: Iterable[str], listening: Iterable[tuple[str, int]] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)
        self.listening = frozenset(listening)

    def learn(self, local: tuple[str, int]) -> None:
        """Take note of a local address that a message came to, where we listen on a wildcard or on several."""
        if len(self.listening) < _MOST_LEARNED:
            self.listening |= {local}

    def serves(self, uri: SipUri, *, in_dialog: bool = False) -> bool:
        """Tell whether we are responsible for an address of record or Request-URI (s16.5).

        ``in_dialog``: the URI is the Contact of a peer, where an address without port means the default port.
        """
        host = uri.host.lower()
        if uri.port is None:
            if in_dialog and is_numeric(host):
                return self._listens(host, DEFAULT_PORTS.get(hop_for_uri(uri).transport, 5060))
            return host in self._names or self._listens_at_host(host)
        return self._listens(host, uri.port)

    def is_own_route(self, uri: SipUri) -> bool:
        """Tell whether a Route value names this server (s16.4): there, no port at an address means the default port."""
        host = uri.host.lower()
        if uri.port is None and not is_numeric(host):
            return host in self._names
        return self._listens(host, uri.port or DEFAULT_PORTS.get(hop_for_uri(uri).transport, 5060))

    def is_own_address(self, host: str, port: int | None) -> bool:
        """Tell whether a sent-by or hop is one of our listening addresses."""
        return self._listens(host.lower(), port or 5060)

    def _listens(self, host: str, port: int) -> bool:
        listening = self.listening
        if (host, port) in listening:
            return True
        if any((wildcard, port) in listening for wildcard in _WILDCARDS) and (host in self._names or is_loopback(host)):
            return True
        return host in self._names and any(port == own for _, own in listening)

    def _listens_at_host(self, host: str) -> bool:
        return any(host == own for own, _ in self.listening)

    def address_of_record(self, uri: SipUri) -> str:
        """Return the canonical key of an address of record of ours (s10.3 step 5): the user part, escapes resolved."""
        return uri.user_text

    def may_relay_to(self, hop: Hop, *, known: bool) -> bool:
        """Tell whether a request may leave for ``hop``.

        To loopback always. Elsewhere only from a server that was told to listen beyond loopback, and only to ``known``
        targets: registered contacts, and the peers of dialogs whose route set names us.
        """
        if is_loopback(hop.host):
            return True
        return known and not all(is_loopback(host) for host, _ in self.listening)
