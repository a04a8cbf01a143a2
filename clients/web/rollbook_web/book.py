"""The open chains and what they are worth, as the ledger has them: one watch for all who look, while anybody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rollbook import AsyncClient, ChainMirror, ChainState, LedgerError, PositionChain, WatchChainsResponse

VALUATION_INTERVAL_MS = 1000
"""How often marks may move the figures on a screen."""
REMEMBERED = 1000
"""Chains that closed: who looked away for longer begins anew."""

Key = tuple[str, str]
"""(account, position_id)."""


@dataclass(frozen=True)
class Changes:
    """What has become of the book since somebody last looked.

    Attributes:
        tick: To be given the next time.
        anew: Forget what you had: it is not told what has gone. The chains are all there are.
        chains: Changed by the ledger, in the order of their change.
        valued: Worth something else.
        gone: Closed.
    """

    tick: int
    anew: bool
    chains: tuple[Key, ...]
    valued: tuple[Key, ...]
    gone: tuple[PositionChain, ...]


class Book:
    """A copy of the ledger's open chains. Whoever looks has a tick, and asks what changed after it: nothing is kept for
    anybody, however slowly they read.
    """

    def __init__(self, ledger: AsyncClient) -> None:
        self._ledger = ledger
        self._mirror = ChainMirror()
        self._lookers = 0
        self._watch: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._tick = 0
        self._complete = False
        self._began = 0
        """The tick of the last new beginning, or from which on all that closed is remembered."""
        self._changed: dict[Key, int] = {}
        self._valued: dict[Key, int] = {}
        self._gone: dict[Key, tuple[int, PositionChain]] = {}
        self.away_since: datetime | None = None
        """Since when the figures are old; None while the server is heard."""
        self.failure: LedgerError | None = None
        """What the last interruption was."""

    @property
    def mirror(self) -> ChainMirror:
        """The chains, their values and the cursor; not to be changed."""
        return self._mirror

    @property
    def tick(self) -> int:
        """How often something has changed."""
        return self._tick

    @property
    def complete(self) -> bool:
        """Whether the first state has come, so that what is not there is not open."""
        return self._complete

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """While somebody looks, the ledger is watched."""
        self._lookers += 1
        if self._watch is None or self._watch.done():
            self._begin()
            self._watch = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._lookers -= 1
            if not self._lookers:
                await self.close()

    async def close(self) -> None:
        """Ends the watch."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def news(self, tick: int) -> None:
        """Waits until there is something after a tick: a change, an interruption, or the end of one. Raises LedgerError
        if the watch has ended for good; whoever looks the next time begins another."""
        while self._tick == tick:
            if self._watch is not None and self._watch.done():
                self._watch.result()
            await self._news.wait()

    def since(self, tick: int) -> Changes:
        """What changed after a tick; 0 has seen nothing."""
        anew = tick < self._began
        return Changes(
            self._tick,
            anew,
            tuple(self._mirror.chains) if anew else _after(self._changed, tick),
            () if anew else _after(self._valued, tick),
            () if anew else tuple(chain for at, chain in self._gone.values() if at > tick),
        )

    async def _follow(self) -> None:
        watching = self._ledger.watch_chains(
            on_interruption=self._interrupted, valuation_interval_ms=VALUATION_INTERVAL_MS
        )
        try:
            async with aclosing(watching) as messages:
                async for message in messages:
                    self._apply(message)
        finally:
            self._wake()

    def _apply(self, message: WatchChainsResponse) -> None:
        self._mirror.apply(message)
        if not self._complete and self._mirror.cursor is not None:
            # Without the first values what is held would be shown as if nobody had marked it.
            held = any(chain.open_quantity for chain in self._mirror.chains.values())
            self._complete = bool(message.valuations) or not held
        self.away_since = self.failure = None
        self._wake()
        for chain in message.chains:
            key = (chain.account, chain.position_id)
            self._changed.pop(key, None)
            self._gone.pop(key, None)
            if chain.state is ChainState.CLOSED:
                self._valued.pop(key, None)
                self._gone[key] = (self._tick, chain)
            else:
                self._changed[key] = self._tick
        for value in message.valuations:
            key = (value.account, value.position_id)
            if key in self._mirror.chains:
                self._valued.pop(key, None)
                self._valued[key] = self._tick
        while len(self._gone) > REMEMBERED:
            self._began = max(self._began, self._gone.pop(next(iter(self._gone)))[0])

    def _interrupted(self, error: LedgerError) -> None:
        self._mirror.interrupted(error)
        if self._mirror.cursor is None:
            self._begin()
        self.failure = error
        if self.away_since is None:  # who looks is told once, and not with each attempt to come back
            self.away_since = datetime.now(UTC)
            self._wake()

    def _begin(self) -> None:
        self._mirror = ChainMirror()
        self._complete = False
        for kept in (self._changed, self._valued, self._gone):
            kept.clear()
        self._tick += 1
        self._began = self._tick

    def _wake(self) -> None:
        self._tick += 1
        self._news.set()
        self._news = asyncio.Event()


def _after(ticks: dict[Key, int], tick: int) -> tuple[Key, ...]:
    """The newest stand last, so that what did not change is not walked."""
    found = []
    for key in reversed(ticks):
        if ticks[key] <= tick:
            break
        found.append(key)
    return tuple(reversed(found))
