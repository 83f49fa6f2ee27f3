"""Structured header values: Via, the name-addr headers (From, To, Contact, Route, ...) and CSeq."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .grammar import (
    NO_PARAMETERS,
    Parameters,
    closing_quote,
    format_display_name,
    format_parameters,
    is_token,
    parse_number,
    parse_parameters,
    unquote,
)
from .parse_error import SipParseError
from .uri import SipUri, format_host_port, hide_password, parse_host_port

_new = tuple.__new__  # half the cost of the constructor a NamedTuple gets
_PROTOCOLS = {f"SIP/2.0/{transport}": transport for transport in ("UDP", "TCP", "TLS", "WS", "WSS", "SCTP", "TLS-SCTP")}


class Via(NamedTuple):
    """One Via value (RFC 3261 s20.42): ``transport`` in upper case, ``host`` and ``port`` of sent-by, no brackets."""

    transport: str
    host: str
    port: int | None = None
    params: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> Via:
        """Parse one Via value. Raises SipParseError 400."""
        return parse_via(text)

    @property
    def branch(self) -> str | None:
        """The transaction identifier, None from an RFC 2543 element."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The source address the next hop saw (RFC 3261 s18.2.1), without brackets."""
        value = self.params.get("received")
        return value[1:-1] if value and value[0] == "[" and value[-1] == "]" else value

    @property
    def rport(self) -> int | None:
        """The source port the next hop saw (RFC 3581); None when absent or not filled in. See ``wants_rport``."""
        value = self.params.get("rport")
        return parse_number(value, 65535) if value else None

    @property
    def wants_rport(self) -> bool:
        """Whether the sender asked for symmetric response routing with an rport parameter (RFC 3581 s3)."""
        return "rport" in self.params

    @property
    def maddr(self) -> str | None:
        """The address to send responses to instead of sent-by."""
        return self.params.get("maddr")

    @property
    def sent_by(self) -> str:
        """``host[:port]`` as the sender wrote it."""
        return format_host_port(self.host, self.port)

    def with_received(self, host: str, port: int) -> Via:
        """Return this value with what RFC 3261 s18.2.1 and RFC 3581 s4 have a server add.

        ``received`` is added where sent-by differs from the source or rport was asked for, and takes the place of one
        the sender has put there; ``rport`` is filled in only where asked for.
        """
        wants_rport = "rport" in self.params
        if not wants_rport and host == self.host and "received" not in self.params:
            return self
        params = dict(self.params)
        params["received"] = host
        if wants_rport:
            params["rport"] = str(port)
        return self._replace(params=params)

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {format_host_port(self.host, self.port)}{format_parameters(self.params)}"


def parse_via(text: str) -> Via:
    """Parse one Via value. Raises SipParseError 400."""
    head, semicolon, parameter_text = text.partition(";")
    protocol, _, sent_by = head.partition(" ")
    transport = _PROTOCOLS.get(protocol)
    if transport is None:
        transport, sent_by = _parse_via_protocol(head)
    host, port = parse_host_port(sent_by.strip())
    return _new(Via, (transport, host, port, parse_parameters(parameter_text, "Via") if semicolon else NO_PARAMETERS))


def _parse_via_protocol(head: str) -> tuple[str, str]:
    """Take ``SIP / 2.0 / UDP host`` apart where white space or another transport name makes the short way fail."""
    name, _, rest = head.partition("/")
    version, _, rest = rest.partition("/")
    transport, _, sent_by = rest.strip().replace("\t", " ").partition(" ")
    if name.strip().upper() != "SIP" or version.strip() != "2.0" or not is_token(transport):
        raise SipParseError(400, "Malformed Via")
    return transport.upper(), sent_by


