"""The figures of a run: against empyrical-reloaded where it has them, by hand where it has not."""

import dataclasses
import math
from dataclasses import fields, replace
from typing import Any

import empyrical
import numpy as np
import pytest

from rollbook.v1 import backtest_pb2
from rollbook_server.domain.backtest import bootstrap, metrics, money, returns
from rollbook_server.domain.backtest.metrics import BacktestMetrics, TriggerCount, measure
from rollbook_server.domain.backtest.rows import BacktestChain, StepOutcome
from rollbook_server.domain.backtest.spec import FillSpec, QuoteSource
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_rows import HOUR, START, chain_of, equity_of, leg_of, random_run, spec_of, steps_of


def numbers(figures: Any) -> list[float]:
    """Every number in it, however deep."""
    if dataclasses.is_dataclass(figures):
        return [number for each in fields(figures) for number in numbers(getattr(figures, each.name))]
    if isinstance(figures, tuple):
        return [number for each in figures for number in numbers(each)]
    return [figures] if isinstance(figures, int | float) else []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.BacktestMetrics, backtest_pb2.BacktestMetrics),
        (metrics.BacktestPerformance, backtest_pb2.BacktestPerformance),
        (metrics.TriggerCount, backtest_pb2.TriggerCount),
        (metrics.DataShares, backtest_pb2.DataShares),
    ],
)
def test_fields_are_those_of_the_api(ours: Any, theirs: Any) -> None:
    """What is measured is named, and ordered, as in the API's messages."""
    assert [each.name for each in fields(ours)] == [each.name for each in theirs.DESCRIPTOR.fields]


@pytest.mark.parametrize("currency", ["coin", "usd"])
def test_the_curve_against_empyrical(currency: str) -> None:
    """Volatility, Sharpe, excess Sharpe, Sortino, drawdown and Calmar are empyrical's, with 365 days a year."""
    equity, chains = random_run()
    ours = getattr(measure(spec_of(), equity, chains, steps_of()), currency)
    value, hodl = getattr(equity, f"equity_{currency}"), getattr(equity, f"hodl_{currency}")
    daily = np.concatenate(([hodl[0]], value[23::24]))
    benchmark = np.concatenate(([hodl[0]], hodl[23::24]))
    r, b = np.diff(daily) / daily[:-1], np.diff(benchmark) / benchmark[:-1]
    hourly = np.concatenate(([hodl[0]], value))
    deepest = -empyrical.max_drawdown(np.diff(hourly) / hourly[:-1])
    year = {"annualization": 365}
    assert ours.volatility_pct == pytest.approx(100 * empyrical.annual_volatility(r, **year), rel=1e-12)
    assert ours.sharpe == pytest.approx(empyrical.sharpe_ratio(r, **year), rel=1e-9)
    assert ours.sharpe_vs_hodl == pytest.approx(empyrical.excess_sharpe(r, b) * math.sqrt(365), rel=1e-9)
    assert ours.sortino == pytest.approx(empyrical.sortino_ratio(r, **year), rel=1e-9)
    assert ours.max_drawdown_pct == pytest.approx(100 * deepest, rel=1e-9)
    assert ours.calmar == pytest.approx(empyrical.annual_return(r, **year) / deepest, rel=1e-9)


def test_calmar_of_daily_closes_is_empyricals() -> None:
    """With one bar a day there is no deeper fall between the closes, and Calmar is empyrical's own."""
    random = np.random.Generator(np.random.PCG64(1))
    coin = 1 + np.cumsum(random.normal(1e-4, 1e-3, 200))
    curve = equity_of(coin, np.full(200, 50_000.0), time=START + DAY * np.arange(1, 201))
    _, chains = random_run()
    ours = measure(spec_of(bar_minutes=1440), curve, chains, steps_of()).coin
    r = np.diff(np.concatenate(([1.0], coin))) / np.concatenate(([1.0], coin[:-1]))
    assert ours.calmar == pytest.approx(empyrical.calmar_ratio(r, annualization=365), rel=1e-9)


