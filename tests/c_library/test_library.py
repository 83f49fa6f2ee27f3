"""The C library: the documentation's program and others, compiled as users do, make calls; misuse harms nothing."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from microsip_core import UserAgent
from microsip_core.c_api import config_tool, generate
from microsip_core.c_api.specification import table
from microsip_core.errors import ERROR_TABLE
from microsip_core.server import LoopbackServer
from microsip_core.server.journal import ServerEvent

from .conftest import EXAMPLES, ROOT, Build, Run, environment

CHECKED = """
#include <microsip.h>
#include <stdio.h>
#define SHOW(call) do { int code = (call); printf("%s %d\\n", #call, code); fflush(stdout); } while (0)
"""


@pytest.mark.parametrize("path", sorted(generate.files()))
def test_headers_and_stubs_are_those_of_the_functions(path: str) -> None:
    assert (ROOT / path).read_text() == generate.files()[path], "run python -m microsip_core.c_api.generate"


def test_the_documented_program_registers_calls_and_hangs_up(
    build: Build, run: Run, server: LoopbackServer, happened: list[ServerEvent],
) -> None:
    source = (EXAMPLES / "call.c").read_text()
    for old, new in (("sip:user@domain.com", server.uri("user")), ("sip:proxy@domain.com", server.proxy),
                     ("sip:remote@endpoint.com", server.uri("echo"))):
        assert old in source
        source = source.replace(old, new)
    done = run(build("call", source))
    assert (done.returncode, done.stderr) == (0, "")
    said = [event.text.split(" from")[0].split(" at sip")[0] for event in happened
            if event.kind in ("request", "register")]
    # sip_set_proxy registers anew where the first registration was through already
    assert [text for text in said if text != "REGISTER user -> user"][-4:] == [
        "user is", "INVITE user -> echo", "BYE user -> echo", "user is gone"]
    assert said[:2] == ["REGISTER user -> user"] * 2


def test_events_are_polled_and_called_back_and_nothing_leaks(build: Build, run: Run, server: LoopbackServer) -> None:
    done = run(build("events", (EXAMPLES / "events.c").read_text()), server.uri("echo"), valgrind=True)
    assert (done.returncode, done.stderr) == (0, "")
    kinds = [line.split()[0] for line in done.stdout.splitlines()]
    assert [kind for kind in kinds if kind.startswith("call_")] == [
        "call_outgoing", "call_answered", "call_started", "call_ended"]
    assert "normal after" in done.stdout


def test_a_program_hears_what_it_says(build: Build, run: Run, server: LoopbackServer) -> None:
    done = run(build("audio", (EXAMPLES / "audio.c").read_text()), server.uri("echo"))
    assert done.returncode == 0, done.stderr
    heard = re.search(r"heard (\d+)", done.stdout)
    assert heard is not None
    assert int(heard.group(1)) > 3000
    assert re.search(r"receive PCMU: [5-9]\d packets, 0 lost", done.stdout)


async def test_a_bot_answers_plays_and_hangs_up(build: Build) -> None:
    program = build("bot", (EXAMPLES / "bot.c").read_text())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bot = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        [program, f"127.0.0.1:{port}", str(ROOT / "examples" / "greeting.wav")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    )
    try:
        assert bot.stdout is not None
        assert await asyncio.to_thread(bot.stdout.readline) == "waiting for calls\n"
        async with UserAgent() as agent:
            call = await agent.invite(f"sip:bot@127.0.0.1:{port}", timeout=20)
            loudest = 0
            async for frame in call.audio:
                loudest = max(loudest, int(abs(frame.astype(int)).max()))
            assert loudest > 2000
            assert call.ended_by == "remote"
        bot.terminate()
        _, stderr = await asyncio.to_thread(bot.communicate, timeout=30)
    finally:
        if bot.poll() is None:
            bot.kill()
            bot.wait()
    assert (bot.returncode, stderr) == (0, "")


VALUES = {
    "int": ("0", "-1", "2147483647"), "flag": ("0", "-1", "7"), "real": ("0.0", "1e-3", "0.001"),
    "text": ("NULL", '""', 'long_text'), "reals": ("NULL, 0", "NULL, 5", "many, 1"),
}
RESULTS = {
    "int": ("",) * 3, "text": ("NULL, 0", "text, 0", "text, 2"), "ints": ("NULL, 0", "NULL, 9", "ints, -1"),
}


def misuse() -> str:
    """Return a program that calls every function with every kind of bad argument, before, in and after an engine."""
    lines = []
    for function in table().values():
        for choice in range(3):
            arguments = [VALUES[parameter.kind][choice] for parameter in function.parameters]
            if function.name == "sip_set_log" and choice == 0:
                arguments[0] = '"error"'  # faults are to be seen, and nothing else
            kind = function.returns
            last = RESULTS.get(kind) or (("NULL",) * 3 if kind == "record" else ("NULL, 0", "NULL, 4", "NULL, -1"))
            arguments += [last[choice]] if last[choice] else []
            lines.append(f"    SHOW({function.name}({', '.join(arguments)}));")
    calls = "\n".join(lines)
    return CHECKED + f"""
