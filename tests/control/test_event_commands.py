"""Event commands: which are due, what they get, and that nothing a caller sends gets out of its word."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microsip_core.config.settings import General, Settings
from microsip_core.control.command_line import as_argument, clean, split_command, split_windows
from microsip_core.control.event_commands import (
    PLACEHOLDERS,
    Command,
    EventCommands,
    EventFacts,
    check_commands,
    remote_facts,
)
from microsip_core.errors import ConfigError

NOWHERE = {"is_file": lambda path: False}


class Sink:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.forgotten: list[int] = []

    def run(self, command: Command) -> None:
        self.commands.append(command)

    def forget_call(self, call: int) -> None:
        self.forgotten.append(call)


EVERYTHING = Settings(
    cmdOutgoingCall="/x out", cmdIncomingCall="/x in", cmdCallRing="/x ring", cmdCallAnswer="/x answer",
    cmdCallAnswerVideo="/x video", cmdCallStart="/x start", cmdCallBusy="/x busy", cmdCallEnd="/x end",
)
GENERAL = General(
    OnIncomingCall="/y in %number%", OnCallStarted="/y start %number%", OnCallEnded="/y end %number% %code%",
    OnStatusChange="/y status %status%",
)


def commands(*, general: General = GENERAL, windows: bool = False) -> tuple[EventCommands, Sink]:
    sink = Sink()
    return EventCommands(EVERYTHING, general, sink, windows=windows), sink


def facts(**changes: object) -> EventFacts:
    return EventFacts(**{"status": "incoming", "call": 7, "number": "100", "direction": "incoming", **changes})


@pytest.mark.parametrize(("text", "words"), [
    ("", []), ("   ", []), ("prog", ["prog"]), ("prog a b", ["prog", "a", "b"]),
    ("'/opt/my app/x' -n \"two words\"", ["/opt/my app/x", "-n", "two words"]), ("/opt/my\\ app/x", ["/opt/my app/x"]),
    ("prog '' x", ["prog", "", "x"]), ("prog $HOME `id` ; rm | x", ["prog", "$HOME", "`id`", ";", "rm", "|", "x"]),
    ("prog # x", ["prog", "#", "x"]),
])
def test_words_on_posix(text: str, words: list[str]) -> None:
    assert split_command(text, windows=False, **NOWHERE) == words


@pytest.mark.parametrize(("text", "words"), [
    ("", []), ("prog", ["prog"]),
    ('"C:\\Program Files\\x.exe" -n "two words"', ["C:\\Program Files\\x.exe", "-n", "two words"]),
    ("C:\\x\\y.exe a", ["C:\\x\\y.exe", "a"]), ('x "a\\\\"', ["x", "a\\"]), ('x \\"a', ["x", '"a']),
    ('x ""', ["x", ""]),
    ('x "a""b"', ["x", 'a"b']), ("x 'a b'", ["x", "'a", "b'"]), ('x a\\\\b "c d"e', ["x", "a\\\\b", "c de"]),
    ('x\ta  b ', ["x", "a", "b"]),
])
def test_words_on_windows(text: str, words: list[str]) -> None:
    assert split_command(text, windows=True, **NOWHERE) == words


@pytest.mark.parametrize(("text", "windows"), [("'open", False), ('"open', False), ("x\\", False), ('"C:\\x y', True)])
def test_a_quote_left_open_is_told(text: str, windows: bool) -> None:
    with pytest.raises(ConfigError):
        split_command(text, windows=windows, **NOWHERE)
    assert list(check_commands(Settings(cmdCallEnd=text), General(OnCallEnded=text), windows=windows))


@pytest.mark.parametrize("windows", [False, True])
def test_an_unquoted_path_with_blanks_is_found_when_it_is_there(windows: bool) -> None:
    path = "C:\\Program Files\\My  App\\x.exe" if windows else "/opt/My  App/x y"
    def is_file(candidate: str) -> bool:
        return candidate == path

    assert split_command(f"{path} -a b", windows=windows, is_file=is_file) == [path, "-a", "b"]
    assert split_command(path, windows=windows, is_file=is_file) == [path]
    assert split_command("prog -a b", windows=windows, is_file=is_file) == ["prog", "-a", "b"]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12), min_size=1))
def test_windows_words_are_those_that_were_quoted(words: list[str]) -> None:
    assert split_windows(subprocess.list2cmdline(words)) == words


def names(sink: Sink) -> list[str]:
    return [command.event for command in sink.commands]


def test_the_life_of_an_incoming_call() -> None:
    due, sink = commands()
    due.incoming(facts())
    due.ringing(facts())
    due.started(facts())
    due.ended(facts(code=200))
    due.ended(facts(code=200))
    assert names(sink) == ["cmdIncomingCall", "OnIncomingCall", "cmdCallRing", "cmdCallAnswer", "cmdCallStart",
                           "OnCallStarted", "cmdCallEnd", "OnCallEnded"]
    assert sink.commands[0].arguments == ("/x", "in", "100")
    assert sink.commands[-1].arguments == ("/y", "end", "100", "200")
    assert [command.last for command in sink.commands] == [False] * 6 + [True] * 2
    assert sink.forgotten == [7]


def test_the_life_of_an_outgoing_call_that_is_busy() -> None:
    due, sink = commands()
    due.outgoing(facts(direction="outgoing"))
    due.ended(facts(direction="outgoing", code=486, reason="Busy Here", busy=True))
    assert names(sink) == ["cmdOutgoingCall", "cmdCallBusy", "OnCallEnded"]
    assert sink.commands[1].environment["MICROSIP_CODE"] == "486"


def test_video_and_status() -> None:
    due, sink = commands()
    due.started(facts(video=True))
    due.started(facts(direction="outgoing", video=True))
    due.status_changed(EventFacts("registered", account="work"))
    assert names(sink) == ["cmdCallAnswer", "cmdCallAnswerVideo", "cmdCallStart", "OnCallStarted", "cmdCallStart",
                           "OnCallStarted", "OnStatusChange"]
    assert sink.commands[-1].arguments == ("/y", "status", "registered")


@given(st.lists(st.tuples(st.sampled_from(["incoming", "outgoing", "ringing", "started", "ended"]), st.integers(1, 3))))
def test_every_begin_has_one_end(steps: list[tuple[str, int]]) -> None:
    due, sink = commands(general=General())
    balance = 0
    for step, call in steps:
        if step in ("incoming", "outgoing") and call in due.open_calls:
            continue
        getattr(due, step)(facts(call=call))
    for call in due.open_calls:
        due.ended(facts(call=call))
    for command in sink.commands:
        balance += command.event in ("cmdIncomingCall", "cmdOutgoingCall")
        balance -= command.last
        assert balance >= 0
    assert balance == 0


def test_other_commands_from_the_next_event_on() -> None:
    due, sink = commands()
    due.incoming(facts())
    due.configure(Settings(cmdCallEnd="/new"), General())
    due.ended(facts())
    assert sink.commands[-1].arguments == ("/new", "100")


def test_all_placeholders_in_any_case_and_no_others() -> None:
    general = General(OnCallEnded="/y " + " ".join(f"%{name.upper()}%" for name in PLACEHOLDERS) + " %other% 100%")
    due, sink = commands(general=general)
    told = facts(status="ended", name="Bob", callid="abc@x", duration=12, code=200, reason="OK", account="work",
                 recording="/r/a.wav")
    due.incoming(told)
    due.ended(told)
    assert sink.commands[-1].arguments[1:] == (
        "100", "ended", "Bob <100>", "Bob", "incoming", "abc@x", "12", "200", "OK", "work", "/r/a.wav", "%other%",
        "100%")
    environment = sink.commands[-1].environment
    assert environment["MICROSIP_CALLERID"] == "Bob <100>"
    assert environment["MICROSIP_EVENT"] == "OnCallEnded"
    assert set(environment) == {f"MICROSIP_{name.upper()}" for name in PLACEHOLDERS} | {
        "MICROSIP_EVENT", "MICROSIP_CALL", "MICROSIP_REMOTE_URI", "MICROSIP_LOCAL_URI"}


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    due, sink = commands(general=General(OnIncomingCall="/y %name% %number%"))
    due.incoming(facts(name="%number%%account%", number="%name%"))
    assert sink.commands[-1].arguments == ("/y", "%number%%account%", "%name%")


HOSTILE = st.text(st.characters(), max_size=40) | st.sampled_from([
    "'; rm -rf / #", '" & calc & "', "$(id)", "`id`", "--exec=x", "-", "- -x", "/c calc", "a\nb", "a\0b", "%PATH%",
    "\\", "\\\"",
    "\ud800", "\u202e", "x" * 5000, "\u00a0-x", "\u2028--y",
])


@settings(max_examples=300)
@given(HOSTILE, HOSTILE, st.booleans())
@example("--exec=id", "-x", False)
@example("/exec", "/x", True)
def test_hostile_callers_stay_in_their_word(number: str, name: str, windows: bool) -> None:
    due, sink = commands(general=General(OnIncomingCall='/y --n "%name%" %number% end'), windows=windows)
    due.incoming(facts(number=number, name=name))
    appended, templated = (command.arguments for command in sink.commands)
    assert appended[:2] == ("/x", "in")
    assert len(appended) == 3
    assert (templated[:2], templated[4:]) == (("/y", "--n"), ("end",))
    assert len(templated) == 5
    for word in (appended[2], templated[2], templated[3]):
        assert not word.startswith(("-", "/") if windows else "-")
        assert word == "".join(character for character in word if character.isprintable())
        assert len(word) <= 1024
    for command in sink.commands:
        if windows:
            assert split_windows(subprocess.list2cmdline(command.arguments)) == list(command.arguments)
        for value in (*command.arguments, *command.environment.values()):
            assert "\0" not in value
            assert "\n" not in value
            os.fsencode(value)


@pytest.mark.parametrize("program", ["x.bat", "C:\\y\\Z.CMD", "x.cmd ", "x.bat."])
def test_what_a_batch_file_would_read_as_commands_is_taken_out(program: str) -> None:
    assert as_argument('1" & calc %PATH% ^x!y!', program, windows=True) == "1_ _ calc _PATH_ _x_y_"
    assert as_argument('1" & x', "x.exe", windows=True) == '1" & x'


def test_text_is_cleaned() -> None:
    assert clean("a\tb\x1b[31m\x7f\u202e") == "a b [31m  "
    assert clean("\ud800x") == "?x"
    assert len(clean("x" * 5000)) == 1024


@pytest.mark.parametrize(("uri", "number"), [
    ("sip:100@pbx", "100"), ("sip:100;phone-context=x@pbx", "100"), ("<sip:bob@pbx:5070;transport=tcp>", "bob"),
    ("sip:pbx.example", "pbx.example"),
    ("sips:a:pw@x?y=z", "a"), ("tel:+4930;ext=5", "+4930"), ("sip:@host", "host"), ("", ""), ("nonsense", "nonsense"),
])
def test_the_remote_number_is_the_user_part_or_the_host(uri: str, number: str) -> None:
    told = remote_facts(facts(), uri, ' "Bob" ')
    assert (told.number, told.name, told.remote_uri) == (number, "Bob", uri)
