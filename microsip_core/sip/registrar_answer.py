"""What a registrar's response says of our binding (RFC 3261 s10.2.4, s10.2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InvalidArgument
from .header_values import NameAddr
from .parse_error import SipParseError
from .uri import SipUri

if TYPE_CHECKING:
    from .message import Response

_LONGEST = 999_999_999
SHORTEST = 5
"""Seconds that a registration lasts at least, for us, unless we ask for fewer ourselves."""


def registrar_uri(registrar: str) -> str:
    """Return the Request-URI for REGISTER: without a user part (s10.2). Raises InvalidArgument."""
    try:
        uri = SipUri.parse(registrar)
    except SipParseError as error:
        raise InvalidArgument(
            f"no usable SIP URI: {registrar!r}", step="register", remedy="Use sip:domain[:port]",
        ) from error
    return str(uri._replace(user=None, password=None, headers=()))


def granted_seconds(response: Response, contact: str, requested: int) -> int:
    """Return the seconds granted to our Contact: its own parameter comes before the Expires header.

    A lone binding is taken for ours even if the registrar has rewritten it. The answer lies between ``SHORTEST`` and
    what was asked for (a registrar may lower it, s10.3, not raise it): else a hostile or broken one could have us
    register without a pause, or never again.
    """
    ours = _binding(contact)
    bindings = response.get_all("Contact")
    for value in bindings:
        if len(bindings) == 1 or _binding(value) == ours:
            expires = _expires(value)
            if expires is not None:
                return _within(expires, requested)
    expires = response.expires
    return requested if expires is None else _within(expires, requested)


def _within(expires: int, requested: int) -> int:
    return max(min(expires, requested), min(SHORTEST, requested))


def min_expires(response: Response) -> int:
    """Return the Min-Expires of a 423 in seconds, 0 where there is none that can be read."""
    return _seconds(response.get("Min-Expires"))


def retry_after(response: Response) -> int:
    """Return Retry-After in seconds (s20.33), 0 where there is none that can be read."""
    return _seconds((response.get("Retry-After") or "").partition(";")[0].partition("(")[0])


def _seconds(text: str | None) -> int:
    digits = (text or "").strip()
    return min(int(digits), _LONGEST) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else 0


def _binding(value: str) -> tuple[str | None, str, int | None] | None:
    """Return what a binding is known by: user, host and port; registrars add and drop URI parameters."""
    try:
        uri = NameAddr.parse(value).sip_uri
    except SipParseError:
        return None
    return uri.user, uri.host.lower(), uri.port


def _expires(value: str) -> int | None:
    try:
        return NameAddr.parse(value).expires
    except SipParseError:
        return None
