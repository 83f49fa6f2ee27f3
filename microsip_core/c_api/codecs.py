"""C-style functions: which codecs there are, and in which order they are offered."""

from __future__ import annotations

from microsip_core.c_api.codec_order import HIGHEST_PRIORITY, SipCodec
from microsip_core.c_api.engine import running_engine
from microsip_core.c_api.results import number, returns_code, text
from microsip_core.errors import ErrorCode
from microsip_core.user_agent.user_agent import UserAgent


@returns_code
def sip_codec_list() -> list[SipCodec]:
    """Return the codecs of this build, those in use first, in their order."""
    running = running_engine()

    async def work(agent: UserAgent) -> list[SipCodec]:
        return running.codecs.look(agent)

    return running.run(work)


@returns_code
def sip_codec_set_priority(codec: str, priority: int) -> int:
    """Order the codecs of calls to come: 255 is the first choice, 0 does not use it. Equal ones keep their order."""
    running, name = running_engine(), text(codec, "codec")
    wanted = number(priority, "priority", 0, HIGHEST_PRIORITY)

    async def work(agent: UserAgent) -> int:
        running.codecs.give(agent, name, wanted)
        return ErrorCode.SIP_OK

    return running.run(work)
