"""Streams: a watcher's cursor walks over the tables. Nothing is queued for anybody, so a slow watcher costs nothing."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from rollbook.v1 import watch_pb2 as pb
from rollbook_server.domain.errors import InvalidArgument, OutOfRange, Reason
from rollbook_server.ledger import Ledger
from rollbook_server.rpc import decode, nouns
from rollbook_server.rpc.beats import Beats, Pulse
from rollbook_server.rpc.enums import enum_map
from rollbook_server.rpc.paging import fitting
from rollbook_server.storage import changes
from rollbook_server.storage.changes import END, Batch, Key, WatchFilter
from rollbook_server.storage.sqlite import Connection

_STRATEGY = enum_map("StrategyKind")
_ROWS = 200
_BYTES = 256 * 2**10
"""Of one message, at most; a single chain or entry may be larger."""
_SHARED = 32
"""Steps that are kept for watchers who come to the same point a little later."""
_SOONEST, _USUAL, _LATEST = 100, 15_000, 60_000

T = TypeVar("T")
Read = Callable[[Connection], Batch[T]]


@dataclass(frozen=True, slots=True)
class _Step:
    """One message's worth of rows: where the watcher stands after it, up to which revision nothing is missing, and the
    ledger's revision as it was read. `body` is the message as it is sent, made once for all who get it."""

    rows: int
    key: Key
    complete: int
    caught_up: bool
    head: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class _Subject(Generic[T]):
    """What is watched: how a row is encoded, and the field of the response that it goes into."""

    response: type[Any]
    field: str
    encode: Callable[[T], Any]

    def message(self, rows: Sequence[Any], **more: Any) -> bytes:
        """A message with these rows."""
        body: bytes = self.response(**{self.field: rows}, **more).SerializeToString()
        return body


_CHAINS = _Subject(pb.WatchChainsResponse, "chains", nouns.chain)
_VALUES = _Subject(pb.WatchChainsResponse, "valuations", nouns.chain_valuation)
_ENTRIES = _Subject(pb.WatchEntriesResponse, "entries", nouns.ledger_entry)


def _step(batch: Batch[T], rows: Sequence[Any]) -> _Step:
    """The step that sends the first of a batch's rows."""
    if not batch.more and len(rows) == len(batch.rows):
        return _Step(len(rows), (batch.head, END), batch.head, True, batch.head)
    last = batch.rows[len(rows) - 1][0]
    # What follows may be of the same revision: that one is complete when something of a later one comes.
    return _Step(len(rows), last, last[0] - 1, False, batch.head)


