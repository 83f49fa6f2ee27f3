"""Lets ``python -m microsip_core`` stand for ``microsip``."""

from __future__ import annotations

import sys

from microsip_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
