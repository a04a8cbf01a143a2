"""The wheel: a cycle by hand, and what holds for all of them.

Half a bitcoin in December 2025, Fridays 5, 12, 19 and 26. A fee is 5 bp of the index, at most 12.5 % of the premium; a
delivery costs 1.5 bp of the delivery price.
"""

from dataclasses import replace

import numpy as np
import pytest

from rollbook_server.domain.backtest import engine
from rollbook_server.domain.backtest.market import Bars, MarketData
from rollbook_server.domain.backtest.metrics import measure
from rollbook_server.domain.backtest.rows import BacktestCycle, Rows, StepOutcome, Trigger
from rollbook_server.domain.backtest.runs import steps_of
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_replay import replayed
from tests.support.lab_runs import ALL, HOUR, at, bars, chains, random_bars, resolved, run, run_in_parts, same_bits

WHEEL, LINEAR = StrategyKind.WHEEL, ContractStyle.LINEAR
START = at(1)


def path() -> Bars:
    """100,000, then from 08:00 on 98,000 of 5 December, 90,000 of the 12th, 93,000 of the 19th, 97,000 of the 26th."""
    closes = np.full(27 * 24, 100_000.0)
    for day, price in ((5, 98_000.0), (12, 90_000.0), (19, 93_000.0), (26, 97_000.0)):
        closes[(at(day, 7) - START) // HOUR :] = price
    closes[(at(12, 6) - START) // HOUR] = 91_000.0
    closes[(at(26, 6) - START) // HOUR] = 96_000.0
    spikes = {
        at(5, 7): (98_000.0, 98_000.0),
        at(12, 7): (91_500.0, 89_500.0),
        at(19, 7): (93_000.0, 93_000.0),
        at(26, 7): (97_400.0, 95_800.0),
    }
    return bars(closes, START, spikes=spikes)


def story() -> tuple[BacktestSpec, MarketData]:
    """What was quoted at 09:00: bids and asks in USDC per coin."""
    third = at(2, 8, month=1, year=2026)
    puts = [(at(5, 8), 95_000.0), (at(12, 8), 96_000.0), (at(19, 8), 85_000.0), (third, 95_000.0)]
    quotes = chains(
        {
            at(2, 9): {puts[0]: (600.0, 610.0)},
            at(5, 9): {puts[1]: (800.0, 810.0), (at(12, 8), 101_000.0): (900.0, 910.0)},
            at(12, 9): {
                puts[2]: (700.0, 710.0),
                (at(19, 8), 92_000.0): (900.0, 910.0),
                (at(19, 8), 95_000.0): (300.0, 310.0),
            },
            at(19, 9): {(at(26, 8), 92_000.0): (1_900.0, 1_910.0), (at(26, 8), 94_000.0): (700.0, 710.0)},
            at(20, 9): {(at(26, 8), 94_000.0): (900.0, 910.0), (at(26, 8), 94_500.0): (500.0, 510.0)},
            at(26, 9): {puts[3]: (700.0, 710.0)},
            at(26, 10): {puts[3]: (740.0, 750.0)},
        },
        others=puts,
    )
    data = MarketData(path(), chains=quotes)
    selection = {"min_dte_days": 1.0, "max_dte_days": 10.0, "min_delta": 0.01, "max_delta": 0.99}
    return resolved(data, WHEEL, LINEAR, quantity=0.5, selection=selection), data


def first_bars(data: MarketData, hours: int) -> Bars:
    """So many of them."""
    return Bars(**{name: getattr(data.bars, name)[:hours] for name in _COLUMNS}, interval=HOUR)


_COLUMNS = ("time", "open", "high", "low", "close")


def test_a_cycle_by_hand() -> None:
    """A put expires worthless, the next is assigned, a call at or above the cost expires worthless, the next one sells
    the coins: each figure as typed in here, and the account with them.

    Puts: 0.5 * (600 + 800) of premium; fees 0.5 * (50 + 49), and 1.5 bp of 90,250 = (91,500 + 89,500 + 180,000) / 4 on
    half a coin for the delivery: 25 + 24.5 + 6.76875. Coins: 0.5 at 90,000, the open of 08:00. So they cost
    96,000 - (700 - 56.26875) / 0.5 + (90,000 - 90,250) = 94,462.5375 each. Calls: 0.5 * (300 + 500); fees 0.5 * 12.5 %
    of 300 and 5 bp of 93,000, and 1.5 bp of 96,800 = (97,400 + 95,800 + 194,000) / 4: 18.75 + 23.25 + 7.26. Payoffs
    2,875 and 1,150. In all 700 - 56.26875 + 400 - 49.26 - 2,875 - 1,150 + 0.5 * (96,800 - 90,000) = 369.47125, which is
    what the calls kept, 350.74, and 0.5 * (94,500 - 94,462.5375).
    """
    spec, data = story()
    rows = run(spec, data)
    done, going = rows.cycles
    figures = (done.put_premium, done.put_costs, done.call_premium, done.call_costs, done.put_strike)
    assert figures == pytest.approx((700, 56.26875, 400, 49.26, 96_000), abs=1e-9)
    prices = (done.put_delivery_price, done.purchase_price, done.effective_cost, done.call_strike, done.sale_price)
    assert prices == pytest.approx((90_250, 90_000, 94_462.5375, 94_500, 96_800), abs=1e-9)
    assert done.net_pnl == pytest.approx(369.47125, abs=1e-9)
    assert (done.number, done.start_time, done.purchase_time, done.end_time) == (1, at(2, 9), at(12, 8), at(26, 8))
    assert (done.first_chain, done.last_chain, done.chains, done.quantity, done.open_at_end) == (1, 4, 4, 0.5, False)
    sold = [(chain.legs[0].symbol, chain.cycle_number, chain.net_pnl) for chain in rows.chains]
    assert [symbol for symbol, _, _ in sold] == [
        "BTC_USDC-5DEC25-95000-P",
        "BTC_USDC-12DEC25-96000-P",
        "BTC_USDC-19DEC25-95000-C",
        "BTC_USDC-26DEC25-94500-C",
        "BTC_USDC-2JAN26-95000-P",
    ]
    assert [cycle for _, cycle, _ in sold] == [1, 1, 1, 1, 2]
    # the last: 0.5 * 700 less 5 bp of 97,000 on half a coin, and bought at its ask
    assert [pnl for _, _, pnl in sold] == pytest.approx([275, -2_506.26875, 131.25, -930.51, -49.25], abs=1e-9)

    def account(day: int, hour: int) -> float:
        return float(rows.equity.equity_usd[rows.equity.time == at(day, hour)][0])

    assert rows.equity.hodl_usd[0] == 50_000
    assert account(12, 8) == pytest.approx(50_000 + 643.73125 - 2_875, abs=1e-9)  # paid, nothing bought yet
    assert account(12, 9) == pytest.approx(47_768.73125, abs=1e-9)  # 45,000 of it are coins
    assert account(20, 9) == pytest.approx(47_768.73125 + 131.25 + 0.5 * 3_000, abs=1e-9)
    assert account(26, 8) == pytest.approx(50_369.47125, abs=1e-9)
    assert rows.equity.equity_usd[-1] == pytest.approx(50_369.47125 - 49.25, abs=1e-9)
    assert (going.number, going.first_chain, going.put_premium, going.put_costs) == (2, 5, 350, 24.25)
    assert (going.end_time, going.effective_cost, going.open_at_end) == (None, None, True)
    assert going.net_pnl == pytest.approx(-49.25, abs=1e-9)


def test_calls_below_the_cost_are_not_offered() -> None:
    """A dearer call below the cost does not count; where there is no other the coins are held, and the decision says
    why. What a decision looked for, puts or calls, goes by what it had."""
    spec, data = story()
    rows = run(spec, data)
    steps = {step.decision_time: step for step in steps_of(spec, rows.steps, 0, rows.cycles)}
    first = steps[at(12, 9)]
    assert (first.outcome, first.candidates, first.best_symbol) == (StepOutcome.TRADED, 1, "BTC_USDC-19DEC25-95000-C")
    held = steps[at(19, 9)]
    assert (held.outcome, held.candidates, held.best_symbol) == (StepOutcome.BELOW_COST, 0, "")
    assert steps[at(2, 9)].best_symbol == "BTC_USDC-5DEC25-95000-P"
    assert steps[at(26, 9)].best_symbol == "BTC_USDC-2JAN26-95000-P"
    assert steps[at(1, 9)].outcome is StepOutcome.NO_DATA


def test_figures_of_cycles() -> None:
    """How many began and ended, what the ended ones made and took; the lowest cash: after the coins were bought."""
    spec, data = story()
    rows = run(spec, data)
    figures = measure(spec, rows.equity, rows.chains, rows.steps, rows.cycles)
    assert (figures.cycles, figures.completed_cycles, figures.cycle_win_rate_pct) == (2, 1, 100.0)
    assert figures.average_cycle_pnl == pytest.approx(369.47125, abs=1e-9)
    assert figures.average_cycle_days == pytest.approx(23 + 23 / 24, abs=1e-9)
    assert figures.lowest_balance == pytest.approx(50_000 + 643.73125 - 2_875 - 45_000, abs=1e-9)
    assert figures.usd.net_profit == pytest.approx(369.47125 - 49.25, abs=1e-9)


def market(hours: int = 2 * 365 * 24, seed: int = 4) -> MarketData:
    return MarketData(random_bars(hours, seed=seed, spot=92_000.0, volatility=0.6, start=at(1, month=9), cents=True))


def turning(data: MarketData, exit_style: ExitStyle = ExitStyle.HOLD_TO_EXPIRY) -> BacktestSpec:
    """A wheel that is often assigned."""
    return resolved(
        data,
        WHEEL,
        LINEAR,
        exit_style,
        level=0.65,
        quantity=0.3,
        selection={"min_delta": 0.15, "target_delta": 0.3, "max_delta": 0.45},
        exits={"defend": 1.03, "max_rolls": 1} if exit_style is ExitStyle.TP_AND_ROLL else None,
    )


def by_formula(cycle: BacktestCycle, rows: Rows) -> float:
    """What the coins of a cycle cost, from its chains."""
    assert cycle.purchase_time is not None
    assert cycle.put_strike is not None
    assert cycle.put_delivery_price is not None
    assert cycle.purchase_price is not None
    puts = [
        leg
        for chain in rows.chains
        if chain.cycle_number == cycle.number and chain.open_time < cycle.purchase_time
        for leg in chain.legs
    ]
    kept = 0.0
    for leg in puts:
        kept += leg.quantity * leg.open_price - leg.open_fee - leg.close_fee
        kept -= 0.0 if leg.trigger == Trigger.EXPIRY else leg.quantity * leg.close_price
    return cycle.put_strike - kept / cycle.quantity + cycle.purchase_price - cycle.put_delivery_price


@pytest.mark.parametrize("exit_style", ExitStyle)
def test_what_holds_for_every_cycle(exit_style: ExitStyle) -> None:
    """Over two years: cycles add up to what the account made, calls are never sold below the cost, the cost is that of
    the formula, a put is followed by a purchase at the open of 08:00, and chains are of one cycle each, in order."""
    data = market()
    spec = turning(data, exit_style)
    rows = run(spec, data)
    cycles = rows.cycles
    ended = [cycle for cycle in cycles if cycle.end_time]
    assert len(ended) >= 3
    gained = rows.equity.equity_usd[-1] - rows.equity.hodl_usd[-1]
    assert sum(cycle.net_pnl for cycle in cycles) == pytest.approx(gained, abs=1e-6)
    assert [cycle.number for cycle in cycles] == list(range(1, len(cycles) + 1))
    assert [n for cycle in cycles for n in range(cycle.first_chain, cycle.last_chain + 1)] == sorted(
        chain.number for chain in rows.chains
    )
    numbered = {cycle.number: cycle for cycle in cycles}
    opens = dict(zip(data.bars.time.tolist(), data.bars.open.tolist(), strict=True))
    calls = 0
    for chain in rows.chains:
        cycle = numbered[chain.cycle_number]
        assert cycle.first_chain <= chain.number <= cycle.last_chain
        holds = cycle.purchase_time is not None and chain.open_time >= cycle.purchase_time
        for leg in chain.legs:
            assert leg.symbol.endswith("-C" if holds else "-P")
            if holds:
                assert cycle.effective_cost is not None
                assert float(leg.symbol.split("-")[2]) >= cycle.effective_cost * (1 - 1e-12)
                calls += 1
    assert calls >= len(ended)
    for cycle in cycles:
        if cycle.purchase_time is not None:
            assert cycle.effective_cost == pytest.approx(by_formula(cycle, rows), rel=1e-9)
            assert cycle.purchase_time % DAY == 8 * HOUR
            assert cycle.purchase_price == opens[cycle.purchase_time]
        if cycle.end_time:
            assert cycle.call_strike is not None
            assert cycle.effective_cost is not None
            kept = cycle.call_premium - cycle.call_costs + cycle.quantity * (cycle.call_strike - cycle.effective_cost)
            assert cycle.net_pnl == pytest.approx(kept, abs=2e-6)  # payoffs are rounded to 6 places
    for chain in rows.chains:
        if not chain.open_at_end:
            booked = replayed(spec, chain)
            assert float(booked.net_pnl) == pytest.approx(chain.net_pnl, rel=1e-9, abs=1e-9 * chain.premium)
            assert booked.close_reason == chain.close_reason


@pytest.mark.parametrize("exit_style", ExitStyle)
def test_any_cutting_gives_the_same_bits(exit_style: ExitStyle) -> None:
    """Bar by bar around the first purchase, and in random stretches elsewhere, each state through its bytes."""
    data = market(365 * 24)
    spec = turning(data, exit_style)
    whole = run(spec, data)
    prepared = engine.prepare(spec, data)
    first = whole.cycles[0]
    assert first.purchase_time is not None
    before = int((first.purchase_time - at(1, month=9)) // HOUR) - 30
    random = np.random.default_rng(3)
    _, cut = run_in_parts(prepared, [before, *[1] * 60, *random.integers(1, 400, 10).tolist()])
    assert same_bits(whole, cut)
    assert len(whole.cycles) > 1


def test_a_run_on_a_prefix_decides_the_same() -> None:
    """Whatever comes later: decisions and cycles up to an instant do not depend on it."""
    data = market(365 * 24)
    spec = turning(data)
    whole = run(spec, data)
    for hours in (1_000, 3_333, 5_000):
        cut = MarketData(first_bars(data, hours))
        part = run(replace(spec, end_time=at(1, month=9) + hours * HOUR), cut)
        count = len(part.steps.time)
        for name in ("time", "outcome", "best_expiry", "best_strike", "chain_number"):
            assert getattr(part.steps, name).tolist() == getattr(whole.steps, name)[:count].tolist()
        over = [cycle for cycle in part.cycles if not cycle.open_at_end]
        assert list(whole.cycles[: len(over)]) == over


def test_coins_are_bought_at_the_first_open_after_a_gap() -> None:
    """Without the bars around its expiry a put is settled by the last price before, and the coins are bought at the
    open of the first bar there is; nothing is decided in between."""
    spec, data = story()
    gap = [at(12, hour) for hour in range(6, 9)]
    there = ~np.isin(data.bars.time, gap)
    cut = Bars(**{name: getattr(data.bars, name)[there] for name in _COLUMNS}, interval=HOUR)
    rows = run(spec, replace(data, bars=cut))
    cycle = rows.cycles[0]
    assert cycle.put_delivery_price is None  # at 98,000 it is worthless
    lower = replace(cut, close=np.where(cut.time == at(12, 5), 91_000.0, cut.close))
    cycle = run(spec, replace(data, bars=lower)).cycles[0]
    assert (cycle.put_delivery_price, cycle.purchase_time, cycle.purchase_price) == (91_000, at(12, 9), 90_000)


def test_data_that_ends_between_assignment_and_purchase() -> None:
    """The cycle is open, without coins, and worth what was paid."""
    spec, data = story()
    hours = int((at(12, 8) - START) // HOUR)
    cut = first_bars(data, hours)
    rows = run(replace(spec, end_time=at(12, 8)), replace(data, bars=cut))
    (cycle,) = rows.cycles
    assert (cycle.put_strike, cycle.purchase_time, cycle.effective_cost, cycle.open_at_end) == (
        96_000,
        None,
        None,
        True,
    )
    assert cycle.net_pnl == pytest.approx(643.73125 - 2_875, abs=1e-9)


@pytest.mark.parametrize(
    ("more", "reason", "field"),
    [
        ({"style": ContractStyle.INVERSE}, Reason.CONTRADICTION, "spec.style"),
        ({"max_open_chains": 2}, Reason.OUT_OF_BOUNDS, "spec.max_open_chains"),
    ],
)
def test_what_makes_no_sense_with_a_wheel(more: dict[str, object], reason: Reason, field: str) -> None:
    """Inverse options, which never buy a coin, and several lots."""
    with pytest.raises(InvalidArgument) as refused:
        resolved(market(100), WHEEL, **{"style": LINEAR, **more})  # type: ignore[arg-type]
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_state_of_other_strategies_has_no_lots() -> None:
    """A checkpoint of covered calls is what it was before there were wheels."""
    data = market(200)
    prepared = engine.prepare(resolved(data, level=0.65), data)
    state, rows = engine.advance(prepared, engine.begin(prepared), ALL)
    assert (len(state.lots), rows.cycles) == (0, ())
