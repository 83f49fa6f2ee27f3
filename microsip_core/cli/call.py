"""``microsip call``: places one call, plays, sends digits, records, and tells what became of it."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from microsip_core.errors import AuthenticationError, CallRefused, MicrosipError

from .arguments import (
    REPORT_HELP,
    account_domain,
    add_account_options,
    add_engine_options,
    add_output_options,
    check_account,
    create_account,
    engine_config,
    positive_seconds,
    seconds,
)
from .call_record import call_failure, call_record, call_sentence, hang_up
from .checks import check_digits, check_not_the_same, check_playable, check_writable, sip_uri
from .device_options import add_device_options, check_devices, connect_devices, wants_devices
from .exit_status import ExitStatus
from .output import Output
from .progress import Progress
from .quality_log import QualityLog
from .signals import cancel_all, run_until_signal, running, status_of_stop

if TYPE_CHECKING:
    from microsip_core.user_agent.call import Call
    from microsip_core.user_agent.config import UserAgentConfig
    from microsip_core.user_agent.event_stream import EventStream
    from microsip_core.user_agent.user_agent import UserAgent

DESCRIPTION = """\
Place one call. It ends when --duration is over; without --duration, when --play and --dtmf are done; with none of
these, after 10 seconds; and always when the peer hangs up. --duration 0 waits for the peer to hang up, and so does a
call with a sound device.

With --json it prints one object: status and reason (SIP), setup_ms (to the first ring), answer_ms, duration_s,
codec, packets_sent, packets_received, packets_lost, loss_percent, jitter_ms, round_trip_ms, mos, end_cause, ended_by,
recorded, media (all figures of both directions), ok, exit_status, and error, which is null or has type, code, step,
peer, message and remedy."""

EXAMPLES = """\
  microsip call sip:echo@127.0.0.1:5060 --play hello.wav --record back.wav
  microsip call sip:bob@example.com --account sip:alice@example.com --password-file secret --duration 30
  microsip call sip:dtmf@127.0.0.1:5060 --dtmf 1234# --duration 5 --json
  microsip call +15551234 --account sip:me@sip.example.com --proxy sip:edge.example.com --ladder
