"""Open positions and their changes, as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rollbook import AsyncClient, ChainState, Cursor, LedgerError, OutOfRange, PositionChain
from rollbook.payloads import open_payload
from rollbook_web.ageing import ChainKey
from rollbook_web.events import Event
from rollbook_web.ledger_picture import LedgerPicture
from rollbook_web.resuming import FOREIGN, STALE, event_id, parsed
from rollbook_web.shapes import shape, time_text

ANEW = "it is not known what has gone since: the ledger is another, or too much has changed"


@dataclass(frozen=True)
class Shown:
    """The picture at one of its versions, as front ends see it.

    Attributes:
        version: Of the picture.
        time: The present then, by the server's clock.
        at: The id of an event that shows it.
        rows: By (account, position_id), in the order of the payload.
        totals: `totals` and `totals_dry_run`.
    """

    version: int = -1
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    at: str = ""
    rows: dict[ChainKey, Any] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)


class LivePositions:
    """What all streams of positions have in common: the rows are made once for each change, however many look."""

    def __init__(self, picture: LedgerPicture, ledger: AsyncClient, now: Callable[[], Awaitable[datetime]]) -> None:
        self._picture = picture
        self._ledger = ledger
        self._now = now
        self._shown = Shown()
        self._making = asyncio.Lock()

    async def events(self, last_id: str) -> AsyncGenerator[Event, None]:
        """The events of one stream. Raises LedgerError for what will not pass by itself."""
        at = parsed(last_id)
        why = FOREIGN if last_id and at is None else None
        away = False
        seen = 0
        while True:
            version = self._picture.version
            if away != (self._picture.stale_since is not None):
                away = not away
                yield self._away() if away else Event("back", {})
            if self._picture.complete and not away:
                shown = await self._present()
                if not self._picture.complete:  # begun anew meanwhile: nothing there is not yet nothing open
                    continue
                if at is not None:  # once, before anything else was sent
                    try:
                        yield await self._missed(at, shown)
                        yield _event("values", shown, shown.rows.values())
                    except OutOfRange:
                        why = STALE
                    else:
                        seen = shown.version
                    at = None
                for event in self._changes(seen, shown, why):
                    yield event
                why = ANEW
                seen = shown.version
            await self._picture.after(version)

    def _changes(self, seen: int, shown: Shown, why: str | None) -> list[Event]:
        changes = self._picture.since(seen)
        if changes.anew:
            return [_event("reset", shown, shown.rows.values(), shown.at, reason=why)]
        events = []
        changed = [shown.rows[key] for key in changes.chains if key in shown.rows]
        if changed or changes.gone:
            events.append(_event("changes", shown, changed, shown.at, gone=_gone(changes.gone)))
        valued = [shown.rows[key] for key in changes.valued if key in shown.rows]
        if valued:
            events.append(_event("values", shown, valued))
        return events

    def _away(self) -> Event:
        since, failure = self._picture.stale_since, self._picture.failure
        return Event("away", {"since": since and time_text(since), "detail": failure and failure.message})

    async def _present(self) -> Shown:
        """The picture as it is, or as it was a moment ago."""
        async with self._making:
            if self._shown.version != self._picture.version:
                try:
                    now = await self._now()
                except LedgerError:  # the rows are there all the same
                    now = self._shown.time
                self._shown = _show(self._picture, now)
            return self._shown

    async def _missed(self, at: tuple[str, int], shown: Shown) -> Event:
        """What changed after a revision, and what closed, which the picture has long forgotten. Raises OutOfRange."""

        def interrupted(error: LedgerError) -> None:
            if isinstance(error, OutOfRange):
                raise error

        chains: dict[ChainKey, PositionChain] = {}
        cursor = Cursor(ledger_id=at[0], revision=at[1])
        watching = self._ledger.watch_chains(cursor=cursor, on_interruption=interrupted)
        async with aclosing(watching) as messages:
            async for message in messages:
                chains.update({(each.account, each.position_id): each for each in message.chains})
                cursor = message.cursor or cursor
                if message.bookmark:
                    break
        rows = open_payload(chains.values(), self._picture.mirror.valuations.values(), shown.time)["positions"]
        gone = [chain for chain in chains.values() if chain.state is ChainState.CLOSED]
        return _event("changes", shown, rows, event_id(cursor.ledger_id, cursor.revision), gone=_gone(gone))


def _show(picture: LedgerPicture, now: datetime) -> Shown:
    mirror = picture.mirror
    payload = open_payload(mirror.chains.values(), mirror.valuations.values(), now)
    rows = _by_key(payload["positions"])
    totals = {"totals": payload["totals"], "totals_dry_run": payload["totals_dry_run"]}
    at = event_id(mirror.cursor.ledger_id, mirror.cursor.revision) if mirror.cursor else ""
    return Shown(picture.version, now, at, rows, totals)


def _by_key(rows: Iterable[Any]) -> dict[ChainKey, Any]:
    return {(row["account"], row["position_id"]): row for row in rows}


def _event(name: str, shown: Shown, rows: Iterable[Any], at: str = "", **more: Any) -> Event:
    return Event(name, {**more, "positions": list(rows), **shown.totals}, at)


def _gone(chains: Iterable[PositionChain]) -> list[dict[str, Any]]:
    return [
        {"account": each.account, "position_id": each.position_id, "close_reason": shape(each.close_reason)}
        for each in chains
    ]
