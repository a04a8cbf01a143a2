"""Several folds: what comes before each window, and what is put together of all of them, by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import empyrical
import numpy as np
import pytest

from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.metrics import measure
from rollbook_server.domain.backtest.spec import ExitStyle
from rollbook_server.domain.backtest.sweep_runs import in_sample, out_of_sample
from rollbook_server.domain.backtest.sweeps import RANKED, figure
from rollbook_server.domain.backtest.walk_forward import WindowRun, together, windows, within
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.errors import InvalidArgument
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_rows import HOUR, START, chain_of, equity_of, leg_of, random_run, spec_of, steps_of
from tests.support.lab_runs import at, random_bars, resolved, run

CALLS = (StrategyKind.COVERED_CALL, ContractStyle.INVERSE, ExitStyle.TP_AND_ROLL)
PUTS = (StrategyKind.CASH_SECURED_PUT, ContractStyle.LINEAR, ExitStyle.TP_AND_ROLL)
HELD = (StrategyKind.COVERED_CALL, ContractStyle.LINEAR, ExitStyle.HOLD_TO_EXPIRY)
FROM = at(1, year=2023)


def market(days: int) -> MarketData:
    return MarketData(random_bars(24 * days, seed=5, spot=40_000, volatility=0.6, start=FROM), None, None)


@pytest.mark.parametrize("kind", [CALLS, PUTS, HELD])
def test_in_sample_is_a_run_up_to_the_split(kind: tuple[Any, Any, Any]) -> None:
    """Whatever points are ranked by: the figure of what comes before a split is, bit by bit, that of a run that ends
    there."""
    data = market(260)
    spec = resolved(data, *kind, max_open_chains=3)
    splits = [FROM + days * DAY for days in (100, 131, 200)]
    before = [within(spec, (FROM, split)) for split in splits]
    alone = []
    for each in before:
        rows = run(each, data)
        alone.append(measure(each, rows.equity, rows.chains, rows.steps))
    assert all(metrics.open_chains for metrics in alone)
    told = 0
    for metric in RANKED:
        expected = [figure(metrics, metric) for metrics in alone]
        assert in_sample(spec, data, FROM, splits, metric) == expected
        told += expected[-1] is not None
    assert told >= len(RANKED) - 2  # puts that never lost have no profit factor


@pytest.mark.parametrize("kind", [CALLS, PUTS, HELD])
def test_windows_together_by_hand(kind: tuple[Any, Any, Any]) -> None:
    """Profits add up; growth is linked, and Sharpe, Sortino and volatility are empyrical's of the windows' daily
    returns one after the other; chains, days and shares are of all windows; the equity that is shown ends with what
    was made."""
    data = market(300)
    spec = resolved(data, *kind, max_open_chains=3)
    cut = windows(FROM + 60 * DAY, FROM + 300 * DAY, 4)
    runs = out_of_sample(spec, data, cut)
    metrics, shown = together(runs)
    alone = [measure(each.spec, each.equity, each.chains, each.steps) for each in runs]
    for currency in ("coin", "usd"):
        ours, theirs = getattr(metrics, currency), [getattr(each, currency) for each in alone]
        for name in ("net_profit", "hodl_profit", "pnl_vs_hodl", "chains_pnl", "fees", "premium"):
            assert getattr(ours, name) == pytest.approx(sum(getattr(each, name) for each in theirs), rel=1e-9), name
        grown = math.prod(1 + each.return_pct / 100 for each in theirs)
        assert ours.return_pct == pytest.approx(100 * (grown - 1), rel=1e-9)
        daily, deepest_share = _returns_by_hand(runs, f"equity_{currency}", f"hodl_{currency}")
        benchmark, _ = _returns_by_hand(runs, f"hodl_{currency}", f"hodl_{currency}")
        assert len(daily) == 240
        year = {"annualization": 365}
        assert ours.volatility_pct == pytest.approx(100 * empyrical.annual_volatility(daily, **year), rel=1e-9)
        assert ours.sharpe == pytest.approx(empyrical.sharpe_ratio(daily, **year), rel=1e-9)
        assert ours.sortino == pytest.approx(empyrical.sortino_ratio(daily, **year), rel=1e-9)
        excess = empyrical.excess_sharpe(daily, benchmark) * math.sqrt(365)
        assert ours.sharpe_vs_hodl == pytest.approx(excess, rel=1e-6)
        assert ours.max_drawdown_pct == pytest.approx(100 * deepest_share, rel=1e-9)
        deepest, level = _drawdown_by_hand(runs, f"equity_{currency}", f"hodl_{currency}")
        assert ours.max_drawdown == pytest.approx(deepest, rel=1e-9)
        assert getattr(shown, f"equity_{currency}")[-1] == pytest.approx(level, rel=1e-12)
    assert metrics.days == 240
    for name in ("closed_chains", "rolls"):
        assert getattr(metrics, name) == sum(getattr(each, name) for each in alone)
    wins = sum(chain.net_pnl > 0 for each in runs for chain in each.chains if not chain.open_at_end)
    assert metrics.win_rate_pct == pytest.approx(100 * wins / sum(each.closed_chains or 0 for each in alone))
    assert (np.diff(shown.time) == HOUR).all()


def _returns_by_hand(runs: list[WindowRun], name: str, hodl: str) -> tuple[Any, float]:
    """Daily returns of each window on its own capital, one after the other; and the deepest fall of their growth."""
    found: list[float] = []
    level = peak = 1.0
    deepest = 0.0
    for each in runs:
        capital = float(getattr(each.equity, hodl)[0])
        values = [float(value) for value in getattr(each.equity, name)]
        closes = [capital, *values[23::24]]
        found += [after / before - 1 for before, after in itertools.pairwise(closes)]
        for value in values:
            grown = level * value / capital
            peak = max(peak, grown)
            deepest = max(deepest, 1 - grown / peak)
        level *= values[-1] / capital
    return np.array(found), deepest


def _drawdown_by_hand(runs: list[WindowRun], name: str, hodl: str) -> tuple[float, float]:
    """The deepest fall of an account that gets what each window makes, and what it holds at the end."""
    account = peak = float(getattr(runs[0].equity, hodl)[0])
    deepest = 0.0
    for each in runs:
        capital, begun = float(getattr(each.equity, hodl)[0]), account
        for value in getattr(each.equity, name):
            account = begun + float(value) - capital
            peak = max(peak, account)
            deepest = max(deepest, peak - account)
    return deepest, account


def test_one_window_is_its_run() -> None:
    """Of one window the figures and the equity are those of its run, bit by bit."""
    equity, chains = random_run()
    metrics, shown = together([WindowRun(spec_of(), equity, chains, steps_of())])
    assert metrics == measure(spec_of(), equity, chains, steps_of())
    assert shown.equity_usd.tobytes() == equity.equity_usd.tobytes()


def test_nothing_grows_after_ruin() -> None:
    """A window that loses more than its capital ends what grows: -100 %, and no ratio, whatever follows. Money adds
    up all the same."""
    lost = WindowRun(spec_of(), equity_of([0.5, -0.5], [50_000, 50_000]), [], steps_of())
    later = equity_of([1.5, 3.0], [50_000, 50_000], time=START + HOUR * np.array([3, 4]))
    coin = together([lost, WindowRun(spec_of(), later, [], steps_of())])[0].coin
    assert coin.net_profit == pytest.approx(-1.5 + 2.0)
    assert coin.max_drawdown == pytest.approx(1.5)
    assert coin.return_pct == -100
    assert coin.max_drawdown_pct == pytest.approx(150)
    assert (coin.sharpe, coin.calmar) == (None, None)


def test_what_cannot_be_told_is_none() -> None:
    """Points that differ in what their money is or how much capital they have leave unset what would mix it; profits
    and returns are there."""
    equity = equity_of([1.0, 1.1], [50_000, 50_000])
    first = WindowRun(spec_of(), equity, [chain_of(1, leg_of())], steps_of())
    linear = replace(first, spec=spec_of(style=ContractStyle.LINEAR))
    larger = replace(first, spec=spec_of(max_open_chains=2))
    mixed, _ = together([first, linear])
    assert (mixed.settlement_currency, mixed.premium_kept_pct, mixed.coin.chains_pnl) == ("", None, None)
    assert mixed.coin.net_profit == pytest.approx(0.2)
    assert mixed.coin.return_pct == pytest.approx(21.0)
    assert mixed.closed_chains == 2
    grown, _ = together([first, larger])
    assert (grown.exposure, grown.turnover) == (None, None)
    assert grown.coin.chains_pnl == pytest.approx(2 * 0.0094)
    assert together([first, first])[0].exposure is not None


def test_windows_follow_one_another() -> None:
    """Windows are cut at midnight, as long as each other but for a day, without a gap; too many are refused."""
    begin, end = START + 9 * HOUR, START + 100 * DAY + 5 * HOUR
    cut = windows(begin, end, 7)
    assert (cut[0][0], cut[-1][1]) == (begin, end)
    assert all(until == after for (_, until), (after, _) in itertools.pairwise(cut))
    assert all(split % DAY == 0 for split, _ in cut[1:])
    lengths = [(until - since) / DAY for since, until in cut]
    assert max(lengths) - min(lengths) < 2
    assert windows(begin, end, 1) == ((begin, end),)
    for folds, days in ((0, 100), (-1, 100), (51, 100), (5, 4)):
        with pytest.raises(InvalidArgument) as refused:
            windows(START, START + days * DAY, folds)
        assert refused.value.field == "folds"
