"""The codecs this package knows, by the names users give them, and which media core has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from microsip_core.errors import CodecError
from microsip_core.sdp.capabilities import AudioCapabilities
from microsip_core.sdp.crypto import DEFAULT_SUITES
from microsip_core.sdp.formats import RtpFormat
from microsip_core.sdp.rtcp import NO_FEATURES, RtcpFeatures


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec. ``clock_rate`` is that of RTP, ``sample_rate`` that of the audio, both in Hz.

    ``name`` is what users call it, ``encoding`` what SDP does where that is something else; ``fmtp`` what we offer.
    """

    name: str
    payload_type: int  # static (RFC 3551), or the dynamic one we offer
    clock_rate: int
    sample_rate: int
    channels: int
    description: str
    cores: frozenset[str]
    encoding: str = ""
    fmtp: str = ""

    @property
    def rtp_format(self) -> RtpFormat:
        """The codec as an offer shows it."""
        return RtpFormat(
            self.payload_type, self.encoding or self.name, self.clock_rate, self.channels, self.fmtp,
        )


_BOTH = frozenset({"native", "reference"})
_NATIVE = frozenset({"native"})
CODECS: tuple[Codec, ...] = (
    Codec("PCMU", 0, 8000, 8000, 1, "G.711 mu-law, 64 kbit/s", _BOTH),
    Codec("PCMA", 8, 8000, 8000, 1, "G.711 A-law, 64 kbit/s", _BOTH),
    Codec("G722", 9, 8000, 16_000, 1, "G.722, wideband, 64 kbit/s", _NATIVE),
    Codec("opus", 107, 48_000, 16_000, 2, "Opus, wideband, about 24 kbit/s", _NATIVE, "opus",
          "useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000"),
    Codec("opus-fullband", 107, 48_000, 48_000, 2, "Opus, full band, about 40 kbit/s", _NATIVE, "opus",
          "useinbandfec=1"),
    Codec("L16", 108, 16_000, 16_000, 1, "16-bit samples at 16 kHz, 256 kbit/s", _NATIVE),
)
"""Every codec, the most widely understood first: the order of an offer when the user names none."""

TELEPHONE_EVENT = RtpFormat(101, "telephone-event", 8000, fmtp="0-16")
"""RFC 4733 with the DTMF digits and flash; 101 is what most user agents offer."""
_EVENTS = {
    8000: TELEPHONE_EVENT, 16_000: RtpFormat(103, "telephone-event", 16_000, fmtp="0-16"),
    48_000: RtpFormat(102, "telephone-event", 48_000, fmtp="0-16"),
}  # one for every clock rate of audio (RFC 4733 s2.1)
_SAMPLE_RATES = {(codec.rtp_format.key, codec.fmtp): codec.sample_rate for codec in CODECS}


def sample_rate_of(ours: RtpFormat) -> int:
    """Return the sample rate in Hz of the audio of a format of ours."""
    return _SAMPLE_RATES[ours.key, ours.fmtp]


def codecs_of(core: str) -> tuple[Codec, ...]:
    """Return the codecs that a media core, "native" or "reference", can carry here."""
    return tuple(codec for codec in CODECS if core in codec.cores and (core != "native" or _is_native(codec)))


def _is_native(codec: Codec) -> bool:
    """Say whether the native core has a codec. Where that core is not built, nobody can be told otherwise."""
    try:
        from . import _native
    except ImportError:
        return codec.cores == _BOTH
    form = codec.rtp_format
    if form.name == "opus":
        from .opus import install

        install()
    return _native.codec_available(form.name, form.clock_rate, form.channels)


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
    rtcp: RtcpFeatures = NO_FEATURES,
) -> AudioCapabilities:
    """Return what to offer: the named codecs in that order (``None``: all of the core), telephone-event, and RTCP's."""
    codecs = codecs_of(core) if names is None else [find_codec(name, core) for name in names]
    formats: dict[str, RtpFormat] = {}
    for codec in codecs:
        formats.setdefault(codec.rtp_format.key, codec.rtp_format)
    clocks = {form.clock_rate for form in formats.values()}
    if not formats:
        raise CodecError("an empty list of codecs", step="choose codecs", remedy="Name at least one codec")
    return AudioCapabilities(
        [*formats.values(), *(_EVENTS[rate] for rate in sorted(clocks))], srtp=srtp, suites=suites,
        rtcp=rtcp if core == "native" else rtcp._replace(voip_metrics=False),
    )
