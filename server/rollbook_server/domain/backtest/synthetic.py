"""A market that is made up: hourly bars and an index of implied volatility, for machines without data.

The same parameters give the same rows, bit by bit, on every machine, and a longer market begins with the rows of a
shorter one. So there is no exponential, logarithm or power below, whose last bit differs between machines, and no sum
whose order depends on its length: only +, -, *, / and square roots, in sequence, on the raw output of PCG64.

An hour is twelve steps of five minutes, each a simple return that is uniform with the variance of that hour. Returns
are martingale differences, so without drift E[S_T] = S_0 exactly; their twelve-fold sum is normal but for a kurtosis
of 2.9, which is 2.999 after a week. Hourly variance follows NGARCH(1, 1), which clusters and rises when prices fall
(Engle and Ng 1993), around a level that approaches the regime's in days; regimes last weeks. Tails are fatter than
normal and thinner than real ones: hourly returns have a kurtosis of about 5, those of bitcoin 17.
"""

import math
from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest.market import Bars, Floats, Ints, VolatilityIndex
from rollbook_server.domain.clock import DAY, SECOND, Micros, moment
from rollbook_server.domain.errors import InvalidArgument, Reason

LONGEST = 4000
"""Days."""
START_PRICES = {"BTC": 60_000.0, "ETH": 3_000.0}
"""USD; of another coin 100."""
_OTHER_PRICE = 100.0
_HOUR: Micros = 3600 * SECOND
_STEPS = 12
"""Of an hour."""
_HOURS_A_YEAR = 8760
_BETWEEN = 0.5826
"""Standard deviations of a step by which an extreme lies beyond that of the steps, on average: between them prices
move as well (Broadie, Glasserman and Kou 1997: -zeta(1/2) / sqrt(2 pi))."""

REGIMES = (0.35, 0.55, 0.95)
"""Volatility a year: calm, usual, storm. Of ETH a third more."""
_ETH_FACTOR = 4 / 3
_STAY = (0.98, 0.98, 0.95)
"""Chance that tomorrow's regime is today's: 50, 50 and 20 days on average."""
_WORSE = (1.0, 0.4, 0.0)
"""Chance that the regime after it is the next worse one, else the next better one."""

_APPROACH = 1 / 72
"""Of the distance from the level to the regime's, an hour."""
_ARCH, _REVERSION, _LEVERAGE = 0.09, 0.03, 0.3
"""Of NGARCH an hour: weight of the newest return, of the level, and shift of the news."""
_HIGHEST_VARIANCE = 9.0
"""A year: 300 percent."""

_PREMIUM = 1.08
"""Implied over the volatility that is to be expected."""
_INDEX_APPROACH = 1 / 12
"""Of the distance from the index to what is expected, an hour: faster than the market itself, so the index leads."""
_REGIME_WEIGHT, _LEVEL_WEIGHT, _HOUR_WEIGHT = 0.7, 0.1, 0.05
"""How much of today's regime, level and hour is left in the mean of the next 30 days."""
_NOISE, _NOISE_MEMORY = 0.006, 0.98
"""Of the index: standard deviation of an hour's news, as a fraction, and how much of it is left an hour later."""