def test_profit_and_drawdown_by_hand() -> None:
    """Typed figures: capital 1 coin at 50,000; the peak before a fall may be the capital itself."""
    equity = equity_of([0.99, 1.02, 0.97, 1.01], [50_000, 40_000, 60_000, 55_000])
    figures = measure(spec_of(), equity, [], steps_of())
    coin, usd = figures.coin, figures.usd
    assert coin.net_profit == pytest.approx(0.01)
    assert coin.hodl_profit == 0
    assert coin.pnl_vs_hodl == pytest.approx(0.01)
    assert coin.return_pct == pytest.approx(1.0)
    assert coin.max_drawdown == pytest.approx(0.05)
    assert coin.max_drawdown_pct == pytest.approx(100 * 0.05 / 1.02)
    assert usd.net_profit == pytest.approx(5_550)
    assert usd.hodl_profit == pytest.approx(5_000)
    assert usd.pnl_vs_hodl == pytest.approx(550)
    assert usd.max_drawdown == pytest.approx(9_200)
    assert usd.max_drawdown_pct == pytest.approx(18.4)
    assert figures.days == pytest.approx(4 / 24)


def test_chains_by_hand() -> None:
    """Typed figures of three closed chains and one that is open at the end, which is in fees and premium only."""
    chains = [
        chain_of(1, leg_of()),
        chain_of(2, leg_of(at=START + 6 * DAY, bought=0.05), leg_of(2, at=START + 11 * DAY, bought=0.0, close_fee=0.0)),
        chain_of(3, leg_of(at=START + 20 * DAY, bought=0.03)),
        chain_of(4, leg_of(at=START + 30 * DAY, close_fee=0.0, trigger="data_end"), open_at_end=True),
    ]
    equity = equity_of(
        np.ones(96),
        np.full(96, 50_000.0),
        open_chains=np.repeat(np.array([0, 1], dtype=np.int32), (24, 72)),
        delta=np.repeat([0.0, 0.5], 48),
    )
    figures = measure(spec_of(max_open_chains=2), equity, chains, steps_of())
    # 1: 0.01 - 0.0006 = 0.0094; 2: -0.03 + 0.02 - 0.0009 = -0.0109; 3: -0.01 - 0.0006 = -0.0106
    assert figures.closed_chains == 3
    assert figures.open_chains == 1
    assert figures.win_rate_pct == pytest.approx(100 / 3)
    assert figures.coin.chains_pnl == pytest.approx(-0.0121)
    assert figures.coin.profit_factor == pytest.approx(0.0094 / 0.0215)
    assert figures.coin.average_winner == pytest.approx(0.0094)
    assert figures.coin.average_loser == pytest.approx(-0.01075)
    assert figures.coin.fees == pytest.approx(0.0006 + 0.0009 + 0.0006 + 0.0003)
    assert figures.coin.premium == pytest.approx(0.10)
    # sold at 50,000, bought back at 60,000
    assert figures.usd.fees == pytest.approx(0.0003 * (5 * 50_000 + 3 * 60_000))
    assert figures.usd.premium == pytest.approx(5_000)
    assert figures.usd.chains_pnl == pytest.approx(4 * (1_000 - 15) - 60_000 * (0.01 + 0.05 + 0.03 + 0.0009))
    assert figures.premium_kept_pct == pytest.approx(100 * (0.01 - 0.03 + 0.02 - 0.01) / 0.08)
    assert figures.time_in_market_pct == pytest.approx(75)
    assert figures.exposure == pytest.approx(0.125)
    # 20 coin-days on 20 days: one coin while there is something
    assert figures.return_on_collateral_pct == pytest.approx(-1.21)
    assert figures.rolls == 1
    assert figures.triggers == (TriggerCount(trigger="take_profit", legs=4, rolls=1),)
    assert figures.lowest_balance is None