#include <string.h>
static char long_text[100001], text[8];
static sip_message_t message;
static int ints[4];
static const double many[1] = {{-5}};
static void all(void)
{{
{calls}
    SHOW(sip_media_read(0, NULL, 5)); SHOW(sip_media_read(99, NULL, 0)); SHOW(sip_media_read(-1, (int16_t *)ints, 2));
    SHOW(sip_media_write(0, NULL, -5)); SHOW(sip_media_write(99, (int16_t *)ints, 2));
    SHOW(sip_media_stats(-5, NULL, 3)); SHOW(sip_media_stats(99, NULL, 0));
    SHOW(sip_set_callback(NULL, NULL, "no such event"));
    sip_event_free(sip_poll(0)); sip_event_free(sip_event_wait(",,", 0));
    sip_event_free(NULL);
    SHOW(sip_parse(NULL, NULL)); SHOW(sip_parse("no message", &message)); SHOW(sip_build(NULL, text, 8));
    SHOW(sip_build(&message, NULL, 0));
    SHOW((int)strlen(sip_strerror(-123456)) > 0); SHOW((int)strlen(sip_status_text(-1)));
}}
int main(void)
{{
    sip_config_t wrong = {{.listen = "nowhere at all"}}, odd = {{.codecs = "NOPE"}}, range = {{.rtp_port_min = 5}};
    memset(long_text, 'x', sizeof long_text - 1);
    SHOW(sip_shutdown());
    all();
    SHOW(sip_init(&wrong)); SHOW(sip_init(&odd)); SHOW(sip_init(&range));
    SHOW(sip_init(NULL)); SHOW(sip_init());
    all();
    SHOW(sip_is_running());
    SHOW(sip_shutdown()); SHOW(sip_shutdown()); SHOW(sip_is_running());
    all();
    return 0;
}}
"""


def test_no_misuse_harms_the_program(build: Build, run: Run) -> None:
    done = run(build("misuse", misuse()), valgrind=True)
    assert (done.returncode, done.stderr) == (0, "")
    printed = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    known = {code.value for code in ERROR_TABLE}
    assert {int(code) for _, code in printed if int(code) < 0} <= known
    inits = [int(code) for call, code in printed if call.startswith("sip_init")]
    assert inits[3:] == [0, -4]
    assert all(code < 0 for code in inits[:3])
    before = printed[1:printed.index(next(call for call in printed if call[0] == "sip_init(&wrong)"))]
    assert {code for call, code in before if call.startswith("sip_") and "(NULL" not in call
            and call.split("(")[0] in table()} <= {"-3", "-2"}


@pytest.mark.parametrize(("compiler", "standard"), [("gcc", "-std=c11"), ("gcc", "-std=gnu17"), ("g++", "-std=c++17")])
def test_arguments_at_the_end_may_be_left_out(build: Build, run: Run, compiler: str, standard: str) -> None:
    source = CHECKED + """
