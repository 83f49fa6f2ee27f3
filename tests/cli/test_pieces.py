"""The pieces that commands share: statuses, output, passwords, recording paths, signals."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from argparse import Namespace
from pathlib import Path

import pytest

from microsip_core.cli.checks import check_codecs, sip_uri
from microsip_core.cli.exit_status import ExitStatus, NotAnswered, UsageError, exit_status_of
from microsip_core.cli.output import Output, error_line
from microsip_core.cli.password import find_password
from microsip_core.cli.progress import Progress
from microsip_core.cli.recording_path import RecordingPaths
from microsip_core.cli.report import ReportedMessage, read_report, write_report
from microsip_core.cli.signals import run_until_signal, status_of_stop
from microsip_core.errors import (
    AuthenticationError,
    Busy,
    CallRefused,
    CodecError,
    DnsError,
    FileError,
    InvalidState,
    MediaError,
    NetworkError,
    TimedOut,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 2), (FileError("x"), 2), (CallRefused(486, "Busy Here"), 3), (CallRefused(404, "x"), 3),
        (NotAnswered("x"), 3), (TimedOut("x"), 4), (DnsError("x"), 4), (NetworkError("x"), 4),
        (Busy("x"), 4),
        (AuthenticationError("x"), 5), (CallRefused(407, "x"), 5), (CallRefused(401, "x"), 5), (MediaError("x"), 6),
        (CodecError("x"), 6), (CallRefused(488, "Not Acceptable Here"), 6), (InvalidState("x"), 1),
        (ValueError("x"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_error_leads_to_its_status(error: Exception, status: int) -> None:
    assert exit_status_of(error) == status


def test_error_line_names_step_peer_and_remedy() -> None:
    error = CallRefused(486, "Busy Here", step="invite", peer="sip:bob@h", remedy="try\nagain later")
    assert error_line(error) == "invite (sip:bob@h): 486 Busy Here. Try again later"
    assert error_line(NetworkError("no route")) == "no route"
    assert error_line(NetworkError("\x1b[2J\x9bm")) == "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}m"
    assert "--debug" in error_line(ZeroDivisionError("oh"))


def test_output_as_json_keeps_stdout_to_json() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    output = Output("call", as_json=True, stdout=stdout, stderr=stderr)
    output.text("for a person")
    output.remark("a picture")
    output.record({"a": "ü"})
    assert output.error(NetworkError("x", step="dial"), {"uri": "sip:a"}) == ExitStatus.NETWORK
    first, second = map(json.loads, stdout.getvalue().splitlines())
    assert first == {"a": "ü"}
    assert (second["command"], second["uri"], second["ok"], second["exit_status"]) == ("call", "sip:a", False, 4)
    assert second["error"] == {"type": "NetworkError", "code": -12, "step": "dial", "peer": None, "message": "x",
                               "remedy": None, "explanation": None}
    assert stderr.getvalue().splitlines() == ["a picture", "microsip call: dial: x"]


def test_output_as_text_has_no_json() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    output = Output("call", stdout=stdout, stderr=stderr)
    output.text("for a person")
    output.record({"a": 1})
    output.error(ValueError("x"))
    assert stdout.getvalue() == "for a person\n"
    assert stderr.getvalue().startswith("microsip call: unexpected ValueError: x")
    assert not output.color
    assert output.width == 100


def test_progress_is_silent_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.show("working")
    assert (progress.enabled, stream.getvalue()) == (False, "")


def test_progress_on_a_terminal_rewrites_one_line_and_clears_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Progress(stream) as progress:
        progress.show("working")
        progress.show("x" * 500)
    shown = stream.getvalue()
    assert "\n" not in shown
    assert max(map(len, shown.split("\r\x1b[K"))) < 500
    assert shown.endswith("\r\x1b[K")


def password_of(monkeypatch: pytest.MonkeyPatch, **given: str | None) -> str | None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return find_password(Namespace(**{"account": "sip:a@h", "password": None, "password_file": None, **given}))


def test_password_sources_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("from file\nnot this\n")
    monkeypatch.setenv("MICROSIP_PASSWORD", "from environment")
    assert password_of(monkeypatch, password="from option", password_file=str(path)) == "from option"
    assert password_of(monkeypatch, password_file=str(path)) == "from file"
    assert password_of(monkeypatch) == "from environment"
    monkeypatch.delenv("MICROSIP_PASSWORD")
    assert password_of(monkeypatch) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\xfa"])
def test_password_file_without_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(FileError, match="read the password"):
        password_of(monkeypatch, password_file=str(path))


def test_recordings_in_a_directory_have_names_of_their_own(tmp_path: Path) -> None:
    paths = RecordingPaths(f"{tmp_path}/calls/")
    paths.check()
    names = [Path(paths.path_for("sip:../../etc/passwd@evil", 0.0)) for _ in range(2)]
    assert {name.parent for name in names} == {tmp_path / "calls"}
    assert names[0] != names[1]
    assert "/" not in names[0].name
    assert names[0].suffix == ".wav"
    assert "passwd" in names[0].name


def test_recordings_leave_those_of_another_process_alone(tmp_path: Path) -> None:
    first = RecordingPaths(str(tmp_path)).path_for("sip:x@h", 0.0)
    Path(first).write_text("")
    assert RecordingPaths(str(tmp_path)).path_for("sip:x@h", 0.0) != first


def test_recordings_to_one_file_are_numbered(tmp_path: Path) -> None:
    paths = RecordingPaths(str(tmp_path / "a.wav"))
    paths.check()
    assert [Path(paths.path_for("sip:x@h", 0.0)).name for _ in range(3)] == ["a.wav", "a-2.wav", "a-3.wav"]


def test_recording_where_no_directory_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no directory"):
        RecordingPaths(str(tmp_path / "no" / "a.wav")).check()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="make the directory"):
        RecordingPaths(str(tmp_path / "file" / "sub") + "/").check()


@pytest.mark.parametrize(
    ("text", "domain", "uri"),
    [
        ("sip:bob@h", None, "sip:bob@h"), ("bob@h", None, "sip:bob@h"), ("bob", "h:5070", "sip:bob@h:5070"),
        ("sips:bob@h", "x", "sips:bob@h"), ("+49 30-123", "h", "sip:+4930123@h"),
        ("tel:110", "h", "sip:110@h"), ("10.0.0.1", None, "sip:10.0.0.1"),
        (" sip:a@[::1]:5 ", None, "sip:a@[::1]:5"),
    ],
)
def test_short_uris_are_completed(text: str, domain: str | None, uri: str) -> None:
    assert sip_uri(text, step="x", domain=domain) == uri


def test_codecs_by_any_spelling() -> None:
    assert check_codecs(["pcma", "PCMU"]) == ["PCMA", "PCMU"]
    assert check_codecs(["pcma,pcmu"]) == ["PCMA", "PCMU"]
    assert check_codecs([]) is None


def test_report_keeps_messages_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    message = b'REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username="a", response="5ec7e7"\r\n\r\n'
    entry = ReportedMessage(1.5, "out", ("127.0.0.1", 1), ("127.0.0.1", 2), message)
    write_report(str(path), {"status": 200}, [entry], [{"time": 0.1}])
    assert "5ec7e7" not in path.read_text()
    record, (read,), quality = read_report(path)
    assert (record, quality) == ({"status": 200}, [{"time": 0.1}])
    assert (read.time, read.direction, read.local, read.remote) == (1.5, "out", ("127.0.0.1", 1), ("127.0.0.1", 2))
    assert read.data.startswith(b"REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"a\"")


@pytest.mark.parametrize("content", ["", "{}", '{"call": 1, "messages": [{}], "quality": []}', "[]"])
def test_report_that_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(FileError, match="no report"):
        read_report(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_command_after_its_clean_up(number: signal.Signals) -> None:
    cleaned = []

    async def command() -> int:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stop:
            cleaned.append(status_of_stop(stop))
            raise
        finally:
            await asyncio.sleep(0)
            cleaned.append(0)
        return 0

    assert run_until_signal(command()) == 128 + number
    assert cleaned == [128 + number, 0]


def test_command_that_ends_by_itself_keeps_its_status() -> None:
    async def command() -> int:
        return 3

    assert run_until_signal(command()) == 3
