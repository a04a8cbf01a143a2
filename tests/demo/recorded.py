"""The recorded market: Deribit's option chains of a week, from Parquet files that are not part of the repository."""

import csv
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars

from tests.demo.market import Contract, Quote, Snapshot

PRODUCTS = ("BTC", "ETH", "BTC_USDC")
CHAINS = "deribit_chain_{}_20251207_13.parquet"
BARS = "{}_spot_1h_202104_202603.parquet"
INDEX = "index_implied_5min_20251207_13.csv"

FEWEST_QUOTES = 100
"""A whole chain has twice as many; with fewer the snapshot is broken."""
INDEX_AGE = timedelta(minutes=1)
"""In more time the market moves further than the nearest forward is from the index."""


def find_recorded(folder: Path) -> "RecordedMarket | None":
    """The recorded market, if all its files are there."""
    names = [
        INDEX,
        *(CHAINS.format(product) for product in PRODUCTS),
        *(BARS.format(coin) for coin in ("btc", "eth")),
    ]
    return RecordedMarket(folder) if all((folder / name).is_file() for name in names) else None


class RecordedMarket:
    """Snapshots as harvested, 7 to 13 December 2025, with gaps of up to two days."""

    prices = "estimates: the index from put-call parity or the nearest forward, delivery prices from hourly spot bars"
    delivery = "estimated from spot bars"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = _implied_index(folder / INDEX)
        self._bars = {coin: polars.read_parquet(folder / BARS.format(coin.lower())) for coin in ("BTC", "ETH")}
        self._broken = 0
        snapshots = [each for product in PRODUCTS for each in self._of_product(product)]
        self._snapshots = sorted(snapshots, key=lambda each: each.time)

    @property
    def origin(self) -> str:
        """Where it comes from, in a line."""
        return (
            f"recorded Deribit chains of 7-13 December 2025 ({', '.join(PRODUCTS)}): {len(self._snapshots)} snapshots, "
            f"{self._broken} broken ones left out"
        )

    def snapshots(self) -> list[Snapshot]:
        """Oldest first."""
        return self._snapshots

    def delivery_price(self, coin: str, expiry: datetime) -> Decimal:
        """An estimate of the average of the last half hour, from the bar that ends with the expiry."""
        opened = f"{expiry - timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
        bar = self._bars[coin].row(by_predicate=polars.col("ts") == opened, named=True)
        high, low, close = (_exact(bar[name]) for name in ("high", "low", "close"))
        return ((high + low + 2 * close) / 4).quantize(Decimal("0.01"))

    def _of_product(self, product: str) -> Iterator[Snapshot]:
        rows = polars.read_parquet(self._folder / CHAINS.format(product))
        rows = rows.drop_nulls(["underlying_price", "mark_price", "mark_iv"]).filter(polars.col("mark_iv") > 0)
        contracts = {symbol: Contract.parse(symbol) for symbol in rows["instrument_name"].unique()}
        for (time,), harvest in sorted(rows.partition_by("harvest_time", as_dict=True).items()):
            quotes = [_quote(row, contracts[row["instrument_name"]]) for row in harvest.iter_rows(named=True)]
            if len(quotes) < FEWEST_QUOTES:
                self._broken += 1
                continue
            yield Snapshot(
                product, time, self._index_price(product, time, quotes), {quote.symbol: quote for quote in quotes}
            )

    def _index_price(self, product: str, time: datetime, quotes: list[Quote]) -> Decimal:
        coin = product.partition("_")[0]
        times, prices = self._index.get(f"{coin}_USDC", ([], []))
        newest = bisect_right(times, time) - 1
        if newest >= 0 and time - times[newest] <= INDEX_AGE:
            return prices[newest]
        return min(quotes, key=lambda quote: quote.contract.expiry).forward.quantize(Decimal("0.01"))


def _quote(row: dict[str, Any], contract: Contract) -> Quote:
    bid, ask = row["best_bid_price"], row["best_ask_price"]
    return Quote(
        contract=contract,
        symbol=row["instrument_name"],
        time=row["harvest_time"],
        forward=_exact(row["underlying_price"]),
        mark=_exact(row["mark_price"]),
        bid=None if bid is None else _exact(bid),
        ask=None if ask is None else _exact(ask),
        volatility=row["mark_iv"],
    )


def _exact(price: float) -> Decimal:
    """The decimal that the venue sent: the shortest one that reads as this float."""
    return Decimal(repr(price).removesuffix(".0"))


def _implied_index(file: Path) -> dict[str, tuple[list[datetime], list[Decimal]]]:
    found: dict[str, tuple[list[datetime], list[Decimal]]] = {}
    with file.open(newline="") as lines:
        for row in sorted(csv.DictReader(lines), key=lambda row: row["ts"]):
            times, prices = found.setdefault(row["product"], ([], []))
            times.append(datetime.fromisoformat(row["ts"]))
            prices.append(Decimal(row["index_implied"]))
    return found
