"""``microsip answer``: a headless user agent that answers every call until stopped."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from microsip_core.errors import MicrosipError

from .arguments import (
    REPORT_HELP,
    add_account_options,
    add_engine_options,
    add_output_options,
    check_account,
    count,
    create_account,
    engine_config,
    seconds,
)
from .call_record import FILE_PATIENCE, call_failure, call_record, call_sentence, hang_up
from .checks import check_not_the_same, check_playable, check_writable
from .device_options import add_device_options, check_devices, connect_devices, wants_devices
from .exit_status import ExitStatus
from .output import Output, error_line, error_record
from .progress import Progress
from .quality_log import QualityLog
from .recording_path import RecordingPaths
from .report import write_report
from .signals import run_until_signal, running

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.event_stream import EventStream
    from microsip_core.user_agent.user_agent import UserAgent

DESCRIPTION = """\
Answer every call until stopped by SIGINT or SIGTERM, or by --count. Prints one line when it listens, and one per
ended call. Without --play and --echo it sends silence.

With --json the first line is {"event": "listening", "address": "HOST:PORT", ...}; then comes, for each call, one
{"event": "call_ended", ...} with the fields that 'microsip call' has."""

EXAMPLES = """\
  microsip answer --listen 127.0.0.1:5070 --echo
  microsip answer --listen 0.0.0.0:5070 --play welcome.wav --record calls/ --max-calls 10
  microsip answer --account sip:bob@127.0.0.1:5060 --password-file secret.txt --after 2 --hangup-after 30 --json
  microsip answer --listen 127.0.0.1:5070 --signaling-only --quiet        # a target for load tests
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_engine_options(parser, listen="127.0.0.1:5060")
    add_account_options(parser)
    add_device_options(parser)
    parser.add_argument("--play", metavar="FILE.wav", help="play this WAV file to every caller")
    parser.add_argument("--loop", action="store_true", help="play it again and again")
    parser.add_argument("--record", metavar="DIR|FILE",
                        help="record, sent left, received right: one file per call in DIR (made where it ends with a "
                             "slash), or FILE, then FILE-2 and so on")
    parser.add_argument("--echo", action="store_true", help="send back what is received")
    parser.add_argument("--signaling-only", action="store_true", help="open no media: answer with inactive streams")
    parser.add_argument("--after", metavar="S", type=seconds, default=0.0, help="ring S seconds before answering")
    parser.add_argument("--hangup-after", metavar="S", type=seconds, help="hang up S seconds after the answer")
    parser.add_argument("--max-calls", metavar="N", type=count, help="refuse with 486 while N calls are up")
    parser.add_argument("--count", metavar="N", type=count, help="stop when N calls have ended")
    parser.add_argument("--report", metavar="FILE.json", help=f"{REPORT_HELP}, of the call that ended last")
    parser.add_argument("--quiet", action="store_true", help="print no line per call")
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Check the arguments, then answer calls."""
    check_account(arguments)
    check_playable(arguments.play)
    check_writable(arguments.report, step="write the report")
    check_devices(arguments)
    recordings = RecordingPaths(arguments.record) if arguments.record is not None else None
    if recordings is not None:
        recordings.check()
        check_not_the_same(arguments.play, arguments.record)
    config = engine_config(arguments, trace=arguments.report is not None, max_calls=arguments.max_calls)
    return run_until_signal(_AnsweringMachine(arguments, output, recordings).run(config))


@dataclass(slots=True)
class _Notes:
    """What is known of a call beside what the call itself knows."""

    recorded: str | None = None
    quality: QualityLog | None = None
    fault: MicrosipError | None = None


_NOTHING_KNOWN = _Notes()


class _AnsweringMachine:
    def __init__(self, arguments: Namespace, output: Output, recordings: RecordingPaths | None) -> None:
        self._arguments = arguments
        self._output = output
        self._recordings = recordings
        self._progress = Progress()
        self._ended = 0
        self._notes: WeakKeyDictionary[Call, _Notes] = WeakKeyDictionary()
        # Most calls of a load test need no task of their own: answering is all there is to do.
        self._plain = not any((
            wants_devices(arguments), arguments.play, arguments.record, arguments.echo, arguments.after,
            arguments.report, arguments.hangup_after is not None,
        ))

    async def run(self, config: UserAgentConfig) -> int:
        """Answer until enough calls have ended, or cancelled; return the exit status."""
        from microsip_core.user_agent.user_agent import UserAgent

        agent = UserAgent(config, media="none" if self._arguments.signaling_only else None)
        watched = not self._arguments.quiet or self._arguments.count is not None
        events: EventStream | None = None
        with self._progress:
            try:
                async with agent:
                    events = agent.events() if watched else None
                    agent.on_incoming = self._take
                    # Registered before anything is printed: who waits for the line can call at once, either way.
                    account = await create_account(agent, self._arguments)
                    self._tell_listening(agent, account.aor if account is not None else None)
                    if events is None:
                        await asyncio.Event().wait()
                    else:
                        await self._follow(events, agent, self._arguments.count)
            finally:
                if events is not None:
                    await self._follow(events, agent, None)  # the calls that the closing has ended
        return ExitStatus.OK

    def _tell_listening(self, agent: UserAgent, account: str | None) -> None:
        from microsip_core.transport.address import join_host_port

        address = join_host_port(agent.listen_address)
        self._output.record({"event": "listening", "address": address, "host": agent.listen_address[0],
                             "port": agent.listen_address[1], "account": account})
        self._output.text(f"listening on {address}" + (f" as {account}" if account else ""))

    def _take(self, call: Call) -> Awaitable[object] | None:
        """Answer a new call: at once, or in a task of its own where there is more to do."""
        if self._plain:
            call.answer()
            return None
        return self._serve(call)

    async def _serve(self, call: Call) -> None:
        arguments = self._arguments
        try:
            if arguments.after:
                await call.ring()
                await asyncio.sleep(arguments.after)
            await call.answer()
            await self._talk(call)
        except MicrosipError as error:
            self._notes.setdefault(call, _Notes()).fault = error
            await hang_up(call)

    async def _talk(self, call: Call) -> None:
        arguments = self._arguments
        notes = self._notes.setdefault(call, _Notes())
        if arguments.echo:
            call.echo()
        await connect_devices(call, arguments)
        if self._recordings is not None:
            notes.recorded = self._recordings.path_for(call.remote_uri, call.created)
            call.record(notes.recorded)
        if arguments.play is not None:
            call.play(arguments.play, loop=arguments.loop)
        if arguments.report is not None:
            notes.quality = QualityLog(call)
            async with running(notes.quality.run()):
                await self._wait_for_end(call)
                notes.quality.note()
        else:
            await self._wait_for_end(call)

    async def _wait_for_end(self, call: Call) -> None:
        if self._arguments.hangup_after is None:
            await call.wait_ended()
            return
        try:
            async with asyncio.timeout(self._arguments.hangup_after):
                await call.wait_ended()
        except TimeoutError:
            await hang_up(call)

    async def _follow(self, events: EventStream, agent: UserAgent, limit: int | None) -> None:
        """Tell of each call that has ended, until ``limit`` have, or the user agent is closed."""
        from microsip_core.user_agent.events import EventType

        async for event in events:
            if event.type is EventType.CALL_ENDED and event.call is not None:
                self._ended += 1
                if not self._arguments.quiet:
                    await event.call.recordings_complete(FILE_PATIENCE)  # who reads the line may open the file at once
                    self._tell_ended(event.call, agent)
                if self._ended == limit:
                    return
            if self._progress.enabled:
                self._progress.show(f"{len(agent.calls)} calls up, {self._ended} ended")

    def _tell_ended(self, call: Call, agent: UserAgent) -> None:
        self._progress.clear()
        notes = self._notes.get(call) or _NOTHING_KNOWN
        record = call_record(call, notes.recorded, with_media=not self._arguments.signaling_only)
        error = notes.fault or call_failure(call)
        self._output.record({"event": "call_ended", **record, "ok": error is None and call.answered is not None,
                             "error": error_record(error) if error is not None else None})
        self._output.text(call_sentence(record) + (f": {error_line(error)}" if error is not None else ""))
        if notes.quality is not None:
            write_report(self._arguments.report, record, agent.trace, notes.quality.notes)
