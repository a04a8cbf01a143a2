"""The figures of a run that has ended: with those that need all of it, its data, or other runs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rollbook_server.domain.backtest import bootstrap, money
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.metrics import (
    LEAST_CHAINS,
    BacktestMetrics,
    BacktestPerformance,
    is_closed,
    measure,
    missing_bars,
)
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.sensitivity import measure_sensitivity
from rollbook_server.domain.backtest.spec import BacktestSpec, QuoteSource, VolatilitySource
from rollbook_server.domain.executions import StrategyKind

STALE_INTERVALS = 2
"""A volatility older than so many of its intervals is stale."""


def conclude(
    spec: BacktestSpec,
    data: MarketData,
    equity: Equity,
    chains: Sequence[BacktestChain],
    steps: Steps,
    cycles: Sequence[BacktestCycle] = (),
) -> BacktestMetrics:
    """All figures of a run that has ended: `measure`, bootstrap interval, sensitivity, and the shares of the data.

    It runs the engine some ten times more (module sensitivity). `spec` is resolved.
    """
    figures = measure(spec, equity, chains, steps, cycles)
    sensitivity = measure_sensitivity(spec, data, chains, equity)
    coin, usd = _with_interval(spec, chains, figures.coin, figures.usd)
    return replace(
        figures,
        coin=coin,
        usd=usd,
        pnl_per_vol_point=sensitivity.pnl_per_vol_point,
        break_even_multiplier=sensitivity.break_even_multiplier,
        chains_pnl_flat_smile=sensitivity.chains_pnl_flat_smile,
        chains_pnl_call_skew=sensitivity.chains_pnl_call_skew,
        data=replace(
            figures.data,
            missing_bars_pct=missing_bars(spec, equity, spec.end_time or 0),
            stale_volatility_pct=_stale_volatility(spec, data, equity),
            synthetic_bars_pct=100.0 if data.bars.synthetic else 0.0,
        ),
    )


def _with_interval(
    spec: BacktestSpec, chains: Sequence[BacktestChain], *performances: BacktestPerformance
) -> list[BacktestPerformance]:
    """With the bootstrap interval of the closed chains' PnL, from 20 chains on: fewer cannot say what luck is. None of
    a wheel: what its chains lose its coins may gain, and drawn by themselves they say nothing of both."""
    assert spec.style is not None
    closed = sorted((chain for chain in chains if is_closed(chain)), key=lambda chain: (chain.open_time, chain.number))
    if len(closed) < LEAST_CHAINS or spec.strategy is StrategyKind.WHEEL:
        return list(performances)
    net = money.of_chains(closed, spec.style).net
    low, high = bootstrap.interval(net, bootstrap.block_length(len(closed), spec.max_open_chains or 1), spec.seed)
    return [
        replace(figures, chains_pnl_p05=float(low[column]), chains_pnl_p95=float(high[column]))
        for column, figures in enumerate(performances)
    ]


def _stale_volatility(spec: BacktestSpec, data: MarketData, equity: Equity) -> float | None:
    """Closes of bars at which no volatility was known, or one older than two of its intervals, in percent. None where
    no index is used: then volatility comes from the bars themselves, from one level, or with recorded quotes."""
    index = data.volatility
    modelled = spec.fills.quotes is QuoteSource.MODEL and spec.volatility.source is VolatilitySource.INDEX
    if index is None or not modelled or not len(equity.time):
        return None
    known = index.time[np.isfinite(index.value)]
    newest = np.searchsorted(known, equity.time, side="right") - 1
    if not len(known):
        return 100.0
    stale = (newest < 0) | (equity.time - known[np.maximum(newest, 0)] > STALE_INTERVALS * index.interval)
    return 100.0 * float(stale.mean())
