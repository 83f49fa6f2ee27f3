"""Checks URIs and headers that a user gives, and completes what people type: a bare number, a URI without scheme."""

from __future__ import annotations

from collections.abc import Iterable

from microsip_core.errors import InvalidArgument, NotSupported
from microsip_core.sip.grammar import is_token
from microsip_core.sip.headers import header_key
from microsip_core.sip.parse_error import SipParseError
from microsip_core.sip.uri import SipUri

_SCHEMES = ("sip:", "sips:")
_DIALLED = ("tel:", "callto:", "dial:")
_OURS = frozenset({
    "via", "from", "to", "call-id", "cseq", "contact", "content-length", "content-type", "max-forwards", "route",
    "record-route", "authorization", "proxy-authorization", "rseq", "rack", "session-expires", "min-se",
})
_FOREVER = 2.0**31
_SEPARATORS = str.maketrans("", "", " -().")


def parse_uri(text: str, what: str) -> SipUri:
    """Parse a SIP URI that a user gave as ``what``. Raises InvalidArgument that says what it should look like."""
    try:
        uri = SipUri.parse(_string(text, what))
    except SipParseError as error:
        raise InvalidArgument(
            f"{text!r} is no SIP URI ({error.reason})", step=what, remedy="Write sip:user@host or sip:user@host:port",
        ) from error
    if uri.headers:
        raise InvalidArgument(f"{text!r} holds headers", step=what, remedy="Leave out what follows the question mark")
    return uri


def _string(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{value!r} is no SIP URI", step=what, remedy="Write it as a string: sip:user@host")
    return value


def complete_target(text: str, domain: str | None) -> str:
    """Return the SIP URI to call for what the user gave; the account's ``domain`` completes a bare user or number.

    Raises InvalidArgument for what is no URI, or no string at all.
    """
    text = _string(text, "invite").strip()
    lowered = text.lower()
    for scheme in _DIALLED:
        if lowered.startswith(scheme):
            text = text[len(scheme):].lstrip("/")
            if "@" not in text:
                text = text.translate(_SEPARATORS)
            break
    else:
        if lowered.startswith(_SCHEMES):
            return text
        scheme, colon, rest = text.partition(":")
        if colon and scheme.isalpha() and not rest.isdigit():
            raise InvalidArgument(f"{text!r} is no SIP URI", step="invite", remedy="Write sip:user@host")
    if "@" in text or _looks_like_host(text):
        return f"sip:{text}"
    if not text or domain is None:
        raise InvalidArgument(
            f"{text!r} names no host", step="invite", remedy="Write sip:user@host, or create an account first",
        )
    return f"sip:{text}@{domain}"


def _looks_like_host(text: str) -> bool:
    """Whether a bare word is an address or a host with a dot or port, and not a number to dial."""
    return (":" in text or "." in text) and not text.startswith("+")


def check_headers(
    headers: Iterable[object] | None, step: str, *, ours: frozenset[str] = frozenset(),
    allowed: frozenset[str] = frozenset(),
) -> tuple[tuple[str, str], ...]:
    """Return the headers a user gives for a message, None for none.

    Raises InvalidArgument for what are no pairs of strings, for a name that is no token, a value with a control
    character (a line break would smuggle in a header), and for headers that the user agent writes itself:
    ``ours`` among them, ``allowed`` not.
    """
    if headers is None:
        return ()
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise InvalidArgument(f"headers is {headers!r}", step=step, remedy='Give a sequence of ("Name", "value")')
    checked: list[tuple[str, str]] = []
    for header in headers:
        if not isinstance(header, tuple) or [type(part) for part in header] != [str, str]:
            raise InvalidArgument(f"{header!r} is no header", step=step, remedy='Write ("Name", "value") for each')
        name, value = header
        key = header_key(name)
        if not is_token(name):
            raise InvalidArgument(f"{name!r} is no header name", step=step, remedy="Use letters, digits and hyphens")
        if any((char < " " and char != "\t") or char == "\x7f" for char in value):
            raise InvalidArgument(f"the value of header {name!r} holds a line break or another control character",
                                  step=step, remedy="Write it on one line")
        if key in ours or (key in _OURS and key not in allowed):
            raise InvalidArgument(f"the header {name!r} is written by the user agent", step=step,
                                  remedy="Leave it out; an account sets From, Contact and Route")
        checked.append((name, value))
    return tuple(checked)


def check_timeout(seconds: object, step: str, name: str = "timeout") -> None:
    """Raise InvalidArgument for what is no number of seconds from 0 on; None is none."""
    if seconds is None:
        return
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < _FOREVER:
        raise InvalidArgument(f"{name} is {seconds!r}", step=step, remedy="Give seconds, or None")


def check_media(media: str) -> None:
    """Check the media of a call: "audio", later "video" and "audio,video". Raises InvalidArgument, NotSupported."""
    if not isinstance(media, str):
        raise InvalidArgument(f"media is {media!r}", step="invite", remedy='Write "audio"')
    kinds = {kind.strip().lower() for kind in media.split(",")}
    if not kinds <= {"audio", "video"}:
        raise InvalidArgument(f"{media!r} is no media", step="invite", remedy='Write "audio"')
    if "video" in kinds:
        raise NotSupported("video calls are not supported yet", step="invite", remedy='Write "audio"')
