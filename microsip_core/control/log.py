"""The log of this layer."""

from __future__ import annotations

import logging

LOG = logging.getLogger("microsip_core.control")
