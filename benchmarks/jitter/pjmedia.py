"""PJMEDIA's jitter buffer and concealment, out of the wheel pjsua2-python, whose library exports its C functions.

Driven as pjmedia's stream does it: 10 ms frames, adaptive between 0 and 400 ms, progressive discard, and WSOLA
concealment for up to 240 ms of missing frames.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from microsip_core.media.reference.g711 import decode_mu_law

from .packet_file import PCMU, Arrival, Replay
from .receivers import Missing, Samples, signed

_FRAME = 80
_NORMAL = 1
_MOST_CONCEALED = 24


class _Name(ctypes.Structure):
    _fields_ = (("text", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


@functools.cache
def _load() -> tuple[Any, Any]:
    """Return the library and its caching pool: one per process, as pj_init is."""
    spec = importlib.util.find_spec("pjsua2")
    files = sorted(Path(spec.origin).parent.glob("_pjsua2*.so")) if spec is not None and spec.origin else []
    if not files:
        raise Missing("pjsua2-python is not installed")
    library = ctypes.CDLL(str(files[0]))
    library.pj_log_set_level(0)
    library.pj_init()
    library.pj_log_set_level(0)
    caching_pool = ctypes.create_string_buffer(1 << 16)
    library.pj_caching_pool_init(caching_pool, None, ctypes.c_size_t(0))
    library.pj_pool_create.restype = ctypes.c_void_p
    return library, caching_pool


class Pjmedia:
    """The receiver."""

    name = "PJMEDIA"

    def __init__(self) -> None:
        self._lib, self._caching_pool = _load()

    def _open(self) -> tuple[ctypes.c_void_p, ctypes.c_void_p]:
        size = ctypes.c_size_t(64000)
        pool = ctypes.c_void_p(self._lib.pj_pool_create(self._caching_pool, b"replay", size, size, None))
        buffer, concealer = ctypes.c_void_p(), ctypes.c_void_p()
        self._lib.pjmedia_jbuf_create(pool, ctypes.byref(_Name(b"jb", 2)), 400, 10, 50, ctypes.byref(buffer))
        self._lib.pjmedia_jbuf_set_adaptive(buffer, 0, 1, 40)
        self._lib.pjmedia_plc_create(pool, 8000, _FRAME, 0, ctypes.byref(concealer))
        return buffer, concealer

    def play(self, replay: Replay) -> tuple[Samples, float | None]:
        buffer, concealer = self._open()
        out: list[Samples] = []
        last: Arrival | None = None
        next_packet, missing, now = 0, _MOST_CONCEALED, replay.phase_ms
        while now < replay.total_ms:
            while next_packet < len(replay.arrivals) and replay.arrivals[next_packet].ms <= now:
                packet = replay.arrivals[next_packet]
                next_packet += 1
                if packet.payload_type == PCMU:
                    self._put(buffer, packet, last)
                    last = packet
            for _ in range(2):
                frame, missing = self._get(buffer, concealer, missing)
                out.append(frame)
            now += 20
        return np.concatenate(out), None

    def _put(self, buffer: ctypes.c_void_p, packet: Arrival, last: Arrival | None) -> None:
        if last is not None and (
            packet.ssrc != last.ssrc or abs(signed(packet.timestamp - last.timestamp)) > 10 * 8000
        ):
            self._lib.pjmedia_jbuf_reset(buffer)
        for half in range(2):
            octets = packet.payload[half * _FRAME:(half + 1) * _FRAME]
            self._lib.pjmedia_jbuf_put_frame(
                buffer, octets, ctypes.c_size_t(len(octets)), ctypes.c_int(packet.timestamp // _FRAME + half),
            )

    def _get(self, buffer: ctypes.c_void_p, concealer: ctypes.c_void_p, missing: int) -> tuple[Samples, int]:
        octets, kind, size = ctypes.create_string_buffer(400), ctypes.create_string_buffer(1), ctypes.c_size_t(400)
        self._lib.pjmedia_jbuf_get_frame2(buffer, octets, ctypes.byref(size), kind, None)
        if kind.raw[0] == _NORMAL:
            frame = np.ascontiguousarray(decode_mu_law(octets.raw[: size.value]), np.int16)
            self._lib.pjmedia_plc_save(concealer, frame.ctypes.data_as(ctypes.c_void_p))
            return frame, 0
        frame = np.zeros(_FRAME, np.int16)
        if missing < _MOST_CONCEALED:
            self._lib.pjmedia_plc_generate(concealer, frame.ctypes.data_as(ctypes.c_void_p))
        return frame, missing + 1
