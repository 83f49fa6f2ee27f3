"""Sound files as the native engine plays them, read once for all calls that play them."""

from __future__ import annotations

import os
from collections import OrderedDict
from os import PathLike
from typing import TYPE_CHECKING

from microsip_core.errors import FileError, InvalidArgument

from . import _native
from .wav import probe_wav

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CACHED_CLIPS = 32
_CACHED_SAMPLES = 32 << 20


class ClipCache:
    """Files already read: a thousand calls that play one announcement share its samples."""

    __slots__ = ("_clips", "_samples")

    def __init__(self) -> None:
        self._clips: OrderedDict[tuple[str, int, int, int], _native.Clip] = OrderedDict()
        self._samples = 0

    def load(self, path: str | PathLike[str], rate: int) -> _native.Clip:
        """Return a file's samples at ``rate`` Hz. Raises ``FileError`` or ``_native.NativeError``."""
        name = os.fspath(path)
        try:
            about = os.stat(name)
        except (OSError, ValueError) as error:
            raise FileError(f"{name}: {getattr(error, 'strerror', None) or error}", step="play") from error
        key = (name, about.st_mtime_ns, about.st_size, rate)
        clip = self._clips.get(key)
        if clip is not None:
            self._clips.move_to_end(key)
            return clip
        probe_wav(name)  # refuses the same files in the same words as the reference core
        clip = _native.Clip.load(name, rate)
        self._clips[key] = clip
        self._samples += clip.length
        while len(self._clips) > 1 and (len(self._clips) > _CACHED_CLIPS or self._samples > _CACHED_SAMPLES):
            self._samples -= self._clips.popitem(last=False)[1].length
        return clip


def flat_int16(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return samples as the native side takes them. Raises ``InvalidArgument`` for anything but a flat int16 array."""
    import numpy as np

    array = np.ascontiguousarray(samples)
    if array.dtype != np.int16 or array.ndim != 1 or not len(array):
        raise InvalidArgument("samples to play have to be a flat int16 array that is not empty", step="play")
    return array
