"""Start and stop other vendors' SIP programs on loopback: sipp, baresip, kamailio, pyVoIP."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HOST = "127.0.0.1"
REQUIRED = os.environ.get("CI") == "true" or os.environ.get("MICROSIP_REQUIRE_INTEROP") == "1"
START_TIMEOUT = 15.0


def require(program: str, package: str) -> str:
    """Return the path of ``program``; skip with a plain word where it is missing, fail where CI must have it."""
    path = shutil.which(program)
    if path is None:
        _missing(f"{program} is not installed (Debian package {package})")
    return str(path)


def require_module(module: str, package: str) -> None:
    """The same for a Python module."""
    if importlib.util.find_spec(module) is None:
        _missing(f"the Python module {module} is not installed (PyPI package {package})")


def _missing(message: str) -> None:
    if REQUIRED:
        pytest.fail(message)
    pytest.skip(message)


def free_udp_port() -> int:
    """Return a UDP port of loopback that was free a moment ago, below those that systems give away by themselves."""
    while True:
        port = random.randrange(10_000, 20_000, 2)
        if not udp_port_taken(port):
            return port


def udp_port_taken(port: int, host: str = HOST) -> bool:
    """True when some process holds this UDP port of loopback."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False


@dataclass
class Peer:
    """A running program: its process, its SIP port and its log."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    extra: dict[str, str] = field(default_factory=dict)

    def output(self) -> str:
        """Return what the program has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def type(self, line: str) -> None:
        """Give the program a line of input; it must have been started with ``typed``."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, timeout: float) -> int:
        """Wait for the program to end by itself and return its exit status."""
        return self.process.wait(timeout)

    def stop(self) -> None:
        """End the program: SIGTERM, then SIGKILL after three seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(3)
        if self.process.stdin is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass  # it did not read its last line


def start(
    name: str, command: list[str], port: int, log: Path, cwd: Path, wait_for_port: bool = True, host: str = HOST,
    typed: bool = False, environment: dict[str, str] | None = None,
) -> Peer:
    """Start ``command`` and wait until it holds its UDP port; with ``typed`` it reads what :meth:`Peer.type` says."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE if typed else subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            cwd=cwd, env={**os.environ, **(environment or {})},
        )
    peer = Peer(name, process, port, log)
    deadline = time.monotonic() + START_TIMEOUT
    while wait_for_port and not udp_port_taken(port, host):
        if process.poll() is not None or time.monotonic() > deadline:
            peer.stop()
            pytest.fail(f"{name} did not start:\n{peer.output()[-2000:]}")
        time.sleep(0.05)
    return peer


async def printed(peer: Peer, words: str, seconds: float = 10.0) -> None:
    """Wait until the program has printed ``words``."""
    for _ in range(round(seconds / 0.05)):
        if words in peer.output():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{peer.name} did not print {words!r}:\n{peer.output()[-2000:]}")


# --- sipp ----------------------------------------------------------------------------------------------------------


def start_sipp(folder: Path, scenario: list[str], *arguments: str, target: str = "", media_port: int = 0) -> Peer:
    """Start sipp with a built-in or own scenario; ``target`` is the called HOST:PORT for client scenarios."""
    program = require("sipp", "sip-tester")
    port = free_udp_port()
    captures = folder / "pcap"  # where the built-in scenarios look for what they play
    if not captures.exists():
        captures.symlink_to("/usr/share/sip-tester", target_is_directory=True)
    command = [
        program, *scenario, "-i", HOST, "-p", str(port), "-mi", HOST, "-nostdin", "-timeout", "60s",
        *(["-mp", str(media_port)] if media_port else []), *arguments, *([target] if target else []),
    ]
    return start("sipp", command, port, folder / f"sipp-{port}.log", folder, wait_for_port=not target)


# --- baresip -------------------------------------------------------------------------------------------------------

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
    (home / "config").write_text(BARESIP_CONFIG.format(
        host=HOST, port=port, low=low, high=low + 98, modules=BARESIP_MODULES,
        media_modules="\n".join(f"module {name}.so" for name in modules)))
    account = f"<sip:{user}@{domain or f'{HOST}:{port}'};transport=udp>;answermode=auto;audio_codecs={codec}"
    account += f";auth_user={user};auth_pass={password};regint=60" if domain else ";regint=0"
    account += f";mediaenc={media_encryption}" if media_encryption else ""
    (home / "accounts").write_text(account + "\n")
    (home / "contacts").write_text("")
    typed = [word for command in commands for word in ("-e", command)]
    # no sound files: its ringback would take the loop device away from the call
    arguments = [program, "-f", str(home), "-p", str(home), "-s", "-t", str(seconds), *typed]
    return start("baresip", arguments, port, home / "log", home)


# --- kamailio ------------------------------------------------------------------------------------------------------

KAMAILIO_CONFIG = """\
#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
auto_aliases=no
listen=udp:{host}:{port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/:/usr/lib64/kamailio/modules/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("auth", "nonce_expire", {nonce_expire})
modparam("registrar", "min_expires", 5)
modparam("registrar", "default_expires", 60)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
modparam("rr", "append_fromtag", 1)
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_contact_flows")

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (has_totag()) {{
        if (loose_route()) {{
            # every request inside a dialog is challenged, BYE included: users trip over user agents that can not
            if (is_method("BYE") && !pv_proxy_authenticate("$fd", "{password}", "0")) {{
                proxy_challenge("$fd", "1"); exit;
            }}
            if (is_method("BYE")) {{ consume_credentials(); }}
            t_relay();
            exit;
        }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("$td", "{password}", "0")) {{ www_challenge("$td", "1"); exit; }}
        save("location"); exit;
    }}
    if (is_method("INVITE") && !pv_proxy_authenticate("$fd", "{password}", "0")) {{
        proxy_challenge("$fd", "1"); exit;
    }}
    if (is_method("INVITE")) {{ consume_credentials(); record_route(); }}
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    # contacts of one q are called at once, the groups one after the other
    if (is_method("INVITE")) {{ t_load_contacts(); t_next_contacts(); t_on_failure("NEXT"); }}
    t_relay();
}}

failure_route[NEXT] {{
    if (t_is_canceled()) {{ exit; }}
    if (t_next_contacts()) {{ t_on_failure("NEXT"); t_relay(); }}
}}
"""


def start_kamailio(folder: Path, *, password: str, nonce_expire: int = 300) -> Peer:
    """Start kamailio as registrar and record-routing, forking proxy that challenges REGISTER, INVITE and BYE."""
    program = require("kamailio", "kamailio")
    port = free_udp_port()
    home = folder / f"kamailio-{port}"
    home.mkdir()
    config = home / "kamailio.cfg"
    config.write_text(KAMAILIO_CONFIG.format(host=HOST, port=port, password=password, nonce_expire=nonce_expire))
    command = [program, "-f", str(config), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(home), "-w", str(home)]
    return start("kamailio", command, port, home / "log", home)


# --- pyVoIP --------------------------------------------------------------------------------------------------------


def start_pyvoip(folder: Path, *, user: str, password: str, registrar_port: int, call: str = "") -> Peer:
    """Start pyVoIP 1.6 as a phone that registers, echoes the audio of every call and, if asked, calls ``call``."""
    require_module("pyVoIP", "pyVoIP==1.6.8")
    port = free_udp_port()
    script = Path(__file__).with_name("pyvoip_phone.py")
    command = [sys.executable, str(script), user, password, str(registrar_port), str(port), call]
    return start("pyVoIP", command, port, folder / f"pyvoip-{port}.log", folder)
