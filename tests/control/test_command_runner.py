"""Running event commands: real processes, their bounds, and that starting them blocks nobody."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from microsip_core.config.settings import General, Settings
from microsip_core.control.command_runner import CommandResult, CommandRunner
from microsip_core.control.event_commands import Command, EventCommands, EventFacts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs of these tests are POSIX's")
Make = Callable[..., tuple[CommandRunner, list[CommandResult]]]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[CommandRunner] = []

    def runner(**options: object) -> tuple[CommandRunner, list[CommandResult]]:
        results: list[CommandResult] = []
        made.append(CommandRunner(on_result=results.append, **options))
        return made[-1], results

    yield runner
    for one in made:
        one.close(0)


def command(*arguments: str, call: int = 1, last: bool = False, **environment: str) -> Command:
    return Command("cmdX", arguments, environment, call, last)


def shell(script: str, **options: object) -> Command:
    return command("/bin/sh", "-c", script, **options)


def test_output_and_exit_status_are_reported_and_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    runner, results = make()
    with caplog.at_level(logging.INFO, "microsip_core.control"):
        runner.run(shell("echo out; echo err >&2; printf '\\033[31mred'; exit 3"))
        assert runner.wait_idle(10)
    assert [(result.outcome, result.exit_status, result.output) for result in results] == [
        ("exited", 3, "out err  [31mred")]
    assert "cmdX /bin/sh exited with exit status 3" in caplog.text


def test_facts_arrive_as_arguments_and_environment(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "with blanks"
    folder.mkdir()
    program, told = folder / "dump it", folder / "told"
    program.write_text(f"#!{sys.executable} -S\nimport json, os, sys\njson.dump([sys.argv[1:], dict(os.environ)], "
                       f"open({str(told)!r}, 'w'))\n")
    program.chmod(0o755)
    runner, results = make(withheld=["MY_SIP_PASSWORD"])
    os.environ["MY_SIP_PASSWORD"] = os.environ["MICROSIP_PASSWORD"] = "hunter2"
    try:
        due = EventCommands(Settings(cmdIncomingCall=f"{program} -a"), General(), runner)
        due.incoming(EventFacts("incoming", 1, "'; touch x; '", 'Eve "$(id)"\n', "incoming"))
        assert runner.wait_idle(10)
    finally:
        del os.environ["MY_SIP_PASSWORD"], os.environ["MICROSIP_PASSWORD"]
    assert [result.exit_status for result in results] == [0]
    arguments, environment = json.loads(told.read_text())
    assert arguments == ["-a", "'; touch x; '"]
    assert environment["MICROSIP_NAME"] == 'Eve "$(id)" '
    assert "hunter2" not in environment.values()


def test_taking_a_command_blocks_nobody_and_they_run_beside_each_other(make: Make) -> None:
    runner, results = make(at_once=8)
    began = time.monotonic()
    for _ in range(8):
        assert runner.run(shell("sleep 0.4"))
    assert time.monotonic() - began < 0.35
    assert runner.wait_idle(10)
    assert len(results) == 8
    assert time.monotonic() - began < 3.1  # one after the other would take 3.2


def test_they_start_in_order(make: Make, tmp_path: Path) -> None:
    runner, _ = make(at_once=1)
    for number in range(6):
        runner.run(shell(f"echo {number} >> {tmp_path}/order"))
    assert runner.wait_idle(10)
    assert (tmp_path / "order").read_text().split() == list("012345")


def test_a_command_that_goes_on_is_ended_with_its_children(make: Make, tmp_path: Path) -> None:
    runner, results = make(timeout=0.3)
    runner.run(shell(f"trap '' TERM; (trap '' TERM; sleep 9) & echo $! > {tmp_path}/pid; sleep 30"))
    assert runner.wait_idle(10)
    assert (results[0].outcome, results[0].exit_status) == ("timed_out", -9)
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}/stat").exists() and " Z " not in Path(f"/proc/{child}/stat").read_text():
        assert time.monotonic() < deadline, "the child outlived its session"
        threading.Event().wait(0.01)


def test_a_child_in_the_background_holds_nothing_up(make: Make) -> None:
    runner, results = make(timeout=20)
    runner.run(shell("sleep 9 & echo done"))
    assert runner.wait_idle(7)
    assert (results[0].outcome, results[0].output) == ("exited", "done")


def test_endless_output_is_ended_and_little_is_kept(make: Make) -> None:
    runner, results = make(timeout=20)
    runner.run(command("/usr/bin/env", "yes", "x" * 100))
    assert runner.wait_idle(10)
    assert results[0].outcome == "too_much_output"
    assert len(results[0].output) < 8300


@pytest.mark.parametrize("arguments", [("/nonexistent/x",), ("/",), ("/bin/sh", "a\0b")])
def test_what_can_not_be_started_is_reported(make: Make, arguments: tuple[str, ...]) -> None:
    runner, results = make()
    runner.run(command(*arguments))
    assert runner.wait_idle(10)
    assert results[0].outcome == "not_started"
    assert results[0].exit_status is None
    assert results[0].output


def test_too_many_are_dropped_but_no_end_of_a_call_that_began(make: Make) -> None:
    runner, results = make(at_once=1, waiting=3)
    taken = [runner.run(shell("sleep 0.4", call=number)) for number in range(1, 6)]
    assert taken == [True, True, True, False, False]
    assert runner.run(shell("exit 0", call=2, last=True))
    assert not runner.run(shell("exit 0", call=4, last=True))
    runner.forget_call(3)
    assert not runner.run(shell("exit 0", call=3, last=True))
    assert runner.wait_idle(10)
    assert runner.dropped == 4
    assert sorted(result.outcome for result in results) == ["dropped"] * 4 + ["exited"] * 4


def test_closing_ends_what_still_runs(make: Make) -> None:
    runner, results = make(at_once=1)
    runner.run(shell("sleep 30"))
    runner.run(shell("sleep 30"))
    began = time.monotonic()
    runner.close(0.2)
    assert time.monotonic() - began < 3
    assert sorted(result.outcome for result in results) == ["exited", "not_started"]
    assert not runner.run(shell("exit 0"))


def test_a_listener_that_fails_harms_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    def fail(result: CommandResult) -> None:
        raise RuntimeError("broken listener")

    runner = CommandRunner(on_result=fail)
    runner.run(shell("exit 0"))
    assert runner.wait_idle(10)
    runner.close()
    assert "broken listener" in caplog.text
