"""Owners of transport layers that are closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from leaks import open_descriptors

from .owner import Owner

MakeOwner = Callable[..., Awaitable[Owner]]


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
