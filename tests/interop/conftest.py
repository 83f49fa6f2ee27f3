"""Fixtures of the interop tests: a user agent of ours, a tone to send, and a judge of what came back."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from microsip_core import UserAgent

from .peers import Peer

RATE = 8000
TONE_HZ = 700.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as interop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[UserAgent]:
    """A user agent on a free loopback port, closed at the end."""
    async with UserAgent() as user_agent:
        yield user_agent


@pytest.fixture
def started() -> Iterator[Callable[[Peer], Peer]]:
    """Remember peers that a test starts, and end them all afterwards."""
    peers: list[Peer] = []

    def remember(peer: Peer) -> Peer:
        peers.append(peer)
        return peer

    yield remember
    for peer in reversed(peers):
        peer.stop()


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A WAV file with six seconds of a 700 Hz tone at -12 dBFS, 8 kHz mono."""
    seconds = np.arange(6 * RATE) / RATE
    return write_wav(tmp_path / "tone.wav", (8000 * np.sin(2 * np.pi * TONE_HZ * seconds)).astype("<i2"))


def write_wav(path: Path, samples: np.ndarray) -> Path:
    """Write mono 16-bit samples at 8 kHz."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.astype("<i2").tobytes())
    return path


def read_channels(path: Path) -> np.ndarray:
    """Return a recording as an array of shape (channels, samples); a stereo one has us first, then the peer."""
    with wave.open(str(path), "rb") as recording:
        channels = recording.getnchannels()
        assert recording.getframerate() == RATE
        samples = np.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2")
    return samples.reshape(-1, channels).T.astype(np.float64)


def tone_seconds(samples: np.ndarray, frequency: float = TONE_HZ) -> float:
    """Return how many seconds ``samples`` (8 kHz) hold the tone: 20 ms frames with 90 % of their power in it."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    phase = 2 * np.pi * frequency * np.arange(160) / RATE
    power = (frames**2).sum(axis=1)
    tone_power = ((frames @ np.cos(phase)) ** 2 + (frames @ np.sin(phase)) ** 2) * 2 / 160
    return float(((power > 160 * 500.0**2) & (tone_power > 0.9 * power)).sum() * 0.02)


def address(agent: UserAgent) -> str:
    """Return where the user agent listens, as HOST:PORT."""
    host, port = agent.listen_address
    return f"{host}:{port}"
