"""One real order: placed, and what the venue says of it at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rollbook import OrderState, Side
from rollbook_bot.exchange import Exchange, OrderRefused, asked_trades
from rollbook_bot.pricing import Priced
from rollbook_bot.spelling import number, order_state, plain
from rollbook_bot.steps import Step
from rollbook_bot.venue_trades import kept, read_trades, traded

log = logging.getLogger("rollbook_bot")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of an order."""

    step: Step
    order: dict[str, Any] | None = None
    """As a result has it; None where there is none, and where nobody knows."""
    filled: Decimal = Decimal(0)
    rests: bool = False
    problem: str = ""
    """Why it is not what was asked for."""
    unknown: dict[str, Any] | None = None
    """What was sent, where it may be on the venue and may not."""


def place(exchange: Exchange, priced: Priced, label: str) -> Attempt:
    """Places an order. It never raises: an answer that does not come, or cannot be read, is an order that may be there,
    which is said as CRITICAL.
    """
    step = priced.step
    try:
        answer: Any = exchange.place_order(
            symbol=step.symbol, side=step.side.lower(), amount=step.quantity, price=priced.price, label=label
        )
        return read_placed(exchange, answer, step, label, priced.price, priced.index_price)
    except OrderRefused as refusal:
        return Attempt(step=step, problem=_problem(step, str(refusal) or "the venue refuses the order"))
    except Exception as error:  # whatever it is, the order may have reached the venue before it
        words = f"nobody knows whether the order with label {label!r} is on the venue: {type(error).__name__}: {error}"
        log.critical("%s; look for it before anything else is done", _problem(step, words))
        sent = {
            "leg": step.leg,
            "type": step.side.value,
            "symbol": step.symbol,
            "size": plain(step.quantity),
            "price": plain(priced.price),
            "label": label,
        }
        return Attempt(step=step, problem=_problem(step, words), unknown=sent)


def read_placed(
    exchange: object, answer: Any, step: Step, label: str, price: Decimal, index_price: Decimal | None
) -> Attempt:
    """An order as the venue's answer has it. Raises ValueError for what is no such answer."""
    said = answer.get("order") if isinstance(answer, Mapping) else None
    if not isinstance(said, Mapping) or not said.get("order_id"):
        raise ValueError(f"the venue's answer names no order: {answer!r}")
    order_id = str(said["order_id"])
    state = order_state(said.get("order_state"), "order_state")
    filled = number(said.get("filled_amount"), "filled_amount")
    if filled is None:
        filled = step.quantity if state is OrderState.FILLED else Decimal(0)
    trades = _trades(exchange, answer.get("trades"), order_id, step, filled)
    filled = max(filled, traded(read_trades(trades, step.symbol, step.side, "trades")))
    order = {
        "type": step.side.value,
        "symbol": step.symbol,
        "size": plain(step.quantity),
        "price": plain(price),
        "order_id": order_id,
        "order_state": state.lower(),
        "leg": step.leg,
        "label": label,
        "simulated": False,
        "filled_amount": plain(filled),
        "average_price": plain(number(said.get("average_price"), "average_price") or None),
        "index_price": plain(index_price),
        "trades": trades,
    }
    problem = ""
    if state in (OrderState.CANCELLED, OrderState.REJECTED) and filled < step.quantity:
        why = said.get("reject_reason") or said.get("cancel_reason")
        problem = f"{filled:f} of {step.quantity:f} filled, the order is {state.lower()}{f': {why}' if why else ''}"
    return Attempt(
        step=step,
        order=order,
        filled=filled,
        rests=state is OrderState.OPEN,
        problem=_problem(step, problem) if problem else "",
    )


def _trades(exchange: object, given: object, order_id: str, step: Step, filled: Decimal) -> list[dict[str, Any]]:
    """The order's trades: those of the answer, else those that the exchange gives when it is asked. None of them if
    they make no sense, which is logged: then the order counts in sum.
    """
    try:
        found = read_trades(given, step.symbol, step.side, "trades")
        if traded(found) < filled:
            given = asked_trades(exchange, order_id) or given
            read_trades(given, step.symbol, step.side, "trades")
    except ValueError as error:
        log.error("order %s: its trades are left out: %s", order_id, error)
        return []
    return kept(given) if isinstance(given, list | tuple) else []


def _problem(step: Step, words: str) -> str:
    return f"{'Open' if step.side is Side.SELL else 'Close'} leg {step.symbol}: {words}"
