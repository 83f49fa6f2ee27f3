"""Search one target for octets that break it, with atheris: ``python tests/fuzz/run.py TARGET SECONDS``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

_REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(_REPOSITORY), str(_REPOSITORY / "tests")]
# An editable install has a finder of its own before the path's, and atheris is blind in the modules that finds.
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_editable")]

with atheris.instrument_imports(include=["microsip_core"]):
    from fuzz.targets import SEEDS, TARGETS


def main() -> None:
    """Run for the seconds given, from the seeds of the target; a failure leaves its octets in the present folder."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    loader = sys.modules["microsip_core.sip.parser"].__loader__
    if type(loader).__name__ != "AtherisSourceFileLoader":
        sys.exit(f"microsip_core is not instrumented, its loader is {loader!r}: the search would be blind")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]()):
            (Path(folder) / f"{number:04}").write_bytes(seed)
        atheris.Setup(
            [sys.argv[0], folder, f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10"], TARGETS[name],
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
