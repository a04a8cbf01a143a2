"""The connection to the server: one for the whole process, shared by pages, JSON and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from rollbook import AsyncClient, AsyncLab
from rollbook_web.board import Board
from rollbook_web.closed_chains import ClosedChains
from rollbook_web.ledger_picture import LedgerPicture
from rollbook_web.live import LabPicture
from rollbook_web.live_positions import LivePositions
from rollbook_web.portfolio import PortfolioReader

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
        self.ledger_picture = LedgerPicture()
        self.lab_picture = LabPicture()
        self.board = Board(self.ledger_picture)
        self.closed = ClosedChains(self.ledger, self.ledger_picture)
        self.portfolio = PortfolioReader(self.ledger, self.ledger_picture)
        self.positions = LivePositions(self.ledger_picture, self.ledger, self.now)
        self.closing = asyncio.Event()
        """Set when the process stops: what has no end of its own ends then."""

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Open while the app runs."""
        app.state.connection = self
        async with self.ledger, self.lab:
            keeping = [
                asyncio.create_task(self.ledger_picture.keep(self.ledger)),
                asyncio.create_task(self.lab_picture.keep(self.lab)),
            ]
            try:
                yield
            finally:
                for task in keeping:
                    task.cancel()
                await asyncio.gather(*keeping, return_exceptions=True)

    async def now(self) -> datetime:
        """The present by the server's clock, which expiries go by: in a replay that is not this machine's."""
        status = await self.ledger.get_server_status(deadline=CLOCK_DEADLINE)
        return status.clock_time or datetime.now(UTC)


def _of(request: Request) -> Connection:
    connection: Connection = request.app.state.connection
    return connection


Server = Annotated[Connection, Depends(_of)]
"""A parameter of an endpoint: the connection that it asks."""
