"""The one running phone of a configuration: runs it behind its control socket, and hands launches over to it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from microsip_core.control.address import ControlAddress, InstanceLock, address_for
from microsip_core.control.client import ControlClient
from microsip_core.control.launch import parse_launch, redact
from microsip_core.control.log import LOG
from microsip_core.control.phone import Phone
from microsip_core.control.server import ControlServer
from microsip_core.errors import MicrosipError, NotInitialized
from microsip_core.user_agent.media_backend import MediaBackend

_ATTEMPT = 0.05  # seconds between attempts to reach a phone that is starting


async def run_phone(
    path: Path, words: Sequence[str] = (), *, host: str = "127.0.0.1", media: MediaBackend | str | None = None,
    folder: Path | None = None, on_ready: Callable[[Phone, str], object] | None = None,
) -> None:
    """Run the phone of a configuration file until it is asked to end, by its socket, SIGINT or SIGTERM.

    ``words`` are those of the launch that started it; what comes of them goes to ``on_ready``. ``folder`` is that of
    the control socket. Raises Busy when that phone runs already, FileError, ConfigError, and what the words lead to
    when they can not be read.
    """
    launch = parse_launch(words)
    address = address_for(path, folder)
    with InstanceLock(address):
        phone = Phone(path, host=host, media=media)
        server = ControlServer(phone, address)
        phone.tell = server.publish
        try:
            await phone.start()
            await server.start()
            _end_on_signals(phone)
            LOG.info("the phone of %s runs: %s", path, redact(words))
            try:
                said = await phone.execute(launch)
            except MicrosipError as error:
                LOG.error("%s", error)
                said = str(error)
            if on_ready is not None:
                on_ready(phone, said)
            await phone.quit.wait()
        finally:
            await phone.close()
            await server.close()


def _end_on_signals(phone: Phone) -> None:
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        return  # Ctrl-C is a KeyboardInterrupt there
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, phone.quit.set)
        except (ValueError, RuntimeError):
            return  # not the main thread: its owner sees to signals


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
