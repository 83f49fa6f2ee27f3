"""Pieces of the RFC 3261 s25 grammar that several header values share: tokens, quoted strings, lists, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from .parse_error import SipParseError

DIGITS = frozenset("0123456789")
ALPHANUM = DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
TOKEN = ALPHANUM | frozenset("-.!%*_+`'~")
_DISPLAY_TOKENS = TOKEN | {" "}

Parameters = Mapping[str, str | None]
NO_PARAMETERS: Parameters = MappingProxyType({})

_PARAMETER_NAMES = {
    name: name
    for name in (
        "tag",
        "branch",
        "received",
        "rport",
        "maddr",
        "ttl",
        "expires",
        "q",
        "lr",
        "transport",
        "user",
        "ob",
        "alias",
        "keep",
    )
}


def is_token(text: str) -> bool:
    """Tell whether ``text`` is a non-empty token (RFC 3261 s25.1)."""
    return bool(text) and TOKEN.issuperset(text)


def parse_number(text: str, limit: int) -> int | None:
    """Return the decimal number ``text``, or None when it is none or above ``limit``; leading zeros are allowed."""
    if not DIGITS.issuperset(text) or not text:
        return None
    if len(text) > 10:
        text = text.lstrip("0") or "0"
        if len(text) > 10:
            return None
    number = int(text)
    return number if number <= limit else None


def quote(text: str) -> str:
    """Return ``text`` as a quoted-string; octets that no quoted-string may hold are dropped."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    if "\r" in text or "\n" in text:
        text = text.replace("\r", "").replace("\n", "")
    return f'"{text}"'


def unquote(text: str) -> str:
    """Return what a quoted-string says; text without quotes comes back as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    pieces = []
    start = 0
    while (escape := text.find("\\", start)) >= 0:
        pieces.append(text[start:escape])
        pieces.append(text[escape + 1 : escape + 2])
        start = escape + 2
    pieces.append(text[start:])
    return "".join(pieces)


def closing_quote(text: str, start: int) -> int:
    """Return the index of the unescaped double quote at or behind ``start``, or -1."""
    while True:
        end = text.find('"', start)
        if end < 0:
            return -1
        escape = text.find("\\", start, end)
        if escape < 0:
            return end
        start = escape + 2


def split_outside(text: str, separator: str) -> list[str]:
    """Split ``text`` at ``separator`` where it is neither in a quoted-string nor in angle brackets; not stripped.

    Linear in the length of the text whatever it holds. An unclosed quote or bracket reaches to the end.
    """
    if '"' not in text and "<" not in text:
        return text.split(separator)
    parts = []
    begin = position = 0
    length = len(text)
    next_separator = text.find(separator)
    next_quote = text.find('"')
    next_angle = text.find("<")
    while next_separator >= 0:
        if 0 <= next_quote < next_separator and not 0 <= next_angle < next_quote:
            position = closing_quote(text, next_quote + 1) + 1
        elif 0 <= next_angle < next_separator:
            position = text.find(">", next_angle) + 1
        else:
            parts.append(text[begin:next_separator])
            begin = position = next_separator + 1
        if position == 0:
            position = length
        if 0 <= next_separator < position:
            next_separator = text.find(separator, position)
        if 0 <= next_quote < position:
            next_quote = text.find('"', position)
        if 0 <= next_angle < position:
            next_angle = text.find("<", position)
    parts.append(text[begin:])
    return parts


def split_list(text: str) -> list[str]:
    """Split a comma-separated header value into its stripped, non-empty elements (RFC 3261 s7.3.1)."""
    if "," not in text:
        text = text.strip()
        return [text] if text else []
    return [part for piece in split_outside(text, ",") if (part := piece.strip())]


def parse_parameters(text: str, what: str) -> dict[str, str | None]:
    """Parse ``name=value;flag`` (what follows the first semicolon); names are lowered, quoted values keep their quotes.

    Raises SipParseError 400 naming ``what`` on an empty, malformed or repeated parameter.
    """
    parameters: dict[str, str | None] = {}
    quoted = '"' in text
    plain = not quoted and " " not in text and "\t" not in text
    for piece in split_outside(text, ";") if quoted else text.split(";"):
        name, equals, value = piece.partition("=")
        key = _PARAMETER_NAMES.get(name)
        if key is None:
            key = name.strip().lower()
            if not TOKEN.issuperset(key) or not key:
                raise SipParseError(400, f"Malformed {what} Parameter")
        if key in parameters:
            raise SipParseError(400, f"Repeated {what} Parameter")
        if plain:
            parameters[key] = value if equals else None
        else:
            parameters[key] = _checked_value(value.strip(), what) if equals else None
    return parameters


def _checked_value(value: str, what: str) -> str:
    if '"' in value and (value[0] != '"' or closing_quote(value, 1) != len(value) - 1):
        raise SipParseError(400, f"Malformed {what} Parameter")
    return value


def format_parameters(parameters: Parameters) -> str:
    """Return ``;name=value;flag``, or an empty text."""
    if not parameters:
        return ""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in parameters.items())


def format_display_name(name: str) -> str:
    """Return a display name as it goes in front of ``<``: tokens as they are, everything else quoted."""
    return name if _DISPLAY_TOKENS.issuperset(name) and name == " ".join(name.split()) else quote(name)


def iterate_name_values(text: str) -> Iterator[tuple[str, str]]:
    """Yield lowered names and unquoted values of ``a=b, c="d"`` (credentials, challenges, Authentication-Info)."""
    for piece in split_list(text):
        name, equals, value = piece.partition("=")
        if equals:
            yield name.strip().lower(), unquote(value.strip())
