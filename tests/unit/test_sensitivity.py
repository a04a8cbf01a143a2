"""How much of a result is the volatility that was assumed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rollbook_server.domain.backtest import engine
from rollbook_server.domain.backtest.conclusion import conclude
from rollbook_server.domain.backtest.market import Bars, MarketData, VolatilityIndex
from rollbook_server.domain.backtest.metrics import is_closed, measure
from rollbook_server.domain.backtest.rows import Rows
from rollbook_server.domain.backtest.sensitivity import (
    Sensitivity,
    break_even_multiplier,
    measure_sensitivity,
    pnl_per_vol_point,
)
from rollbook_server.domain.backtest.spec import (
    BacktestSpec,
    DatasetFacts,
    DataSpec,
    ExitStyle,
    FeeSchedule,
    FillSpec,
    QuoteSource,
    VolatilitySource,
    VolatilitySpec,
    resolve,
)
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_rows import HOUR, START, chain_of, equity_of, leg_of, spec_of, steps_of

DAYS = 240


def market(volatility: float = 0.55) -> MarketData:
    """Hourly bars of a random walk with this volatility; with 0 the price never moves."""
    random = np.random.Generator(np.random.PCG64(20))
    count = 24 * DAYS
    steps = random.normal(0.0, volatility / np.sqrt(365 * 24), count)
    close = 50_000.0 * np.exp(np.cumsum(steps))
    opens = np.concatenate(([50_000.0], close[:-1]))
    time = START + HOUR * np.arange(count, dtype=np.int64)
    return MarketData(Bars(time, opens, np.maximum(opens, close), np.minimum(opens, close), close, HOUR))


def resolved(level: float, **more: Any) -> BacktestSpec:
    spec = BacktestSpec(
        underlying="BTC",
        strategy=StrategyKind.COVERED_CALL,
        style=ContractStyle.INVERSE,
        exit_style=ExitStyle.HOLD_TO_EXPIRY,
        volatility=VolatilitySpec(source=VolatilitySource.CONSTANT, level=level),
        data=DataSpec(spot_dataset_id="bars"),
    )
    facts = DatasetFacts(
        kind="BARS", underlying="BTC", quote_currency="USD", first_time=START,
        last_time=START + (24 * DAYS - 1) * HOUR, interval=HOUR,
    )  # fmt: skip
    return resolve(replace(spec, **more), {"bars": facts})


def run(spec: BacktestSpec, data: MarketData) -> Rows:
    prepared = engine.prepare(spec, data)
    return engine.advance(prepared, engine.begin(prepared), prepared.bars_total)[1]


def profit(rows: Rows) -> float:
    return sum(chain.net_pnl for chain in rows.chains if is_closed(chain))


def test_the_vega_of_a_sale() -> None:
    """Typed: at the money, 50,000, a week, 50 %: vega is 27.61 USD a point, or 0.0005521 BTC; it adds up."""
    leg = leg_of(at=START + 18 * DAY + 8 * HOUR, symbol="BTC-26JAN24-50000-C", open_volatility=0.5)
    assert pnl_per_vol_point(spec_of(), [chain_of(1, leg)]) == pytest.approx(0.00055214, rel=1e-4)
    both = [chain_of(1, leg, replace(leg, leg_number=2)), chain_of(2, replace(leg, quantity=2.0))]
    assert pnl_per_vol_point(spec_of(), both) == pytest.approx(4 * 0.00055214, rel=1e-4)
    linear = replace(leg, symbol="BTC_USDC-26JAN24-50000-C")
    spec = spec_of(style=ContractStyle.LINEAR)
    assert pnl_per_vol_point(spec, [chain_of(1, linear, linear=True)]) == pytest.approx(27.607, rel=1e-4)


def test_a_sale_of_unknown_volatility() -> None:
    """Where one leg's volatility is not known, the sum would be too low, and is not told."""
    chains = [chain_of(1, leg_of()), chain_of(2, leg_of(open_volatility=None))]
    assert pnl_per_vol_point(spec_of(), chains) is None


