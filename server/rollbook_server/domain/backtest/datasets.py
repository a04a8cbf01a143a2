"""From what a file says to data that a run may use: in order, each row once, and nothing in it that cannot be right.

Rows that cannot be right are left out and counted. Rows that contradict each other, and files whose rows cannot be
placed in time, are refused: nobody can say which half of them is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rollbook_server.domain.backtest.chain_rows import normalise_chains
from rollbook_server.domain.backtest.market import Bars, Floats, Ints, OptionChains, VolatilityIndex
from rollbook_server.domain.backtest.outcomes import DatasetKind as DatasetKind
from rollbook_server.domain.backtest.raw import (
    HIGHEST_PERCENT,
    LOWEST_PERCENT,
    NO_PRICE,
    NO_VOLATILITY,
    BarColumns,
    PriceColumns,
    QuoteColumns,
    Rows,
    Sieve,
    VolatilityColumns,
    at,
    in_order,
    malformed,
    usual_interval,
)
from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason

Columns = BarColumns | PriceColumns | VolatilityColumns | QuoteColumns
Data = Bars | VolatilityIndex | OptionChains

LONGEST_WAIT: Micros = 366 * DAY
"""From a row's time until it is known."""
_MINUTE: Micros = 60 * SECOND
_ANOTHER_INTERVAL = 12
"""So many equal distances in a row, other than the usual one, are no gaps: the file changes its interval."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """Data that a run may use."""

    data: Data
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows that were left out, by reason. Rows that only repeat another are not counted."""
    quote_currency: str = ""
    """Of option chains: USD for coin-settled ones, or USDC. Else empty."""

    @property
    def dropped_rows(self) -> int:
        """All of them."""
        return sum(self.dropped.values())


def normalise(columns: Columns, underlying: str, known_after: Micros | None = None) -> Normalised:
    """What a file says, as data that a run may use.

    `known_after`: from a row's stamp until it is known; unset is one interval (bars, volatility) or at once (chains).
    Raises InvalidArgument: MALFORMED_DATA, or OUT_OF_BOUNDS for known_after.
    """
    if known_after is not None and not 0 <= known_after <= LONGEST_WAIT:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "must be from 0 to 366 days", "known_after_seconds")
    match columns:
        case BarColumns():
            return _bars(columns, known_after)
        case PriceColumns():
            return _bars_between(columns, known_after)
        case VolatilityColumns():
            return _volatility(columns, known_after)
        case QuoteColumns():
            return Normalised(*normalise_chains(columns, underlying, known_after or 0))


def _bars(columns: BarColumns, known_after: Micros | None) -> Normalised:
    prices = np.stack((columns.open, columns.high, columns.low, columns.close))
    sieve = Sieve(len(columns.time), columns.dropped)
    sieve.demand(np.isfinite(prices).all(axis=0) & (prices > 0).all(axis=0), NO_PRICE)
    spans = columns.low <= np.minimum(columns.open, columns.close)
    spans &= columns.high >= np.maximum(columns.open, columns.close)
    sieve.demand(spans, "open or close is not between low and high")
    time, (open_, high, low, close), interval = _series(
        columns.time, (columns.open, columns.high, columns.low, columns.close), sieve.right, "a high below its low"
    )
    time = time + (_wait(known_after, interval) - interval)
    bars = Bars(_on_grid(time, interval), open_, high, low, close, interval)
    return Normalised(bars, sieve.dropped)


def _bars_between(columns: PriceColumns, known_after: Micros | None) -> Normalised:
    """A bar is known at its close, which is the price of its row; it opens at the price of the row before. Were it to
    open at its own price, an order would fill at a price that is an interval away. Without the row before: no bar."""
    sieve = Sieve(len(columns.time))
    sieve.demand(np.isfinite(columns.price) & (columns.price > 0), NO_PRICE)
    time, (price,), interval = _series(columns.time, (columns.price,), sieve.right, "a price of 0")
    time = _on_grid(time + (_wait(known_after, interval) - interval), interval)
    whole = np.diff(time) == interval
    first, last = price[:-1][whole], price[1:][whole]
    bars = Bars(time[1:][whole], first, np.maximum(first, last), np.minimum(first, last), last, interval)
    return Normalised(bars, sieve.dropped)


def _volatility(columns: VolatilityColumns, known_after: Micros | None) -> Normalised:
    sieve = Sieve(len(columns.time))
    sieve.demand((columns.percent >= LOWEST_PERCENT) & (columns.percent <= HIGHEST_PERCENT), NO_VOLATILITY)
    time, (percent,), interval = _series(
        columns.time, (columns.percent,), sieve.right, "a volatility outside of 1 to 1000 percent"
    )
    index = VolatilityIndex(time + _wait(known_after, interval), percent / 100, interval)
    return Normalised(index, sieve.dropped)


def _wait(known_after: Micros | None, interval: Micros) -> Micros:
    return interval if known_after is None else known_after


def _count(rows: Rows) -> int:
    return int(np.count_nonzero(rows))


def _series(time: Ints, values: tuple[Floats, ...], right: Rows, wrong: str) -> tuple[Ints, tuple[Floats, ...], Micros]:
    """Times and values of the right rows in order, and their usual interval."""
    if _count(right) < 2:
        raise malformed(
            f"of {len(right)} rows {_count(right)} can be right, and two are needed; wrong is for example {wrong}"
        )
    order = in_order(right, (time,), values)
    time, values = time[order], tuple(value[order] for value in values)
    if len(time) < 2:
        raise malformed("all rows are of one time")
    interval = usual_interval(time)
    _one_interval(time, interval)
    return time, values, interval


def _one_interval(time: Ints, interval: Micros) -> None:
    """Raises where the file changes its interval: its rows would be taken as known too early, or as gaps."""
    distances = np.diff(time)
    starts = np.flatnonzero(np.concatenate(([True], distances[1:] != distances[:-1])))
    lengths = np.diff(np.append(starts, len(distances)))
    other = (lengths >= _ANOTHER_INTERVAL) & (distances[starts] != interval)
    if other.any():
        place = starts[int(np.argmax(other))]
        raise malformed(
            f"from {at(time[place])} on the rows are {_seconds(distances[place])} apart, elsewhere {_seconds(interval)}"
        )


def _on_grid(time: Ints, interval: Micros) -> Ints:
    """The same times. Raises where bars are no whole number of minutes, or overlap."""
    if interval % _MINUTE or interval > DAY:
        raise malformed(f"bars of {_seconds(interval)}: they must be a whole number of minutes, and a day at most")
    phases, counts = np.unique(time % interval, return_counts=True)
    stray = time % interval != phases[int(np.argmax(counts))]
    if stray.any():
        first = at(time[int(np.argmax(stray))])
        raise malformed(f"the bar of {first} begins between the others, which are {_seconds(interval)} apart")
    return time


def _seconds(interval: Micros | np.int64) -> str:
    return f"{interval / SECOND:g} s"
