"""Writing a file whole or not at all, readable by its owner only unless it was open to others before."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from microsip_core.errors import FileError


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file in one step; its mode is kept, a new one gets 0600. Makes the folder. Raises FileError."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise FileError(error.strerror or str(error), step="write", peer=str(path)) from error
