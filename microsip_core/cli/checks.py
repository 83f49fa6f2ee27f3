"""Checks what the user gave before anything is sent: URIs, codecs, digits, files to play and to write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from microsip_core.errors import FileError

from .exit_status import UsageError

_DIGITS = frozenset("0123456789ABCDabcd*#,")


def sip_uri(text: str, *, step: str, domain: str | None = None) -> str:
    """Return ``text`` as a SIP URI: "sip:" may be left out, and "@DOMAIN" too where ``domain`` is known.

    A phone number, also one with "tel:", is dialled at ``domain``. Raises UsageError for what is no SIP URI.
    """
    from microsip_core.sip.parse_error import SipParseError
    from microsip_core.sip.uri import SipUri

    uri = text.strip()
    number = "".join(char for char in uri.lower().removeprefix("tel:") if char not in "-() ")
    if number.removeprefix("+").isdigit():
        if domain is None:
            raise UsageError(f"the number {text!r} has no domain", step=step,
                             remedy="Write it as sip:NUMBER@HOST, or give --account, whose domain it is dialled at")
        uri = number
    if not uri.lower().startswith(("sip:", "sips:")):
        uri = f"sip:{uri}"
        if "@" not in uri and domain is not None:
            uri += f"@{domain}"
    try:
        SipUri.parse(uri)
    except SipParseError as error:
        message = f"{text!r} is no SIP URI ({error.reason})"
        raise UsageError(message, step=step, remedy="Write it as sip:USER@HOST") from error
    return uri


def domain_of(uri: str) -> str:
    """Return "host[:port]" of a SIP URI."""
    from microsip_core.sip.uri import SipUri

    return SipUri.parse(uri).host_port


def check_codecs(names: Sequence[str], core: str | None = None) -> list[str] | None:
    """Return the codecs by their right names, None where none are given.

    Raises UsageError for an unknown one, and tells which there are.
    """
    if not names:
        return None
    from microsip_core.media.codec_registry import codecs_of
    from microsip_core.media.engine import default_core

    known = {codec.name.upper(): codec.name for codec in codecs_of(core or default_core())}
    wanted = [name.strip() for each in names for name in each.split(",") if name.strip()]
    for name in wanted:
        if name.upper() not in known:
            raise UsageError(f"there is no codec {name!r}", step="choose the codecs",
                             remedy=f"Use {' or '.join(known.values())}")
    return [known[name.upper()] for name in wanted]


def check_digits(digits: str | None) -> str | None:
    """Return the digits in upper case. Raises UsageError for what is no DTMF digit."""
    if digits is None:
        return None
    wrong = sorted(set(digits) - _DIGITS)
    if wrong or not digits:
        raise UsageError(f"{wrong[0]!r} is no DTMF digit" if wrong else "no digits are given", step="read the digits",
                         remedy="Use 0-9 A-D * #, and a comma for a pause of 500 ms")
    return digits.upper()


def check_playable(path: str | None) -> float:
    """Return how many seconds a WAV file plays, 0 for None. Raises UsageError for a file that can not be played."""
    if path is None:
        return 0.0
    from microsip_core.media.wav import probe_wav

    try:
        return probe_wav(path).duration
    except FileError as error:
        message = error.message.removeprefix(f"{path}: ")
        raise UsageError(message, step="open the file to play", peer=path, remedy=error.remedy) from error


def check_not_the_same(played: str | None, recorded: str | None) -> None:
    """Raise UsageError where a recording would overwrite the file that is played."""
    if played is not None and recorded is not None and Path(played).resolve() == Path(recorded).resolve():
        raise UsageError("it is also the file to play", step="record", peer=recorded, remedy="Record into another file")


def check_writable(path: str | None, *, step: str) -> None:
    """Raise UsageError where ``path`` can not be written: no such directory, a directory itself, or not allowed."""
    if path is None:
        return
    target = Path(path)
    directory = target.parent
    if target.is_dir():
        raise UsageError("it is a directory", step=step, peer=path, remedy="Name a file")
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", step=step, peer=path, remedy="Make it first")
    if not os.access(target if target.exists() else directory, os.W_OK):
        raise UsageError("writing there is not allowed", step=step, peer=path, remedy="Choose another place")
