"""``microsip register`` and accounts of the other commands, against a loopback server of its own process."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from .commands import Running, assert_one_error_line, microsip, record_of
from .conftest import PASSWORD


def test_registers_and_unregisters(loopback: str) -> None:
    done = microsip("register", f"sip:alice@{loopback}", "--json", "--expires", "60", MICROSIP_PASSWORD=PASSWORD)
    assert (done.returncode, done.stderr) == (0, "")
    record = record_of(done)
    assert (record["event"], record["ok"], record["status"]) == ("registered", True, 200)
    assert record["account"] == f"sip:alice@{loopback}"
    assert 50 <= record["expires_s"] <= 60


def test_text_and_ladder_show_no_password(loopback: str) -> None:
    done = microsip("register", "--account", f"alice@{loopback}", "--password", PASSWORD, "--ladder")
    assert done.returncode == 0, done.stderr
    assert f"registered sip:alice@{loopback}" in done.stdout
    assert "unregistered" in done.stdout
    assert "401 Unauthorized" in done.stdout
    assert "REGISTER (credentials)" in done.stdout
    assert PASSWORD not in done.stdout


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_wrong_password(loopback: str, user: str) -> None:
    done = microsip("register", f"sip:{user}@{loopback}", "--password", "wrong", "--json")
    assert done.returncode == 5
    assert_one_error_line(done.stderr, "microsip register: register", loopback, "password")
    record = record_of(done)
    assert (record["ok"], record["exit_status"], record["error"]["code"]) == (False, 5, -15)
    assert "wrong" not in done.stdout + done.stderr


def test_no_password(loopback: str) -> None:
    done = microsip("register", f"sip:alice@{loopback}")
    assert done.returncode == 5
    assert_one_error_line(done.stderr, "register", loopback)


def test_registrar_that_is_not_there() -> None:
    done = microsip("register", "sip:alice@127.0.0.1:9", "--timeout", "1", "--password", "x")
    assert done.returncode == 4
    assert_one_error_line(done.stderr, "127.0.0.1:9")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stays_registered_until_stopped(loopback: str, password_file: str, number: signal.Signals) -> None:
    with Running("register", f"sip:bob@{loopback}", "--password-file", password_file, "--keep") as command:
        assert command.next()["event"] == "registered"
        # a registered user is reached; what answers is the registering user agent, which takes no calls
        assert microsip("call", f"sip:bob@{loopback}", "--timeout", "5").returncode == 3
        status, _, stderr = command.signal(number)
    assert (status, stderr) == (128 + number, "")
    done = microsip("call", f"sip:bob@{loopback}", "--timeout", "5", "--json")
    assert record_of(done)["status"] in (404, 480)


def test_call_between_two_accounts(loopback: str, password_file: str) -> None:
    account = ("--password-file", password_file)
    with Running("answer", "--listen", "127.0.0.1:0", "--account", f"bob@{loopback}", *account, "--echo") as answer:
        listening = answer.next()
        assert listening["account"] == f"sip:bob@{loopback}"
        done = microsip("call", "bob", "--account", f"sip:alice@{loopback}", *account, "--duration", "0.5", "--json")
        ended = answer.next()
    assert done.returncode == 0, done.stderr
    assert record_of(done)["remote_uri"] == f"sip:bob@{loopback}"
    assert ended["remote_uri"].startswith("sip:alice@")


def test_call_with_a_wrong_password(loopback: str) -> None:
    account = ("--account", f"sip:alice@{loopback}", "--password", "wrong")
    done = microsip("call", f"sip:echo@{loopback}", *account, "--json")
    assert done.returncode == 5
    assert_one_error_line(done.stderr, "microsip call: register", "password")


def test_every_request_challenged(password_file: str) -> None:
    with Running("loopback", "--listen", "127.0.0.1:0", "--user", f"alice:{PASSWORD}", "--challenge", "all") as server:
        address = server.next()["address"]
        without = microsip("call", f"sip:echo@{address}")
        assert without.returncode == 5
        assert_one_error_line(without.stderr, f"sip:echo@{address}", "--account")
        account = ("--account", f"sip:alice@{address}", "--password-file", password_file)
        done = microsip("call", "echo", *account, "--no-register", "--duration", "0.5", "--json")
        assert done.returncode == 0, done.stderr
        assert record_of(done)["end_cause"] == "normal"


def test_loopback_prints_what_happens(tmp_path: Path) -> None:
    with Running("loopback", "--listen", "127.0.0.1:0", "--user", f"alice:{PASSWORD}") as server:
        listening = server.next()
        assert (listening["event"], listening["users"]) == ("listening", ["alice"])
        microsip("register", f"sip:alice@{listening['address']}", MICROSIP_PASSWORD=PASSWORD)
        microsip("call", f"sip:busy@{listening['address']}")
        status, stdout, stderr = server.signal(signal.SIGINT)
    assert (status, stderr) == (130, "")
    events = [json.loads(line) for line in stdout.splitlines()]
    assert {"request", "response", "service"} <= {event["event"] for event in events}
    for words in ("REGISTER alice", "401 Unauthorized", "200 OK", "486 Busy Here"):
        assert any(words in event["text"] for event in events), words
    assert PASSWORD not in stdout
