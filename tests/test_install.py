"""The package installs with and without a C compiler, and says which core it got."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def build_wheel(folder: Path, **environment: str) -> Path:
    """Build a wheel of this tree into ``folder``."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    inherited = {name: value for name, value in os.environ.items() if name != "MICROSIP_REQUIRE_NATIVE"}
    done = subprocess.run(command, env={**inherited, **environment}, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def doctor(wheel: Path, folder: Path, **environment: str) -> dict[str, object]:
    """Unpack the wheel beside this environment's dependencies and ask its doctor."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    # without site: an editable install of this tree would come before what is unpacked here
    path = os.pathsep.join([str(folder), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    done = subprocess.run(
        [sys.executable, "-S", "-m", "microsip_core", "doctor", "--json"], cwd=folder,
        env={**os.environ, "MICROSIP_CORE": "auto", "PYTHONPATH": path, **environment},
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("environment", "core", "tag"),
    [
        ({}, "native", "abi3"),
        ({"CC": "false"}, "reference", "py3-none-any"),
        ({"MICROSIP_PURE": "1"}, "reference", "py3-none-any"),
    ],
    ids=["with a compiler", "without a compiler", "asked to be pure"],
)
def test_wheel_installs_and_says_its_core(tmp_path: Path, environment: dict[str, str], core: str, tag: str) -> None:
    wheel = build_wheel(tmp_path / "wheel", **environment)
    assert tag in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "microsip_core/py.typed" in names
    c_library = {"microsip_core/include/microsip.h", "microsip_core/include/microsip_error.h"}
    if sys.platform != "win32":
        c_library.add(f"microsip_core/lib/libmicrosip.{'dylib' if sys.platform == 'darwin' else 'so'}")
    assert {name for name in names if name.endswith((".c", ".h", ".pyx")) or "libmicrosip" in name} == (
        c_library if core == "native" else set())
    assert doctor(wheel, tmp_path / "unpacked")["core"] == core
