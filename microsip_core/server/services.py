"""Service users of the loopback server: numbers to call in tests, each an async function over a call.

They are users of an ordinary :class:`UserAgent` on a loopback port of its own, to which the proxy routes like to any
registered contact. That costs the server one import of a higher layer, and spares a second call, media and event
machinery beside the user agent's; and every test that calls a service exercises the proxy as a real callee would.
Nothing else in this package imports the user agent, and a server without services does not load it.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable

from microsip_core.errors import MicrosipError
from microsip_core.server.config import ServiceSettings
from microsip_core.server.journal import Journal
from microsip_core.sip.uri import SipUri
from microsip_core.user_agent.call import Call
from microsip_core.user_agent.config import UserAgentConfig
from microsip_core.user_agent.user_agent import UserAgent

TONE_HZ = 440.0
EARLY_TONE_HZ = 425.0
BUSY_HERE = 486
NOT_FOUND = 404


def _srtp_mode(settings: ServiceSettings) -> str:
    """Take SRTP where it is offered, as far as this machine has it; media of the user's own is not asked for it."""
    return "optional" if settings.media is None and importlib.util.find_spec("pylibsrtp") is not None else "off"


class Services:
    """The user agent behind the service users."""

    def __init__(self, host: str, settings: ServiceSettings, journal: Journal, seed: int | None = None) -> None:
        self.settings = settings
        self._journal = journal
        self._agent = UserAgent(
            UserAgentConfig(
                listen=f"[{host}]:0" if ":" in host else f"{host}:0", core=settings.core, max_calls=settings.max_calls,
                auto_ring=False, ring_timeout=settings.longest_call, seed=seed,
                user_agent="microsip-core loopback services", srtp=_srtp_mode(settings),
            ),
            media=settings.media,
        )
        self._agent.on_incoming = self._serve

    async def start(self) -> tuple[str, int]:
        """Open the user agent's sockets; returns where it listens."""
        await self._agent.start()
        return self._agent.listen_address

    async def close(self) -> None:
        """Hang up every service call and close the sockets."""
        await self._agent.close()

    @property
    def calls(self) -> int:
        """Calls under way."""
        return len(self._agent.calls)

    async def _serve(self, call: Call) -> None:
        name = SipUri.parse(call.local_uri).user or ""
        service = SERVICES.get(name)
        self._journal.count("service_calls")
        self._journal.tell("service", f"{name}: call from {call.remote_uri}")
        if service is None:
            await call.reject(NOT_FOUND)
            return
        try:
            async with asyncio.timeout(self.settings.longest_call):
                await service(self, call)
                await call.wait_ended()
        except TimeoutError:
            self._journal.tell("service", f"{name}: ended after the longest call allowed")
        except MicrosipError as error:
            # the caller's doing: gave up before the answer, no common codec, vanished
            self._journal.tell("service", f"{name}: {error}")
        finally:
            await call.hangup()
            self._journal.tell("service", lambda: f"{name}: call from {call.remote_uri} ended ({_account_of(call)})")

    async def _echo(self, call: Call) -> None:
        """Send back what is received."""
        await call.answer()
        call.echo(True)

    async def _tone(self, call: Call) -> None:
        """Send 440 Hz until the caller hangs up."""
        await call.answer()
        call.play_tone([((TONE_HZ,), 0, 0)])

    async def _play(self, call: Call) -> None:
        """Play the announcement once, then hang up."""
        await call.answer()
        if self.settings.announcement is not None:
            await call.play(self.settings.announcement)
        else:
            from microsip_core.server.announcement import SAMPLE_RATE, chimes

            await call.play(chimes(), rate=SAMPLE_RATE)
        await call.hangup()

    async def _sink(self, call: Call) -> None:
        """Answer, listen, and send silence."""
        await call.answer()

    async def _busy(self, call: Call) -> None:
        """Refuse with 486."""
        await call.reject(BUSY_HERE)

    async def _noanswer(self, call: Call) -> None:
        """Ring until the caller gives up."""
        await call.ring()

    async def _slow(self, call: Call) -> None:
        """Ring for ``slow_delay`` seconds, then be an echo."""
        await call.ring()
        await asyncio.sleep(self.settings.slow_delay)
        await self._echo(call)

    async def _early(self, call: Call) -> None:
        """Send 183 with a tone for ``early_delay`` seconds, then answer and be an echo."""
        await call.ring(early_media=True)
        call.play_tone([((EARLY_TONE_HZ,), 0, 0)])
        await asyncio.sleep(self.settings.early_delay)
        await call.answer()
        call.stop_play()
        call.echo(True)

    async def _dtmf(self, call: Call) -> None:
        """Send every digit back as it came, and tell it to the journal."""
        await call.answer()
        while True:
            digit = await call.recv_dtmf(1)
            if not digit:
                return
            self._journal.tell("dtmf", f"{call.remote_uri}: {digit}")
            await call.send_dtmf(digit)


def _account_of(call: Call) -> str:
    """Return how a call ended and, if it was answered, what came in: "normal, 3.2 s, PCMU, 160 packets, 0 lost"."""
    parts = [str(call.end_cause)]
    statistics = call.statistics()
    if call.answered is not None and statistics is not None:
        received = statistics.receive
        parts += [
            f"{call.duration:.1f} s", statistics.codec, f"{received.packets} packets", f"{received.lost} lost",
        ]
    return ", ".join(parts)


SERVICES: dict[str, Callable[[Services, Call], Awaitable[None]]] = {
    "echo": Services._echo,
    "tone": Services._tone,
    "play": Services._play,
    "sink": Services._sink,
    "busy": Services._busy,
    "noanswer": Services._noanswer,
    "slow": Services._slow,
    "early": Services._early,
    "dtmf": Services._dtmf,
}