"""

DEFAULT_DURATION = 10.0
_TAIL = 0.5  # seconds: what was sent last is still in the peer's jitter buffer, and its echo on the way
_DIGITS_AFTER = 0.3  # seconds: some peers miss a digit that comes with the first packets


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("uri", metavar="URI", help="whom to call; with --account '@DOMAIN' may be left out")
    add_account_options(parser)
    parser.add_argument("--no-register", action="store_true",
                        help="do not register the account, only log in with it where the call is challenged")
    add_engine_options(parser, listen="127.0.0.1:0")
    add_device_options(parser)
    parser.add_argument("--play", metavar="FILE.wav", help="play this WAV file to the peer")
    parser.add_argument("--record", metavar="FILE.wav", help="record the call: sent left, received right")
    parser.add_argument("--dtmf", metavar="DIGITS", help="send these digits after the answer; a comma pauses 500 ms")
    parser.add_argument("--dtmf-method", choices=["auto", "rfc4733", "info"], default="auto", help="how (default auto)")
    parser.add_argument("--duration", metavar="S", type=seconds, help="hang up S seconds after the answer (see above)")
    parser.add_argument("--timeout", metavar="S", type=positive_seconds, default=60.0,
                        help="give up when nobody has answered after S seconds (default 60)")
    parser.add_argument("--events", action="store_true",
                        help="with --json: also one object per event while the call runs, such as call_ringing, dtmf")
    parser.add_argument("--ladder", action="store_true", help="show the SIP messages as a ladder diagram at the end")
    parser.add_argument("--ladder-svg", metavar="FILE.svg", help="draw that diagram into a file")
    parser.add_argument("--picture", metavar="FILE.svg", help="draw the sound, the jitter buffer, jitter and loss")
    parser.add_argument("--report", metavar="FILE.json", help=REPORT_HELP)
    add_output_options(parser)


def run(arguments: Namespace, output: Output) -> int:
    """Check the arguments, then place the call."""
    check_account(arguments)
    arguments.uri = sip_uri(arguments.uri, step="read the URI to call", domain=account_domain(arguments))
    arguments.dtmf = check_digits(arguments.dtmf)
    check_playable(arguments.play)
    check_writable(arguments.record, step="record")
    check_not_the_same(arguments.play, arguments.record)
    check_writable(arguments.picture, step="write the picture")
    check_writable(arguments.report, step="write the report")
    check_writable(arguments.ladder_svg, step="draw the ladder")
    check_devices(arguments)
    if arguments.picture and arguments.record is None:
        output.remark("without --record the picture has no waveforms")
    config = engine_config(arguments, trace=bool(arguments.ladder or arguments.ladder_svg or arguments.report))
    return run_until_signal(_Conversation(arguments, output).run(config))


class _Conversation:
    """The one call of the command, from the dial to the last line printed."""

    def __init__(self, arguments: Namespace, output: Output) -> None:
        self._arguments = arguments
        self._output = output
        self._progress = Progress()
        self._quality: QualityLog | None = None

    async def run(self, config: UserAgentConfig) -> int:
        """Place the call; return the exit status."""
        from microsip_core.user_agent.user_agent import UserAgent

        register = not self._arguments.no_register
        with self._progress:
            async with UserAgent(config) as agent:
                if self._arguments.account is not None and register:
                    self._progress.show(f"registering {self._arguments.account}")
                account = await create_account(agent, self._arguments, register=register)
                call = agent.start_call(self._arguments.uri, account=account, timeout=self._arguments.timeout)
                telling = asyncio.ensure_future(self._tell_events(call.events()))
                try:
                    error = await self._converse(call)
                except asyncio.CancelledError as stop:
                    self._progress.show("hanging up")
                    await hang_up(call)
                    await telling
                    self._tell(call, agent, None, status_of_stop(stop))
                    raise
                await telling  # it ends with the call
                return self._tell(call, agent, error, int(ExitStatus.OK))

    async def _converse(self, call: Call) -> MicrosipError | None:
        """Take the call from the dial to its end; return what went wrong."""
        self._progress.show(f"calling {self._arguments.uri}")
        try:
            await call.wait("active")
            error = await self._talk(call)
        except MicrosipError as error_of_ours:
            await hang_up(call)
            error = call_failure(call) or error_of_ours
        return _with_account_remedy(error, self._arguments)

    async def _talk(self, call: Call) -> MicrosipError | None:
        """Play, record and so on until it is time to hang up, or the call has ended by itself."""
        if self._arguments.record is not None:
            call.record(self._arguments.record)
        await connect_devices(call, self._arguments)
        self._quality = QualityLog(call)
        wanted = self._arguments.picture or self._arguments.report
        async with running(self._show_progress(call), *([self._quality.run()] if wanted else [])):
            speech, ended = asyncio.ensure_future(self._speak(call)), asyncio.ensure_future(call.wait_ended())
            try:
                await asyncio.wait([speech, ended], return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    speech.result()
            finally:
                self._quality.note()
                await cancel_all(speech, ended)
        return await hang_up(call) or call_failure(call)

    async def _speak(self, call: Call) -> None:
        """Send digits and play; return when it is time to hang up."""
        duration = self._arguments.duration
        speech = asyncio.ensure_future(self._send_digits_and_play(call))
        try:
            if duration is None:
                await speech
                if wants_devices(self._arguments):
                    await call.wait_ended()
                await asyncio.sleep(_TAIL if self._arguments.play or self._arguments.dtmf else DEFAULT_DURATION)
                return
            due = asyncio.get_running_loop().time() + duration
            done, _ = await asyncio.wait([speech], timeout=duration or None)
            if done:
                speech.result()
            if duration:
                await asyncio.sleep(due - asyncio.get_running_loop().time())
            else:
                await call.wait_ended()
        finally:
            await cancel_all(speech)

    async def _send_digits_and_play(self, call: Call) -> None:
        arguments = self._arguments
        if arguments.dtmf is not None:
            await asyncio.sleep(_DIGITS_AFTER)
            await call.send_dtmf(arguments.dtmf, method=arguments.dtmf_method)
        if arguments.play is not None:
            await call.play(arguments.play)

    async def _tell_events(self, events: EventStream) -> None:
        async for event in events:
            if self._arguments.events:
                self._output.record({"event": str(event.type), "time": round(event.time, 3), "status": event.status,
                                     "text": event.text})

    async def _show_progress(self, call: Call) -> None:
        while self._progress.enabled:
            statistics = call.statistics()
            figures = f"  {statistics.receive.summary()}" if statistics is not None else ""
            self._progress.show(f"{call.duration:5.1f} s{figures}")
            await asyncio.sleep(0.5)

    def _tell(self, call: Call, agent: UserAgent, error: MicrosipError | None, status: int) -> int:
        """Print the result, draw what is asked for, return the exit status."""
        self._progress.clear()
        record = call_record(call, self._arguments.record if call.answered is not None else None)
        if error is not None:
            status = self._output.error(error, record)
        else:
            done = {"ok": status == ExitStatus.OK, "exit_status": status, "error": None}
            self._output.record({"command": "call", **record, **done})
            self._output.text(call_sentence(record))
        self._draw(record, agent)
        return status

    def _draw(self, record: dict[str, Any], agent: UserAgent) -> None:
        from .call_diagrams import ladder_of_call, statistics_of_call, write_ladder, write_picture

        quality = self._quality.notes if self._quality is not None else []
        if record["media"] is not None and record["answer_ms"] is not None and not self._output.as_json:
            self._output.text("\n" + statistics_of_call(record, self._output))
        if self._arguments.ladder:
            self._output.remark("\n" + ladder_of_call(record, agent.trace, self._output))
        if self._arguments.ladder_svg:
            write_ladder(self._arguments.ladder_svg, record, agent.trace)
            self._output.text(f"ladder {self._arguments.ladder_svg}")
        if self._arguments.picture and record["media"] is not None and record["answer_ms"] is not None:
            write_picture(self._arguments.picture, record, quality)
            self._output.text(f"picture {self._arguments.picture}")
        if self._arguments.report:
            from .report import write_report

            write_report(self._arguments.report, record, agent.trace, quality)


def _with_account_remedy(error: MicrosipError | None, arguments: Namespace) -> MicrosipError | None:
    """Tell who was challenged and has no account how to give one."""
    refused = isinstance(error, CallRefused) and error.status in (401, 407)
    if error is not None and arguments.account is None and (refused or isinstance(error, AuthenticationError)):
        error.remedy = "Give --account and --password"
    return error
