"""Captures are read by others: tcpdump reads the pcapng file, sngrep takes the HEP packets."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

from microsip_core import HepSender, PcapngWriter, UserAgent
from microsip_core.server import LoopbackServer

from .peers import HOST, Peer, free_udp_port, require, start


async def _registered_call(*sinks: PcapngWriter | HepSender) -> list[str]:
    """Register over TCP and call over it; return the messages that went to the sinks."""
    async with LoopbackServer(users={"alice": "secret"}, transports=("udp", "tcp")) as server:
        async with UserAgent(trace_sinks=sinks, media="none", trace=100) as agent:
            account = await agent.create_account(server.uri("alice"), "secret", proxy=server.proxy_for("tcp"))
            call = await agent.invite(server.uri("echo"), account=account)
            await call.hangup()
        return [entry.data.decode() for entry in agent.trace]


async def test_tcpdump_reads_the_capture(tmp_path: Path) -> None:
    tcpdump = require("tcpdump", "tcpdump")
    capture = tmp_path / "call.pcapng"
    messages = await _registered_call(PcapngWriter(capture))
    read = await asyncio.to_thread(
        subprocess.run, [tcpdump, "-nvv", "-A", "-r", str(capture)], capture_output=True, text=True, timeout=20,
        check=True,
    )
    assert read.stdout.count("udp sum ok") == len(messages)
    assert read.stdout.count("INVITE sip:echo@") == sum(text.startswith("INVITE") for text in messages)
    assert 'username="alice"' in read.stdout
    assert 'response="xxxx' in read.stdout


async def test_sngrep_takes_the_hep_packets(tmp_path: Path, started: Callable[[Peer], Peer]) -> None:
    sngrep, tcpdump = require("sngrep", "sngrep"), require("tcpdump", "tcpdump")
    port = free_udp_port()
    saved = tmp_path / "hep.pcap"
    started(start(
        "sngrep", [sngrep, "-N", "-q", "-F", "-L", f"udp:{HOST}:{port}", "-O", str(saved)], port,
        tmp_path / "sngrep.log", tmp_path,
    ))
    messages = await _registered_call(HepSender(HOST, port))
    read = ""
    for _ in range(50):
        await asyncio.sleep(0.1)
        read = (await asyncio.to_thread(
            subprocess.run, [tcpdump, "-n", "-A", "-r", str(saved)], capture_output=True, text=True, timeout=20,
            check=False,
        )).stdout
        if read.count("CSeq:") >= len(messages):
            break
    assert read.count("CSeq:") == len(messages)
    assert "INVITE sip:echo@" in read
