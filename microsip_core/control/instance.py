"""The one running phone of a configuration, behind its control socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from microsip_core.control.address import InstanceLock, address_for
from microsip_core.control.launch import parse_launch, redact
from microsip_core.control.log import LOG
from microsip_core.control.phone import Phone
from microsip_core.control.server import ControlServer
from microsip_core.errors import MicrosipError
from microsip_core.user_agent.media_backend import MediaBackend


async def run_phone(
    path: Path, words: Sequence[str] = (), *, host: str = "127.0.0.1", media: MediaBackend | str | None = None,
    folder: Path | None = None, on_ready: Callable[[Phone, str], object] | None = None,
) -> None:
    """Run the phone of a configuration file until its socket asks it to end, or this is cancelled.

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
