"""What a user says of how an account is to be reached: public address, rewriting, outbound, keep-alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from microsip_core.errors import InvalidArgument
from microsip_core.sip.reach import Reach
from microsip_core.transport.address import HostPort, numeric_family, split_host_port

if TYPE_CHECKING:
    from microsip_core.user_agent.config import UserAgentConfig

AUTO = "auto"
_LONGEST_KEEP_ALIVE = 86_400.0


class ReachOptions(TypedDict, total=False):
    """Keyword arguments of an account; see :class:`ReachTraits`."""

    public_address: str | None
    rewrite_contact: bool | None
    outbound: bool | None
    gruu: bool | None
    instance_id: str | None
    keep_alive: float | None
    reg_id: int


@dataclass(frozen=True, slots=True)
class ReachTraits:
    """What is None is as the user agent's settings of that name have it: see :class:`UserAgentConfig`.

    ``public_address`` "HOST" or "HOST:PORT", a literal address, or "auto"; ``rewrite_contact``, ``outbound``, ``gruu``,
    ``instance_id`` and ``keep_alive`` (seconds). ``reg_id`` numbers the flow from 1 on, for one device that registers
    by several.
    """

    public_address: str | None = None
    rewrite_contact: bool | None = None
    outbound: bool | None = None
    gruu: bool | None = None
    instance_id: str | None = None
    keep_alive: float | None = None
    reg_id: int = 1

    def check_reach(self) -> None:
        """Raise InvalidArgument for what is outside its range."""
        parse_public_address(self.public_address)
        if self.instance_id is not None:
            check_instance(self.instance_id)
        if not 1 <= self.reg_id < 2**31:
            raise InvalidArgument(f"reg_id is {self.reg_id}", step="account", remedy="Number the flows from 1 on")
        if self.keep_alive is not None and not 0 <= self.keep_alive <= _LONGEST_KEEP_ALIVE:
            raise InvalidArgument(f"keep_alive is {self.keep_alive}", step="account", remedy="Give 0 to 86400 seconds")


def parse_public_address(text: str | None) -> HostPort | None:
    """Return host and port (0 where none is given) of a public address; None for none and for "auto".

    Raises InvalidArgument for a name: it stands in session descriptions, which not every peer would look up.
    """
    if text is None or text == AUTO:
        return None
    host, port = split_host_port(text)
    if numeric_family(host) is None:
        raise InvalidArgument(
            f"the public address is {text!r}", step="configure",
            remedy='Write a literal address, such as 203.0.113.9 or 203.0.113.9:5060, or "auto"',
        )
    return host, port


def reach_of(config: UserAgentConfig, instance: str, traits: ReachTraits) -> Reach:
    """Return how an account is to be reached; ``instance`` is that of the user agent."""
    public = traits.public_address
    rewrite = _or(traits.rewrite_contact, config.rewrite_contact)
    if (public or config.public_address) == AUTO and not config.stun_server and rewrite is None:
        rewrite = True  # who else could tell
    return Reach(
        instance=traits.instance_id or config.instance_id or instance, reg_id=traits.reg_id,
        outbound=_or(traits.outbound, config.outbound), gruu=_or(traits.gruu, config.gruu),
        public=parse_public_address(public), rewrite=rewrite,
    )


def check_instance(text: str) -> None:
    """Raise InvalidArgument unless ``text`` is a URN that can stand in a Contact (RFC 5626 s4.1)."""
    plain = text.isascii() and text.replace("-", "").replace(":", "").replace(".", "").isalnum()
    if not text.startswith("urn:") or not plain or len(text) > 100:
        raise InvalidArgument(
            f"instance_id is {text!r}", step="configure", remedy="Write urn:uuid: and a UUID, the same at every start",
        )


def _or(own: bool | None, common: bool | None) -> bool | None:
    return common if own is None else own
