"""Prices on the venue's grid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rollbook_bot.ticks import TICKS, Ticks, ticks_of


@pytest.mark.parametrize(
    ("product", "price", "down", "up"),
    [
        ("BTC", "0.00495", "0.0049", "0.005"),
        ("BTC", "0.005", "0.005", "0.005"),
        ("BTC", "0.00501", "0.005", "0.0055"),
        ("BTC", "0.01225", "0.012", "0.0125"),
        ("ETH", "0.00015", "0.0001", "0.0002"),
        ("ETH", "0.0275", "0.0275", "0.0275"),
        ("BTC_USDC", "702.5", "700", "705"),
        ("ETH_USDC", "30.3", "30.2", "30.4"),
        ("SOL_USDC", "1.25", "1.2", "1.3"),
        ("XRP_USDC", "0.01275", "0.0125", "0.013"),
        ("PAXG_USDC", "12.75", "12.5", "13"),
    ],
)
def test_prices_are_rounded_onto_the_grid(product: str, price: str, down: str, up: str) -> None:
    """Each product has the venue's ticks, with the finer ones of a coin up to and with 0.005; what is on the grid
    stays."""
    grid = TICKS[product]
    assert (grid.down(Decimal(price)), grid.up(Decimal(price))) == (Decimal(down), Decimal(up))
    assert grid.down(Decimal(up)) == Decimal(up)
    assert grid.up(Decimal(down)) == Decimal(down)


class Listing:
    """An exchange that knows its instruments."""

    def __init__(self, instrument: Any) -> None:
        self.instrument = instrument

    def get_instrument(self, symbol: str) -> Any:
        if isinstance(self.instrument, Exception):
            raise self.instrument
        return self.instrument


def test_the_exchange_knows_better() -> None:
    """What the exchange says of a contract wins over what is known here, with its steps in any order, and is enough
    for a product that is not known here."""
    steps = [{"above_price": 2, "tick_size": 0.5}, {"above_price": 0.5, "tick_size": 0.1}]
    said = Listing({"tick_size": 0.01, "tick_size_steps": steps})
    for symbol in ("BTC-26DEC98-100000-C", "DOGE_USDC-26DEC98-1-C"):
        grid = ticks_of(said, symbol)
        assert [grid.down(Decimal(price)) for price in ("0.456", "1.27", "2.9")] == [
            Decimal("0.45"),
            Decimal("1.2"),
            Decimal("2.5"),
        ]
    assert ticks_of(Listing({"tick_size": 0.25, "tick_size_steps": []}), "BTC-26DEC98-100000-C") == Ticks(
        Decimal("0.25")
    )


@pytest.mark.parametrize(
    ("exchange", "symbol", "words"),
    [
        (object(), "DOGE_USDC-26DEC98-1-C", "the tick of DOGE_USDC is not known"),
        (Listing(ConnectionError("maintenance")), "BTC-26DEC98-100000-C", "does not say its tick: maintenance"),
        (Listing({"tick_size": -1}), "BTC-26DEC98-100000-C", "tick_size: -1 is not above 0"),
        (Listing({"tick_size": 1, "tick_size_steps": [1]}), "BTC-26DEC98-100000-C", "is no list of steps"),
    ],
)
def test_a_tick_is_never_guessed(exchange: object, symbol: str, words: str) -> None:
    """A product that nobody knows, an exchange that does not answer, and one that makes no sense are errors."""
    with pytest.raises(ValueError, match=words):
        ticks_of(exchange, symbol)
