"""The ledger's own totals, read again when the ledger has changed: once for all open pages."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from rollbook import AsyncClient
from rollbook.errors import LedgerError
from rollbook_web.ledger_picture import LedgerPicture
from rollbook_web.sums import Portfolios

MONTH = timedelta(days=30)


class PortfolioReader:
    """Keeps what the ledger said last, and asks again where that is old."""

    def __init__(self, ledger: AsyncClient, picture: LedgerPicture) -> None:
        self._ledger = ledger
        self._picture = picture
        self._lock = asyncio.Lock()
        self._of: tuple[int, datetime | None] = (0, None)
        self._newest: Portfolios | None = None

    async def newest(self) -> Portfolios | None:
        """As of the picture's last revision. While the server is away: as it was; None if it never answered."""
        if self._is_new():
            return self._newest
        async with self._lock:
            if not self._is_new():
                revised = self._picture.revised
                try:
                    self._newest, next_day = await self._read()
                    self._of = (revised, next_day)
                except LedgerError:
                    pass  # the picture says that the server is away
        return self._newest

    def _is_new(self) -> bool:
        revised, next_day = self._of
        return revised == self._picture.revised and next_day is not None and self._picture.now() < next_day

    async def _read(self) -> tuple[Portfolios, datetime]:
        """Days begin at 00:00 UTC by the server's clock."""
        now = (await self._ledger.get_server_status()).clock_time or self._picture.now()
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        whole, today, month = await asyncio.gather(
            self._ledger.get_portfolio(),
            self._ledger.get_portfolio(period_from_time=day),
            self._ledger.get_portfolio(period_from_time=now - MONTH),
        )
        return Portfolios(whole, today, month), self._picture.now() + (day + timedelta(days=1) - now)
