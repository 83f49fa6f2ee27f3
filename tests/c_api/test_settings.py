"""C-style functions that change the running engine: options, the file, transports, codecs, policy, numbers, log."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import microsip_core as sip
from microsip_core import CallState, ErrorCode, SipAccount, SipCodec, SipDevice, SipLevel, SipSession, SipTransport
from microsip_core.media.devices import DeviceInfo
from microsip_core.user_agent.call import Call

from .conftest import ServerThread
from .test_functions import OtherSide, other, own_uri, wait_for_event  # noqa: F401 - fixtures


def ended_with(other: OtherSide, call: Call) -> int:  # noqa: F811
    """Wait for the end of a call and return its code."""

    async def wait() -> int:
        await call.wait_ended(5)
        return int(call.error.code) if call.error is not None else 0

    return int(other.run(wait()))


async def hang_up(call: Call) -> None:
    """End a call, and wait until the other side knows."""
    await call.hangup()


def place(other: OtherSide, uri: str) -> Call:  # noqa: F811
    """Start a call."""

    async def start() -> Call:
        return other.agent.start_call(uri)

    return other.run(start())  # type: ignore[no-any-return]


# -- policy -----------------------------------------------------------------------------------------------------------


def test_dnd_and_deny(own_uri: str, other: OtherSide) -> None:  # noqa: F811
    assert sip.sip_set_dnd() == 0
    assert ended_with(other, place(other, own_uri)) == -1486
    assert sip.sip_get_option("DND") == "1"
    assert sip.sip_set_dnd(False) == 0
    other.run(hang_up(other.call(own_uri)))
    for mode, refused in (("all", True), ("off", False), ("remotedomain", True)):
        assert sip.sip_set_deny(mode) == 0
        call = place(other, own_uri)
        if refused:
            assert ended_with(other, call) == -1486
        else:
            other.run(call.wait(CallState.RINGING, 5))
            other.run(hang_up(call))
    assert sip.sip_set_deny("everybody") == ErrorCode.SIP_EINVAL
    assert "remotedomain" in sip.sip_error_text()


def test_calls_are_answered_by_themselves(own_uri: str, other: OtherSide) -> None:  # noqa: F811
    assert sip.sip_set_auto_answer("all", filter="55*;micro*") == 0
    call = place(other, own_uri)
    other.run(call.wait(CallState.ACTIVE, 5))
    second = place(other, own_uri)  # we are on a call: it rings
    other.run(second.wait(CallState.RINGING, 5))
    other.run(hang_up(call))
    other.run(hang_up(second))
    assert sip.sip_set_auto_answer("all", filter="55*") == 0
    other.run(hang_up(other.call(own_uri)))
    assert sip.sip_set_auto_answer("off") == 0
    assert sip.sip_get_option("autoAnswer") == ""
    assert sip.sip_set_auto_answer("all", -1) == ErrorCode.SIP_EINVAL


def test_calls_are_sent_on(own_uri: str, other: OtherSide, server: ServerThread) -> None:  # noqa: F811
    assert sip.sip_set_forward("all", server.uri("sink")) == 0
    call = place(other, own_uri)
    other.run(call.wait(CallState.ACTIVE, 5))
    assert call.response is not None
    assert call.remote_uri.startswith("sip:")
    assert wait_for_event("call_ended").status == 302
    other.run(hang_up(call))
    assert sip.sip_set_forward("busy", server.uri("sink")) == 0
    first = other.call(own_uri)  # nobody is busy: it rings
    second = place(other, own_uri)
    other.run(second.wait(CallState.ACTIVE, 5))
    other.run(hang_up(first))
    other.run(hang_up(second))
    assert sip.sip_set_forward("no_answer", "100", 1) == 0
    assert (sip.sip_get_option("forwardingDelay"), sip.sip_get_option("forwardingNumber")) == ("1", "100")
    assert sip.sip_set_forward("all") == ErrorCode.SIP_EINVAL
    assert sip.sip_set_forward("off") == 0
    other.run(hang_up(other.call(own_uri)))


# -- options and the file ---------------------------------------------------------------------------------------------


def test_options_are_read_set_and_refused(engine: None) -> None:
    for key, value in (("codecs", "PCMA,PCMU"), ("max_calls", "7"), ("ptime_ms", "30"), ("auto_ring", "0"),
                       ("port_range", "20000-20099"), ("srtp", "optional"), ("close_timeout", "1.5"),
                       ("audioCodecs", "PCMU/8000/1"), ("maxConcurrentCalls", "3"), ("denyincoming", "user"),
                       ("followed_hosts", "a.example,b.example")):
        assert sip.sip_set_option(key, value) == 0, sip.sip_error_text()
        assert sip.sip_get_option(key) == value
    assert sip.sip_get_option("codecs") == "PCMU"
    assert str(sip.sip_get_option("listen")).startswith("127.0.0.1")
    for key, value, code in (
        ("no_such", "1", ErrorCode.SIP_ECONFIG), ("listen", "127.0.0.1:0", ErrorCode.SIP_ENOTSUP),
        ("volumeRing", "5", ErrorCode.SIP_ENOTSUP), ("ptime_ms", "soon", ErrorCode.SIP_EINVAL),
        ("ptime_ms", "3000", ErrorCode.SIP_EINVAL), ("codecs", "MORSE", ErrorCode.SIP_ECODEC),
        ("DND", "maybe", ErrorCode.SIP_EINVAL), ("port_range", "5", ErrorCode.SIP_EINVAL),
    ):
        assert sip.sip_set_option(key, value) == code, (key, sip.sip_error_text())
    assert sip.sip_get_option("codecs") == "PCMU"
    assert sip.sip_get_option("tls") == ErrorCode.SIP_ECONFIG  # has a password in it


def test_configuration_file_round_trip(engine: None, server: ServerThread, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", "password")
    path = tmp_path / "MicroSIP.ini"
    path.write_text(
        "; kept\n[Settings]\naccountId=1\nDND=1\naudioCodecs=PCMA/8000/1\nunknown=7\n[Account1]\n"
        f"server=127.0.0.1:{server.port}\nusername=user\npassword=env:SECRET_OF_TEST\ndialPlan=<9:>x.\n"
        "registerRefresh=60\n",
    )
    assert sip.sip_load_config(str(path)) == 1, sip.sip_error_text()
    assert wait_for_event("registered").account == 1
    account = sip.sip_get_account_info()
    assert isinstance(account, SipAccount)
    assert 0 < account.expires <= 60
    assert (sip.sip_get_option("codecs"), sip.sip_get_option("DND")) == ("PCMA", "1")
    assert sip.sip_normalize_number("9-123") == "123"
    assert sip.sip_create_account(server.uri("other"), "secret") == 2
    wait_for_event("registered")
    assert sip.sip_set_option("DND", "0") == 0
    saved = tmp_path / "saved.ini"
    assert sip.sip_save_config(str(saved)) == 0
    assert sip.sip_save_config(str(saved)) == 0  # nothing is doubled
    text = saved.read_text()
    assert saved.stat().st_mode & 0o077 == 0
    for line in ("; kept", "DND=0", "unknown=7", "password=env:SECRET_OF_TEST", "username=other"):
        assert text.count(line) == 1, text
    assert "secret" not in text
    assert sip.sip_load_config(str(saved)) == 2
    assert sip.sip_list_accounts() == [3, 4]
    assert sip.sip_load_config(str(tmp_path / "none.ini")) == ErrorCode.SIP_EIO
    path.write_text("[Settings]\nDND=perhaps\n")
    assert sip.sip_load_config(str(path)) == ErrorCode.SIP_ECONFIG
    assert ":2:" in sip.sip_error_text()
    path.write_text("[Settings]\nDND=1\n[Account1]\nserver=h\nusername=a\n[Account2]\nserver=h\nusername=b c<\n")
    assert sip.sip_load_config(str(path)) < 0
    assert sip.sip_get_option("DND") == "0"  # nothing of it has been taken
    assert sip.sip_list_accounts() == [3, 4]


def test_log_goes_to_a_file_and_to_a_function(engine: None, tmp_path: Path) -> None:
    file, lines = tmp_path / "log", []
    try:
        assert sip.sip_set_log("debug", str(file)) == 0
        logging.getLogger("microsip_core").info("one")
        assert sip.sip_set_log("error", lines.append) == 0
        logging.getLogger("microsip_core").info("two")
        logging.getLogger("microsip_core").error("three")
    finally:
        assert sip.sip_set_log("off") == 0
        logging.getLogger("microsip_core").critical("nobody hears")
        logging.getLogger("microsip_core").setLevel(logging.NOTSET)
    assert file.read_text().split()[-2:] == ["INFO", "one"]
    assert len(lines) == 1
    assert lines[0].endswith("ERROR three")
    assert sip.sip_set_log("loud") == ErrorCode.SIP_EINVAL
    assert sip.sip_set_log("info", str(tmp_path)) == ErrorCode.SIP_EIO


# -- transports and media ---------------------------------------------------------------------------------------------


def of_list(found: Any) -> list[SipTransport]:
    assert isinstance(found, list)
    return found


def test_transports_come_and_go(own_uri: str, other: OtherSide) -> None:  # noqa: F811
    first = of_list(sip.sip_transport_list())
    assert first[0].protocol == "UDP"
    added = sip.sip_transport_add("udp", "127.0.0.1", 0)
    mine = next(one for one in of_list(sip.sip_transport_list()) if one.id == added)
    call = place(other, f"sip:me@127.0.0.1:{mine.port}")
    other.run(call.wait(CallState.RINGING, 5))
    other.run(hang_up(call))
    tcp = sip.sip_transport_add("tcp")
    port = next(one.port for one in of_list(sip.sip_transport_list()) if one.id == tcp)
    socket.create_connection(("127.0.0.1", port), 5).close()
    assert sip.sip_transport_add("udp", "127.0.0.1", mine.port) == ErrorCode.SIP_EBUSY
    assert sip.sip_transport_add("udp", "192.0.2.1", 0) == ErrorCode.SIP_ENETWORK
    assert sip.sip_transport_add("pigeon") == ErrorCode.SIP_EINVAL
    assert sip.sip_transport_add("tls") == ErrorCode.SIP_ETLS
    for handle in (added, tcp):
        assert sip.sip_transport_close(handle) == 0
        assert sip.sip_transport_close(handle) == ErrorCode.SIP_EINVAL
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
    assert sip.sip_transport_close(first[0].id) == ErrorCode.SIP_ESTATE
    other.run(hang_up(other.call(own_uri)))


def test_tls_is_set_for_connections_to_come(engine: None, tmp_path: Path) -> None:
    assert sip.sip_set_tls(str(tmp_path / "none.pem")) == ErrorCode.SIP_ETLS
    assert sip.sip_set_tls(ca=str(tmp_path / "none.pem")) == ErrorCode.SIP_ETLS
    assert sip.sip_set_tls(verify=False) == 0
    assert sip.sip_set_tls() == 0


def test_stun_and_srtp_are_set(engine: None, server: ServerThread) -> None:
    assert sip.sip_set_stun(f"127.0.0.1:{server.port}") == 0
    assert sip.sip_get_option("stun_server") == f"127.0.0.1:{server.port}"
    assert sip.sip_set_stun("") == 0
    assert sip.sip_set_stun("127.0.0.1:99999999") == ErrorCode.SIP_EINVAL
    assert sip.sip_set_srtp("sometimes") == ErrorCode.SIP_EINVAL
    assert sip.sip_set_srtp("mandatory") == 0
    sip.sip_create_account(server.uri("user"), "password")
    info = sip.sip_get_account_info()
    assert isinstance(info, SipAccount)
    assert (info.srtp, info.transport) == ("mandatory", "")


@pytest.fixture
def talking(engine: None, server: ServerThread) -> Iterator[int]:
    """A call to the echo."""
    call = sip.sip_invite(server.uri("echo"))
    assert call > 0, sip.sip_error_text()
    yield call
    sip.sip_hangup(call)


def test_update_volume_level_and_what_a_call_is(talking: int, tmp_path: Path) -> None:
    assert sip.sip_update(talking) == 0
    assert sip.sip_update(talking, "audio,video") == ErrorCode.SIP_ENOTSUP
    assert sip.sip_media_set_volume(talking, 0.5, 2.0) == 0
    assert sip.sip_media_set_volume(talking, 9.0) == ErrorCode.SIP_EINVAL
    level = sip.sip_media_get_level(talking)
    assert isinstance(level, SipLevel)
    assert -127 <= level.sent <= 0
    assert sip.sip_media_record(talking, str(tmp_path / "a.wav")) == 0
    info = sip.sip_get_call_info(talking)
    assert isinstance(info, SipSession)
    assert (info.media, info.recording, info.asserted_id, info.diversion) == ("audio", str(tmp_path / "a.wav"), "", "")
    assert info.local_tag
    assert info.remote_tag
    assert sip.sip_hangup(talking) == 0
    ended = sip.sip_get_call_info(talking)
    assert isinstance(ended, SipSession)
    assert (ended.local_tag, ended.remote_tag) == (info.local_tag, info.remote_tag)
    assert sip.sip_update(talking) == ErrorCode.SIP_ESTATE


def test_codecs_have_priorities(engine: None, server: ServerThread) -> None:
    found = sip.sip_codec_list()
    assert isinstance(found, list)
    assert all(isinstance(one, SipCodec) for one in found)
    assert [one.name for one in found if one.priority] == ["PCMU", "PCMA"]
    assert sip.sip_codec_set_priority("pcma", 255) == 0
    assert sip.sip_codec_set_priority("PCMU", 100) == 0
    assert sip.sip_get_option("codecs") == "PCMA,PCMU"
    call = sip.sip_invite(server.uri("echo"))
    assert sip.sip_get_call_info(call).codec == "PCMA"  # type: ignore[union-attr]
    assert sip.sip_codec_set_priority("PCMU", 0) == 0
    assert sip.sip_codec_set_priority("PCMA", 0) == ErrorCode.SIP_ESTATE
    assert sip.sip_set_option("codecs", "PCMU,PCMA") == 0
    again = sip.sip_codec_list()
    assert isinstance(again, list)
    assert [(one.name, one.priority) for one in again[:2]] == [("PCMU", 255), ("PCMA", 254)]
    assert sip.sip_codec_set_priority("MORSE", 1) == ErrorCode.SIP_ECODEC


def device(index: int, name: str, inputs: int, outputs: int) -> DeviceInfo:
    return DeviceInfo(index, name, "ALSA", inputs, outputs, 48000, index == 0, False)


def test_devices_are_listed_and_chosen(engine: None, server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    here = [device(0, "Headset", 1, 2), device(1, "Speaker", 0, 2)]
    asked: list[tuple[object, object]] = []

    async def connect(call: Call, *, input: object, output: object) -> None:
        asked.append((input, output))

    monkeypatch.setattr("microsip_core.c_api.devices.list_devices", lambda: here)
    monkeypatch.setattr("microsip_core.media.devices.list_devices", lambda: here)
    monkeypatch.setattr(Call, "connect_device", connect)
    assert sip.sip_media_list_devices() == [SipDevice(0, "Headset", 1, 2, 48000, True),
                                            SipDevice(1, "Speaker", 0, 2, 48000, False)]
    call = sip.sip_invite(server.uri("echo"))
    assert asked == []  # none is chosen
    assert sip.sip_media_set_devices("headset") == 0
    assert asked == [("headset", "null")]
    assert sip.sip_media_set_devices("Speaker") == ErrorCode.SIP_EDEVICE  # has no microphone
    assert "Headset" in sip.sip_error_text()
    assert sip.sip_media_set_devices(None, "default", "Speaker") == ErrorCode.SIP_ENOTSUP
    assert sip.sip_media_set_devices(None, "default", "null") == 0
    assert asked[1:] == [("headset", "default")]
    sip.sip_hangup(call)
    sip.sip_invite(server.uri("echo"))
    wait_for_event("media_started")
    assert asked[2:] == [("headset", "default")]
    assert sip.sip_media_set_null() == 0
    assert asked[3:] == [("null", "null")]


def test_dial_plan_goes_for_what_is_called(engine: None, server: ServerThread) -> None:
    assert sip.sip_set_dialplan("[2-9]x.|<0:+49>x.") == 0
    assert sip.sip_normalize_number("tel:0 30-12 34") == "+49301234"
    assert sip.sip_normalize_number("bob") == "bob"
    assert sip.sip_normalize_number("111") == ErrorCode.SIP_EPERM
    assert sip.sip_set_dialplan("((") == ErrorCode.SIP_ECONFIG
    assert sip.sip_set_dialplan("x.", "", 5) == ErrorCode.SIP_ENOACCOUNT
    account = sip.sip_create_account(server.uri("user"), "password")
    wait_for_event("registered")
    assert sip.sip_invite("111") == ErrorCode.SIP_EPERM
    assert sip.sip_set_dialplan("<1:>x.", "7", account) == 0
    assert sip.sip_normalize_number("12345") == "72345"
    call = sip.sip_invite_nowait("12345")
    assert sip.sip_get_call_info(call).remote.startswith("sip:72345@")  # type: ignore[union-attr]


def test_uris_are_taken_apart() -> None:
    assert sip.sip_parse_uri("sips:%61lice@[::1]:5061;transport=tcp;lr?Subject=x") == sip.SipUri(
        "sips", "alice", "::1", 5061, "TCP", "transport=tcp;lr", "Subject=x")
    assert sip.sip_parse_uri("sip:example.com") == sip.SipUri("sip", "", "example.com", 0, "", "", "")
    assert sip.sip_parse_uri("mailto:a@b") == ErrorCode.SIP_EPARSE


@pytest.mark.parametrize(("function", "arguments"), [
    (sip.sip_typing, ("sip:a@127.0.0.1",)), (sip.sip_publish, ("open", "here")),
    (sip.sip_subscribe, ("sip:a@127.0.0.1",)), (sip.sip_unsubscribe, (1,)), (sip.sip_get_presence, ("sip:a@h",)),
    (sip.sip_mwi_state, ()),
])
def test_what_is_not_there_yet_says_so(engine: None, function: Any, arguments: tuple[Any, ...]) -> None:
    assert function(*arguments) == ErrorCode.SIP_ENOTSUP
    assert "not supported" in sip.sip_error_text()


def test_events_need_no_freeing(own_uri: str, other: OtherSide) -> None:  # noqa: F811
    call = other.call(own_uri)
    event = sip.sip_poll(5)
    assert event is not None
    assert event.type == "call_incoming"
    assert sip.sip_event_free(event) == 0
    assert sip.sip_event_free() == 0
    assert event.call == 1
    other.run(hang_up(call))
