"""SIP and SIPS URIs: parse, format and the comparison of RFC 3261 s19.1."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .grammar import ALPHANUM, DIGITS, NO_PARAMETERS, Parameters, parse_number
from .parse_error import SipParseError

_UNRESERVED = ALPHANUM | frozenset("-_.!~*'()")
_USER = _UNRESERVED | frozenset("&=+$,;?/%")
_PASSWORD = _UNRESERVED | frozenset("&=+$,%")
_PARAMETER = _UNRESERVED | frozenset("[]/:&+$%")
_HEADER = _UNRESERVED | frozenset("[]/?:+$%")
_HOST = ALPHANUM | frozenset("-._")
_HEX = frozenset("0123456789abcdefABCDEF")
# No URI holds these. What else the grammar has escaped is taken and escaped here, such as '#' in a dialled number.
_NEVER = frozenset(map(chr, range(33))) | frozenset('<>"\\^`{|}\x7f@')
_COMPARED_PARAMETERS = ("user", "ttl", "method", "maddr", "transport")
_MALFORMED = "Malformed URI"


class SipUri(NamedTuple):
    """An immutable SIP or SIPS URI.

    ``user``, ``password``, parameters and headers are kept escaped, in a normal form: an escape that stands for an
    unreserved character is resolved (``%75se%72`` gives ``user``), every other stays (RFC 3261 s19.1.4), and what ought
    to be escaped is. ``user_text`` is fully decoded. ``host`` has no brackets. ``port`` is None where the URI has none.
    Parameter names are lowered.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None = None
    params: Parameters = NO_PARAMETERS
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Parse a SIP or SIPS URI. Raises SipParseError: 416 for another scheme, 400 for a malformed one."""
        return _cached_parse(text) if len(text) <= 256 else _parse(text)

    @property
    def user_text(self) -> str:
        """The user part with all escapes resolved; empty where there is none."""
        return decode(self.user) if self.user else ""

    @property
    def transport(self) -> str | None:
        """The transport parameter in upper case."""
        value = self.params.get("transport")
        return value.upper() if value else None

    @property
    def is_loose_router(self) -> bool:
        """Whether the URI has the lr parameter (RFC 3261 s19.1.1)."""
        return "lr" in self.params

    @property
    def host_port(self) -> str:
        """``host[:port]`` with the brackets an IPv6 address needs."""
        return format_host_port(self.host, self.port)

    def equivalent(self, other: SipUri) -> bool:
        """Compare by the rules of RFC 3261 s19.1.4."""
        if (
            self.scheme != other.scheme
            or self.user != other.user
            or self.password != other.password
            or self.port != other.port
            or self.host.lower() != other.host.lower()
        ):
            return False
        mine, others = self.params, other.params
        for name, value in mine.items():
            if name in others:
                if (value or "").lower() != (others[name] or "").lower():
                    return False
            elif name in _COMPARED_PARAMETERS:
                return False
        if any(name in others and name not in mine for name in _COMPARED_PARAMETERS):
            return False
        return sorted((name.lower(), value) for name, value in self.headers) == sorted(
            (name.lower(), value) for name, value in other.headers
        )

    def __str__(self) -> str:
        text = f"{self.scheme}:"
        if self.user is not None:
            text += _escape(self.user, _USER)
            if self.password is not None:
                text += ":" + _escape(self.password, _PASSWORD)
            text += "@"
        text += format_host_port(self.host, self.port)
        for name, value in self.params.items():
            text += f";{_escape(name, _PARAMETER)}"
            if value is not None:
                text += f"={_escape(value, _PARAMETER)}"
        if self.headers:
            text += "?" + "&".join(
                f"{_escape(name, _HEADER)}={_escape(value, _HEADER)}" for name, value in self.headers
            )
        return text

    def __repr__(self) -> str:
        return f"SipUri({hide_password(str(self))!r})"


def format_host_port(host: str, port: int | None) -> str:
    """Return ``host[:port]``, an IPv6 address in brackets."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


@lru_cache(maxsize=1024)
def parse_host_port(text: str) -> tuple[str, int | None]:
    """Split ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``. Raises SipParseError 400."""
    if len(text) > 300:
        raise SipParseError(400, "Malformed Host")
    if text[:1] == "[":
        host, bracket, rest = text[1:].partition("]")
        rest = rest.strip()
        if not bracket or not is_ipv6(host) or (rest and rest[0] != ":"):
            raise SipParseError(400, "Malformed Host")
        colon, port_text = rest[:1], rest[1:]
    else:
        host, colon, port_text = text.partition(":")
        if not _HOST.issuperset(host):
            host = host.rstrip()
        if not host or not _HOST.issuperset(host):
            raise SipParseError(400, "Malformed Host")
    if not colon:
        return host, None
    port = parse_number(port_text.strip(), 65535)
    if port is None:
        raise SipParseError(400, "Malformed Port")
    return host, port


