"""Loopback SIP server: registrar, location service, stateful proxy and service users."""

from microsip_core.server.config import ServiceSettings
from microsip_core.server.journal import ServerEvent
from microsip_core.server.server import LoopbackServer

__all__ = ["LoopbackServer", "ServerEvent", "ServiceSettings"]
