"""One direction of a sound device, opened by PortAudio, with a callback that lives in the native media engine."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

from microsip_core.errors import DeviceError, InvalidArgument, InvalidState, NotSupported

from . import _native
from .devices import (
    BAD_COMBINATION,
    INVALID_CHANNELS,
    INVALID_RATE,
    DeviceInfo,
    DeviceStatistics,
    Direction,
    device_error,
    sounddevice,
)
from .native_errors import translate
from .native_stream import NativeStream, dbov
from .stream import Stream

_MARGIN_MS = 5  # sound kept for callbacks that come late; the ring learns to keep more where that is not enough
_SILENT_US = 2_000_000  # without a callback: the device has gone
_PORTAUDIO = threading.RLock()  # PortAudio wants one caller at a time to open and close
_proved: dict[int, bool] = {}


def native_callback_works(module: ModuleType) -> bool:
    """Say whether sounddevice takes our callback: its private names are there, and a call through them arrives."""
    known = _proved.get(id(module))
    if known is None:
        known = _proved[id(module)] = _prove(module)
    return known


def _prove(module: ModuleType) -> bool:
    device = _native.Device(True, 8000, 1, 8000, _MARGIN_MS)
    try:
        ffi = module._ffi
        callback = ffi.cast("PaStreamCallback*", _native.device_callback())
        samples = ffi.new("int16_t[64]")
        callback(samples, ffi.NULL, 64, ffi.NULL, 0, ffi.cast("void*", device.address))
        return hasattr(module, "_StreamBase") and device.statistics()["callbacks"] == 1
    except Exception:  # whatever a later version of a private thing raises: the callback in Python stands in
        return False
    finally:
        device.close()


class NativeDevice:
    """See :class:`microsip_core.media.devices.OpenDevice` and :func:`~microsip_core.media.devices.open_device`."""

    def __init__(
        self, stream: Stream, info: DeviceInfo, direction: Direction, latency: float | str, *, native: bool = True,
    ) -> None:
        self.info, self.direction = info, direction
        self._port: Any = None
        self._device: _native.Device | None = None
        if not isinstance(stream, NativeStream):
            raise NotSupported("only the native media core has sound devices", step="open device",
                               remedy="Reinstall with a C compiler, or leave the core to choose")
        if not (latency in ("low", "high") or (isinstance(latency, (int, float)) and 0 <= latency <= 2)):
            raise InvalidArgument(f"a latency of {latency!r}", step="open device",
                                  remedy='Give 0 to 2 seconds, "low" or "high"')
        module = sounddevice()
        self._stream = stream
        self.native = native and native_callback_works(module)
        with _PORTAUDIO:
            self._open(module, stream.native.sample_rate, latency)

    def attach(self) -> None:
        """See the interface."""
        try:
            self._device_open.attach(self._stream.native)
        except _native.NativeError as error:
            raise translate(error, "attach device", self.info.name) from error

    def _open(self, module: ModuleType, stream_rate: int, latency: float | str) -> None:
        """Open the device with a rate and number of channels that it takes, the likeliest first."""
        most = self.info.channels(self.direction)
        rates = dict.fromkeys([self.info.sample_rate, 48000, 44100, stream_rate])
        channels = dict.fromkeys(n for n in ((1, 2, most) if self.direction == "input" else (min(2, most), 1, most))
                                 if 1 <= n <= most)
        refused: Exception | None = None
        for rate in rates:
            for count in channels:
                try:
                    self._open_as(module, rate, count, stream_rate, latency)
                    return
                except module.PortAudioError as error:
                    self.close()
                    refused = error
                    if len(error.args) < 2 or error.args[1] not in (INVALID_RATE, INVALID_CHANNELS, BAD_COMBINATION):
                        raise device_error(error, self.info.name, "open device") from error
                except _native.NativeError as error:
                    self.close()
                    raise translate(error, "open device", self.info.name) from error
        raise device_error(refused or DeviceError("it has no channels"), self.info.name, "open device") from refused

    def _open_as(self, module: ModuleType, rate: int, channels: int, stream_rate: int, latency: float | str) -> None:
        device = self._device = _native.Device(
            self.direction == "input", rate, channels, stream_rate, _MARGIN_MS,
        )
        self.sample_rate = rate
        options = {"samplerate": rate, "device": self.info.index, "channels": channels, "dtype": "int16",
                   "latency": latency}
        if self.native:
            ffi = module._ffi
            self._port = module._StreamBase(
                self.direction, callback=ffi.cast("PaStreamCallback*", _native.device_callback()),
                wrap_callback=None, userdata=ffi.cast("void*", device.address), **options,
            )
        elif self.direction == "input":
            self._port = module.RawInputStream(callback=_recorder(device), **options)
        else:
            self._port = module.RawOutputStream(callback=_player(device), **options)
        self._port.start()

    @property
    def _device_open(self) -> _native.Device:
        if self._device is None:
            raise InvalidState("the device is closed", step="sound device")
        return self._device

    @property
    def lost(self) -> bool:
        """See the interface."""
        if self._device is None or self._port is None:
            return False
        return not self._port.active or self._device.statistics()["quiet_us"] > _SILENT_US

    def statistics(self) -> DeviceStatistics:
        """See the interface."""
        figures, ms = self._device_open.statistics(), 1000 / self.sample_rate
        told = figures["latency_us"] / 1000
        drift = figures["correction_ppb"] / 1000
        return DeviceStatistics(
            self.info.name, self.direction, self.sample_rate, self.native, figures["running"], figures["callbacks"],
            figures["host_faults"], figures["missing"] * ms, figures["dropped"] * ms, figures["cut"] * ms,
            figures["delay_us"] / 1000, told if told >= 0 else self._port.latency * 1000, drift,
            dbov(figures["power"]),
        )

    def close(self) -> None:
        """See the interface. The callback has ended when the device's memory goes."""
        with _PORTAUDIO:
            port, self._port = self._port, None
            if port is not None:
                port.abort()
                port.close()
            device, self._device = self._device, None
            if device is not None:
                device.close()

    def __del__(self) -> None:
        """Never leave a callback behind that has lost its device."""
        self.close()


def _flags(status: Any) -> int:
    return int(status._flags) if hasattr(status, "_flags") else int(bool(status))


def _recorder(device: _native.Device) -> Any:
    """Return the callback in Python for a microphone."""
    import numpy as np

    def record(data: Any, frames: int, time: Any, status: Any) -> None:
        device.record(np.frombuffer(data, np.int16), _flags(status))

    return record


def _player(device: _native.Device) -> Any:
    """Return the callback in Python for a loudspeaker."""
    import numpy as np

    def play(data: Any, frames: int, time: Any, status: Any) -> None:
        device.play(np.frombuffer(data, np.int16), _flags(status))

    return play
