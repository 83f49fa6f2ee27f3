"""What can be set while the engine runs: the settings of MicroSIP.ini that apply to it, those of the user agent, and
the accounts of the file; read, changed, saved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.configuration import Configuration, key_table, load_configuration, read_configuration
from microsip_core.config.configuration import set_value as set_ini_value
from microsip_core.config.dial_plan import DialPlan
from microsip_core.config.ini_file import IniFile
from microsip_core.config.number import is_number, normalize_number, strip_scheme
from microsip_core.config.settings import Settings
from microsip_core.control.call_policy import policy_of
from microsip_core.control.phone_settings import account_plan, agent_config, codec_names
from microsip_core.errors import ConfigError, FileError, InvalidArgument, MicrosipError, NotSupported
from microsip_core.sip.identity import Credential
from microsip_core.sip.uri import SipUri
from microsip_core.user_agent.account import Account
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.incoming_policy import IncomingPolicy
from microsip_core.user_agent.states import AccountState
from microsip_core.user_agent.user_agent import LIVE_SETTINGS, UserAgent

POLICY_KEYS = frozenset({
    "DND", "denyIncoming", "callWaiting", "maxConcurrentCalls", "forwarding", "FWD", "forwardingNumber",
    "forwardingDelay", "autoAnswer", "AA", "autoAnswerDelay", "autoAnswerNumber", "autoAnswerCalls",
})
AGENT_KEYS = frozenset({"audioCodecs", "rtpPortMin", "rtpPortMax", "STUN", "enableSTUN"})
"""The keys of [Settings] that apply to the engine of the C-style API; its programs do for themselves what others say.
"""
_SECRET = frozenset({"tls", "trace_sinks"})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _words_or_none(text: str) -> tuple[str, ...] | None:
    return _words(text) or None


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no", "on", "off"):
        raise ValueError("it must be 0 or 1")
    return text.lower() in ("1", "true", "yes", "on")


def _range(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    low, dash, high = text.partition("-")
    if not dash:
        raise ValueError("it must be LOW-HIGH")
    return int(low), int(high)


_READERS: dict[str, Callable[[str], Any]] = {
    "auto_answer_from": _words_or_none, "auto_answer_headers": _flag, "auto_ring": _flag, "close_timeout": float,
    "codecs": _words, "followed_hosts": _words_or_none, "max_calls": lambda text: int(text) if text else None,
    "max_message_size": int, "max_redirects": int, "port_range": _range, "ptime_ms": int, "srtp": str,
    "stun_server": lambda text: text or None,
}


class Preferences:
    """For one engine; on its loop thread. ``busy_forward`` sends calls on only while there is another one, which the
    file has no key for.
    """

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._file = IniFile()
        self._configuration = Configuration()
        self._sections: dict[int, int] = {}  # of accounts, by their handles: the number in the file
        self._plans: dict[int, tuple[DialPlan, str]] = {}  # by the handle of an account, 0 for all others
        self.policy = IncomingPolicy()

    # -- options ----------------------------------------------------------------------------------------------------

    def set_text(self, name: str, text: str) -> None:
        """Set an option from its text. Raises ConfigError for one that there is not, NotSupported for one that can not
        be changed now, InvalidArgument.
        """
        if name in {field.name for field in dataclasses.fields(self._agent.config)}:
            self._set_agent(name, text)
            return
        key = _ini_key(name)
        if key not in POLICY_KEYS | AGENT_KEYS:
            raise NotSupported(f"{key} does not apply to this engine", step="set option",
                               remedy=f"These do: {', '.join(sorted(POLICY_KEYS | AGENT_KEYS | set(_READERS)))}")
        try:
            value = key_table(Settings)[key].read(text)
        except ValueError as error:
            raise InvalidArgument(f"{text!r} is not usable for {key}: {error}", step="set option") from None
        self.set(**{key: value})

    def _set_agent(self, name: str, text: str) -> None:
        if name not in LIVE_SETTINGS or name not in _READERS:
            raise NotSupported(f"{name} is only read by sip_init", step="set option",
                               remedy=f"These can be changed: {', '.join(sorted(_READERS))}")
        try:
            value = _READERS[name](text)
        except ValueError as error:
            raise InvalidArgument(f"{text!r} is not usable for {name}: {error}", step="set option") from None
        self._agent.reconfigure(**{name: value})

    def get_text(self, name: str) -> str:
        """Return an option as text. Raises ConfigError for one that there is not."""
        config = self._agent.config
        if name in {field.name for field in dataclasses.fields(config)} - _SECRET:
            return _shown(getattr(config, name))
        key = _ini_key(name)
        return key_table(Settings)[key].show(getattr(self._configuration.settings, key))

    def set(self, **values: Any) -> None:
        """Set keys of [Settings] to typed values; they apply at once. Raises as :meth:`set_text`."""
        changed = IniFile.parse(self._file.to_bytes(), self._file.path)
        for key, value in values.items():
            set_ini_value(changed, "Settings", key, value)
        configuration = read_configuration(changed).configuration
        wanted = {key for key in values if key in AGENT_KEYS}
        if wanted:
            self._agent.reconfigure(**_agent_changes(configuration.settings, wanted))
        self._file, self._configuration = changed, configuration
        busy = self.policy.forward == "busy" and not {"forwarding", "FWD", "forwardingNumber"} & set(values)
        self.policy = policy_of(configuration.settings)
        if busy:
            self.forward_busy(self.policy.forward_to)

    def forward_busy(self, to: str) -> None:
        """Send calls on at once while there is another one."""
        self.policy = dataclasses.replace(self.policy, forward="busy", forward_to=to, forward_delay=0.0)

    # -- numbers ----------------------------------------------------------------------------------------------------

    def set_dial_plan(self, handle: int, plan: str, prefix: str) -> None:
        """Apply a plan to the numbers of one account, or with 0 of all that have none. Raises ConfigError."""
        if prefix and not is_number(prefix):
            raise InvalidArgument(f"{prefix!r} can not be dialled", step="set dial plan")
        self._plans[handle] = (DialPlan.parse(plan), prefix)

    def normalize(self, text: str, account: Account | None) -> str:
        """Return what to call for what a user typed. Raises PermissionDenied, InvalidArgument."""
        plan, prefix = self._plan_of(account) or (None, "")
        return normalize_number(text, dial_plan=plan, dialing_prefix=prefix)

    def dialled(self, text: str, account: Account | None) -> str:
        """Return what to call: a number goes through the dial plan, where there is one; all else stays as it is."""
        if self._plan_of(account) is None or not is_number(strip_scheme(text)):
            return text
        return self.normalize(text, account)

    def dialled_for(self, text: str, call: Call) -> str:
        """Return what to call for ``text`` in the name of a call's account."""
        return self.dialled(text, call.account)

    def _plan_of(self, account: Account | None) -> tuple[DialPlan, str] | None:
        return self._plans.get(account.id if account is not None else 0) or self._plans.get(0)

    # -- the file ---------------------------------------------------------------------------------------------------

    def load(self, path: Path) -> list[Account]:
        """Go by a configuration file, and put its accounts in the place of those of an earlier one; returns them.

        Raises FileError, ConfigError that tells every bad value with its line; nothing has changed then.
        """
        try:
            path.stat()  # to the configuration a file that is not there is one without settings
        except OSError as error:
            raise FileError(error.strerror or str(error), step="load the configuration", peer=str(path)) from error
        loaded = load_configuration(path)
        configuration = loaded.require_valid()
        config = agent_config(configuration)
        plans = {number: (account_plan(section), section.password.reveal() if section.password else None)
                 for number, section in configuration.accounts.items() if number or section.username}
        old = [account for account in self._agent.accounts if account.id in self._sections]
        made: dict[int, Account] = {}
        try:
            for number, (plan, password) in plans.items():
                made[number] = self._agent.add_account(
                    plan.aor, password, username=plan.username, registrar=plan.registrar, proxy=plan.proxy,
                    display_name=plan.display_name, expires=plan.expires, **plan.reach,
                )
                self._plan_for(made[number], configuration.accounts[number])
            names = ("codecs", "port_range", "srtp", "stun_server")
            self._agent.reconfigure(**{name: getattr(config, name) for name in names})
        except MicrosipError:
            self._remove(list(made.values()))
            raise
        self._remove(old)
        self._file, self._configuration = loaded.file, configuration
        self.policy = policy_of(configuration.settings)
        self._sections = {account.id: number for number, account in made.items()}
        default = made.get(configuration.settings.accountId)
        if default is not None:
            self._agent.accounts.remove(default)
            self._agent.accounts.insert(0, default)
        for number, account in made.items():
            if plans[number][0].registers:
                account.start_registration()
        return list(made.values())

    def _plan_for(self, account: Account, section: AccountSettings) -> None:
        if section.dialPlan or section.dialingPrefix:
            self.set_dial_plan(account.id, section.dialPlan, section.dialingPrefix)

    def _remove(self, accounts: list[Account]) -> None:
        for account in accounts:
            self._agent.remove_account(account)
            self._plans.pop(account.id, None)

    def save(self, path: Path) -> None:
        """Write the file: as it was loaded, with what has been set since and the accounts there are. Raises FileError.

        A password that the program gave is not written; a reference or password that stood in the file stays.
        """
        present = {account.id for account in self._agent.accounts}
        for handle in [one for one in self._sections if one not in present]:
            self._file.remove_section(f"Account{self._sections.pop(handle)}")
        for account in self._agent.accounts:
            if account.id not in self._sections:
                number = max([0, *self._configuration.accounts, *self._sections.values()]) + 1
                self._sections[account.id] = number
                for key, value in _section_of(account).items():
                    set_ini_value(self._file, f"Account{number}", key, value)
        self._file.save(path)
        self._configuration = read_configuration(self._file).configuration


