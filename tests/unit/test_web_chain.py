"""What the view of one chain shows, from facts: payoff, journal, fees in USD."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rollbook import (
    Action,
    CashLine,
    ExecutionEntry,
    ExecutionResult,
    ExecutionStatus,
    FeeSource,
    Flag,
    LedgerEntry,
    LegState,
    LineKind,
    OptionType,
    Side,
)
from rollbook_web.journal import fees_usd, gross_usd, steps
from rollbook_web.numbers import DASH, MINUS
from rollbook_web.payoff import Payoff, payoff
from tests.support.chains import EXPIRY, OPENED, chain, contract, leg


def at(drawn: Payoff, price: float) -> tuple[float, float]:
    """Profit in the currency and in USD at a price that is drawn."""
    place = drawn.prices.index(price)
    return drawn.profit[place], drawn.profit_usd[place]


def test_an_inverse_call_pays_in_coins() -> None:
    """Below the strike its premium is kept; above, max(S-K, 0)/S coins are paid. It breaks even at K/(1 - premium)."""
    drawn = payoff(chain("c", leg("2", "0.02")), 101_000.0)
    assert drawn is not None
    assert at(drawn, 100_000.0) == (0.02, 2_000.0)
    top = drawn.prices[-1]
    assert drawn.profit[-1] == pytest.approx(0.02 - 2 * (top - 100_000) / top)
    assert drawn.profit_usd[-1] == pytest.approx(0.02 * top - 2 * (top - 100_000))
    assert drawn.break_evens == pytest.approx((100_000 / 0.99,))


def test_an_inverse_put_costs_more_coins_the_lower_the_price() -> None:
    """Its loss in coins has no bound: max(K-S, 0)/S."""
    drawn = payoff(chain("p", leg("1", "0.03", contract("90000", OptionType.PUT))), None)
    assert drawn is not None
    low = drawn.prices[0]
    assert drawn.profit[0] == pytest.approx(0.03 - (90_000 - low) / low)
    assert drawn.break_evens == pytest.approx((90_000 / 1.03,))


def test_linear_options_pay_dollars() -> None:
    """A short put and a long call of one chain: sums of both, in USDC, which are USD."""
    put = leg("0.4", "600", contract("90000", OptionType.PUT, inverse=False))
    long_call = leg("0.4", "-100", contract("110000", inverse=False), side=Side.BUY, leg_number=2)
    drawn = payoff(chain("mixed", put, long_call, settlement_currency="USDC"), 100_000.0)
    assert drawn is not None
    assert drawn.profit == drawn.profit_usd
    assert at(drawn, 90_000.0)[0] == 500.0
    assert drawn.profit[0] == pytest.approx(500 - 0.4 * (90_000 - drawn.prices[0]))
    assert drawn.profit[-1] == pytest.approx(500 + 0.4 * (drawn.prices[-1] - 110_000))
    assert drawn.break_evens == pytest.approx((88_750,))
    assert not drawn.several_expiries


def test_only_what_is_open_is_drawn() -> None:
    """Nothing of what is traded away, or has expired; nothing at all if that is all there is."""
    over = leg(state=LegState.CLOSED, open_quantity=Decimal(0), open_credit=Decimal(0))
    assert payoff(chain("over", over), 100_000.0) is None
    assert payoff(chain("waits", leg(state=LegState.AWAITING_DELIVERY)), 100_000.0) is None
    later = leg("1", "0.02", contract("110000", expiry_time=EXPIRY.replace(month=7)), leg_number=2)
    calendar = payoff(chain("calendar", leg(), later), 100_000.0)
    assert calendar is not None
    assert calendar.several_expiries


def line(cash: str, usd: str | None, fee: str | None, revision: int = 1, **more: object) -> CashLine:
    """A sale."""
    fields: dict[str, object] = {
        "kind": LineKind.OPENING, "leg_number": 1, "symbol": "BTC-27JUN25-100000-C", "side": Side.SELL,
        "quantity": Decimal("0.5"), "price": Decimal("0.0125"), "cash": Decimal(cash), "time": OPENED,
        "cash_usd": None if usd is None else Decimal(usd), "fee": None if fee is None else Decimal(fee),
        "revision": revision, "sequence": 1,
    }  # fmt: skip
    return CashLine(**fields | more)  # type: ignore[arg-type]


def test_every_entry_has_its_reason_and_its_cash() -> None:
    """Why the bot did it, what went wrong, and the lines that it brought; lines of an entry that is not at hand stand
    by themselves."""
    execution = ExecutionResult(
        action=Action.ROLL, status=ExecutionStatus.PARTIAL, reason="delta above 0.5", trigger="defend",
        decision_id="d-7", errors=("no funds",),
    )  # fmt: skip
    entry = LedgerEntry(
        revision=2, sequence=1, event_time=OPENED, recorded_time=OPENED,
        execution=ExecutionEntry(execution=execution, flags=(Flag.FEE_ESTIMATED,)),
    )  # fmt: skip
    lines = [
        line("0.0061", "610", None),
        line("-0.0102", None, "0.0002", 2, side=Side.BUY, roll_number=1, fee_source=FeeSource.ESTIMATED),
    ]
    earlier, roll = steps(chain(), [entry], lines)
    assert (earlier.what, earlier.recorded, earlier.movements[0].fee.text) == ("earlier entry", None, DASH)
    assert (roll.number, roll.what) == ("2.1", "roll, partial")
    assert roll.why == ("delta above 0.5", "trigger defend", "decision d-7")
    assert roll.doubts == ("no funds", "fee estimated from the venue's table")
    (moved,) = roll.movements
    assert moved.text == "bought 0.5 BTC-27JUN25-100000-C at 0.0125 · roll 1"
    assert (moved.cash.text, moved.usd.text, moved.fee.text) == (f"{MINUS}0.010200", DASH, "≈ 0.000200")


def test_fees_in_usd_are_at_the_index_of_their_lines() -> None:
    """They add up with the net figure to the gross one, exactly."""
    lines = [line("0.0294", "2646", "0.0006"), line("-0.0103", "-824", "0.0003")]
    closed = chain(fees=Decimal("0.0009"), net_pnl_usd=Decimal(1822))
    assert fees_usd(closed, lines) == Decimal("0.0006") * 90_000 + Decimal("0.0003") * 80_000
    assert gross_usd(closed, lines) == Decimal(1900)


def test_fees_in_usd_are_unknown_with_any_of_them() -> None:
    """Without an index, or where not all lines are at hand."""
    assert fees_usd(chain(fees=Decimal("0.0006")), [line("0.0294", None, "0.0006")]) is None
    assert fees_usd(chain(fees=Decimal("0.0012")), [line("0.0294", "2646", "0.0006")]) is None
    assert gross_usd(chain(fees=Decimal(0), net_pnl_usd=None), []) is None
