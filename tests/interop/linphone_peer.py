"""Start linphonec, the console phone of linphone 5.1, with files in place of a sound card, and type into it."""

from __future__ import annotations

from pathlib import Path

from certificates import Authority

from .peers import Peer, free_udp_port, require, start
from .stream_peers import free_port

_CONFIG = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
guess_hostname=1
ipv6=0
root_ca={ca}
verify_server_certs=1
verify_server_cn=1
register_only_when_network_is_up=0
keepalive_period=30000

[rtp]
audio_rtp_port={rtp}

[net]
mtu=1300

[misc]
store_friends=0
"""


def start_linphone(folder: Path, user: str, *, transport: str = "udp", authority: Authority | None = None) -> Peer:
    """Start linphonec for one transport. It plays and records WAV files; its commands are typed with ``Peer.type``."""
    program = require("linphonec", "linphone-cli")
    port = free_port()
    home = folder / f"linphone-{user}-{port}"
    (home / ".local/share/linphone").mkdir(parents=True)  # or it complains that it has no data base
    config = home / "linphonerc"
    ports = {name: port if name == transport else 0 for name in ("udp", "tcp", "tls")}
    config.write_text(_CONFIG.format(
        ca=authority.ca if authority is not None else "", rtp=free_udp_port(), **ports,
    ))
    peer = start(
        "linphone", [program, "-c", str(config), "-d", "0"], port, home / "log", home, typed=True,
        wait_for_port=transport == "udp", environment={"HOME": str(home), "XDG_DATA_HOME": str(home)},
    )
    peer.patience = 0.0
    peer.type("soundcard use files")
    return peer
