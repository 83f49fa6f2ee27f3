"""Takes secrets out of SIP messages before a person or a file sees them."""

from __future__ import annotations

import re

REDACTED = "<redacted>"

_CREDENTIAL_HEADER = re.compile(
    r"(?im)^((?:proxy-)?authorization[ \t]*:[ \t]*\w+[ \t]+)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)"
)
_SECRET_PARAMETER = re.compile(
    r'(?i)\b(response|cnonce|nonce|opaque|password)([ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"|[^\s,;]+)'
)
_OPAQUE_SCHEME = re.compile(r"(?im)^((?:proxy-)?authorization[ \t]*:[ \t]*(?:basic|bearer)[ \t]+)[^\r\n]*")
_URI_PASSWORD = re.compile(r"(?i)\b(sips?:[^\s:@<>;,\"]+):([^\s@<>;,\"]+)@")
_CRYPTO_KEY = re.compile(r"(?i)(inline:)[A-Za-z0-9+/=]+")
_SDP_KEY = re.compile(r"(?m)^k=[^\r\n]*")


def redact(text: str) -> str:
    """Return ``text`` (a SIP message, or a part of one) without passwords, digest responses and SRTP keys.

    Digest responses and nonces go because a short password can be guessed from them off line; SDES keys (RFC 4568) and
    the old ``k=`` line go because with them the recorded call can be decrypted. User names and realms stay: a diagnosis
    needs them.
    """
    text = _OPAQUE_SCHEME.sub(lambda match: match.group(1) + REDACTED, text)
    text = _CREDENTIAL_HEADER.sub(lambda match: match.group(1) + _without_secrets(match.group(2)), text)
    text = _URI_PASSWORD.sub(lambda match: f"{match.group(1)}:{REDACTED}@", text)
    text = _CRYPTO_KEY.sub(lambda match: match.group(1) + REDACTED, text)
    return _SDP_KEY.sub(f"k={REDACTED}", text)


def _without_secrets(parameters: str) -> str:
    return _SECRET_PARAMETER.sub(lambda match: f"{match.group(1)}{match.group(2)}{REDACTED}", parameters)
