"""Backtests and their changes, as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TypeVar

from rollbook import AsyncLab, Backtest, LabCursor, LedgerError, OutOfRange, WatchBacktestsResponse
from rollbook_web.backtest_payload import status_payload
from rollbook_web.events import Event
from rollbook_web.resuming import FOREIGN, STALE, event_id, parsed
from rollbook_web.shapes import time_text

INTERVAL_MS = 500
"""How often the progress of one run may move."""

Message = TypeVar("Message")
Tell = Callable[[LedgerError], object]


async def backtest_events(lab: AsyncLab, backtest_id: str, last_id: str) -> AsyncGenerator[Event, None]:
    """The events of one stream: of one run, or of all. Raises LedgerError for what will not pass by itself."""
    at = parsed(last_id)
    cursor = LabCursor(lab_id=at[0], revision=at[1]) if at else None
    if cursor is None:
        yield Event("reset", {"reason": FOREIGN if last_id else None})
    away = False

    def watch(tell: Tell) -> AsyncGenerator[WatchBacktestsResponse, None]:
        return lab.watch_backtests(backtest_id, cursor=cursor, on_interruption=tell, interval_ms=INTERVAL_MS)

    async with aclosing(_with_interruptions(watch)) as watching:
        async for said in watching:
            if isinstance(said, LedgerError):
                if isinstance(said, OutOfRange):
                    cursor = None
                    yield Event("reset", {"reason": STALE})
                elif not away:
                    away = True
                    yield Event("away", {"since": time_text(datetime.now(UTC)), "detail": said.message})
                    if cursor is None:  # the state begins anew, and does not say what was deleted meanwhile
                        yield Event("reset", {"reason": None})
                continue
            if away:
                away = False
                yield Event("back", {})
            for run in said.backtests:
                yield _event(run)
            if said.cursor is not None and said.cursor != cursor:
                cursor = said.cursor
                yield Event("complete", {"revision": cursor.revision}, event_id(cursor.lab_id, cursor.revision))


def _event(run: Backtest) -> Event:
    if run.delete_time is not None:
        return Event("deleted", {"id": run.backtest_id, "delete_time": time_text(run.delete_time)})
    return Event("status", status_payload(run))


async def _with_interruptions(
    start: Callable[[Tell], AsyncGenerator[Message, None]],
) -> AsyncGenerator[Message | LedgerError, None]:
    """The messages of a watch, and between them its interruptions while they last: the newest of each kind."""
    failures: dict[type[LedgerError], LedgerError] = {}
    failed = asyncio.Event()

    def tell(error: LedgerError) -> None:
        failures[type(error)] = error
        failed.set()

    async with aclosing(start(tell)) as messages:
        following = asyncio.ensure_future(anext(messages))
        try:
            while True:
                interrupted = asyncio.ensure_future(failed.wait())
                try:
                    await asyncio.wait((following, interrupted), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    interrupted.cancel()
                failed.clear()
                while failures:
                    yield failures.pop(next(iter(failures)))
                if following.done():
                    try:
                        message = following.result()
                    except StopAsyncIteration:
                        return
                    yield message
                    following = asyncio.ensure_future(anext(messages))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
