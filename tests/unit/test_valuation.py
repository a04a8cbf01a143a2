"""What open legs are worth, computed by hand; when a mark is stale or wild; what a drawdown is."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rollbook_server.domain.chains import Chain, ChainState, Leg, LegState
from rollbook_server.domain.clock import SECOND, micros
from rollbook_server.domain.drawdown import Drawdown, observe
from rollbook_server.domain.executions import Mark, Mode, Side, StrategyKind
from rollbook_server.domain.instruments import Instrument, parse_deribit
from rollbook_server.domain.marks import STALE_AFTER, KnownMark, MarkFlag, judge_mark
from rollbook_server.domain.valuation import Held as HeldChain
from rollbook_server.domain.valuation import believed_pnl, sample_chain, value_chain
from tests.support.trading import figures

NOON = micros(datetime(2026, 3, 2, 12, tzinfo=UTC))
CALL, PUT = "BTC-27MAR26-100000-C", "BTC-27MAR26-80000-P"
USDC_PUT = "BTC_USDC-27MAR26-80000-P"


def contract(symbol: str) -> Instrument:
    found = parse_deribit(symbol)
    assert found is not None
    return found


def leg(symbol: str = CALL, quantity: str = "2", credit: str = "0.04", **more: object) -> Leg:
    """A short leg: two calls sold at 0.02."""
    made = Leg(
        leg_number=1,
        instrument=contract(symbol),
        side=Side.SELL,
        state=LegState.OPEN,
        open_quantity=Decimal(quantity),
        opened_quantity=Decimal(quantity),
        entry_price=Decimal(credit) / Decimal(quantity),
        open_credit=Decimal(credit),
        open_credit_usd=Decimal(3600),
        gross_pnl=Decimal(0),
        fees=Decimal(0),
        net_pnl=Decimal(0),
        open_time=NOON,
        collateral=Decimal(2),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def chain(*legs: Leg, **more: object) -> Chain:
    made = Chain(
        account="main",
        position_id="one",
        venue="deribit",
        mode=Mode.LIVE,
        strategy=StrategyKind.COVERED_CALL,
        strategy_name="",
        underlying="BTC",
        settlement_currency="BTC",
        state=ChainState.OPEN,
        created_revision=1,
        revision=3,
        open_quantity=sum((each.open_quantity for each in legs), Decimal(0)),
        open_credit=sum((each.open_credit for each in legs), Decimal(0)),
        net_pnl=Decimal("-0.0006"),
        leg_one_premium=Decimal("0.04"),
        collateral=Decimal(2),
        legs=legs,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def mark(symbol: str = CALL, price: str = "0.015", **more: object) -> Mark:
    made = Mark(
        account="main",
        venue="deribit",
        mode=Mode.LIVE,
        symbol=symbol,
        mark_time=NOON,
        mark_price=Decimal(price),
        index_price=Decimal(90_000),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def known(*marks: Mark) -> dict[str, KnownMark]:
    return {each.symbol: KnownMark(mark=each) for each in marks}


def test_a_short_call_in_all_its_figures() -> None:
    """Two calls sold at 0.02 with 25 days less 4 hours to go, marked at 0.015: each figure by its formula."""
    given = mark(
        best_bid_price=Decimal("0.0145"),
        best_ask_price=Decimal("0.0155"),
        mark_volatility=50.0,
        delta=0.25,
        gamma=0.00002,
        vega=80.0,
        theta=-60.0,
    )
    value = value_chain(chain(leg()), known(given), NOON + 90 * SECOND, Drawdown())
    (only,) = value.legs
    assert (only.unrealized_pnl, only.unrealized_pnl_usd) == (Decimal("0.01"), 3600 - Decimal("0.03") * 90_000)
    assert only.premium_captured_pct == 25
    days = Decimal((contract(CALL).expiry_time - NOON) // SECOND - 90) / 86_400
    assert only.days_to_expiry == days.quantize(Decimal("1e-18"))
    assert only.buy_back_cost == Decimal("0.031")
    assert only.yield_left_annualised_pct is not None
    assert float(only.yield_left_annualised_pct) == pytest.approx(100 * 365 * 0.031 / (2 * float(days)), rel=1e-12)
    assert only.greeks is not None
    assert (only.greeks.delta, only.greeks.vega, only.greeks.theta, only.greeks.rho) == (-0.5, -160.0, 120.0, None)
    assert only.net_transaction_delta == pytest.approx(-2 * (0.25 - 0.015))
    assert only.distance_to_strike_pct == Decimal("11.111111111111")
    sigma = 0.11111111111111 / (0.5 * math.sqrt(float(days) / 365))
    assert only.distance_to_strike_sigma == pytest.approx(sigma, rel=1e-9)
    assert (only.mark_age_ms, only.flags) == (90_000, ())
    assert (value.chain_pnl, value.chain_pnl_pct) == (Decimal("0.0094"), Decimal("23.5"))
    assert value.greeks == only.greeks
    assert value.yield_left_annualised_pct == pytest.approx(only.yield_left_annualised_pct, abs=Decimal("1e-11"))


def test_a_put_in_usdc() -> None:
    """A cash-secured put: distance 1 - K/S, its delta without the premium, money in USDC."""
    short = leg(USDC_PUT, "0.5", "600", collateral=Decimal(40_000))
    held = chain(short, settlement_currency="USDC", collateral=Decimal(40_000))
    value = value_chain(held, known(mark(USDC_PUT, "900", delta=-0.2)), NOON, Drawdown())
    (only,) = value.legs
    assert figures(only, "unrealized_pnl", "unrealized_pnl_usd") == (600 - 450, 3600 - 450)
    assert only.distance_to_strike_pct == Decimal("11.111111111111")
    assert (only.greeks and only.greeks.delta, only.net_transaction_delta) == (0.1, 0.1)
    assert (only.buy_back_cost, only.yield_left_annualised_pct) == (None, None)  # nobody said what they ask


def test_a_long_leg_is_turned_round() -> None:
    """A long leg gains when its mark rises, and is sold at the bid."""
    long = leg(credit="-0.04", side=Side.BUY, open_credit_usd=None, collateral=Decimal(0))
    value = value_chain(
        chain(long, collateral=None), known(mark(best_bid_price=Decimal("0.0145"), delta=0.25)), NOON, Drawdown()
    )
    (only,) = value.legs
    assert only.unrealized_pnl == Decimal("-0.01")
    assert only.buy_back_cost == Decimal("-0.029")
    assert only.greeks is not None
    assert only.greeks.delta == 0.5
    assert (only.unrealized_pnl_usd, only.yield_left_annualised_pct, value.yield_left_annualised_pct) == (None,) * 3


def test_two_legs() -> None:
    """Sums of money and greeks, the nearest strike and expiry; unset where one leg lacks what it takes."""
    legs = leg(), leg(PUT, "1", "0.01", leg_number=2)
    marks = known(
        mark(best_ask_price=Decimal("0.016"), delta=0.25), mark(PUT, "0.005", best_ask_price=Decimal("0.006"))
    )
    value = value_chain(chain(*legs), marks, NOON, Drawdown())
    assert (value.unrealized_pnl, value.buy_back_cost) == (Decimal("0.015"), Decimal("0.038"))
    assert value.distance_to_strike_pct == Decimal("11.111111111111")
    assert (value.greeks, value.net_transaction_delta) == (None, None)
    alone = value_chain(chain(*legs), {CALL: marks[CALL]}, NOON, Drawdown())
    assert (alone.unrealized_pnl, alone.buy_back_cost, alone.missing_marks) == (None, None, 1)
    assert len(alone.legs) == 1


def test_after_the_expiry_nothing_is_left() -> None:
    """Days do not go below 0; a yield over no time is unset, and the last mark is of the past."""
    over = contract(CALL).expiry_time + SECOND
    last = mark(mark_time=over - 2 * SECOND, best_ask_price=Decimal("0.016"), mark_volatility=50.0)
    value = value_chain(chain(leg()), known(last), over, Drawdown())
    (only,) = value.legs
    assert figures(only, "days_to_expiry", "yield_left_annualised_pct", "distance_to_strike_sigma") == (0, None, None)
    assert only.flags == (MarkFlag.STALE,)
    assert believed_pnl(chain(leg()), [leg()], known(last), over) is None


def test_a_mark_grows_stale() -> None:
    """Ten minutes after its time a mark is stale: the value stays, flagged, and no longer counts as seen."""
    held = chain(leg())
    for age, flags in ((STALE_AFTER, ()), (STALE_AFTER + 1, (MarkFlag.STALE,))):
        value = value_chain(held, known(mark()), NOON + age, Drawdown())
        assert value.legs[0].flags == flags
        assert (value.stale_marks, value.unrealized_pnl) == (len(flags), Decimal("0.01"))
        assert (believed_pnl(held, held.legs, known(mark()), NOON + age) is None) == bool(flags)
        assert (sample_chain(HeldChain(held, held.legs, known(mark()), Drawdown()), NOON + age) is None) == bool(flags)


@pytest.mark.parametrize(
    ("symbol", "given", "wild"),
    [
        (CALL, {"price": "0.015"}, False),
        (CALL, {"price": "0.015", "best_bid_price": "0.02", "best_ask_price": "0.01"}, True),  # crossed
        (CALL, {"price": "0", "best_bid_price": "0.014"}, True),  # the venue's 0 for "not known"
        (CALL, {"price": "0.00003", "best_bid_price": "0.0001"}, False),  # a tick is no contradiction
        (CALL, {"price": "0.3", "best_ask_price": "0.016"}, True),
        (CALL, {"price": "0.017", "best_ask_price": "0"}, False),  # nobody asks
        (CALL, {"price": "1.2"}, True),  # more than the coin
        (CALL, {"price": "0.3", "index_price": "200000"}, True),  # half a coin in the money
        (CALL, {"price": "0.51", "index_price": "200000"}, False),
        (PUT, {"price": "0.9", "index_price": "40000"}, True),  # the put pays a whole coin
        (PUT, {"price": "1.01", "index_price": "40000"}, False),
        (USDC_PUT, {"price": "81000", "index_price": "90000"}, False),
        (USDC_PUT, {"price": "90000", "index_price": "90000"}, True),  # more than its strike
        (USDC_PUT, {"price": "9000000", "index_price": None}, False),  # nothing to measure it by
        (USDC_PUT, {"price": "90", "best_bid_price": "900"}, True),
    ],
)
def test_what_cannot_be_right_is_wild(symbol: str, given: dict[str, str | None], wild: bool) -> None:
    """Crossed or far quotes, and prices outside what a contract can be worth."""
    more = {name: None if text is None else Decimal(text) for name, text in given.items() if name != "price"}
    found = judge_mark(mark(symbol, str(given["price"]), **more), contract(symbol), None)
    assert found.wild is wild


def test_a_jump_that_the_index_does_not_explain_is_wild() -> None:
    """A mark may move by as much as the index, and 5 % of a coin; what is wild is compared with what was believed."""

    def next_mark(before: KnownMark, price: str, index: str, minutes: float) -> KnownMark:
        later = mark(CALL, price, index_price=Decimal(index), mark_time=NOON + int(minutes * 60 * SECOND))
        return judge_mark(later, contract(CALL), before)

    first = judge_mark(mark(), contract(CALL), None)
    assert not next_mark(first, "0.06", "90000", 1).wild
    jump = next_mark(first, "0.07", "90000", 1)
    assert jump.wild
    assert next_mark(jump, "0.071", "90000", 2).wild  # two of them do not confirm each other
    assert not next_mark(jump, "0.016", "90000", 2).wild
    assert not next_mark(jump, "0.07", "92000", 2).wild  # the index has moved by 2 %
    assert not next_mark(jump, "0.07", "90000", 11).wild  # after ten minutes it is news


def test_drawdown_is_measured_from_the_peak() -> None:
    """The money from the highest peak before, from 0 on; the percentage over the largest collateral and the peak."""
    seen = Drawdown()
    for pnl, collateral in (("-1", "100"), ("4", "50"), ("1", "0"), ("2", None)):
        seen = observe(seen, Decimal(pnl), None if collateral is None else Decimal(collateral))
    assert figures(seen, "peak_pnl", "max_drawdown", "largest_collateral") == (4, 3, 100)
    assert seen.max_drawdown_pct == Decimal("2.884615384615")  # 3 of 104, more than the 1 of 100 before
    assert observe(seen, None, Decimal(200)) == replace(seen, largest_collateral=Decimal(200))
    unknown = observe(Drawdown(), Decimal(-1), None)
    assert figures(unknown, "max_drawdown", "max_drawdown_pct") == (1, None)


def test_a_sample_of_a_chain() -> None:
    """What a chart needs: realized, unrealized, the index and the delta."""
    held = HeldChain(chain(leg()), (leg(),), known(mark(delta=0.25)), Drawdown())
    sample = sample_chain(held, NOON + int(timedelta(seconds=5).total_seconds()) * SECOND)
    assert sample is not None
    assert (sample.net_pnl, sample.unrealized_pnl, sample.open_credit) == (
        Decimal("-0.0006"),
        Decimal("0.01"),
        Decimal("0.04"),
    )
    assert figures(sample, "index_price", "delta", "time") == (90_000, -0.5, NOON + 5 * SECOND)
