"""Start peers that speak SIP over TCP, TLS and WebSocket: sipp, baresip, kamailio."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from certificates import Authority

from .baresip_peer import BARESIP_CONFIG, BARESIP_MODULES
from .kamailio_peer import KAMAILIO_CONFIG
from .peers import HOST, START_TIMEOUT, Peer, free_udp_port, require, start


def free_port() -> int:
    """Return a port that was free a moment ago for UDP and TCP, as was the one behind it."""
    while True:
        port = free_udp_port()
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                for number in (port, port + 1):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind((HOST, number))
        except (OSError, OverflowError):
            continue
        return port


def wait_for_tcp(peer: Peer, port: int) -> Peer:
    """Wait until the peer takes connections at ``port``."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return peer
        if peer.process.poll() is not None or time.monotonic() > deadline:
            peer.stop()
            pytest.fail(f"{peer.name} did not listen for TCP:\n{peer.output()[-2000:]}")
        time.sleep(0.05)


def start_tcp_sipp(folder: Path, *arguments: str, target: str = "") -> Peer:
    """Start sipp over TCP; ``arguments`` have the scenario and -t t1 (one connection) or tn (one a call)."""
    program = require("sipp", "sip-tester")
    port = free_port()
    command = [
        program, *arguments, "-i", HOST, "-p", str(port), "-mi", HOST, "-nostdin", "-timeout", "60s",
        "-max_socket", "1000", *([target] if target else []),
    ]
    peer = start("sipp", command, port, folder / f"sipp-{port}.log", folder, wait_for_port=False)
    return peer if target else wait_for_tcp(peer, port)


def start_stream_baresip(
    folder: Path, user: str, transport: str, authority: Authority, *, registrar: str = "", password: str = "",
    command: str = "", seconds: int = 30,
) -> Peer:
    """Start baresip with a TLS certificate; its TLS port is its port plus one. It answers and loops the audio back.

    ``registrar`` (HOST:PORT) is where it registers over ``transport``; ``command`` is typed into its menu.
    """
    program = require("baresip", "baresip-core")
    port = free_port()
    low = 20000 + (port % 200) * 100
    home = folder / f"baresip-{user}-{port}"
    home.mkdir()
    config = BARESIP_CONFIG.format(
        host=HOST, port=port, low=low, high=low + 98, modules=BARESIP_MODULES, media_modules="module g711.so",
    )
    config += f"sip_certificate {authority.issue(HOST)}\nsip_cafile {authority.ca}\n"
    (home / "config").write_text(config)
    own_port = port + 1 if transport == "tls" else port
    account = f"<sip:{user}@{registrar or f'{HOST}:{own_port}'};transport={transport}>;answermode=auto"
    account += f";auth_user={user};auth_pass={password};regint=60" if registrar else ";regint=0"
    (home / "accounts").write_text(account + "\n")
    (home / "contacts").write_text("")
    arguments = [program, "-f", str(home), "-p", str(home), "-s", "-t", str(seconds)]
    if command:
        arguments += ["-e", command]
    return wait_for_tcp(start("baresip", arguments, port, home / "log", home), own_port)


_STREAMS = """\
listen=tcp:{host}:{port}
listen=tls:{host}:{tls}
enable_tls=yes
tcp_accept_no_cl=yes
loadmodule "tls.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{certificate}")
modparam("tls", "ca_list", "{ca}")
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")

event_route[xhttp:request] {{
    if ($hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) {{ exit; }}
    xhttp_reply("404", "Not Found", "", "");
}}
"""


def start_stream_kamailio(folder: Path, authority: Authority, *, password: str) -> Peer:
    """Start kamailio for UDP, TCP and WebSocket at its port, for TLS and secure WebSocket at ``extra["tls"]``.

    It reaches registered phones, and the peers of dialogs, by their connections.
    """
    program = require("kamailio", "kamailio")
    modules = [Path(f"/usr/lib/{system}/kamailio/modules") for system in ("x86_64-linux-gnu", "aarch64-linux-gnu")]
    for module, package in (("tls", "kamailio-tls-modules"), ("websocket", "kamailio-websocket-modules")):
        if not any((folder_ / f"{module}.so").exists() for folder_ in modules):
            require(f"{module}.so", package)
    port, tls = free_port(), free_port()
    home = folder / f"kamailio-{port}"
    home.mkdir()
    text = KAMAILIO_CONFIG.format(host=HOST, port=port, password=password, nonce_expire=300)
    streams = _STREAMS.format(
        host=HOST, port=port, tls=tls, certificate=authority.issue(HOST, "localhost"), ca=authority.ca,
    )
    listen, loaded = streams.partition("loadmodule")[0], "loadmodule" + streams.partition("loadmodule")[2]
    text = text.replace("mpath=", f"{listen}mpath=", 1)
    text = text.replace("\nrequest_route {", f"\n{loaded}\nrequest_route {{", 1)
    text = text.replace('save("location")', 'fix_nated_register(); save("location")')
    text = text.replace("    if (has_totag()) {", "    if (!is_method(\"REGISTER\")) { add_contact_alias(); }\n"
                        "    if (has_totag()) {", 1)
    text = text.replace("if (loose_route()) {", "if (loose_route()) {\n            handle_ruri_alias();", 1)
    text = text.replace("    t_relay();\n}\n\nfailure", "    t_on_reply(\"ALIAS\");\n    t_relay();\n}\n"
                        "onreply_route[ALIAS] { add_contact_alias(); }\n\nfailure", 1)
    config = home / "kamailio.cfg"
    config.write_text(text)
    command = [program, "-f", str(config), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(home), "-w", str(home)]
    peer = start("kamailio", command, port, home / "log", home)
    peer.extra["tls"] = str(tls)
    return wait_for_tcp(wait_for_tcp(peer, port), tls)
