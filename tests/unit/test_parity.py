"""Parity: the difference between a chain and the engine's, each part by hand on quotes that are spelled out.

On Tuesday 2 December 2025 at 09:00 the call 105,000 of the 12th is bid 0.014. Two days later at 12:00 it is offered at
0.007, half of it: the engine takes its profit. The index stands at 100,000; a trade costs 0.0003 a coin.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.outcomes import ParityFlag
from rollbook_server.domain.backtest.parity import ChainParity, ParityParts
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle, FillPrice, MissingOffer
from rollbook_server.domain.chains import CloseReason, LineKind
from rollbook_server.domain.errors import FailedPrecondition, Reason
from rollbook_server.domain.executions import Side, StrategyKind
from rollbook_server.domain.history import ChainFill, History, Moment
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_parity import bought, history, parity_of, sold, traded, values
from tests.support.lab_replay import history_of
from tests.support.lab_runs import HOUR, Contract, at, bars, chains, random_bars, resolved, run

START, ENTRY, LATER = at(1), at(2, 9), at(4, 12)
CALL, NEXT_CALL, FURTHER_CALL = "BTC-12DEC25-105000-C", "BTC-19DEC25-108000-C", "BTC-19DEC25-110000-C"
USDT_CALL = "BTC_USDT-12DEC25-105000-C"
PUT = "BTC-12DEC25-90000-P"
HELD: Contract = (at(12, 8), 105_000.0)
NEXT: Contract = (at(19, 8), 108_000.0)
FURTHER: Contract = (at(19, 8), 110_000.0)
SELECTION = {"min_dte_days": 1.0, "max_dte_days": 20.0, "min_delta": 0.02, "target_delta": 0.25, "max_delta": 0.6}
SOLD = sold(CALL, "0.014", ENTRY)
BOUGHT = bought(CALL, "0.007", LATER)
QUOTES: Mapping[int, Mapping[Contract, tuple[float, ...]]] = {
    ENTRY: {HELD: (0.014, 0.015)},
    LATER: {HELD: (0.0065, 0.007)},
}


def market(quotes: Mapping[int, Mapping[Contract, tuple[float, ...]]] = QUOTES, **more: Any) -> MarketData:
    return MarketData(bars(np.full(20 * 24, 100_000.0), START, **more), chains=chains(quotes))


def spec_of(data: MarketData, exit_style: ExitStyle = ExitStyle.TP_AND_ROLL, **exits: Any) -> BacktestSpec:
    """Without rolls unless said."""
    if exit_style is ExitStyle.TP_AND_ROLL:
        exits = {"max_rolls": 0, **exits}
    return resolved(data, exit_style=exit_style, selection=SELECTION, exits=exits)


def compare(*fills: ChainFill, data: MarketData | None = None, **more: Any) -> ChainParity:
    data = data or market()
    return parity_of(spec_of(data), data, history(*fills, **more))


def only(part: str, value: float) -> Any:
    return pytest.approx({"difference": value, part: value}, rel=1e-9)


# One part at a time


def test_the_engines_own_chain_has_parity() -> None:
    """Sold and bought as the engine does it: no part is anything but 0, in coin and in USD, in any row."""
    same = compare(SOLD, BOUGHT)
    assert not values(same.parts)
    assert not values(same.parts_usd)
    assert not any(values(row.parts) or values(row.parts_usd) for row in same.rows)
    assert same.net_pnl == 0.0064
    assert same.lab.net_pnl == pytest.approx(0.0064)
    assert (same.lab_choice, same.flags) == (CALL, ())


def test_a_better_price_is_price() -> None:
    """Sold at 0.0145 where the lab's bid is 0.014: 0.0005 coins, 50 USD, in the row of the sale."""
    other = compare(sold(CALL, "0.0145", ENTRY), BOUGHT)
    assert values(other.parts) == only("price", 0.0005)
    assert values(other.parts_usd) == only("price", 50.0)
    assert [values(row.parts) for row in other.rows] == [only("price", 0.0005), {}]


