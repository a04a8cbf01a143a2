"""What is known when: bars of the run, its decisions, and for each bar what its beginning and its end may use."""

from typing import cast

import numpy as np

from rollbook_server.domain.backtest import volatility
from rollbook_server.domain.backtest.grid import EXPIRY_TIME_OF_DAY, day_of, listed_days
from rollbook_server.domain.backtest.market import Bars, Floats, Ints, MarketData, OptionChains
from rollbook_server.domain.backtest.spec import SETTLEMENT_HOUR, BacktestSpec, QuoteSource, VolatilitySource
from rollbook_server.domain.backtest.world import NOTHING, SNAPSHOT_AGE, Market
from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import StrategyKind

HOUR: Micros = 3600 * SECOND
STALE_LEVEL: Micros = DAY
"""A volatility older than this opens no chain; what is open is still marked by it."""


def resampled(bars: Bars, interval: Micros) -> Bars:
    """Bars of a longer interval, counted from midnight. One is there if its first and its last bar are: without the
    first its open, without the last its close would be of another time than it says."""
    if interval == bars.interval:
        return bars
    start = bars.time - bars.time % interval
    first = np.flatnonzero(np.diff(start, prepend=np.int64(-1)))
    last = np.append(first[1:], len(start)) - 1
    whole = (bars.time[first] == start[first]) & (bars.time[last] + bars.interval == start[first] + interval)
    if not len(first):
        return bars
    return Bars(
        time=start[first][whole],
        open=bars.open[first][whole],
        high=np.maximum.reduceat(bars.high, first)[whole],
        low=np.minimum.reduceat(bars.low, first)[whole],
        close=bars.close[last][whole],
        interval=interval,
        synthetic=bars.synthetic,
    )


def decision_times(spec: BacktestSpec, end: Micros) -> Ints:
    """Times of decisions before `end`: the decision hour of the first day and each interval from there on, from the
    start on, and never at 08:00, when expiries settle."""
    assert spec.start_time is not None
    assert spec.decision_hour is not None
    assert spec.decision_interval_hours is not None
    anchor = day_of(spec.start_time) * DAY + spec.decision_hour * HOUR
    times = np.arange(anchor, end, spec.decision_interval_hours * HOUR, dtype=np.int64)
    return times[(times >= spec.start_time) & (times % DAY != SETTLEMENT_HOUR * HOUR)]


def delivery_prices(bars: Bars, first_day: int, days: int) -> Floats:
    """A stand-in for the delivery price, the mean of the index from 07:30 to 08:00, of each day (days,): (high + low +
    2 close) / 4 of the bars from 07:00 to 08:00, or the last close before 08:00 if there is none (lab rules 6)."""
    if not len(bars.time):
        return np.full(days, np.nan)
    expiry = (first_day + np.arange(days, dtype=np.int64)) * DAY + EXPIRY_TIME_OF_DAY
    known = bars.time + bars.interval
    begin = np.searchsorted(bars.time, expiry - HOUR)
    end = np.searchsorted(known, expiry, side="right")
    prices = np.where(end > 0, bars.close[np.maximum(end, 1) - 1], np.nan)
    there = begin < end
    # reduceat takes pairs of bounds; every second of its results is of what lies between two pairs.
    bounds = np.column_stack([begin[there], end[there]]).ravel()
    high = np.maximum.reduceat(np.append(bars.high, 0.0), bounds)[::2] if len(bounds) else prices[there]
    low = np.minimum.reduceat(np.append(bars.low, 0.0), bounds)[::2] if len(bounds) else prices[there]
    prices[there] = (high + low + 2.0 * prices[there]) / 4.0
    return cast(Floats, prices)


def _levels(spec: BacktestSpec, data: MarketData, bars: Bars, at: Ints) -> tuple[Floats, Ints]:
    """The level at the money with its multiplier, and its age, at each instant."""
    given = spec.volatility
    assert given.half_life_days is not None
    if given.source is VolatilitySource.CONSTANT:
        assert given.level is not None
        found, age = np.full(len(at), given.level), np.zeros(len(at), np.int64)
    elif given.source is VolatilitySource.REALIZED:
        found, age = volatility.newest(*volatility.realized(bars, given.half_life_days), at)
    else:
        if data.volatility is None:
            raise InvalidArgument(
                Reason.MISSING_FIELD, "INDEX needs a volatility index", "spec.data.volatility_dataset_id"
            )
        found, age = volatility.newest(data.volatility.time, data.volatility.value, at)
    return found * given.multiplier, age


