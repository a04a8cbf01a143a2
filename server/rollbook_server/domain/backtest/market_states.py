"""The market as it was known at a decision: columns, one value per decision, from bars that had closed by then.

A window that reaches back further than the data is as long as the data: `history_days` says how much there was.
"""

from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest.engine import Prepared
from rollbook_server.domain.backtest.market import Bars, Floats, Ints, MarketData
from rollbook_server.domain.backtest.timeline import levels, resampled
from rollbook_server.domain.backtest.world import YEAR
from rollbook_server.domain.clock import DAY

RETURN_DAYS = (1, 7, 30)
VOLATILITY_DAYS = (1, 7, 30)
CHANGE_DAYS = (1, 7)

COLUMNS = (
    "spot",
    *(f"return_{days}d" for days in RETURN_DAYS),
    *(f"realized_vol_{days}d" for days in VOLATILITY_DAYS),
    "vol_level",
    *(f"vol_change_{days}d" for days in CHANGE_DAYS),
    "history_days",
)


@dataclass(frozen=True, slots=True)
class History:
    """What is known at each close of the data, those before the run's period too (n,)."""

    known: Ints
    close: Floats
    variance: Floats
    """Sum of squared log returns from the first close on."""
    level: Floats
    """Volatility at the money, multiplier included; NaN where none is known."""
    first_level: int
    """The first close at which one is."""


def history_of(prepared: Prepared, data: MarketData) -> History:
    """The history of a run's data, in bars of the run."""
    bars: Bars = resampled(data.bars, prepared.market.interval)
    known = bars.time + bars.interval
    squares = np.zeros(len(known))
    squares[1:] = np.log(bars.close[1:] / bars.close[:-1]) ** 2
    level, _ = levels(prepared.spec, data, bars, known)
    there = np.flatnonzero(level > 0)
    return History(known, bars.close, np.cumsum(squares), level, int(there[0]) if len(there) else 0)


def states(history: History, at: Ints) -> dict[str, Floats]:
    """COLUMNS at instants that are closes of bars (n,); NaN where a value cannot be known: no return, no volatility.

    return_Nd: log of the close over the newest one known N days before. realized_vol_Nd: root of the sum of squared log
    returns since then, a year. vol_level: the volatility at the money that the run assumes. vol_change_Nd: its
    difference to the newest known N days before.
    """
    here = np.searchsorted(history.known, at, side="right") - 1

    def before(days: int) -> Ints:
        return np.maximum(np.searchsorted(history.known, at - days * DAY, side="right") - 1, 0)

    found = {"spot": history.close[here]}
    for days in RETURN_DAYS:
        found[f"return_{days}d"] = np.log(history.close[here] / history.close[before(days)])
    for days in VOLATILITY_DAYS:
        then = before(days)
        elapsed = np.where(here > then, (history.known[here] - history.known[then]) / YEAR, np.nan)
        found[f"realized_vol_{days}d"] = np.sqrt((history.variance[here] - history.variance[then]) / elapsed)
    found["vol_level"] = history.level[here]
    for days in CHANGE_DAYS:
        then = np.maximum(before(days), history.first_level)
        found[f"vol_change_{days}d"] = history.level[here] - history.level[then]
    found["history_days"] = (at - history.known[0]) / DAY
    return found