def test_overlapping_days_count_once() -> None:
    """Two chains at once hold two coins of collateral, on the days of one."""
    chains = [chain_of(k, leg_of(at=START + k * DAY, open_fee=0.0, close_fee=0.0)) for k in (1, 2)]
    figures = measure(spec_of(max_open_chains=2), equity_of([1.0], [50_000]), chains, steps_of())
    assert figures.return_on_collateral_pct == pytest.approx(100 * 0.02 / (10 / 6))


def test_linear_chains_in_coin() -> None:
    """A linear chain is exact in USD; in coin each cash line is divided by the price of its time."""
    leg = leg_of(sold=1_000.0, bought=1_800.0, open_fee=25.0, close_fee=30.0)
    later = leg_of(at=START + 9 * DAY, sold=500.0, bought=0.0, open_fee=25.0, close_fee=0.0, trigger="expiry")
    chains = [chain_of(1, leg, linear=True), chain_of(2, later, linear=True)]
    figures = measure(spec_of(style=ContractStyle.LINEAR), equity_of([1.0], [50_000]), chains, steps_of())
    assert figures.settlement_currency == "USDC"
    assert figures.usd.chains_pnl == pytest.approx(-855 + 475)
    assert figures.coin.chains_pnl == pytest.approx(975 / 50_000 - 1_830 / 60_000 + 475 / 50_000)
    assert figures.coin.premium == pytest.approx(0.03)
    assert figures.lowest_balance == pytest.approx(-855)


def test_the_lowest_balance_of_rolls() -> None:
    """The two lines of a roll are of one instant; only what stands after both was ever owed."""

    def lowest(chain: BacktestChain) -> float:
        return money.lowest_balance(money.cash_lines([chain]))

    first = leg_of(sold=1_000.0, bought=1_500.0, open_fee=0.0, close_fee=0.0)
    second = leg_of(2, at=first.close_time or 0, sold=1_400.0, bought=0.0, open_fee=0.0, close_fee=0.0)
    assert lowest(chain_of(1, first, second, linear=True)) == 0.0
    marked = replace(second, close_price=9_000.0, trigger="data_end")
    assert lowest(chain_of(1, first, marked, linear=True, open_at_end=True)) == 0.0
    bought = replace(second, close_price=1_700.0)
    assert lowest(chain_of(1, first, bought, linear=True)) == pytest.approx(-800)


def test_turnover_counts_trades() -> None:
    """Sales and buy-backs are trades, settlements are none: 20 + 19 coins on one coin in 100 days."""
    chains = [chain_of(k, leg_of(at=START + 5 * k * DAY)) for k in range(1, 20)]
    chains.append(chain_of(20, leg_of(at=START + 99 * DAY, trigger="expiry")))
    equity = equity_of(np.ones(2400), np.full(2400, 50_000.0))
    assert measure(spec_of(), equity, chains, steps_of()).turnover == pytest.approx(39 * 3.65)


@pytest.mark.parametrize(("days", "count"), [(89, 40), (400, 19)])
def test_nothing_is_annualised_too_early(days: int, count: int) -> None:
    """Under 90 days or 20 closed chains no figure is annualised; money and drawdown are there."""
    equity, chains = random_run(days)
    figures = measure(spec_of(), equity, chains[:count], steps_of())
    assert figures.turnover is None
    for each in (figures.coin, figures.usd):
        assert [each.volatility_pct, each.sharpe, each.sharpe_vs_hodl, each.sortino, each.calmar] == [None] * 5
        assert each.net_profit is not None
        assert each.max_drawdown_pct is not None
    assert measure(spec_of(), *random_run(90), steps_of()).coin.sharpe is not None