def test_a_point_is_what_a_dearer_sale_earns() -> None:
    """Held to expiry without frictions and smile, runs a bit dearer and cheaper differ by what is told of a point."""
    data, flat = market(), VolatilitySpec(source=VolatilitySource.CONSTANT, smile_slope=0.0, smile_curvature=0.0)
    fills = FillSpec(without_ticks=True, half_spread_vol_points=0.0, fees=FeeSchedule.NONE)
    specs = [resolved(0.55, fills=fills, volatility=replace(flat, level=each)) for each in (0.549, 0.55, 0.551)]
    runs = zip(*([each for each in run(spec, data).chains if is_closed(each)] for spec in specs), strict=True)
    same = [each for each in runs if len({chain.legs[0].symbol for chain in each}) == 1]
    assert len(same) > 10
    told = pnl_per_vol_point(specs[1], [here for _, here, _ in same])
    assert told == pytest.approx(sum(dearer.net_pnl - cheaper.net_pnl for cheaper, _, dearer in same) / 0.2, rel=0.001)


@pytest.mark.parametrize("level", [0.25, 0.50])
def test_the_break_even_lies_where_the_sign_changes(level: float) -> None:
    """Sold too cheap the search goes up, sold dear it goes down; reruns on both sides of it have both signs."""
    data, spec = market(), resolved(level)
    own = profit(run(spec, data))
    found = break_even_multiplier(spec, data, own)
    assert found is not None
    assert (found > 1) == (own < 0)
    below, above = (
        profit(run(replace(spec, volatility=replace(spec.volatility, multiplier=each)), data))
        for each in (found - 0.05, found + 0.05)
    )
    assert below < 0 < above


def test_no_break_even() -> None:
    """In a market that never moves every sale earns, at any volatility: there is no multiplier to tell."""
    data, spec = market(0.0), resolved(0.5)
    rows = run(spec, data)
    found = measure_sensitivity(spec, data, rows.chains, rows.equity)
    assert found.break_even_multiplier is None
    assert found.chains_pnl_flat_smile is not None
    assert found.chains_pnl_flat_smile > 0


def test_no_trades_are_no_break_even() -> None:
    """Where cheaper options find no bid nothing is earned, but nothing is risked either: that is no break-even."""
    data, spec = market(0.0), resolved(0.12, fills=FillSpec(half_spread_vol_points=5.0))
    assert profit(run(spec, data)) > 0
    assert not run(replace(spec, volatility=replace(spec.volatility, multiplier=0.5)), data).chains
    assert break_even_multiplier(spec, data, 0.01) is None


def test_a_run_that_earned_nothing_is_its_own_break_even() -> None:
    """A PnL of exactly 0 needs no search."""
    assert break_even_multiplier(resolved(0.5), market(), 0.0) == 1.0


def test_other_smiles_are_reruns() -> None:
    """Slope 0 and +0.05: of a run that has that slope already it is the run's own PnL, bit for bit."""
    data = market()
    told = []
    for slope, field in ((0.0, "chains_pnl_flat_smile"), (0.05, "chains_pnl_call_skew")):
        spec = resolved(
            0.55, volatility=VolatilitySpec(source=VolatilitySource.CONSTANT, level=0.55, smile_slope=slope)
        )
        rows = run(spec, data)
        found = measure_sensitivity(spec, data, rows.chains, rows.equity)
        assert getattr(found, field) == profit(rows)
        told.append(found)
    assert told[0] != told[1]
    assert told[0].chains_pnl_call_skew == told[1].chains_pnl_call_skew


def test_recorded_quotes_are_not_varied() -> None:
    """Recorded quotes have the volatility that they have: only vegas are told. Without a closed chain nothing is."""
    spec = spec_of(fills=FillSpec(quotes=QuoteSource.RECORDED))
    chains, equity = [chain_of(1, leg_of())], equity_of([1.0], [50_000])
    told = Sensitivity(pnl_per_vol_point=pnl_per_vol_point(spec, chains))
    assert measure_sensitivity(spec, market(), chains, equity) == told
    assert measure_sensitivity(spec_of(), market(), [], equity) == Sensitivity()


