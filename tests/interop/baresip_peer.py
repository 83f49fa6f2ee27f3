"""Start baresip 1.0 on loopback, and give it commands while it runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from .peers import HOST, Peer, free_udp_port, require, start

BARESIP_CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
net_interface {host}
call_local_timeout 30
call_max_calls 4
audio_player aubridge,loop
audio_source aubridge,loop
audio_alert aubridge,ring
rtp_ports {low}-{high}
module_path {modules}
{media_modules}
module aubridge.so
module_tmp account.so
module_app menu.so
"""
_CONTROL = "module_app ctrl_tcp.so\nctrl_tcp_listen {host}:{control}\n"
BARESIP_MODULES = "/usr/lib/baresip/modules"


def start_baresip(
    folder: Path, user: str, *, domain: str = "", password: str = "", commands: tuple[str, ...] = (),
    codec: str = "pcmu/8000/1", seconds: int = 40, modules: tuple[str, ...] = ("g711",), media_encryption: str = "",
) -> Peer:
    """Start baresip as a user agent that answers every call and loops its audio back.

    With ``domain`` (HOST:PORT) and ``password`` it registers there; ``commands`` are typed into its menu at start,
    such as ``d sip:echo@127.0.0.1:5060`` to dial. ``modules`` are those of codecs and encryption, ``media_encryption``
    is "srtp" (keys with RTP/AVP), "srtp-mand" (RTP/SAVP and nothing else) or "srtp-mandf" (RTP/SAVPF and nothing else).
    """
    program = require("baresip", "baresip-core")
    port = free_udp_port()
    low = 20000 + (port % 200) * 100
    home = folder / f"baresip-{user}-{port}"
    home.mkdir()
    control = free_udp_port()
    (home / "config").write_text((BARESIP_CONFIG + _CONTROL).format(
        host=HOST, port=port, low=low, high=low + 98, modules=BARESIP_MODULES, control=control,
        media_modules="\n".join(f"module {name}.so" for name in modules)))
    account = f"<sip:{user}@{domain or f'{HOST}:{port}'};transport=udp>;answermode=auto;audio_codecs={codec}"
    account += f";auth_user={user};auth_pass={password};regint=60" if domain else ";regint=0"
    account += f";mediaenc={media_encryption}" if media_encryption else ""
    (home / "accounts").write_text(account + "\n")
    (home / "contacts").write_text("")
    typed = [word for command in commands for word in ("-e", command)]
    # no sound files: its ringback would take the loop device away from the call
    arguments = [program, "-f", str(home), "-p", str(home), "-s", "-t", str(seconds), *typed]
    peer = start("baresip", arguments, port, home / "log", home)
    peer.extra["control"] = str(control)
    return peer


async def command(baresip: Peer, name: str, words: str = "") -> None:
    """Give a command of its menu, without the slash, by its control port (netstrings of JSON)."""
    reader, writer = await asyncio.open_connection(HOST, int(baresip.extra["control"]))
    message = json.dumps({"command": name, "params": words}).encode()
    writer.write(b"%d:%s," % (len(message), message))
    async with asyncio.timeout(5):
        while True:
            length = int((await reader.readuntil(b":"))[:-1])
            answer = json.loads((await reader.readexactly(length + 1))[:-1])
            if answer.get("response"):
                assert answer["ok"], answer
                break
    writer.close()
    await writer.wait_closed()
