"""Hands a launch over to the running phone; loads no phone, so that it is quick."""

from __future__ import annotations

import time
from collections.abc import Sequence

from microsip_core.control.address import ControlAddress
from microsip_core.control.client import ControlClient
from microsip_core.control.launch import parse_launch
from microsip_core.errors import NotInitialized

_ATTEMPT = 0.05  # seconds between attempts to reach a phone that is starting


def hand_over(address: ControlAddress, words: Sequence[str], *, patience: float = 0.0, timeout: float = 40.0) -> str:
    """Have the running phone do what a launch asks for, and return what came of it.

    ``patience`` in seconds is for a phone that is starting. Raises NotInitialized when none runs, InvalidArgument for
    words that can not be read, which are not sent, and MicrosipError with the phone's code and words.
    """
    parse_launch(words)
    deadline = time.monotonic() + patience
    while True:
        try:
            with ControlClient(address, timeout) as client:
                return str(client.request("launch", words=list(words))["text"])
        except NotInitialized:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_ATTEMPT)
