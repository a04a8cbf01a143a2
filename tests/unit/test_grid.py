"""What is listed, how it is named, on which prices it trades, what it costs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollbook_server.domain.backtest.costs import (
    ceil_tick,
    collateral,
    fees_of,
    floor_tick,
    half_spread,
    settlement,
    trade_fee,
)
from rollbook_server.domain.backtest.grid import (
    COINS,
    central_strike,
    day_of,
    listed_days,
    next_strike,
    strike_steps,
)
from rollbook_server.domain.backtest.smile import volatility_of
from rollbook_server.domain.backtest.world import Rules
from rollbook_server.domain.clock import DAY, micros
from rollbook_server.domain.instruments import ContractStyle, deribit_symbol, parse_deribit
from tests.support.lab_runs import at

RULES = Rules(
    coin=COINS.index("BTC"), is_call=True, inverse=True, recorded=False, at_mid=False, ticks=True, min_life=1,
    max_life=DAY, min_delta=0.0, target_delta=0.2, max_delta=1.0, nearest_delta=False, min_score=0.0, rolls=False,
    take_profit=0.5, defend=1.0, stop=2.0, least_life=0, max_rolls=0, max_debit=0.0, slope=0.0, curvature=0.0,
    basis=0.0, half_spread=0.75, short_half_spread=1.5, penalised=False, penalty=0.0, quantity=1.0,
    capital_coins=1.0, capital_usd=0.0,
)  # fmt: skip


def rules(coin: str = "BTC", **changed: Any) -> Rules:
    return RULES._replace(coin=COINS.index(coin), **changed)


def test_expiries_are_dailies_fridays_and_last_fridays() -> None:
    """Each day from 4 days before, Fridays from 4 weeks, last Fridays of a month from 3 months, of a quarter from a
    year before."""
    first = datetime(2025, 12, 1, tzinfo=UTC)
    listed = listed_days(day_of(micros(first)), 130)

    def of(month: int, day: int, year: int = 2025) -> int:
        return int(listed[(datetime(year, month, day, tzinfo=UTC) - first) // timedelta(days=1)])

    assert [of(12, day) for day in (3, 5, 12, 19, 20)] == [4, 28, 28, 28, 4]
    assert of(12, 26) == 366
    assert of(1, 23, 2026) == 28
    assert of(1, 30, 2026) == of(2, 27, 2026) == 92
    assert of(3, 27, 2026) == 366


def strikes_up(coin: str, spot: float, days: float, count: int) -> list[float]:
    steps = strike_steps(COINS.index(coin), spot, days)
    found = [central_strike(spot, steps)]
    while len(found) < count:
        found.append(next_strike(spot, found[-1], steps, True))
    return found


def test_strikes_are_those_that_were_listed() -> None:
    """BTC at 92,500 nine days ahead: thousands near the money, then two, then five; ETH at 3,365: 25, 50 and 100 by
    tenor, twice as wide in the wings."""
    btc = strikes_up("BTC", 92_500.0, 9.0, 14)
    assert btc[:8] == [93_000, 94_000, 95_000, 96_000, 97_000, 98_000, 99_000, 100_000]
    assert btc[8:] == [102_000, 104_000, 105_000, 110_000, 115_000, 120_000]
    assert strikes_up("ETH", 3_365.0, 2.0, 3) == [3_375, 3_400, 3_425]
    assert strikes_up("ETH", 3_365.0, 9.0, 3) == [3_350, 3_400, 3_450]
    assert strikes_up("ETH", 3_365.0, 25.0, 4) == [3_400, 3_500, 3_600, 3_700]
    assert strikes_up("ETH", 3_365.0, 25.0, 5)[-1] == 3_800


def test_strikes_scale_with_the_spot() -> None:
    """At a third of the price BTC's steps are 500, at a seventh 200."""
    assert strikes_up("BTC", 31_000.0, 9.0, 3) == [31_000, 31_500, 32_000]
    assert strikes_up("BTC", 16_500.0, 9.0, 3) == [16_600, 16_800, 17_000]


def test_the_way_down_visits_listed_strikes_and_ends() -> None:
    """Downwards the same grid, and no strike of 0 or less."""
    steps = strike_steps(0, 92_500.0, 9.0)
    strike, seen = 93_000.0, []
    while strike > 0:
        seen.append(strike)
        strike = next_strike(92_500.0, strike, steps, False)
    assert seen[:3] == [93_000, 92_000, 91_000]
    assert seen[-2:] == [10_000, 5_000]


@pytest.mark.parametrize(
    ("underlying", "style", "strike", "is_call", "name"),
    [
        ("BTC", ContractStyle.INVERSE, 100_000.0, True, "BTC-5DEC25-100000-C"),
        ("ETH", ContractStyle.INVERSE, 3_025.0, False, "ETH-5DEC25-3025-P"),
        ("BTC", ContractStyle.LINEAR, 92_500.0, True, "BTC_USDC-5DEC25-92500-C"),
        ("ETH", ContractStyle.LINEAR, 312.5, False, "ETH_USDC-5DEC25-312d5-P"),
    ],
)
def test_names_are_the_venues(underlying: str, style: ContractStyle, strike: float, is_call: bool, name: str) -> None:
    """A contract's name is one that the ledger reads as the same contract."""
    made = deribit_symbol(underlying, style, at(5, 8), strike, is_call)
    read = parse_deribit(made)
    assert made == name
    assert read is not None
    assert (read.expiry_time, float(read.strike), read.style) == (at(5, 8), strike, style)


