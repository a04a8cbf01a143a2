"""Figures of an equity curve: daily returns, drawdown, and what is annualised from them.

Formulas as in empyrical-reloaded with 365 days a year (crypto never closes) and no riskless rate; tests compare both.
None stands for "cannot be said": a variance of zero, no fall, an equity that is not positive.
"""

import math

import numpy as np

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.clock import DAY

DAYS_A_YEAR = 365
LEAST_SPREAD = 1e-12
"""A standard deviation below it is rounding: equity and benchmark of a run that never traded."""


def daily(time: Ints, value: Floats, first: float) -> Floats:
    """`first`, then the last value known at the end of each UTC day (days + 1,).

    `time` (n,) are closes of bars in order: one at 00:00 ends the day before. A day without bars has the value of the
    day before, so that the number of returns is that of the days that went by.
    """
    day = (time - 1) // DAY
    ends = np.arange(day[0], day[-1] + 1)
    last = np.searchsorted(day, ends, side="right") - 1
    return np.concatenate(([first], value[last]))


def returns(values: Floats) -> Floats | None:
    """Simple returns from each value to the next (n - 1,); None where a value is not above 0 or there is one only."""
    if len(values) < 2 or not (values > 0).all():
        return None
    return values[1:] / values[:-1] - 1.0


def drawdown(values: Floats, first: float) -> tuple[Floats, Floats]:
    """How far each value is below the highest so far, `first` included: in money, and as a part of that peak (n,).

    The second is empyrical's max_drawdown for each row, with the sign turned: falls are positive.
    """
    peak = np.maximum(np.maximum.accumulate(values), first)
    below = peak - values
    share = np.divide(below, peak, out=np.zeros_like(below), where=peak > 0)
    return below, share


def volatility(daily_returns: Floats) -> float | None:
    """std(r, ddof = 1)·√365, a fraction: empyrical's annual_volatility."""
    if len(daily_returns) < 2:
        return None
    return float(np.std(daily_returns, ddof=1)) * math.sqrt(DAYS_A_YEAR)


def sharpe(daily_returns: Floats) -> float | None:
    """mean(r) / std(r, ddof = 1)·√365: empyrical's sharpe_ratio at a riskless rate of 0.

    Of r - benchmark's r it is empyrical's excess_sharpe times √365.
    """
    if len(daily_returns) < 2:
        return None
    spread = float(np.std(daily_returns, ddof=1))
    if spread < LEAST_SPREAD:
        return None
    return float(np.mean(daily_returns)) / spread * math.sqrt(DAYS_A_YEAR)


def sortino(daily_returns: Floats) -> float | None:
    """mean(r)·365 / (√mean(min(r, 0)²)·√365): empyrical's sortino_ratio. None where no day lost."""
    if not len(daily_returns):
        return None
    downside = math.sqrt(float(np.mean(np.minimum(daily_returns, 0.0) ** 2)))
    if downside < LEAST_SPREAD:
        return None
    return float(np.mean(daily_returns)) / downside * math.sqrt(DAYS_A_YEAR)


def annual_return(first: float, last: float, days: float) -> float | None:
    """(last / first)^(365 / days) - 1: empyrical's annual_return, compounded."""
    if first <= 0 or last <= 0 or days <= 0:
        return None
    return float((last / first) ** (DAYS_A_YEAR / days) - 1.0)
