"""Ini files: what is read, what survives a change, and that a write is whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microsip_core.config.encoding import Encoding
from microsip_core.config.ini_file import LARGEST_FILE, IniFile
from microsip_core.errors import ConfigError, FileError, InvalidArgument

SAMPLE = (
    "; written by hand\r\n[Settings]\r\nDND=0\r\n  singleMode = 1  \r\nfuture=\u00fcber=all\r\n\r\n"
    "# an account\r\n[Account1]\r\nlabel=Z\u00fcrich\r\n; last words\r\n"
)


def encoded(text: str, encoding: Encoding) -> bytes:
    codec, mark = encoding.value
    return mark + text.encode(codec)


@pytest.mark.parametrize("encoding", Encoding)
def test_a_file_goes_back_as_it_came(encoding: Encoding) -> None:
    data = encoded(SAMPLE, encoding)
    file = IniFile.parse(data)
    assert file.encoding is encoding
    assert file.to_bytes() == data
    assert file.get("account1", "LABEL").text == "Z\u00fcrich"


@pytest.mark.parametrize("encoding", Encoding)
def test_a_change_touches_its_line_only(encoding: Encoding) -> None:
    file = IniFile.parse(encoded(SAMPLE, encoding))
    file.set("settings", "SINGLEMODE", "0")
    file.set("Account1", "domain", "example.com")
    changed = SAMPLE.replace("singleMode = 1  ", "singleMode = 0").replace(
        "label=Z\u00fcrich\r\n", "label=Z\u00fcrich\r\ndomain=example.com\r\n")
    assert file.to_bytes() == encoded(changed, encoding)


@given(st.binary(max_size=300))
def test_no_bytes_are_lost(data: bytes) -> None:
    try:
        file = IniFile.parse(data)
    except ConfigError:
        assert len(data) % 2  # half a character at the end of UTF-16
        return
    assert file.to_bytes() == data


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30)


@given(st.lists(st.tuples(NAMES, NAMES, VALUES), max_size=12), st.sampled_from(list(Encoding)))
def test_what_is_written_is_read_again(entries: list[tuple[str, str, str]], encoding: Encoding) -> None:
    file = IniFile("", encoding)
    expected = {}
    for section, key, value in entries:
        if '"' in value and "'" in value and (value != value.strip() or value[:1] == value[-1:]):
            continue  # no quotes are left to put round it
        file.set(section, key, value)
        expected[section.lower(), key.lower()] = value
    again = IniFile.parse(file.to_bytes())
    for (section, key), value in expected.items():
        assert again.get(section, key).text == value


@pytest.mark.parametrize(("raw", "text"), [
    ("plain", "plain"), ('"quoted"', "quoted"), ("'single'", "single"), ('"', '"'), ('""', ""),
    ('" blanks "', " blanks "),
    ('"C:\\a b\\x.exe" "two"', '"C:\\a b\\x.exe" "two"'), ("\"mixed'", "\"mixed'"), ("a=b;c", "a=b;c"), ("", ""),
])
def test_one_pair_of_quotes_falls_away(raw: str, text: str) -> None:
    value = IniFile(f"[S]\nk={raw}\n").get("S", "k")
    assert (value.text, value.raw) == (text, raw)


def test_the_first_of_two_counts_and_is_the_one_that_changes() -> None:
    file = IniFile("[S]\nk=1\nK=2\n[s]\nk=3\nother=4\n")
    assert file.get("S", "k").text == "1"
    file.set("S", "k", "9")
    assert file.to_text() == "[S]\nk=9\nK=2\n[s]\nk=3\nother=4\n"
    assert [value.text for value in file.values("S")] == ["9", "4"]
    assert file.remove("S", "K")
    assert file.to_text() == "[S]\n[s]\nother=4\n"


def test_line_ends_stay_even_mixed_ones_and_none_at_the_end() -> None:
    file = IniFile("[S]\r\na=1\nb=2\rc=3")
    assert [value.line for value in file.values("S")] == [2, 3, 4]
    file.set("S", "d", "4")
    assert file.to_text() == "[S]\r\na=1\nb=2\rc=3\r\nd=4\r\n"


def test_lines_that_say_nothing_are_kept_and_told() -> None:
    file = IniFile("what\n[S]\n=x\nk=1\n[broken\n")
    assert file.junk == [1, 3, 5]
    assert file.to_text() == "what\n[S]\n=x\nk=1\n[broken\n"


def test_sections_go_whole() -> None:
    file = IniFile("[A]\nk=1\n; c\n[B]\nk=2\n[a]\nz=1\n")
    assert file.sections() == ["A", "B"]
    assert file.remove_section("a")
    assert not file.remove_section("a")
    assert file.to_text() == "[B]\nk=2\n"


@pytest.mark.parametrize(("section", "key", "value"), [
    ("S", "k", "a\nDND=1"), ("S", "k", "a\r"), ("S", "k", "a\0"), ("S", "k=x", "1"), ("S", "", "1"), ("S", ";k", "1"),
    ("S", "[k", "1"), ("S]", "k", "1"), ("S\n", "k", "1"), ("", "k", "1"), ("S", " k", "1"),
])
def test_no_name_or_value_makes_another_line(section: str, key: str, value: str) -> None:
    file = IniFile("[S]\nk=0\n")
    with pytest.raises(InvalidArgument):
        file.set(section, key, value)
    assert file.to_text() == "[S]\nk=0\n"


def test_a_code_page_that_lacks_a_character_gives_way_to_utf_16() -> None:
    file = IniFile.parse("[S]\r\nname=M\u00fcller\r\n".encode("cp1252"))
    file.set("S", "name", "\u4e2d")
    assert file.to_bytes() == b"\xff\xfe" + "[S]\r\nname=\u4e2d\r\n".encode("utf-16-le")


def test_a_code_page_that_would_read_as_another_gives_way_too() -> None:
    file = IniFile.parse("[S]\r\nname=M\u00fcller\r\n".encode("cp1252"))
    file.set("S", "name", "\u00c3\u00bc")  # as cp1252 the bytes of an UTF-8 u umlaut
    assert IniFile.parse(file.to_bytes()).get("S", "name").text == "\u00c3\u00bc"


def test_a_new_file_is_as_microsip_writes_it_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "MicroSIP.ini"
    file = IniFile.load(path)
    file.set("Account1", "password", "x")
    file.save()
    assert path.read_bytes() == b"\xff\xfe" + "[Account1]\r\npassword=x\r\n".encode("utf-16-le")
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")
def test_a_write_keeps_mode_and_link_and_leaves_nothing_beside(tmp_path: Path) -> None:
    real, link = tmp_path / "real.ini", tmp_path / "link.ini"
    real.write_bytes(b"[S]\nk=1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    file = IniFile.load(link)
    file.set("S", "k", "2")
    file.save()
    assert link.is_symlink()
    assert real.read_bytes() == b"[S]\nk=2\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link.ini", "real.ini"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ini"
    path.write_bytes(b"[S]\nk=1\n")
    file = IniFile.load(path)
    file.set("S", "k", "2")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"):
        file.save()
    assert path.read_bytes() == b"[S]\nk=1\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ini"]


def test_files_that_are_no_configuration_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        IniFile.load(tmp_path)
    large = tmp_path / "large.ini"
    large.write_bytes(b";" * (LARGEST_FILE + 1))
    with pytest.raises(FileError, match="too large"):
        IniFile.load(large)
    with pytest.raises(ConfigError, match="UTF-16"):
        IniFile.parse(b"\xff\xfe[\0S")
    with pytest.raises(InvalidArgument):
        IniFile("[S]\n").save()
