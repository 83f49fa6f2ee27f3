"""The C-style functions against the loopback server: what they return, and what they do."""

from __future__ import annotations

import asyncio
import threading
import time
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microsip_core as sip
from microsip_core.c_api import functions
from microsip_core.c_api.structures import SipAccount, SipEvent, SipSession
from microsip_core.errors import ErrorCode
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.user_agent import UserAgent

from .conftest import ServerThread

REGISTERED, FAILED = 2, 4


class OtherSide:
    """A user agent on a thread of its own, for calls to and from the engine."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.agent = self.run(self._start())
        self.uri = "sip:other@{}:{}".format(*self.agent.listen_address)

    async def _start(self) -> UserAgent:
        return await UserAgent(media="none").start()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def call(self, uri: str) -> Call:
        """Start a call, and let it ring."""

        async def start() -> Call:
            call = self.agent.start_call(uri)
            await call.wait("ringing", 5)
            return call

        return self.run(start())  # type: ignore[no-any-return]

    def close(self) -> None:
        self.run(self.agent.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture
def other() -> Iterator[OtherSide]:
    side = OtherSide()
    yield side
    side.close()


@pytest.fixture
def own_uri(engine: None) -> str:
    """Where the engine can be called."""
    from microsip_core.c_api.engine import running_engine

    return "sip:me@{}:{}".format(*running_engine().agent.listen_address)


def wait_for_event(kind: str, timeout: float = 5) -> SipEvent:
    event = sip.sip_event_wait(kind, timeout)
    assert event is not None, f"no {kind}"
    return event


def test_seed_program(server: ServerThread) -> None:
    assert sip.sip_init() == 0
    assert sip.sip_create_account(server.uri("user"), "password") == 1
    assert sip.sip_set_proxy(server.uri("proxy")) == 0
    call = sip.sip_invite(server.uri("echo"), "audio")
    assert call == 1, sip.sip_error_text()
    info = sip.sip_get_call_info()
    assert isinstance(info, SipSession)
    assert (info.state, info.codec, info.account, info.last_status) == ("active", "PCMU", 1, 200)
    assert sip.sip_registration_state() == REGISTERED
    assert sip.sip_answer() == ErrorCode.SIP_ENOCALL
    assert sip.sip_hangup() == 0
    info = sip.sip_get_call_info(call)
    assert isinstance(info, SipSession)
    assert (info.state, info.ended_by, info.end_cause) == ("ended", "local", "normal")
    assert sip.sip_hangup() == ErrorCode.SIP_ENOCALL
    assert sip.sip_shutdown() == 0
    assert server.registered("user") == []


def test_without_engine_every_function_says_so() -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "sip_create_account": ("sip:a@b",), "sip_set_proxy": ("sip:p",), "sip_invite": ("sip:a@b",),
        "sip_invite_nowait": ("sip:a@b",), "sip_send_dtmf": (1, "1"), "sip_recv_dtmf": (1, 1), "sip_wait_call": (1,),
        "sip_set_credentials": ("a", "b"), "sip_set_display_name": ("a",), "sip_set_default_account": (1,),
        "sip_set_registrar": ("sip:r",), "sip_media_play": (1, "a.wav"), "sip_media_record": (1, "a.wav"),
        "sip_media_play_tone": (1, [440]), "sip_media_read": (1, array("h", [0])),
        "sip_media_write": (1, array("h", [0])), "sip_set_callback": (print,), "sip_event_wait": (None, 0),
        "sip_transfer": (1, "sip:a@b"), "sip_attended_transfer": (1, 2), "sip_message": ("sip:a@b", "hello"),
        "sip_options": ("sip:a@b",), "sip_send_request": ("INFO", "sip:a@b"), "sip_info": (1,),
        "sip_send_response": (1,), "sip_redirect": (1, "sip:a@b"),
        "sip_conference_add": (1,), "sip_conference_remove": (1,), "sip_conference_end": (1,),
        "sip_conference_info": (1,), "sip_conference_mute": (1,), "sip_conference_set_gain": (1,),
        "sip_codec_set_priority": ("PCMA", 1), "sip_load_config": ("a.ini",), "sip_save_config": ("a.ini",),
        "sip_set_option": ("DND", "1"), "sip_get_option": ("DND",), "sip_set_dialplan": ("x.",),
        "sip_normalize_number": ("1",), "sip_set_auto_answer": ("all",), "sip_set_deny": ("all",),
        "sip_set_forward": ("all", "sip:a@b"), "sip_transport_add": ("udp",), "sip_transport_close": (1,),
        "sip_set_stun": ("127.0.0.1",), "sip_set_srtp": ("off",), "sip_typing": ("sip:a@b",),
        "sip_publish": ("open",), "sip_subscribe": ("sip:a@b",), "sip_unsubscribe": (1,),
        "sip_get_presence": ("sip:a@b",), "sip_media_set_volume": (1,),
    }
    harmless = {
        "sip_init", "sip_is_running", "sip_version", "sip_strerror", "sip_errno", "sip_error_text", "sip_status_text",
        "sip_parse", "sip_parse_uri", "sip_build", "sip_set_log", "sip_event_free",
    }
    for name in functions.__all__:
        if not name.startswith("sip_") or name in harmless:
            continue
        result = getattr(sip, name)(*arguments.get(name, ()))
        expected = None if name in ("sip_poll", "sip_event_wait") else ErrorCode.SIP_ENOTINIT
        assert result == expected, name
        assert sip.sip_errno() == ErrorCode.SIP_ENOTINIT
    assert sip.sip_is_running() == 0
    assert "sip_init" in sip.sip_strerror(ErrorCode.SIP_ENOTINIT)


BAD: list[Any] = [None, 7.5, object(), [], b"\xff\xfe", "\r\n", -1, 2**70, ""]


def test_every_function_survives_every_kind_of_bad_argument(engine: None) -> None:
    needed = {"sip_media_play": 2, "sip_media_record": 2, "sip_media_play_tone": 2, "sip_media_read": 2,
              "sip_media_write": 2, "sip_send_dtmf": 2, "sip_recv_dtmf": 2, "sip_set_credentials": 2,
              "sip_transfer": 2, "sip_attended_transfer": 2, "sip_message": 2, "sip_redirect": 2, "sip_send_request": 2,
              "sip_codec_set_priority": 2, "sip_set_option": 2, "sip_set_forward": 2, "sip_media_set_volume": 2}
    for name in functions.__all__:
        if not name.startswith("sip_") or name in ("sip_poll", "sip_event_wait", "sip_shutdown", "sip_version",
                                                   "sip_is_running", "sip_list_calls", "sip_list_accounts",
                                                   "sip_current_call", "sip_errno", "sip_error_text",
                                                   "sip_network_changed", "sip_event_free", "sip_set_dnd",
                                                   "sip_transport_list", "sip_codec_list", "sip_media_list_devices",
                                                   "sip_media_set_null"):
            continue
        for bad in BAD:
            result = getattr(sip, name)(*[bad] * needed.get(name, 1))
            assert isinstance(result, (int, str)), (name, bad)
            lenient = ("sip_set_proxy", "sip_set_callback", "sip_init", "sip_set_stun", "sip_set_tls",
                       "sip_set_dialplan", "sip_media_set_devices")  # None or "" has a meaning there
            allowed = {ErrorCode.SIP_OK} if name in lenient and bad in (None, "") else set()
            if isinstance(result, int) and name not in ("sip_hangup_all",):
                assert result < 0 or result in allowed, (name, bad, result)
                assert result != ErrorCode.SIP_ERROR, (name, bad, sip.sip_error_text())


def test_init_twice_and_bad_settings(engine: None) -> None:
    assert sip.sip_init() == ErrorCode.SIP_EALREADY
    assert sip.sip_is_running() == 1
    assert sip.sip_shutdown() == 0
    assert sip.sip_shutdown() == ErrorCode.SIP_ENOTINIT
    assert sip.sip_init({"listne": "127.0.0.1:0"}) == ErrorCode.SIP_ECONFIG
    assert "listne" in sip.sip_error_text()
    assert sip.sip_init({"codecs": ["MORSE"]}) == ErrorCode.SIP_ECODEC
    assert sip.sip_init({"listen": "192.0.2.1:0", "media": "none"}) == ErrorCode.SIP_ENETWORK
    assert sip.sip_is_running() == 0
    assert threading.active_count() < 20
    assert sip.sip_init({"listen": "127.0.0.1:0", "media": "none"}) == 0


def test_port_in_use(other: OtherSide) -> None:
    assert sip.sip_init({"listen": other.uri.partition("@")[2]}) == ErrorCode.SIP_EBUSY
    assert "another port" in sip.sip_error_text()
    assert sip.sip_is_running() == 0


def test_accounts(engine: None, server: ServerThread) -> None:
    assert sip.sip_list_accounts() == []
    assert sip.sip_get_account_info() == ErrorCode.SIP_ENOACCOUNT
    first = sip.sip_create_account(server.uri("user"), "password")
    second = sip.sip_create_account(server.uri("other"), "wrong")
    assert [first, second] == sip.sip_list_accounts() == [1, 2]
    assert wait_for_event("registered").account == first
    failed = wait_for_event("register_failed")
    assert (failed.account, failed.status) == (second, 401)
    assert sip.sip_registration_state(first) == REGISTERED
    assert sip.sip_registration_state(second) == FAILED
    assert sip.sip_register(second) == ErrorCode.SIP_EAUTH
    assert sip.sip_set_credentials("other", "secret", second) == 0
    wait_for_event("registered")
    info = sip.sip_get_account_info(second)
    assert isinstance(info, SipAccount)
    assert (info.state, info.last_status, info.aor) == ("registered", 200, server.uri("other"))
    assert 0 < info.expires <= 300
    assert sip.sip_register(second, 60) == 0
    assert sip.sip_get_account_info(second).expires <= 60  # type: ignore[union-attr]
    assert sip.sip_set_default_account(second) == 0
    assert sip.sip_list_accounts() == [2, 1]
    assert sip.sip_set_display_name("Second", second) == 0
    assert sip.sip_unregister() == 0
    assert sip.sip_registration_state() == 0
    assert server.registered("other") == []
    assert sip.sip_set_registrar(f"sip:127.0.0.1:{server.port}") == 0
    assert sip.sip_register() == 0
    assert sip.sip_delete_account(second) == 0
    assert sip.sip_delete_account(second) == ErrorCode.SIP_ENOACCOUNT
    assert sip.sip_list_accounts() == [1]


def test_invite_returns_why_it_failed(engine: None, server: ServerThread, other: OtherSide) -> None:
    assert sip.sip_invite(server.uri("busy")) == -1486
    assert "busy" in sip.sip_strerror(-1486) or "486" in sip.sip_strerror(-1486)
    assert sip.sip_errno() == -1486
    assert "busy" in sip.sip_error_text()
    assert sip.sip_last_status() == 486
    assert sip.sip_invite(server.uri("nobody")) == -1404
    assert sip.sip_invite("sip:a@nowhere.invalid") == ErrorCode.SIP_EDNS
    assert sip.sip_invite("nonsense") == ErrorCode.SIP_EINVAL
    assert sip.sip_invite(other.uri, "smell") == ErrorCode.SIP_EINVAL
    assert sip.sip_invite(other.uri, "audio,video") == ErrorCode.SIP_ENOTSUP
    assert sip.sip_invite(other.uri, "audio", 77) == ErrorCode.SIP_ENOACCOUNT
    assert sip.sip_list_calls() == []


def test_invite_after_a_registration_that_fails(engine: None, server: ServerThread, other: OtherSide) -> None:
    sip.sip_create_account(server.uri("user"), "wrong")
    assert sip.sip_invite(server.uri("echo")) == ErrorCode.SIP_EAUTH
    assert sip.sip_invite(server.uri("echo")) == ErrorCode.SIP_EAUTH  # and when it has failed long ago
    assert sip.sip_delete_account() == 0
    sip.sip_create_account(other.uri, "x")  # a peer that is no registrar: 405
    other.run(_answer_all(other.agent))
    assert sip.sip_invite(other.uri) > 0


async def _answer_all(agent: UserAgent) -> None:
    agent.on_incoming = lambda call: call.answer()


def test_nowait_and_wait_call(engine: None, server: ServerThread) -> None:
    call = sip.sip_invite_nowait(server.uri("slow"))
    assert call == 1
    assert sip.sip_wait_call(call, "active", 0.01) == ErrorCode.SIP_ETIMEOUT
    assert sip.sip_wait_call(call, "dreaming", 0.01) == ErrorCode.SIP_EINVAL
    assert sip.sip_wait_call(99, "active", 0.01) == ErrorCode.SIP_ENOCALL
    assert sip.sip_wait_call(call, "ringing", 5) == 0
    assert sip.sip_current_call() == call
    assert sip.sip_cancel(call) == 0
    assert sip.sip_cancel(call) == ErrorCode.SIP_ESTATE
    assert sip.sip_wait_call(call, "active", 1) == ErrorCode.SIP_ECANCELED
    assert sip.sip_wait_call(call, "ended", 1) == 0


def test_answer_reject_and_refuse_incoming_calls(own_uri: str, other: OtherSide) -> None:
    theirs = other.call(own_uri)
    incoming = wait_for_event("call_incoming")
    assert incoming.call == 1
    assert sip.sip_answer() == 1
    wait_for_event("call_started")
    assert sip.sip_get_call_info(1).direction == "incoming"  # type: ignore[union-attr]
    assert theirs.state == "active"
    assert sip.sip_hangup() == 0
    second, third, fourth = (other.call(own_uri) for _ in range(3))
    assert sip.sip_list_calls() == [2, 3, 4]
    assert sip.sip_ringing(2) == 0
    assert sip.sip_reject(3) == 0
    assert sip.sip_reject(0, 404, "Gone Fishing") == 0
    assert sip.sip_answer(4, 603) == 4
    codes = [call.error.code for call in (second, third, fourth)
             if other.run(_ended(call)) and call.error is not None]
    assert codes == [-1404, -1486, -1603]
    assert sip.sip_answer(4) == ErrorCode.SIP_ESTATE
    assert sip.sip_answer(0, 250) == ErrorCode.SIP_EINVAL
    assert sip.sip_reject() == ErrorCode.SIP_ENOCALL


async def _ended(call: Call) -> bool:
    await call.wait_ended(5)
    return True


def test_hangup_all(own_uri: str, server: ServerThread, other: OtherSide) -> None:
    assert sip.sip_invite(server.uri("sink")) == 1
    other.call(own_uri)
    calling = sip.sip_invite_nowait(server.uri("noanswer"))
    assert sip.sip_hangup_all("everything") == ErrorCode.SIP_EINVAL
    assert sip.sip_hangup_all("calling") == 1
    assert sip.sip_wait_call(calling, "ended", 2) == 0
    assert sip.sip_hangup_all("incoming") == 1
    assert sip.sip_list_calls() == [1]
    assert sip.sip_hangup_all() == 1
    assert sip.sip_hangup_all() == 0


def test_sound(engine: None, server: ServerThread, tmp_path: Path) -> None:
    tone = (6000 * np.sin(2 * np.pi * 600 * np.arange(8000) / 8000)).astype(np.int16)
    with wave.open(str(tmp_path / "in.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    call = sip.sip_invite(server.uri("echo"))
    assert sip.sip_media_record(call, str(tmp_path / "out.wav")) == 0
    assert sip.sip_media_play(call, str(tmp_path / "in.wav")) == 0
    assert wait_for_event("playback_finished").text == "finished"
    assert sip.sip_media_play(call, str(tmp_path / "missing.wav")) == ErrorCode.SIP_EIO
    assert sip.sip_media_stop_record(call) == 0
    with wave.open(str(tmp_path / "out.wav")) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).reshape(-1, 2)
    assert np.abs(both[:, 1]).max() > 4000  # the echo came back
    assert sip.sip_media_write(call, tone) == len(tone)
    heard = array("h", bytes(3200))
    assert sip.sip_media_read(call, heard, 0) == 0
    deadline = time.monotonic() + 3
    while (count := sip.sip_media_read(call, heard)) < 160 and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert count >= 160
    assert sip.sip_media_play_tone(call, [697, 1209], 100) == 0
    assert sip.sip_media_stop_play(call) == 0
    assert sip.sip_mute(call) == 0
    assert sip.sip_network_changed() == 0  # the same network again: the call goes on
    assert sip.sip_get_call_info(call).muted is True  # type: ignore[union-attr]
    assert sip.sip_unmute(call) == 0
    statistics = sip.sip_media_stats(call)
    assert statistics.receive.packets > 20  # type: ignore[union-attr]
    assert sip.sip_hangup() == 0
    assert sip.sip_media_play(call, "x.wav") == ErrorCode.SIP_ESTATE
    assert sip.sip_media_stats(call).receive.packets > 20  # type: ignore[union-attr]


def test_dtmf(engine: None, server: ServerThread) -> None:
    call = sip.sip_invite(server.uri("dtmf"))
    assert sip.sip_send_dtmf(call, "12#", ms=80) == 0
    assert sip.sip_recv_dtmf(call, 3, 5) == "12#"
    assert sip.sip_recv_dtmf(call, 1, 0.05) == ""
    assert sip.sip_send_dtmf(call, "hello") == ErrorCode.SIP_EINVAL
    sip.sip_hangup()


def test_hold(engine: None, server: ServerThread) -> None:
    call = sip.sip_invite(server.uri("tone"))
    assert sip.sip_hold(call) == 0
    assert sip.sip_get_call_info(call).held is True  # type: ignore[union-attr]
    assert sip.sip_unhold() == 0
    assert sip.sip_get_call_info(call).state == "active"  # type: ignore[union-attr]


def test_callback_may_call_every_function(own_uri: str, other: OtherSide) -> None:
    answered: list[int] = []
    done = threading.Event()

    def on_event(event: SipEvent) -> None:
        if event.type == "call_incoming":
            answered.append(sip.sip_answer(event.call))
            answered.append(sip.sip_hangup(event.call))
        elif event.type == "call_ended":
            done.set()

    assert sip.sip_set_callback(on_event, ["call_incoming", "call_ended"]) == 0
    other.call(own_uri)
    assert done.wait(5)
    assert answered == [1, 0]
    assert sip.sip_set_callback(None) == 0
    assert wait_for_event("call_started").call == 1  # was not in the mask


def test_shutdown_from_a_callback(own_uri: str, other: OtherSide) -> None:
    results: list[int] = []
    done = threading.Event()

    def on_event(event: SipEvent) -> None:
        if event.type == "call_incoming":
            results.append(sip.sip_shutdown())
            done.set()

    sip.sip_set_callback(on_event)
    call = other.run(_start(other.agent, own_uri))
    assert done.wait(10)
    assert results == [0]
    assert other.run(_ended(call))


async def _start(agent: UserAgent, uri: str) -> Call:
    return agent.start_call(uri)


def test_on_the_loop_thread_it_is_an_error_not_a_dead_lock(engine: None) -> None:
    from microsip_core.c_api.engine import running_engine

    async def misuse() -> tuple[Any, Any, Any]:
        return sip.sip_invite("sip:a@127.0.0.1"), sip.sip_shutdown(), sip.sip_poll(5)

    assert running_engine().thread.run(misuse) == (ErrorCode.SIP_ESTATE, ErrorCode.SIP_ESTATE, None)
    assert sip.sip_is_running() == 1


def test_many_threads_at_once(engine: None, server: ServerThread) -> None:
    results: list[int] = []

    def work() -> None:
        call = sip.sip_invite(server.uri("sink"))
        results.append(call)
        results.append(sip.sip_hangup(call))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == [0] * 8 + list(range(1, 9))


def test_shutdown_wakes_those_who_wait(engine: None, server: ServerThread) -> None:
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(sip.sip_invite(server.uri("noanswer")))),
        threading.Thread(target=lambda: results.append(sip.sip_event_wait("dtmf"))),
    ]
    for thread in threads:
        thread.start()
    assert sip.sip_event_wait("call_ringing", 5) is not None
    assert sip.sip_shutdown() == 0
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert sorted(map(str, results)) == sorted([str(int(ErrorCode.SIP_ECANCELED)), "None"])


def test_from_inside_an_asyncio_program(server: ServerThread) -> None:
    async def program() -> int:
        assert sip.sip_init() == 0
        try:
            return await asyncio.to_thread(sip.sip_invite, server.uri("sink"))
        finally:
            sip.sip_shutdown()

    assert asyncio.run(program()) == 1


def test_texts() -> None:
    assert sip.sip_version() == sip.__version__
    assert sip.sip_strerror(0) == "success"
    assert sip.sip_strerror(-9999).startswith("unknown")
    assert sip.sip_strerror("x").startswith("unknown")
    assert sip.sip_status_text(486) == "Busy Here"
    assert sip.sip_status_text("x") == ""
