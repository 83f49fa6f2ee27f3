"""Who calls, and for whom it was first: asserted identities (RFC 3325), diversions (RFC 5806), history (RFC 7044).

What is in these headers is a claim of whoever wrote them; whom to believe is for the user agent to say. Values that can
not be read are passed over, and of each header the first ten count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .grammar import parse_number, unquote
from .header_values import NameAddr
from .parse_error import SipParseError
from .session.reason import Reason
from .uri import SipUri, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .message import Message, Request

_MOST = 10
_UNESCAPED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
ANONYMOUS = NameAddr("Anonymous", "sip:anonymous@anonymous.invalid")
"""From of a caller who is not to be seen (RFC 3261 s8.1.1.3, RFC 3323 s4.1.1.3)."""


class Caller(NamedTuple):
    """Who calls, and what says so: ``header`` is "From", or "P-Asserted-Identity" or "Remote-Party-ID" of a peer that
    is trusted. ``uri`` is a SIP or tel URI."""

    uri: str
    display_name: str
    header: str = "From"


class Diversion(NamedTuple):
    """One Diversion value: who sent the call on, and why ("unconditional", "user-busy", "no-answer", ...).

    ``counter`` is how often, 1 where it does not say.
    """

    uri: str
    display_name: str = ""
    reason: str = ""
    counter: int = 1

    def __str__(self) -> str:
        reason = f";reason={self.reason}" if self.reason else ""
        return f"{NameAddr(self.display_name, self.uri)}{reason};counter={self.counter}"


class HistoryEntry(NamedTuple):
    """One History-Info value: a URI the call has been to, its index in the tree of these ("1.2"), and why it left it.

    ``target`` is how the URI was found: "rc", "mp" or "np" with the index it came from, "" where it does not say.
    """

    uri: str
    number: str
    reasons: tuple[Reason, ...] = ()
    target: str = ""

    def __str__(self) -> str:
        asked = "?" + "&".join(f"Reason={_escaped(str(reason))}" for reason in self.reasons) if self.reasons else ""
        target = f";{self.target}" if self.target else ""
        return f"<{self.uri}{asked}>;index={self.number}{target}"


def caller_of(request: Request, *, trusted: bool) -> Caller:
    """Return who calls: From, or where the sender is ``trusted`` what it asserts, a SIP URI before a tel URI."""
    if trusted:
        asserted = sorted(_addresses(request.get_all("P-Asserted-Identity")), key=lambda one: one.uri[:4] == "tel:")
        if asserted:
            return Caller(asserted[0].uri, asserted[0].display_name, "P-Asserted-Identity")
        for one in _addresses(request.get_all("Remote-Party-ID")):
            party, screen = one.params.get("party") or "calling", one.params.get("screen") or "yes"
            if party.lower() == "calling" and screen.lower() != "no":
                return Caller(one.uri, one.display_name, "Remote-Party-ID")
    from_ = request.from_
    return Caller(from_.uri, from_.display_name)


def privacy_of(message: Message) -> frozenset[str]:
    """Return what the caller wants kept private (RFC 3323 s4.2): "id", "header", "user", ...; "none" is nothing."""
    return frozenset(word.strip().lower() for value in message.get_all("Privacy") for word in value.split(";")) - {
        "", "none",
    }


def diversions_of(message: Message) -> tuple[Diversion, ...]:
    """Return who has sent the call on, the last one first (RFC 5806 s3)."""
    return tuple(
        Diversion(one.uri, one.display_name, unquote(one.params.get("reason") or ""),
                  parse_number(one.params.get("counter") or "1", 1000) or 1)
        for one in _addresses(message.get_all("Diversion"))
    )


def history_of(message: Message) -> tuple[HistoryEntry, ...]:
    """Return where the call has been, in the order of the message (RFC 7044 s5)."""
    entries = []
    for one in _addresses(message.get_all("History-Info")):
        target = next((f"{name}={one.params[name]}" for name in ("rc", "mp", "np") if name in one.params), "")
        uri, reasons = one.uri, tuple[Reason, ...]()
        try:
            parsed = SipUri.parse(uri)
        except SipParseError:
            pass
        else:
            uri = str(parsed._replace(headers=()))
            reasons = tuple(Reason.parse(decode(text)) for name, text in parsed.headers if name.lower() == "reason")
        entries.append(HistoryEntry(uri, one.params.get("index") or "", reasons, target))
    return tuple(entries)


def _addresses(values: Iterable[str]) -> list[NameAddr]:
    found = []
    for value in list(values)[:_MOST]:
        try:
            found.append(NameAddr.parse(value))
        except SipParseError:
            continue
    return found


def _escaped(text: str) -> str:
    return "".join(
        char if char in _UNESCAPED else "".join(f"%{octet:02X}" for octet in char.encode()) for char in text
    )