@lru_cache(maxsize=256)
def is_ipv6(text: str) -> bool:
    """Tell whether ``text`` is an IPv6 address without brackets and without zone."""
    if ":" not in text or len(text) > 45 or "%" in text:
        return False
    from ipaddress import AddressValueError, IPv6Address  # rarely needed, and not free to import

    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def scheme_of(uri: str) -> str:
    """Return the lowered scheme of any URI, empty where there is none."""
    scheme, colon, _ = uri.partition(":")
    return scheme.lower() if colon else ""


def hide_password(uri: str) -> str:
    """Return a raw URI with the password in it, if any, replaced by asterisks: for logs and representations."""
    userinfo, at, rest = uri.partition("@")
    scheme, _, userinfo = userinfo.partition(":")
    user, colon, _ = userinfo.partition(":")
    return f"{scheme}:{user}:***@{rest}" if at and colon else uri


def decode(text: str) -> str:
    """Resolve every %HH escape as UTF-8; octets that are no UTF-8 become surrogate escapes."""
    if "%" not in text:
        return text
    first, *chunks = text.split("%")
    octets = bytearray(first.encode("utf-8", "surrogateescape"))
    for chunk in chunks:
        if len(chunk) >= 2 and _HEX.issuperset(chunk[:2]):
            octets.append(int(chunk[:2], 16))
            chunk = chunk[2:]
        else:
            octets.append(0x25)
        octets += chunk.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "surrogateescape")


def escape_user(text: str) -> str:
    """Escape free text, such as a dialled number or a name, for use as the user part of a URI."""
    return "".join(_percent(char) if char == "%" or char not in _USER else char for char in text)


def _percent(char: str) -> str:
    return "".join(f"%{octet:02X}" for octet in char.encode("utf-8", "surrogateescape"))


def _escape(text: str, allowed: frozenset[str]) -> str:
    if allowed.issuperset(text):
        return text
    return "".join(char if char in allowed else _percent(char) for char in text)


def _normal(text: str, allowed: frozenset[str]) -> str:
    """Bring escapes into normal form. Raises SipParseError 400 on what no URI may hold and on broken escapes."""
    if not allowed.issuperset(text):
        if not _NEVER.isdisjoint(text):
            raise SipParseError(400, _MALFORMED)
        text = _escape(text, allowed)
    if "%" not in text:
        return text
    first, *chunks = text.split("%")
    pieces = [first]
    for chunk in chunks:
        code = chunk[:2]
        if len(code) < 2 or not _HEX.issuperset(code):
            raise SipParseError(400, _MALFORMED)
        char = chr(int(code, 16))
        pieces.append(char if char in _UNRESERVED else f"%{code.upper()}")
        pieces.append(chunk[2:])
    return "".join(pieces)


def _parse(text: str) -> SipUri:
    scheme, colon, rest = text.partition(":")
    if scheme not in ("sip", "sips"):
        scheme = scheme.lower()
        if not colon or not scheme or not ALPHANUM.issuperset(scheme.translate(_SCHEME_EXTRAS)) or scheme[0] in DIGITS:
            raise SipParseError(400, _MALFORMED)
        if scheme not in ("sip", "sips"):
            raise SipParseError(416, "Unsupported URI Scheme")
    userinfo, at, host_part = rest.partition("@")
    user: str | None = None
    password: str | None = None
    if at:
        user, colon, secret = userinfo.partition(":")
        if not user:
            raise SipParseError(400, _MALFORMED)
        user = _normal(user, _USER)
        if colon:
            password = _normal(secret, _PASSWORD)
    else:
        host_part = rest
    host_part, question, header_text = host_part.partition("?")
    host_part, semicolon, parameter_text = host_part.partition(";")
    host, port = parse_host_port(host_part)
    parameters = _parse_parameters(parameter_text) if semicolon else NO_PARAMETERS
    headers = _parse_headers(header_text) if question else ()
    return _new(SipUri, (scheme, user, password, host, port, parameters, headers))


_new = tuple.__new__  # half the cost of the constructor a NamedTuple gets
_SCHEME_EXTRAS = dict.fromkeys(map(ord, "+-."))
_cached_parse = lru_cache(maxsize=2048)(_parse)


def _parse_parameters(text: str) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        name = _normal(name, _PARAMETER).lower()
        if not name or name in parameters:
            raise SipParseError(400, _MALFORMED)
        parameters[name] = _normal(value, _PARAMETER) if equals else None
    return parameters


def _parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    headers = []
    for piece in text.split("&"):
        name, equals, value = piece.partition("=")
        if not name or not equals:
            raise SipParseError(400, _MALFORMED)
        headers.append((_normal(name, _HEADER), _normal(value, _HEADER)))
    return tuple(headers)
