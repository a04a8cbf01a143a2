"""When things happen, and that nothing is known before its time."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rollbook_server.domain.backtest import engine, kernel
from rollbook_server.domain.backtest.market import Bars, MarketData, OptionChains, VolatilityIndex
from rollbook_server.domain.backtest.pricing import prices
from rollbook_server.domain.backtest.rows import Rows, StepOutcome
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle, Scoring
from rollbook_server.domain.backtest.timeline import decision_times, delivery_prices, resampled
from rollbook_server.domain.backtest.volatility import realized
from rollbook_server.domain.chains import CloseReason
from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_runs import HOUR, at, bars, chains, random_bars, resolved, run, run_in_parts, same_bits

ROOT = Path(__file__).parents[2]
OUTCOMES = list(StepOutcome)
START = at(1)


def outcomes(rows: Rows) -> list[StepOutcome]:
    return [OUTCOMES[code] for code in rows.steps.outcome]


def until(data: MarketData, time: Micros) -> MarketData:
    """What was known by `time`."""
    bars_known = data.bars.time + data.bars.interval <= time
    known = replace(
        data.bars, **{name: getattr(data.bars, name)[bars_known] for name in ("time", "open", "high", "low", "close")}
    )
    index, quotes = data.volatility, data.chains
    if index is not None:
        there = index.time <= time
        index = replace(index, time=index.time[there], value=index.value[there])
    if quotes is not None:
        count = int((quotes.time <= time).sum())
        rows = slice(0, int(quotes.first[count]))
        columns = ("contract", "bid", "ask", "mark", "forward", "volatility")
        quotes = replace(
            quotes,
            time=quotes.time[:count],
            first=quotes.first[: count + 1],
            **{name: getattr(quotes, name)[rows] for name in columns},
        )
    return MarketData(known, index, quotes)


def random_index(of: Bars, seed: int) -> VolatilityIndex:
    """Hourly, wandering between 0.3 and 0.9, with a gap of six hours."""
    random = np.random.default_rng(seed)
    value = 0.6 + 0.3 * np.sin(np.cumsum(0.05 * random.standard_normal(len(of.time))))
    there = np.ones(len(value), bool)
    there[500:506] = False
    return VolatilityIndex((of.time + of.interval)[there], value[there], HOUR)


def random_quotes(of: Bars, seed: int) -> OptionChains:
    """A snapshot seven minutes before most hours, of three Fridays and eleven strikes around the spot; some sides are
    missing."""
    random = np.random.default_rng(seed)
    market: dict[Micros, dict[tuple[Micros, float], tuple[float, ...]]] = {}
    for time, spot in zip(of.time[:1200].tolist(), of.open[:1200].tolist(), strict=True):
        if random.random() < 0.2:
            continue
        friday = (time // DAY + (4 - (time // DAY + 3) % 7) % 7) * DAY + 8 * HOUR
        quotes: dict[tuple[Micros, float], tuple[float, ...]] = {}
        for week in (1, 2, 3):
            expiry = friday + 7 * week * DAY
            for strike in (round(spot / 1000) + np.arange(-2, 9)) * 1000.0:
                mark = float(prices(spot, strike, (expiry - time) / (365 * DAY), 0.5, True)) / spot
                bid, ask = np.floor(mark * 1900) / 2000, np.ceil(mark * 2100) / 2000
                missing = random.random(2) < 0.1
                quotes[expiry, strike] = (*np.where(missing, np.nan, (bid, ask)).tolist(), mark)
        market[time + 53 * 60 * SECOND] = quotes
    return chains(market)


def market(kind: str) -> tuple[BacktestSpec, MarketData]:
    """A random market of four months with missing hours, and a busy strategy on it."""
    whole = random_bars(120 * 24, seed=15, spot=92_000.0, volatility=0.7, start=START)
    random = np.random.default_rng(16)
    lost = whole.time[np.flatnonzero(random.random(len(whole.time)) < 0.01)].tolist() + whole.time[700:729].tolist()
    there = ~np.isin(whole.time, lost)
    made = replace(whole, **{name: getattr(whole, name)[there] for name in ("time", "open", "high", "low", "close")})
    data = MarketData(
        made,
        random_index(whole, 17) if kind == "index" else None,
        random_quotes(whole, 18) if kind == "recorded" else None,
    )
    spec = resolved(
        data,
        exit_style=ExitStyle.TP_AND_ROLL,
        max_open_chains=3,
        selection={
            "min_dte_days": 5.0,
            "max_dte_days": 20.0,
            "min_delta": 0.05,
            "target_delta": 0.25,
            "max_delta": 0.5,
        },
        exits={"max_debit": 0.005, "min_dte_days": 2.0, "stop": 6.0, "take_profit": 0.4},
        start_time=at(4),
        decision_interval_hours=6,
    )
    return spec, data


@pytest.mark.parametrize("kind", ["index", "realized", "recorded"])
def test_a_run_on_what_was_known_by_then_decides_the_same(kind: str) -> None:
    """Prefix: cut at any instant, on bars, volatility and snapshots alike, what is before it is the same to the bit."""
    spec, data = market(kind)
    whole = run(spec, data)
    assert len(whole.chains) > 10
    for time in np.random.default_rng(19).integers(at(10), at(1, month=3, year=2026), 12).tolist():
        time -= time % HOUR
        part = run(spec, until(data, time))
        count, points = len(part.steps.time), len(part.equity.time)
        assert count == (whole.steps.time < part.equity.time[-1]).sum()
        for name in type(part.steps).__slots__:
            assert getattr(part.steps, name).tobytes() == getattr(whole.steps, name)[:count].tobytes(), name
        for name in type(part.equity).__slots__:
            assert getattr(part.equity, name).tobytes() == getattr(whole.equity, name)[:points].tobytes(), name
        ended = [chain for chain in part.chains if not chain.open_at_end]
        assert ended == [
            chain for chain in whole.chains if chain.close_time and chain.close_time <= part.equity.time[-1]
        ]


@pytest.mark.parametrize("kind", ["index", "realized", "recorded"])
def test_any_cutting_gives_the_same_bits(kind: str) -> None:
    """Rows and end state of a run in random stretches, through encoded states, are those of the whole."""
    spec, data = market(kind)
    prepared = engine.prepare(spec, data)
    end, whole = run_in_parts(prepared, ())
    random = np.random.default_rng(20)
    for _ in range(4):
        cut_end, cut = run_in_parts(engine.prepare(spec, data), random.integers(0, 200, 20).tolist())
        assert same_bits(whole, cut)
        assert cut_end.encode() == end.encode()
    _, single = run_in_parts(prepared, (1,) * 300)
    assert same_bits(whole, single)


def test_a_state_says_how_far_it_is() -> None:
    """Bars, decisions and simulated time while it runs; finished at the end, and then nothing more comes."""
    spec, data = market("index")
    prepared = engine.prepare(spec, data)
    state = engine.begin(prepared)
    assert (state.bars_done, state.decisions_done, state.simulated_time, state.finished) == (0, 0, at(4), False)
    state, rows = engine.advance(prepared, state, 100)
    assert state.bars_done == len(rows.equity.time) == 100
    assert state.decisions_done == len(rows.steps.time)
    assert state.simulated_time == rows.equity.time[-1]
    state, _ = engine.advance(prepared, state, 10**9)
    assert state.finished
    assert (state.bars_done, state.decisions_done) == (prepared.bars_total, prepared.decisions_total)
    again, rows = engine.advance(prepared, state, 100)
    assert (len(rows.equity.time), len(rows.steps.time), rows.chains) == (0, 0, ())
    assert again.encode() == state.encode()


def test_open_chains_are_seen_while_a_run_goes_on() -> None:
    """Each with its legs so far and its figures as if bought at the ask."""
    spec, data = market("realized")
    prepared = engine.prepare(spec, data)
    state, seen = engine.begin(prepared), 0
    while not state.finished:
        state, rows = engine.advance(prepared, state, 97)
        open_now = engine.open_chains(prepared, state)
        assert len(open_now) == rows.equity.open_chains[-1]
        for chain in open_now:
            assert chain.close_time is None
            assert chain.legs[-1].close_time is None
            assert chain.open_at_end == state.finished
        seen += len(open_now)
    assert seen > 20


def jump(hour: int, before: float, opened: float) -> Bars:
    """Flat at `before` until the bar that opens at `hour` of 2 December, from there on at `opened`."""
    flat = bars(np.full(4 * 24, before), START)
    place = 24 + hour
    price = np.where(np.arange(len(flat.time)) < place, before, opened)
    return replace(flat, open=price, high=price.copy(), low=price.copy(), close=price.copy())


def test_a_decision_is_made_on_the_last_close_and_filled_at_the_next_open() -> None:
    """At 09:00 the market opens 1 % higher than it closed: strike and score are by the close, price and index by the
    open."""
    data = MarketData(jump(9, 100_000.0, 101_000.0))
    smooth = {"smile_slope": 0.0, "smile_curvature": 0.0}
    selection = {"min_dte_days": 8.0, "max_dte_days": 10.0, "min_delta": 0.28, "max_delta": 0.30}
    rows = run(resolved(data, level=0.5, selection=selection, volatility=smooth), data)
    (leg,) = rows.chains[0].legs
    assert rows.steps.index_price[1] == 100_000.0
    assert leg.symbol == "BTC-12DEC25-105000-C"
    assert (leg.open_time, leg.open_index_price) == (at(2, 9), 101_000.0)
    assert leg.open_delta > 0.30


@pytest.mark.parametrize(
    ("begin", "interval", "given", "field"),
    [
        (at(1, 8), DAY, {"decision_hour": 0}, "spec.decision_hour"),
        (at(1, 0, 30), HOUR, {"decision_hour": 9}, "spec.decision_hour"),
        (at(1, 0, 30), HOUR, {"decision_hour": 10, "bar_minutes": 120}, "spec.bar_minutes"),
    ],
)
def test_decisions_that_no_bar_begins_with_are_refused(
    begin: Micros, interval: Micros, given: dict[str, Any], field: str
) -> None:
    """Daily bars from 08:00 to 08:00, and hours that begin at half past: such a run would never find its bar."""
    data = MarketData(bars(np.full(72, 100_000.0), begin, interval=interval))
    with pytest.raises(InvalidArgument) as refusal:
        resolved(data, **given)
    assert refusal.value.field == field


def test_a_decision_without_its_bar_is_no_data() -> None:
    """Neither is there a decision by a close that is not the newest."""
    closes = np.full(3 * 24, 100_000.0)
    for missing in (at(2, 9), at(2, 8)):
        data = MarketData(bars(closes, START, without=[missing]))
        rows = run(resolved(data, level=0.5), data)
        assert outcomes(rows)[1] is StepOutcome.NO_DATA


def test_a_volatility_counts_from_when_it_is_known_and_opens_nothing_when_it_is_old() -> None:
    """Known at 09:00 sharp is known; a second later is not; and a day old it does not count for entries."""
    closes = np.full(4 * 24, 100_000.0)
    for known, expected in ((at(2, 9), True), (at(2, 9) + SECOND, False)):
        index = VolatilityIndex(np.array([known], np.int64), np.array([0.5]), HOUR)
        data = MarketData(bars(closes, START), index)
        rows = run(resolved(data, selection={"min_dte_days": 8.0, "max_dte_days": 18.0}), data)
        assert outcomes(rows)[0] is StepOutcome.NO_DATA
        assert (outcomes(rows)[1] is StepOutcome.TRADED) is expected
    old = VolatilityIndex(np.array([START], np.int64), np.array([0.5]), HOUR)
    data = MarketData(bars(closes, START), old)
    assert outcomes(run(resolved(data), data))[2] is StepOutcome.NO_DATA


def test_a_volatility_that_cannot_be_marks_nothing() -> None:
    """An index of 0 or NaN for some hours: what is open keeps the mark of the hour before."""
    closes = np.full(5 * 24, 100_000.0)
    values = np.full(5 * 24, 0.5)
    place = (at(3) - START) // HOUR
    values[place : place + 3] = (0.0, np.nan, 0.0)
    index = VolatilityIndex(START + HOUR * np.arange(5 * 24, dtype=np.int64), values, HOUR)
    data = MarketData(bars(closes, START), index)
    equity = run(resolved(data, exit_style=ExitStyle.TP_AND_ROLL), data).equity
    assert equity.open_chains[place] == 1
    marked = equity.equity_coin[place - 2 : place + 3]
    assert (marked[1:4] == marked[0]).all()


def test_a_snapshot_counts_for_half_an_hour() -> None:
    """At 09:00 one of 08:30 is used, one of 08:29 and one of 09:01 are not."""
    closes = np.full(3 * 24, 100_000.0)
    quotes = {(at(12, 8), 105_000.0): (0.014, 0.015)}
    for minute, expected in ((-30, True), (-31, False), (0, True), (1, False)):
        data = MarketData(bars(closes, START), chains=chains({at(2, 9) + minute * 60 * SECOND: quotes}))
        rows = run(resolved(data, selection={"min_delta": 0.2, "max_delta": 0.4}), data)
        assert (outcomes(rows)[1] is StepOutcome.TRADED) is expected


def test_a_trigger_waits_for_the_next_bar_that_is_there() -> None:
    """The profit is there at the close of 10:00; the next bar is of 13:00: filled at 13:00 and at its open."""
    fallen = jump(9, 100_000.0, 100_000.0)
    place = 24 + 10
    price = np.where(np.arange(len(fallen.time)) < place - 1, 100_000.0, 90_000.0)
    made = replace(fallen, close=price, low=np.minimum(price, fallen.low))
    after = made.time >= at(2, 10)
    made = replace(made, open=np.where(after, 91_000.0, made.open), close=np.where(after, 91_000.0, made.close))
    there = ~np.isin(made.time, [at(2, 10), at(2, 11), at(2, 12)])
    made = replace(made, **{name: getattr(made, name)[there] for name in ("time", "open", "high", "low", "close")})
    data = MarketData(made)
    selection = {"min_dte_days": 8.0, "max_dte_days": 10.0, "min_delta": 0.25, "max_delta": 0.32}
    spec = resolved(data, exit_style=ExitStyle.TP_AND_ROLL, level=0.5, selection=selection, exits={"max_rolls": 0})
    first = run(spec, data).chains[0].legs[0]
    assert (first.open_time, first.close_time, first.close_index_price) == (at(2, 9), at(2, 13), 91_000.0)


def test_an_expiry_in_a_gap_comes_before_what_waits_and_has_the_last_close() -> None:
    """A week without bars: settled at 08:00 by the last close, not traded at the next open."""
    closes = np.full(16 * 24, 100_000.0)
    closes[10 * 24 :] = 104_000.0  # the defence applies from the last bar before the gap on
    gap = [at(11, 1) + hour * HOUR for hour in range(48)]
    data = MarketData(bars(closes, START, without=gap))
    selection = {"min_dte_days": 8.0, "max_dte_days": 10.0, "min_delta": 0.25, "max_delta": 0.32}
    spec = resolved(
        data, exit_style=ExitStyle.TP_AND_ROLL, level=0.5, selection=selection,
        exits={"take_profit": 1.0, "max_debit": 1.0},
    )  # fmt: skip
    chain = run(spec, data).chains[0]
    assert chain.legs[0].symbol == "BTC-12DEC25-105000-C"
    assert (chain.close_time, chain.close_reason) == (at(12, 8), CloseReason.EXPIRED)
    assert chain.legs[0].close_index_price == 104_000.0


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_roll_whose_target_expires_in_a_gap_is_not_made(beyond: int) -> None:
    """The call of the 26th took its profit and was to be rolled into one of the 12th; the next bar begins as that one
    expires, or later: the leg is held, and judged again."""
    closes = np.full(28 * 24, 100_000.0)
    closes[60:] = 80_000.0
    gap = [at(3, 13) + hour * HOUR for hour in range(8 * 24 + 19 + beyond)]
    data = MarketData(bars(closes, START, without=gap))
    selection = {"min_dte_days": 5.0, "max_dte_days": 26.0, "min_delta": 0.01, "target_delta": 0.21, "max_delta": 0.6}
    spec = resolved(
        data, exit_style=ExitStyle.TP_AND_ROLL, level=0.5, selection=selection | {"scoring": Scoring.NEAREST_DELTA},
        exits={"take_profit": 0.3, "max_debit": 1.0},
    )  # fmt: skip
    held, later = run(spec, data).chains[0].legs[:2]
    assert (held.symbol, held.trigger) == ("BTC-26DEC25-112000-C", "take_profit")
    assert held.close_time == later.open_time == at(12, 9 + beyond)


def test_delivery_prices_are_of_the_hour_before_eight() -> None:
    """From quarters of an hour: highest, lowest and last of 07:00 to 08:00; without them the last close before."""
    quarters = np.arange(3 * 96, dtype=np.float64) + 1000.0
    made = bars(quarters, START, interval=15 * 60 * SECOND)
    # 07:00 to 08:00 are quarters 28 to 31: the first opens at 1027, the last closes at 1031
    assert delivery_prices(made, START // DAY, 3)[0] == (1031 + 1027 + 2 * 1031) / 4
    lost = [at(2, 7, minute) for minute in (0, 15, 30, 45)]
    without = bars(quarters, START, interval=15 * 60 * SECOND, without=lost)
    assert delivery_prices(without, START // DAY, 3)[1] == 1000 + 96 + 27
    daily = bars([1.0, 2.0, 3.0], START, interval=DAY)
    assert delivery_prices(daily, START // DAY, 3).tolist()[1:] == [1.0, 2.0]


def test_longer_bars_are_made_of_whole_ones() -> None:
    """Four hours from hours; one whose first or last hour is missing is missing."""
    hours = bars(
        np.arange(24, dtype=np.float64) + 1, START, without=[START + 4 * HOUR, START + 9 * HOUR, START + 15 * HOUR]
    )
    made = resampled(hours, 4 * HOUR)
    assert ((made.time - START) // HOUR).tolist() == [0, 8, 16, 20]
    assert made.open.tolist() == [1, 8, 16, 20]
    assert made.close.tolist() == [4, 12, 20, 24]
    assert made.high.tolist() == [4, 12, 20, 24]
    assert made.low.tolist() == [1, 8, 16, 20]


def test_decisions_follow_their_hour_and_never_fall_on_eight() -> None:
    """Every seven hours from 09:00 of the first day: one would be at 08:00 of the fifth and is left out."""
    data = MarketData(bars(np.full(6 * 24, 100_000.0), START))
    times = decision_times(resolved(data, level=0.5, decision_interval_hours=1), at(3))
    assert times[0] == at(1, 9)
    assert at(2, 8) not in times
    assert len(times) == 39 - 1
    late = resolved(data, level=0.5, start_time=at(1, 12))
    assert decision_times(late, at(4)).tolist() == [at(2, 9), at(3, 9)]


def test_realized_volatility_weighs_by_elapsed_time() -> None:
    """By hand: returns of 1 % an hour are 0.936 a year; over a gap of a day one return weighs as a day."""
    steady = bars(100 * np.exp(0.01 * np.arange(100)), START)
    known, values = realized(steady, 10.0)
    assert np.isnan(values[:48]).all()
    assert values[48:] == pytest.approx(0.01 * np.sqrt(365 * 24), rel=1e-9)
    assert known[48] == START + 49 * HOUR
    gap = bars(
        np.concatenate([np.full(60, 100.0), np.full(10, 110.0)]),
        START,
        without=[START + (60 + h) * HOUR for h in range(5)],
    )
    _, values = realized(gap, 1.0)
    jump_variance = np.log(1.1) ** 2 / (6 / (365 * 24))
    weight = (1 - 0.5 ** (6 / 24)) / (1 - 0.5 ** (65 / 24))
    assert values[60] == pytest.approx(np.sqrt(jump_variance * weight), rel=1e-9)


def test_a_run_that_has_no_bars_is_refused() -> None:
    """No bar in the period: said at once."""
    data = MarketData(bars(np.full(10 * 24, 100_000.0), START))
    spec = replace(resolved(data, level=0.5), start_time=at(20), end_time=at(25))
    with pytest.raises(InvalidArgument):
        engine.prepare(spec, data)


def test_styles_and_strategies_share_one_compilation() -> None:
    """The kernel is compiled for one shape of spec and market, whatever they say."""
    for kind in ("index", "recorded"):
        spec, data = market(kind)
        run(spec, data)
    spec, data = market("realized")
    run(replace(spec, strategy=StrategyKind.CASH_SECURED_PUT, style=ContractStyle.LINEAR, quantity=2), data)
    assert len(kernel.advance.signatures) == 1  # type: ignore[attr-defined]


def test_what_one_process_compiled_the_next_one_loads() -> None:
    """The kernel is compiled once a machine: another process finds it on the disk."""
    spec, data = market("index")
    run(spec, data)
    program = (
        "from rollbook_server.domain.backtest import kernel;"
        "from tests.unit.test_engine_time import market, run;"
        "run(*market('index')); print(sum(kernel.advance.stats.cache_hits.values()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
