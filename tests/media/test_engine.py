"""The engines as such: choosing one, many calls, events, threads of the program, and what is left at the end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from media_room import EVENT, PCMU, Room, connect

from microsip_core.errors import InvalidArgument, InvalidState, NotSupported
from microsip_core.media import engine as engine_module
from microsip_core.media.engine import MediaEngine, create_engine
from microsip_core.media.statistics import StreamCounters
from microsip_core.media.stream import Stream, StreamConfig

RATE = 8000


@pytest.fixture
def native_room(native_engine: MediaEngine) -> Room:
    """The native engine and its events."""
    return Room(native_engine)


def open_pair(room: Room) -> tuple[Stream, Stream]:
    a, b = room.open(), room.open()
    connect(a, b)
    connect(b, a)
    return a, b


class TestChoice:
    def test_environment_decides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICROSIP_CORE", "reference")
        engine = create_engine()
        assert engine.core == "reference"
        engine.close()

    def test_argument_wins_over_environment(self, core: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICROSIP_CORE", "no such core")
        engine = create_engine(core)
        assert engine.core == core
        engine.close()

    def test_without_the_compiled_part(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine_module, "native_available", lambda: False)
        monkeypatch.delenv("MICROSIP_CORE", raising=False)
        engine = create_engine()
        assert engine.core == "reference"
        engine.close()
        with pytest.raises(NotSupported, match="compiler"):
            create_engine("native")

    @pytest.mark.parametrize("shards", [0, 65, -1])
    def test_number_of_shards(self, shards: int) -> None:
        with pytest.raises(InvalidArgument, match="shards"):
            create_engine(shards=shards)

    def test_unknown_core(self) -> None:
        with pytest.raises(InvalidArgument, match="quantum"):
            create_engine("quantum")


class TestEvents:
    def test_none_is_lost_over_many_calls(self, native_room: Room) -> None:
        pairs = [open_pair(native_room) for _ in range(60)]
        streams = [stream for pair in pairs for stream in pair]
        assert native_room.wait(lambda: all(native_room.of(stream, "first_rtp") for stream in streams))
        for a, _ in pairs:
            a.send_dtmf("7#", duration_ms=60, gap_ms=40)
        assert native_room.wait(lambda: all(len(native_room.of(b, "dtmf")) == 2 for _, b in pairs))
        for a, b in pairs:
            assert [event.detail for event in native_room.of(b, "dtmf")] == ["7", "#"]
            assert [event.value for event in native_room.of(b, "dtmf")] == [60, 60]
            assert len(native_room.of(b, "first_rtp")) == 1
            address = f"{a.rtp_address[0]}:{a.rtp_address[1]}"
            assert native_room.of(b, "first_rtp")[0].detail == address
        assert native_room.engine.statistics()["events_lost"] == 0

    def test_a_quiet_call_wakes_nobody(self, native_room: Room) -> None:
        a, b = open_pair(native_room)
        assert native_room.wait(lambda: native_room.of(a, "first_rtp") and native_room.of(b, "first_rtp"))
        before = len(native_room.events)
        native_room.pump(0.5)
        assert len(native_room.events) == before

    def test_event_times_are_of_the_monotonic_clock(self, room: Room) -> None:
        before = time.monotonic()
        a, _ = open_pair(room)
        event = room.wait_for(a, "first_rtp")
        assert before <= event.time <= time.monotonic()

    async def test_descriptor_serves_an_event_loop(self, native_engine: MediaEngine) -> None:
        room, seen = Room(native_engine), asyncio.Event()
        assert native_engine.event_fd is not None
        asyncio.get_running_loop().add_reader(native_engine.event_fd, seen.set)
        open_pair(room)
        await asyncio.wait_for(seen.wait(), 5)
        asyncio.get_running_loop().remove_reader(native_engine.event_fd)
        assert native_engine.poll_events()


class TestThreads:
    """What another thread of the program does is no matter to the media threads: they run without the interpreter."""

    def test_a_thread_that_holds_the_interpreter_lock(self, native_room: Room) -> None:
        a, b = open_pair(native_room)
        a.play_tone([((440.0,), 0, 0)])
        native_room.wait_for(b, "first_rtp")
        before, began = a.statistics(), time.monotonic()
        sleep = ctypes.PyDLL(None).usleep  # does not release the lock
        for _ in range(12):
            sleep(80_000)
        after, ended = a.statistics(), time.monotonic()
        sent, due = after["packets_sent"] - before["packets_sent"], (ended - began) * 50
        # counts only: how late a frame was is the machine's affair, that it was done is ours
        assert sent + after["ticks_skipped"] - before["ticks_skipped"] == pytest.approx(due, abs=3)
        # a thread that needed the lock would come to a quarter of the frames
        assert sent >= 0.6 * due
        assert native_room.wait(lambda: b.statistics()["packets_received"] >= after["packets_sent"])

    def test_streams_may_be_used_from_several_threads(self, native_room: Room) -> None:
        failures: list[BaseException] = []

        def use() -> None:
            try:
                for _ in range(10):
                    a, b = open_pair(native_room)
                    tap = b.open_tap()
                    a.play_tone([((440.0,), 0, 0)])
                    tap.write(np.zeros(1000, np.int16))
                    b.echo(True)
                    a.statistics()
                    tap.read(160)
                    tap.clear()
                    b.close()
                    a.close()
                    tap.close()
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not failures
        assert native_room.engine.statistics()["streams"] == 0

    def test_closing_twice_at_the_same_time(self, native_room: Room) -> None:
        a, _ = open_pair(native_room)
        threads = [threading.Thread(target=a.close) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert a.close()["ssrc"] == a.statistics()["ssrc"]


    def test_priority_can_be_declined(self, native_engine: MediaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICROSIP_REALTIME", "0")
        engine = create_engine("native")
        try:
            room = Room(engine)
            room.wait_for(open_pair(room)[0], "first_rtp")
            assert engine.statistics()["shards_realtime"] == 0
        finally:
            engine.close()


class TestFigures:
    def test_counters_are_complete(self, native_room: Room) -> None:
        a, _ = open_pair(native_room)
        native_room.wait_for(a, "first_rtp")
        counters = a.statistics()
        missing = set(StreamCounters.__annotations__) - set(counters)
        assert not missing
        assert all(isinstance(value, int) for value in counters.values())

    def test_of_the_engine(self, native_room: Room) -> None:
        a, _ = open_pair(native_room)
        native_room.wait_for(a, "first_rtp")
        figures = native_room.engine.statistics()
        assert figures["streams"] == 2
        assert figures["shards"] == 1
        frames, lateness = figures["frames"], figures["lateness"]
        assert isinstance(frames, int)
        assert isinstance(lateness, list)
        assert sum(count for _, count in lateness) == pytest.approx(frames, abs=2)
        assert lateness[-1][0] is None

    def test_levels(self, native_room: Room) -> None:
        a, b = open_pair(native_room)
        a.play_tone([((1000.0,), 0, 0)])
        assert native_room.wait(lambda: b.level()[1] > -20)
        assert a.level()[0] == pytest.approx(-16.4, abs=0.5)  # 7000 of 32768, as RMS of a sine
        assert b.level()[0] == -127.0

    @pytest.mark.usefixtures("native_engine")
    def test_memory_of_a_call(self) -> None:
        """64 KiB a call is the bar; measured in a process of its own, buffers and sockets of Python included."""
        code = (
            "import resource\n"
            "from microsip_core.media.engine import create_engine\n"
            "from microsip_core.media.stream import PayloadFormat, StreamConfig\n"
            "engine, pcmu = create_engine('native'), PayloadFormat('PCMU', 0)\n"
            "def opened(count):\n"
            "    streams = [engine.open_stream(StreamConfig()) for _ in range(count)]\n"
            "    for stream in streams: stream.configure(('127.0.0.1', 9), None, pcmu, {0: pcmu}, sending=False)\n"
            "    return streams\n"
            "def resident(): return int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()\n"
            "first = opened(20); before = resident(); more = opened(200); print((resident() - before) / 200)\n"
        )
        if not Path("/proc/self/statm").exists():
            pytest.skip("this system does not tell how much memory a process uses")
        root = Path(__file__).parent.parent.parent
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, timeout=60,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert float(done.stdout) < 48 * 1024


class TestEnd:
    def test_recordings_are_complete_when_close_returns(self, core: str, tmp_path: Path) -> None:
        engine = create_engine(core)
        room = Room(engine)
        a, _ = open_pair(room)
        recording = a.record(tmp_path / "call.wav")
        room.pump(0.4)
        engine.close()
        (end,) = [event for event in engine.poll_events() if event.kind == "recording_finished"]
        assert (end.reference, end.detail) == (recording, "")
        with wave.open(str(tmp_path / "call.wav")) as file:
            assert file.getnchannels() == 2
            assert file.getnframes() == end.value * RATE // 1000
            assert file.getnframes() > 0.2 * RATE

    def test_after_close(self, core: str) -> None:
        engine = create_engine(core)
        stream = engine.open_stream(StreamConfig())
        engine.close()
        engine.close()
        with pytest.raises(InvalidState):
            engine.open_stream(StreamConfig())
        with pytest.raises(InvalidState):
            stream.echo(True)
        assert stream.close()["packets_sent"] == 0

    def test_a_tap_outlives_its_stream_and_engine(self, native_engine: MediaEngine) -> None:
        stream = native_engine.open_stream(StreamConfig())
        tap = stream.open_tap()
        stream.close()
        assert tap.write(np.ones(100, np.int16)) == 100
        native_engine.close()
        del stream
        gc.collect()
        assert tap.read(100).size == 0
        tap.close()
        tap.close()
        assert tap.write(np.ones(100, np.int16)) == 0

    def test_streams_leave_nothing_behind(self, native_room: Room) -> None:
        folder = Path("/proc/self/fd")
        if not folder.exists():
            pytest.skip("this system does not list a process's descriptors")
        before = len(list(folder.iterdir()))
        for _ in range(5):
            streams = [native_room.open() for _ in range(100)]
            for stream in streams:
                stream.close()
        assert native_room.wait(lambda: len(list(folder.iterdir())) <= before)
        assert native_room.engine.statistics()["streams"] == 0

    @pytest.mark.usefixtures("native_engine")
    def test_forgotten_engine(self) -> None:
        """An engine that nobody closes ends with its last reference, and a process with it ends at once."""
        code = (
            "from microsip_core.media.engine import create_engine\n"
            "from microsip_core.media.stream import StreamConfig\n"
            "engine = create_engine('native'); stream = engine.open_stream(StreamConfig()); tap = stream.open_tap()\n"
        )
        root = Path(__file__).parent.parent.parent
        environment = {**os.environ, "PYTHONPATH": str(root)}
        fork = "import os\nif os.fork() == 0: raise SystemExit\nos.wait()\n"
        for end in ("", "del engine; del tap; del stream\n", fork):
            subprocess.run([sys.executable, "-c", code + end], check=True, timeout=20, cwd=root, env=environment)


class TestNativeArguments:
    def test_numbers_out_of_range(self, native_room: Room) -> None:
        for config in ({"port_range": (70000, 70010)}, {"jitter_max_ms": 70000}, {"media_timeout_ms": -1},
                       {"jitter_max_ms": 5}, {"cname": "x" * 64}, {"local_host": "a name"}):
            with pytest.raises(InvalidArgument):
                native_room.open(**config)
        stream = native_room.open()
        with pytest.raises(InvalidArgument):
            stream.configure(("127.0.0.1", 70000), None, PCMU, {0: PCMU}, EVENT)
        with pytest.raises(InvalidArgument):
            stream.configure(("127.0.0.1", 4000), None, PCMU, {300: PCMU}, EVENT)
        with pytest.raises(InvalidArgument):
            stream.configure(("127.0.0.1", 4000), None, PCMU, {0: PCMU}, 128)

    def test_files_are_read_once(self, native_room: Room, tmp_path: Path) -> None:
        path = tmp_path / "clip.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(bytes(2 * RATE))
        a, b = open_pair(native_room)
        clips = a._clips  # type: ignore[attr-defined]
        first = clips.load(path, RATE)
        assert b._clips.load(path, RATE) is first  # type: ignore[attr-defined]
        assert clips.load(path, 16000) is not first
        os.utime(path, ns=(0, 0))
        assert clips.load(path, RATE) is not first
