"""What became of an order that was told before, as an exchange says when it is asked."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from rollbook import OrderState
from rollbook_bot.exchange import asked, asked_trades
from rollbook_bot.held import FollowedOrder
from rollbook_bot.spelling import average, number, order_state
from rollbook_bot.told import ToldOrder
from rollbook_bot.venue_trades import VenueTrade, read_trades, traded

log = logging.getLogger("rollbook_bot")


def ask_order(client: Any, order_id: str, known: FollowedOrder) -> ToldOrder | None:
    """State and trades of an order, as far as the client offers them; None where it does not, or does not answer, or
    says what makes no sense, which is logged. An order that has ended is only asked for its trades.
    """
    try:
        if known.ended is not None:
            trades = _trades(client, order_id, known)
            reached = max(known.filled, traded(trades))
            return _told(order_id, known, OrderState.FILLED, reached, trades=trades) if trades else None
        if not hasattr(client, "get_order_state"):
            return None
        answer = asked(client.get_order_state, order_id)
        if answer is None:
            return None
        state = order_state(answer.get("order_state"), "order_state")
        filled = number(answer.get("filled_amount"), "filled_amount")
        if filled is None:
            filled = known.quantity if state is OrderState.FILLED else known.filled
        trades = _trades(client, order_id, known) if filled > known.traded else ()
        price = average(answer.get("average_price"), "average_price") or number(answer.get("price"), "price")
        if filled > known.filled and filled > traded(trades) and price is None:
            raise ValueError("average_price: it is filled, but nobody says at what price")
        return _told(
            order_id,
            known,
            state,
            max(filled, traded(trades)),
            trades=trades,
            average_price=price,
            limit_price=number(answer.get("price"), "price"),
            label=str(answer.get("label") or ""),
        )
    except ValueError as error:
        log.error("order %s: %s", order_id, error)
        return None


def _trades(client: Any, order_id: str, known: FollowedOrder) -> tuple[VenueTrade, ...]:
    return read_trades(asked_trades(client, order_id), known.symbol, known.side, "trades")


def _told(order_id: str, known: FollowedOrder, state: OrderState, filled: Decimal, **more: Any) -> ToldOrder:
    values = {"limit_price": None, "average_price": None, "fee": None, "index_price": None, **more}
    return ToldOrder(
        symbol=known.symbol,
        side=known.side,
        quantity=known.quantity,
        order_id=order_id,
        state=state,
        simulated=False,
        filled=filled,
        **values,
    )