def _snapshots(chains: OptionChains, at: Ints) -> Ints:
    """The newest snapshot known at each instant; NOTHING if it is too old."""
    place = np.searchsorted(chains.time, at, side="right") - 1
    fresh = (place >= 0) & (at - chains.time[np.maximum(place, 0)] <= SNAPSHOT_AGE)
    return np.where(fresh, place, NOTHING)


_NO_CHAINS = OptionChains(
    time=np.zeros(0, np.int64), first=np.zeros(1, np.int64), contract=np.zeros(0, np.int64),
    bid=np.zeros(0), ask=np.zeros(0), mark=np.zeros(0), forward=np.zeros(0), volatility=np.zeros(0),
    expiry=np.zeros(0, np.int64), strike=np.zeros(0), is_call=np.zeros(0, np.bool_),
)  # fmt: skip


def market_of(spec: BacktestSpec, data: MarketData) -> Market:
    """The market of a run. Raises InvalidArgument where there is no data for it."""
    assert spec.start_time is not None
    assert spec.end_time is not None
    assert spec.bar_minutes is not None
    assert spec.decision_hour is not None
    recorded = spec.fills.quotes is QuoteSource.RECORDED
    if recorded and data.chains is None:
        raise InvalidArgument(Reason.MISSING_FIELD, "RECORDED needs option chains", "spec.data.quotes_dataset_id")
    interval = spec.bar_minutes * 60 * SECOND
    if (spec.decision_hour * HOUR) % interval and interval <= DAY:
        raise InvalidArgument(
            Reason.CONTRADICTION, f"no bar of {spec.bar_minutes} minutes begins at that hour", "spec.decision_hour"
        )
    every = resampled(data.bars, interval)
    inside = (every.time >= spec.start_time) & (every.time + interval <= spec.end_time)
    if not inside.any():
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "there is no bar in the period", "spec.start_time")
    time = every.time[inside]
    closed = time + interval
    place = np.searchsorted(every.time + interval, time, side="right") - 1
    last_close = np.where(place >= 0, every.close[np.maximum(place, 0)], np.nan)
    fresh_close = (place >= 0) & (every.time[np.maximum(place, 0)] + interval == time)
    level_at_open, age = _levels(spec, data, every, time)
    level_at_close, _ = _levels(spec, data, every, closed)
    chains = data.chains if recorded and data.chains is not None else _NO_CHAINS
    snapshot_at_open = _snapshots(chains, time) if recorded else np.full(len(time), NOTHING)
    snapshot_at_close = _snapshots(chains, closed) if recorded else np.full(len(time), NOTHING)
    known = snapshot_at_open != NOTHING if recorded else (level_at_open > 0) & (age <= STALE_LEVEL)
    first_day = day_of(int(time[0]))
    assert spec.selection.max_dte_days is not None
    days = day_of(int(closed[-1])) - first_day + int(spec.selection.max_dte_days) + 3
    return Market(
        interval=interval,
        time=_ints(time),
        open=_floats(every.open[inside]),
        close=_floats(every.close[inside]),
        last_close=_floats(last_close),
        level_at_open=_floats(level_at_open),
        level_at_close=_floats(level_at_close),
        snapshot_at_open=_ints(snapshot_at_open),
        snapshot_at_close=_ints(snapshot_at_close),
        decidable=np.array(known & fresh_close),
        first_day=first_day,
        listed_days=listed_days(first_day, days),
        delivery=_floats(delivery_prices(data.bars, first_day, days)),
        decision_time=_ints(decision_times(spec, int(time[-1]) + 1)),
        snapshot_time=_ints(chains.time),
        first=_ints(chains.first),
        contract=_ints(chains.contract),
        bid=_floats(chains.bid),
        ask=_floats(chains.ask),
        mark=_floats(chains.mark),
        forward=_floats(chains.forward),
        volatility=_floats(chains.volatility),
        expiry=_ints(chains.expiry),
        strike=_floats(chains.strike),
        of_type=np.array(chains.is_call == (spec.strategy is StrategyKind.COVERED_CALL)),
    )


# Copies, contiguous and writeable as the kernel was compiled for: another layout would be compiled anew.


def _ints(values: Ints) -> Ints:
    return np.array(values, np.int64, order="C")


def _floats(values: Floats) -> Floats:
    return np.array(values, np.float64, order="C")
