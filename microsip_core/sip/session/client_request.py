"""A request of ours until its final response, challenges answered on the way."""

from __future__ import annotations

from typing import Any


class ClientRequest:
    """A request under way, any method. What comes of it is told to the object that sent it."""

    method: str
    uri: str
    owner: Any
    """Free for the driver."""
