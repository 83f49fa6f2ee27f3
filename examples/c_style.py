"""The C-style API: the program that a C programmer would write, in Python. It calls the echo of a loopback server.

    microsip loopback --listen 127.0.0.1:5070 --user alice:secret
    python examples/c_style.py 127.0.0.1:5070
"""

import sys
import time

from microsip_core import (
    sip_answer,
    sip_create_account,
    sip_hangup,
    sip_init,
    sip_invite,
    sip_set_proxy,
    sip_shutdown,
    sip_strerror,
)

server = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5070"

sip_init()
sip_create_account(f"sip:alice@{server}", "secret")
sip_set_proxy(f"sip:{server}")
call = sip_invite(f"sip:echo@{server}", "audio")
if call < 0:
    sys.exit(f"no call: {sip_strerror(call)}")
print("call", call, "is answered; answering ours says:", sip_strerror(sip_answer()))
time.sleep(1)
print("hung up:", sip_strerror(sip_hangup()))
sip_shutdown()
