"""Start kamailio as an edge proxy in front of another one: it adds Path to registrations (RFC 3327)."""

from __future__ import annotations

from pathlib import Path

from .peers import HOST, Peer, free_udp_port, require, start

_EDGE = """\
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
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
modparam("rr", "append_fromtag", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (is_method("REGISTER")) {{
        add_path();
        $du = "sip:{host}:{registrar}";
        t_relay();
        exit;
    }}
    # what the registrar routes here by Path has no other Route: loose_route() removes that, and returns false
    if (loose_route() || $sp == {registrar}) {{
        if (is_method("INVITE")) {{ record_route(); }}
        t_relay();
        exit;
    }}
    if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (is_method("INVITE")) {{ record_route(); }}
    $du = "sip:{host}:{registrar}";
    t_relay();
}}
"""


def start_edge(folder: Path, registrar_port: int) -> Peer:
    """Start kamailio as the edge proxy in front of the registrar at that port of loopback."""
    program = require("kamailio", "kamailio")
    port = free_udp_port()
    home = folder / f"edge-{port}"
    home.mkdir()
    config = home / "kamailio.cfg"
    config.write_text(_EDGE.format(host=HOST, port=port, registrar=registrar_port))
    command = [program, "-f", str(config), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(home), "-w", str(home)]
    return start("kamailio", command, port, home / "log", home)