def test_a_lower_fee_is_fee() -> None:
    """0.0001 charged for the purchase where the table says 0.0003: 0.0002 coins, 20 USD. A rebate of as much: 40."""
    other = compare(SOLD, bought(CALL, "0.007", LATER, fee="0.0001"))
    assert values(other.parts) == only("fee", 0.0002)
    assert values(other.parts_usd) == only("fee", 20.0)
    assert values(compare(SOLD, bought(CALL, "0.007", LATER, fee="-0.0001")).parts_usd) == only("fee", 40.0)


def test_another_time_is_timing() -> None:
    """Bought at 11:40, at 0.0068 as it was offered then with the index at 100,200; the engine can buy at 12:00 only, at
    0.007. In coin 0.0002; in USD 0.0073 * 100,000 - 0.0071 * 100,200 = 18.58."""
    data = market({**QUOTES, at(4, 11, 30): {HELD: (0.0066, 0.0068)}})
    other = compare(SOLD, bought(CALL, "0.0068", at(4, 11, 40), index="100200"), data=data)
    assert values(other.parts) == only("timing", 0.0002)
    assert values(other.parts_usd) == only("timing", 18.58)
    moved = other.rows[1].moved
    assert moved is not None
    assert (moved.time, moved.price) == (LATER, 0.007)


def test_another_decision_is_rule() -> None:
    """Held to its end, worthless, where the lab takes its profit: 0.007 and a fee of 0.0003 are not paid."""
    other = compare(SOLD, delivered={CALL: "100000"})
    assert values(other.parts) == only("rule", 0.0073)
    assert values(other.parts_usd) == only("rule", 730.0)
    ended = other.rows[1]
    assert ended.chain is not None
    assert ended.lab is not None
    assert (ended.chain.kind, ended.lab.kind, ended.lab.trigger) == (
        LineKind.SETTLEMENT,
        LineKind.CLOSING,
        "take_profit",
    )
    assert other.flags == (ParityFlag.PROXY_DELIVERY,)


def test_all_parts_at_once() -> None:
    """Sold for 0.0145 and a fee of 0.0001; bought at 12:20 for 0.006 where the lab asks 0.0065 then and 0.008 at 13:00,
    and would itself have bought at 12:00 for 0.007: price 0.0005 + 0.0005, fee 0.0002, timing 0.0015, rule -0.001."""
    data = market({**QUOTES, at(4, 12, 10): {HELD: (0.006, 0.0065)}, at(4, 13): {HELD: (0.007, 0.008)}})
    other = compare(sold(CALL, "0.0145", ENTRY, fee="0.0001"), bought(CALL, "0.006", at(4, 12, 20)), data=data)
    assert values(other.parts) == pytest.approx(
        {"difference": 0.0017, "price": 0.001, "fee": 0.0002, "timing": 0.0015, "rule": -0.001}, rel=1e-9
    )
    assert other.net_pnl - other.lab.net_pnl == pytest.approx(0.0017, rel=1e-9)


# Times


@pytest.mark.parametrize(("minute", "bar"), [(0, at(4, 12)), (5, at(4, 12)), (6, at(4, 13)), (59, at(4, 13))], ids=str)
def test_a_bot_on_the_hour_is_on_the_bar(minute: int, bar: int) -> None:
    """What is filled up to five minutes after the hour was decided on the hour; later ones wait for the next bar."""
    quotes = {at(4, 12, when): {HELD: (0.0065, 0.007)} for when in (0, 30)} | {at(4, 13): {HELD: (0.0065, 0.007)}}
    other = compare(SOLD, bought(CALL, "0.007", at(4, 12, minute)), data=market({**QUOTES, **quotes}))
    moved = other.rows[1].moved
    assert moved is not None
    assert moved.time == bar
    assert not values(other.parts)


