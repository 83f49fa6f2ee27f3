"""Takes secrets out of SIP messages before a person or a file sees them."""

from __future__ import annotations

import re
from collections.abc import Callable

REDACTED = "<redacted>"

_FOLDED = r"[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*"  # the rest of a header value with its continuation lines (RFC 3261 s7.3.1)
_SPACE = r"[ \t]*(?:\r?\n[ \t]+)*"
_CREDENTIAL_HEADER = re.compile(rf"(?im)^(?:proxy-)?(?:authorization|authentication-info)[ \t]*:{_FOLDED}")
_SECRET_PARAMETER = re.compile(
    r"(?i)\b(?:response|rspauth|cnonce|nonce|nextnonce|opaque|password)\s*=\s*"
    r'(?P<secret>"(?:[^"\\]|\\.)*"?|[^\s,;]+)'
)
_SECRETS = (
    re.compile(
        rf"(?im)^(?:proxy-)?authorization[ \t]*:{_SPACE}(?!digest\s)[^\s]+(?=\s){_SPACE}(?P<secret>[^\s]{_FOLDED})"
    ),
    # where no "@" follows, the whole run is passed over, lest each "sip:" in it be tried anew
    re.compile(r'(?i)\bsips?:[^\s:@<>"]+:(?:(?P<secret>[^\s@<>"]+)@|[^\s@<>"]+)'),
    re.compile(r"(?i)inline:(?P<secret>[A-Za-z0-9+/=]+)"),
    re.compile(r"(?i)key-mgmt:[ \t]*\w+[ \t]+(?P<secret>\S+)"),
    re.compile(r"(?m)^k=(?P<secret>[^\r\n]*)"),
)


def redact(text: str) -> str:
    """Return ``text`` (a SIP message, or a part of one) without passwords, digest responses and SRTP keys.

    Digest responses of both sides and the nonces beside them go because a short password can be guessed from them off
    line; SDES keys (RFC 4568), MIKEY messages (RFC 4567) and the old ``k=`` line go because with them the recorded call
    can be decrypted. User names and realms stay: a diagnosis needs them.
    """
    return _covered(text, lambda secret: REDACTED)


def mask(message: bytes) -> bytes:
    """Return a SIP message with the same secrets crossed out octet by octet: its length and its Content-Length stay
    right, as a capture needs it.
    """
    return _covered(message.decode("latin-1"), _crosses).encode("latin-1")


def _crosses(secret: str) -> str:
    if len(secret) > 1 and secret[0] == secret[-1] == '"':
        return f'"{_crosses(secret[1:-1])}"'
    return re.sub(r"[^ \t\r\n]", "x", secret)  # a folded value stays folded


def _covered(text: str, cover: Callable[[str], str]) -> str:
    def covered(match: re.Match[str]) -> str:
        whole, start = match.group(), match.start()
        if match["secret"] is None:
            return whole
        return whole[:match.start("secret") - start] + cover(match["secret"]) + whole[match.end("secret") - start:]

    text = _CREDENTIAL_HEADER.sub(lambda match: _SECRET_PARAMETER.sub(covered, match.group()), text)
    for pattern in _SECRETS:
        text = pattern.sub(covered, text)
    return text
