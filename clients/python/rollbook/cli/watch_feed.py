"""The two streams of `rollbook watch`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from rollbook import Client
from rollbook.cli.streams import Streams
from rollbook.errors import LedgerError, OutOfRange
from rollbook.models import Cursor, LedgerEntry, Mode, StrategyKind, WatchChainsResponse, WatchEntriesResponse

LOOK_BACK = 1_000
"""Revisions in which the last entries that fit a filter are looked for: no listing takes these filters."""


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


class Feed(Streams[Event]):
    """Chains with their values, and entries: the last so many first, then each new one."""

    def __init__(self, client: Client, filters: dict[str, Any], entries: int, interval_ms: int) -> None:
        super().__init__(client, [self._read_chains, *([self._read_entries] if entries else [])])
        self._ledger = client
        self._filters = filters
        self._entries = entries
        self._interval_ms = interval_ms

    def _read_chains(self) -> None:
        def tell(error: LedgerError) -> None:
            self.put(Interruption(WatchChainsResponse, error))

        filters = {**self._filters, "valuation_interval_ms": self._interval_ms}
        for message in self._ledger.watch_chains(on_interruption=tell, **filters):
            self.put(message)

    def _read_entries(self) -> None:
        while True:
            # Another ledger's journal would be read from its beginning: its last entries are enough.
            with suppress(OutOfRange):
                self._follow_entries()

    def _follow_entries(self) -> None:
        def tell(error: LedgerError) -> None:
            self.put(Interruption(WatchEntriesResponse, error))
            if isinstance(error, OutOfRange):
                raise error

        found, cursor = self._last_entries()
        caught_up = False
        for message in self._ledger.watch_entries(cursor=cursor, on_interruption=tell, **self._filters):
            if caught_up:
                self.put(message)
                continue
            found = (*found, *message.entries)[-self._entries :]
            if message.bookmark:
                caught_up = True
                self.put(WatchEntriesResponse(cursor=message.cursor, entries=found, bookmark=True))

    def _last_entries(self) -> tuple[tuple[LedgerEntry, ...], Cursor]:
        """The last entries, oldest first, and where to go on from; with filters only a place to look for them from."""
        status = self._ledger.get_server_status()
        if narrowing(self._filters):
            return (), Cursor(ledger_id=status.ledger_id, revision=max(status.revision - LOOK_BACK, 0))
        page = self._ledger.list_entries(newest_first=True, page_size=self._entries)
        return page.entries[::-1], Cursor(ledger_id=status.ledger_id, revision=page.revision)


def narrowing(filters: dict[str, Any]) -> list[str]:
    """What the filters say, without those that say nothing."""
    return [said for said in filters.values() if said not in ("", None, Mode.UNSPECIFIED, StrategyKind.UNSPECIFIED)]
