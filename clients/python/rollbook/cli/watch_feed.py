"""The two streams of `rollbook watch`, each read by a thread of its own. What they say comes out in one place, so that
whoever takes it needs no lock."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

from rollbook import Client
from rollbook.errors import LedgerError, OutOfRange
from rollbook.models import Cursor, LedgerEntry, Mode, StrategyKind, WatchChainsResponse, WatchEntriesResponse

LOOK_BACK = 1_000
"""Revisions in which the last entries that fit a filter are looked for: no listing takes these filters."""
_WAITING = 100
"""Messages that are kept for whoever takes them; then the streams wait, and the server has to keep nothing."""
_PATIENCE = 5.0
"""Seconds for the threads to end."""


@dataclass(frozen=True)
class Interruption:
    """A stream has broken off, and will be tried again."""

    stream: type[WatchChainsResponse | WatchEntriesResponse]
    error: LedgerError

    @property
    def begins_anew(self) -> bool:
        """Whether it is another ledger: what came so far is of the past."""
        return isinstance(self.error, OutOfRange)


Event: TypeAlias = WatchChainsResponse | WatchEntriesResponse | Interruption


class Feed:
    """Chains with their values, and entries: the last so many first, then each new one."""

    def __init__(self, client: Client, filters: dict[str, Any], entries: int, interval_ms: int) -> None:
        self._client = client
        self._filters = filters
        self._entries = entries
        self._interval_ms = interval_ms
        self._events: queue.Queue[Event | Exception] = queue.Queue(_WAITING)
        readers = [self._read_chains, *([self._read_entries] if entries else [])]
        self._threads = [threading.Thread(target=self._run, args=(reader,), daemon=True) for reader in readers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the streams: with the client, which nothing else can interrupt."""
        self._client.close()
        end = time.monotonic() + _PATIENCE
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            with suppress(queue.Empty):  # a thread may wait for room
                self._events.get(timeout=0.02)

    def take(self, seconds: float) -> Iterator[Event]:
        """What has come; waits so long for the first. Raises what ended a stream for good."""
        with suppress(queue.Empty):
            event = self._events.get(timeout=seconds)
            for _ in range(_WAITING):
                if isinstance(event, Exception):
                    raise event
                yield event
                event = self._events.get_nowait()

    def _run(self, reader: Callable[[], None]) -> None:
        try:
            reader()
        except Exception as error:
            self._events.put(error)

    def _read_chains(self) -> None:
        def tell(error: LedgerError) -> None:
            self._events.put(Interruption(WatchChainsResponse, error))

        filters = {**self._filters, "valuation_interval_ms": self._interval_ms}
        for message in self._client.watch_chains(on_interruption=tell, **filters):
            self._events.put(message)

    def _read_entries(self) -> None:
        while True:
            # Another ledger's journal would be read from its beginning: its last entries are enough.
            with suppress(OutOfRange):
                self._follow_entries()

    def _follow_entries(self) -> None:
        def tell(error: LedgerError) -> None:
            self._events.put(Interruption(WatchEntriesResponse, error))
            if isinstance(error, OutOfRange):
                raise error

        found, cursor = self._last_entries()
        caught_up = False
        for message in self._client.watch_entries(cursor=cursor, on_interruption=tell, **self._filters):
            if caught_up:
                self._events.put(message)
                continue
            found = (*found, *message.entries)[-self._entries :]
            if message.bookmark:
                caught_up = True
                self._events.put(WatchEntriesResponse(cursor=message.cursor, entries=found, bookmark=True))

    def _last_entries(self) -> tuple[tuple[LedgerEntry, ...], Cursor]:
        """The last entries, oldest first, and where to go on from; with filters only a place to look for them from."""
        status = self._client.get_server_status()
        if narrowing(self._filters):
            return (), Cursor(ledger_id=status.ledger_id, revision=max(status.revision - LOOK_BACK, 0))
        page = self._client.list_entries(newest_first=True, page_size=self._entries)
        return page.entries[::-1], Cursor(ledger_id=status.ledger_id, revision=page.revision)


def narrowing(filters: dict[str, Any]) -> list[str]:
    """What the filters say, without those that say nothing."""
    return [said for said in filters.values() if said not in ("", None, Mode.UNSPECIFIED, StrategyKind.UNSPECIFIED)]
