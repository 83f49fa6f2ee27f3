"""C-style functions: conferences of calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from microsip_core.c_api.engine import Engine, running_engine
from microsip_core.c_api.results import number, returns_code, seconds
from microsip_core.errors import ErrorCode, InvalidArgument, NoCall
from microsip_core.user_agent.conference import Conference
from microsip_core.user_agent.user_agent import UserAgent


@dataclass(frozen=True, slots=True)
class SipConference:
    """sip_conference_t. ``calls`` are handles, ``levels`` what each last said in dBov (-127: silence).

    ``frames`` of 20 ms have been mixed; ``frames_skipped`` were not, because the machine was too busy.
    """

    id: int
    sample_rate: int
    calls: tuple[int, ...]
    levels: tuple[float, ...]
    muted: tuple[bool, ...]
    frames: int
    frames_skipped: int


def _find(running: Engine, wanted: int) -> Conference:
    conference = running.conferences.get(wanted)
    if conference is None:
        raise NoCall(f"there is no conference {wanted}", remedy="Call sip_conference_create first")
    return conference


@returns_code
def sip_conference_create(sample_rate: int = 16000) -> int:
    """Open a conference that mixes at 8000, 16000, 32000 or 48000 Hz; returns its handle."""
    running, rate = running_engine(), number(sample_rate, "sample_rate", 8000, 48000)

    async def work(agent: UserAgent) -> int:
        conference = agent.conference(sample_rate=rate)
        running.conferences[conference.id] = conference
        return conference.id

    return running.run(work)


@returns_code
def sip_conference_add(conference: int, call: int = 0) -> int:
    """Let a call take part; call 0 is the current one. It leaves any other conference."""
    return _on_conference(conference, call, lambda found, member: found.add(member))


@returns_code
def sip_conference_remove(conference: int, call: int = 0) -> int:
    """Let a call leave; it goes on by itself."""
    return _on_conference(conference, call, lambda found, member: found.remove(member))


@returns_code
def sip_conference_mute(conference: int, call: int = 0, muted: bool = True) -> int:
    """Let the others of a conference not hear a call, or hear it again."""
    return _on_conference(conference, call, lambda found, member: found.mute(member, bool(muted)))


@returns_code
def sip_conference_set_gain(conference: int, call: int = 0, gain: float = 1.0, volume: float = 1.0) -> int:
    """Scale what the others hear of a call, and what it hears of them: linear factors, 0 to 8."""
    factors = [seconds(one) for one in (gain, volume)]
    if None in factors:
        raise InvalidArgument(f"the factors are {gain!r} and {volume!r}", remedy="Give 0 to 8")
    return _on_conference(conference, call, lambda found, member: found.set_gain(member, *factors))


@returns_code
def sip_conference_end(conference: int) -> int:
    """Let all calls leave, and forget the conference. The calls go on."""
    running, wanted = running_engine(), number(conference, "conference", 0, 2**31 - 1)

    async def work(agent: UserAgent) -> int:
        found = _find(running, wanted)
        del running.conferences[wanted]
        await found.end()
        return ErrorCode.SIP_OK

    return running.run(work)


@returns_code
def sip_conference_info(conference: int) -> SipConference:
    """Return who takes part and how it goes."""
    running, wanted = running_engine(), number(conference, "conference", 0, 2**31 - 1)

    async def work(agent: UserAgent) -> SipConference:
        info = _find(running, wanted).info()
        return SipConference(
            info.id, info.sample_rate, tuple(member.call.id for member in info.members),
            tuple(member.level for member in info.members), tuple(member.muted for member in info.members),
            info.frames, info.frames_skipped,
        )

    return running.run(work)


def _on_conference(conference: Any, call: Any, act: Any) -> int:
    running = running_engine()
    wanted = number(conference, "conference", 0, 2**31 - 1)
    member = number(call, "call", 0, 2**31 - 1)

    async def work(agent: UserAgent) -> int:
        act(_find(running, wanted), running.call(member))
        return ErrorCode.SIP_OK

    return running.run(work)