def test_a_run_that_never_traded() -> None:
    """No chains: counts are 0, ratios are unset, and equity that is HODL has no Sharpe against it."""
    index = 40_000 * np.exp(np.cumsum(np.random.Generator(np.random.PCG64(2)).normal(0, 0.01, 24 * 200)))
    figures = measure(spec_of(), equity_of(np.ones(len(index)), index), [], steps_of())
    assert figures.closed_chains == figures.open_chains == figures.rolls == 0
    assert figures.win_rate_pct is None
    assert figures.premium_kept_pct is None
    assert figures.return_on_collateral_pct is None
    assert figures.coin.chains_pnl == 0
    assert figures.coin.profit_factor is None
    assert figures.coin.max_drawdown_pct == 0
    assert figures.triggers == ()
    assert figures.data.modelled_legs_pct is None
    assert all(math.isfinite(number) for number in numbers(figures))


def test_zero_variance() -> None:
    """Equity that never moves has a volatility of 0 and no ratios, however long the run."""
    chains = [chain_of(k, leg_of(at=START + k * DAY)) for k in range(30)]
    figures = measure(spec_of(), equity_of(np.ones(2400), np.full(2400, 50_000.0)), chains, steps_of())
    assert figures.coin.volatility_pct == 0
    assert [figures.coin.sharpe, figures.coin.sharpe_vs_hodl, figures.coin.sortino, figures.coin.calmar] == [None] * 4


def test_all_losers_and_a_lost_account() -> None:
    """Losers only: profit factor 0, no average winner; an account at or below 0 has no returns, but a drawdown."""
    chains = [chain_of(k, leg_of(at=START + 4 * k * DAY, bought=0.08)) for k in range(1, 25)]
    equity = equity_of(np.linspace(1, -0.5, 2400), np.full(2400, 50_000.0))
    figures = measure(spec_of(), equity, chains, steps_of())
    assert figures.win_rate_pct == 0
    assert figures.coin.profit_factor == 0
    assert figures.coin.average_winner is None
    assert figures.coin.sharpe is None
    assert figures.coin.max_drawdown_pct == pytest.approx(150)
    assert all(math.isfinite(number) for number in numbers(figures))


def test_all_winners_have_no_profit_factor() -> None:
    """Without a loss there is nothing to divide by; a net PnL of exactly 0 is no win and no loss."""
    nil = chain_of(2, leg_of(sold=0.01, bought=0.01, open_fee=0.0, close_fee=0.0))
    figures = measure(spec_of(), equity_of([1.0], [50_000]), [chain_of(1, leg_of()), nil], steps_of())
    assert figures.win_rate_pct == 50
    assert figures.coin.profit_factor is None
    assert figures.coin.average_loser is None


def test_nothing_yet() -> None:
    """A run without a single bar has counts, and nothing else."""
    none = equity_of([], [])
    assert measure(spec_of(), none, [], steps_of()) == BacktestMetrics(
        settlement_currency="BTC", closed_chains=0, open_chains=0, rolls=0
    )


def test_days_end_at_midnight() -> None:
    """The close at 00:00 ends the day before, and a day without bars repeats the day before it."""
    time = START + np.array([1, 23, 24, 25, 24 * 3 + 2]) * HOUR
    daily = returns.daily(time, np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 0.5)
    assert daily.tolist() == [0.5, 3.0, 4.0, 4.0, 5.0]


def test_shares_of_the_data() -> None:
    """Bars from the spec's start on, settlements by proxy, and decisions at a bar that found no fresh snapshot."""
    recorded = spec_of(fills=FillSpec(quotes=QuoteSource.RECORDED))
    times = START + HOUR * np.array([11, 12, 13, 14, 15, 16, 17, 18])
    equity = replace(equity_of(np.ones(8), np.full(8, 50_000.0)), time=times)
    chains = [chain_of(1, leg_of(trigger="expiry", delivery_is_proxy=True)), chain_of(2, leg_of(trigger="expiry")),
              chain_of(3, leg_of())]  # fmt: skip
    outcomes = [StepOutcome.NO_DATA, StepOutcome.NO_DATA, StepOutcome.TRADED, StepOutcome.MAX_OPEN_CHAINS]
    steps = steps_of(outcomes, [START + 9 * HOUR, *(START + hour * HOUR for hour in (10, 11, 12))])
    shares = measure(recorded, equity, chains, steps).data
    assert shares.missing_bars_pct == pytest.approx(100 * 10 / 18)
    assert shares.modelled_legs_pct == 0
    assert shares.proxy_deliveries_pct == 50
    assert shares.missing_snapshots_pct == 50
    modelled = measure(spec_of(), equity, chains, steps).data
    assert modelled.modelled_legs_pct == 100
    assert modelled.missing_snapshots_pct is None


