"""The level of volatility at the money, as it was known: a pair of columns (known from, value), each value known only
from its instant on. Fractions a year, before the spec's multiplier.

Lab rules 2: a volatility index, or the exponentially weighted realized volatility of the bars, or a constant.
"""

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled_on_disk
from rollbook_server.domain.backtest.market import Bars, Floats, Ints
from rollbook_server.domain.backtest.world import YEAR
from rollbook_server.domain.clock import DAY

WARM_UP_DAYS = 2
"""Of bars, before a realized volatility is believed: 48 hourly returns know it to about a tenth."""


def realized(bars: Bars, half_life_days: float) -> tuple[Ints, Floats]:
    """Realized volatility at each bar's close (n,), NaN before the warm-up is over.

    Mean of squared log returns a year; a return over an elapsed time dt (longer over a gap) weighs 1 - 2^(-dt /
    half-life) and those before it 2^(-dt / half-life), divided by the sum of the weights.
    """
    known = bars.time + bars.interval
    elapsed = np.diff(known)
    variance = np.log(bars.close[1:] / bars.close[:-1]) ** 2 / (elapsed / YEAR)
    decay = np.exp2(-elapsed / (half_life_days * DAY))
    values = np.full(len(known), np.nan)
    if len(known) > 1:
        values[1:] = np.sqrt(_weighted(variance, decay))
        values[known - known[0] < WARM_UP_DAYS * DAY] = np.nan
    return known, values


@compiled_on_disk
def _weighted(values: Floats, decay: Floats) -> Floats:
    """Running weighted mean (n,)."""
    means = np.empty_like(values)
    total = weights = 0.0
    for place in range(len(values)):
        total = decay[place] * total + (1.0 - decay[place]) * values[place]
        weights = decay[place] * weights + (1.0 - decay[place])
        means[place] = total / weights
    return means


def newest(known: Ints, values: Floats, at: Ints) -> tuple[Floats, Ints]:
    """The newest value known at each instant, NaN if none is, and its age in microseconds (m,)."""
    place = np.searchsorted(known, at, side="right") - 1
    there = place >= 0
    found = np.full(len(at), np.nan)
    age = np.zeros(len(at), np.int64)
    found[there] = values[place[there]]
    age[there] = at[there] - known[place[there]]
    return found, age
