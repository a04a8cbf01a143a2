"""Chains that are held to their expiry, each figure by hand.

BTC stands at 100,000. On Tuesday 2 December 2025 at 09:00 the one candidate is sold, 9 days and 23 hours before Friday
the 12th, 08:00, at a volatility of 0.5 without smile. By a second implementation of Black-76 the call 105,000 is worth
1,448.3257 USD and 0.75 volatility points of it 42.4969, the put 95,000 1,311.2212 and 39.6870. So the bids are
0.01405829 and 0.01271534 BTC or 1,405.83 and 1,271.53 USDC, on the grid 0.014, 0.0125, 1,405 and 1,270.
"""

import numpy as np
import pytest

from rollbook_server.domain.backtest.market import Bars, MarketData
from rollbook_server.domain.backtest.rows import BacktestChain, Rows, StepOutcome
from rollbook_server.domain.chains import CloseReason
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_runs import HOUR, at, bars, resolved, run

CALL, PUT = StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT
INVERSE, LINEAR = ContractStyle.INVERSE, ContractStyle.LINEAR
START, ENTRY, EXPIRY = at(1), at(2, 9), at(12, 8)
DELTAS = {CALL: {"min_delta": 0.28, "max_delta": 0.30}, PUT: {"min_delta": 0.25, "max_delta": 0.26}}
SELECTION = {"min_dte_days": 8.0, "max_dte_days": 10.0}


def market(before: float, last: float, high: float, low: float) -> Bars:
    """100,000 until the bar of 06:00 on the day of expiry closes at `before`, and the one of 07:00 at `last`."""
    closes = np.full(13 * 24, 100_000.0)
    place = (EXPIRY - HOUR - START) // HOUR
    closes[place - 1] = before
    closes[place:] = last
    return bars(closes, START, spikes={EXPIRY - HOUR: (high, low)})


def result(strategy: StrategyKind, style: ContractStyle, of: Bars) -> tuple[BacktestChain, Rows]:
    data = MarketData(of)
    flat = {"smile_slope": 0.0, "smile_curvature": 0.0}
    spec = resolved(data, strategy, style, level=0.5, selection=SELECTION | DELTAS[strategy], volatility=flat)
    rows = run(spec, data)
    (chain,) = rows.chains
    return chain, rows


@pytest.mark.parametrize(
    ("strategy", "style", "price", "net", "net_usd"),
    [
        (CALL, INVERSE, 0.014, 0.0137, 1_370.0),
        (CALL, LINEAR, 1_405.0, 1_355.0, 1_355.0),
        (PUT, INVERSE, 0.0125, 0.0122, 1_220.0),
        (PUT, LINEAR, 1_270.0, 1_220.0, 1_220.0),
    ],
)
def test_a_worthless_option_keeps_its_premium_less_one_fee(
    strategy: StrategyKind, style: ContractStyle, price: float, net: float, net_usd: float
) -> None:
    """At the strike to the cent it is EXPIRED: premium less 0.0003 BTC or 5 bp of the index, and no delivery fee."""
    strike = 105_000.0 if strategy is CALL else 95_000.0
    chain, rows = result(strategy, style, market(strike, strike, strike, strike))
    (leg,) = chain.legs
    assert (chain.open_time, chain.close_time, chain.close_reason) == (ENTRY, EXPIRY, CloseReason.EXPIRED)
    assert (leg.open_price, leg.open_index_price, leg.trigger, leg.delivery_is_proxy) == (
        price,
        100_000,
        "expiry",
        True,
    )
    assert (leg.close_price, leg.close_fee, leg.close_index_price) == (0, 0, strike)
    assert chain.net_pnl == pytest.approx(net, abs=1e-9)
    assert chain.net_pnl_usd == pytest.approx(net_usd, abs=1e-9)
    assert rows.equity.open_chains.sum() == (EXPIRY - ENTRY) // HOUR - 1


@pytest.mark.parametrize(
    ("style", "payoff", "fees", "net", "net_usd"),
    [
        # 2,625 / 107,625 = 0.0243902439; USD: 0.0137 * 100,000 - 0.02454024 * 107,625
        (INVERSE, 0.02439024, 0.00045, -0.01084024, -1_271.14333),
        # 1.5 bp of 107,625 is 16.14375
        (LINEAR, 2_625.0, 66.14375, -1_286.14375, -1_286.14375),
    ],
)
def test_a_call_in_the_money_is_settled(
    style: ContractStyle, payoff: float, fees: float, net: float, net_usd: float
) -> None:
    """Delivered at (109,000 + 105,500 + 2 * 108,000) / 4 = 107,625, with the delivery fee of a Friday."""
    chain, rows = result(CALL, style, market(106_000, 108_000, 109_000, 105_500))
    (leg,) = chain.legs
    assert leg.symbol == ("BTC-12DEC25-105000-C" if style is INVERSE else "BTC_USDC-12DEC25-105000-C")
    assert chain.close_reason is CloseReason.SETTLED
    assert leg.close_index_price == 107_625.0
    assert leg.close_price == pytest.approx(payoff, abs=1e-9)
    assert chain.fees == pytest.approx(fees, abs=1e-9)
    assert chain.net_pnl == pytest.approx(net, abs=1e-9)
    assert chain.net_pnl_usd == pytest.approx(net_usd, abs=1e-9)
    settled = rows.equity.time == EXPIRY
    coin = 1 + net if style is INVERSE else 1 + net / 108_000
    assert rows.equity.equity_coin[settled] == pytest.approx(coin, abs=1e-9)
    assert rows.equity.hodl_coin[settled] == 1.0


