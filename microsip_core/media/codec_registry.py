"""The codecs this package knows, by the names users give them, and which media core has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from microsip_core.errors import CodecError
from microsip_core.sdp.capabilities import AudioCapabilities
from microsip_core.sdp.crypto import DEFAULT_SUITES
from microsip_core.sdp.formats import RtpFormat


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec. ``clock_rate`` is that of RTP, ``sample_rate`` that of the audio, both in Hz."""

    name: str
    payload_type: int  # static (RFC 3551), or the dynamic one we offer
    clock_rate: int
    sample_rate: int
    channels: int
    description: str
    cores: frozenset[str]

    @property
    def rtp_format(self) -> RtpFormat:
        """The codec as an offer shows it."""
        return RtpFormat(self.payload_type, self.name, self.clock_rate, self.channels)


_BOTH = frozenset({"native", "reference"})
CODECS: tuple[Codec, ...] = (
    Codec("PCMU", 0, 8000, 8000, 1, "G.711 mu-law, 64 kbit/s", _BOTH),
    Codec("PCMA", 8, 8000, 8000, 1, "G.711 A-law, 64 kbit/s", _BOTH),
)
"""Every codec, the most widely understood first: the order of an offer when the user names none."""

TELEPHONE_EVENT = RtpFormat(101, "telephone-event", 8000, fmtp="0-16")
"""RFC 4733 with the DTMF digits and flash; 101 is what most user agents offer."""


def codecs_of(core: str) -> tuple[Codec, ...]:
    """Return the codecs of a media core, "native" or "reference"."""
    return tuple(codec for codec in CODECS if core in codec.cores)


def find_codec(name: str, core: str) -> Codec:
    """Return a codec by name, any case, also with its clock rate ("PCMU/8000"). Raises :class:`CodecError`."""
    available = codecs_of(core)
    wanted = name.strip().upper()
    for codec in available:
        if wanted in (codec.name.upper(), f"{codec.name.upper()}/{codec.clock_rate}"):
            return codec
    names = ", ".join(codec.name for codec in available)
    raise CodecError(f"no codec {name!r} in the {core} media core", step="choose codecs", remedy=f"Use one of {names}")


def capabilities_for(
    names: Iterable[str] | None, core: str, *, srtp: str = "off", suites: Sequence[str] = DEFAULT_SUITES,
) -> AudioCapabilities:
    """Return what to offer: the named codecs in that order (``None``: all of the core), and telephone-event."""
    codecs = codecs_of(core) if names is None else [find_codec(name, core) for name in names]
    formats = dict.fromkeys(codec.rtp_format for codec in codecs)
    if not formats:
        raise CodecError("an empty list of codecs", step="choose codecs", remedy="Name at least one codec")
    return AudioCapabilities([*formats, TELEPHONE_EVENT], srtp=srtp, suites=suites)
