"""What a bot's result dict says: the shape that the execution layer before Rollbook made, and ours makes as well.

    {"status": "executed", "action": "OPEN_COVERED_CALL", "dry_run": False, "underlying": "BTC",
     "params": {"symbol": "BTC-27JUN25-100000-C", "size": 0.1},
     "orders": [{"type": "SELL", "symbol": "BTC-27JUN25-100000-C", "size": 0.1, "price": 0.0125,
                 "order_id": "BTC-1", "order_state": "filled", "trades": [{"trade_id": "1", "amount": 0.1, …}]}]}

`trades` may be missing, or be less than what is filled. Reading it decides nothing and knows nothing of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rollbook import Action, Mode, OrderState, Side, StrategyKind
from rollbook_bot.contracts import underlying_of
from rollbook_bot.spelling import average, number, order_state
from rollbook_bot.venue_trades import VenueTrade, read_trades, traded

_STRATEGIES = {"COVERED_CALL": StrategyKind.COVERED_CALL, "CASH_SECURED_PUT": StrategyKind.CASH_SECURED_PUT}
_ACTIONS = {"OPEN": Action.OPEN, "ROLL": Action.ROLL, "CLOSE": Action.CLOSE}
PASSED_OVER = frozenset({"skipped"})
"""Statuses of results in which nothing was tried."""


@dataclass(frozen=True, kw_only=True)
class ToldOrder:
    """One order of a result. `state` is OPEN where the dict does not say: what is not known to be filled is not."""

    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    order_id: str
    state: OrderState
    simulated: bool
    filled: Decimal
    """How much of it is filled, cumulative; not less than its trades."""
    average_price: Decimal | None
    fee: Decimal | None
    index_price: Decimal | None
    label: str = ""
    trades: tuple[VenueTrade, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """A result as far as it concerns the ledger."""

    action: Action
    strategy: StrategyKind
    strategy_name: str
    mode: Mode
    status: str
    underlying: str
    symbol: str
    """Of an OPEN or a CLOSE."""
    from_symbol: str
    to_symbol: str
    exit_style: str
    reason: str
    decision_id: str
    trigger: str
    errors: tuple[str, ...]
    orders: tuple[ToldOrder, ...]
    executed_time: datetime | None
    request_id: str


def each_result(result: Mapping[str, Any]) -> Sequence[Any]:
    """The results of a batch, or the one result itself."""
    results = result.get("results")
    return results if isinstance(results, list) else [result]


def read_result(result: Mapping[str, Any]) -> Told | None:
    """What the dict says; None where nothing was tried. Raises ValueError with the key that makes no sense."""
    if result.get("status") in PASSED_OVER or result.get("action") in (None, "", "DO_NOTHING"):
        return None
    word = str(getattr(result["action"], "value", result["action"]))
    verb, _, kind = word.partition("_")
    if verb not in _ACTIONS or kind not in _STRATEGIES:
        if result.get("status") == "error" and not result.get("orders"):
            return None  # nobody could have done that, and it says so itself
        raise ValueError(f"action: {word!r} is none of OPEN_, ROLL_ and CLOSE_ with COVERED_CALL or CASH_SECURED_PUT")
    params = result.get("params") or {}
    orders = tuple(_order(order, params, f"orders[{n}]") for n, order in enumerate(result.get("orders") or ()))
    symbol = str(params.get("symbol") or "")
    dry_run = bool(result.get("dry_run")) or (bool(orders) and all(order.simulated for order in orders))
    return Told(
        action=_ACTIONS[verb],
        strategy=_STRATEGIES[kind],
        strategy_name=str(result.get("strategy") or ""),
        mode=Mode.DRY_RUN if dry_run else Mode.LIVE,
        status=str(result.get("status") or ""),
        underlying=_underlying(params, result, orders),
        symbol=symbol or (orders[0].symbol if orders and verb != "ROLL" else ""),
        from_symbol=str(params.get("from_symbol") or _of_side(orders, Side.BUY)),
        to_symbol=str(params.get("to_symbol") or _of_side(orders, Side.SELL)),
        exit_style=str(params.get("exit_style") or result.get("exit_style") or ""),
        reason=str(result.get("reason") or result.get("reasoning") or ""),
        decision_id=str(result.get("decision_id") or ""),
        trigger=str(result.get("trigger") or ""),
        errors=tuple(str(error) for error in result.get("errors") or ()),
        orders=orders,
        executed_time=_time(result.get("executed_time")),
        request_id=str(result.get("request_id") or ""),
    )


def _underlying(params: Mapping[str, Any], result: Mapping[str, Any], orders: Sequence[ToldOrder]) -> str:
    said = str(params.get("underlying") or result.get("underlying") or "")
    if said and said != "?":
        return said
    names = [order.symbol for order in orders] + [str(params.get(name) or "") for name in ("symbol", "from_symbol")]
    return next((underlying_of(name) for name in names if name), "")


def _of_side(orders: Sequence[ToldOrder], side: Side) -> str:
    return next((order.symbol for order in orders if order.side is side), "")


def _order(order: Mapping[str, Any], params: Mapping[str, Any], where: str) -> ToldOrder:
    symbol = str(order.get("symbol") or params.get("symbol") or "")
    if not symbol:
        raise ValueError(f"{where}.symbol: an order is of a contract")
    side = _side(order, where)
    quantity = number(order.get("size") if order.get("size") is not None else params.get("size"), f"{where}.size")
    if quantity is None or quantity <= 0:
        raise ValueError(f"{where}.size: {order.get('size')!r} is no quantity above 0")
    simulated = bool(order.get("simulated"))
    state = OrderState.FILLED if simulated else order_state(order.get("order_state"), f"{where}.order_state")
    price = number(order.get("price"), f"{where}.price")
    trades = () if simulated else read_trades(order.get("trades"), symbol, side, f"{where}.trades")
    filled = number(_first(order, "filled_size", "filled_amount"), f"{where}.filled_size")
    averaged = average(order.get("average_price"), f"{where}.average_price")
    if filled is None:
        filled = quantity if state is OrderState.FILLED else Decimal(0)
    filled = max(filled, traded(trades))
    if filled and averaged is None:
        averaged = price
    if filled > traded(trades) and averaged is None:
        raise ValueError(f"{where}.price: it is filled, but nobody says at what price")
    return ToldOrder(
        symbol=symbol,
        side=side,
        quantity=quantity,
        limit_price=None if simulated else price,
        order_id=str(order.get("order_id") or ""),
        state=state,
        simulated=simulated,
        filled=filled,
        average_price=averaged,
        fee=number(order.get("fee"), f"{where}.fee"),
        index_price=number(order.get("index_price"), f"{where}.index_price"),
        label=str(order.get("label") or ""),
        trades=trades,
    )


def _side(order: Mapping[str, Any], where: str) -> Side:
    word = str(_first(order, "side", "type", "direction") or "").upper()
    if word.startswith("SELL"):
        return Side.SELL
    if word.startswith("BUY"):
        return Side.BUY
    leg = order.get("leg")
    if leg in ("open", "close"):
        return Side.SELL if leg == "open" else Side.BUY
    raise ValueError(f"{where}.type: {word!r} is neither SELL nor BUY")


def _first(order: Mapping[str, Any], *names: str) -> Any:
    return next((order[name] for name in names if order.get(name) is not None), None)


def _time(value: object) -> datetime | None:
    """A time of the dict: a datetime, or text in ISO 8601. Raises ValueError."""
    if value is None or value == "":
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"executed_time: {value!r} is no time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
