"""Search one target for octets that break it, with atheris: ``python tests/fuzz/run.py TARGET SECONDS``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["microsip_core"]):
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from fuzz.targets import SEEDS, TARGETS


def main() -> None:
    """Run for the seconds given, from the seeds of the target; a failure leaves its octets in the present folder."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]()):
            (Path(folder) / f"{number:04}").write_bytes(seed)
        atheris.Setup(
            [sys.argv[0], folder, f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10"], TARGETS[name],
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
