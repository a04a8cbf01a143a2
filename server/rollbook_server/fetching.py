"""Fetching a venue's public history: page after page, as tasks of a worker process, at a bounded rate.

What a worker fetched it keeps as a file before it says so. Whatever ends a fetch, its next one finds the pages that are
whole and goes on behind them, so that in the end there is what an undisturbed fetch would have left.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollbook_server.domain.backtest.deribit import Passing, unknown
from rollbook_server.domain.backtest.history import PRICES_OF_PAGE, HistoryOrder, Venue
from rollbook_server.domain.backtest.outcomes import HistoryKind
from rollbook_server.domain.backtest.registered import Dataset
from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.errors import Reason, Unavailable
from rollbook_server.processes import WorkerDied, WorkerProcess

ATTEMPTS = 8
"""Of one request. Each waits twice as long as the one before, from the usual distance of requests on."""
LONGEST_PAUSE = 30.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """How far a fetch has come."""

    pages_done: int
    pages_total: int
    rows: int
    reached_time: Micros | None = None
    waiting_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch left on the disk: the folder, rows of those that were asked for, and when they are of."""

    path: Path
    rows: int
    first_time: Micros | None
    last_time: Micros | None
    dataset: Dataset | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was fetched: its rows, and how many there are in all, where the venue says so."""

    rows: int
    total: int = 0


class Fetcher:
    """Fetches from one venue, one thing at a time."""

    def __init__(self, venue: Venue, folder: Path, worker: Callable[[], WorkerProcess]) -> None:
        self.folder = folder
        self._venue, self._worker = venue, worker
        self._one = asyncio.Lock()
        self._next = 0.0

    async def fetch(self, order: HistoryOrder) -> AsyncGenerator[Fetching, None]:
        """Fetches what is not there yet; what it yields last has all pages done. Raises Refusal."""
        async with self._one:
            asking = _Asking(self._worker(), self._venue, self._pace)
            try:
                await asking.process.run(os.getpid)  # started before anybody's patience runs
                async for step in _STEPS.get(order.kind, _rows)(asking, self.folder, order):
                    yield step
            finally:
                await asking.process.close()

    async def _pace(self) -> None:
        """Waits until the next request may be sent."""
        now = time.monotonic()
        self._next = max(self._next + 1 / self._venue.rate, now)
        await asyncio.sleep(self._next - now)


class _Asking:
    """Has a worker ask the venue, again where that may help."""

    def __init__(self, process: WorkerProcess, venue: Venue, pace: Callable[[], Any]) -> None:
        self.process = process
        self._venue, self._pace = venue, pace
        self.page = Page(0)

    async def __call__(self, so_far: Fetching, function: Any, *args: Any) -> AsyncIterator[Fetching]:
        """`function` of this module, called in the worker; its Page is then in `page`. Yields while it waits. Raises
        Unavailable (VENUE_UNAVAILABLE) where there is no answer in the end, and what the function raises."""
        said = ""
        for attempt in range(ATTEMPTS):
            if said:
                yield Fetching(so_far.pages_done, so_far.pages_total, so_far.rows, so_far.reached_time, said)
                pause = min(2**attempt / self._venue.rate, LONGEST_PAUSE)
                await asyncio.sleep(pause * random.uniform(0.5, 1))
            await self._pace()
            try:
                # The socket's own patience is for each piece of an answer; this is for all of it.
                async with asyncio.timeout(2 * self._venue.patience + 5):
                    self.page = await self.process.run(function, self._venue, *args)
                return
            except Passing as passing:
                said = str(passing)
            except TimeoutError:
                said = "no whole answer in time"
                await self.process.close()
            except OSError as error:
                raise Unavailable(Reason.STORAGE_FAILED, f"what was fetched cannot be kept: {error}") from error
            except WorkerDied as died:
                said = str(died)
        kept = f"{so_far.pages_done} of {so_far.pages_total or '?'} pages are kept"
        raise Unavailable(
            Reason.VENUE_UNAVAILABLE,
            f"the venue gave no answer, {ATTEMPTS} times, the last time: {said}; {kept}: ask again, and it goes on",
        )


async def _rows(asking: _Asking, folder: Path, order: HistoryOrder) -> AsyncIterator[Fetching]:
    """Bars, or a volatility index."""
    from rollbook_server.storage.history_files import HistoryFolder

    assert order.end is not None
    pages = order.pages()
    kept, rows = HistoryFolder(folder, order), 0
    there = await asyncio.to_thread(lambda: {start for start in pages if kept.page(start // SECOND).is_file()})
    yield Fetching(len(there), len(pages), 0)
    for done, start in enumerate([start for start in pages if start not in there], len(there)):
        so_far = Fetching(done, len(pages), rows, start)
        async for waiting in asking(so_far, fetch_rows, folder, order, start):
            yield waiting
        rows += asking.page.rows
        yield Fetching(done + 1, len(pages), rows, min(start + order.page, order.end))


async def _prices(asking: _Asking, folder: Path, order: HistoryOrder) -> AsyncIterator[Fetching]:
    """Delivery prices: those pages that are whole need not be asked for; the newest one grows by a price a day."""
    from rollbook_server.storage.history_files import HistoryFolder

    kept, rows, done, total, changes = HistoryFolder(folder, order), 0, 0, 0, 0
    while kept.page(done).is_file():
        done += 1
    while True:
        so_far = Fetching(done, len(price_pages(total)), rows)
        async for waiting in asking(so_far, fetch_prices, folder, order, done, total):
            yield waiting
        changes += asking.page.total != total
        if changes > 5:  # once for the first answer, and once where a day's price comes in between
            raise unknown("the number of prices changes with each answer")
        total, rows = asking.page.total, rows + asking.page.rows
        if asking.page.rows or done * PRICES_OF_PAGE >= total:
            done = min(done + 1, len(price_pages(total)))
            yield Fetching(done, len(price_pages(total)), rows)
            if done == len(price_pages(total)):
                return


async def _instruments(asking: _Asking, folder: Path, order: HistoryOrder) -> AsyncIterator[Fetching]:
    """Options that are listed (page 0), and that have expired (page 1): always anew."""
    rows = 0
    for page in range(2):
        async for waiting in asking(Fetching(page, 2, rows), fetch_options, folder, order, page):
            yield waiting
        rows += asking.page.rows
        yield Fetching(page + 1, 2, rows)


_STEPS = {HistoryKind.DELIVERY_PRICES: _prices, HistoryKind.INSTRUMENTS: _instruments}


def price_pages(total: int) -> Sequence[int]:
    """The pages of so many prices."""
    return range(-(-total // PRICES_OF_PAGE))


# -- In the worker -----------------------------------------------------------------------------------------------------


def fetch_rows(venue: Venue, folder: Path, order: HistoryOrder, start: Micros) -> Page:
    """Fetches and keeps a page of bars or of a volatility index. It is whole where it has rows and is over, by the
    venue's clock and by ours."""
    from rollbook_server.domain.backtest import deribit
    from rollbook_server.storage.history_files import HistoryFolder
    from rollbook_server.venue import ask

    end = start + order.page
    answer = ask(venue.url, *deribit.query(order, start, end), venue.patience)
    now = min(time.time_ns() // 1_000, answer.time or 1 << 62)
    if order.kind is HistoryKind.BARS:
        pieces = [deribit.read_bars(answer.result)]
    else:
        columns, before = deribit.read_volatility(answer.result)
        pieces = [columns]
        while before is not None and start <= before < end and columns["time"] and before <= columns["time"][0]:
            if len(pieces) > 100:
                raise deribit.unknown("it goes on for ever")
            time.sleep(1 / venue.rate)
            answer = ask(venue.url, *deribit.query(order, start, before + 1_000), venue.patience)
            columns, before = deribit.read_volatility(answer.result)
            pieces.append(columns)
    rows = {
        time_: row
        for piece in pieces
        for time_, *row in zip(*piece.values(), strict=True)
        if start <= time_ < end and time_ + order.interval <= now
    }
    if not rows and any(not start <= time_ < end for piece in pieces for time_ in piece["time"]):
        raise deribit.unknown("all of it is of another time than was asked for")
    names = list(pieces[0])
    columns = {
        "time": sorted(rows),
        **{name: [rows[key][n] for key in sorted(rows)] for n, name in enumerate(names[1:])},
    }
    whole = bool(rows) and end + order.interval <= now
    HistoryFolder(folder, order).keep(start // SECOND, columns, whole=whole)
    return Page(len(rows))


def fetch_prices(venue: Venue, folder: Path, order: HistoryOrder, page: int, total: int) -> Page:
    """Fetches and keeps a page of delivery prices, if there are `total` of them; if not, how many there are."""
    from rollbook_server.domain.backtest import deribit
    from rollbook_server.storage.history_files import HistoryFolder
    from rollbook_server.venue import ask

    known = max(total, page * PRICES_OF_PAGE)
    answer = ask(venue.url, *deribit.query_prices(order.series, page, known), venue.patience)
    columns, found = deribit.read_prices(answer.result)
    expected = min((page + 1) * PRICES_OF_PAGE, total) - page * PRICES_OF_PAGE
    if found != total or expected <= 0:
        return Page(0, found)
    if len(columns["time"]) != expected:
        raise deribit.unknown(f"{len(columns['time'])} prices where there must be {expected}")
    kept = HistoryFolder(folder, order)
    before = kept.read([page - 1]) if page else None
    if before is not None and len(before) and int(before["time"].to_physical()[-1]) >= columns["time"][0]:
        raise deribit.unknown("its dates overlap with those of the page before")
    kept.keep(page, columns, whole=expected == PRICES_OF_PAGE)
    return Page(expected, found)


def fetch_options(venue: Venue, folder: Path, order: HistoryOrder, page: int) -> Page:
    """Fetches and keeps options. The venue forgets what expired long ago; what is kept stays."""
    from rollbook_server.domain.backtest import deribit
    from rollbook_server.storage.history_files import HistoryFolder
    from rollbook_server.venue import ask

    answer = ask(venue.url, *deribit.query_options(order.series, expired=page == 1), venue.patience)
    columns = deribit.read_options(answer.result)
    HistoryFolder(folder, order).keep(page, columns, whole=True, merged_by="instrument_name" if page else "")
    return Page(len(columns["instrument_name"]))


def fetched(folder: Path, order: HistoryOrder, pages: int) -> Fetched:
    """What there is of history that is no dataset."""
    from rollbook_server.storage.history_files import HistoryFolder, counted

    rows, first, last = counted(folder, order, range(pages))
    return Fetched(path=HistoryFolder(folder, order).path, rows=rows, first_time=first, last_time=last)
