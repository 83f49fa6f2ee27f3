"""Every example runs, and does what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
TIMEOUT = 60


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=TIMEOUT, env=ENVIRONMENT, cwd=ROOT,
    )


def example(name: str, *arguments: str) -> str:
    """Run an example to its end and return what it printed."""
    done = run(str(EXAMPLES / name), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def call(uri: str, *options: str) -> dict[str, object]:
    """Place a call by the command line and return its record."""
    done = run("-m", "microsip_core", "call", uri, "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(done.stdout)
    assert isinstance(record, dict)
    return record


class Bot:
    """An example that answers calls on a free port."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name), *(arguments or ("127.0.0.1:0",))], text=True, env=ENVIRONMENT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.uri = "sip:bot@" + self.line().split()[-1]

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def __enter__(self) -> Bot:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        _, stderr = self.process.communicate(timeout=TIMEOUT)
        if error[0] is None:
            assert "Traceback" not in stderr, stderr


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """HOST:PORT of a loopback server with the user alice."""
    users = ("--user", "alice:secret")
    command = ["-m", "microsip_core", "loopback", "--listen", "127.0.0.1:0", *users, "--quiet", "--json"]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    yield str(json.loads(process.stdout.readline())["address"])
    process.terminate()
    process.communicate(timeout=TIMEOUT)


def test_softphone_registers_calls_speaks_and_records(server: str, tmp_path: Path) -> None:
    recording = tmp_path / "call.wav"
    shown = example("softphone.py", server, str(recording))
    assert "send PCMU" in shown
    assert "receive PCMU" in shown
    with wave.open(str(recording)) as file:
        assert file.getnchannels() == 2
        assert 3.0 < file.getnframes() / file.getframerate() < 5.0


def test_c_style_program_makes_a_call(server: str) -> None:
    shown = example("c_style.py", server)
    assert "call 1 is answered" in shown
    assert "no such call" in shown  # nothing rings, so there is nothing for sip_answer to answer
    assert "hung up: success" in shown


def test_recording_of_a_tone(server: str, tmp_path: Path) -> None:
    recording = tmp_path / "tone.wav"
    assert "ended by local" in example("record_call.py", f"sip:tone@{server}", str(recording), "1")
    with wave.open(str(recording)) as file:
        assert file.getnchannels() == 1
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples).max() > 1000


def test_recording_tells_why_there_is_none(server: str, tmp_path: Path) -> None:
    done = run(str(EXAMPLES / "record_call.py"), f"sip:busy@{server}", str(tmp_path / "none.wav"))
    assert done.returncode == 1
    assert "486" in done.stderr
    assert "Traceback" not in done.stderr


def test_bot_greets_and_takes_a_digit() -> None:
    with Bot("bot.py") as bot:
        record = call(bot.uri, "--duration", "10", "--dtmf", ",,,,,,,,7")
        assert bot.line().endswith("pressed 7")
    assert record["ended_by"] == "remote"
    assert 3.0 < float(str(record["duration_s"])) < 6.0


def test_menu_follows_the_digits() -> None:
    with Bot("dtmf_menu.py") as bot:
        record = call(bot.uri, "--duration", "15", "--dtmf", ",2,,,0")
        assert [bot.line(), bot.line()] == ["choice 2", "choice 0"]
    assert record["ended_by"] == "remote"


def test_echo_bot_falls_silent_when_interrupted() -> None:
    with Bot("echo_bot.py") as bot:
        call(bot.uri, "--play", str(EXAMPLES / "greeting.wav"))
        shown = bot.line()
    assert shown.startswith("interrupted after ")
    assert float(shown.split()[2]) < 1.5


def test_barge_in_stops_the_prompt() -> None:
    with Bot("barge_in.py") as bot:
        call(bot.uri, "--play", str(EXAMPLES / "greeting.wav"))
        shown = bot.line()
    assert shown.startswith("interrupted after ")
    assert int(shown.split()[2]) < 3000


def test_conference_room_records_who_calls(tmp_path: Path) -> None:
    with Bot("conference_room.py", str(tmp_path / "room.flac"), "127.0.0.1:0") as bot:
        call(bot.uri, "--play", str(EXAMPLES / "greeting.wav"))
        assert [bot.line(), bot.line()] == ["1 in the room", "0 in the room"]
    assert (tmp_path / "room.flac").stat().st_size > 8192  # more than its header


def test_voicemail_talks_after_the_beep(tmp_path: Path) -> None:
    """The menu's prompt is a beep."""
    with Bot("dtmf_menu.py") as bot:
        shown = example("voicemail.py", bot.uri, str(EXAMPLES / "greeting.wav"), str(tmp_path / "left.wav"))
    assert shown == "answered by machine because of beep\n"
    with wave.open(str(tmp_path / "left.wav")) as recording:
        assert recording.getnchannels() == 2
        assert recording.getnframes() > 8000


def test_small_load(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "microsip_core", "answer", "--listen", "127.0.0.1:0", "--echo", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as target:
        assert target.stdout is not None
        address = json.loads(target.stdout.readline())["address"]
        shown = example("small_load.py", f"sip:load@{address}", "5", "1")
        target.terminate()
    assert "5 of 5 calls answered" in shown
    assert "lowest MOS 4" in shown


def test_fixture_example_passes() -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "test_my_bot.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_every_example_is_tested_here() -> None:
    source = Path(__file__).read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if path.name not in source] == []