class NameAddr(NamedTuple):
    """A name-addr or addr-spec with header parameters (RFC 3261 s20.10, 20.20, 20.34, 20.39).

    ``display_name`` is decoded, empty where there is none; ``uri`` is the raw URI of any scheme, or ``*`` (RFC 3261
    s10.2.2).
    """

    display_name: str
    uri: str
    params: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Parse one value. Raises SipParseError 400. The URI itself is not looked into before ``sip_uri`` is read."""
        return parse_name_addr(text)

    @property
    def sip_uri(self) -> SipUri:
        """The URI parsed. Raises SipParseError: 416 for another scheme, 400 for a malformed one."""
        return SipUri.parse(self.uri)

    @property
    def tag(self) -> str | None:
        """The tag parameter of From and To."""
        return self.params.get("tag")

    @property
    def expires(self) -> int | None:
        """The expires parameter of a Contact in seconds; None when absent or malformed."""
        value = self.params.get("expires")
        return parse_number(value, 0xFFFFFFFF) if value else None

    @property
    def q(self) -> float:
        """The preference of a Contact, 0 to 1; 1 when absent or malformed (RFC 3261 s10.2.1.2)."""
        value = self.params.get("q")
        try:
            number = float(value) if value else 1.0
        except ValueError:
            return 1.0
        return number if 0.0 <= number <= 1.0 else 1.0

    def with_param(self, name: str, value: str | None) -> NameAddr:
        """Return this value with one header parameter set; ``None`` sets a flag."""
        return self._replace(params={**self.params, name: value})

    def __repr__(self) -> str:
        return f"NameAddr({str(self._replace(uri=hide_password(self.uri)))!r})"

    def __str__(self) -> str:
        if self.uri == "*":
            return "*"
        name = f"{format_display_name(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{format_parameters(self.params)}"


def parse_name_addr(text: str) -> NameAddr:
    """Parse one value of From, To, Contact, Route and their like. Raises SipParseError 400."""
    if len(text) > 256:
        return _parse_name_addr(text)
    # Tags differ from call to call, what is in front of them seldom: that is what is remembered.
    address, found, tag = text.rpartition(";tag=")
    if found and tag.isalnum() and text.isascii():
        display_name, uri, params = _cached_parse(address)
        if not params:
            return _new(NameAddr, (display_name, uri, {"tag": tag}))
    return _cached_parse(text)


def _parse_name_addr(text: str) -> NameAddr:
    text = text.strip()
    if text[:1] == '"':
        end = closing_quote(text, 1) + 1
        if not end:
            raise SipParseError(400, "Unbalanced Quotes")
        before, angle, rest = text[end:].partition("<")
        if not angle or (before != " " and before.strip()):
            raise SipParseError(400, "Malformed Address")
        display_name = unquote(text[:end])
    else:
        display_name, angle, rest = text.partition("<")
        if not angle:
            return _parse_addr_spec(text)
        if '"' in display_name and "<" in rest:
            raise SipParseError(400, "Malformed Address")
        # A stray quote is against the grammar but sent by phones (\"name\" <uri>), and where the URI is stays clear.
        display_name = display_name.rstrip()
    uri, angle, parameter_text = rest.partition(">")
    uri = uri.strip()
    if not angle or not uri:
        raise SipParseError(400, "Malformed Address")
    return _new(
        NameAddr, (display_name, uri, _parse_address_parameters(parameter_text) if parameter_text else NO_PARAMETERS)
    )


def _parse_address_parameters(text: str) -> Parameters:
    if text[:5] == ";tag=" and text[5:].isalnum() and text.isascii():
        return {"tag": text[5:]}
    text = text.strip()
    if not text:
        return NO_PARAMETERS
    if text[0] != ";":
        raise SipParseError(400, "Malformed Address")
    return parse_parameters(text[1:], "Address")


def _parse_addr_spec(text: str) -> NameAddr:
    """Parse the form without angle brackets: all parameters belong to the header (RFC 3261 s20.10)."""
    uri, semicolon, parameter_text = text.partition(";")
    uri = uri.rstrip()
    if not uri or "?" in uri or '"' in uri or " " in uri or "," in uri or (":" not in uri and uri != "*"):
        raise SipParseError(400, "Malformed Address")
    return NameAddr("", uri, parse_parameters(parameter_text, "Address") if semicolon else NO_PARAMETERS)


_cached_parse = lru_cache(maxsize=2048)(_parse_name_addr)


class CSeq(NamedTuple):
    """A CSeq value (RFC 3261 s20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Parse a CSeq value. Raises SipParseError 400 when the number exceeds 32 bits or the method is no token."""
        return parse_cseq(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@lru_cache(maxsize=512)
def parse_cseq(text: str) -> CSeq:
    """Parse a CSeq value. Raises SipParseError 400 when the number exceeds 32 bits or the method is no token."""
    if len(text) > 100:
        raise SipParseError(400, "Malformed CSeq")
    number_text, _, method = text.replace("\t", " ").strip().partition(" ")
    method = method.strip()
    number = parse_number(number_text, 0xFFFFFFFF)
    if number is None or not is_token(method):
        raise SipParseError(400, "Malformed CSeq")
    return CSeq(number, method)
