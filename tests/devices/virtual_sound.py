"""A sound server of our own with a virtual microphone and loudspeaker; it is stopped by its pid."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

NEEDED = ("pulseaudio", "pactl", "pacat", "parec")
RATE = 48000

_ASOUNDRC = """\
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.vspk  { type pulse device "vspk"         hint { show on description "virtual speaker" } }
pcm.vmic  { type pulse device "vmic.monitor" hint { show on description "virtual microphone" } }
"""


class VirtualSound:
    """Two null sinks: what is played into vmic is what the microphone hears, the monitor of vspk what is heard."""

    def __init__(self, folder: Path) -> None:
        (folder / "cfg" / "alsa").mkdir(parents=True)
        (folder / "cfg" / "alsa" / "asoundrc").write_text(_ASOUNDRC)
        folder.chmod(0o700)
        socket = folder / "native"
        self.environment = os.environ | {
            "XDG_RUNTIME_DIR": str(folder), "PULSE_RUNTIME_PATH": str(folder), "PULSE_STATE_PATH": str(folder),
            "PULSE_SERVER": f"unix:{socket}", "XDG_CONFIG_HOME": str(folder / "cfg"),
        }
        self._started: list[subprocess.Popen[bytes]] = []
        options = [
            "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", f"--log-target=file:{folder / 'log'}",
            "-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1",
        ]
        for sink in ("vspk", "vmic"):
            options += ["-L", f"module-null-sink sink_name={sink} rate={RATE} channels=1"]
        try:
            self.start("pulseaudio", *options)
            self._until(lambda: socket.exists() and self.control("info", check=False), "the sound server to listen")
            for sink in ("vspk", "vmic"):  # a null sink nobody plays to falls asleep, and wakes up seconds late
                self.start("pacat", "--playback", "--latency-msec=10", f"--rate={RATE}", "--channels=1", "-d", sink,
                           source="/dev/zero")
            self._until(self._prompt, "the sinks to become prompt")
        except BaseException:
            self.close()
            raise

    def start(self, *command: str, source: str = "/dev/null", target: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program of the sound server's; close() ends it."""
        with open(source, "rb") as reading, open(target or "/dev/null", "wb") as writing:
            process = subprocess.Popen(
                command, env=self.environment, stdin=reading, stdout=writing, stderr=subprocess.DEVNULL,
            )
        self._started.append(process)
        return process

    def control(self, *words: str, check: bool = True) -> str:
        """Run pactl and return what it says."""
        done = subprocess.run(
            ["pactl", *words], env=self.environment, capture_output=True, text=True, timeout=10, check=check,
        )
        return done.stdout

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Let the microphone hear raw mono samples of 48 kHz."""
        return self.start("pacat", "--playback", "--latency-msec=20", "--format=s16le", f"--rate={RATE}",
                          "--channels=1", "-d", "vmic", source=str(path))

    def listen(self, path: Path) -> subprocess.Popen[bytes]:
        """Write what the loudspeaker plays, as raw mono samples of 48 kHz, until the process is terminated."""
        return self.start("parec", "--latency-msec=20", "--format=s16le", f"--rate={RATE}", "--channels=1",
                          "-d", "vspk.monitor", target=path)

    def unplug(self, sink: str) -> None:
        """Take a sink away, and with it the device that is made of it."""
        for line in self.control("list", "short", "modules").splitlines():
            number, _, rest = line.partition("\t")
            if f"sink_name={sink} " in rest:
                self.control("unload-module", number)

    def close(self) -> None:
        """End everything that was started here."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _prompt(self) -> bool:
        latencies = [
            int(line.split()[1]) for line in self.control("list", "sinks").splitlines() if "Latency:" in line
        ]
        return bool(latencies) and max(latencies) < 50_000

    @staticmethod
    def _until(ready: object, what: str) -> None:
        assert callable(ready)
        deadline = time.monotonic() + 20
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited 20 s for {what}")
            time.sleep(0.05)
