"""One picture of the ledger and one of the lab, for all open pages. Each is kept by one stream, whoever looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime

from rollbook import AsyncClient, AsyncLab, ChainMirror
from rollbook.errors import LedgerError, OutOfRange
from rollbook.models import Backtest, ChainValuation, Cursor, PositionChain
from rollbook_web.ageing import ChainKey, turned_stale

VALUES_MS = 500
"""Values of a chain come at most this often."""
BOOKMARK_MS = 2_000
"""A sign of life comes at least this often."""
SILENCE = 3 * BOOKMARK_MS / 1_000
"""Seconds without a sign of life after which figures are called old, even if nobody has hung up."""

ANEW = 5.0
"""Seconds before a watch that was refused is tried again."""

MOST_GONE = 10_000
"""So many chains that are over are remembered: for pages that show them still."""


class Picture:
    """What a stream tells, and how pages hear that it has changed. It lives on one event loop."""

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


class LedgerPicture(Picture):
    """The open chains of all accounts with what they are worth."""

    def __init__(self) -> None:
        super().__init__("The ledger")
        self.mirror = ChainMirror()
        self.touched: dict[ChainKey, int] = {}
        """The version that last changed an open chain or its value."""
        self.gone: dict[ChainKey, int] = {}
        """The version at which a chain closed, or changed when it was closed; the newest."""
        self.seen: dict[ChainKey, datetime] = {}
        """When the value of an open chain came."""
        self.grown_old: set[ChainKey] = set()
        """Open chains with a mark that has become stale since it came."""
        self.revised = 0
        """The version that last brought a change of the ledger itself: lists of closed chains and totals are to be read
        again after it, values alone do not move them."""
        self.begun = 0
        """The version before which nothing counts: there the picture was begun anew."""
        self.listeners: list[Callable[[PositionChain], None]] = []
        """Who is told of each chain that changes, closed ones among them."""
        self._ageing: asyncio.TimerHandle | None = None

    async def keep(self, ledger: AsyncClient) -> None:
        """Kept until it is cancelled."""
        try:
            await self._keep(lambda: self._follow(ledger))
        finally:
            if self._ageing is not None:
                self._ageing.cancel()

    async def _follow(self, ledger: AsyncClient) -> None:
        self._begin_anew()
        watching = ledger.watch_chains(
            account="",
            valuation_interval_ms=VALUES_MS,
            bookmark_interval_ms=BOOKMARK_MS,
            on_interruption=self._interrupted,
        )
        async with aclosing(watching) as stream:
            async for message in stream:
                self._hear()
                self.mirror.apply(message)
                first = message.bookmark and not self.complete
                self.complete = self.complete or message.bookmark
                if not message.chains and not message.valuations and not first:
                    continue
                self._change()
                if message.chains or first:
                    self.revised = self.version
                for changed in message.chains:
                    self._take_chain(changed)
                for valuation in message.valuations:
                    self._take_value(valuation)

    def _take_chain(self, chain: PositionChain) -> None:
        key = (chain.account, chain.position_id)
        if key in self.mirror.chains:
            self.touched[key] = self.version
            self.gone.pop(key, None)
        else:
            for of_open in (self.touched, self.seen):
                of_open.pop(key, None)
            self.grown_old.discard(key)
            self.gone.pop(key, None)
            self.gone[key] = self.version  # the newest stand last
            if len(self.gone) > MOST_GONE:
                del self.gone[next(iter(self.gone))]
        for listener in self.listeners:
            listener(chain)

    def _take_value(self, value: ChainValuation) -> None:
        key = (value.account, value.position_id)
        if self.mirror.valuations.get(key) is value and key in self.mirror.chains:
            self.touched[key] = self.version
            self.seen[key] = self.now()
            self.grown_old.discard(key)
            if self._ageing is None:
                self._age_marks()

    def _age_marks(self) -> None:
        """Finds marks that have become stale, and looks again when the next one may have."""
        turned, next_look = turned_stale(self.seen, self.mirror.valuations, self.grown_old, self.now())
        if turned:
            self._change()
            self.grown_old.update(turned)
            self.touched.update((key, self.version) for key in turned if key in self.touched)
        self._ageing = asyncio.get_running_loop().call_later(next_look.total_seconds() + 0.1, self._age_marks)

    @property
    def cursor(self) -> Cursor | None:
        """What is complete."""
        return self.mirror.cursor

    def _interrupted(self, error: LedgerError) -> None:
        self.mirror.interrupted(error)
        if self.mirror.cursor is None:
            self._begin_anew()
        super()._interrupted(error)

    def _begin_anew(self) -> None:
        self.mirror, self.complete = ChainMirror(), False
        for of_chains in (self.touched, self.gone, self.seen):
            of_chains.clear()
        self.grown_old.clear()
        self.begun = self.revised = self.version + 1


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