_UNIT_UNIFORM = math.sqrt(12.0)
"""A uniform number between -1/2 and 1/2 times this has the variance 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """What is made up; as in the API."""

    underlying: str
    seed: int
    start_time: Micros
    days: int
    start_price: float | None = None
    constant_volatility: float | None = None
    """A fraction a year: geometric Brownian motion, and an index that says exactly this."""
    drift: float = 0.0
    """A year."""


def make_bars(market: SyntheticMarket) -> Bars:
    """Hourly bars, each opening at the close before it. Raises InvalidArgument."""
    _judge(market)
    news = _news(market)
    drift = market.drift / (_HOURS_A_YEAR * _STEPS)
    deviation = np.sqrt(_paths(market, news)[0] / (_HOURS_A_YEAR * _STEPS))
    within = np.cumprod(1.0 + drift + deviation[:, np.newaxis] * news, axis=1)
    start = market.start_price or START_PRICES.get(market.underlying, _OTHER_PRICE)
    price: Floats = np.cumprod(np.concatenate((np.array([start]), within[:, -1])))
    opened, closed = price[:-1], price[1:]
    between = _BETWEEN * deviation
    return Bars(
        time=_hours(market),
        open=opened,
        high=opened * np.maximum(within.max(axis=1), 1.0) * (1.0 + between),
        low=opened * np.minimum(within.min(axis=1), 1.0) * (1.0 - between),
        close=closed,
        interval=_HOUR,
        synthetic=True,
    )


def make_volatility(market: SyntheticMarket) -> VolatilityIndex:
    """The index of the same market, known at the end of each hour. Raises InvalidArgument."""
    _judge(market)
    return VolatilityIndex(time=_hours(market) + _HOUR, value=_paths(market, _news(market))[1], interval=_HOUR)


def _judge(market: SyntheticMarket) -> None:
    for name, value, low, high in (
        ("days", market.days, 1, LONGEST),
        ("start_price", market.start_price, 0.01, 1e9),
        ("constant_volatility", market.constant_volatility, 0.01, 5.0),
        ("drift", market.drift, -5.0, 5.0),
    ):
        if value is not None and not low <= value <= high:
            raise InvalidArgument(
                Reason.OUT_OF_BOUNDS, f"{value} is not within {low:g} and {high:g}", f"synthetic.{name}"
            )
    if market.start_time % _HOUR:
        raise InvalidArgument(
            Reason.OUT_OF_BOUNDS, f"{moment(market.start_time)} is no whole hour", "synthetic.start_time"
        )


def _hours(market: SyntheticMarket) -> Ints:
    count = market.days * (DAY // _HOUR)
    return market.start_time + _HOUR * np.arange(count, dtype=np.int64)


def _random(market: SyntheticMarket, stream: int, *shape: int) -> Floats:
    """Uniform numbers of mean 0 and variance 1, filled row by row."""
    source = np.random.PCG64(np.random.SeedSequence(market.seed, spawn_key=(stream,)))
    raw = source.random_raw(math.prod(shape)) >> np.uint64(11)
    return ((raw.astype(np.float64) * 2.0**-53 - 0.5) * _UNIT_UNIFORM).reshape(shape)


def _news(market: SyntheticMarket) -> Floats:
    """Of each step of each hour (n, 12)."""
    return _random(market, 0, market.days * (DAY // _HOUR), _STEPS)


def _paths(market: SyntheticMarket, news: Floats) -> tuple[Floats, Floats]:
    """Variance a year of each hour, and the volatility index at its end (n,)."""
    if market.constant_volatility is not None:
        volatility = np.full(len(news), market.constant_volatility)
        return volatility * volatility, volatility
    factor = _ETH_FACTOR if market.underlying == "ETH" else 1.0
    regimes = [(factor * volatility) * (factor * volatility) for volatility in REGIMES]
    usual = regimes[1]
    hourly = (np.cumsum(news, axis=1)[:, -1] / math.sqrt(_STEPS)).tolist()
    index_news = _random(market, 1, len(news)).tolist()
    variances, index = [], []

    regime = 1
    level = variance = expected = usual
    noise = 0.0
    chances = (_random(market, 2, market.days, 2) / _UNIT_UNIFORM + 0.5).tolist()
    for day, (leaves, worse) in enumerate(chances):
        if leaves >= _STAY[regime]:
            regime += 1 if worse < _WORSE[regime] else -1
        target = regimes[regime]
        for hour in range(day * 24, day * 24 + 24):
            variances.append(variance)
            surprise = hourly[hour] - _LEVERAGE
            variance = min(
                (1.0 - _REVERSION - _ARCH * (1.0 + _LEVERAGE * _LEVERAGE)) * variance
                + _REVERSION * level
                + _ARCH * variance * surprise * surprise,
                _HIGHEST_VARIANCE,
            )
            level += _APPROACH * (target - level)
            mean = (
                usual
                + _REGIME_WEIGHT * (target - usual)
                + _LEVEL_WEIGHT * (level - target)
                + _HOUR_WEIGHT * (variance - level)
            )
            expected += _INDEX_APPROACH * (mean - expected)
            noise = _NOISE_MEMORY * noise + _NOISE * index_news[hour]
            index.append(_PREMIUM * math.sqrt(expected) * (1.0 + noise))
    return np.array(variances), np.array(index)
