"""What no run may do: earn without an edge, lose a fee, hold more than it said."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.rows import BacktestChain, Rows
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle, FeeSchedule, FillPrice, Scoring
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_runs import at, random_bars, resolved, run

TRUE = 0.6
"""Volatility of the random markets."""
FLAT = {"smile_slope": 0.0, "smile_curvature": 0.0}
FREE = {
    "half_spread_vol_points": 0.0,
    "short_dated_half_spread_vol_points": 0.0,
    "without_ticks": True,
    "fees": FeeSchedule.NONE,
}


def closed(rows: Rows) -> list[BacktestChain]:
    return [chain for chain in rows.chains if not chain.open_at_end]


def outcomes_of_edge(strategy: StrategyKind, level: float) -> tuple[float, float]:
    """Mean and standard error of the PnL over premium of weekly chains in ten random markets of eight years."""
    returns: list[float] = []
    for seed in range(10):
        data = MarketData(random_bars(8 * 365 * 24, seed=seed, spot=60_000.0, volatility=TRUE, start=at(1, year=2021)))
        spec = resolved(data, strategy, ContractStyle.LINEAR, level=level, volatility=FLAT, fills=FREE)
        returns += [chain.net_pnl / chain.premium for chain in closed(run(spec, data))]
    assert len(returns) > 1_500
    return float(np.mean(returns)), float(np.std(returns) / np.sqrt(len(returns)))


@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
def test_without_an_edge_nothing_is_earned(strategy: StrategyKind) -> None:
    """Linear, F = S, flat smile, no spread, ticks or fees, sold at the true volatility of a martingale and held: the
    mean is 0 within two standard errors; with a fifth more volatility sold it is not."""
    mean, error = outcomes_of_edge(strategy, TRUE)
    assert abs(mean) < 2 * error
    mean, error = outcomes_of_edge(strategy, 1.2 * TRUE)
    assert mean > 3 * error


def pnl_and_fees(chains: Sequence[BacktestChain]) -> tuple[float, float]:
    return sum(chain.net_pnl for chain in chains), sum(chain.fees for chain in chains)


@pytest.mark.parametrize("style", ContractStyle)
@pytest.mark.parametrize("exit_style", ExitStyle)
def test_for_the_same_trades_profit_falls_by_exactly_the_fees(style: ContractStyle, exit_style: ExitStyle) -> None:
    """Contracts by nearest delta do not depend on fees: with them the same trades earn less by their sum."""
    data = MarketData(random_bars(2 * 365 * 24, seed=3, spot=60_000.0, volatility=TRUE, start=at(1, year=2023)))
    found = []
    for fees in (FeeSchedule.NONE, FeeSchedule.DERIBIT):
        spec = resolved(
            data, style=style, exit_style=exit_style, level=TRUE,
            selection={"scoring": Scoring.NEAREST_DELTA}, fills={"fees": fees},
        )  # fmt: skip
        found.append(run(spec, data))
    free, charged = found
    assert [[leg.symbol for leg in chain.legs] for chain in free.chains] == [
        [leg.symbol for leg in chain.legs] for chain in charged.chains
    ]
    (earned, none), (kept, paid) = pnl_and_fees(free.chains), pnl_and_fees(charged.chains)
    assert none == 0.0
    assert paid > 0.0
    assert earned - kept == pytest.approx(paid, rel=1e-9)
    last = charged.equity.index_price[-1] if style is ContractStyle.INVERSE else 1.0
    assert free.equity.equity_usd[-1] - charged.equity.equity_usd[-1] == pytest.approx(paid * last, rel=1e-9)


def busy(max_open_chains: int, **more: object) -> tuple[BacktestSpec, MarketData]:
    data = MarketData(random_bars(365 * 24, seed=4, spot=60_000.0, volatility=TRUE, start=at(1, year=2024)))
    spec = resolved(
        data, exit_style=ExitStyle.TP_AND_ROLL, level=TRUE, max_open_chains=max_open_chains,
        exits={"max_debit": 0.01}, decision_interval_hours=3,
    )  # fmt: skip
    return replace(spec, **more), data  # type: ignore[arg-type]


def test_one_open_chain_means_no_overlap() -> None:
    """Each chain begins when the one before has ended, or later."""
    spec, data = busy(1)
    chains = run(spec, data).chains
    assert len(chains) > 15
    for before, after in pairwise(chains):
        assert before.close_time is not None
        assert after.open_time >= before.close_time
        assert after.number == before.number + 1


def test_no_more_chains_are_open_than_allowed() -> None:
    """Four at most, and four indeed; numbers are those of opening."""
    spec, data = busy(4)
    rows = run(spec, data)
    assert rows.equity.open_chains.max() == 4
    numbers = sorted(chain.number for chain in rows.chains)
    assert numbers == list(range(1, len(numbers) + 1))
    for name in ("collateral", "delta"):
        assert getattr(rows.equity, name).max() <= 4.0
    held = rows.equity.open_chains > 0
    assert (rows.equity.collateral == rows.equity.open_chains).all()
    assert (rows.equity.delta[held] > 0).all()


@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
@pytest.mark.parametrize("style", ContractStyle)
def test_the_account_is_its_capital_and_its_chains(strategy: StrategyKind, style: ContractStyle) -> None:
    """At the end equity is the benchmark plus the PnL of all chains, open ones marked; at the start the benchmark. The
    benchmark is the coins of a call writer, the cash of a put writer."""
    data = MarketData(random_bars(365 * 24, seed=5, spot=60_000.0, volatility=TRUE, start=at(1, year=2024)))
    spec = resolved(data, strategy, style, ExitStyle.TP_AND_ROLL, level=TRUE, quantity=2.0, max_open_chains=3)
    rows = run(spec, data)
    equity = rows.equity
    in_settlement = sum(chain.net_pnl for chain in rows.chains)
    value = in_settlement * (equity.index_price[-1] if style is ContractStyle.INVERSE else 1.0)
    assert equity.equity_usd[-1] - equity.hodl_usd[-1] == pytest.approx(value, rel=1e-9)
    assert equity.equity_coin == pytest.approx(equity.equity_usd / equity.index_price, rel=1e-14)
    assert equity.equity_usd[0] == equity.hodl_usd[0]
    if strategy is StrategyKind.COVERED_CALL:
        assert set(equity.hodl_coin.tolist()) == {6.0}
    else:
        assert set(equity.hodl_usd.tolist()) == {6.0 * data.bars.open[0]}


def test_mid_fills_are_better_for_us_than_real_ones() -> None:
    """The scenario of mid fills sells higher and earns more, on the same bars."""
    real, data = busy(1)
    middle = replace(real, fills=replace(real.fills, price=FillPrice.MID))
    first, better = run(real, data).chains[0].legs[0], run(middle, data).chains[0].legs[0]
    assert first.open_time == better.open_time
    assert better.open_price >= first.open_price


def test_the_highest_volatility_that_a_spec_may_have_comes_to_an_end() -> None:
    """At 5,000 % for a year four deviations are more strikes than anybody can look at: the listing ends before."""
    data = MarketData(random_bars(72, seed=1, spot=60_000.0, volatility=0.5, start=at(1)))
    spec = resolved(
        data, level=5.0, volatility={"multiplier": 10.0}, selection={"min_dte_days": 5.0, "max_dte_days": 400.0}
    )
    assert len(run(spec, data).steps.time) == 3


def test_every_modelled_price_lies_on_the_grid_at_its_shortest_spelling() -> None:
    """Prices are spelled as the venue spells them: whole ticks, no noise of doubles."""
    spec, data = busy(3)
    for chain in closed(run(spec, data)):
        for leg in chain.legs:
            prices = [leg.open_price] + ([leg.close_price] if leg.trigger != "expiry" else [])
            for price in prices:
                assert len(repr(price)) <= 6
                assert round(price * 10_000) / 10_000 == price
                assert price <= 0.005 or round(price * 2_000) / 2_000 == price


def test_the_same_version_gives_the_same_results() -> None:
    """Figures of version 1 on a fixed market. Whoever changes them gives ENGINE_VERSION another value."""
    spec, data = busy(2)
    rows = run(spec, data)
    assert (len(rows.chains), sum(chain.num_rolls for chain in rows.chains)) == (49, 134)
    assert rows.equity.equity_coin[-1] == pytest.approx(1.0213648, rel=1e-9)
    assert rows.equity.equity_usd.sum() == pytest.approx(1151223722.2913194, rel=1e-9)
