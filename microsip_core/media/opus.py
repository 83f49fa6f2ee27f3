"""Finds libopus, hands its functions to the native core, and says what an Opus encoder is to be told (RFC 7587)."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .stream import EncoderSettings

_FUNCTIONS = (
    "opus_encoder_get_size", "opus_encoder_init", "opus_encoder_ctl", "opus_encode", "opus_decoder_get_size",
    "opus_decoder_init", "opus_decode",
)
_PATTERNS = (("av.libs", "libopus*.so*"), ("av/.dylibs", "libopus*.dylib"), ("av.libs", "*opus*.dll"))
_EXPECTED_LOSS_PERCENT = 10  # for which redundancy is laid out
_COMPLEXITY = 5
_LOWEST_BITRATE, _HIGHEST_BITRATE = 6000, 510_000  # RFC 7587 s6.1


class OpusLibrary(NamedTuple):
    """A libopus that can be used."""

    path: str
    version: str
    addresses: tuple[int, ...]  # in the order _native.install_opus wants them


@functools.cache
def find_library() -> OpusLibrary | None:
    """Return the libopus inside the package av, else the system's, ``None`` where there is neither."""
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            addresses = tuple(_address_of(library, name) for name in _FUNCTIONS)
            library.opus_get_version_string.restype = ctypes.c_char_p
            version = library.opus_get_version_string().decode("ascii", "replace")
        except (OSError, AttributeError):
            continue
        _LOADED.append(library)
        return OpusLibrary(path, version.removeprefix("libopus "), addresses)
    return None


_LOADED: list[ctypes.CDLL] = []  # never to be unloaded


@functools.cache
def install() -> bool:
    """Give libopus to the native core; False where there is none."""
    from . import _native

    library = find_library()
    if library is None:
        return False
    try:
        _native.install_opus(*library.addresses)
    except _native.NativeError as error:
        return error.status == _native.STATUS["ESTATE"]  # it has it already
    return True


def encoder_settings(fmtp: str, sample_rate: int) -> EncoderSettings:
    """Return what the peer's a=fmtp asks of our encoder (RFC 7587 s6.1); what makes no sense is left aside.

    ``sample_rate`` of our audio in Hz. Stereo is never sent, which "stereo" allows.
    """
    wishes: dict[str, int] = {}
    for parameter in fmtp.split(";"):
        name, _, value = parameter.partition("=")
        if value.strip().isascii() and value.strip().isdecimal() and len(value.strip()) <= 9:
            wishes[name.strip().lower()] = int(value)
    rate = min(max(wishes.get("maxplaybackrate", sample_rate), 8000), sample_rate)
    bitrate = 24_000 if rate <= 16_000 else 40_000
    limit = wishes.get("maxaveragebitrate", _HIGHEST_BITRATE)
    redundancy = wishes.get("useinbandfec") == 1
    return EncoderSettings(
        bitrate=max(min(bitrate, limit), _LOWEST_BITRATE), playback_rate=rate, complexity=_COMPLEXITY,
        expected_loss_percent=_EXPECTED_LOSS_PERCENT if redundancy else 0, redundancy=redundancy,
        silence_suppression=wishes.get("usedtx") == 1,
    )


def packet_time(ptime_ms: int) -> int:
    """Return the longest packet time of one Opus frame that is not above ``ptime_ms``: 10, 20, 40 or 60."""
    return max(frame for frame in (10, 20, 40, 60) if frame <= max(ptime_ms, 10))


def _candidates() -> Iterator[str]:
    found = importlib.util.find_spec("av")
    places = list(found.submodule_search_locations or ()) if found is not None else []
    for place in places:
        for folder, pattern in _PATTERNS:
            yield from (str(path) for path in sorted((Path(place).parent / folder).glob(pattern)))
    system = ctypes.util.find_library("opus")
    if system is not None:
        yield system


def _address_of(library: ctypes.CDLL, name: str) -> int:
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    if not address:
        raise AttributeError(name)
    return address