int main(void)
{
    SHOW(sip_init());
    SHOW(sip_create_account("sip:a@127.0.0.1:9", "x"));
    SHOW(sip_set_proxy("sip:127.0.0.1:9"));
    SHOW(sip_hangup()); SHOW(sip_hangup(0)); SHOW(sip_answer()); SHOW(sip_answer(0)); SHOW(sip_answer(0, 180));
    SHOW(sip_reject(0, 486)); SHOW(sip_send_dtmf(0, "1")); SHOW(sip_wait_call(5, "active", 0.1));
    return 0;
}
"""
    done = run(build(f"short{standard.replace('+', 'p')}", source, compiler=compiler, standard=standard))
    assert (done.returncode, done.stderr) == (0, "")
    codes = [int(line.rsplit(" ", 1)[1]) for line in done.stdout.splitlines()]
    assert codes == [0, 1, 0, -7, -7, -7, -7, -7, -7, -7, -7]


def test_ctypes_callers_work(server: LoopbackServer) -> None:
    path = config_tool.library()
    if path is None:
        pytest.skip("libmicrosip is not built")
    program = f"""
import ctypes
sip = ctypes.CDLL({str(path)!r})
assert sip.sip_init(None) == 0
assert sip.sip_invite(b"{server.uri('echo')}", b"audio", 0) == 1
assert sip.sip_hangup(0) == 0
sip.sip_strerror.restype = ctypes.c_char_p
print(sip.sip_strerror(-1486).decode())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "486" in done.stdout


