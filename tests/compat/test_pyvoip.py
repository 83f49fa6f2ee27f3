"""Programs written for pyVoIP 1.6 run on this engine: what they play is heard, what they read and press is right."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from microsip_core.compat.pyvoip import (
    CallState,
    InvalidAccountInfoError,
    InvalidRangeError,
    InvalidStateError,
    PhoneStatus,
    VoIPCall,
    VoIPPhone,
)
from microsip_core.errors import Busy, InvalidState
from microsip_core.server import LoopbackServer

ROOT = Path(__file__).parent.parent.parent
TONE = (128 + 90 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.uint8).tobytes()
PATIENCE = 10.0


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def phone_at(server: LoopbackServer, user: str, callback: object = None, **extra: object) -> VoIPPhone:
    host, port = server.address
    return VoIPPhone(host, port, user, "secret", myIP="127.0.0.1", sipPort=free_udp_port(),
                     callCallback=callback, **extra)


@pytest.fixture
def caller(server: LoopbackServer) -> Iterator[VoIPPhone]:
    phone = phone_at(server, "caller")
    phone.start()
    yield phone
    phone.stop()


def until(call: VoIPCall, state: CallState) -> None:
    deadline = time.monotonic() + PATIENCE
    while call.state is not state:
        assert time.monotonic() < deadline, f"the call is {call.state}, not {state}"
        time.sleep(0.01)


def level(sound: bytes) -> float:
    return float(np.std(np.frombuffer(sound, np.uint8).astype(float) - 128))


def test_what_a_program_writes_comes_back_from_an_echo(caller: VoIPPhone) -> None:
    call = caller.call("echo")
    assert isinstance(call, VoIPCall)
    assert call.state in (CallState.DIALING, CallState.ANSWERED)
    until(call, CallState.ANSWERED)
    call.write_audio(TONE)
    heard = b"".join(call.read_audio(160) for _ in range(40))
    assert level(heard[-1600:]) > 40
    assert call.read_audio(160, blocking=False) is not None
    call.hangup()
    until(call, CallState.ENDED)
    assert call.read_audio(160) == b"\x80" * 160
    with pytest.raises(InvalidStateError, match="not answered"):
        call.hangup()


def test_a_bot_answers_in_its_own_thread_and_takes_digits(server: LoopbackServer, caller: VoIPPhone) -> None:
    seen: list[object] = []
    done = threading.Event()

    def menu(call: VoIPCall) -> None:
        try:
            seen.append(threading.current_thread().name.startswith("Phone Call"))
            seen.append(call.request.headers["From"]["number"])
            call.answer()
            call.write_audio(TONE * 3)
            while call.state == CallState.ANSWERED:
                digit = call.get_dtmf()
                if digit == "7":
                    call.hangup()
                    seen.append(digit)
                time.sleep(0.02)
        except InvalidStateError as error:
            seen.append(error)
        finally:
            done.set()

    bot = phone_at(server, "bot", menu)
    bot.start()
    try:
        call = caller.call("bot")
        until(call, CallState.ANSWERED)
        heard = b"".join(call.read_audio(160) for _ in range(50))
        assert level(heard[-1600:]) > 40
        with contextlib.suppress(InvalidState):  # the bot hangs up before the key is let go
            caller.on_loop(lambda: call._call.send_dtmf("7"))
        assert done.wait(PATIENCE)
        until(call, CallState.ENDED)
    finally:
        bot.stop()
    assert seen == [True, "caller", "7"]


def test_a_call_can_be_denied(server: LoopbackServer, caller: VoIPPhone) -> None:
    bot = phone_at(server, "bot", VoIPCall.deny)
    bot.start()
    call = caller.call("bot")
    until(call, CallState.ENDED)
    assert call._call.status == 486
    bot.stop()


def test_without_a_callback_a_phone_is_busy(server: LoopbackServer, caller: VoIPPhone) -> None:
    bot = phone_at(server, "bot")
    bot.start()
    call = caller.call("bot")
    until(call, CallState.ENDED)
    assert call._call.status == 486
    bot.stop()


def test_a_callback_that_fails_costs_its_call(server: LoopbackServer, caller: VoIPPhone) -> None:
    def broken(call: VoIPCall) -> None:
        call.answer()
        raise ValueError("a fault of the program")

    bot = phone_at(server, "bot", broken)
    bot.start()
    call = caller.call("bot")
    until(call, CallState.ENDED)
    bot.stop()


def test_an_unanswered_call_can_be_cancelled(server: LoopbackServer, caller: VoIPPhone) -> None:
    ringing, over = threading.Event(), threading.Event()
    states: list[CallState] = []

    def listen(call: VoIPCall) -> None:
        ringing.set()
        until(call, CallState.ENDED)
        states.append(call.state)
        with pytest.raises(InvalidStateError, match="not ringing"):
            call.answer()
        over.set()

    bot = phone_at(server, "bot", listen)
    bot.start()
    call = caller.call("bot")
    assert ringing.wait(PATIENCE)
    assert call.state is CallState.DIALING
    with pytest.raises(InvalidStateError, match="not answered"):
        call.hangup()
    call.cancel()
    until(call, CallState.ENDED)
    assert over.wait(PATIENCE)
    bot.stop()
    assert states == [CallState.ENDED]
    assert caller.calls == {}


def test_status_tells_where_the_phone_stands(server: LoopbackServer) -> None:
    phone = phone_at(server, "bot")
    assert phone.get_status() is PhoneStatus.INACTIVE
    with pytest.raises(RuntimeError, match="not started"):
        phone.call("echo")
    phone.start()
    assert phone.get_status() is PhoneStatus.REGISTERED
    assert server.registered("bot")
    with pytest.raises(RuntimeError, match="already"):
        phone.start()
    phone.stop()
    phone.stop()
    assert phone.get_status() is PhoneStatus.INACTIVE
    assert not server.registered("bot")


def test_a_wrong_password_fails_the_start(server: LoopbackServer) -> None:
    phone = phone_at(server, "bot")
    phone.password = "wrong"
    with pytest.raises(InvalidAccountInfoError, match="password"):
        phone.start()
    assert phone.get_status() is PhoneStatus.FAILED
    phone.password = "secret"
    phone.start()
    phone.stop()


def test_a_port_in_use_fails_the_start(server: LoopbackServer) -> None:
    phone = phone_at(server, "bot")
    taken = VoIPPhone(*server.address, "bot", "secret", myIP="127.0.0.1", sipPort=server.address[1])
    with pytest.raises(Busy):
        taken.start()
    assert "bot@127.0.0.1" in repr(phone)


@pytest.mark.parametrize("length", [0, -1, 8001])
def test_a_read_has_bounds(caller: VoIPPhone, length: int) -> None:
    call = caller.call("echo")
    with pytest.raises(ValueError, match="octets at a time"):
        call.read_audio(length)
    call.cancel()


def test_a_range_of_ports_has_its_order(server: LoopbackServer) -> None:
    with pytest.raises(InvalidRangeError):
        phone_at(server, "bot", rtpPortLow=20000, rtpPortHigh=10000)


def test_a_range_may_end_with_the_last_port(server: LoopbackServer) -> None:
    phone = phone_at(server, "bot", rtpPortLow=60_000, rtpPortHigh=65_535)
    phone.start()
    phone.stop()


def test_the_old_names_work_and_say_so(caller: VoIPPhone) -> None:
    call = caller.call("echo")
    until(call, CallState.ANSWERED)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call.writeAudio(TONE[:160])
        assert len(call.readAudio(160)) == 160
        assert call.getDTMF() == ""
        assert caller.getStatus() is PhoneStatus.REGISTERED
    assert [each.category for each in told] == [DeprecationWarning] * 4
    call.hangup()


PROGRAM = """
import time, sys
from microsip_core.compat.pyvoip import VoIPPhone, InvalidStateError, CallState

def answer(call):
    try:
        call.answer()
        call.write_audio(bytes(range(256)) * 10)
        while call.state == CallState.ANSWERED:
            time.sleep(0.05)
        print("the call has ended", flush=True)
    except InvalidStateError:
        pass

phone = VoIPPhone("127.0.0.1", int(sys.argv[1]), "bot", "secret", callCallback=answer, myIP="127.0.0.1",
                  sipPort=int(sys.argv[2]))
phone.start()
print("started", flush=True)
input()
phone.stop()
"""


def test_a_whole_program_runs_with_its_import_changed(
    server: LoopbackServer, caller: VoIPPhone, tmp_path: Path,
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program), str(server.address[1]), str(free_udp_port())], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        call = caller.call("bot")
        until(call, CallState.ANSWERED)
        call.hangup()
        assert process.stdout.readline() == "the call has ended\n"
        _, stderr = process.communicate("\n", timeout=PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert (process.returncode, stderr) == (0, "")
