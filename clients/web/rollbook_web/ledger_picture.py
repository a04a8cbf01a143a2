"""The open chains of all accounts and what they are worth: one watch of the ledger, for all pages and all events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from rollbook import AsyncClient, ChainMirror
from rollbook.errors import LedgerError
from rollbook.models import ChainValuation, PositionChain
from rollbook_web.ageing import ChainKey, turned_stale
from rollbook_web.live import BOOKMARK_MS, VALUES_MS, Picture

MOST_GONE = 1000
"""So many chains that closed are remembered: who looked away for longer begins anew."""


@dataclass(frozen=True)
class Changes:
    """What has become of the picture after one of its versions.

    Attributes:
        anew: Forget what you had: it is not told what has gone. The chains are all there are.
        chains: Open ones that the ledger changed, in the order of their change.
        valued: Others that are worth something else, or whose mark has grown old.
        gone: Those that closed, or changed when they were closed.
    """

    anew: bool
    chains: tuple[ChainKey, ...]
    valued: tuple[ChainKey, ...]
    gone: tuple[PositionChain, ...]


class LedgerPicture(Picture):
    """Whoever looks has a version, and asks what changed after it: nothing is kept for anybody, however slowly they
    read.
    """

    def __init__(self) -> None:
        super().__init__("The ledger")
        self.mirror = ChainMirror()
        """The chains, their values and the cursor; not to be changed."""
        self.touched: dict[ChainKey, int] = {}
        """The version that last changed an open chain or its value; the newest stand last, here and in the next two."""
        self.changed: dict[ChainKey, int] = {}
        """The version that last changed an open chain itself."""
        self.gone: dict[ChainKey, tuple[int, PositionChain]] = {}
        """The version at which a chain closed, or changed when it was closed, and how it is then."""
        self.seen: dict[ChainKey, datetime] = {}
        """When the value of an open chain came."""
        self.grown_old: set[ChainKey] = set()
        """Open chains with a mark that has become stale since it came."""
        self.begun = 1
        """The version before which nothing counts: there the picture was begun anew."""
        self.revised = 1
        """The version that last brought a change of the ledger itself: lists of closed chains and totals are to be read
        again after it, values alone do not move them."""
        self.listeners: list[Callable[[PositionChain], None]] = []
        """Who is told of each chain that changes, closed ones among them."""
        self._forgotten = 0
        """The version after which all that closed is remembered."""
        self._ageing: asyncio.TimerHandle | None = None

    async def keep(self, ledger: AsyncClient) -> None:
        """Kept until it is cancelled."""
        try:
            await self._keep(lambda: self._follow(ledger))
        finally:
            if self._ageing is not None:
                self._ageing.cancel()

    def since(self, version: int) -> Changes:
        """What changed after a version; 0 has seen nothing."""
        if version < max(self.begun, self._forgotten):
            return Changes(True, tuple(self.mirror.chains), (), ())
        chains = _after(self.changed, version)
        told = set(chains)
        valued = tuple(key for key in _after(self.touched, version) if key not in told)
        gone = tuple(chain for at, chain in self.gone.values() if at > version)
        return Changes(False, chains, valued, gone)

    async def _follow(self, ledger: AsyncClient) -> None:
        watching = ledger.watch_chains(
            account="",
            cursor=self.mirror.cursor,
            valuation_interval_ms=VALUES_MS,
            bookmark_interval_ms=BOOKMARK_MS,
            on_interruption=self._interrupted,
        )
        async with aclosing(watching) as stream:
            async for message in stream:
                self._hear()
                self.mirror.apply(message)
                first = not self.complete and self._is_whole()
                self.complete = self.complete or first
                if not message.chains and not message.valuations and not first:
                    continue
                self._change()
                if message.chains or first:
                    self.revised = self.version
                for changed in message.chains:
                    self._take_chain(changed)
                for valuation in message.valuations:
                    self._take_value(valuation)

    def _is_whole(self) -> bool:
        """Without the first values what is held would be shown as if nobody had marked it."""
        mirror = self.mirror
        held = any(chain.open_quantity for chain in mirror.chains.values())
        return mirror.cursor is not None and (bool(mirror.valuations) or not held)

    def _take_chain(self, chain: PositionChain) -> None:
        key = (chain.account, chain.position_id)
        for kept in (self.touched, self.changed, self.gone):
            kept.pop(key, None)
        if key in self.mirror.chains:
            self.touched[key] = self.changed[key] = self.version
        else:
            self.seen.pop(key, None)
            self.grown_old.discard(key)
            self.gone[key] = (self.version, chain)
            if len(self.gone) > MOST_GONE:
                self._forgotten, _ = self.gone.pop(next(iter(self.gone)))
        for listener in self.listeners:
            listener(chain)

    def _take_value(self, value: ChainValuation) -> None:
        key = (value.account, value.position_id)
        if self.mirror.valuations.get(key) is value and key in self.mirror.chains:
            self._touch(key)
            self.seen[key] = self.now()
            self.grown_old.discard(key)
            if self._ageing is None:
                self._age_marks()

    def _touch(self, key: ChainKey) -> None:
        self.touched.pop(key, None)
        self.touched[key] = self.version

    def _age_marks(self) -> None:
        """Finds marks that have become stale, and looks again when the next one may have."""
        turned, next_look = turned_stale(self.seen, self.mirror.valuations, self.grown_old, self.now())
        if turned:
            self._change()
            self.grown_old.update(turned)
            for key in turned:
                self._touch(key)
        self._ageing = asyncio.get_running_loop().call_later(next_look.total_seconds() + 0.1, self._age_marks)

    def _interrupted(self, error: LedgerError) -> None:
        self.mirror.interrupted(error)
        if self.mirror.cursor is None:
            self._begin_anew()
        super()._interrupted(error)

    def _begin_anew(self) -> None:
        self.complete = False
        for of_chains in (self.touched, self.changed, self.gone, self.seen):
            of_chains.clear()
        self.grown_old.clear()
        self.begun = self.revised = self.version + 1


def _after(versions: dict[ChainKey, int], version: int) -> tuple[ChainKey, ...]:
    """The newest stand last, so that what did not change is not walked."""
    found = []
    for key in reversed(versions):
        if versions[key] <= version:
            break
        found.append(key)
    return tuple(reversed(found))
