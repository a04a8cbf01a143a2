"""What the venue charges, and what an option pays at expiry."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rollbook_server.domain.clock import micros
from rollbook_server.domain.executions import Fill, FillSource, Liquidity, Side
from rollbook_server.domain.fees import delivery_fee, estimate_fee
from rollbook_server.domain.instruments import Instrument, SettlementPeriod, parse_deribit
from rollbook_server.domain.settlement import payoff


def contract(symbol: str) -> Instrument:
    found = parse_deribit(symbol)
    assert found is not None
    return found


def fill(price: str, quantity: str = "1", index: str | None = "90000", **more: object) -> Fill:
    made = Fill(
        source=FillSource.SIMULATED,
        symbol="any",
        side=Side.SELL,
        quantity=Decimal(quantity),
        price=Decimal(price),
        executed_time=micros(datetime(2026, 3, 2, tzinfo=UTC)),
        index_price=None if index is None else Decimal(index),
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("price", "quantity", "fee"),
    [("0.02", "1", "0.0003"), ("0.02", "2.5", "0.00075"), ("0.0024", "1", "0.0003"), ("0.001", "1", "0.000125"),
     ("0", "1", "0")],
)  # fmt: skip
def test_a_coin_fee(price: str, quantity: str, fee: str) -> None:
    """3 bp of the coin, at most 12.5 % of the premium, with or without an index."""
    inverse = contract("BTC-27MAR26-100000-C")
    assert estimate_fee("deribit", inverse, fill(price, quantity)) == Decimal(fee)
    assert estimate_fee("deribit", inverse, fill(price, quantity, index=None)) == Decimal(fee)


@pytest.mark.parametrize(
    ("day", "liquidity", "fee"),
    [
        (datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), Liquidity.MAKER, "9"),
        (datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), Liquidity.TAKER, "45"),
        (datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), None, "45"),
        (datetime(2026, 8, 1, tzinfo=UTC), Liquidity.MAKER, "27"),
        (datetime(2026, 8, 1, tzinfo=UTC), Liquidity.TAKER, "27"),
        (datetime(2026, 8, 1, tzinfo=UTC), None, "27"),
    ],
)
def test_a_linear_fee_by_its_date(day: datetime, liquidity: Liquidity | None, fee: str) -> None:
    """1 bp maker and 5 bp taker of the index until 2026-07-31, 3 bp from 2026-08-01; unknown pays the dearer."""
    linear = contract("BTC_USDC-25DEC26-100000-C")
    said = fill("1200", executed_time=micros(day), liquidity=liquidity)
    assert estimate_fee("deribit", linear, said) == Decimal(fee)


def test_a_linear_fee_is_capped_and_needs_an_index() -> None:
    """At most 12.5 % of the premium; without an index nobody can know it."""
    linear = contract("BTC_USDC-27MAR26-100000-C")
    assert estimate_fee("deribit", linear, fill("80", "2")) == 20
    assert estimate_fee("deribit", linear, fill("80", index=None)) is None


def test_a_fee_counts_coins() -> None:
    """Quantity times multiplier is what is paid for."""
    inverse = replace(contract("BTC-27MAR26-100000-C"), multiplier=Decimal("0.1"))
    assert estimate_fee("deribit", inverse, fill("0.02", "10")) == Decimal("0.0003")


def test_another_venues_fees_are_not_guessed() -> None:
    """A venue without a table has no estimate, neither for a trade nor for a delivery."""
    inverse = contract("BTC-27MAR26-100000-C")
    assert estimate_fee("elsewhere", inverse, fill("0.02")) is None
    assert delivery_fee("elsewhere", inverse, Decimal(1), Decimal(120_000)) is None


@pytest.mark.parametrize(
    ("symbol", "price", "fee"),
    [
        ("BTC-27MAR26-100000-C", "120000", "0.00015"),
        ("BTC-27MAR26-100000-C", "100000", "0"),
        ("BTC-27MAR26-100000-C", "99999", "0"),
        ("BTC-27MAR26-100000-C", "100010", "0.0000125"),
        ("BTC-27MAR26-100000-P", "80000", "0.00015"),
        ("BTC-30MAR26-100000-C", "120000", "0"),
        ("BTC_USDC-27MAR26-100000-C", "120000", "18"),
        ("BTC_USDC-27MAR26-100000-C", "100008", "1"),
    ],
)
def test_a_delivery_fee(symbol: str, price: str, fee: str) -> None:
    """1.5 bp of what is delivered, at most 12.5 % of the payoff; none out of the money, none for dailies. The cap is
    taken of the payoff before its own rounding."""
    assert delivery_fee("deribit", contract(symbol), Decimal(1), Decimal(price)) == Decimal(fee)


def test_a_told_daily_pays_no_delivery() -> None:
    """A Friday's contract of the daily cycle pays none, if somebody says so."""
    daily = replace(contract("BTC-27MAR26-100000-C"), settlement_period=SettlementPeriod.DAY)
    assert delivery_fee("deribit", daily, Decimal(1), Decimal(120_000)) == 0


@pytest.mark.parametrize(
    ("symbol", "quantity", "price", "paid"),
    [
        ("BTC-27MAR26-100000-C", "1", "120000", "0.16666667"),
        ("BTC-27MAR26-100000-C", "3", "120000", "0.5"),
        ("BTC-27MAR26-100000-C", "1", "100000", "0"),
        ("BTC-27MAR26-100000-P", "1", "80000", "0.25"),
        ("BTC-27MAR26-100000-P", "1", "120000", "0"),
        ("ETH-12JAN24-2250-C", "6", "2601.94", "0.81156368"),
        ("BTC_USDC-27MAR26-100000-C", "0.5", "120000.01", "10000.005"),
        ("XRP_USDC-26DEC25-2d5-P", "7", "2.1234567", "2.635803"),
    ],
)
def test_a_payoff(symbol: str, quantity: str, price: str, paid: str) -> None:
    """An inverse payoff is divided by the delivery price and has 8 places, a linear one has 6; it is rounded once."""
    assert payoff(contract(symbol), Decimal(quantity), Decimal(price)) == Decimal(paid)
