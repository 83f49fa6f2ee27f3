"""What differs between two configurations, so that a running phone takes over just that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.configuration import Configuration, LoadedConfiguration, key_table, load_configuration
from microsip_core.config.settings import General, Settings


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another now; ``old`` and ``new`` as they may be shown. ``live`` when no restart is needed."""

    section: str
    key: str
    old: str
    new: str
    live: bool

    def __str__(self) -> str:
        note = "" if self.live else " (after a restart)"
        return f"[{self.section}] {self.key}: {self.old or '(empty)'} -> {self.new or '(empty)'}{note}"


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """All that differs. The numbers of accounts are those of their sections."""

    values: tuple[Change, ...] = ()
    accounts_added: tuple[int, ...] = ()
    accounts_removed: tuple[int, ...] = ()
    accounts_changed: dict[int, tuple[Change, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.accounts_added or self.accounts_removed or self.accounts_changed)

    @property
    def after_restart(self) -> tuple[Change, ...]:
        """The changes that a running phone can not take over."""
        return tuple(change for change in self.values if not change.live)

    def lines(self) -> list[str]:
        """Return the changes in words, one a line, without passwords."""
        found = [str(change) for change in self.values]
        found += [f"[Account{number}] added" for number in self.accounts_added]
        found += [f"[Account{number}] removed" for number in self.accounts_removed]
        for changes in self.accounts_changed.values():
            found += [str(change) for change in changes]
        return found


def compare(old: Configuration, new: Configuration) -> ConfigurationChange:
    """Return what differs."""
    common = old.accounts.keys() & new.accounts.keys()
    changed = {
        number: differences for number in sorted(common)
        if (differences := _section(f"Account{number}", old.accounts[number], new.accounts[number]))
    }
    return ConfigurationChange(
        _section("Settings", old.settings, new.settings) + _section("General", old.general, new.general),
        tuple(sorted(new.accounts.keys() - common)), tuple(sorted(old.accounts.keys() - common)), changed,
    )


def reload_configuration(path: Path, old: Configuration) -> tuple[LoadedConfiguration, ConfigurationChange]:
    """Read a file again and return it with what differs.

    Raises ConfigError that tells every bad value with its line, FileError; the old configuration then stays.
    """
    loaded = load_configuration(path)
    return loaded, compare(old, loaded.require_valid())


def _section(
    name: str, old: Settings | General | AccountSettings, new: Settings | General | AccountSettings,
) -> tuple[Change, ...]:
    return tuple(
        Change(name, key, entry.show(getattr(old, key)), entry.show(getattr(new, key)), entry.live)
        for key, entry in key_table(type(old)).items() if getattr(old, key) != getattr(new, key)
    )