def test_a_message_is_read_and_written(build: Build, run: Run) -> None:
    source = CHECKED + r"""
#include <string.h>
int main(void)
{
    static sip_message_t message;
    char text[500];
    SHOW(sip_init());
    SHOW(sip_parse("OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
                   "To: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 2\r\n\r\nhi", &message));
    printf("%s|%s|%s|%s|%s\n", message.method, message.uri, message.from, message.cseq, message.body);
    int length = sip_build(&message, text, sizeof text);
    printf("%d %s\n", length == (int)strlen(text), strstr(text, "CSeq") ? "has CSeq" : text);
    SHOW(sip_parse("no message", &message));
    return 0;
}
"""
    done = run(build("messages", source), valgrind=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "OPTIONS|sip:b@h|<sip:a@h>;tag=1|1 OPTIONS|hi" in lines
    assert "1 has CSeq" in lines
    assert lines[-1].endswith(" -19")


def test_many_threads_ask_at_the_same_time(build: Build, run: Run) -> None:
    source = CHECKED + """
#include <pthread.h>
static void *ask(void *unused)
{
    int calls[8];
    (void)unused;
    for (int i = 0; i < 50; i++)
        if (sip_list_calls(calls, 8) != 0 || sip_hangup(77) != SIP_ENOCALL || sip_errno() != SIP_ENOCALL)
            return "wrong";
    return NULL;
}
int main(void)
{
    pthread_t threads[8];
    void *result, *wrong = NULL;
    SHOW(sip_init());
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, ask, NULL);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &result);
        wrong = result ? result : wrong;
    }
    return wrong != NULL;
}
"""
    done = run(build("threads", source))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_forked_child_has_no_engine_and_leaves_its_parents_alone(build: Build, run: Run) -> None:
    source = CHECKED + """
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int status = 0, calls[4];
    SHOW(sip_init());
    if (fork() == 0) {
        SHOW(sip_is_running());
        SHOW(sip_list_calls(calls, 4));
        return 0;
    }
    wait(&status);
    SHOW(status);
    SHOW(sip_list_calls(calls, 4));
    return 0;
}
"""
    done = run(build("fork", source))
    assert done.stdout.split("\n")[1:5] == ["sip_is_running() 0", "sip_list_calls(calls, 4) -3", "status 0",
                                            "sip_list_calls(calls, 4) 0"]


WAITS = CHECKED + """
#include <unistd.h>
int main(void)
{
    SHOW(sip_init());
    SHOW(sip_wait_call(0, "active", 0));
    for (;;) { sip_event_free(sip_poll(1)); SHOW(sip_is_running()); SHOW(sip_current_call()); }
}
"""


def started(program: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a program and return it with the process id of its engine."""
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    assert process.stdout.readline() == "sip_init() 0\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1
    return process, int(children[0])


def gone(pid: int) -> bool:
    """Wait until a process has ended, 10 s at most."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="there is no /proc on this system")
def test_the_engine_ends_with_a_program_that_is_killed(build: Build) -> None:
    process, engine = started(build("waits", WAITS))
    process.kill()
    process.communicate()
    assert gone(engine)


@pytest.mark.skipif(not Path("/proc").exists(), reason="there is no /proc on this system")
def test_a_program_outlives_its_engine(build: Build) -> None:
    process, engine = started(build("waits", WAITS))
    try:
        os.kill(engine, signal.SIGKILL)
        assert process.stdout is not None
        seen = ""
        while "sip_current_call() -23" not in seen:
            seen = process.stdout.readline()
            assert seen
    finally:
        process.kill()
        process.communicate()


CALLBACKS = CHECKED + """
#include <pthread.h>
#include <string.h>
#include <unistd.h>
static volatile int inside, after_end;
static void ending(const sip_event_t *event, void *user)
{
    int *live = user;
    inside = 1;
    usleep(200000);
    if (!*live)
        after_end = 1; /* called with what the program has done away with */
    if (strcmp(event->type, SIP_EVENT_SHUTDOWN) == 0)
        printf("from the callback %d\\n", sip_shutdown());
    inside = 0;
}
int main(void)
{
    static int live = 1;
    SHOW(sip_init());
    sip_set_callback(ending, &live, NULL);
    sip_invite_nowait("sip:nobody@127.0.0.1:9", "audio");
    while (!inside)
        usleep(1000);
    sip_set_callback(NULL, NULL, NULL);
    SHOW(inside); /* the callback has returned */
    live = 0;
    usleep(300000);
    SHOW(after_end);
    live = 1;
    sip_set_callback(ending, &live, SIP_EVENT_SHUTDOWN);
    SHOW(sip_shutdown());
    SHOW(sip_init());
    SHOW(sip_shutdown());
    return 0;
}
"""


def test_a_callback_ends_when_it_is_told_and_does_not_lock_up_the_end(build: Build, run: Run) -> None:
    done = run(build("callbacks", CALLBACKS))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "sip_init() 0", "inside 0", "after_end 0", "from the callback -4", "sip_shutdown() 0", "sip_init() 0",
        "sip_shutdown() 0",
    ]


def test_nothing_is_loaded_from_where_the_program_stands(build: Build, run: Run, tmp_path: Path) -> None:
    (tmp_path / "dataclasses.py").write_text("raise SystemExit('loaded from the current folder')\n")
    source = CHECKED + """
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    (void)argc;
    SHOW(chdir(argv[1]));
    SHOW(sip_init());
    SHOW(sip_shutdown());
    char python[500];
    snprintf(python, sizeof python, "MICROSIP_PYTHON=%s", getenv("MICROSIP_PYTHON"));
    clearenv();
    putenv(python);
    SHOW(sip_init());
    return 0;
}
"""
    done = run(build("elsewhere", source), str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[1::2] == ["0", "0", "0", "0"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="there is no /proc on this system")
def test_an_engine_that_hangs_is_ended(build: Build) -> None:
    process, engine = started(build("stops", CHECKED + """
#include <unistd.h>
int main(void)
{
    SHOW(sip_init());
    usleep(500000);
    SHOW(sip_shutdown());
    return 0;
}
"""))
    os.kill(engine, signal.SIGSTOP)
    output, _ = process.communicate(timeout=40)
    assert output == "sip_shutdown() 0\n"
    assert gone(engine)


def test_the_texts_of_codes_are_those_of_the_table() -> None:
    path = config_tool.library()
    if path is None:
        pytest.skip("libmicrosip is not built")
    library = ctypes.CDLL(str(path))
    library.sip_strerror.restype = ctypes.c_char_p
    assert {code: library.sip_strerror(code.value).decode() for code in ERROR_TABLE} == ERROR_TABLE
