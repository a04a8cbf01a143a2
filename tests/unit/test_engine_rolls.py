"""Exits and rolls, by hand, on quotes that are spelled out: fills at real bids and asks.

On Tuesday 2 December 2025 at 09:00 the call 105,000 of the 12th is sold at its bid, 0.014. What happens two days later
at 12:00 is each test's.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.rows import BacktestChain, Rows
from rollbook_server.domain.backtest.spec import ExitStyle, FillPrice, MissingOffer
from rollbook_server.domain.chains import CloseReason
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_runs import HOUR, Contract, at, bars, chains, resolved, run

START, ENTRY, LATER = at(1), at(2, 9), at(4, 12)
HELD: Contract = (at(12, 8), 105_000.0)
NEXT: Contract = (at(19, 8), 108_000.0)
FURTHER: Contract = (at(19, 8), 110_000.0)
NONE = math.nan
SELECTION = {"min_dte_days": 1.0, "max_dte_days": 20.0, "min_delta": 0.02, "target_delta": 0.25, "max_delta": 0.6}


def scene(
    quotes: Mapping[Contract, tuple[float, ...]],
    spot: float = 100_000.0,
    *,
    when: int = LATER,
    fills: dict[str, Any] | None = None,
    **exits: Any,
) -> Rows:
    """The run in which these are the quotes at `when`, and the index stands at `spot` from that instant on."""
    closes = np.full(20 * 24, 100_000.0)
    closes[(when - START) // HOUR - 1 :] = spot
    data = MarketData(bars(closes, START), chains=chains({ENTRY: {HELD: (0.014, 0.015)}, when: quotes}))
    spec = resolved(
        data, exit_style=ExitStyle.TP_AND_ROLL, selection=SELECTION, fills=fills, exits=exits, end_time=at(20)
    )
    return run(spec, data)


def only(rows: Rows) -> BacktestChain:
    (chain,) = rows.chains
    return chain


def test_a_taken_profit_rolls_into_the_best_candidate() -> None:
    """Bought at the ask 0.007, half of 0.014; sold anew at the bid 0.0065, in one instant and one chain; the new leg
    expires worthless: 0.014 - 0.007 + 0.0065 - 3 * 0.0003."""
    chain = only(scene({HELD: (0.0065, 0.007), NEXT: (0.0065, 0.008)}, max_debit=0.001))
    first, second = chain.legs
    assert (first.trigger, first.close_time, first.close_price, first.close_fee) == (
        "take_profit",
        LATER,
        0.007,
        0.0003,
    )
    assert (second.symbol, second.open_time, second.open_price) == ("BTC-19DEC25-108000-C", LATER, 0.0065)
    assert (second.trigger, second.close_time) == ("expiry", at(19, 8))
    assert (chain.num_rolls, chain.close_reason) == (1, CloseReason.EXPIRED)
    assert chain.net_pnl == pytest.approx(0.0126, abs=1e-9)
    assert chain.net_pnl_usd == pytest.approx(1_260.0, abs=1e-9)
    assert chain.premium == pytest.approx(0.0205, abs=1e-12)


def test_a_profit_just_short_of_the_mark_is_not_taken() -> None:
    """At an ask of 0.0075 the profit is 46 %."""
    chain = only(scene({HELD: (0.0065, 0.0075), NEXT: (0.009, 0.01)}))
    assert [leg.trigger for leg in chain.legs] == ["expiry"]


@pytest.mark.parametrize("limits", [{}, {"max_rolls": 0}])
def test_a_taken_profit_without_a_roll_closes_the_chain(limits: dict[str, Any]) -> None:
    """Without another candidate, or with no rolls left: 0.014 - 0.007 - 2 * 0.0003."""
    quotes = {HELD: (0.0065, 0.007)} | ({NEXT: (0.02, 0.021)} if limits else {})
    chain = only(scene(quotes, **limits))
    assert (chain.close_reason, chain.close_time, chain.num_rolls) == (CloseReason.BOUGHT_BACK, LATER, 0)
    assert chain.net_pnl == pytest.approx(0.0064, abs=1e-9)


def test_a_defended_leg_is_rolled_within_the_maximum_debit() -> None:
    """At 103,000, 0.98095 of the strike: bought at 0.025, sold at 0.0245, a debit of 0.0005; each line in USD at its
    own index: 0.0137 * 100,000 - (0.0253 - 0.0242) * 103,000."""
    chain = only(scene({HELD: (0.024, 0.025), NEXT: (0.0245, 0.026)}, 103_000.0, max_debit=0.0005))
    assert [leg.trigger for leg in chain.legs] == ["defend", "expiry"]
    assert chain.legs[0].close_index_price == chain.legs[1].open_index_price == 103_000.0
    assert chain.net_pnl == pytest.approx(0.014 - 0.025 + 0.0245 - 0.0009, abs=1e-9)
    assert chain.net_pnl_usd == pytest.approx(1_256.7, abs=1e-9)


def test_a_defended_leg_is_held_where_every_roll_costs_more() -> None:
    """A debit of 0.0005 with a maximum of 0.0004: it stays to its expiry, at 103,000 worthless."""
    chain = only(scene({HELD: (0.024, 0.025), NEXT: (0.0245, 0.026)}, 103_000.0, max_debit=0.0004))
    assert [leg.trigger for leg in chain.legs] == ["expiry"]
    assert chain.net_pnl == pytest.approx(0.0137, abs=1e-9)


def test_below_the_defence_nothing_is_rolled() -> None:
    """At 102,800, 0.97905 of the strike, the rule does not apply."""
    chain = only(scene({HELD: (0.024, 0.025), NEXT: (0.03, 0.031)}, 102_800.0))
    assert chain.num_rolls == 0


def test_a_stop_is_reached_at_its_very_multiple() -> None:
    """Sold at 0.0002 and offered at 0.0006: three times, though the quotient of these doubles is a little less."""
    closes = np.full(20 * 24, 100_000.0)
    quotes = {ENTRY: {HELD: (0.0002, 0.0003)}, LATER: {HELD: (0.0005, 0.0006)}}
    data = MarketData(bars(closes, START), chains=chains(quotes))
    spec = resolved(data, exit_style=ExitStyle.TP_AND_ROLL, selection=SELECTION, exits={"stop": 3.0}, end_time=at(20))
    leg = only(run(spec, data)).legs[0]
    assert (leg.trigger, leg.close_price) == ("stop", 0.0006)


def test_a_stop_closes_and_comes_before_defence() -> None:
    """An ask of 0.028 is twice the entry: bought back although a roll would pay: 0.014 - 0.028 - 0.0006."""
    chain = only(scene({HELD: (0.027, 0.028), NEXT: (0.04, 0.041)}, 104_000.0, stop=2.0))
    assert chain.legs[0].trigger == "stop"
    assert (chain.close_reason, chain.num_rolls) == (CloseReason.BOUGHT_BACK, 0)
    assert chain.net_pnl == pytest.approx(-0.0146, abs=1e-9)


def test_few_days_left_roll_and_without_a_candidate_hold() -> None:
    """At 09:00 two days before its expiry less an hour the leg is rolled; if nothing else is quoted it is held."""
    when = at(10, 9)
    rolled = only(scene({HELD: (0.008, 0.0085), NEXT: (0.012, 0.013)}, when=when, min_dte_days=2.0))
    assert [(leg.trigger, leg.close_time) for leg in rolled.legs] == [("min_dte", when), ("expiry", at(19, 8))]
    held = only(scene({HELD: (0.008, 0.0085)}, when=when, min_dte_days=2.0))
    assert [leg.trigger for leg in held.legs] == ["expiry"]
    early = only(scene({HELD: (0.008, 0.0085), NEXT: (0.012, 0.013)}, when=at(10, 8), min_dte_days=2.0))
    assert [leg.trigger for leg in early.legs] == ["expiry"]


def test_without_an_offer_a_leg_is_held() -> None:
    """Nobody offers it, so no profit can be taken, whatever its mark says."""
    chain = only(scene({HELD: (0.001, NONE, 0.002)}))
    assert [leg.trigger for leg in chain.legs] == ["expiry"]


def test_without_an_offer_it_may_be_bought_at_the_mark_plus_a_penalty() -> None:
    """A mark of 0.002 plus a tenth is 0.0022, on the grid, and said to be no offer; its fee is an eighth of it."""
    fills = {"missing_offer": MissingOffer.MARK_PLUS_PENALTY, "penalty": 0.1}
    chain = only(scene({HELD: (0.001, NONE, 0.002)}, fills=fills))
    (leg,) = chain.legs
    assert (leg.close_price, leg.without_offer, leg.trigger) == (0.0022, True, "take_profit")
    assert leg.close_fee == pytest.approx(0.000275, abs=1e-12)
    assert chain.net_pnl == pytest.approx(0.014 - 0.0003 - 0.0022 - 0.000275, abs=1e-9)


def test_the_best_of_several_candidates_is_taken() -> None:
    """(0.0065 - 0.0003) a day counts more than (0.006 - 0.0003) at nearly the same delta; without a bid none counts."""
    chain = only(scene({HELD: (0.0055, 0.006), NEXT: (NONE, 0.008), FURTHER: (0.0062, 0.007)}))
    assert chain.legs[1].symbol == "BTC-19DEC25-110000-C"


def test_rolls_end_at_their_maximum() -> None:
    """With one roll allowed the second profit closes the chain."""
    closes = np.full(20 * 24, 100_000.0)
    market = {
        ENTRY: {HELD: (0.014, 0.015)},
        LATER: {HELD: (0.0065, 0.007), NEXT: (0.0105, 0.011)},
        at(8, 12): {NEXT: (0.0045, 0.005), FURTHER: (0.006, 0.0065)},
    }
    data = MarketData(bars(closes, START), chains=chains(market))
    spec = resolved(data, exit_style=ExitStyle.TP_AND_ROLL, selection=SELECTION, exits={"max_rolls": 1})
    chain = only(run(spec, data))
    assert [leg.trigger for leg in chain.legs] == ["take_profit", "take_profit"]
    assert (chain.num_rolls, chain.close_reason, chain.close_time) == (1, CloseReason.BOUGHT_BACK, at(8, 12))


def test_a_roll_that_no_longer_fits_its_limit_fills_neither_leg() -> None:
    """Judged at 12:00; in the hours without bars that follow the snapshot grows old, and nothing is known at the next
    open: the leg is held whole."""
    closes = np.full(20 * 24, 100_000.0)
    market = {ENTRY: {HELD: (0.014, 0.015)}, LATER: {HELD: (0.0065, 0.007), NEXT: (0.0105, 0.011)}}
    missing = [LATER + hour * HOUR for hour in range(3)]
    data = MarketData(bars(closes, START, without=missing), chains=chains(market))
    chain = only(run(resolved(data, exit_style=ExitStyle.TP_AND_ROLL, selection=SELECTION), data))
    assert [leg.trigger for leg in chain.legs] == ["expiry"]


def test_a_linear_put_is_defended_by_the_fraction_of_its_index() -> None:
    """At 96,500 K/S is 0.98446: bought at 2,400, sold at 2,350; the debit of 50 is 0.00052 of the index."""
    held, following = (at(12, 8), 95_000.0), (at(19, 8), 92_000.0)
    closes = np.full(20 * 24, 100_000.0)
    closes[(LATER - START) // HOUR - 1 :] = 96_500.0
    quotes = {ENTRY: {held: (1_400.0, 1_450.0)}, LATER: {held: (2_350.0, 2_400.0), following: (2_350.0, 2_450.0)}}
    data = MarketData(bars(closes, START), chains=chains(quotes, calls=False))
    for max_debit, rolls in ((0.00053, 1), (0.00051, 0)):
        spec = resolved(
            data,
            StrategyKind.CASH_SECURED_PUT,
            ContractStyle.LINEAR,
            ExitStyle.TP_AND_ROLL,
            selection=SELECTION,
            exits={"max_debit": max_debit},
        )
        chain = only(run(spec, data))
        assert chain.num_rolls == rolls
        if rolls:
            # 1,400 - 2,400 + 2,350, fees of 5 bp of 100,000 once and of 96,500 twice
            assert chain.net_pnl == pytest.approx(1_350 - 50 - 2 * 48.25, abs=1e-9)
            assert chain.net_pnl_usd == pytest.approx(chain.net_pnl, abs=1e-9)


def test_the_middle_is_rounded_away_from_us() -> None:
    """The scenario of mid fills: 0.01425 sells at 0.014, and 0.00675 buys at 0.007."""
    closes = np.full(13 * 24, 100_000.0)
    quotes = {ENTRY: {HELD: (0.0135, 0.015)}, LATER: {HELD: (0.0065, 0.007)}}
    data = MarketData(bars(closes, START), chains=chains(quotes))
    spec = resolved(data, exit_style=ExitStyle.TP_AND_ROLL, selection=SELECTION, fills={"price": FillPrice.MID})
    (leg,) = only(run(spec, data)).legs
    assert (leg.open_price, leg.close_price) == (0.014, 0.007)


def test_a_bid_that_does_not_pay_its_fee_is_no_bid() -> None:
    """A premium has to exceed its own fee; an eighth of it always leaves something, so this takes a bid of nothing."""
    closes = np.full(4 * 24, 100_000.0)
    data = MarketData(bars(closes, START), chains=chains({ENTRY: {HELD: (0.0, 0.0001)}}))
    rows = run(resolved(data, selection=SELECTION), data)
    assert rows.chains == ()
    assert rows.steps.outcome.tolist() == [5, 4, 5, 5]
    assert rows.steps.candidates.tolist() == [0, 1, 0, 0]
