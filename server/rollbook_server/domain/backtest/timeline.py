"""What is known when: bars of the run, its decisions, and for each bar what its beginning and its end may use."""

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest import volatility
from rollbook_server.domain.backtest.grid import EXPIRY_TIME_OF_DAY, day_of, listed_days
from rollbook_server.domain.backtest.market import Bars, Floats, Ints, MarketData, OptionChains
from rollbook_server.domain.backtest.spec import SETTLEMENT_HOUR, BacktestSpec, QuoteSource, VolatilitySource
from rollbook_server.domain.backtest.world import (
    BAR,
    CONTRACT,
    DAY_OF_EXPIRY,
    NOTHING,
    ROW,
    SNAPSHOT,
    SNAPSHOT_AGE,
    Market,
    Records,
)
from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason

HOUR: Micros = 3600 * SECOND
STALE_LEVEL: Micros = DAY
"""A volatility older than this opens no chain; what is open is still marked by it."""


def resampled(bars: Bars, interval: Micros) -> Bars:
    """Bars of a longer interval, counted from 1970 on. One is there if its first and its last bar are: without the
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
    return cast(Ints, times[(times >= spec.start_time) & (times % DAY != SETTLEMENT_HOUR * HOUR)])


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


def levels(spec: BacktestSpec, data: MarketData, bars: Bars, at: Ints) -> tuple[Floats, Ints]:
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


def snapshots_at(chains: OptionChains, at: Ints) -> Ints:
    """The newest snapshot known at each instant; NOTHING if it is too old."""
    place = np.searchsorted(chains.time, at, side="right") - 1
    fresh = (place >= 0) & (at - chains.time[np.maximum(place, 0)] <= SNAPSHOT_AGE)
    return cast(Ints, np.where(fresh, place, NOTHING))


def _tables_of(chains: OptionChains | None) -> tuple[Records, Records, Records]:
    """Snapshots, rows and contracts; empty tables if there are none."""
    if chains is None:
        return np.zeros(1, SNAPSHOT), np.zeros(0, ROW), np.zeros(0, CONTRACT)
    snapshots = np.zeros(len(chains.time) + 1, SNAPSHOT)
    snapshots["time"][:-1] = chains.time
    snapshots["first"] = chains.first
    rows = np.zeros(len(chains.contract), ROW)
    for name in ROW.names or ():
        rows[name] = getattr(chains, name)
    contracts = np.zeros(len(chains.expiry), CONTRACT)
    contracts["expiry"] = chains.expiry
    contracts["strike"] = chains.strike
    contracts["is_call"] = chains.is_call
    return snapshots, rows, contracts


def _bars_of(spec: BacktestSpec, data: MarketData, every: Bars, inside: NDArray[np.bool_]) -> Records:
    """The run's bars with what is known at their beginning and end."""
    recorded = spec.fills.quotes is QuoteSource.RECORDED
    bars = np.zeros(int(inside.sum()), BAR)
    time = every.time[inside]
    closed = time + every.interval
    last = np.searchsorted(every.time + every.interval, time, side="right") - 1
    bars["time"] = time
    bars["open"] = every.open[inside]
    bars["close"] = every.close[inside]
    bars["last_close"] = np.where(last >= 0, every.close[last], np.nan)
    bars["level_at_open"], age = levels(spec, data, every, time)
    bars["level_at_close"], _ = levels(spec, data, every, closed)
    bars["snapshot_at_open"] = bars["snapshot_at_close"] = NOTHING
    if recorded:
        assert data.chains is not None
        bars["snapshot_at_open"] = snapshots_at(data.chains, time)
        bars["snapshot_at_close"] = snapshots_at(data.chains, closed)
        known = bars["snapshot_at_open"] != NOTHING
    else:
        known = (bars["level_at_open"] > 0) & (age <= STALE_LEVEL)
    bars["decidable"] = known & (last >= 0) & (every.time[last] + every.interval == time)
    return bars


def market_of(spec: BacktestSpec, data: MarketData) -> Market:
    """The market of a run. Raises InvalidArgument where there is no data for it."""
    assert spec.start_time is not None
    assert spec.end_time is not None
    assert spec.bar_minutes is not None
    assert spec.selection.max_dte_days is not None
    recorded = spec.fills.quotes is QuoteSource.RECORDED
    if recorded and data.chains is None:
        raise InvalidArgument(Reason.MISSING_FIELD, "RECORDED needs option chains", "spec.data.quotes_dataset_id")
    interval = spec.bar_minutes * 60 * SECOND
    every = resampled(data.bars, interval)
    inside = (every.time >= spec.start_time) & (every.time + interval <= spec.end_time)
    if not inside.any():
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "there is no bar in the period", "spec.start_time")
    bars = _bars_of(spec, data, every, inside)
    first_day, last = day_of(int(bars["time"][0])), int(bars["time"][-1])
    days = np.zeros(day_of(last + interval) - first_day + math.ceil(spec.selection.max_dte_days) + 2, DAY_OF_EXPIRY)
    days["listed_days"] = listed_days(first_day, len(days))
    days["delivery_price"] = delivery_prices(data.bars, first_day, len(days))
    snapshots, rows, contracts = _tables_of(data.chains if recorded else None)
    return Market(interval, first_day, bars, days, decision_times(spec, last + 1), snapshots, rows, contracts)
