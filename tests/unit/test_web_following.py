"""What an open page does by itself begins with its browser and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from nicegui import Client, core, ui
from starlette.requests import Request

from rollbook_web.pages.following import while_open


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A page that was sent, and whose browser has not connected yet."""
    before, core.loop = core.loop, asyncio.get_running_loop()
    made = Client(ui.page("/"), request=Request({"type": "http", "path": "/", "query_string": b"", "headers": []}))
    yield made
    if not made.is_deleted:
        made.delete()
    core.loop = before


async def _turns() -> None:
    """Lets everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_page_that_no_browser_comes_for_is_not_drawn_on(client: Client) -> None:
    """Who reads the text of a page and never connects: nothing begins, even when the page is given up."""
    done: list[str] = []

    async def work() -> None:
        done.append("worked")

    with client:
        while_open(work)
    await _turns()
    assert done == []
    client.delete()
    await _turns()
    assert done == []


async def test_work_is_broken_off_with_its_page(client: Client) -> None:
    """A page that is closed in the middle of its work is not drawn on afterwards."""
    done: list[str] = []
    answer = asyncio.Event()

    async def work() -> None:
        done.append("begun")
        await answer.wait()
        done.append("drawn")

    with client:
        while_open(work)
    await _turns()
    client._connected.set()  # what a browser's websocket does
    await _turns()
    assert done == ["begun"]
    client.delete()
    answer.set()
    await _turns()
    assert done == ["begun"]
