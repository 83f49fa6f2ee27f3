"""SIGTERM of a program with the C-style API: it ends as by exit, so that calls are hung up and accounts unregistered.

Without a handler SIGTERM kills a process where it stands, and no exit handler runs. The handler here is only put where
there is none, and taken away with the engine; a program that handles SIGTERM itself keeps its own.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType


def exit_on_sigterm() -> None:
    """Have SIGTERM raise SystemExit (exit status 143), unless somebody handles it or we are on another thread."""
    if _may_set() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def forget_sigterm() -> None:
    """Leave SIGTERM to the system again, if it is still ours."""
    if _may_set() and signal.getsignal(signal.SIGTERM) is _exit:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _may_set() -> bool:
    return threading.current_thread() is threading.main_thread()


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
