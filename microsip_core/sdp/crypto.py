"""Keys for SRTP in a description: the a=crypto attribute (RFC 4568) read, written, and chosen from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SRTP_MODES = ("off", "optional", "mandatory")
"""Offer RTP/AVP only; RTP/AVP with keys, taking what comes (best effort); RTP/SAVP, taking nothing without keys."""


class CryptoSuite(NamedTuple):
    """Octets of the master key and of the master salt, and the tag under which an offer of ours has the suite."""

    key_octets: int
    salt_octets: int
    tag: int


SUITES = {
    "AES_CM_128_HMAC_SHA1_80": CryptoSuite(16, 14, 1),
    "AES_CM_128_HMAC_SHA1_32": CryptoSuite(16, 14, 2),
    "AEAD_AES_128_GCM": CryptoSuite(16, 12, 3),
    "AEAD_AES_256_GCM": CryptoSuite(32, 12, 4),
}
"""The suites of RFC 4568 s6.2 and RFC 7714 s14.2 that can be carried."""
DEFAULT_SUITES = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32")
"""In order of preference: first what everybody has, because some devices read only the first."""

_LONGEST_MKI = 128  # octets (RFC 4568 s6.1)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key of an attribute: master key and salt together, and what marks its packets (RFC 3711 s3.1)."""

    key_and_salt: bytes = field(repr=False)
    lifetime: int | None = None
    """Most packets it may be used for."""
    mki: bytes = b""
    """The master key identifier that every packet carries, empty for none."""


@dataclass(frozen=True, slots=True)
class CryptoAttribute:
    """An a=crypto attribute (RFC 4568 s4)."""

    tag: int
    suite: str
    keys: tuple[MasterKey, ...]
    session_parameters: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: str) -> CryptoAttribute:
        """Read what follows "a=crypto:"; raises ValueError, which does not quote the key."""
        fields = value.split()
        if len(fields) < 3:
            raise ValueError("a=crypto needs tag, suite and key")
        tag, suite = fields[0], fields[1]
        if not (tag.isascii() and tag.isdecimal() and len(tag) <= 9):
            raise ValueError("the tag of a=crypto is no number")
        keys = tuple(_parse_key(text) for text in fields[2].split(";"))
        return cls(int(tag), suite.upper(), keys, tuple(fields[3:]))

    @property
    def usable(self) -> bool:
        """Whether we can do what it asks: a suite of ours, one key of the right length, no strange parameters."""
        suite = SUITES.get(self.suite)
        return (
            suite is not None and len(self.keys) == 1
            and len(self.keys[0].key_and_salt) == suite.key_octets + suite.salt_octets
            # WSH is only a hint, and what begins with "-" may be ignored (RFC 4568 s6.3.6, s6.3.7); all else counts.
            and all(parameter[:1] == "-" or parameter[:4] == "WSH=" for parameter in self.session_parameters)
        )


@dataclass(frozen=True, slots=True)
class NegotiatedCrypto:
    """What both sides agreed on: a suite, and master key with salt for each direction."""

    suite: str
    send_key: bytes = field(repr=False)
    receive_key: bytes = field(repr=False)
    receive_mki: bytes = b""


def crypto_line(suite: str, key_and_salt: bytes, tag: int | None = None) -> str:
    """Return an a=crypto line with its CRLF; ``tag`` is by default the one of our own offers."""
    number = SUITES[suite].tag if tag is None else tag
    return f"a=crypto:{number} {suite} inline:{base64.b64encode(key_and_salt).decode()}\r\n"


def choose_crypto(values: Iterable[str], suites: Sequence[str], *, answer: bool = False) -> CryptoAttribute | None:
    """Return the first attribute of the peer that can be used; of an answer only what takes up an offer of ours."""
    for value in values:
        try:
            attribute = CryptoAttribute.parse(value)
        except ValueError:
            continue
        if attribute.suite not in suites or not attribute.usable:
            continue
        if not answer or attribute.tag == SUITES[attribute.suite].tag:
            return attribute
    return None


def _parse_key(text: str) -> MasterKey:
    method, _, info = text.partition(":")
    if method.lower() != "inline":
        raise ValueError("the key method of a=crypto is not inline")
    encoded, *options = info.split("|")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the key of a=crypto is not base64") from None
    lifetime, mki = None, b""
    if options and ":" not in options[0]:
        lifetime = _parse_lifetime(options.pop(0))
    if options:
        mki = _parse_mki(options.pop(0))
    if options:
        raise ValueError("too many parts in a key of a=crypto")
    return MasterKey(key, lifetime, mki)


def _parse_lifetime(text: str) -> int:
    base, power, exponent = text.partition("^")
    number = exponent if power else base
    if (power and base != "2") or not (number.isascii() and number.isdecimal() and len(number) <= (2 if power else 15)):
        raise ValueError("the lifetime of a key of a=crypto is no number")
    return 1 << int(number) if power else int(number)


def _parse_mki(text: str) -> bytes:
    value, _, length = text.partition(":")
    if not all(part.isascii() and part.isdecimal() and len(part) <= 40 for part in (value, length)):
        raise ValueError("the MKI of a key of a=crypto is no pair of numbers")
    octets = int(length)
    if not 1 <= octets <= _LONGEST_MKI or int(value) >= 1 << (8 * octets):
        raise ValueError("the MKI of a key of a=crypto does not fit its length")
    return int(value).to_bytes(octets, "big")
