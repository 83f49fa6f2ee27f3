"""Session descriptions (RFC 8866) and their offer and answer (RFC 3264), without sockets."""

from __future__ import annotations

from .capabilities import AudioCapabilities
from .crypto import SRTP_MODES, SUITES, CryptoAttribute, NegotiatedCrypto
from .description import DIRECTIONS, MediaDescription, Origin, SessionDescription
from .errors import DEFAULT_LIMITS, SdpError, SdpLimits
from .formats import STATIC_FORMATS, RtpFormat
from .negotiation import AudioNegotiation, NegotiatedAudio

__all__ = [
    "DEFAULT_LIMITS",
    "DIRECTIONS",
    "SRTP_MODES",
    "STATIC_FORMATS",
    "SUITES",
    "AudioCapabilities",
    "AudioNegotiation",
    "CryptoAttribute",
    "MediaDescription",
    "NegotiatedAudio",
    "NegotiatedCrypto",
    "Origin",
    "RtpFormat",
    "SdpError",
    "SdpLimits",
    "SessionDescription",
]
