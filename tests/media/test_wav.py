"""WAV files as real programs write them, and broken ones."""

from __future__ import annotations

import resource
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microsip_core.errors import FileError, InvalidArgument
from microsip_core.media.reference import g711
from microsip_core.media.wav import WavWriter, load_wav, probe_wav, read_wav, write_wav

TONE = (12000 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)).astype(np.int16)


def riff(
    tag: int, bits: int, data: bytes, *, channels: int = 1, rate: int = 8000, extensible: bool = False,
    before: bytes = b"", data_size: int | None = None,
) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * frame, frame, bits)
    if extensible:
        form += struct.pack("<HHIH14s", 22, bits, 0, tag, b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71")
    body = b"fmt " + struct.pack("<I", len(form)) + form + before
    body += b"data" + struct.pack("<I", len(data) if data_size is None else data_size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def in_24_bits(samples: np.ndarray) -> bytes:
    return np.frombuffer((samples.astype("<i4") << 8).tobytes(), np.uint8).reshape(-1, 4)[:, :3].tobytes()


@pytest.mark.parametrize("extensible", [False, True], ids=["plain", "extensible"])
@pytest.mark.parametrize(
    ("tag", "bits", "data", "error"),
    [
        (1, 8, ((TONE >> 8) + 128).astype(np.uint8).tobytes(), 256),
        (1, 16, TONE.astype("<i2").tobytes(), 0),
        (1, 24, in_24_bits(TONE), 0),
        (1, 32, (TONE.astype("<i4") << 16).tobytes(), 0),
        (3, 32, (TONE / 32768).astype("<f4").tobytes(), 0),
        (3, 64, (TONE / 32768).astype("<f8").tobytes(), 0),
        (6, 8, g711.encode_a_law(TONE), 300),
        (7, 8, g711.encode_mu_law(TONE), 300),
    ],
    ids=["8", "16", "24", "32", "float", "double", "A-law", "mu-law"],
)
def test_encodings(tmp_path: Path, tag: int, bits: int, data: bytes, error: int, extensible: bool) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff(tag, bits, data, extensible=extensible))
    samples = read_wav(path)
    assert samples.dtype == np.int16
    assert np.abs(samples.astype(int) - TONE).max() <= error


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.column_stack((TONE, np.zeros_like(TONE))))
    assert load_wav(path).samples.shape == (8000, 2)
    assert np.abs(read_wav(path).astype(int) - TONE // 2).max() <= 1


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])
def test_other_rates(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, (12000 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype(np.int16), rate)
    samples = read_wav(path)
    assert len(samples) == 8000
    assert np.abs(samples[500:-500].astype(int) - TONE[500:-500]).max() <= 20


def test_what_is_above_the_band_does_not_fold_down(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, (12000 * np.sin(2 * np.pi * 5000 * np.arange(48000) / 48000)).astype(np.int16), 48000)
    assert np.abs(read_wav(path)[200:-200]).max() <= 2


def test_other_chunks_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    odd = b"LIST" + struct.pack("<I", 5) + b"abcde\0"
    path.write_bytes(riff(1, 16, TONE.tobytes(), before=odd) + b"id3 \4\0\0\0abcd")
    assert (read_wav(path) == TONE).all()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_size_that_was_never_filled_in(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff(1, 16, TONE.tobytes(), data_size=size))
    assert (read_wav(path) == TONE).all()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty file"),
        (b"RIFF", "too short"),
        (b"ID3\x04" + bytes(100), "not a WAV file"),
        (b"RIFF\0\0\0\0AVI " + bytes(100), "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "no fmt chunk"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "before the fmt chunk"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "fmt chunk is too short"),
        (riff(1, 16, TONE.tobytes())[:36], "no data chunk"),
        (riff(1, 16, TONE.tobytes())[:5000], "truncated: 16000 octets of audio announced, 4956 are there"),
        (riff(1, 16, b""), "no audio"),
        (riff(1, 16, b"\1"), "no audio"),
        (riff(2, 4, bytes(100)), "unsupported encoding Microsoft ADPCM"),
        (riff(0x1234, 16, bytes(100)), "unsupported encoding number 4660"),
        (riff(1, 12, bytes(100)), "12 bits"),
        (riff(1, 16, bytes(100), channels=0), "channels: 0"),
        (riff(1, 16, bytes(100), channels=33), "channels: 33"),
        (riff(1, 16, bytes(100), rate=0), "0 Hz"),
        (riff(1, 16, bytes(100), rate=4_000_000), "4000000 Hz"),
        (riff(3, 32, struct.pack("<2f", float("nan"), float("inf"))), "no numbers"),
    ],
)
def test_broken_files(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(data)
    with pytest.raises(FileError, match=what) as caught:
        read_wav(path)
    assert "broken.wav" in str(caught.value)
    assert caught.value.remedy
    if what != "no numbers":
        with pytest.raises(FileError, match=what):
            probe_wav(path)


def test_probe(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.column_stack((TONE, TONE)), 16000)
    form = probe_wav(path)
    assert (form.tag, form.channels, form.rate, form.bits, form.frames) == (1, 2, 16000, 16, 8000)
    assert form.duration == 0.5


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nothing\.wav: No such file"):
        read_wav(tmp_path / "nothing.wav")
    with pytest.raises(FileError, match="directory"):
        read_wav(tmp_path)
    with pytest.raises(FileError, match="No such file"):
        WavWriter(tmp_path / "no" / "folder.wav")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 60), value=st.binary(min_size=1, max_size=4), cut=st.integers(0, 400))
def test_mutations(tmp_path: Path, place: int, value: bytes, cut: int) -> None:
    data = riff(1, 16, TONE[:200].tobytes())
    path = tmp_path / "m.wav"
    path.write_bytes((data[:place] + value + data[place + len(value) :])[: len(data) - cut])
    try:
        samples = read_wav(path)
    except FileError as error:
        assert "m.wav" in error.message  # noqa: PT017 -- most mutations are refused, some are not
    else:
        assert samples.dtype == np.int16


class TestWriting:
    def test_bit_by_bit(self, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        writer = WavWriter(path, 8000, 2)
        for start in range(0, 8000, 160):
            writer.write(np.column_stack((TONE[start : start + 160], -TONE[start : start + 160])))
        assert writer.frames == 8000
        writer.close()
        writer.close()
        audio = load_wav(path)
        assert audio.rate == 8000
        assert audio.duration == 1.0
        assert (audio.samples[:, 0] == TONE).all()
        assert (audio.samples[:, 1] == -TONE).all()
        assert path.stat().st_size == 44 + 4 * 8000

    def test_flushed_file_is_whole(self, tmp_path: Path) -> None:
        writer = WavWriter(tmp_path / "a.wav")
        writer.write(TONE)
        writer.flush()
        assert (read_wav(tmp_path / "a.wav") == TONE).all()
        writer.write(TONE)
        writer.close()
        assert len(read_wav(tmp_path / "a.wav")) == 16000

    def test_half_a_frame(self, tmp_path: Path) -> None:
        writer = WavWriter(tmp_path / "a.wav", 8000, 2)
        with pytest.raises(InvalidArgument):
            writer.write(TONE[:3])
        writer.close()

    def test_full_disk(self) -> None:
        with pytest.raises(FileError, match="/dev/full: No space left"):
            WavWriter("/dev/full")

    def test_file_that_fails_later(self, tmp_path: Path) -> None:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        writer = WavWriter(tmp_path / "a.wav")
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
            with pytest.raises(FileError, match="File too large"):
                writer.write(TONE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, before)
            writer.close()
        writer.close()
