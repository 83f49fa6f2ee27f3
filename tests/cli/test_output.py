"""Output that nobody reads, that finds no room, or that has nowhere to go ends no call and shows no traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from microsip_core.cli.line_writer import LineWriter
from microsip_core.cli.output import Output

from .commands import TIMEOUT, Running, assert_one_error_line, environment


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run ``microsip`` with the redirections of a shell."""
    return subprocess.run(
        ["sh", "-c", f"exec '{sys.executable}' -m microsip_core {command}"], capture_output=True, text=True,
        timeout=TIMEOUT, stdin=subprocess.DEVNULL, env=environment(),
    )


def test_server_goes_on_and_can_be_stopped_though_nobody_reads_its_output() -> None:
    options = "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {1};branch=z9hG4bK{2}\r\nFrom: <sip:a@h>;tag=1\r\n" \
              "To: <sip:{0}>\r\nCall-ID: {2}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    with Running("loopback", "--listen", "127.0.0.1:0") as server, socket.socket(type=socket.SOCK_DGRAM) as peer:
        host, _, port = server.next()["address"].partition(":")
        peer.settimeout(10)
        peer.connect((host, int(port)))
        local = "{}:{}".format(*peer.getsockname())
        for number in range(1000):  # some 150 bytes of output each: more than any pipe holds
            peer.send(options.format(f"{host}:{port}", local, number).encode())
            assert peer.recv(2000).startswith(b"SIP/2.0 200")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 128 + signal.SIGTERM
        assert server.process.stderr is not None
        assert_one_error_line(server.process.stderr.read(), "loopback", "lost")


def test_slow_reader_gets_everything() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader:
        writer = LineWriter(writing)
        lines = [b"%d %s\n" % (number, b"x" * 500) for number in range(1000)]
        for line in lines:
            writer.write(line)
        assert not writer.close(0.01)
        assert reader.read(sum(map(len, lines))) == b"".join(lines)
        assert writer.lost == 0
        os.close(writing)


def test_reader_that_has_gone_is_told_at_the_close() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        output = Output("call", stdout=stdout)
        output.text("lost")
        with pytest.raises(BrokenPipeError):
            output.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("json_option", ["", "--json"])
def test_full_disk_is_told_in_one_line(json_option: str) -> None:
    done = shell(f"doctor {json_option} >/dev/full")
    assert done.returncode == 1
    assert_one_error_line(done.stderr, "doctor", "stdout", "No space")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(closed: str) -> None:
    done = shell(f"doctor --json {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    if ">&-" not in closed:
        assert json.loads(done.stdout)["ok"]
