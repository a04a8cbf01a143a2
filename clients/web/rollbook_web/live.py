"""Pictures of what a server has: each is kept by one stream, for pages and events alike. That of the lab is here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime

from rollbook import AsyncLab
from rollbook.errors import LedgerError, OutOfRange
from rollbook.models import Backtest

VALUES_MS = 500
"""Values of a chain come at most this often."""
BOOKMARK_MS = 2_000
"""A sign of life comes at least this often."""
SILENCE = 3 * BOOKMARK_MS / 1_000
"""Seconds without a sign of life after which figures are called old, even if nobody has hung up."""

ANEW = 5.0
"""Seconds before a watch that was refused is tried again."""


class Picture:
    """What a stream tells, and how all who look hear that it has changed. It lives on one event loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        """Who is away when the figures are old, as a sentence begins."""
        self.version = 0
        """Grows with every change, those of `stale_since` among them."""
        self.complete = False
        """Whether the first state has come whole."""
        self.heard: datetime | None = None
        """When the server last said something."""
        self.stale_since: datetime | None = None
        """Since when the figures are old; None while they are fresh. Before the first message: since the start."""
        self.failure: LedgerError | None = None
        """Why they are old, where somebody said so."""
        self._begun = datetime.now(UTC)
        self._changed = asyncio.Event()
        self._silence: asyncio.TimerHandle | None = None

    def now(self) -> datetime:
        """By our own clock."""
        return datetime.now(UTC)

    async def after(self, version: int) -> int:
        """Waits for a version after this one, and returns it."""
        while self.version <= version:
            await self._changed.wait()
        return self.version

    def _change(self) -> None:
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _hear(self) -> None:
        """The server lives."""
        self.heard = datetime.now(UTC)
        self.failure = None
        if self.stale_since is not None:
            self.stale_since = None
            self._change()
        if self._silence is not None:
            self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(SILENCE, self._age)

    def _interrupted(self, error: LedgerError) -> None:
        self.failure = error
        self._age()

    def _age(self) -> None:
        if self.stale_since is None:
            self.stale_since = self.heard or self._begun
        self._change()

    def _stop(self) -> None:
        if self._silence is not None:
            self._silence.cancel()

    async def _keep(self, follow: Callable[[], Awaitable[None]]) -> None:
        """Follows for ever. What will not pass by itself may pass with another server at the same address."""
        while True:
            try:
                await follow()
            except LedgerError as error:
                self._interrupted(error)
                await asyncio.sleep(ANEW)
            finally:
                self._stop()


class LabPicture(Picture):
    """The runs of the lab, each as it is now."""

    def __init__(self) -> None:
        super().__init__("The lab")
        self.backtests: dict[str, Backtest] = {}
        self.touched: dict[str, int] = {}
        """The version that last changed a run."""

    async def keep(self, lab: AsyncLab) -> None:
        """Kept until it is cancelled. A server without a lab is a failure that stays until there is one."""
        await self._keep(lambda: self._follow(lab))

    async def _follow(self, lab: AsyncLab) -> None:
        watching = lab.watch_backtests(
            interval_ms=VALUES_MS, bookmark_interval_ms=BOOKMARK_MS, on_interruption=self._interrupted
        )
        async with aclosing(watching) as stream:
            async for message in stream:
                self._hear()
                first = message.bookmark and not self.complete
                self.complete = self.complete or message.bookmark
                if message.backtests or first:
                    self._change()
                for backtest in message.backtests:
                    if backtest.delete_time is not None:
                        self.backtests.pop(backtest.backtest_id, None)
                        self.touched.pop(backtest.backtest_id, None)
                    else:
                        self.backtests[backtest.backtest_id] = backtest
                        self.touched[backtest.backtest_id] = self.version

    def _interrupted(self, error: LedgerError) -> None:
        if not self.complete or isinstance(error, OutOfRange):
            self.backtests.clear()
            self.touched.clear()
            self.complete = False
        super()._interrupted(error)
