"""Calls between separate processes by the command line: the records, the sound, and every way for a call to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from microsip_core.diagnosis.waveform import read_channels

from .commands import Running, assert_one_error_line, environment, microsip, record_of
from .sound import RECEIVED, SENT, level_of

ANSWER = ("answer", "--listen", "127.0.0.1:0")


def uri_of(listening: dict[str, object]) -> str:
    assert listening["event"] == "listening"
    return f"sip:bot@{listening['address']}"


def wait_for(command: Running, event: str) -> None:
    while command.next().get("event") != event:
        pass


def test_call_plays_records_and_tells_its_figures(tone: str, tmp_path: Path) -> None:
    recording, far = str(tmp_path / "near.wav"), str(tmp_path / "far.wav")
    with Running(*ANSWER, "--echo", "--record", far, "--count", "1") as answer:
        uri = uri_of(answer.next())
        done = microsip("call", uri, "--play", tone, "--record", recording, "--duration", "2", "--json")
        ended = answer.next()
        status, _, stderr = answer.wait()
    assert (done.returncode, done.stderr) == (0, "")
    assert (status, stderr) == (0, "")
    record = record_of(done)
    assert (record["ok"], record["exit_status"], record["error"]) == (True, 0, None)
    assert (record["status"], record["reason"], record["codec"]) == (200, "OK", "PCMU")
    assert (record["end_cause"], record["ended_by"]) == ("normal", "local")
    assert 0 < record["setup_ms"] <= record["answer_ms"] < 2000
    assert 1.9 < record["duration_s"] < 3
    assert 90 < record["packets_sent"] < 120
    assert 90 < record["packets_received"] < 120
    assert (record["packets_lost"], record["loss_percent"]) == (0, 0.0)
    assert 0 <= record["jitter_ms"] < 20
    assert 4 < record["mos"] <= 4.5
    assert record["recorded"] == recording
    assert (ended["event"], ended["ok"], ended["ended_by"]) == ("call_ended", True, "remote")
    assert (ended["call_id"], ended["recorded"]) == (record["call_id"], far)
    for path in (recording, far):
        for channel in (SENT, RECEIVED):
            assert level_of(path, channel, 440) > 6000, (path, channel)


def test_callee_plays_another_codec_and_hangs_up(tone: str, tmp_path: Path) -> None:
    recording = str(tmp_path / "near.wav")
    with Running(*ANSWER, "--play", tone, "--loop", "--hangup-after", "1.5", "--after", "0.3") as answer:
        uri = uri_of(answer.next())
        done = microsip("call", uri, "--codec", "PCMA", "--record", recording, "--duration", "10", "--json")
        ended = answer.next()
    record = record_of(done)
    assert done.returncode == 0
    assert (record["codec"], record["ended_by"], record["end_cause"]) == ("PCMA", "remote", "normal")
    assert 1.3 < record["duration_s"] < 2.5
    assert record["answer_ms"] - record["setup_ms"] > 250
    assert level_of(recording, RECEIVED, 440) > 6000
    assert ended["ended_by"] == "local"


def test_duration_ends_a_longer_playback(tone: str) -> None:
    with Running(*ANSWER) as answer:
        done = microsip("call", uri_of(answer.next()), "--play", tone, "--duration", "0.4", "--json")
    assert done.returncode == 0
    assert 0.3 < record_of(done)["duration_s"] < 0.9


def test_events_are_told_as_they_come(tone: str) -> None:
    with Running(*ANSWER, "--after", "0.2", "--hangup-after", "0.5") as answer:
        done = microsip("call", uri_of(answer.next()), "--duration", "0", "--json", "--events")
    events = [json.loads(line).get("event") for line in done.stdout.splitlines()]
    assert events[-1] is None
    order = ["call_ringing", "call_answered", "media_started", "call_ended"]
    assert [event for event in events if event in order] == order


def test_recordings_of_several_calls_in_a_directory(tmp_path: Path) -> None:
    with Running(*ANSWER, "--record", f"{tmp_path}/calls/", "--count", "2") as answer:
        uri = uri_of(answer.next())
        for _ in range(2):
            assert microsip("call", uri, "--duration", "0.3").returncode == 0
        names = {answer.next()["recorded"] for _ in range(2)}
        assert all(len(read_channels(name)[1][RECEIVED]) > 1000 for name in names)  # complete when the line is printed
        assert answer.wait()[0] == 0
    assert names == {str(path) for path in (tmp_path / "calls").iterdir()}
    assert len(names) == 2


def test_calls_beyond_the_limit_are_refused() -> None:
    with Running(*ANSWER, "--max-calls", "1") as answer:
        uri = uri_of(answer.next())
        with Running("call", uri, "--duration", "30", "--events") as first:
            wait_for(first, "call_answered")
            second = microsip("call", uri, "--duration", "0.1", "--json")
    assert second.returncode == 3
    assert_one_error_line(second.stderr, "microsip call: ", "486 Busy Here", uri)
    record = record_of(second)
    assert (record["status"], record["end_cause"], record["ok"]) == (486, "busy", False)
    assert record["error"]["code"] == -1486


def test_signaling_only_answers_without_media() -> None:
    with Running(*ANSWER, "--signaling-only") as answer:
        done = microsip("call", uri_of(answer.next()), "--duration", "0.5", "--json")
        ended = answer.next()
    assert done.returncode == 0
    assert record_of(done)["packets_received"] == 0
    assert (ended["media"], ended["packets_sent"], ended["ok"]) == (None, None, True)


def test_digits_are_sent(loopback: str) -> None:
    done = microsip("call", f"sip:dtmf@{loopback}", "--dtmf", "12#", "--duration", "2", "--json")
    assert done.returncode == 0, done.stderr


def test_ladder_picture_and_report(tone: str, tmp_path: Path) -> None:
    picture, report = tmp_path / "call.svg", tmp_path / "call.json"
    with Running(*ANSWER, "--echo") as answer:
        done = microsip("call", uri_of(answer.next()), "--play", tone, "--record", str(tmp_path / "a.wav"), "--ladder",
                        "--picture", str(picture), "--report", str(report))
    assert (done.returncode, done.stderr) == (0, "")
    order = [done.stdout.index(word) for word in ("INVITE", "200 OK", "ACK", "RTP PCMU", "BYE")]
    assert order == sorted(order)
    for word in ("packets received", "MOS (E-model)", "network jitter", " ms"):
        assert word in done.stdout
    texts = [element.text for element in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert {"sent", "received", "Jitter-buffer delay", "none lost"} <= set(texts)
    document = json.loads(report.read_text())
    assert document["messages"][0]["text"].startswith("INVITE ")
    assert len(document["quality"]) >= 10
    assert document["call"]["status"] == 200


def test_refusal(loopback: str) -> None:
    done = microsip("call", f"sip:busy@{loopback}", "--json")
    assert done.returncode == 3
    assert_one_error_line(done.stderr, "microsip call: invite", f"sip:busy@{loopback}", "486", "later")


def test_unknown_user(loopback: str) -> None:
    done = microsip("call", f"sip:nobody@{loopback}")
    assert done.returncode == 3
    assert_one_error_line(done.stderr, "404")
    assert done.stdout == ""


def test_nobody_answers(loopback: str) -> None:
    done = microsip("call", f"sip:noanswer@{loopback}", "--timeout", "1", "--json")
    assert done.returncode == 3
    assert_one_error_line(done.stderr, "nobody answered", f"sip:noanswer@{loopback}", "ait longer")
    assert record_of(done)["end_cause"] == "no_answer"


def test_no_common_codec() -> None:
    with Running(*ANSWER, "--codec", "PCMA") as answer:
        done = microsip("call", uri_of(answer.next()), "--codec", "PCMU", "--json")
    assert done.returncode == 6
    assert_one_error_line(done.stderr, "488", "codec")


def test_nothing_listens_there() -> None:
    done = microsip("call", "sip:bob@127.0.0.1:9", "--timeout", "2", "--json")
    assert done.returncode == 4
    assert_one_error_line(done.stderr, "127.0.0.1:9", "nothing listens there")
    assert record_of(done)["end_cause"] == "transport"


def test_unknown_host() -> None:
    done = microsip("call", "sip:bob@host.invalid", "--json")
    assert done.returncode == 4
    assert_one_error_line(done.stderr, "host.invalid", "name")
    assert record_of(done)["error"]["code"] == -13


@pytest.mark.parametrize(
    "command", [["call", "sip:bob@127.0.0.1"], ["answer"], ["loopback"], ["register", "a@127.0.0.1"]], ids=" ".join,
)
def test_port_in_use(command: list[str]) -> None:
    with Running(*ANSWER) as holder:
        address = str(holder.next()["address"])
        done = microsip(*command, "--listen", address, "--json")
    assert done.returncode == 4
    assert_one_error_line(done.stderr, f"microsip {command[0]}: ", address, "in use")


def test_peer_that_vanishes() -> None:
    with Running(*ANSWER) as answer:
        uri = uri_of(answer.next())
        with Running("call", uri, "--duration", "30", "--media-timeout", "1", "--events") as call:
            wait_for(call, "media_started")
            answer.process.kill()
            status, stdout, stderr = call.wait()
    assert status == 4
    assert_one_error_line(stderr, "microsip call: ", uri, "no RTP", "--media-timeout")
    record = json.loads(stdout.splitlines()[-1])
    assert (record["end_cause"], record["ok"], record["exit_status"]) == ("media_timeout", False, 4)


def test_peer_that_does_not_confirm_our_bye() -> None:
    with Running(*ANSWER) as answer:
        uri = uri_of(answer.next())
        with Running("call", uri, "--duration", "1", "--events") as call:
            wait_for(call, "media_started")
            answer.process.kill()
            status, _, stderr = call.wait()
    assert status == 4
    assert_one_error_line(stderr, uri, "vanished", "BYE")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_hangs_up(number: signal.Signals, tmp_path: Path) -> None:
    with Running(*ANSWER) as answer:
        uri = uri_of(answer.next())
        recording = str(tmp_path / "call.wav")
        with Running("call", uri, "--duration", "30", "--events", "--record", recording) as call:
            wait_for(call, "media_started")
            status, stdout, stderr = call.signal(number)
        ended = answer.next()
    assert (status, stderr) == (128 + number, "")
    record = json.loads(stdout.splitlines()[-1])
    assert (record["exit_status"], record["end_cause"], record["ended_by"]) == (128 + number, "normal", "local")
    assert record["recorded"] == recording
    assert (ended["end_cause"], ended["ended_by"]) == ("normal", "remote")


def test_progress_is_shown_on_a_terminal_only(tone: str) -> None:
    with Running(*ANSWER) as answer:
        uri = uri_of(answer.next())
        reader, terminal = os.openpty()
        command = [sys.executable, "-m", "microsip_core", "call", uri, "--play", tone]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, env=environment(TERM="xterm"))
        os.close(terminal)
        shown = os.read(reader, 1 << 16).decode()
        os.close(reader)
    assert done.returncode == 0
    assert f"calling {uri}" in shown
    assert "receive PCMU" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")
    assert b"\x1b" not in done.stdout


def test_signal_while_it_rings_cancels(loopback: str) -> None:
    with Running("call", f"sip:noanswer@{loopback}", "--events") as call:
        wait_for(call, "call_ringing")
        status, stdout, stderr = call.signal(signal.SIGINT)
    assert (status, stderr) == (130, "")
    assert json.loads(stdout.splitlines()[-1])["end_cause"] == "canceled"


def test_signal_to_the_answering_side_hangs_up() -> None:
    with Running(*ANSWER) as answer:
        uri = uri_of(answer.next())
        with Running("call", uri, "--duration", "30", "--events") as call:
            wait_for(call, "media_started")
            status, stdout, stderr = answer.signal(signal.SIGTERM)
            assert (status, stderr) == (143, "")
            assert json.loads(stdout)["ended_by"] == "local"
            assert call.wait()[0] == 0
