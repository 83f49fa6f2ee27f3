"""Where the configuration lives on each platform, and what an instance of it is called."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "MicroSIP.ini"


def configuration_folder(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the folder of the configuration: in %APPDATA%, Application Support, or $XDG_CONFIG_HOME."""
    environ = os.environ if environ is None else environ
    home = Path(environ.get("HOME") or Path.home())
    if platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData" / "Roaming") / "MicroSIP"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "MicroSIP"
    return _absolute(environ.get("XDG_CONFIG_HOME"), home / ".config") / "microsip"


def configuration_file(
    named: str | None = None, environ: Mapping[str, str] | None = None, platform: str = sys.platform,
    folder: Path | None = None,
) -> Path:
    """Return the configuration file: the one that ``/i:FILE`` names, as seen from ``folder``, or the platform's own."""
    if not named:
        return configuration_folder(environ, platform) / FILE_NAME
    return Path(os.path.abspath((folder or Path.cwd()) / Path(named).expanduser()))


def runtime_folder(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the folder of sockets and tokens: the user's own, gone with the session where the platform has one."""
    environ = os.environ if environ is None else environ
    if platform in ("win32", "darwin"):
        return configuration_folder(environ, platform) / "run"
    user = os.getuid() if hasattr(os, "getuid") else 0
    given = _absolute(environ.get("XDG_RUNTIME_DIR"), Path())
    return given / "microsip" if given != Path() else Path(tempfile.gettempdir()) / f"microsip-{user}"


def instance_name(file: Path) -> str:
    """Return the name of the instance that a configuration file has: short, the same for each way to write its path."""
    path = os.path.normcase(os.path.realpath(file))
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", Path(path).stem)[:24] or "instance"
    return f"{stem}-{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _absolute(text: str | None, default: Path) -> Path:
    """A relative path in an XDG variable counts as none (XDG Base Directory Specification)."""
    return Path(text) if text and Path(text).is_absolute() else default
