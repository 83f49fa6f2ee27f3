"""Flow tokens: the connection a peer is reached by, as the user part of a Record-Route URI (RFC 5626 s5.2)."""

from __future__ import annotations

import binascii
import hmac
from base64 import b32decode, b32encode

from microsip_core.sip.hop import RELIABLE_TRANSPORTS, Source

_SIGNATURE_OCTETS = 10


class FlowTokens:
    """Makes and reads tokens; ``secret`` signs them, so that nobody sends through connections of others by guessing."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, source: Source, *, outbound: bool = False) -> str:
        """Return the token of a connection; "" for a transport without, unless ``outbound`` makes a flow of it."""
        if source.transport not in RELIABLE_TRANSPORTS and not outbound:
            return ""
        text = f"{source.transport} {source.host} {source.port} {source.local[0]} {source.local[1]}".encode()
        return b32encode(self._sign(text) + text).decode().rstrip("=").lower()

    def flow(self, token: str) -> Source | None:
        """Return the connection a token of ours stands for, None for what is no token of ours."""
        try:
            octets = b32decode(token.upper() + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            return None
        signature, text = octets[:_SIGNATURE_OCTETS], octets[_SIGNATURE_OCTETS:]
        if not hmac.compare_digest(signature, self._sign(text)):
            return None
        transport, host, port, local_host, local_port = text.decode().split(" ")
        return Source(transport, host, int(port), (local_host, int(local_port)))

    def _sign(self, text: bytes) -> bytes:
        return hmac.digest(self._secret, text, "sha256")[:_SIGNATURE_OCTETS]
