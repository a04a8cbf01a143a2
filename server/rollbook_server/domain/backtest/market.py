"""Market data of a run, as columns. Times are microseconds since 1970 in UTC; volatilities are fractions a year.

A row is known from some instant on, and nobody may use it before: a bar at its close, a volatility index one of its
intervals after its stamp, a snapshot at its own time (lab rules 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.clock import Micros

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Open, high, low, close of the underlying in USD, in order of time, one row per bar that is there (n,)."""

    time: Ints
    """Of the bar's open."""
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    interval: Micros
    """Between two bars, as usual. A bar is known at time + interval."""
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class VolatilityIndex:
    """An index of implied volatility, in order of time (n,)."""

    time: Ints
    """From which the value is known."""
    value: Floats
    """A fraction: DVOL 45 is 0.45."""
    interval: Micros


@dataclass(frozen=True, slots=True)
class OptionChains:
    """Recorded quotes. Snapshots in order of time (s,); the quotes of snapshot i are rows first[i] to first[i + 1]."""

    time: Ints
    """Of each snapshot, from which it is known (s,)."""
    first: Ints
    """(s + 1,)"""
    contract: Ints
    """Of each quote: an index into the contracts (q,). Within a snapshot in ascending order."""
    bid: Floats
    """NaN where it is missing (q,). In the premium's unit per coin."""
    ask: Floats
    mark: Floats
    forward: Floats
    """The underlying's forward of the expiry, in USD (q,)."""
    volatility: Floats
    """Of the mark, a fraction; NaN where it is missing (q,)."""
    expiry: Ints
    """Of each contract (c,)."""
    strike: Floats
    is_call: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MarketData:
    """What a run may look at, in time."""

    bars: Bars
    volatility: VolatilityIndex | None = None
    chains: OptionChains | None = None
