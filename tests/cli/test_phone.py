"""``microsip phone`` and ``microsip ctl``: a phone in its own process, launches handed over to it, and its events."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from microsip_core.cli.main import main
from microsip_core.server import LoopbackServer

from .commands import Running, assert_one_error_line, microsip, record_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the processes are ended by signals")


@pytest.fixture
def folder(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "desk.ini").write_text("[Settings]\nsingleMode=0\n")
    return {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "INI": str(tmp_path / "desk.ini")}


async def test_a_phone_is_launched_asked_and_ended(folder: dict[str, str], tmp_path: Path) -> None:
    import asyncio

    async with LoopbackServer() as server:
        ini = folder["INI"]
        phone = Running("phone", f"/i:{ini}", **folder)

        def drive() -> None:
            ready = phone.next()
            assert ready["event"] == "ready"
            done = microsip(f"sip:echo@{server.domain}", f"/i:{ini}", **folder)
            assert (done.stdout, done.returncode) == ("call 1\n", 0), done.stderr
            done = microsip("ctl", "--config", ini, "--json", "wait", "call=1", "state=active", "timeout=10", **folder)
            assert record_of(done)["result"]["state"] == "active"
            done = microsip("ctl", "--config", ini, "dtmf", "digits=12", **folder)
            assert (done.stdout, done.returncode) == ("call 1\n", 0), done.stderr
            done = microsip("/hangupall", f"/i:{ini}", **folder)
            assert (done.stdout, done.returncode) == ("1 ended\n", 0), done.stderr
            done = microsip("/answer", f"/i:{ini}", **folder)
            assert_one_error_line(done.stderr, "no call is ringing")
            assert done.returncode == 1
            done = microsip("ctl", "--config", ini, "snapshot", **folder)
            assert json.loads(done.stdout)["snapshot"]["status"] == "disconnected"
            done = microsip("/i:" + ini, "/exit", **folder)
            assert (done.stdout, done.returncode) == ("ending\n", 0), done.stderr
            assert phone.process.wait(20) == 0

        try:
            await asyncio.wait_for(asyncio.to_thread(drive), 100)
        finally:
            phone.process.kill()
            phone.process.communicate()


@pytest.mark.parametrize("words", [["/answer"], ["/exit"], ["status"], ["ctl", "snapshot"], ["msip:hold"]])
def test_without_a_phone_there_is_nothing_to_ask(
    words: list[str], folder: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in folder.items():
        monkeypatch.setenv(name, value)
    assert main(words) == 1
    assert_one_error_line(capsys.readouterr().err, "no phone runs")


@pytest.mark.parametrize(("words", "told"), [
    (["/nothing"], "/nothing"), (["ctl", "frobnicate"], "'frobnicate'"), (["ctl", "hangup", "call=x"], "call=x"),
    (["ctl", "hangup", "5"], "'5'"), (["100,x"], "DTMF"), (["phone", "/dtmf:"], "/dtmf:"),
])
def test_words_that_mean_nothing(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert_one_error_line(capsys.readouterr().err, told)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the list of processes is read from /proc")
def test_a_password_is_in_no_list_of_processes(folder: dict[str, str]) -> None:
    Path(folder["INI"]).write_text("[Account1]\nusername=a\ndomain=pbx\n")
    phone = Running("/account:1", "/password:hunter2", f"/i:{folder['INI']}", **folder)
    try:
        assert phone.next()["event"] == "ready"
        shown = Path(f"/proc/{phone.process.pid}/cmdline").read_bytes()
        assert b"/password:***" in shown
        assert b"hunter2" not in shown
        phone.process.terminate()
        assert phone.process.wait(20) == 143
    finally:
        phone.process.kill()
        out, err = phone.process.communicate()
    assert "hunter2" not in out + err
