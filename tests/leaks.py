"""What a test may have left behind."""

from __future__ import annotations

import os


def open_descriptors() -> set[str]:
    """Return the descriptors of this process, nothing where the system does not tell."""
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