@pytest.mark.parametrize(
    ("style", "payoff", "fees", "net", "net_usd"),
    [
        # 4,750 / 90,250 = 0.0526315789; USD: 0.0122 * 100,000 - 0.05278158 * 90,250
        (INVERSE, 0.05263158, 0.00045, -0.04058158, -3_543.537595),
        (LINEAR, 4_750.0, 63.5375, -3_543.5375, -3_543.5375),
    ],
)
def test_a_put_in_the_money_is_settled(
    style: ContractStyle, payoff: float, fees: float, net: float, net_usd: float
) -> None:
    """Delivered at (91,500 + 89,500 + 2 * 90,000) / 4 = 90,250; the cash behind it is the first index."""
    chain, rows = result(PUT, style, market(91_000, 90_000, 91_500, 89_500))
    (leg,) = chain.legs
    assert leg.close_index_price == 90_250.0
    assert leg.close_price == pytest.approx(payoff, abs=1e-9)
    assert chain.fees == pytest.approx(fees, abs=1e-9)
    assert chain.net_pnl == pytest.approx(net, abs=1e-9)
    assert chain.net_pnl_usd == pytest.approx(net_usd, abs=1e-9)
    settled = rows.equity.time == EXPIRY
    value = 100_000 + (net * 90_000 if style is INVERSE else net)
    assert rows.equity.equity_usd[settled] == pytest.approx(value, abs=1e-6)
    assert rows.equity.hodl_usd[settled] == 100_000.0
    assert rows.equity.hodl_coin[settled] == pytest.approx(100_000 / 90_000, abs=1e-12)


@pytest.mark.parametrize(
    ("strategy", "style", "bound"),
    [(CALL, INVERSE, 1.0), (CALL, LINEAR, 100_000.0), (PUT, LINEAR, 95_000.0), (PUT, INVERSE, 0.95)],
)
def test_collateral_is_bound_from_the_fill_to_the_expiry(
    strategy: StrategyKind, style: ContractStyle, bound: float
) -> None:
    """Coin, index, strike, or strike over index, for 9 days and 23 hours; and the account shows it meanwhile."""
    chain, rows = result(strategy, style, market(100_000, 100_000, 100_000, 100_000))
    assert chain.collateral_days == pytest.approx(bound * (9 + 23 / 24), rel=1e-12)
    assert set(rows.equity.collateral.tolist()) == {0.0, bound}


def test_open_options_are_marked_at_their_ask() -> None:
    """An hour later the call is worth 1,443.8474 and 0.75 points 42.4081: an ask of 0.014863 is 0.015 on the grid."""
    chain, rows = result(CALL, INVERSE, market(100_000, 100_000, 100_000, 100_000))
    assert chain.legs[0].open_delta == pytest.approx(0.29134084, abs=1e-8)
    marked = rows.equity.time == ENTRY + HOUR
    assert rows.equity.equity_coin[marked] == pytest.approx(1 + 0.0137 - 0.015, abs=1e-12)
    assert rows.equity.equity_usd[marked] == pytest.approx(99_870.0, abs=1e-9)


def test_every_decision_says_what_came_of_it() -> None:
    """No contract fits on the first day, one is traded on the second, and while it is open nothing else is."""
    _, rows = result(CALL, INVERSE, market(100_000, 100_000, 100_000, 100_000))
    names = [list(StepOutcome)[code] for code in rows.steps.outcome]
    assert names[:2] == [StepOutcome.NO_CANDIDATES, StepOutcome.TRADED]
    assert set(names[2:11]) == {StepOutcome.MAX_OPEN_CHAINS}
    assert set(names[11:]) == {StepOutcome.NO_CANDIDATES}
    assert rows.steps.chain_number.tolist() == [0, 1] + [0] * 11
    assert (rows.steps.candidates[1], rows.steps.best_strike[1], rows.steps.best_expiry[1]) == (1, 105_000, EXPIRY)
    # (0.014 - 0.0003) * 365 / (1 * 9.958333) * (1 - 0.2913408395 / 0.3)
    assert rows.steps.best_score[1] == pytest.approx(0.014493768, rel=1e-7)
    assert np.isnan(rows.steps.best_score[0])


def test_what_is_open_when_the_data_ends_is_marked_and_said_to_be_open() -> None:
    """As if bought at the ask, without a fee, and not closed."""
    whole = market(100_000, 100_000, 100_000, 100_000)
    cut = bars(whole.close[: (ENTRY + HOUR - START) // HOUR], START)
    chain, _ = result(CALL, INVERSE, cut)
    (leg,) = chain.legs
    assert (chain.open_at_end, chain.close_time, chain.close_reason) == (True, None, None)
    assert (leg.close_time, leg.trigger, leg.close_price, leg.close_index_price) == (None, "data_end", 0.015, 100_000)
    assert chain.net_pnl == pytest.approx(0.014 - 0.0003 - 0.015, abs=1e-12)
    assert chain.fees == 0.0003
    assert chain.collateral_days == pytest.approx(1 / 24)
