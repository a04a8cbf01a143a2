"""What an exchange must offer to be traded on: four calls, with answers as Deribit's JSON has them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

__all__ = ["Exchange", "OrderRefused"]

log = logging.getLogger("rollbook_bot")


class OrderRefused(Exception):
    """The venue answered that it does not take the order: there is none. The message is the venue's words."""


class Exchange(Protocol):
    """The bot's own connection to a venue.

    A dry run needs `get_ticker` only. An exchange may also have `get_instrument(symbol)`, with "tick_size" and
    "tick_size_steps" (a list of {"above_price", "tick_size"}): they win over the ticks that are known here. One without
    `get_order_state` or `get_user_trades_by_order` trades all the same, and less is known of its orders.
    """

    def get_ticker(self, symbol: str, /) -> Mapping[str, Any]:
        """A contract's "best_bid_price", "best_ask_price" (0 or None is none), "index_price" (USD per coin),
        "mark_price" and "timestamp" (ms).
        """

    def place_order(self, *, symbol: str, side: str, amount: Decimal, price: Decimal, label: str) -> Mapping[str, Any]:
        """Places a limit order that stays until it is cancelled.

        Args:
            symbol: The contract.
            side: "buy" or "sell".
            amount: In coins.
            price: The limit, on the venue's grid, in the contract's premium unit.
            label: At most 64 characters, to find the order by. It does not keep a second one like it away.

        Returns what private/buy and private/sell do: {"order": {"order_id", "order_state", "filled_amount",
        "average_price", …}, "trades": […]}; `trades` may be missing.

        Raises OrderRefused where the venue's answer is an error. Whatever else it raises, a timeout among it, leaves
        open whether the order is there.
        """

    def get_order_state(self, order_id: str, /) -> Mapping[str, Any]:
        """An order's "order_state", "filled_amount" and "average_price", as of now."""

    def get_user_trades_by_order(self, order_id: str, /) -> Sequence[Mapping[str, Any]]:
        """All trades of an order: "trade_id", "instrument_name", "direction", "price", "amount", "fee", "fee_currency",
        "index_price" and "timestamp" (ms).
        """


def asked(ask: Callable[[str], Any], name: str) -> Mapping[str, Any] | None:
    """What an exchange says; None if it does not, which is logged."""
    answer = _answer(ask, name)
    return answer if isinstance(answer, Mapping) else None


def asked_trades(exchange: Any, order_id: str) -> list[Any]:
    """An order's trades; none where the exchange does not offer them, or does not answer, which is logged."""
    if not hasattr(exchange, "get_user_trades_by_order"):
        return []
    answer = _answer(exchange.get_user_trades_by_order, order_id)
    return [*answer] if isinstance(answer, Sequence) and not isinstance(answer, str) else []


def _answer(ask: Callable[[str], Any], name: str) -> Any:
    try:
        return ask(name)
    except Exception as error:  # an exchange of any kind
        log.warning("%s: the exchange does not answer: %s", name, error)
        return None