def _ini_key(name: str) -> str:
    for key in key_table(Settings):
        if key.lower() == name.lower():
            return key
    raise ConfigError(f"no option is called {name!r}", step="option",
                      remedy="Give a key of [Settings] or a field of UserAgentConfig")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple | list):
        separator = "-" if all(isinstance(one, int) for one in value) and value else ","
        return separator.join(map(str, value))
    return str(value)


def _agent_changes(settings: Settings, keys: set[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "audioCodecs" in keys:
        changes["codecs"] = codec_names(settings)
    if keys & {"rtpPortMin", "rtpPortMax"} and bool(settings.rtpPortMin) == bool(settings.rtpPortMax):
        changes["port_range"] = (settings.rtpPortMin, settings.rtpPortMax) if settings.rtpPortMin else None
    if keys & {"STUN", "enableSTUN"}:
        changes["stun_server"] = settings.STUN[0] if settings.enableSTUN and settings.STUN else None
    return changes


def _section_of(account: Account) -> dict[str, Any]:
    """Return the keys of a section that makes such an account."""
    values: dict[str, Any] = {
        "username": account.uri.user_text, "domain": account.uri.host_port, "displayName": account.display_name,
    }
    transport = (account.traits.transport or account.uri.transport or "").lower()
    if transport in ("udp", "tcp", "tls"):
        values["transport"] = transport
    if account.state is not AccountState.UNREGISTERED:
        values["server"] = SipUri.parse(account.registrar).host_port
    if account.proxy:
        values["proxy"] = (_host_of(account.proxy),)
    credentials = account.identity.credentials
    name = credentials[0].username if isinstance(credentials, list) and credentials and isinstance(
        credentials[0], Credential) else ""
    if name and name != account.uri.user_text:
        values["authID"] = name
    return {key: value for key, value in values.items() if value}


def _host_of(uri: str) -> str:
    try:
        return SipUri.parse(uri).host_port
    except MicrosipError:
        return uri
