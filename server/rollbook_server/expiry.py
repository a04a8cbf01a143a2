"""Expiry, unasked: the ledger's clock is waited for, and delivery prices are fetched from where they become known.

What has expired is recorded by the ledger itself, with whatever is recorded next; `watch_clock` sees to it that
something is when nobody records. `settle_known` asks a source for the prices of what waits for its delivery.
"""

import asyncio
import csv
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from rollbook_server.domain.clock import SECOND, Micros, micros
from rollbook_server.domain.decimals import parse_plain
from rollbook_server.domain.errors import Refusal, Unavailable
from rollbook_server.ledger import Ledger

_LONGEST = 60.0
"""Seconds after which the clock is looked at again: a machine's clock can be set."""
_PATIENCE = 10.0
"""Seconds after which a source is asked again."""


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


async def watch_clock(ledger: Ledger) -> None:
    """Has each expiry recorded when its time comes. Ends when the server stops."""
    try:
        while True:
            left = _left(ledger)
            if left == 0:
                await ledger.expire()
                left = _left(ledger) or _PATIENCE  # it could not be written: not at once again
            await ledger.feed.beyond(ledger.feed.revision, left)
    except Unavailable:
        return


def _left(ledger: Ledger) -> float:
    """Seconds until the clock is to be looked at again; 0 if something has expired."""
    if ledger.next_expiry is None:
        return _LONGEST
    return min(max(ledger.next_expiry - ledger.now, 0) / SECOND, _LONGEST)


async def settle_known(ledger: Ledger, prices: DeliveryPrices, log: Log) -> None:
    """Settles what waits for its delivery as soon as the source knows the price. Ends when the server stops."""
    try:
        while True:
            if ledger.awaiting:
                await _settle(ledger, prices, log)
            await ledger.feed.beyond(ledger.feed.revision, _PATIENCE)
    except Unavailable:
        return


async def _settle(ledger: Ledger, prices: DeliveryPrices, log: Log) -> None:
    for scope, index_name, expiry in await ledger.unsettled():
        try:
            price = await prices.delivery_price(scope.venue, index_name, expiry)
            if price is not None:
                await ledger.settle(scope, index_name, expiry, price)
        except Unavailable:
            raise
        except Refusal as refusal:
            log.warning("not_settled", account=scope.account, index_name=index_name, reason=refusal.message)
        except Exception as error:  # a source of any kind: what it cannot tell now it may tell later
            log.warning("no_delivery_price", venue=scope.venue, index_name=index_name, error=str(error))
            return
