"""What an account may be told beyond its address and password, checked when it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from microsip_core.errors import InvalidArgument
from microsip_core.user_agent.peers import Peers
from microsip_core.user_agent.reach_options import ReachOptions, ReachTraits
from microsip_core.user_agent.target import check_headers, check_timeout, parse_uri

_TRANSPORTS = ("UDP", "TCP", "TLS", "WS", "WSS")
PRIVACY = ("none", "id", "anonymous")
_LONGEST_QUALIFY = 86_400.0


class AccountOptions(ReachOptions, total=False):
    """Keyword arguments of :meth:`UserAgent.create_account`; see :class:`AccountTraits`."""

    transport: str | None
    privacy: str
    asserted_identity: str | None
    headers: Sequence[tuple[str, str]] | None
    trunk: bool
    peers: Sequence[str]
    qualify: float


@dataclass(frozen=True, slots=True)
class AccountTraits(ReachTraits):
    """``transport`` ("UDP", "TCP", "TLS", "WS", "WSS") is for URIs that name none, by default that of the user agent.

    ``privacy`` (RFC 3323) "id" asks servers to withhold who calls, "anonymous" says nothing in From either; calls may
    differ. ``asserted_identity``, a SIP or tel URI, goes into P-Asserted-Identity: for a trunk whose other end trusts
    us (RFC 3325). ``headers`` go into each REGISTER.

    ``trunk`` is an account without registration: calls come and go by its proxy or registrar, the peer is known by its
    address. ``peers`` are the addresses and networks that may call it, beside its server; calls to it from elsewhere
    are refused with 403. ``qualify`` in seconds asks the server that often by OPTIONS whether it is there; while it is
    not, calls fail at once. 0 never asks. How it is to be reached through NATs is said by :class:`ReachTraits`.
    """

    transport: str | None = None
    privacy: str = "none"
    asserted_identity: str | None = None
    headers: Sequence[tuple[str, str]] | None = None
    trunk: bool = False
    peers: Sequence[str] = ()
    qualify: float = 0.0

    def __post_init__(self) -> None:
        """Raise InvalidArgument for what is outside its range."""
        if self.transport is not None and self.transport not in _TRANSPORTS:
            raise _refusal("transport", self.transport, f"one of {', '.join(_TRANSPORTS)}")
        self.check_reach()
        check_privacy(self.privacy)
        check_text(self.asserted_identity, "asserted_identity")
        if self.asserted_identity is not None and not self.asserted_identity.startswith("tel:"):
            parse_uri(self.asserted_identity, "asserted_identity")
        check_headers(self.headers, "account")
        Peers(self.peers, "peers")
        check_timeout(self.qualify, "account", "qualify")
        if self.qualify != 0 and not 0.1 <= self.qualify <= _LONGEST_QUALIFY:
            raise _refusal("qualify", self.qualify, "0, or 0.1 to 86400 seconds")
        if (self.peers or self.qualify) and not self.trunk:
            raise _refusal("trunk", self.trunk, "True for an account with peers or qualify")


def check_privacy(privacy: object) -> None:
    """Raise InvalidArgument for what is none of "none", "id" and "anonymous"."""
    if privacy not in PRIVACY:
        raise _refusal("privacy", privacy, f"one of {', '.join(PRIVACY)}")


def check_text(value: object, name: str) -> None:
    """Raise InvalidArgument for what is neither None nor one line of text."""
    if value is not None and not isinstance(value, str):
        raise _refusal(name, type(value).__name__, "a string, or None")
    if value is not None and any(char < " " or char == "\x7f" for char in value):
        raise InvalidArgument(f"{name} holds a line break or another control character", step="account",
                              remedy="Write it on one line")


def _refusal(name: str, value: object, wanted: str) -> InvalidArgument:
    return InvalidArgument(f"{name} is {value!r}", step="account", remedy=f"It must be {wanted}")
