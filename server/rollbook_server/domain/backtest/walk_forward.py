"""Several folds: a period out of sample is cut into windows, and what runs made in one window after the other is put
together. Each window is a run with capital of its own.

Two questions ask for two curves. How much was made: profits add up, so each window begins where the one before ended.
How well: growth is linked, as windows begin with different capital (puts hold as much cash as their coins cost then),
and a tenth won or lost is a tenth in each of them. The daily returns of the second curve are those of all windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from rollbook_server.domain.backtest.market import Floats
from rollbook_server.domain.backtest.metrics import BacktestMetrics, BacktestPerformance, DataShares, measure
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import StrategyKind

T = TypeVar("T")

MOST_FOLDS = 50
Window = tuple[Micros, Micros]
"""Begin and end of a part of the period."""


@dataclass(frozen=True, slots=True)
class WindowRun:
    """What a run over one window brought forth; `spec` has its times."""

    spec: BacktestSpec
    equity: Equity
    chains: Sequence[BacktestChain]
    steps: Steps
    cycles: Sequence[BacktestCycle] = ()


def windows(split: Micros, end: Micros, folds: int) -> tuple[Window, ...]:
    """The part from `split` to `end`, cut at 00:00 UTC into windows about as long as each other. Raises
    InvalidArgument."""
    if not 1 <= folds <= MOST_FOLDS:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{folds} is not within 1 and {MOST_FOLDS}", "folds")
    inner = [(split + (end - split) * fold // folds) // DAY * DAY for fold in range(1, folds)]
    found = tuple(zip([split, *inner], [*inner, end], strict=True))
    if any(until - begin < DAY for begin, until in found):
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "each window must be a day long at least", "folds")
    return found


def period(spec: BacktestSpec) -> Window:
    """What a resolved spec runs over."""
    assert spec.start_time is not None
    assert spec.end_time is not None
    return spec.start_time, spec.end_time


def within(spec: BacktestSpec, window: Window) -> BacktestSpec:
    """What is run in a window."""
    return replace(spec, start_time=window[0], end_time=window[1])


def together(runs: Sequence[WindowRun]) -> tuple[BacktestMetrics, Equity]:
    """The figures of runs over windows that follow one another, and their equity, to which profits add up.

    Of one run they are its own. Of several:

    - net_profit, hodl_profit, pnl_vs_hodl, max_drawdown: of the curve to which profits add up.
    - all that is a percentage or a ratio of equity: of the curve that links growth. A window that ends at or below 0
      ends it: nothing is left to grow.
    - all else: of all bars, chains and decisions as if they were of one run.
    - what needs specs to be equal in style, strategy, capital, bars or quotes, and they are not: None.
    """
    if len(runs) == 1:
        (run,) = runs
        return measure(run.spec, run.equity, run.chains, run.steps, run.cycles), run.equity
    spec = within(runs[-1].spec, (period(runs[0].spec)[0], period(runs[-1].spec)[1]))
    chains = [chain for run in runs for chain in run.chains]
    steps = joined(Steps, [run.steps for run in runs])
    curve = _curve([run.equity for run in runs], linked=False)
    cycles = [cycle for run in runs for cycle in run.cycles]
    added = measure(spec, curve, chains, steps, cycles)
    linked = measure(spec, _curve([run.equity for run in runs], linked=True), chains, steps, cycles)
    metrics = replace(linked, coin=_with_money_of(linked.coin, added.coin), usd=_with_money_of(linked.usd, added.usd))
    if spec.strategy is StrategyKind.WHEEL:
        # A window may end with coins; the next one begins with cash of its own.
        metrics = replace(metrics, lowest_balance=None)
    return _without_what_differs(metrics, [run.spec for run in runs]), curve


def joined(kind: type[T], parts: Sequence[T]) -> T:
    """Columns one after the other."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _curve(parts: Sequence[Equity], *, linked: bool) -> Equity:
    """Equities one after the other. The capital of each is HODL at its first bar's close, as in `measure`."""
    columns: dict[str, Any] = {}
    for currency in ("coin", "usd"):
        capitals = [float(getattr(part, f"hodl_{currency}")[0]) for part in parts]
        for name in (f"equity_{currency}", f"hodl_{currency}"):
            columns[name] = _carried_on([getattr(part, name) for part in parts], capitals, linked)
    return replace(joined(Equity, parts), **columns)


def _carried_on(values: Sequence[Floats], capitals: Sequence[float], linked: bool) -> Floats:
    """Each from where the one before ended; the first from its own capital."""
    level, carried = capitals[0], []
    for value, capital in zip(values, capitals, strict=True):
        carried.append(value * (level / capital) if linked else value + (level - capital))
        level = max(float(carried[-1][-1]), 0.0) if linked else float(carried[-1][-1])
    return np.concatenate(carried)


def _with_money_of(linked: BacktestPerformance, added: BacktestPerformance) -> BacktestPerformance:
    return replace(
        linked,
        net_profit=added.net_profit,
        hodl_profit=added.hodl_profit,
        pnl_vs_hodl=added.pnl_vs_hodl,
        max_drawdown=added.max_drawdown,
    )


def _without_what_differs(metrics: BacktestMetrics, specs: Sequence[BacktestSpec]) -> BacktestMetrics:
    """None in the place of what would mix currencies, capitals, or lengths of bars."""
    if len({(spec.style, spec.strategy) for spec in specs}) > 1:
        metrics = replace(
            metrics,
            coin=_without_chains(metrics.coin),
            usd=_without_chains(metrics.usd),
            settlement_currency="",
            premium_kept_pct=None,
            return_on_collateral_pct=None,
            lowest_balance=None,
            cycles=None,
            completed_cycles=None,
            cycle_win_rate_pct=None,
            average_cycle_pnl=None,
            average_cycle_days=None,
        )
    if len({(spec.quantity, spec.max_open_chains) for spec in specs}) > 1:
        metrics = replace(metrics, exposure=None, turnover=None)
    if len({(spec.bar_minutes, spec.fills.quotes) for spec in specs}) > 1:
        metrics = replace(metrics, time_in_market_pct=None, exposure=None, data=DataShares())
    return metrics


def _without_chains(figures: BacktestPerformance) -> BacktestPerformance:
    return replace(
        figures,
        profit_factor=None,
        average_winner=None,
        average_loser=None,
        chains_pnl=None,
        fees=None,
        premium=None,
    )
