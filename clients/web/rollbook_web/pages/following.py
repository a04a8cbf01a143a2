"""How an open page follows a picture: one task, which ends with the page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import background_tasks, context

from rollbook_web.live import Picture

PAUSE = 0.25
"""Seconds between two refreshes: what changes in between is drawn at once."""


def follow(picture: Picture, refresh: Callable[[], Awaitable[None] | None]) -> None:
    """Calls `refresh` after each change of the picture, from the moment the browser has connected, at most four times
    a second; the first time at once. It stands where it is called: what it makes goes there.
    """
    client = context.client
    slot = context.slot

    async def following() -> None:
        await client.connected()
        while not client.is_deleted:
            version = picture.version
            await _maybe(refresh())
            await asyncio.sleep(PAUSE)
            await picture.after(version)

    task = background_tasks.create(following(), name=f"page {client.page.path} follows", context=slot)
    client.on_delete(task.cancel)


async def _maybe(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result
