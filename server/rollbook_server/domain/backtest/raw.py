"""Market data as a file says it, before it is judged, and what judging all of it has in common.

Times are microseconds since 1970 in UTC, as stamped; prices in USD (quotes: in the premium's unit); volatilities in
percent a year. Each column has a value per row (n,), in any order; NaN is a missing value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.clock import SECOND, Micros, moment
from rollbook_server.domain.errors import InvalidArgument, Reason

Rows = NDArray[np.bool_]
"""Which rows (n,)."""

LOWEST_PERCENT, HIGHEST_PERCENT = 1.0, 1000.0
"""A volatility outside is a mistake of unit, or none."""
NO_PRICE = "a price is missing, or not above 0"
NO_VOLATILITY = "the volatility is not within 1 to 1000 percent"


@dataclass(frozen=True, slots=True)
class BarColumns:
    """Bars, stamped at their open."""

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    dropped: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    """Rows that were left out when the file was read, by reason."""


@dataclass(frozen=True, slots=True)
class PriceColumns:
    """One price a row, of one instant: bars are made between each and the next."""

    time: Ints
    price: Floats


@dataclass(frozen=True, slots=True)
class VolatilityColumns:
    """A volatility index: closes of bars that are stamped at their open."""

    time: Ints
    percent: Floats


@dataclass(frozen=True, slots=True)
class QuoteColumns:
    """Quotes of option chains, stamped with the time of their harvest."""

    time: Ints
    name: Ints
    """A place in `names`."""
    names: Sequence[str]
    """Each once."""
    forward: Floats
    mark: Floats
    bid: Floats
    ask: Floats
    percent: Floats
    """Volatility of the mark."""
    dropped: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    """Rows that were left out when the file was read, by reason."""


class Sieve:
    """Which rows can be right. Each of the others is counted once, by the first reason against it."""

    def __init__(self, rows: int, dropped: Mapping[str, int] | None = None) -> None:
        self.right: Rows = np.ones(rows, dtype=np.bool_)
        self.dropped = dict(dropped or {})

    def demand(self, rows: Rows | np.bool_, otherwise: str) -> None:
        """Only these rows are right; `otherwise` says what the others are."""
        before = int(np.count_nonzero(self.right))
        self.right &= rows
        self.count(before - int(np.count_nonzero(self.right)), otherwise)

    def count(self, rows: int, reason: str) -> None:
        """So many more rows are left out."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows


def malformed(sentence: str) -> InvalidArgument:
    """The file cannot be taken; the sentence says why and where."""
    return InvalidArgument(Reason.MALFORMED_DATA, sentence, "path")


def at(instant: Micros | np.int64) -> str:
    """An instant for people."""
    return moment(int(instant)).strftime("%Y-%m-%d %H:%M:%S UTC")


def in_order(right: Rows, keys: Sequence[Ints], values: Sequence[Floats]) -> Ints:
    """The places of the right rows in order of `keys`, the first of which is the time; of rows that say the same, one.

    Raises InvalidArgument where two right rows have the same keys and different values.
    """
    rows = np.flatnonzero(right)
    order: Ints = rows[np.lexsort(tuple(key[rows] for key in reversed(keys)))]
    repeated = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for key in keys:
        ordered = key[order]
        repeated &= ordered[1:] == ordered[:-1]
    before, after = order[:-1][repeated], order[1:][repeated]
    for value in values:
        contradicts = (value[before] != value[after]) & ~(np.isnan(value[before]) & np.isnan(value[after]))
        if contradicts.any():
            time = keys[0][before[int(np.argmax(contradicts))]]
            raise malformed(f"two rows of {at(time)} contradict each other")
    once: Ints = order[np.concatenate((np.ones(min(len(order), 1), dtype=np.bool_), ~repeated))]
    return once


def usual_interval(times: Ints) -> Micros:
    """The median distance of two rows in order, in whole seconds, at least one: exact for bars, and steady where a
    harvester's clock trembles. 0 for a single row."""
    if len(times) < 2:
        return 0
    distances = np.sort(np.diff(times))
    return max(round(int(distances[(len(distances) - 1) // 2]) / SECOND), 1) * SECOND
