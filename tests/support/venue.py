"""A small venue in memory that matches orders and answers as Deribit's JSON does, with floats.

Its book has one bid and one ask per contract, each with an amount. An order takes what it meets at its limit or better,
in one trade, and the rest of it rests until somebody trades with it, or it is cancelled.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rollbook_bot import OrderRefused

INDEX = {"BTC": Decimal("98000.5"), "ETH": Decimal("3500.25"), "BTC_USDC": Decimal("98000.5")}
ENOUGH = Decimal(1_000)
_ids = itertools.count(1)


@dataclass
class _Order:
    order_id: str
    symbol: str
    side: str
    amount: Decimal
    price: Decimal
    label: str
    state: str = "open"
    trades: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""


class Venue:
    """It gives orders in sum, and no trades."""

    def __init__(self) -> None:
        self._quotes: dict[str, dict[str, list[Decimal]]] = {}
        self.orders: dict[str, _Order] = {}
        self.refuses: dict[str, str] = {}
        """By contract: the words in which the next order in it is refused."""
        self.loses_order: set[str] = set()
        """Contracts in which the next order is lost on its way …"""
        self.loses_answer: set[str] = set()
        """… or reaches the venue, and the answer is lost."""
        self.takes_and_ends: set[str] = set()
        """Contracts in which what does not trade at once is cancelled."""

    def quote(self, symbol: str, bid: str, ask: str, amount: Decimal | str = ENOUGH) -> None:
        """Somebody's bid and ask, for so many coins each; "0" is none."""
        self._quotes[symbol] = {
            side: [Decimal(price), Decimal(amount)] for side, price in (("buy", bid), ("sell", ask))
        }

    def get_ticker(self, symbol: str) -> Mapping[str, Any]:
        """As public/ticker."""
        if symbol not in self._quotes:
            raise LookupError("not_found")
        bid, ask = (self._quotes[symbol][side][0] for side in ("buy", "sell"))
        return {
            "best_bid_price": float(bid),
            "best_ask_price": float(ask),
            "mark_price": float((bid + ask) / 2),
            "index_price": float(_index(symbol)),
            "timestamp": _now(),
        }

    def place_order(self, *, symbol: str, side: str, amount: Decimal, price: Decimal, label: str) -> Mapping[str, Any]:
        """As private/buy and private/sell."""
        if symbol in self.refuses:
            raise OrderRefused(self.refuses.pop(symbol))
        if symbol in self.loses_order:
            self.loses_order.remove(symbol)
            raise TimeoutError("no answer in 10 s")
        order = _Order(f"{symbol[:3]}-{next(_ids)}", symbol, side, amount, price, label)
        self.orders[order.order_id] = order
        best = self._quotes[symbol]["buy" if side == "sell" else "sell"]
        meets = best[0] >= price if side == "sell" else 0 < best[0] <= price
        taken = min(amount, best[1]) if meets else Decimal(0)
        if taken:
            best[1] -= taken
            self._fill(order, taken, best[0])
        if symbol in self.takes_and_ends and order.state == "open":
            self.cancel(order.order_id)
        if symbol in self.loses_answer:
            self.loses_answer.remove(symbol)
            raise TimeoutError("no answer in 10 s")
        return self.answer(order.order_id)

    def get_order_state(self, order_id: str) -> Mapping[str, Any]:
        """As private/get_order_state."""
        order = self.orders[order_id]
        filled = _sum(order)
        value = sum(
            (Decimal(repr(trade["amount"])) * Decimal(repr(trade["price"])) for trade in order.trades), Decimal()
        )
        return {
            "order_id": order_id,
            "instrument_name": order.symbol,
            "direction": order.side,
            "order_state": order.state,
            "amount": float(order.amount),
            "price": float(order.price),
            "filled_amount": float(filled),
            "average_price": float(value / filled) if filled else 0.0,
            "label": order.label,
        }

    def answer(self, order_id: str) -> Mapping[str, Any]:
        """What placing the order answers, or would have answered."""
        return {"order": self.get_order_state(order_id)}

    # What others do.

    def meet(self, order_id: str, amount: str, price: str | None = None) -> None:
        """Somebody trades with an order that rests, at its limit unless said."""
        order = self.orders[order_id]
        assert order.state == "open"
        self._fill(order, Decimal(amount), Decimal(price) if price else order.price)

    def cancel(self, order_id: str) -> None:
        """The rest of an order is taken back."""
        self.orders[order_id].state = "cancelled"

    def _fill(self, order: _Order, amount: Decimal, price: Decimal) -> None:
        linear = "_" in order.symbol.partition("-")[0]
        rate = Decimal("0.0003") * (_index(order.symbol) if linear else 1)
        order.trades.append(
            {
                "trade_id": str(next(_ids)),
                "order_id": order.order_id,
                "instrument_name": order.symbol,
                "direction": order.side,
                "amount": float(amount),
                "price": float(price),
                "fee": float(min(rate, price / 8) * amount),
                "fee_currency": "USDC" if linear else order.symbol[:3],
                "index_price": float(_index(order.symbol)),
                "timestamp": _now(),
                "liquidity": "T",
            }
        )
        if _sum(order) == order.amount:
            order.state = "filled"


class VenueWithTrades(Venue):
    """It gives trades as well, as Deribit does."""

    def answer(self, order_id: str) -> Mapping[str, Any]:
        """With the trades."""
        return {**super().answer(order_id), "trades": [*self.orders[order_id].trades]}

    def get_user_trades_by_order(self, order_id: str) -> list[dict[str, Any]]:
        """As private/get_user_trades_by_order."""
        return [*self.orders[order_id].trades]


def _sum(order: _Order) -> Decimal:
    return sum((_exact(trade["amount"]) for trade in order.trades), Decimal(0))


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))


def _index(symbol: str) -> Decimal:
    return INDEX[symbol.partition("-")[0]]


def _now() -> int:
    return time.time_ns() // 1_000_000
