"""The phone: a user agent that does what its configuration file says and what its control socket asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from microsip_core import __version__
from microsip_core.config.changes import reload_configuration
from microsip_core.config.configuration import Configuration, load_configuration
from microsip_core.control.actions import Action, ActionKind, Launch
from microsip_core.control.command_runner import CommandRunner
from microsip_core.control.event_commands import EventCommands, check_commands
from microsip_core.control.launch import parse_command_line
from microsip_core.control.log import LOG
from microsip_core.control.numbers import Number
from microsip_core.control.phone_accounts import PhoneAccounts
from microsip_core.control.phone_actions import PhoneActions
from microsip_core.control.phone_calls import PhoneCalls, describe
from microsip_core.control.phone_settings import agent_config, not_applied
from microsip_core.control.requests import REQUESTS
from microsip_core.errors import ConfigError, InvalidArgument, InvalidState, MicrosipError, NotSupported
from microsip_core.user_agent.media_backend import MediaBackend
from microsip_core.user_agent.user_agent import UserAgent

Tell = Callable[[str, dict[str, Any]], None]


def _nobody(kind: str, event: dict[str, Any]) -> None:
    """Nobody has subscribed."""


class Phone:
    """A phone with the configuration of one file, on the running loop. It is a ControlHandler.

    ``host`` is the address to listen on. ``media`` as in UserAgent. ``tell`` gets the events for subscribers;
    ``quit`` is set when the phone was asked to end.
    """

    def __init__(self, path: Path, *, host: str = "127.0.0.1", media: MediaBackend | str | None = None) -> None:
        self.path, self._host, self._media = path, host, media
        self.tell: Tell = _nobody
        self.quit = asyncio.Event()
        self.configuration = Configuration()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the configuration, open the user agent, register the accounts.

        Bad values are logged with their lines, their defaults stand in. Raises FileError, ConfigError, Busy.
        """
        loaded = load_configuration(self.path)
        self.configuration = loaded.configuration
        for problem in loaded.problems:
            LOG.error("%s", problem)
        self._warn()
        settings = self.configuration.settings
        self.agent = UserAgent(agent_config(self.configuration, self._host), media=self._media)
        await self.agent.start()
        self.runner = CommandRunner(withheld=_password_variables(self.configuration))
        self._commands = EventCommands(settings, self.configuration.general, self.runner)
        self.accounts = PhoneAccounts(self.agent, settings.accountId)
        self.calls = PhoneCalls(
            self.agent, self.accounts, self._commands, self.configuration, self.path.parent,
            self._publish)
        self.actions = PhoneActions(self.agent, self.accounts, self.calls)
        self._following = asyncio.get_running_loop().create_task(self.calls.follow())
        await asyncio.sleep(0)  # so that it listens before the first event
        self.accounts.apply(self.configuration.accounts)

    def _publish(self, kind: str, event: dict[str, Any]) -> None:
        self.tell(kind, event)  # looked up anew: it is set after the start

    def _warn(self) -> None:
        for sentence in (*not_applied(self.configuration),
                         *check_commands(self.configuration.settings, self.configuration.general)):
            LOG.warning("%s", sentence)

    async def close(self) -> None:
        """Hang up, unregister, and give event commands their time. May be called again."""
        following, self._following = self._following, None
        if following is None:
            return
        await self.agent.close()
        await asyncio.wait([following], timeout=2.0)
        following.cancel()
        await asyncio.to_thread(self.runner.close)

    def reload(self) -> str:
        """Read the configuration again and apply what differs; return it in words. Raises ConfigError, FileError."""
        loaded, changes = reload_configuration(self.path, self.configuration)
        if agent_config(loaded.configuration).srtp != self.agent.config.srtp:
            raise ConfigError("SRTP changes with a restart only", step="read the configuration", peer=str(self.path))
        self._reconfigure(loaded.configuration)
        self.runner.withhold(_password_variables(loaded.configuration))
        self.configuration = self.calls.configuration = loaded.configuration
        self._warn()
        self._commands.configure(loaded.configuration.settings, loaded.configuration.general)
        if any(change.key == "accountId" for change in changes.values):
            self.accounts.chosen = loaded.configuration.settings.accountId
        self.accounts.apply(loaded.configuration.accounts)
        return "\n".join(changes.lines()) or "nothing has changed"

    def _reconfigure(self, configuration: Configuration) -> None:
        """Let calls to come go by the new settings, as far as a running user agent takes them."""
        wanted, now = agent_config(configuration, self._host), self.agent.config
        self.agent.reconfigure(**{name: getattr(wanted, name) for name in ("codecs", "port_range", "stun_server")
                                  if getattr(wanted, name) != getattr(now, name)})

    # -- launches ---------------------------------------------------------------------------------------------------

    async def execute(self, launch: Launch) -> str:
        """Do what a command line asks for, in order; return what came of the last. Raises MicrosipError."""
        said = ""
        for action in launch.actions:
            said = await self._do(action)
        return said

    async def _do(self, action: Action) -> str:
        kind, do = action.kind, self.actions
        if kind in _MUTES:
            return "muted" if do.mute(on=_MUTES[kind]) else "not muted"
        if kind in _HANG_UPS:
            return do.hang_up_all(_HANG_UPS[kind])
        if kind is ActionKind.ACCOUNT:
            self.accounts.choose(action.account or 0)
            return ""
        if kind is ActionKind.PASSWORD:
            if action.account is not None:
                self.accounts.choose(action.account)
            self.accounts.set_password(action.account, action.password)
            return ""
        simple: dict[ActionKind, Callable[[], str]] = {
            ActionKind.DIAL: lambda: do.dial(action.target, action.digits),
            ActionKind.ANSWER: do.answer, ActionKind.HANGUP: do.hang_up,
            ActionKind.DTMF: lambda: do.dtmf(action.text), ActionKind.TRANSFER: lambda: do.transfer(action.target),
            ActionKind.STATUS: self._status, ActionKind.CALLS: self._list_calls,
            ActionKind.SHOW: lambda: "running", ActionKind.MINIMIZE: lambda: "running", ActionKind.EXIT: self._quit,
        }
        if kind is ActionKind.HOLD:
            return await do.hold()
        if kind is ActionKind.MESSAGE:
            return await do.message(action.target, action.text)
        if kind not in simple:
            raise NotSupported(f"this phone can not do {kind.value}", step="do as told")
        return simple[kind]()

    def _quit(self) -> str:
        self.quit.set()
        return "ending"

    def _status(self) -> str:
        return self.calls.status().name.lower()

    def _list_calls(self) -> str:
        return "\n".join(f"{call.id} {call.direction} {call.state} {call.remote_uri}" for call in self.agent.calls)

    # -- ControlHandler ---------------------------------------------------------------------------------------------

    async def number(self, number: Number, text: str) -> tuple[int, str]:
        """Do what a documented number asks for."""
        do, text = self.actions, text.strip()
        if number is Number.STATUS:
            status = self.calls.status()
            return status.value, status.name.lower()
        if number is Number.MUTE:
            if text not in ("", "0", "1"):
                raise InvalidArgument("MUTE takes 1, 0 or nothing", step="mute")
            return int(do.mute(on=None if not text else text == "1")), ""
        try:
            return 1, await self._number(number, text)
        except MicrosipError as error:
            return 0, str(error)

    async def _number(self, number: Number, text: str) -> str:
        do = self.actions
        if number is Number.DIAL or (number is Number.HANGUP and text):
            launch = parse_command_line(text)
            if number is Number.HANGUP:
                self.calls.spawn(self.execute(launch))
                return "queued"
            if launch.actions[0].kind is ActionKind.SHOW:
                raise InvalidArgument("there is no number to dial", step="dial")
            return await self.execute(launch)
        if number is Number.MESSAGE:
            target, _, said = text.partition(" ")
            return await do.message(target, said.strip())
        if number in (Number.HOLD, Number.UNHOLD):
            return await do.hold(on=number is Number.HOLD)
        return self._plain_number(number, text)

    def _plain_number(self, number: Number, text: str) -> str:
        do = self.actions
        if number is Number.REJECT:
            return do.reject(status=_whole(text, 486))
        if number is Number.REGISTER:
            self.accounts.register(_whole(text, 0) if text else None)
            return ""
        return {
            Number.HANGUP: do.hang_up, Number.ANSWER: do.answer, Number.ACTIVECALL: lambda: do.call().remote_uri,
            Number.DTMF: lambda: do.dtmf(text), Number.TRANSFER: lambda: do.transfer(text), Number.RELOAD: self.reload,
            Number.QUIT: self._quit,
        }[number]()

    async def request(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do a request by name; see ``REQUESTS`` for the names and their arguments."""
        if command not in REQUESTS:
            raise NotSupported(f"there is no command {command!r}", step="do a request",
                               remedy=f"Use one of {', '.join(REQUESTS)}")
        wanted = REQUESTS[command]
        for name, value in arguments.items():
            kind = wanted.get(name)
            if kind is None or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise InvalidArgument(f"{command} takes {_in_words(wanted)}", step="do a request")
        result = getattr(self, f"_request_{command}")(**arguments)
        return await result if isinstance(result, Awaitable) else result

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state."""
        return {
            "version": __version__, "configuration": str(self.path), "status": self.calls.status().name.lower(),
            "listen": list(self.agent.listen_address), "calls": [describe(call) for call in self.agent.calls],
            "accounts": [
                {"account": number, "label": self.accounts.label(one), "address": one.aor, "state": one.state.value,
                 "status": one.status, "error": str(one.error) if one.error else None,
                 "chosen": number == self.accounts.chosen}
                for number, one in self.accounts.accounts.items()],
        }

    async def _request_command_line(self, line: str = "") -> dict[str, str]:
        return {"text": await self.execute(parse_command_line(line))}

    async def _request_launch(self, words: list[str] | None = None) -> dict[str, str]:
        from microsip_core.control.launch import parse_launch

        if not all(isinstance(word, str) for word in words or ()):
            raise InvalidArgument("words must be texts", step="do a request")
        return {"text": await self.execute(parse_launch(words or []))}

    def _request_answer(self, call: int | None = None) -> str:
        return self.actions.answer(call)

    def _request_reject(self, call: int | None = None, status: int = 486) -> str:
        return self.actions.reject(call, status)

    def _request_hangup(self, call: int | None = None) -> str:
        return self.actions.hang_up(call)

    def _request_hangup_all(self, which: str = "all") -> str:
        return self.actions.hang_up_all(which)

    async def _request_hold(self, call: int | None = None, on: bool | None = None) -> str:
        return await self.actions.hold(call, on)

    def _request_mute(self, call: int | None = None, on: bool | None = None) -> bool:
        return self.actions.mute(call, on)

    def _request_dtmf(self, digits: str = "", call: int | None = None) -> str:
        return self.actions.dtmf(digits, call)

    def _request_transfer(self, target: str = "", call: int | None = None) -> str:
        return self.actions.transfer(target, call)

    def _request_connect(self, call: int | None = None, other: int | None = None) -> str:
        return self.actions.connect(call, other)

    async def _request_message(self, target: str = "", text: str = "") -> str:
        return await self.actions.message(target, text)

    async def _request_wait(self, call: int = 0, state: str = "active", timeout: float = 30.0) -> dict[str, Any]:
        if not 0 < timeout <= 3600:
            raise InvalidArgument("timeout must be above 0 and at most 3600 s", step="wait")
        one = self.actions.call(call)
        try:
            await one.wait(state, float(timeout))
        except InvalidState:
            pass  # it has ended: the description says so, and how
        return describe(one)

    def _request_register(self, account: int | None = None) -> None:
        self.accounts.register(account)

    def _request_reload(self) -> str:
        return self.reload()

    def _request_quit(self) -> str:
        return self._quit()


_MUTES: dict[ActionKind, bool | None] = {
    ActionKind.MUTE: None, ActionKind.MIC_MUTE_CLICK: None, ActionKind.MIC_MUTE: True, ActionKind.MIC_UNMUTE: False,
}
_HANG_UPS = {
    ActionKind.HANGUP_ALL: "all", ActionKind.HANGUP_INCOMING: "incoming", ActionKind.HANGUP_CALLING: "calling",
}


def _password_variables(configuration: Configuration) -> set[str]:
    """Return the environment variables with passwords, which no event command is to see."""
    return {name for account in configuration.accounts.values() if (name := account.password.environment_name)}


def _whole(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InvalidArgument(f"{text[:20]!r} is no number", step="do as told")
    return int(text)


def _in_words(wanted: dict[str, Any]) -> str:
    return ", ".join(wanted) or "no arguments"
