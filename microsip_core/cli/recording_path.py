"""Where the recordings of several calls go: one file each in a directory, or numbered beside a file."""

from __future__ import annotations

import time
from pathlib import Path

from .checks import check_writable
from .exit_status import UsageError

_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_.")


class RecordingPaths:
    """Gives each call its file. ``target`` is a directory, there already or with a slash at its end, or a file."""

    def __init__(self, target: str) -> None:
        self._target = Path(target)
        self._is_directory = target.endswith("/") or self._target.is_dir()
        self._calls = 0

    def check(self) -> None:
        """Make the directory where it is missing. Raises UsageError where nothing can be written."""
        if not self._is_directory:
            check_writable(str(self._target), step="record")
            return
        try:
            self._target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(str(error.strerror), step="make the directory to record into", peer=str(self._target),
                             remedy="Choose another place") from error
        check_writable(str(self._target / "x.wav"), step="record")

    def path_for(self, peer: str, started: float) -> str:
        """Return a path that no other call has; in a directory it tells the time, the peer's user name and a number."""
        self._calls += 1
        if not self._is_directory:
            number = f"-{self._calls}" if self._calls > 1 else ""
            return str(self._target.with_name(f"{self._target.stem}{number}{self._target.suffix}"))
        moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(started))
        path = self._target / f"{moment}-{_user(peer)}-{self._calls}.wav"
        while path.exists():  # of another process that records into the same directory
            path = path.with_name(f"{path.stem}x.wav")
        return str(path)


def _user(uri: str) -> str:
    """Return the user part of a URI as it can stand in a file name: the peer chose it, so nothing else gets through."""
    user = uri.partition(":")[2].partition("@")[0].partition(";")[0]
    return "".join(char if char in _HARMLESS else "_" for char in user)[:60].lstrip(".") or "unknown"
