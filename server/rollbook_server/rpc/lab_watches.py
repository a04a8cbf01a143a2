"""WatchBacktests: a watcher's cursor walks over the runs in the order of their last change. Nothing is queued for
anybody; who looks seldom sees the newest state and not what was between.

Watchers look at beats: multiples of their interval by one clock. So those who follow come to the same point at the same
time, and what was read and encoded for one is sent to all of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rollbook.v1 import backtest_service_pb2 as pb
from rollbook_server.domain.errors import InvalidArgument, OutOfRange, Reason
from rollbook_server.lab import Lab
from rollbook_server.rpc import decode, lab_nouns
from rollbook_server.rpc.paging import fitting
from rollbook_server.storage import lab_reads
from rollbook_server.storage.lab_reads import Changed
from rollbook_server.storage.sqlite import Connection

_ROWS = 20
_BYTES = 256 * 2**10
"""Of one message, at most; a single run may be larger."""
_FASTEST, _SOONEST, _USUAL, _LATEST = 250, 100, 15_000, 60_000
_FAR = 2**62
"""A revision that no lab comes to."""
_FRESH = 0.1
"""Seconds for which a step is good for those who come to the same point: with a beat or more they would fall behind."""

_Point = tuple[str, int]
"""Which run (empty: all), and the revision after which changes are wanted."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One message's worth of changes: where the watcher stands after it, and the lab's revision as it was read. `body`
    is the message as it is sent."""

    rows: int
    after: int
    complete: bool
    head: int
    body: bytes


class LabWatches:
    """The streams of one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._shared: dict[_Point, tuple[float, asyncio.Future[_Step]]] = {}

    async def backtests(self, request: pb.WatchBacktestsRequest) -> AsyncIterator[bytes]:
        """First the present state (unless the request goes on from a cursor), then changes."""
        interval = _within(request, "interval_ms", _FASTEST, _FASTEST)
        silence = _within(request, "bookmark_interval_ms", _SOONEST, _USUAL)
        backtest_id = decode.within(request.backtest_id, 128, "backtest_id")
        after = self._start(request)
        feed = self._lab.feed
        with feed.watching():
            if backtest_id and after is not None:
                await self._lab.read(lambda db: lab_reads.demand(db, backtest_id, deleted_too=True))
            seen, row = 0, 0 if after is None else None
            while row is not None:
                state, row = await self._present(backtest_id, row)
                seen = state.head
                after = seen if after is None else after  # what changes after the first page comes again
                if state.backtests:
                    shown = [lab_nouns.backtest(each) for each in state.backtests]
                    yield pb.WatchBacktestsResponse(backtests=shown).SerializeToString()
            assert after is not None
            due, beats = 0.0, 2  # the first message is sent at once, between two beats
            while True:
                step = await self._step((backtest_id, after), seen)
                after, seen = step.after, step.head
                if step.rows:
                    yield step.body
                    due = time.monotonic() + silence
                if not step.complete:
                    continue
                beat, beats, changed = _beat(interval, beats), 1, False
                while not changed or time.monotonic() < beat:
                    now = time.monotonic()
                    if now >= due:
                        cursor = pb.LabCursor(lab_id=self._lab.lab_id, revision=after)
                        yield pb.WatchBacktestsResponse(cursor=cursor, bookmark=True).SerializeToString()
                        due = now + silence
                    if changed:
                        await feed.beyond(_FAR, min(beat, due) - now)  # a pause that the server's end ends
                    else:
                        await feed.beyond(after, due - now)
                        changed = feed.revision > after
                        beat = max(beat, _beat(interval, 1))

    def _start(self, request: pb.WatchBacktestsRequest) -> int | None:
        """Where a watch goes on; None if it begins. Raises OutOfRange for a cursor that is not of this past."""
        after = request.after_revision
        if not request.lab_id:
            if after:
                raise InvalidArgument(Reason.MISSING_FIELD, "a revision is one of a lab: name it", "lab_id")
            return None
        if after < 0:
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, "after_revision must not be below 0", "after_revision")
        if request.lab_id != self._lab.lab_id:
            raise OutOfRange(Reason.STALE_CURSOR, "this is another lab; start over without a cursor", "lab_id")
        if after > self._lab.revision:
            raise OutOfRange(
                Reason.STALE_CURSOR,
                f"the lab has not come to revision {after}; start over without a cursor",
                "after_revision",
            )
        return after

    async def _present(self, backtest_id: str, row: int) -> tuple[Changed, int | None]:
        """A page of the state, and the row after which the next one begins; None after the last. Raises NotFound."""

        def read(db: Connection) -> tuple[Changed, int]:
            if backtest_id:  # in the same snapshot: one that is deleted in between would never be told
                lab_reads.demand(db, backtest_id, deleted_too=False)
            return lab_reads.present(db, backtest_id, row, _ROWS)

        state, last = await self._lab.read(read)
        await self._published(state)
        return state, last if state.more else None

    async def _step(self, point: _Point, seen: int) -> _Step:
        """The changes after a point, read and encoded once for all who come to it at about the same time; none that is
        older than what the watcher has seen, whose bookmark would not be true."""
        now = time.monotonic()
        self._shared = {each: kept for each, kept in self._shared.items() if now - kept[0] < _FRESH}
        known = self._shared.get(point)
        if known is not None:
            step = await asyncio.shield(known[1])
            if step.head >= seen:
                return step
        made = asyncio.ensure_future(self._compute(*point))
        self._shared[point] = (now, made)
        return await asyncio.shield(made)

    async def _compute(self, backtest_id: str, after: int) -> _Step:
        found = await self._lab.read(lambda db: lab_reads.changed(db, backtest_id, after, _ROWS))
        await self._published(found)
        rows = fitting((lab_nouns.backtest(each) for each in found.backtests), _BYTES)
        complete = not found.more and len(rows) == len(found.backtests)
        reached = found.head if complete else found.backtests[len(rows) - 1].revision
        cursor = pb.LabCursor(lab_id=self._lab.lab_id, revision=reached)
        message = pb.WatchBacktestsResponse(cursor=cursor, backtests=rows, bookmark=complete)
        return _Step(len(rows), reached, complete, found.head, message.SerializeToString())

    async def _published(self, step: Changed) -> None:
        """Waits until the feed has come to the step's revision: a reader can see a commit a moment earlier."""
        feed = self._lab.feed
        while feed.revision < step.head:
            await feed.beyond(feed.revision, _LATEST / 1_000)


def _beat(interval: float, number: int) -> float:
    """When the next beats are: the first, the second, …"""
    return (time.monotonic() // interval + number) * interval


def _within(request: pb.WatchBacktestsRequest, name: str, least: int, usual: int) -> float:
    """Seconds of an interval in milliseconds; what is usual if it is not said."""
    asked = getattr(request, name) or usual
    if not least <= asked <= _LATEST:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{asked} ms: {least} to {_LATEST} are allowed", name)
    return float(asked / 1_000)
