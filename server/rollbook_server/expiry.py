"""Expiry, unasked: the ledger's clock is waited for, and delivery prices are fetched from where they become known.

What has expired is recorded by the ledger itself, with whatever is recorded next; `watch_clock` sees to it that
something is when nobody records. `settle_known` asks a source for the prices of what waits for its delivery.
"""

import asyncio
import csv
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from rollbook_server.domain.clock import SECOND, Micros, micros
from rollbook_server.domain.decimals import parse_plain
from rollbook_server.domain.errors import FailedPrecondition, Unavailable
from rollbook_server.domain.recording.book import Scope
from rollbook_server.ledger import Ledger

_LONGEST = 60.0
"""Seconds after which the clock is looked at again: a machine's clock can be set."""
_PATIENCE = 2.0
"""Seconds after which what could not be done is tried again, and a source is asked again."""


class Log(Protocol):
    """Where it is said what went wrong."""

    def warning(self, event: str, **fields: object) -> None: ...


class DeliveryPrices(Protocol):
    """Where final delivery prices become known."""

    async def delivery_price(self, venue: str, index_name: str, expiry: Micros) -> Decimal | None:
        """The final delivery price of an index at an expiry; None if it is not known yet."""


class PriceFile:
    """A CSV file that somebody writes: venue,index_name,expiry_time,delivery_price, with times as in ISO 8601.

    It is read anew whenever it is asked. Raises ValueError with the line that makes no sense.
    """

    COLUMNS = ("venue", "index_name", "expiry_time", "delivery_price")

    def __init__(self, path: Path) -> None:
        self._path = path

    async def delivery_price(self, venue: str, index_name: str, expiry: Micros) -> Decimal | None:
        return (await asyncio.to_thread(self._read)).get((venue, index_name, expiry))

    def _read(self) -> dict[tuple[str, str, Micros], Decimal]:
        if not self._path.exists():
            return {}
        prices: dict[tuple[str, str, Micros], Decimal] = {}
        with self._path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != self.COLUMNS:
                raise ValueError(f"{self._path}: its first line must be {','.join(self.COLUMNS)}")
            for row in reader:
                where = f"{self._path}, line {reader.line_num}"
                price = parse_plain(row["delivery_price"] or "")
                if price is None or price <= 0:
                    raise ValueError(f"{where}: delivery_price {row['delivery_price']!r} is no decimal above 0")
                key = (row["venue"], row["index_name"], _instant(row["expiry_time"], where))
                if prices.setdefault(key, price) != price:
                    raise ValueError(f"{where}: another delivery price stands above")
        return prices


def _instant(text: str, where: str) -> Micros:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: expiry_time {text!r} is no time as in ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError(f"{where}: expiry_time {text!r} names no time zone")
    return micros(moment)


async def watch_clock(ledger: Ledger, log: Log) -> None:
    """Has each expiry recorded when its time comes. Ends when the server stops."""

    async def look() -> float:
        if _left(ledger) == 0:
            await ledger.expire()
        return _left(ledger) or _PATIENCE  # it could not be written: not at once again

    await _forever(ledger, look, log)


async def settle_known(ledger: Ledger, prices: DeliveryPrices, log: Log) -> None:
    """Settles what waits for its delivery when the source knows the price. Each expiry of an index is asked for once,
    and again after a pause. Ends when the server stops."""
    again = 0.0

    async def look() -> float:
        nonlocal again
        if not ledger.awaiting:
            return _LONGEST
        left = again - time.monotonic()
        if left > 0:
            return left
        await _ask(ledger, prices, log)
        again = time.monotonic() + _PATIENCE
        return _PATIENCE

    await _forever(ledger, look, log)


async def _ask(ledger: Ledger, prices: DeliveryPrices, log: Log) -> None:
    waiting: dict[tuple[str, str, Micros], list[Scope]] = {}
    for scope, index_name, expiry in await ledger.unsettled():
        waiting.setdefault((scope.venue, index_name, expiry), []).append(scope)
    for (venue, index_name, expiry), scopes in waiting.items():
        try:
            price = await prices.delivery_price(venue, index_name, expiry)
        except Exception as error:  # a source of any kind: what it cannot tell now it may tell later
            log.warning("no_delivery_price", venue=venue, index_name=index_name, error=str(error))
            continue
        if price is None:
            continue
        for scope in scopes:
            try:
                await ledger.settle(scope, index_name, expiry, price)
            except FailedPrecondition as refusal:
                log.warning("not_settled", account=scope.account, index_name=index_name, reason=refusal.message)


async def _forever(ledger: Ledger, look: Callable[[], Awaitable[float]], log: Log) -> None:
    """Looks, and again with each revision, or after as many seconds as the look said. Only the server's end ends it:
    whatever else goes wrong is said, and may go well the next time."""
    while True:
        try:
            pause = await look()
        except Exception as error:
            log.warning("expiry_failed", error=repr(error))
            pause = _PATIENCE
        try:
            await ledger.feed.beyond(ledger.feed.revision, pause)
        except Unavailable:
            return


def _left(ledger: Ledger) -> float:
    """Seconds until the clock is to be looked at again; 0 if something has expired."""
    if ledger.next_expiry is None:
        return _LONGEST
    return min(max(ledger.next_expiry - ledger.now, 0) / SECOND, _LONGEST)
