"""A private network behind a NAT, and the world outside of it: three network namespaces of Linux.

    inside 10.77.1.2 --- 10.77.1.1 router 198.51.100.1 --- 198.51.100.2 outside

The router gives each flow of the inside another port, drawn at random, as strict NATs do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

INSIDE, OUTSIDE, PUBLIC = "10.77.1.2", "198.51.100.2", "198.51.100.1"
_RULES = """
add table ip nat
add chain ip nat post { type nat hook postrouting priority 100 ; }
add rule ip nat post oifname "world" masquerade fully-random
add table ip filter
add chain ip filter forward { type filter hook forward priority 0 ; policy drop ; }
add rule ip filter forward ct state established,related accept
add rule ip filter forward iifname "home" accept
"""


def missing() -> str:
    """Return why namespaces can not be made here, "" when they can."""
    if sys.platform != "linux":
        return "network namespaces are a thing of Linux"
    if os.geteuid() != 0:
        return "making network namespaces takes root"
    tools = [name for name in ("ip", "nft") if shutil.which(name, path=_PATH) is None]
    if tools:
        return f"{' and '.join(tools)} not installed"
    probe = subprocess.run(["ip", "netns", "add", _name("probe")], capture_output=True, text=True, check=False,
                           env=_ENVIRONMENT)
    if probe.returncode:
        return f"no network namespace can be made: {probe.stderr.strip()}"
    _run("ip", "netns", "del", _name("probe"))
    return ""


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_ENVIRONMENT = {**os.environ, "PATH": _PATH}


def _name(place: str) -> str:
    return f"sip{os.getpid()}{place}"


def _run(*command: str, text: str | None = None) -> None:
    subprocess.run(command, check=True, input=text, text=True, capture_output=True, env=_ENVIRONMENT)


class NatNetwork:
    """The three namespaces, as long as the ``with`` block lasts."""

    def __enter__(self) -> NatNetwork:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        for place in ("inside", "router", "outside"):
            _run("ip", "netns", "add", _name(place))
            self._in(place, "ip", "link", "set", "lo", "up")
        self._join("inside", f"{INSIDE}/24", "home", "10.77.1.1/24")
        self._join("outside", f"{OUTSIDE}/24", "world", f"{PUBLIC}/24")
        self._in("inside", "ip", "route", "add", "default", "via", "10.77.1.1")
        self._in("router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        _run("ip", "netns", "exec", _name("router"), "nft", "-f", "-", text=_RULES)

    def _join(self, place: str, address: str, device: str, router_address: str) -> None:
        """Lay a cable from a namespace to the router."""
        _run("ip", "link", "add", "eth", "netns", _name(place), "type", "veth", "peer", "name", device, "netns",
             _name("router"))
        for where, link, host in ((place, "eth", address), ("router", device, router_address)):
            self._in(where, "ip", "address", "add", host, "dev", link)
            self._in(where, "ip", "link", "set", link, "up")

    def _in(self, place: str, *command: str) -> None:
        _run("ip", "netns", "exec", _name(place), *command)

    def change_address(self, before: str, after: str) -> None:
        """Give the inside another address, as another Wi-Fi would."""
        self._in("inside", "ip", "address", "del", f"{before}/24", "dev", "eth")
        self._in("inside", "ip", "address", "add", f"{after}/24", "dev", "eth")
        self._in("inside", "ip", "route", "replace", "default", "via", "10.77.1.1")

    def command(self, place: str, *command: str) -> list[str]:
        """Return the command line that runs a command in a namespace."""
        return ["ip", "netns", "exec", _name(place), *command]

    def __exit__(self, *_: object) -> None:
        for place in ("inside", "router", "outside"):
            subprocess.run(["ip", "netns", "del", _name(place)], capture_output=True, check=False, env=_ENVIRONMENT)
