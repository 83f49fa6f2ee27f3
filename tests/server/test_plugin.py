"""The pytest plug-in works in somebody else's project, with settings of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = '''
import pytest
from microsip_core import UserAgent

pytest_plugins = ["microsip_core.testing"]


@pytest.fixture
def loopback_server_settings():
    return {"users": {"robot": "r2d2"}, "service_settings": None, "challenge": "all"}


@pytest.mark.asyncio
async def test_my_bot(loopback_server, sip_domain):
    async with UserAgent(media="none") as agent:
        await agent.create_account(f"sip:robot@{sip_domain}", "r2d2")
        async with await agent.invite(loopback_server.uri("echo"), timeout=5) as call:
            assert call.status == 200
'''


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_the_fixtures_in_another_project(tmp_path: Path, mode: str) -> None:
    (tmp_path / "test_bot.py").write_text(PROJECT)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    root = str(Path(__file__).parent.parent.parent)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", f"asyncio_mode={mode}", str(tmp_path)], cwd=tmp_path, text=True,
        capture_output=True, timeout=60, env={**os.environ, "PYTHONPATH": root}, check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout
