"""The codecs of the engine with their priorities."""

from __future__ import annotations

from dataclasses import dataclass

from microsip_core.errors import InvalidState
from microsip_core.media.codec_registry import codecs_of, find_codec
from microsip_core.user_agent.user_agent import UserAgent

HIGHEST_PRIORITY = 255


@dataclass(frozen=True, slots=True)
class SipCodec:
    """sip_codec_t. ``payload`` is the RTP payload type we offer, ``clock_rate`` that of RTP and ``sample_rate`` that of
    the sound in Hz, ``priority`` 255 for the first choice and below, 0 for a codec that is not used.
    """

    name: str
    payload: int
    clock_rate: int
    sample_rate: int
    channels: int
    priority: int
    description: str


class CodecOrder:
    """The priorities of codecs that were set; on the loop thread."""

    def __init__(self) -> None:
        self._set: dict[str, int] = {}
        self._order: tuple[str, ...] = ()

    def look(self, agent: UserAgent) -> list[SipCodec]:
        """Return the codecs there are, those that are used first."""
        core = "native" if agent.media.core == "none" else agent.media.core
        used = [find_codec(name, core).name for name in agent.config.codecs]
        known = self._set if tuple(used) == self._order else {}  # the order was set otherwise since
        found = []
        for codec in codecs_of(core):
            rank = used.index(codec.name) if codec.name in used else len(used)
            priority = known.get(codec.name, HIGHEST_PRIORITY - rank) if codec.name in used else 0
            found.append((rank, SipCodec(
                codec.name, codec.payload_type, codec.clock_rate, codec.sample_rate, codec.channels, priority,
                codec.description,
            )))
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def give(self, agent: UserAgent, name: str, priority: int) -> None:
        """Give a codec a priority, and order all by theirs. Raises CodecError, InvalidState for the last one."""
        core = agent.media.core
        codec = find_codec(name, "native" if core == "none" else core).name
        priorities = {one.name: one.priority for one in self.look(agent)}
        priorities[codec] = priority
        names = sorted((one for one in priorities if priorities[one]), key=lambda one: -priorities[one])
        if not names:
            raise InvalidState("this is the only codec", step="set priority", remedy="Give another one a priority")
        agent.reconfigure(codecs=tuple(names))
        self._set, self._order = priorities, tuple(names)
