"""What an action asks for: one order, or the two of a roll."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rollbook import Side
from rollbook_bot.spelling import number

_VERBS = ("OPEN", "ROLL", "CLOSE")
_STRATEGIES = ("COVERED_CALL", "CASH_SECURED_PUT")


@dataclass(frozen=True, kw_only=True)
class Step:
    """An order to be placed. `leg` is "open", which sells, or "close", which buys back."""

    leg: str
    symbol: str
    quantity: Decimal
    """In coins, above 0."""
    limit: Decimal | None = None

    @property
    def side(self) -> Side:
        """All that is opened here is sold."""
        return Side.SELL if self.leg == "open" else Side.BUY


def word_of(action: Mapping[str, Any]) -> str:
    """The action's word, which may be an enum's."""
    word = action.get("action")
    return str(getattr(word, "value", word) or "")


def steps_of(action: Mapping[str, Any]) -> tuple[Step, ...]:
    """The orders, in the order in which they are placed: a roll buys back first. Raises ValueError with the key that
    makes no sense.
    """
    verb, _, kind = word_of(action).partition("_")
    if verb not in _VERBS or kind not in _STRATEGIES:
        raise ValueError(
            f"action: {word_of(action)!r} is none of OPEN_, ROLL_ and CLOSE_ with COVERED_CALL or CASH_SECURED_PUT"
        )
    params = action.get("params")
    if not isinstance(params, Mapping):
        raise ValueError(f"params: {params!r} is no mapping")
    quantity = number(params.get("size"), "params.size")
    if quantity is None or quantity <= 0:
        raise ValueError(f"params.size: {params.get('size')!r} is no quantity above 0")
    limit = number(params.get("price"), "params.price")
    if limit is not None and limit <= 0:
        raise ValueError(f"params.price: {params['price']!r} is no price above 0")
    if verb != "ROLL":
        leg = "open" if verb == "OPEN" else "close"
        return (Step(leg=leg, symbol=_symbol(params, "symbol"), quantity=quantity, limit=limit),)
    if limit is not None:
        raise ValueError("params.price: a roll has two orders, and one price cannot be the limit of both")
    old, new = _symbol(params, "from_symbol"), _symbol(params, "to_symbol")
    if old == new:
        raise ValueError(f"params.to_symbol: a roll from {old} to itself")
    return Step(leg="close", symbol=old, quantity=quantity), Step(leg="open", symbol=new, quantity=quantity)


def _symbol(params: Mapping[str, Any], name: str) -> str:
    symbol = params.get(name)
    if not symbol or not isinstance(symbol, str):
        raise ValueError(f"params.{name}: {symbol!r} names no contract")
    return symbol
