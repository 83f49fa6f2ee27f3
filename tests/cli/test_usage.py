"""Bad input ends with status 2 and one line, before anything is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from microsip_core.cli.main import COMMANDS, main

from .commands import ROOT, assert_one_error_line, microsip

URI = "sip:bob@127.0.0.1:9"

BAD_ARGUMENTS = [
    (["call"], ["URI"]),
    (["call", URI, "--nonsense"], ["--nonsense", "--help"]),
    (["call", URI, "--duration", "soon"], ["--duration", "'soon'"]),
    (["call", URI, "--duration", "-1"], ["--duration"]),
    (["call", URI, "--listen", "127.0.0.1:99999"], ["--listen", "HOST:PORT"]),
    (["call", "sip:"], ["URI", "sip:USER@HOST"]),
    (["call", "sip:bob@bad host"], ["URI"]),
    (["call", "tel:110"], ["'tel:110'", "--account"]),
    (["call", "+4930123"], ["'+4930123'", "--account"]),
    (["call", URI, "--codec", "MP3"], ["'MP3'", "PCMU", "PCMA"]),
    (["call", URI, "--codec", "PCMU,nope"], ["'nope'", "PCMU"]),
    (["call", URI, "--dtmf", "12x"], ["'x'", "DTMF"]),
    (["call", URI, "--play", "/nonexistent/a.wav"], ["/nonexistent/a.wav", "play"]),
    (["call", URI, "--record", "/nonexistent/a.wav"], ["/nonexistent", "record"]),
    (["call", URI, "--record", "/"], ["directory", "record"]),
    (["call", URI, "--account", "sip:@", "--password", "x"], ["account"]),
    (["call", URI, "--account", "sip:a@h", "--password-file", "/nonexistent"], ["/nonexistent", "password"]),
    (["call", URI, "--timeout", "0"], ["--timeout"]),
    (["call", URI, "--proxy", "sip:p@h"], ["--proxy", "--account"]),
    (["call", URI, "--password-file", "x"], ["--password-file", "--account"]),
    (["answer", "--codec", "MP3"], ["'MP3'", "PCMU"]),
    (["answer", "--play", "/nonexistent/a.wav"], ["/nonexistent/a.wav"]),
    (["answer", "--max-calls", "0"], ["--max-calls"]),
    (["answer", "--count", "many"], ["--count"]),
    (["register"], ["address of record"]),
    (["register", "sip:a b@h"], ["account"]),
    (["loopback", "--user", "alice"], ["NAME:PASSWORD"]),
    (["loopback", "--user", "a:1", "--user", "a:2"], ["'a'", "twice"]),
    (["loopback", "--loss", "2"], ["--loss"]),
    (["loopback", "--challenge", "sometimes"], ["--challenge"]),
    (["demo", "--alice", "/nonexistent/a.wav"], ["/nonexistent/a.wav"]),
    (["doctor", "now"], ["now"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD_ARGUMENTS, ids=lambda value: " ".join(map(str, value))[:50])
def test_bad_input_is_told_in_one_line(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert_one_error_line(shown.err, f"microsip {arguments[0]}: ", *words)
    assert shown.out == ""


@pytest.mark.parametrize(("arguments", "words"), BAD_ARGUMENTS, ids=lambda value: " ".join(map(str, value))[:50])
def test_bad_input_gives_json_where_asked(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*arguments, "--json"]) == 2
    shown = capsys.readouterr()
    assert_one_error_line(shown.err)
    record = json.loads(shown.out)
    assert record["ok"] is False
    assert record["exit_status"] == 2
    assert set(record["error"]) == {"type", "code", "step", "peer", "message", "remedy", "explanation"}
    assert record["error"]["message"]


CORRUPT = [b"", b"RIFF", b"not a wav file at all, but text", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"]


@pytest.mark.parametrize("content", CORRUPT)
def test_corrupt_wav_is_found_before_dialling(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    assert main(["call", URI, "--play", str(path)]) == 2
    assert_one_error_line(capsys.readouterr().err, "microsip call: open the file to play", str(path))


def test_truncated_wav_is_found_before_dialling(tone: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(tone).read_bytes()
    Path(tone).write_bytes(data[: len(data) // 2])
    assert main(["call", URI, "--play", tone]) == 2
    assert_one_error_line(capsys.readouterr().err, tone, "truncated")


@pytest.mark.parametrize("command", [["call", URI], ["answer"]], ids=lambda words: words[0])
def test_recording_over_the_file_to_play(command: list[str], tone: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(tone).read_bytes()
    assert main([*command, "--play", tone, "--record", tone]) == 2
    assert_one_error_line(capsys.readouterr().err, tone, "to play")
    assert Path(tone).read_bytes() == before


def test_unknown_command_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dial", "5"]) == 2
    assert_one_error_line(capsys.readouterr().err, "'dial'", *COMMANDS)
    assert main(["--frobnicate"]) == 2
    assert_one_error_line(capsys.readouterr().err, "--help")


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_exit_statuses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"  microsip {command}" in text.partition("examples:")[2]
    for status in range(7):
        assert f"\n  {status}  " in text.partition("exit status:")[2]
    assert "130" in text
    assert "--json" in text


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    from microsip_core import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"microsip-core {__version__}"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command, what in COMMANDS.items():
        assert f"{command:<10} {what}" in text


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from microsip_core.cli.main import main; main(['--help']); main(['call', '--help']);"
        "print([name for name in ('numpy', 'asyncio.events', 'sounddevice', 'microsip_core.user_agent.user_agent')"
        " if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(done.stderr.split()) <= {"['asyncio.events']", "[]"}


def test_module_runs_like_the_script() -> None:
    done = microsip("call", URI, "--codec", "MP3")
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_error_line(done.stderr, "'MP3'")
