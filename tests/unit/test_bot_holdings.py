"""What a tracker keeps of orders, and of marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rollbook import Mode, Side, StrategyKind
from rollbook_bot.held import FollowedOrder, Line
from rollbook_bot.holdings import TRADES_AWAITED, Holdings
from rollbook_bot.marks import read_mark
from rollbook_bot.spelling import average, milliseconds, number, plain

CALL = "BTC-26DEC98-100000-C"
LINE = Line(Mode.LIVE, "BTC", StrategyKind.COVERED_CALL, "weekly")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_trades_are_not_awaited_for_ever(tmp_path: Path) -> None:
    """An order that ended before its trades were told is kept on the disk, and let go when the venue forgets them."""
    holdings = Holdings(tmp_path, "main")
    half = FollowedOrder(
        "chain", LINE, CALL, Side.SELL, Decimal("0.5"), Decimal("0.5"), "a roll", Decimal("0.2"), trade_ids=["7"]
    )
    whole = FollowedOrder("chain", LINE, CALL, Side.SELL, Decimal(1), Decimal(1), traded=Decimal(1))
    holdings.end("BTC-1", half, NOON)
    holdings.end("BTC-2", whole, NOON)
    holdings.save()
    again = Holdings(tmp_path, "main")
    assert again.untraded == {"BTC-1": half}
    again.forget_untraded(NOON + TRADES_AWAITED)
    assert again.order("BTC-1") == half
    again.forget_untraded(NOON + TRADES_AWAITED + timedelta(seconds=1))
    assert again.order("BTC-1") is None


def test_a_bot_that_never_asks_for_trades_keeps_no_heap_of_orders(tmp_path: Path) -> None:
    """An order that ends lets go of those whose trades nobody has asked for in time."""
    holdings = Holdings(tmp_path, "main")
    for day in range(10):
        order = FollowedOrder("chain", LINE, CALL, Side.SELL, Decimal(1), Decimal(1))
        holdings.end(f"BTC-{day}", order, NOON + timedelta(days=day))
    assert [*holdings.untraded] == ["BTC-8", "BTC-9"]


def test_a_mark_has_the_time_of_its_ticker() -> None:
    """A quote that an exchange kept for hours is not told as if it were of now."""
    mark = read_mark(CALL, {"mark_price": 0.0125, "timestamp": 1_795_867_200_123, "best_ask_price": 0.0})
    assert mark is not None
    assert (mark.mark_time, mark.best_ask_price) == (NOON + timedelta(milliseconds=123), None)


@pytest.mark.parametrize("value", ["soon", 1.5, True, 10**30])
def test_what_is_no_time(value: object) -> None:
    """A timestamp is whole milliseconds."""
    with pytest.raises(ValueError, match="is no time in milliseconds"):
        milliseconds(value, "timestamp")


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("0.1", 0.1), ("3", 3), ("98000.5", 98000.5), ("1E+2", 100), ("0.1234567890123456789", "0.1234567890123456789")],
)
def test_exact_numbers_in_json(text: str, spelled: object) -> None:
    """A number is a number in JSON if it is the same when it is read again, and else its digits."""
    assert plain(Decimal(text)) == spelled
    assert number(plain(Decimal(text)), "") == Decimal(text)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (2.2857142857142858e-05, "0.000022857142857143"),
        ("0.1234567890123456785", "0.123456789012345678"),
        (1e-300, "0"),
        (1e300, "1e300"),
        (0.0125, "0.0125"),
        (0, None),
        (None, None),
    ],
)
def test_an_average_that_never_ends(said: object, taken: str | None) -> None:
    """A quotient of a venue has at most the digits that the ledger takes, and any other price each of its own."""
    assert average(said, "") == (None if taken is None else Decimal(taken))