@pytest.mark.parametrize(
    ("given", "down", "up"),
    [
        (0.00123, "0.0012", "0.0013"),
        (0.0012, "0.0012", "0.0012"),
        (0.005, "0.005", "0.005"),
        (0.00501, "0.005", "0.0055"),
        (0.0123, "0.012", "0.0125"),
        (0.3 - 0.2, "0.1", "0.1"),
        (0.0, "0.0", "0.0001"),
        (0.00004, "0.0", "0.0001"),
    ],
)
def test_coin_prices_lie_on_the_grid(given: float, down: str, up: str) -> None:
    """0.0001 up to 0.005, 0.0005 above, spelled without noise; nothing is bought for less than a tick."""
    assert repr(floor_tick(RULES, given)) == down
    assert repr(ceil_tick(RULES, given)) == up


def test_linear_prices_lie_on_the_grid() -> None:
    """5 USDC for BTC, 0.2 for ETH; without ticks the price stays as it is."""
    btc, eth = rules(inverse=False), rules("ETH", inverse=False)
    assert (floor_tick(btc, 1_233.0), ceil_tick(btc, 1_233.0)) == (1_230.0, 1_235.0)
    assert (repr(floor_tick(eth, 33.5)), repr(ceil_tick(eth, 33.5))) == ("33.4", "33.6")
    assert floor_tick(rules(ticks=False), 0.00123) == 0.00123


def test_spreads_widen_below_five_days() -> None:
    """0.75 points from five days on, 1.5 below, as the rules say."""
    assert half_spread(RULES, 5 * DAY) == 0.75
    assert half_spread(RULES, 5 * DAY - 1) == 1.5


@pytest.mark.parametrize(
    ("style", "time", "price", "fee"),
    [
        (ContractStyle.INVERSE, at(1), 0.0105, 0.0003),
        (ContractStyle.INVERSE, at(1), 0.002, 0.00025),
        (ContractStyle.LINEAR, at(1), 1_000.0, 45.0),
        (ContractStyle.LINEAR, at(1), 100.0, 12.5),
        (ContractStyle.LINEAR, at(31, 23, 59, month=7, year=2026), 1_000.0, 45.0),
        (ContractStyle.LINEAR, at(1, month=8, year=2026), 1_000.0, 27.0),
    ],
)
def test_trade_fees_are_a_takers_of_the_day(style: ContractStyle, time: int, price: float, fee: float) -> None:
    """3 bp of the coin, or 5 bp of an index of 90,000 (3 bp from August 2026), at most an eighth of the premium."""
    given = rules(inverse=style is ContractStyle.INVERSE)
    assert trade_fee(given, fees_of(style, True), time, price, 90_000.0) == pytest.approx(fee, abs=1e-12)
    assert trade_fee(given, fees_of(style, False), time, price, 90_000.0) == 0.0


@pytest.mark.parametrize(
    ("changed", "expiry", "delivery_price", "owed", "fee"),
    [
        ({}, at(5, 8), 101_000.0, 0.00990099, 0.00015),
        ({"quantity": 0.1}, at(5, 8), 100_050.0, 0.00004998, 0.00000625),
        ({}, at(4, 8), 101_000.0, 0.00990099, 0.0),
        ({}, at(5, 8), 100_000.0, 0.0, 0.0),
        ({"is_call": False}, at(5, 8), 99_000.0, 0.01010101, 0.00015),
        ({"inverse": False}, at(5, 8), 101_000.0, 1_000.0, 15.15),
        ({"inverse": False, "is_call": False}, at(5, 8), 99_950.0, 50.0, 6.25),
    ],
)
def test_settlement_pays_and_charges_as_the_ledger_does(
    changed: dict[str, Any], expiry: int, delivery_price: float, owed: float, fee: float
) -> None:
    """Strike 100,000, by hand: payoff to 8 places of a coin or 6 of USDC, 1.5 bp and at most an eighth of the payoff on
    Fridays, nothing for dailies and worthless ones."""
    given = rules(**changed)
    style = ContractStyle.INVERSE if given.inverse else ContractStyle.LINEAR
    assert settlement(given, fees_of(style, True), expiry, 100_000.0, delivery_price) == pytest.approx(
        (owed, fee), abs=1e-12
    )


def test_collateral_per_coin() -> None:
    """A coin, its index, the strike, or the strike in coins."""
    assert collateral(rules(), 90_000.0, 100_000.0) == 1.0
    assert collateral(rules(inverse=False), 90_000.0, 100_000.0) == 100_000.0
    assert collateral(rules(inverse=False, is_call=False), 90_000.0, 100_000.0) == 90_000.0
    assert collateral(rules(is_call=False), 90_000.0, 100_000.0) == 0.9


def test_the_smile_is_a_parabola_within_two_and_a_half_deviations() -> None:
    """At the money the level; one deviation out by slope and curvature; further than 2.5 as at 2.5."""
    level, years = 0.5, 0.25  # a deviation is a quarter
    assert volatility_of(level, -0.075, 0.053, 100.0, 100.0, years) == level
    e = 2.718281828459045
    assert volatility_of(level, -0.075, 0.053, 100.0, 100.0 * e**0.25, years) == pytest.approx(0.5 * 0.978)
    assert volatility_of(level, -0.075, 0.053, 100.0, 100.0 * e**-0.25, years) == pytest.approx(0.5 * 1.128)
    far = volatility_of(level, -0.075, 0.053, 100.0, 100.0 * e**3, years)
    assert far == pytest.approx(0.5 * (1 - 0.075 * 2.5 + 0.053 * 6.25))
