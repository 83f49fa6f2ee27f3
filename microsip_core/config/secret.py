"""Passwords in the configuration: plain, or a reference to the environment, a file or the system's keyring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from microsip_core.errors import ConfigError, NotSupported


class Secret:
    """A password or a reference to one, which no representation, message or pickle shows.

    Forms: ``env:NAME``, ``file:PATH`` (its first line), ``keyring:SERVICE/USER``; ``plain:TEXT`` for a password that
    begins like one of these; all else is the password itself.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    @property
    def stored(self) -> str:
        """What stands in the file: the reference, or the password itself. For writing the file only."""
        return self._text

    @property
    def is_reference(self) -> bool:
        """Whether the password is kept elsewhere."""
        return self._text.partition(":")[0] in _SOURCES and ":" in self._text

    @property
    def environment_name(self) -> str | None:
        """The environment variable that is referred to, None for all else."""
        kind, colon, name = self._text.partition(":")
        return name if colon and kind == "env" else None

    def reveal(self, environ: Mapping[str, str] | None = None) -> str:
        """Return the password. Raises ConfigError when a reference leads to nothing, NotSupported without keyring."""
        kind, colon, rest = self._text.partition(":")
        if colon and kind == "plain":
            return rest
        if not colon or kind not in _SOURCES:
            return self._text
        if kind == "env":
            return _from_environment(rest, os.environ if environ is None else environ)
        return _from_file(rest) if kind == "file" else _from_keyring(rest)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(***)" if self._text else "Secret()"

    def __str__(self) -> str:
        return "***" if self._text else ""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


_SOURCES = ("env", "file", "keyring")


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(f"the environment variable {name!r} is not set", step="find the password",
                          remedy="Set it, or change the reference in the configuration")
    return environ[name]


def _from_file(path: str) -> str:
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"the file {path!r} can not be read: {reason}", step="find the password") from error
    if not lines or not lines[0]:
        raise ConfigError(f"the file {path!r} is empty", step="find the password",
                          remedy="Write the password into its first line")
    return lines[0]


def _from_keyring(reference: str) -> str:
    service, slash, user = reference.rpartition("/")
    if not slash or not service or not user:
        raise ConfigError("a keyring reference reads keyring:SERVICE/USER", step="find the password")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise NotSupported("the keyring package is not installed", step="find the password",
                           remedy="Install it with: pip install keyring") from error
    try:
        password = keyring.get_password(service, user)
    except KeyringError as error:
        raise ConfigError(f"the keyring refused: {type(error).__name__}", step="find the password") from error
    if password is None:
        raise ConfigError(f"the keyring has no password of {user!r} for {service!r}", step="find the password",
                          remedy=f"Store it with: keyring set {service} {user}")
    return str(password)
