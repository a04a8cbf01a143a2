"""The trades that a venue makes of orders, as its JSON has them."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.support.told.book import Trade, currency_of


@dataclass(frozen=True)
class Printed:
    """A trade, and how the venue says it."""

    trade: Trade
    said: dict[str, Any]


class Tape:
    """Prints trades, each at its own millisecond: after all that was told before, and before all that is told later. A
    ledger orders what happened by its time, whenever it hears of it."""

    def __init__(self, chance: random.Random, prefix: str) -> None:
        self._chance = chance
        self._prefix = prefix
        self._numbers = itertools.count(1)

    def trade(self, symbol: str, sells: bool, amount: float, price: float) -> Printed:
        """One trade; now and then its fee is not said, or in another currency than the contract's, and so is none."""
        kind = self._chance.random()
        fee = self._chance.choice((0.0, 0.0003, 0.00001)) if kind < 0.9 else None
        currency = currency_of(symbol) if kind < 0.85 else "XRP"
        said = {
            "trade_id": f"{self._prefix}-{next(self._numbers)}",
            "instrument_name": symbol,
            "direction": "sell" if sells else "buy",
            "price": price,
            "amount": amount,
            "fee": fee,
            "fee_currency": currency,
            "index_price": 98_000.5,
            "timestamp": _next_millisecond(),
            "liquidity": self._chance.choice("MT"),
        }
        known = Fraction(repr(fee)) if fee is not None and currency != "XRP" else None
        return Printed(Trade(Fraction(repr(amount)), Fraction(repr(price)), known), said)


def _next_millisecond() -> int:
    """Since 1970; when it returns that is over."""
    found = time.time_ns() // 1_000_000 + 1
    while time.time_ns() // 1_000 <= found * 1_000:
        pass  # less than a millisecond
    return found
