"""What an open page does by itself: it begins when the browser has connected, and ends with the page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import background_tasks, context

from rollbook_web.live import Picture

PAUSE = 0.25
"""Seconds between two refreshes: what changes in between is drawn at once."""


def while_open(work: Callable[[], Awaitable[object]]) -> None:
    """Does something from the moment the browser has connected; never for one that only reads the page's text. It
    stands where it is called: what it makes goes there. It is broken off where the page is closed.
    """
    client, slot = context.client, context.slot

    async def working() -> None:
        await client.connected()
        if not client.is_deleted:
            await work()

    task = background_tasks.create(working(), name=f"page {client.page.path}", context=slot)
    client.on_delete(task.cancel)


def follow(picture: Picture, refresh: Callable[[], Awaitable[None] | None]) -> None:
    """Calls `refresh` after each change of the picture while the page is open, at most four times a second; the first
    time at once.
    """

    async def following() -> None:
        while True:
            version = picture.version
            await _maybe(refresh())
            await asyncio.sleep(PAUSE)
            await picture.after(version)

    while_open(following)


async def _maybe(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result
