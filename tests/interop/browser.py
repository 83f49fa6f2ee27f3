"""Chromium without a window, driven through its debugging port, and JsSIP as a script for it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from .peers import REQUIRED, Peer, printed, require, start

JSSIP = "jssip@3.13.8"
_BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--remote-debugging-port=0",
)
_CACHE = Path(__file__).parents[2] / "build" / "interop"
# what ``require`` finds by a bare name: the file of each package that is meant for browsers
_PACKAGES = {
    "debug": "debug/src/browser.js", "ms": "ms/index.js", "events": "events/events.js",
    "sdp-transform": "sdp-transform/lib/index.js",
}
_LOADER = """
(() => {
  const files = %s, packages = %s, loaded = {};
  function load(path) {
    if (loaded[path]) return loaded[path].exports;
    const module = loaded[path] = {exports: {}}, folder = path.split('/').slice(0, -1);
    if (path.endsWith('.json')) { module.exports = JSON.parse(files[path]); return module.exports; }
    const require = name => {
      if (!name.startsWith('.')) return load(packages[name]);
      const parts = folder.slice();
      for (const part of name.split('/'))
        if (part === '..') parts.pop(); else if (part !== '.') parts.push(part);
      const base = parts.join('/');
      return load([base, base + '.js', base + '/index.js'].find(one => one in files));
    };
    new Function('module', 'exports', 'require', 'process', files[path])(module, module.exports, require, {env: {}});
    return module.exports;
  }
  window.JsSIP = load('jssip/lib/JsSIP.js');
  return JsSIP.version;
})()
"""


def jssip_script() -> str:
    """Return a script that makes ``window.JsSIP``; npm fetches the package the first time."""
    modules = _CACHE / "node_modules"
    if not all((modules / package / "package.json").exists() for package in ("jssip", *_PACKAGES)):
        npm = require("npm", "npm")
        command = [npm, "install", "--prefix", str(_CACHE), "--no-audit", "--no-fund", "--ignore-scripts", JSSIP]
        _CACHE.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            message = f"npm could not fetch {JSSIP}: {error.stderr!r}"
            pytest.fail(message) if REQUIRED else pytest.skip(message)
    files = {
        path.relative_to(modules).as_posix(): path.read_text()
        for package in ("jssip", *_PACKAGES) for pattern in ("*.js", "package.json")
        for path in (modules / package).rglob(pattern)
    }
    return _LOADER % (json.dumps(files), json.dumps(_PACKAGES))


class Page:
    """An empty page of a browser, in which scripts are run."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._number = 100

    async def run(self, script: str, timeout: float = 15.0) -> Any:
        """Run a script and return its value; a promise is waited for. Fails the test with what it throws."""
        self._number += 1
        await self._connection.send(json.dumps({
            "id": self._number, "sessionId": self._session, "method": "Runtime.evaluate",
            "params": {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True},
        }))
        async with asyncio.timeout(timeout):
            answer = await _answer(self._connection, self._number)
        if "exceptionDetails" in answer:
            pytest.fail(f"the script failed: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def do(self, script: str) -> None:
        """Run a script whose value is of no interest, and perhaps none that can be told."""
        await self.run(f"{script}, 0")

    async def close(self) -> None:
        """Close the connection to the browser."""
        await self._connection.close()


async def _answer(connection: ClientConnection, number: int) -> dict[str, Any]:
    while True:
        message = json.loads(await connection.recv())
        if message.get("id") == number:
            if "error" in message:
                pytest.fail(f"the browser refused: {message['error']}")
            return message["result"]


def start_browser(folder: Path) -> Peer:
    """Start Chromium with a new profile."""
    program = next((path for path in map(shutil.which, _BROWSERS) if path), None)
    if program is None:
        program = require("chromium", "chromium-headless-shell")
    command = [program, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    return start("chromium", command, 0, folder / "chromium.log", folder, wait_for_port=False)


async def open_page(browser: Peer) -> Page:
    """Open an empty page."""
    await printed(browser, "DevTools listening on", 30.0)
    found = re.search(r"DevTools listening on (ws://\S+)", browser.output())
    assert found is not None
    connection = await connect(found[1], max_size=None, proxy=None)
    async with asyncio.timeout(20):
        await connection.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
        target = (await _answer(connection, 1))["targetId"]
        await connection.send(json.dumps(
            {"id": 2, "method": "Target.attachToTarget", "params": {"targetId": target, "flatten": True}},
        ))
        return Page(connection, (await _answer(connection, 2))["sessionId"])
