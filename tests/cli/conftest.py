"""A loopback server in its own process, and a tone to play."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .commands import Running

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def loopback() -> Iterator[str]:
    """HOST:PORT of a server where alice and bob may register."""
    users = [word for name in ("alice", "bob") for word in ("--user", f"{name}:{PASSWORD}")]
    with Running("loopback", "--listen", "127.0.0.1:0", "--quiet", *users) as server:
        yield str(server.next()["address"])


@pytest.fixture
def tone(tmp_path: Path) -> str:
    """A WAV file of one second of 440 Hz at 8 kHz."""
    path = tmp_path / "tone.wav"
    samples = (8000 * np.sin(2 * np.pi * 440 / 8000 * np.arange(8000))).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return str(path)


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    """The right password of alice and bob in a file."""
    path = tmp_path / "password.txt"
    path.write_text(PASSWORD + "\n")
    return str(path)
