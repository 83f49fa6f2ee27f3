"""The requests that a phone takes by name, with their arguments; apart, so that clients need not load a phone."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, dict[str, Any]] = {
    "command_line": {"line": str}, "launch": {"words": list}, "answer": {"call": int},
    "reject": {"call": int, "status": int}, "hangup": {"call": int}, "hangup_all": {"which": str},
    "hold": {"call": int, "on": bool}, "mute": {"call": int, "on": bool}, "dtmf": {"digits": str, "call": int},
    "transfer": {"target": str, "call": int}, "connect": {"call": int, "other": int},
    "message": {"target": str, "text": str},
    "wait": {"call": int, "state": str, "timeout": (int, float)}, "register": {"account": int}, "reload": {},
    "quit": {},
}
"""The requests of the control socket and the types of their arguments, all of which may be left out."""
