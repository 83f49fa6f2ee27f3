"""The C-style API and the life of a process: plain scripts, exit without a word, fork, interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from microsip_core.user_agent.user_agent import UserAgent

from .conftest import ServerThread

ROOT = Path(__file__).parent.parent.parent

SEED = """
from microsip_core import *

sip_init();
sip_create_account("sip:user@domain.com", "password");
sip_set_proxy("sip:proxy@domain.com");
sip_invite("sip:remote@endpoint.com", "audio");
sip_answer();
sip_hangup();
"""


def run(code: str, *, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(code)], capture_output=True, text=True,
        timeout=timeout, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def until(condition: Callable[[], bool], timeout: float = 5) -> bool:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        os.sched_yield()
    return condition()


def test_the_seed_program_unchanged_but_for_its_addresses(server: ServerThread) -> None:
    program = (
        SEED.replace("user@domain.com", f"user@127.0.0.1:{server.port}")
        .replace("proxy@domain.com", f"proxy@127.0.0.1:{server.port}")
        .replace("remote@endpoint.com", f"echo@127.0.0.1:{server.port}")
    )
    told = program.replace("sip_invite(", "result = sip_invite(").replace(
        "sip_answer();", "print(result, sip_get_call_info(result).state, sip_registration_state())\nsip_answer();",
    )
    done = run(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run(told)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["1", "active", "2"], "")
    assert server.registered("user") == []


def test_leaving_without_a_word_hangs_up_and_unregisters(server: ServerThread) -> None:
    done = run(f"""
        from microsip_core import *
        sip_init()
        sip_create_account("{server.uri('user')}", "password")
        print(sip_invite("{server.uri('sink')}"))
    """)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "1", "")
    assert server.registered("user") == []


def test_an_exception_ends_the_process_as_usual(server: ServerThread) -> None:
    done = run(f"""
        from microsip_core import *
        sip_init()
        sip_create_account("{server.uri('user')}", "password")
        sip_register()
        raise SystemExit(7)
    """)
    assert (done.returncode, done.stderr) == (7, "")
    assert server.registered("user") == []


def test_at_the_prompt_calls_go_on_between_the_lines(server: ServerThread) -> None:
    lines = f"""\
        from microsip_core import *
        sip_init()
        sip_create_account("{server.uri('user')}", "password")
        call = sip_invite("{server.uri('echo')}")
        sip_get_call_info(call).state
        import asyncio; asyncio.run(asyncio.to_thread(sip_list_calls))
        sip_event_wait("call_started", 5).call == call
    """
    done = subprocess.run(
        [sys.executable, "-i", "-q"], input=textwrap.dedent(lines), capture_output=True, text=True, timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHON_BASIC_REPL": "1"}, check=False, cwd=ROOT,
    )
    assert done.stdout.split() == ["<ErrorCode.SIP_OK:", "0>", "1", "'active'", "[1]", "True"], done.stderr
    assert done.returncode == 0
    assert server.registered("user") == []


def test_inside_a_running_loop_the_engine_has_its_own(server: ServerThread) -> None:
    done = run(f"""
        import asyncio
        from microsip_core import *

        async def program():
            print(sip_init(), sip_invite("{server.uri('sink')}"), sip_hangup())
            await asyncio.sleep(0)
            print(sip_shutdown())

        asyncio.run(program())
    """)
    assert (done.stdout.split(), done.stderr) == (["0", "1", "0", "0"], "")


def test_interrupt_of_a_waiting_call_cancels_it(server: ServerThread) -> None:
    code = f"""
        import signal
        from microsip_core import *
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a run in the background ignores
        sip_init()
        print("calling", flush=True)
        try:
            sip_invite("{server.uri('noanswer')}")
        except KeyboardInterrupt:
            print("interrupted", sip_event_wait("call_ended", 5).type, sip_list_calls())
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "calling\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert output.split() == ["interrupted", "call_ended", "[]"]
    assert process.returncode == 0


@pytest.mark.parametrize("waiting", ["sip_poll(60)", "time.sleep(60)", "sip_wait_call(call, 'ended')"])
def test_sigterm_hangs_up_and_unregisters(server: ServerThread, waiting: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import time
            from microsip_core import *
            sip_init(dict(media="none"))
            sip_create_account("{server.uri('other')}", "secret")
            call = sip_invite("{server.uri('echo')}")
            while sip_poll():
                pass
            print(call, flush=True)
            while True:
                {waiting}
        """)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    assert server.registered("other") != []
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (143, "")
    assert server.registered("other") == []


def test_sigterm_is_left_to_who_handles_it() -> None:
    done = run("""
        import os, signal
        from microsip_core import *
        signal.signal(signal.SIGTERM, lambda *_: print("mine"))
        sip_init(dict(media="none"))
        os.kill(os.getpid(), signal.SIGTERM)
        sip_shutdown()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sip_init(dict(media="none"))
        print(signal.getsignal(signal.SIGTERM).__name__)
        sip_shutdown()
        print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    """)
    assert (done.stdout.split(), done.stderr) == (["mine", "_exit", "True"], "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_no_engine_and_does_not_harm_the_parent(server: ServerThread) -> None:
    done = run(f"""
        import os
        from microsip_core import *
        sip_init()
        sip_create_account("{server.uri('user')}", "password")
        call = sip_invite("{server.uri('sink')}")
        child = os.fork()
        if child == 0:
            assert sip_is_running() == 0
            assert sip_hangup() == -3, sip_hangup()
            assert sip_poll(1) is None
            assert sip_init(dict(media="none")) == 0
            assert sip_invite("{server.uri('sink')}") == 1
            raise SystemExit(5)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(sip_get_call_info(call).state, sip_registration_state(), sip_hangup(), sip_shutdown())
    """)
    assert done.stderr == ""
    assert done.stdout.split() == ["5", "active", "2", "0", "0"]


def test_importing_is_quick_and_loads_nothing_heavy() -> None:
    code = "import time; t = time.perf_counter(); import microsip_core; print(time.perf_counter() - t)"
    best = min(float(run(code).stdout) for _ in range(3))
    assert best < 0.1
    done = run("""
        import sys, microsip_core
        microsip_core.UserAgent, microsip_core.Call, microsip_core.sip_init
        print([name for name in ("numpy", "av", "aiortc", "sounddevice", "dns", "websockets") if name in sys.modules])
    """)
    assert done.stdout.strip() == "[]"


def test_every_exported_name_is_there() -> None:
    import microsip_core

    for name in microsip_core.__all__:
        assert getattr(microsip_core, name) is not None
    assert "sip_init" in dir(microsip_core)
    with pytest.raises(AttributeError):
        microsip_core.sip_nonsense  # noqa: B018
    with pytest.raises(AttributeError):
        microsip_core.Nonsense  # noqa: B018
    assert microsip_core.UserAgent is UserAgent
