"""Where a command gets a password from: an option, a file, the environment or a prompt."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from microsip_core.errors import FileError

ENVIRONMENT = "MICROSIP_PASSWORD"


def add_password_options(parser: ArgumentParser) -> None:
    """Add --password and --password-file."""
    parser.add_argument(
        "--password", metavar="P",
        help=f"the account's password; others can see it in the process list, so better use ${ENVIRONMENT}, "
             "--password-file, or the prompt",
    )
    parser.add_argument("--password-file", metavar="FILE", help="read the password from the first line of FILE")


def find_password(arguments: Namespace) -> str | None:
    """Return the password of the command's account, None when there is none to be had without a person to ask.

    In this order: --password, --password-file, the environment, a prompt where stdin is a terminal. Raises FileError.
    """
    if arguments.password is not None:
        return str(arguments.password)
    if arguments.password_file is not None:
        return _first_line(arguments.password_file)
    if ENVIRONMENT in os.environ:
        return os.environ[ENVIRONMENT]
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"password of {arguments.account} (empty for none): ") or None
    return None


def _first_line(path: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise FileError(f"{reason}", step="read the password", peer=path, remedy="Name a readable text file") from error
    if not lines or not lines[0]:
        raise FileError("the file is empty", step="read the password", peer=path,
                        remedy="Write the password into its first line")
    return lines[0]
