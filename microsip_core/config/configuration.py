"""The configuration as values: read from an ini file with a message for each bad one, and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.ini_file import IniFile
from microsip_core.config.keys import Key
from microsip_core.config.settings import General, Settings
from microsip_core.errors import ConfigError, InvalidArgument

ACCOUNT_SECTION = re.compile(r"account([0-9]{1,3})", re.IGNORECASE | re.ASCII)
_Section = TypeVar("_Section", Settings, General, AccountSettings)


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that can not be used; its default stands in. Its text never holds a password."""

    path: Path | None
    line: int
    section: str
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path or 'configuration'}:{self.line}"
        return f"{where}: [{self.section}] {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a configuration file says. ``accounts`` are by the number of their section.

    ``calls`` and ``shortcuts`` are the values of these sections, in order and as they stand in the file.
    """

    settings: Settings = field(default_factory=Settings)
    general: General = field(default_factory=General)
    accounts: Mapping[int, AccountSettings] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    shortcuts: tuple[str, ...] = ()


@dataclass(slots=True)
class LoadedConfiguration:
    """A configuration with the file it came from and what was wrong in it."""

    file: IniFile
    configuration: Configuration
    problems: list[Problem]

    def require_valid(self) -> Configuration:
        """Return the configuration. Raises ConfigError that tells every problem with its line."""
        if self.problems:
            raise ConfigError("; ".join(str(problem) for problem in self.problems), step="read the configuration")
        return self.configuration


def key_table(section: type[Settings | General | AccountSettings]) -> dict[str, Key]:
    """Return the keys of a section by their names, in the order of the table."""
    return {entry.name: entry.metadata["key"] for entry in fields(section)}


def load_configuration(path: Path) -> LoadedConfiguration:
    """Read a file; one that is not there gives the defaults. Raises FileError; ConfigError for what is no text."""
    return read_configuration(IniFile.load(path))


def read_configuration(file: IniFile) -> LoadedConfiguration:
    """Make values of a file; each bad one is a problem, and its default stands in."""
    junk = "this is no section, no key=value and no comment"
    problems = [Problem(file.path, line, "", "", junk) for line in file.junk]
    accounts = {}
    for name in file.sections():
        found = ACCOUNT_SECTION.fullmatch(name)
        if found is not None:
            accounts[int(found[1])] = _read_section(AccountSettings, name, file, problems)
    settings = _read_section(Settings, "Settings", file, problems)
    _check_ports(settings, file, problems)
    configuration = Configuration(
        settings, _read_section(General, "General", file, problems), dict(sorted(accounts.items())),
        tuple(value.text for value in file.values("Calls")), tuple(value.text for value in file.values("Shortcuts")),
    )
    problems.sort(key=lambda problem: problem.line)
    return LoadedConfiguration(file, configuration, problems)


def _read_section(kind: type[_Section], name: str, file: IniFile, problems: list[Problem]) -> _Section:
    values: dict[str, Any] = {}
    for key_name, key in key_table(kind).items():
        found = file.get(name, key_name)
        if found is None:
            continue
        try:
            values[key_name] = key.read(found.raw if key.raw else found.text)
        except ValueError as error:
            shown = "" if key.secret else f"{_shorten(found.text)!r} is not usable: "
            problems.append(Problem(
                file.path, found.line, name, key_name, f"{shown}{error}; {_default_in_words(key)} is used",
            ))
    return kind(**values)


def _check_ports(settings: Settings, file: IniFile, problems: list[Problem]) -> None:
    low, high = settings.rtpPortMin, settings.rtpPortMax
    if bool(low) == bool(high) and (not low or high - low >= 1):
        return
    found = file.get("Settings", "rtpPortMax") or file.get("Settings", "rtpPortMin")
    message = "rtpPortMin and rtpPortMax must both be 0, or make a range of two ports or more"
    problems.append(Problem(file.path, found.line if found else 0, "Settings", "rtpPortMax", message))


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _default_in_words(key: Key) -> str:
    return f"the default {key.show(key.default) or '(empty)'!r}"


def set_value(file: IniFile, section: str, key: str, value: Any) -> None:
    """Write a typed value as MicroSIP writes it. Raises InvalidArgument for an unknown key or a bad value."""
    table = key_table(_kind_of(section))
    if key not in table:
        raise InvalidArgument(f"there is no key {key!r} in [{section}]", step="change the configuration")
    entry = table[key]
    try:
        text = entry.write(value)
        entry.read(text)
    except (ValueError, TypeError, AttributeError) as error:
        reason = "" if entry.secret else f": {error}"
        raise InvalidArgument(f"[{section}] {key} can not have that value{reason}",
                              step="change the configuration") from None
    file.set(section, key, text)


def _kind_of(section: str) -> type[Settings | General | AccountSettings]:
    if ACCOUNT_SECTION.fullmatch(section):
        return AccountSettings
    kinds: dict[str, type[Settings | General]] = {"settings": Settings, "general": General}
    if section.lower() not in kinds:
        raise InvalidArgument(f"[{section}] has no typed values", step="change the configuration")
    return kinds[section.lower()]
