"""Which contracts the venue lists: expiries and strikes. A model of it, for modelled quotes.

Expiries at 08:00 UTC: each of the next 4 days; Fridays of the next 4 weeks; the last Friday of a month within 3 months
and of a quarter within a year. Strikes as listed in December 2025 (BTC at 92,000, ETH at 3,350) and scaled with the
spot by the rule below, which is a guess for other price levels: the venue's own history of strikes was not measured.

A step is the smallest round number that is at least a fraction of the spot. Round are 1, 2 and 5 times powers of ten
for BTC, and 1, 2.5 and 5 times for ETH. Fractions of BTC: 0.8 % (1.6 % from 14 days on), beyond 8 % from the spot
1.6 %, beyond 12 % from it 4 %: at 92,000 these are 1,000, 2,000 and 5,000. Of ETH: 0.625 % up to 3 days, 1.25 % up to
21, 2.5 % from there on, and twice that beyond 8 % from the spot: at 3,350 these are 25, 50, 100, and 200.
"""

import math
from datetime import UTC, datetime, timedelta

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled, inlined
from rollbook_server.domain.backtest.market import Ints
from rollbook_server.domain.clock import DAY, SECOND, Micros

EXPIRY_TIME_OF_DAY: Micros = 8 * 3600 * SECOND
LISTED_DAYS = {"daily": 4, "weekly": 28, "monthly": 92, "quarterly": 366}
"""Days before its expiry from which a contract of this cycle is listed."""
WING = 0.08
"""Distance from the spot beyond which strikes are fewer."""
FAR = 0.12
REACH = 4.0
"""Deviations from the forward up to which strikes are listed."""
WIDEST = 100.0
"""Times the forward up to which they are, whatever the volatility: at 1000 % for a month four deviations are a thousand
times it, and the search through that many strikes would have no end."""

COINS = ("BTC", "ETH")
BTC = COINS.index("BTC")

_FRIDAY = 4


def is_friday(day: int) -> bool:
    """Whether a day, counted from 1970-01-01 (a Thursday), is a Friday."""
    return (day + 3) % 7 == _FRIDAY


def listed_days(first_day: int, days: int) -> Ints:
    """Of each day from `first_day` (counted from 1970-01-01): how many days before its 08:00 an expiry then is
    listed (days,)."""
    listed = np.full(days, LISTED_DAYS["daily"], np.int64)
    for place in range(days):
        if is_friday(first_day + place):
            listed[place] = LISTED_DAYS[_friday_cycle(first_day + place)]
    return listed


def _friday_cycle(day: int) -> str:
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    if (date + timedelta(days=7)).month == date.month:
        return "weekly"
    return "quarterly" if date.month % 3 == 0 else "monthly"


@compiled
def round_step(coin: int, least: float) -> float:
    """The smallest round number that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1.0, 2.0 if coin == BTC else 2.5, 5.0):
        if factor * power >= least * (1.0 - 1e-12):
            return factor * power
    return 10.0 * power


@compiled
def strike_steps(coin: int, spot: float, days: float) -> tuple[float, float, float]:
    """Steps between the listed strikes of an expiry, in USD: near the spot, in the wings, and far out."""
    if coin == BTC:
        near = 0.016 if days >= 14.0 else 0.008
        return round_step(coin, near * spot), round_step(coin, 0.016 * spot), round_step(coin, 0.04 * spot)
    near = round_step(coin, (0.00625 if days <= 3.0 else 0.0125 if days <= 21.0 else 0.025) * spot)
    return near, 2.0 * near, 2.0 * near


@inlined
def central_strike(spot: float, steps: tuple[float, float, float]) -> float:
    """The listed strike next to the spot."""
    return max(math.floor(spot / steps[0] + 0.5), 1.0) * steps[0]


@inlined
def next_strike(spot: float, strike: float, steps: tuple[float, float, float], upwards: bool) -> float:
    """The listed strike after `strike` on the way up or down from the central one; 0 where there is none."""
    away = abs(strike / spot - 1.0)
    step = steps[2] if away > FAR else steps[1] if away > WING else steps[0]
    if upwards:
        return math.floor(strike / step + 1.0 + 1e-9) * step
    return math.ceil(strike / step - 1.0 - 1e-9) * step


def day_of(time: Micros) -> int:
    """Days since 1970-01-01 of an instant."""
    return time // DAY
