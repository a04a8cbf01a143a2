"""The runs of a sweep's point: one in sample, looked at where each window begins, and one in each window."""

from collections.abc import Sequence

from rollbook_server.domain.backtest import engine
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.metrics import measure
from rollbook_server.domain.backtest.rows import BacktestChain, Equity, Steps
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.sweeps import figure
from rollbook_server.domain.backtest.walk_forward import Window, WindowRun, joined, within
from rollbook_server.domain.clock import Micros


def in_sample(
    spec: BacktestSpec, data: MarketData, from_time: Micros, splits: Sequence[Micros], rank_by: str
) -> list[float | None]:
    """The metric of what comes before each split. All are of one run, as it stood at the split: it is what a run up to
    there brings forth, as no run knows what comes. Raises Refusal."""
    before = within(spec, (from_time, splits[-1]))
    prepared = engine.prepare(before, data)
    state = engine.begin(prepared)
    steps: list[Steps] = []
    equity: list[Equity] = []
    chains: list[BacktestChain] = []
    values = []
    for split in splits:
        state, rows = engine.advance(prepared, state, prepared.bars_until(split) - state.bars_done)
        steps.append(rows.steps)
        equity.append(rows.equity)
        chains += rows.chains
        values.append(figure(measure(before, joined(Equity, equity), chains, joined(Steps, steps)), rank_by))
    return values


def out_of_sample(spec: BacktestSpec, data: MarketData, windows: Sequence[Window]) -> list[WindowRun]:
    """A run in each window. Raises Refusal."""
    return [_whole(within(spec, window), data) for window in windows]


def _whole(spec: BacktestSpec, data: MarketData) -> WindowRun:
    prepared = engine.prepare(spec, data)
    _, rows = engine.advance(prepared, engine.begin(prepared), prepared.bars_total)
    return WindowRun(spec, rows.equity, rows.chains, rows.steps, rows.cycles)