class Watches:
    """The streams of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._beats = Beats(ledger.board, ledger.clock, _VALUES.message, _ROWS, _BYTES)
        self._shared: OrderedDict[Hashable, asyncio.Future[_Step]] = OrderedDict()

    async def chains(self, request: pb.WatchChainsRequest) -> AsyncIterator[bytes]:
        """First the present state (unless the request goes on from a cursor), then changes, and valuations."""
        wanted, interval = _wanted(request), _interval(request)
        seconds = _within(request, "valuation_interval_ms", 0)
        pulse = Pulse(self._beats, wanted, seconds) if seconds else None
        key = self._start(request)
        with self._ledger.feed.watching():
            seen = self._ledger.feed.revision
            if key is None:
                key = (seen, END)  # what changes from here on is sent again, as a change
                async for present in self._present(wanted, request.include_closed):
                    seen = max(seen, present.head)
                    if present.rows:
                        yield present.body

            def read(after: Key) -> Read[Any]:
                return lambda db: changes.changed_chains(db, wanted, after, _ROWS)

            async for message in self._messages(_CHAINS, wanted, key, read, interval, seen, pulse):
                yield message

    async def entries(self, request: pb.WatchEntriesRequest) -> AsyncIterator[bytes]:
        """The journal from the cursor (else from its beginning) on."""
        wanted, interval = _wanted(request), _interval(request)
        key = self._start(request) or (0, END)
        with self._ledger.feed.watching():

            def read(after: Key) -> Read[Any]:
                return lambda db: changes.new_entries(db, wanted, after, _ROWS)

            async for message in self._messages(_ENTRIES, wanted, key, read, interval, 0):
                yield message

    def _start(self, request: Any) -> Key | None:
        """Where a watch goes on; None if it begins. Raises OutOfRange for a cursor that is not of this past."""
        after = request.after_revision
        if not request.ledger_id:
            if after:
                raise InvalidArgument(Reason.MISSING_FIELD, "a revision is one of a ledger: name it", "ledger_id")
            return None
        if after < 0:
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, "after_revision must not be below 0", "after_revision")
        if request.ledger_id != self._ledger.ledger_id:
            raise OutOfRange(Reason.STALE_CURSOR, "this is another ledger; start over without a cursor", "ledger_id")
        if after > self._ledger.revision:
            raise OutOfRange(
                Reason.STALE_CURSOR,
                f"the ledger has not come to revision {after}; start over without a cursor",
                "after_revision",
            )
        return (after, END)

    async def _present(self, wanted: WatchFilter, include_closed: bool) -> AsyncIterator[_Step]:
        row, more = 0, True
        while more:
            batch = await self._ledger.read(
                lambda db, after=row: changes.present_chains(db, wanted, include_closed, after, _ROWS)  # type: ignore[misc]
            )
            rows = fitting((nouns.chain(chain) for _, chain in batch.rows), _BYTES)
            step = await self._published(replace(_step(batch, rows), body=_CHAINS.message(rows)))
            more, row = not step.caught_up, step.key[1]
            yield step

    async def _messages(
        self,
        subject: _Subject[Any],
        wanted: WatchFilter,
        key: Key,
        read: Callable[[Key], Read[Any]],
        interval: float,
        seen: int,
        pulse: Pulse | None = None,
    ) -> AsyncIterator[bytes]:
        """What is sent after a key: the rows, a bookmark when there were none for an interval, and valuations at the
        beats. `seen` is the newest revision of which the watcher may have something."""
        feed = self._ledger.feed
        due = 0.0  # the first is sent whatever it holds: the state is complete
        step = await self._read(subject, wanted, key, read, seen)
        fresh = True
        while True:
            seen = max(seen, step.head)
            if fresh and step.rows:
                yield step.body
                due = time.monotonic() + interval
            elif time.monotonic() >= due:
                yield subject.message((), cursor=self._cursor(step), bookmark=step.caught_up)
                due = time.monotonic() + interval
            if step.caught_up:
                left, version = max(due - time.monotonic(), 0), None
                if pulse is not None and feed.version > pulse.version:
                    if pulse.left() <= 0:
                        for values in await pulse.take():
                            yield values
                    left = min(left, max(pulse.left(), 0))
                elif pulse is not None:
                    version = pulse.version
                await feed.beyond(step.complete, left, version)
            fresh = not step.caught_up or feed.revision > step.complete
            if fresh:
                step = await self._read(subject, wanted, step.key, read, seen)

    async def _read(
        self, subject: _Subject[Any], wanted: WatchFilter, key: Key, read: Callable[[Key], Read[Any]], seen: int
    ) -> _Step:
        """A step from a key, read and encoded once for all watchers who come to it at about the same time.

        One that is older than what a watcher has seen is not for it: at its bookmark the watcher would hold chains of
        later revisions, and lack chains that have moved on since.
        """
        point = (subject.field, wanted, key)
        while True:
            known = self._shared.get(point)
            if known is None:
                known = self._shared[point] = asyncio.ensure_future(self._compute(point, subject, read(key)))
                if len(self._shared) > _SHARED:
                    self._shared.popitem(last=False)
            step = await asyncio.shield(known)
            if step.head >= seen:
                return step
            if self._shared.get(point) is known:
                del self._shared[point]

    async def _compute(self, point: Hashable, subject: _Subject[Any], read: Read[Any]) -> _Step:
        try:
            batch = await self._ledger.read(read)
            rows = fitting((subject.encode(row) for _, row in batch.rows), _BYTES)
            step = await self._published(_step(batch, rows))
        except BaseException:
            self._shared.pop(point, None)
            raise
        if not step.rows:
            self._shared.pop(point, None)  # whoever comes later may find something
            return step
        return replace(step, body=subject.message(rows, cursor=self._cursor(step), bookmark=step.caught_up))

    async def _published(self, step: _Step) -> _Step:
        """The step, when the feed has come to its revision: a reader can see a commit a moment earlier."""
        feed = self._ledger.feed
        while feed.revision < step.head:
            await feed.beyond(feed.revision, _LATEST / 1_000)
        return step

    def _cursor(self, step: _Step) -> pb.Cursor:
        return pb.Cursor(ledger_id=self._ledger.ledger_id, revision=step.complete)


def _wanted(request: Any) -> WatchFilter:
    account = decode.account_filter(request.account)
    position_id = decode.position_of(request.position_id)
    if position_id and not account:
        raise InvalidArgument(Reason.MISSING_FIELD, "a chain is named within its account", "account")
    return WatchFilter(
        account=account,
        mode=decode.mode_filter(request.mode),
        underlying=decode.within(request.underlying, 16, "underlying"),
        strategy=decode.maybe(_STRATEGY, request.strategy, "strategy"),
        strategy_name=request.strategy_name if request.HasField("strategy_name") else None,
        position_id=position_id,
    )


def _interval(request: Any) -> float:
    """Seconds between bookmarks."""
    return _within(request, "bookmark_interval_ms", _USUAL)


def _within(request: Any, name: str, usual: int) -> float:
    """Seconds of an interval in milliseconds; what is usual if it is not said."""
    asked = getattr(request, name) or usual
    if asked and not _SOONEST <= asked <= _LATEST:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{asked} ms: {_SOONEST} to {_LATEST} are allowed", name)
    return float(asked / 1_000)