def test_too_late_to_buy_is_settled() -> None:
    """Bought back at 07:40 on the day of its expiry for 0.0001: the next bar opens after it, so the engine lets it
    expire, worthless, by the price of its bars. 0.0001 and the fee of an eighth of it are timing; the engine's rules
    hold it, too."""
    data = market({ENTRY: {HELD: (0.014, 0.015)}, at(12, 7, 30): {HELD: (math.nan, 0.0001)}})
    late = bought(CALL, "0.0001", at(12, 7, 40), fee="0.0000125")
    other = parity_of(spec_of(data, ExitStyle.HOLD_TO_EXPIRY), data, history(SOLD, late))
    assert values(other.parts) == only("timing", -0.0001125)
    moved = other.rows[1].moved
    assert moved is not None
    assert (moved.kind, moved.time, moved.cash) == (LineKind.SETTLEMENT, at(12, 8), 0.0)
    assert other.flags == (ParityFlag.PROXY_DELIVERY,)


def test_a_roll_is_one_order() -> None:
    """Bought back at 12:02 and sold anew at 12:50: the engine's roll is one order, at 12:00. Both fills are at the
    lab's prices of their own times; the bid fell from 0.0065 to 0.006 until 12:50, which is timing."""
    data = market(
        {
            ENTRY: {HELD: (0.014, 0.015)},
            LATER: {HELD: (0.0065, 0.007), NEXT: (0.0065, 0.008)},
            at(4, 12, 45): {HELD: (0.0065, 0.007), NEXT: (0.006, 0.008)},
        }
    )
    fills = (
        SOLD,
        bought(CALL, "0.007", at(4, 12, 2), roll=1),
        sold(NEXT_CALL, "0.006", at(4, 12, 50), report=3, roll=1),
    )
    spec = spec_of(data, max_rolls=1, max_debit=0.001)
    rolled = parity_of(spec, data, history(*fills, delivered={NEXT_CALL: "100000"}))
    assert values(rolled.parts) == only("timing", -0.0005)
    assert [row.moved.time for row in rolled.rows if row.moved] == [ENTRY, LATER, LATER, at(19, 8)]
    assert rolled.lab.num_rolls == 1


# Rules


def test_another_contract_in_a_roll_and_another_number_of_rolls() -> None:
    """The bot rolls into the call 108,000 for 0.0065, the lab into 110,000 for 0.006: 0.0005, in the row of that sale.
    A bot that does not roll where the lab does lacks its second leg: -0.006 + 0.0003, in a row without the chain."""
    quotes = {HELD: (0.0065, 0.007), NEXT: (0.0065, 0.008), FURTHER: (0.006, 0.0075)}
    data = market({ENTRY: {HELD: (0.014, 0.015)}, LATER: quotes})
    spec = spec_of(data, max_rolls=1, max_debit=0.001)
    fills = (SOLD, bought(CALL, "0.007", LATER, roll=1), sold(NEXT_CALL, "0.0065", LATER, report=2, place=1, roll=1))
    other = parity_of(spec, data, history(*fills, delivered={NEXT_CALL: "100000"}))
    assert [leg.symbol for leg in other.lab.legs] == [CALL, FURTHER_CALL]
    assert values(other.parts) == only("rule", 0.0005)
    assert [values(row.parts) for row in other.rows] == [{}, {}, only("rule", 0.0005), {}]

    shorter = parity_of(spec, data, history(SOLD, BOUGHT))
    assert values(shorter.parts) == only("rule", -0.0057)
    assert [(row.leg_number, row.chain is None, row.lab is None) for row in shorter.rows] == [
        (1, False, False),
        (1, False, False),
        (2, True, False),
        (2, True, False),
    ]


