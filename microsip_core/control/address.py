"""Where the control socket of an instance is, and that only one phone runs for it: socket, token file and lock."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from microsip_core.config.atomic_write import write_atomically
from microsip_core.config.paths import instance_name, runtime_folder
from microsip_core.control.frames import from_json, to_json
from microsip_core.errors import Busy, FileError, ParseError, PermissionDenied

LONGEST_SOCKET_PATH = 100
"""Octets; systems take 104 to 108."""


@dataclass(frozen=True, slots=True)
class ControlAddress:
    """The files of an instance. Where the system has no Unix sockets, ``token`` tells a port and what to say there."""

    folder: Path
    name: str
    unix: bool = hasattr(os, "getuid") and sys.platform != "win32"

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return self.folder / f"{self.name}.sock"

    @property
    def token(self) -> Path:
        """The file with port and token of a TCP socket."""
        return self.folder / f"{self.name}.token"

    @property
    def lock(self) -> Path:
        """The file that the running phone holds locked."""
        return self.folder / f"{self.name}.lock"

    def make_folder(self) -> None:
        """Make the folder for its owner only. Raises PermissionDenied when it is somebody else's, FileError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.unix:
                return
            status = self.folder.lstat()
            if status.st_uid != os.getuid():
                raise PermissionDenied("the folder belongs to somebody else", step="open the control socket",
                                       peer=str(self.folder), remedy="Set XDG_RUNTIME_DIR to a folder of your own")
            if not self.folder.is_dir() or self.folder.is_symlink():
                raise PermissionDenied("this is no folder", step="open the control socket", peer=str(self.folder))
            if status.st_mode & 0o077:
                self.folder.chmod(0o700)
        except OSError as error:
            raise FileError(error.strerror or str(error), step="open the control socket",
                            peer=str(self.folder)) from error


def address_for(configuration: Path, folder: Path | None = None) -> ControlAddress:
    """Return the address of the phone that runs with a configuration file."""
    folder = folder or runtime_folder()
    name = instance_name(configuration)
    unix = ControlAddress(folder, name).unix and len(os.fsencode(folder / name)) + 5 <= LONGEST_SOCKET_PATH
    return ControlAddress(folder, name, unix)


def write_token(path: Path, port: int) -> str:
    """Write port and a new token into a file that only its owner can read; return the token."""
    token = secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)  # its mode would be kept
    write_atomically(path, to_json({"port": port, "token": token}))
    return token


def read_token(path: Path) -> tuple[int, str]:
    """Return port and token. Raises FileNotFoundError without a phone, PermissionDenied for a file open to others."""
    if os.name == "posix":
        status = path.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise PermissionDenied("the token file is open to others", step="find the phone", peer=str(path))
    value = from_json(path.read_bytes())
    port, token = value.get("port"), value.get("token")
    if not isinstance(port, int) or not isinstance(token, str):
        raise ParseError("the token file holds no port and token", step="find the phone", peer=str(path))
    return port, token


class InstanceLock:
    """Held by the one phone that runs for an address; the system frees it when the process ends, however it ends."""

    def __init__(self, address: ControlAddress) -> None:
        self._address = address
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock. Raises Busy when a phone runs already, FileError."""
        self._address.make_folder()
        try:
            file = open(self._address.lock, "ab")  # noqa: SIM115 (held as long as the phone runs)
        except OSError as error:
            raise FileError(error.strerror or str(error), step="lock the instance",
                            peer=str(self._address.lock)) from error
        try:
            _lock(file)
        except OSError:
            file.close()
            raise Busy("a phone runs for this configuration already", step="lock the instance",
                       peer=self._address.name) from None
        self._file = file

    def release(self) -> None:
        """Let the lock go; may be called again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> InstanceLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
