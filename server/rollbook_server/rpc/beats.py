"""Valuations for those who watch. They have no cursor: at each beat of the interval that a watcher asked for, it gets
the newest of each chain that has changed since its last beat. Watchers of one interval share their beats, and so what
is computed for them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from rollbook_server.board import Board
from rollbook_server.domain.clock import Clock
from rollbook_server.domain.valuation import Held
from rollbook_server.rpc import nouns
from rollbook_server.rpc.paging import fitting
from rollbook_server.storage.changes import WatchFilter

_SLICE = 25
"""Chains valued at a time, so that other calls get their turn."""
_KEPT = 8
"""Beats that are kept for watchers who come to them a little later."""

Pieces = tuple[int, Sequence[bytes]]
"""The board's version that they show, and the messages as they are sent."""
Beat = tuple[WatchFilter, float, int, int]
"""Filter, interval, its number, and the version after which changes are wanted."""


class Beats:
    """What is sent at the beats, computed once for all watchers of the same."""

    def __init__(
        self, board: Board, clock: Clock, message: Callable[[Sequence[Any]], bytes], rows: int, size: int
    ) -> None:
        self._board, self._clock, self._body, self._rows, self._size = board, clock, message, rows, size
        self._computed: OrderedDict[Beat, asyncio.Future[Pieces]] = OrderedDict()

    async def at(self, beat: Beat) -> Pieces:
        """The valuations of a beat."""
        known = self._computed.get(beat)
        if known is None:
            known = self._computed[beat] = asyncio.ensure_future(self._compute(beat[0], beat[3]))
            if len(self._computed) > _KEPT:
                self._computed.popitem(last=False)
        return await asyncio.shield(known)

    async def _compute(self, wanted: WatchFilter, version: int) -> Pieces:
        shown = self._board.version
        fits = wanted.test()
        changed = [held for held in self._board.since(version) if fits(held.chain)]
        values: list[Any] = []
        for first in range(0, len(changed), _SLICE):
            values += [self._value(held) for held in changed[first : first + _SLICE]]
            await asyncio.sleep(0)
        pieces = []
        while values:
            piece = fitting(values[: self._rows], self._size)
            pieces.append(self._body(piece))
            values = values[len(piece) :]
        return shown, pieces

    def _value(self, held: Held) -> Any:
        return nouns.chain_valuation(held.valuation(self._clock.now()))


class Pulse:
    """One watcher's beats."""

    def __init__(self, beats: Beats, wanted: WatchFilter, interval: float) -> None:
        self._beats, self._wanted, self._interval = beats, wanted, interval
        self.version = 0
        """What the watcher has seen of the board."""
        self._next = 0

    def left(self) -> float:
        """Seconds until the next beat; 0 or less when it has come."""
        return self._next * self._interval - time.monotonic()

    async def take(self) -> Sequence[bytes]:
        """The messages of this beat."""
        number = int(time.monotonic() // self._interval)
        self._next = number + (1 if self._next else 2)  # the first comes between two beats
        self.version, pieces = await self._beats.at((self._wanted, self._interval, number, self.version))
        return pieces