def test_another_delivery_price_is_price() -> None:
    """Delivered at 106,000 where the lab's bars say 107,000: (7000/107000 - 6000/106000) coins less is paid for the
    call 100,000, its fee on either side 0.00015."""
    call, contract = "BTC-12DEC25-100000-C", (at(12, 8), 100_000.0)
    closes = np.full(20 * 24, 100_000.0)
    closes[(at(10) - START) // HOUR :] = 107_000.0
    data = MarketData(bars(closes, START), chains=chains({ENTRY: {contract: (0.03, 0.031)}}))
    spec = spec_of(data, ExitStyle.HOLD_TO_EXPIRY)
    other = parity_of(spec, data, history(sold(call, "0.03", ENTRY), delivered={call: "106000"}))
    assert values(other.parts) == only("price", round(7 / 107, 8) - round(6 / 106, 8))
    own = (round(6 / 106, 8) + 0.00015) * 106_000
    assert values(other.parts_usd)["difference"] == pytest.approx((round(7 / 107, 8) + 0.00015) * 107_000 - own)
    assert other.lab.close_reason is CloseReason.SETTLED
    assert other.flags == (ParityFlag.PROXY_DELIVERY, ParityFlag.ESTIMATED_FEES)  # of the delivery


def test_fills_of_one_order_are_one_trade() -> None:
    """0.4 at 09:00 for 0.014 and 0.6 at 09:20 for 0.0145, told by two reports of one order: each is priced at its own
    time (0.014 and 0.0142), and both move to 09:00. Price 0.6 * 0.0003, timing 0.6 * 0.0002."""
    data = market({**QUOTES, at(2, 9, 15): {HELD: (0.0142, 0.015)}})
    other = compare(
        sold(CALL, "0.014", ENTRY, quantity="0.4", fee="0.00012", order_id="o"),
        sold(CALL, "0.0145", at(2, 9, 20), quantity="0.6", fee="0.00018", order_id="o", report=3),
        BOUGHT,
        data=data,
    )
    assert values(other.parts) == pytest.approx({"difference": 0.0003, "price": 0.00018, "timing": 0.00012}, rel=1e-9)
    first = other.rows[0].chain
    assert first is not None
    assert first.time == ENTRY
    assert [first.price, first.fee] == pytest.approx([0.0143, 0.0003])


def test_a_roll_may_sell_first() -> None:
    """Sold anew at 12:01 and bought back at 12:03: one roll, and two legs for two minutes only because of it."""
    data = market({ENTRY: {HELD: (0.014, 0.015)}, LATER: {HELD: (0.0065, 0.007), NEXT: (0.0065, 0.008)}})
    fills = (
        SOLD,
        sold(NEXT_CALL, "0.0065", at(4, 12, 1), report=2, roll=1),
        bought(CALL, "0.007", at(4, 12, 3), report=3, roll=1),
    )
    booked = history(*fills, delivered={NEXT_CALL: "100000"})
    assert not values(parity_of(spec_of(data, max_rolls=1, max_debit=0.001), data, booked).parts)


def test_the_period_and_the_quantity_of_the_spec_do_not_count() -> None:
    """A spec that was run over another week, for other coins and many chains, says the same about a chain."""
    data = market()
    other = replace(
        spec_of(data), start_time=at(12), end_time=at(18), quantity=7.0, max_open_chains=9, decision_hour=15
    )
    booked = history(sold(CALL, "0.0145", ENTRY), BOUGHT)
    assert parity_of(other, data, booked).rows == parity_of(spec_of(data), data, booked).rows


def test_a_roll_that_was_given_up_is_a_purchase() -> None:
    """A chain that ended in the middle of a roll was bought back."""
    given_up = history(SOLD, bought(CALL, "0.007", LATER, roll=1))
    given_up = replace(given_up, abandonments=(Moment(key=(3, 1, 0), time=at(4, 14)),))
    data = market()
    assert not values(parity_of(spec_of(data), data, given_up).parts)


def test_what_is_a_guess_is_flagged() -> None:
    """Modelled quotes, bars that are made up, fills at the middle, a purchase that nobody offered."""
    made_up = replace(random_bars(30 * 24, seed=1, spot=100_000.0, volatility=0.3, start=START), synthetic=True)
    data = MarketData(made_up)
    spec = resolved(data, level=0.5, fills={"price": FillPrice.MID})
    chain = next(each for each in run(spec, data).chains if not each.open_at_end)
    flags = set(parity_of(spec, data, history_of(spec, chain)).flags)
    assert flags >= {ParityFlag.MODELLED_QUOTES, ParityFlag.SYNTHETIC_DATA, ParityFlag.MID_FILLS}
    assert flags >= {ParityFlag.SIMULATED_FILLS, ParityFlag.ESTIMATED_FEES}

    data = market({**QUOTES, LATER: {HELD: (0.005, math.nan, 0.006)}})
    spec = resolved(
        data,
        exit_style=ExitStyle.TP_AND_ROLL,
        selection=SELECTION,
        exits={"max_rolls": 0},
        fills={"missing_offer": MissingOffer.MARK_PLUS_PENALTY},
    )
    other = parity_of(spec, data, history(SOLD, BOUGHT))  # 0.006 and a tenth of it is 0.0066, on the grid 0.007
    assert other.flags == (ParityFlag.WITHOUT_OFFER,)
    assert not values(other.parts)


# All chains


@pytest.mark.parametrize("exit_style", ExitStyle)
@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
@pytest.mark.parametrize("style", ContractStyle)
def test_parts_add_up_to_the_whole(style: ContractStyle, strategy: StrategyKind, exit_style: ExitStyle) -> None:
    """Each chain of a run has parity, to the last part, and the engine makes it again. With other prices, fees, times
    and contracts the parts of all rows add up to the difference, in both currencies, to 1e-9."""
    data = MarketData(random_bars(150 * 24, seed=6, spot=92_000.0, volatility=0.6, start=at(1, month=6), cents=True))
    rolls = exit_style is ExitStyle.TP_AND_ROLL
    exits = {"max_debit": 0.01, "stop": 4.0} if rolls else None
    spec = resolved(data, strategy, style, exit_style, level=0.65, quantity=3.0, max_open_chains=2, exits=exits)
    ended = [chain for chain in run(spec, data).chains if not chain.open_at_end]
    assert len(ended) > 10
    random = np.random.default_rng(3)
    for chain in ended:
        booked = history_of(spec, chain)
        same = parity_of(spec, data, booked)
        assert not values(same.parts)
        assert not values(same.parts_usd)
        assert (same.lab.legs, same.lab.close_time) == (chain.legs, chain.close_time)
        other = parity_of(spec, data, replace(booked, fills=tuple(_shaken(fill, random) for fill in booked.fills)))
        assert {"price", "fee", "timing"} <= set(values(other.parts))
        for parts, net, lab, unit in (
            ("parts", other.net_pnl, other.lab.net_pnl, chain.premium),
            ("parts_usd", other.net_pnl_usd, other.lab.net_pnl_usd, chain.premium * 92_000),
        ):
            whole: ParityParts = getattr(other, parts)
            assert whole.difference == pytest.approx(net - lab, rel=1e-9, abs=1e-11 * unit)
            assert whole.difference == pytest.approx(whole.price + whole.fee + whole.timing + whole.rule, rel=1e-9)
            rows = [getattr(row, parts) for row in other.rows]
            for name in ParityParts.__slots__:
                assert getattr(whole, name) == pytest.approx(math.fsum(getattr(row, name) for row in rows), rel=1e-9)


def _shaken(fill: ChainFill, random: np.random.Generator) -> ChainFill:
    """A fill some minutes later, at another price and index, for another fee."""
    said = fill.fill
    assert said.index_price is not None
    assert fill.fee is not None
    later = int(random.integers(1, 59)) * 60_000_000 if said.executed_time + HOUR < fill.instrument.expiry_time else 0
    off = Decimal(int(random.integers(90, 99))) / 100
    changed = replace(
        said, price=said.price * off, executed_time=said.executed_time + later, index_price=said.index_price * off
    )
    return replace(fill, fill=changed, fee=fill.fee * off + Decimal("0.00001"))


# What cannot be told


def add(time: int = at(3, 9), **more: Any) -> ChainFill:
    return sold(CALL, "0.014", time, report=5, **more)


UNFIT: Mapping[str, tuple[Callable[[], History], str]] = {
    "open": (lambda: history(SOLD), "it is OPEN"),
    "in another currency": (
        lambda: history(sold(USDT_CALL, "1400", ENTRY), bought(USDT_CALL, "700", LATER)),
        "it settles in USDT",
    ),
    "elsewhere": (lambda: history(SOLD, BOUGHT, venue="paradex"), "it traded at paradex"),
    "without a fee": (lambda: history(SOLD, bought(CALL, "0.007", LATER, fee=None)), "the fee of a fill"),
    "added to": (lambda: history(SOLD, add(), bought(CALL, "0.007", LATER, quantity="2")), "leg 1 was added to"),
    "closed in steps": (
        lambda: history(
            SOLD,
            bought(CALL, "0.007", LATER, quantity="0.5"),
            bought(CALL, "0.007", at(5, 9), quantity="0.5", report=3),
        ),
        "leg 1 was added to or closed in steps",
    ),
    "half bought, half delivered": (
        lambda: history(SOLD, bought(CALL, "0.007", LATER, quantity="0.5"), delivered={CALL: "100000"}),
        "leg 1 was added to or closed in steps",
    ),
    "two at a time": (
        lambda: history(
            SOLD, sold(NEXT_CALL, "0.01", at(3, 9), report=5), BOUGHT, bought(NEXT_CALL, "0.005", at(6, 9), report=6)
        ),
        "legs 1 and 2 were open at a time",
    ),
    "over before it was rolled into": (
        lambda: history(
            SOLD,
            sold(NEXT_CALL, "0.01", at(3, 9), report=5, roll=1),
            bought(NEXT_CALL, "0.005", at(3, 12), report=6),
            bought(CALL, "0.007", LATER, report=7, roll=1),
        ),
        "legs 1 and 2 were open at a time",
    ),
    "another quantity": (
        lambda: history(
            SOLD,
            bought(CALL, "0.007", LATER, roll=1),
            sold(NEXT_CALL, "0.0065", LATER, quantity="2", report=2, place=1, roll=1),
            delivered={NEXT_CALL: "100000"},
        ),
        "leg 2 is of 2 coins and leg 1 of 1",
    ),
    "long": (
        lambda: history(
            traded(Side.BUY, CALL, "0.014", ENTRY, report=1, opening=True),
            traded(Side.SELL, CALL, "0.007", LATER, report=2, opening=False),
        ),
        "leg 1 is long",
    ),
    "calls and puts": (
        lambda: history(
            SOLD,
            BOUGHT,
            sold("BTC-12DEC25-90000-P", "0.01", at(5, 9), report=5),
            delivered={"BTC-12DEC25-90000-P": "1e5"},
        ),
        "it sold calls and puts",
    ),
    "without an index": (
        lambda: history(SOLD, bought(CALL, "0.007", LATER, index=None)),
        "a fill of leg 1 has no index_price",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_the_engine_cannot_follow_is_refused(what: str) -> None:
    """With what it was."""
    made, said = UNFIT[what]
    data = market()
    with pytest.raises(FailedPrecondition, match=said) as refused:
        parity_of(spec_of(data), data, made())
    assert (refused.value.reason, refused.value.field) == (Reason.CHAIN_NOT_COMPARABLE, "position_id")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("spec.underlying", {"underlying": "ETH"}),
        ("spec.style", {"style": ContractStyle.LINEAR}),
        ("spec.strategy", {"strategy": StrategyKind.CASH_SECURED_PUT}),
        ("spec.style", {"strategy": StrategyKind.WHEEL, "style": ContractStyle.LINEAR}),
    ],
)
def test_a_spec_of_other_contracts_is_refused(field: str, more: Mapping[str, Any]) -> None:
    """With the field of the spec."""
    data = MarketData(market().bars)
    with pytest.raises(FailedPrecondition, match="the chain sold inverse calls on BTC") as refused:
        parity_of(resolved(data, **more), data, history(SOLD, BOUGHT))
    assert (refused.value.reason, refused.value.field) == (Reason.CHAIN_NOT_COMPARABLE, field)


def test_a_wheel_is_refused() -> None:
    """Its chains hang on its coins: none of them can be told alone."""
    data = MarketData(market().bars)
    call = "BTC_USDC-12DEC25-105000-C"
    booked = history(sold(call, "1400", ENTRY), bought(call, "700", LATER))
    with pytest.raises(FailedPrecondition, match="linear calls on BTC, and the spec's strategy is WHEEL"):
        parity_of(resolved(data, StrategyKind.WHEEL, ContractStyle.LINEAR), data, booked)


def test_what_the_data_does_not_know_is_refused() -> None:
    """Bars, quotes, volatilities that are not there, a lab's chain that does not end in the data, a short life that
    nobody asked for: each with what is missing, and none guessed."""
    held = history(SOLD, BOUGHT)

    def refused(data: MarketData, booked: History = held, spec: BacktestSpec | None = None) -> tuple[str, str]:
        with pytest.raises(FailedPrecondition) as refusal:
            parity_of(spec or spec_of(data), data, booked)
        assert refusal.value.reason is Reason.MARKET_UNKNOWN
        return refusal.value.message, refusal.value.field

    spot, quotes = "spec.data.spot_dataset_id", "spec.data.quotes_dataset_id"
    assert refused(market(without=[ENTRY])) == (
        "the data has no bar for what was done at 2025-12-02 09:00 UTC", spot,
    )  # fmt: skip
    assert refused(market(), history(sold(CALL, "0.014", at(30, 9, month=11)), BOUGHT))[1] == spot
    gone = [at(12, hour) for hour in range(8)]
    assert refused(market(without=gone), history(SOLD, delivered={CALL: "100000"})) == (
        "the data has no bar before the expiry at 2025-12-12 08:00 UTC", spot,
    )  # fmt: skip
    assert refused(market({ENTRY: {NEXT: (0.01, 0.011)}})) == (
        f"the recorded chains have no quote of {CALL}", quotes,
    )  # fmt: skip
    assert refused(market({ENTRY: {HELD: (0.014, 0.015)}})) == (
        f"the lab has no price to buy {CALL} at 2025-12-04 12:00 UTC", quotes,
    )  # fmt: skip
    assert refused(market({ENTRY: {HELD: (math.nan, 0.015)}})) == (
        f"the lab has no price to sell {CALL} at 2025-12-02 09:00 UTC", quotes,
    )  # fmt: skip
    short = MarketData(bars(np.full(8 * 24, 100_000.0), START), chains=market().chains)
    held_on = spec_of(short, ExitStyle.HOLD_TO_EXPIRY)
    assert refused(short, spec=held_on)[0] == f"the lab still holds {CALL} where the data ends, 2025-12-09 00:00 UTC"
    modelled = MarketData(market().bars)
    late = history(sold(CALL, "0.001", at(8, 9)), bought(CALL, "0.001", at(9, 9)))
    said, field = refused(modelled, late, resolved(modelled, level=0.5))
    assert (said[:50], field) == (
        f"{CALL} was sold with less than five ", "spec.volatility.allow_short_dated",
    )  # fmt: skip
    believed = resolved(modelled)  # realized volatility of a flat market is none
    assert refused(modelled, spec=believed) == (
        "no volatility is known at 2025-12-02 09:00 UTC", "spec.data.volatility_dataset_id",
    )  # fmt: skip
