"""From the configuration file to a user agent: its settings, its accounts, the names of its recordings."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.configuration import Configuration
from microsip_core.config.dial_plan import DialPlan
from microsip_core.config.number import normalize_number
from microsip_core.config.settings import Settings
from microsip_core.errors import ConfigError
from microsip_core.media.codec_registry import codecs_of
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.reach_options import ReachOptions

_WITHOUT_EFFECT = (
    "VAD", "EC", "dnsSrv", "rport", "forceCodec", "audioInputDevice", "audioOutputDevice",
    "audioRingDevice", "volumeRing", "volumeOutput", "volumeInput", "disableMessaging",
)
_ACCOUNT_WITHOUT_EFFECT = (
    "publish", "ICE", "disableSessionTimer", "voicemailNumber",
)
_UNSAFE = re.compile(r"[^A-Za-z0-9+*#@._-]")
_PREFIX = re.compile(r"[+0-9*#]*")


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """What a user agent's account is made of. ``registers`` is False without a server. The password is not in here."""

    aor: str
    registrar: str | None
    proxy: str | None
    username: str | None
    display_name: str
    expires: int
    registers: bool
    reach: ReachOptions = field(default_factory=ReachOptions)


def agent_config(configuration: Configuration, host: str = "127.0.0.1") -> UserAgentConfig:
    """Return the settings of the user agent; ``host`` is the address to listen on.

    Raises ConfigError when no codec of the list is known, or accounts want media encrypted in different ways.
    """
    settings = configuration.settings
    wanted = {account.SRTP for account in configuration.accounts.values()}
    if not wanted <= {"", "optional", "mandatory"} or len(wanted) > 1:
        raise ConfigError("SRTP must be the same in all accounts: empty, optional or mandatory",
                          step="apply the configuration")
    srtp = wanted.pop() if wanted else ""
    ports = (settings.rtpPortMin, settings.rtpPortMax) if settings.rtpPortMin else None
    shown = f"[{host}]" if ":" in host else host
    return UserAgentConfig(
        listen=f"{shown}:{settings.sourcePort}", codecs=codec_names(settings), port_range=ports,
        user_agent=settings.userAgent or None, auto_ring=False, srtp=srtp or "off",
        stun_server=settings.STUN[0] if settings.enableSTUN and settings.STUN else None,
    )


def codec_names(settings: Settings, core: str | None = None) -> tuple[str, ...]:
    """Return the codecs of audioCodecs that the media core has, in its order. Raises ConfigError when that is none.

    MicroSIP writes them as name, sample rate and channels: ``G722/16000/1``.
    """
    known: dict[str, str] = {}
    for codec in codecs_of(core or _media_core()):
        for form in ("", f"/{codec.sample_rate}/{codec.channels}", f"/{codec.clock_rate}/{codec.channels}"):
            known[(codec.name + form).upper()] = codec.name
    names = tuple(dict.fromkeys(known[word.upper()] for word in settings.audioCodecs if word.upper() in known))
    if not names:
        raise ConfigError("audioCodecs names no codec that there is", step="apply the configuration",
                          remedy=f"Use {' '.join(dict.fromkeys(known.values()))}")
    return names


def _media_core() -> str:
    """Return the core that the media engine will take."""
    wanted = os.environ.get("MICROSIP_CORE", "auto")
    if wanted in ("native", "reference"):
        return wanted
    return "native" if find_spec("microsip_core.media._native") else "reference"


def account_plan(account: AccountSettings) -> AccountPlan:
    """Return what to make of an account section. Raises ConfigError when it has no user or no domain."""
    domain = account.domain or account.server
    if not account.username or not domain:
        raise ConfigError("an account needs username, and server or domain", step="apply the configuration")
    suffix = f";transport={account.transport}" if account.transport in ("tcp", "tls") else ""
    server = account.server or domain
    return AccountPlan(
        aor=f"sip:{account.username}@{domain}", registrar=f"sip:{server}{suffix}",
        proxy=f"sip:{account.proxy[0]}{suffix};lr" if account.proxy else None,
        username=account.authID or None, display_name=account.displayName, expires=account.registerRefresh,
        registers=bool(account.server), reach=ReachOptions(
            public_address=account.publicAddr or None, rewrite_contact=account.allowRewrite or None,
            keep_alive=float(account.keepAlive),
        ),
    )


def dial_target(text: str, account: AccountSettings | None) -> str:
    """Return what to call for what a user typed, by the rules of the account.

    Raises PermissionDenied for a number the dial plan blocks, InvalidArgument.
    """
    if account is None:
        return normalize_number(text)
    prefix = account.dialingPrefix if _PREFIX.fullmatch(account.dialingPrefix) else ""
    return normalize_number(text, dial_plan=DialPlan.parse(account.dialPlan), dialing_prefix=prefix)


def call_privacy(account: AccountSettings | None) -> str:
    """Return the privacy of a call by an account, by its hideCID."""
    hide = account.hideCID if account is not None else "0"
    return {"1": "anonymous", "hard": "anonymous", "soft": "id"}.get(hide, "none")


def recording_file(settings: Settings, folder: Path, number: str, direction: str, label: str) -> Path:
    """Return where to record a call: ``YYYYMMDD-HHMMSS-<remote>-<direction>-<account>.wav``, never over another file.

    ``folder`` is that of the configuration. What the remote party calls itself can not leave the folder.
    """
    place = folder / (settings.recordingPath or "Recordings")
    parts = (time.strftime("%Y%m%d-%H%M%S"), number[:64], direction, label[:64])
    stem = "-".join(_UNSAFE.sub("_", part) for part in parts if part)
    return next(path for path in _numbered(place, stem) if not path.exists())


def _numbered(folder: Path, stem: str) -> Iterator[Path]:
    yield folder / f"{stem}.wav"
    number = 2
    while True:
        yield folder / f"{stem}-{number}.wav"
        number += 1


def not_applied(configuration: Configuration) -> Iterator[str]:
    """Walk what the configuration asks for and this phone does not do yet, one sentence each."""
    settings, plain = configuration.settings, Settings()
    for key in _WITHOUT_EFFECT:
        if getattr(settings, key) != getattr(plain, key):
            yield f"[Settings] {key} has no effect yet"
    if settings.autoRecording and settings.recordingFormat != "wav":
        yield "[Settings] recordingFormat: recordings are wav"
    for number, account in configuration.accounts.items():
        for key in _ACCOUNT_WITHOUT_EFFECT:
            if getattr(account, key) != getattr(AccountSettings(), key):
                yield f"[Account{number}] {key} has no effect yet"
