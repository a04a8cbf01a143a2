"""The connection to the server: one for the whole process, shared by pages, JSON and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from rollbook import AsyncClient, AsyncLab
from rollbook_web.book import Book
from rollbook_web.live_positions import LivePositions

DEADLINE = 5.0
"""Seconds: a browser that waits longer is better told that the server is away."""

CLOCK_DEADLINE = 2.0
"""Seconds to look at the clock."""


class Connection:
    """The ledger and the lab of one server. It connects with the first call, and again whenever it was lost."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.ledger = AsyncClient(target, deadline=DEADLINE)  # of all accounts: it names none
        self.lab = AsyncLab(target, deadline=DEADLINE)
        self.book = Book(self.ledger)
        self.positions = LivePositions(self.book, self.ledger, self.now)
        self.closing = asyncio.Event()
        """Set when the process stops: what has no end of its own ends then."""

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Open while the app runs."""
        app.state.connection = self
        async with self.ledger, self.lab:
            try:
                yield
            finally:
                await self.book.close()

    async def now(self) -> datetime:
        """The present by the server's clock, which expiries go by: in a replay that is not this machine's."""
        status = await self.ledger.get_server_status(deadline=CLOCK_DEADLINE)
        return status.clock_time or datetime.now(UTC)


def _of(request: Request) -> Connection:
    connection: Connection = request.app.state.connection
    return connection


Server = Annotated[Connection, Depends(_of)]
"""A parameter of an endpoint: the connection that it asks."""
