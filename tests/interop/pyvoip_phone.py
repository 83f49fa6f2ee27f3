"""A pyVoIP 1.6 phone in a process of its own: pyvoip_phone.py USER PASSWORD REGISTRAR_PORT PORT [CALLED_USER]."""

import sys
import time

from pyVoIP.VoIP import CallState, InvalidStateError, VoIPPhone

HOST = "127.0.0.1"
RUN_SECONDS = 40.0
FRAME = 160


def echo(call) -> None:
    """Send back what is heard until the call ends."""
    heard = 0
    while call.state == CallState.ANSWERED:
        frame = call.read_audio(FRAME, blocking=True)
        heard += any(sample not in (0x80, 0x7F, 0xFF) for sample in frame)
        call.write_audio(frame)
    print(f"ended, {heard} frames with sound", flush=True)


def answer(call) -> None:
    try:
        call.answer()
        print("answered", flush=True)
        echo(call)
    except InvalidStateError as error:
        print("refused:", error, flush=True)


def main() -> None:
    user, password, registrar_port, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    called = sys.argv[5] if len(sys.argv) > 5 else ""
    rtp = 21000 + (port % 100) * 100
    phone = VoIPPhone(
        HOST, registrar_port, user, password, myIP=HOST, callCallback=answer, sipPort=port,
        rtpPortLow=rtp, rtpPortHigh=rtp + 98,
    )
    phone.start()
    print("registered", flush=True)
    deadline = time.monotonic() + RUN_SECONDS
    try:
        if called:
            call = phone.call(called)
            while call.state == CallState.DIALING and time.monotonic() < deadline:
                time.sleep(0.05)
            print("outgoing call", call.state, flush=True)
            echo(call)
        while time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        phone.stop()


if __name__ == "__main__":
    main()
