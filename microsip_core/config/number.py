"""From what a user types to what is dialled: schemes, separators, dial plan and dialling prefix, as in MicroSIP."""

from __future__ import annotations

from microsip_core.config.dial_plan import DialPlan
from microsip_core.errors import InvalidArgument, PermissionDenied

SCHEMES = ("tel:", "sip:", "callto:", "dialpad:", "dial:", "msip:")
"""Taken off before dialling, in any case. ``sips:`` stays: it asks for encryption."""

LONGEST_TARGET = 1024
"""Characters of what can be dialled."""

_LONGEST_NUMBER = 64
"""Digits; a bound, so that no number makes a dial plan try for long."""

_SEPARATORS = str.maketrans("", "", ".-()/ \t")
_DIALLED = frozenset("0123456789+*#")
_PREFIXED_ABOVE = 3


def strip_scheme(text: str) -> str:
    """Take the scheme, ``//`` before and ``/`` behind away; decode %20 and %2B, which browsers make of " " and "+"."""
    text = text.strip()
    lowered = text.lower()
    scheme = next((scheme for scheme in SCHEMES if lowered.startswith(scheme)), "")
    if scheme:
        text = text[len(scheme):].removeprefix("//")
        text = text.removesuffix("/")
    return text.replace("%20", " ").replace("%2B", "+").replace("%2b", "+").strip()


def is_number(text: str) -> bool:
    """Tell whether a text is a telephone number, perhaps with separators; user names and URIs are none."""
    bare = text.translate(_SEPARATORS)
    return bool(bare) and set(bare) <= _DIALLED


def normalize_number(text: str, *, dial_plan: DialPlan | None = None, dialing_prefix: str = "") -> str:
    """Return the number, user name or URI to dial for what a user typed.

    A number loses its separators, goes through the dial plan, and gets the prefix when it is longer than three
    characters (a leading ``+`` then falls away). User names and URIs pass through untouched.
    Raises PermissionDenied for a number that the plan blocks, InvalidArgument for what can not be dialled.
    """
    target = strip_scheme(text)
    if not target or len(target) > LONGEST_TARGET:
        raise InvalidArgument("there is no number to dial" if not target else "the number is too long", step="dial")
    if any(ord(character) < 32 or ord(character) == 127 for character in target):
        raise InvalidArgument("a number has no control characters", step="dial")
    if not is_number(target):
        return target
    number: str | None = target.translate(_SEPARATORS)
    if len(number or "") > _LONGEST_NUMBER:
        raise InvalidArgument("the number is too long", step="dial")
    if dial_plan is not None:
        number = dial_plan.apply(number or "")
    if not number:
        raise PermissionDenied("the account's dial plan has no pattern for this number", step="dial", peer=target,
                               remedy="Change dialPlan in the configuration, or dial otherwise")
    if dialing_prefix and len(number) > _PREFIXED_ABOVE:
        number = dialing_prefix + number.removeprefix("+")
    return number