def test_a_run_is_concluded() -> None:
    """Everything that `measure` tells stays; interval, sensitivity and shares come with it, the same each time."""
    data, spec = market(), resolved(0.55, seed=3, max_open_chains=2)
    rows = run(spec, data)
    quick = measure(spec, rows.equity, rows.chains, rows.steps)
    whole = conclude(spec, data, rows.equity, rows.chains, rows.steps)
    assert whole == conclude(spec, data, rows.equity, rows.chains, rows.steps)
    assert whole.coin.chains_pnl_p05 is not None
    assert whole.coin.chains_pnl_p95 is not None
    assert whole.coin.chains_pnl is not None
    assert whole.coin.chains_pnl_p05 < whole.coin.chains_pnl < whole.coin.chains_pnl_p95
    assert whole.data.synthetic_bars_pct == whole.data.missing_bars_pct == 0
    assert whole.data.stale_volatility_pct is None
    assert whole.pnl_per_vol_point is not None
    assert replace(whole.coin, chains_pnl_p05=None, chains_pnl_p95=None) == quick.coin
    assert whole.triggers == quick.triggers
    assert conclude(replace(spec, seed=4), data, rows.equity, rows.chains, rows.steps).coin != whole.coin


def test_the_account_is_the_sum_of_its_chains() -> None:
    """Inverse in coin, linear in USD: equity less the benchmark is the PnL of closed and of marked chains."""
    for style, currency in ((ContractStyle.INVERSE, "coin"), (ContractStyle.LINEAR, "usd")):
        spec = resolved(0.55, style=style, exit_style=ExitStyle.TP_AND_ROLL)
        rows = run(spec, market())
        figures = getattr(measure(spec, rows.equity, rows.chains, rows.steps), currency)
        total = sum(chain.net_pnl for chain in rows.chains)
        assert figures.pnl_vs_hodl == pytest.approx(total, rel=1e-9)


def test_bars_are_missing_up_to_the_end() -> None:
    """A period that goes on after its data misses what is not there: here a fifth."""
    data = market()
    spec = resolved(0.55, end_time=START + 300 * DAY)
    rows = run(spec, data)
    assert conclude(spec, data, rows.equity, rows.chains, rows.steps).data.missing_bars_pct == pytest.approx(20)
    assert measure(spec, rows.equity, rows.chains, rows.steps).data.missing_bars_pct == 0


def test_few_chains_have_no_interval() -> None:
    """Under 20 closed chains no interval is drawn."""
    data, spec = market(), resolved(0.55)
    rows = run(spec, data)
    few = conclude(spec, data, rows.equity, rows.chains[:19], rows.steps)
    assert few.coin.chains_pnl_p05 is few.usd.chains_pnl_p95 is None


def test_stale_volatility_by_hand() -> None:
    """Of ten closes the first has no volatility yet, and the last three one older than two intervals; NaN is none."""
    bars = market().bars
    ten = Bars(bars.time[:10], bars.open[:10], bars.high[:10], bars.low[:10], bars.close[:10], HOUR)
    known = START + HOUR * np.array([2, 3, 4, 5, 9])
    index = VolatilityIndex(known, np.array([0.5, 0.5, 0.5, 0.5, np.nan]), HOUR)
    spec = spec_of(volatility=VolatilitySpec(source=VolatilitySource.INDEX, multiplier=1.0))
    equity = equity_of(np.ones(10), ten.close)
    found = conclude(spec, MarketData(ten, index), equity, [], steps_of())
    assert found.data.stale_volatility_pct == 40
    none = VolatilityIndex(known[:0], np.array([]), HOUR)
    assert conclude(spec, MarketData(ten, none), equity, [], steps_of()).data.stale_volatility_pct == 100
