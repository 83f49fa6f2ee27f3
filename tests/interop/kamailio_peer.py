"""Start kamailio 5.6 on loopback: as registrar and proxy, and as the edge proxy in front of one."""

from __future__ import annotations

from pathlib import Path

from .peers import HOST, Peer, free_udp_port, require, start

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