def test_triggers_in_order_of_priority() -> None:
    """Each leg counts for the rule that closed it; the end of the data is no rule."""
    legs = leg_of(trigger="defend"), leg_of(2, trigger="defend"), leg_of(3, trigger="expiry")
    chains = [chain_of(1, *legs), chain_of(2, leg_of(trigger="data_end"), open_at_end=True)]
    assert measure(spec_of(), equity_of([1.0], [50_000]), chains, steps_of()).triggers == (
        TriggerCount(trigger="expiry", legs=1, rolls=0),
        TriggerCount(trigger="defend", legs=2, rolls=2),
    )


def test_a_chain_that_is_open_now() -> None:
    """In a run that goes on, a leg that is not closed counts with its premium and its fee, and is no closed chain."""
    leg = leg_of(close_time=None, close_price=0.0, close_fee=0.0, close_index_price=0.0, trigger="")
    for style in ContractStyle:
        figures = measure(spec_of(style=style), equity_of([1.0], [50_000]), [chain_of(1, leg)], steps_of())
        assert figures.closed_chains == 0
        assert figures.triggers == ()
        assert figures.coin.fees is not None
        assert figures.coin.fees > 0


def test_the_block_length() -> None:
    """The cube root of the number of chains, but never shorter than chains that can overlap, nor longer than all."""
    assert [bootstrap.block_length(count, 1) for count in (1, 8, 27, 28, 254)] == [1, 2, 3, 4, 7]
    assert bootstrap.block_length(254, 12) == 12
    assert bootstrap.block_length(5, 12) == 5


def test_the_interval_repeats() -> None:
    """The same seed gives the same interval, another seed nearly the same, and it holds the sum of what is steady."""
    random = np.random.Generator(np.random.PCG64(5))
    profits = random.normal([0.01, 500.0], [0.05, 2_500.0], (254, 2))
    low, high = bootstrap.interval(profits, 7, seed=1)
    again = bootstrap.interval(profits, 7, seed=1)
    assert (low == again[0]).all()
    assert (high == again[1]).all()
    assert (low < profits.sum(axis=0)).all()
    assert (profits.sum(axis=0) < high).all()
    other, _ = bootstrap.interval(profits, 7, seed=2)
    assert other == pytest.approx(low, rel=0.1)


def test_the_interval_of_independent_chains() -> None:
    """Without dependence the width is that of the normal law: 2 · 1.645 · √n · standard deviation, within 5 %."""
    profits = np.random.Generator(np.random.PCG64(11)).normal(0.0, 1.0, (1_000, 1))
    low, high = bootstrap.interval(profits, 1, seed=1)
    assert high - low == pytest.approx(2 * 1.645 * math.sqrt(1_000) * profits.std(), rel=0.05)


def test_blocks_keep_what_belongs_together() -> None:
    """Losses in a row make the result less sure: with blocks the interval is wider than with single chains."""
    profits = np.repeat(np.random.Generator(np.random.PCG64(4)).normal(0.0, 1.0, 64), 8)[:, None]
    widths = [np.subtract(*bootstrap.interval(profits, length, seed=1)[::-1]).item() for length in (1, 8)]
    assert widths[1] > 1.8 * widths[0]


def test_a_constant_result_has_no_luck_in_it() -> None:
    """Equal chains give their sum and nothing else, whether or not the blocks divide their number."""
    for count in (20, 21, 22):
        low, high = bootstrap.interval(np.full((count, 2), 2.0), 3, seed=1)
        assert low.tolist() == high.tolist() == [2.0 * count, 2.0 * count]
