"""What the command line shows of a call's messages: captures, the drawn ladder, and why something failed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from .commands import Running, microsip, record_of


def test_a_call_is_captured_and_drawn(tmp_path: Path) -> None:
    capture, ladder = tmp_path / "call.pcapng", tmp_path / "ladder.svg"
    with Running("answer", "--listen", "127.0.0.1:0", "--count", "1") as answer:
        uri = f"sip:bot@{answer.next()['address']}"
        done = microsip("call", uri, "--duration", "0.2", "--capture", str(capture), "--ladder-svg", str(ladder))
    assert (done.returncode, done.stderr) == (0, "")
    assert capture.read_bytes().count(b"CSeq: 1 INVITE") >= 2
    texts = [element.text for element in ElementTree.parse(ladder).getroot().iter() if element.tag.endswith("text")]
    assert [text for text in texts if text in ("INVITE", "200 OK", "ACK", "BYE")] == [
        "INVITE", "200 OK", "ACK", "BYE", "200 OK"]


def test_a_failed_call_explains_itself() -> None:
    with Running("loopback", "--listen", "127.0.0.1:0") as server:
        address = server.next()["address"]
        told = microsip("call", f"sip:nobody@{address}", "--explain")
        record = record_of(microsip("call", f"sip:nobody@{address}", "--json"))
    lines = told.stderr.splitlines()
    assert lines[1:3] == ["step:     invite", f"with:     sip:nobody@{address}"]
    assert any(line.startswith("received: 404") for line in lines)
    explanation = record["error"]["explanation"]
    assert explanation["received"][0] == "404 Not Found"
    assert "does not know it" in explanation["remedy"]


@pytest.mark.parametrize(("option", "value", "word"), [
    ("--capture", "/nonexistent/a.pcapng", "/nonexistent"), ("--hep", "collector:9060", "IP address"),
    ("--ladder-svg", "/", "directory"),
])
def test_bad_places_are_told_before_anything_is_sent(option: str, value: str, word: str) -> None:
    done = microsip("call", "sip:bob@127.0.0.1:9", option, value)
    assert done.returncode == 2
    assert word in done.stderr
