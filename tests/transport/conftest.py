"""Owners of transport layers that are closed at the end, and the certificates of the TLS tests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from .certificates import Authority
from .owner import Owner

MakeOwner = Callable[..., Awaitable[Owner]]


def open_descriptors() -> set[str]:
    """Return the descriptors of this process, nothing where the system does not tell."""
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()


@pytest.fixture
async def make_owner() -> AsyncIterator[MakeOwner]:
    """Make owners with open layers; afterwards no descriptor, task or timer of theirs may be left."""
    made: list[Owner] = []
    before = open_descriptors()
    tasks = asyncio.all_tasks()

    async def make(*arguments: Any, **options: Any) -> Owner:
        owner = Owner(*arguments, **options)
        made.append(owner)
        await owner.layer.open()
        return owner

    yield make
    for owner in made:
        await owner.layer.close()
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}
    assert open_descriptors() <= before


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A throw-away certificate authority."""
    return Authority(Path(tmp_path_factory.mktemp("certificates")))
