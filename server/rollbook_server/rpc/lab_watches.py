"""WatchBacktests: a watcher's cursor walks over the runs in the order of their last change. Nothing is queued for
anybody; who looks seldom sees the newest state and not what was between.
"""

import time
from collections.abc import AsyncIterator

from rollbook.v1 import backtest_service_pb2 as pb
from rollbook_server.domain.errors import InvalidArgument, OutOfRange, Reason
from rollbook_server.lab import Lab
from rollbook_server.rpc import decode, lab_nouns
from rollbook_server.rpc.paging import fitting
from rollbook_server.storage import lab_reads
from rollbook_server.storage.lab_reads import Changed

_ROWS = 20
_BYTES = 256 * 2**10
"""Of one message, at most; a single run may be larger."""
_FASTEST, _SOONEST, _USUAL, _LATEST = 250, 100, 15_000, 60_000
_FAR = 2**62
"""A revision that no lab comes to."""


class LabWatches:
    """The streams of one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def backtests(self, request: pb.WatchBacktestsRequest) -> AsyncIterator[pb.WatchBacktestsResponse]:
        """First the present state (unless the request goes on from a cursor), then changes."""
        interval = _within(request, "interval_ms", _FASTEST, _FASTEST)
        silence = _within(request, "bookmark_interval_ms", _SOONEST, _USUAL)
        backtest_id = decode.within(request.backtest_id, 128, "backtest_id")
        after = self._start(request)
        feed = self._lab.feed
        with feed.watching():
            if backtest_id:
                await self._lab.read(lambda db: lab_reads.demand(db, backtest_id, deleted_too=after is not None))
            if after is None:
                row: int | None = 0
                while row is not None:
                    state, row = await self._present(backtest_id, row)
                    after = state.head if after is None else after  # what changes after the first page comes again
                    if state.backtests:
                        shown = [lab_nouns.backtest(each) for each in state.backtests]
                        yield pb.WatchBacktestsResponse(backtests=shown)
                assert after is not None
            due = 0.0  # the first is sent whatever it holds: the state is complete
            while True:
                looked = time.monotonic()
                step = await self._changed(backtest_id, after)
                rows = fitting((lab_nouns.backtest(each) for each in step.backtests), _BYTES)
                complete = not step.more and len(rows) == len(step.backtests)
                after = step.head if complete else step.backtests[len(rows) - 1].revision
                if rows or looked >= due:
                    cursor = pb.LabCursor(lab_id=self._lab.lab_id, revision=after)
                    yield pb.WatchBacktestsResponse(cursor=cursor, backtests=rows, bookmark=complete)
                    due = time.monotonic() + silence
                if complete:
                    await feed.beyond(after, max(due - time.monotonic(), 0))
                    while (left := looked + interval - time.monotonic()) > 0:
                        await feed.beyond(_FAR, left)  # a pause that the server's end ends

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
        """A page of the state, and the row after which the next one begins; None after the last."""
        state, last = await self._lab.read(lambda db: lab_reads.present(db, backtest_id, row, _ROWS))
        await self._published(state)
        return state, last if state.more else None

    async def _changed(self, backtest_id: str, after: int) -> Changed:
        step = await self._lab.read(lambda db: lab_reads.changed(db, backtest_id, after, _ROWS))
        await self._published(step)
        return step

    async def _published(self, step: Changed) -> None:
        """Waits until the feed has come to the step's revision: a reader can see a commit a moment earlier."""
        feed = self._lab.feed
        while feed.revision < step.head:
            await feed.beyond(feed.revision, _LATEST / 1_000)


def _within(request: pb.WatchBacktestsRequest, name: str, least: int, usual: int) -> float:
    """Seconds of an interval in milliseconds; what is usual if it is not said."""
    asked = getattr(request, name) or usual
    if not least <= asked <= _LATEST:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{asked} ms: {least} to {_LATEST} are allowed", name)
    return float(asked / 1_000)
