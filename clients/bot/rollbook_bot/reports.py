"""From a told result to the ledger's commands, with what is held so far. Holdings move with what is reported."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from rollbook import (
    Action,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    Mode,
    Order,
    OrderState,
    RecordFillsRequest,
    Side,
)
from rollbook_bot.holdings import Holdings, Line, Working, underlying_of
from rollbook_bot.told import Told, ToldOrder

_NAMESPACE = uuid.UUID("6d1b8f0e-6f0a-5f0c-9d59-0a5b0c3d7f21")
"""Of the ids that are made of what happened."""

ENDED = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})


def made_id(*words: str) -> str:
    """An id that is the same for the same words."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(words)))


def id_of(told: Told, account: str) -> str:
    """The id that a result has by itself: that of its orders, if each has one, else the one that is in it, which need
    be no UUID. Else none, and it is empty."""
    ids = [order.order_id for order in told.orders]
    if ids and all(ids):
        return made_id(account, told.mode, told.action, *ids)
    try:
        return str(uuid.UUID(told.request_id)) if told.request_id else ""
    except ValueError:
        return made_id(account, told.mode, "named", told.request_id)


def line_of(told: Told) -> Line:
    """Which chains it may belong to. The underlying is that of the contract, as the ledger reads it."""
    symbol = told.symbol or told.from_symbol or told.to_symbol
    return Line(told.mode, underlying_of(symbol) or told.underlying, told.strategy, told.strategy_name)


def report(told: Told, request_id: str, time: datetime, account: str, holdings: Holdings) -> ExecutionResult | None:
    """The execution of a result that is told for the first time; None if nothing came of it and it names no chain.

    An OPEN on a contract that is held is an ADD; an OPEN after a roll of the same line that was left half done names
    its chain, and so completes it. A CLOSE or ROLL names the chain that holds its contract, if that is one.
    """
    line = line_of(told)
    action, position_id, roll = _place(told, line, request_id, holdings)
    orders = [_named(order, request_id, number) for number, order in enumerate(told.orders)]
    fills = tuple(_fill(order, time) for order in orders if order.filled)
    status = _status(told, orders)
    if status is ExecutionStatus.ERROR and action is not Action.OPEN and not position_id:
        return None
    for order in orders:
        _move(order, line, position_id, roll, holdings)
    if position_id:
        holdings.settle(position_id)
    return ExecutionResult(
        request_id=request_id,
        account=account,
        mode=told.mode,
        strategy=told.strategy,
        strategy_name=told.strategy_name,
        action=action,
        status=status,
        position_id=position_id,
        from_symbols=(told.from_symbol,) if action is Action.ROLL and told.from_symbol else (),
        to_symbols=(told.to_symbol,) if action is Action.ROLL and told.to_symbol else (),
        executed_time=time,
        orders=tuple(_order(order, time) for order in orders if not order.simulated),
        fills=fills,
        errors=told.errors,
        exit_style=told.exit_style,
        reason=told.reason,
        decision_id=told.decision_id,
        trigger=told.trigger,
    )


def news(told: Told, request_id: str, time: datetime, account: str, holdings: Holdings) -> Iterator[RecordFillsRequest]:
    """What has become of orders since they were told, where the same result is told again."""
    for order in (_named(order, request_id, number) for number, order in enumerate(told.orders)):
        working = holdings.working.get(order.order_id)
        if working is not None:
            command = follow(order, working, told.mode, time, account, holdings)
            if command is not None:
                yield command


def follow(
    order: ToldOrder, working: Working, mode: Mode, time: datetime, account: str, holdings: Holdings
) -> RecordFillsRequest | None:
    """More of an order that was told as open has filled, or it has ended; None if neither."""
    if order.filled <= working.filled and order.state not in ENDED:
        return None
    more = order.filled - working.filled
    if working.position_id and more > 0:
        holdings.fill(working.position_id, working.line, working.symbol, working.side, more, working.roll)
    working.filled = max(order.filled, working.filled)
    if order.state in ENDED:
        del holdings.working[order.order_id]
    holdings.settle(working.position_id)
    return RecordFillsRequest(
        request_id=made_id(account, mode, "fills", order.order_id, str(order.filled.normalize()), order.state),
        account=account,
        mode=mode,
        fills=(_fill(order, time),) if more > 0 else (),
        orders=(_order(order, time),),
    )


def _place(told: Told, line: Line, request_id: str, holdings: Holdings) -> tuple[Action, str, str]:
    """What it does in which chain, and as part of which roll; a new chain gets a name of its own, so that later results
    can name it at once."""
    if told.action is Action.CLOSE:
        holding = holdings.holding(line, told.symbol)
        return told.action, holding[0] if len(holding) == 1 else "", ""
    if told.action is Action.ROLL:
        holding = holdings.holding(line, told.from_symbol)
        if not holding and not any(order.side is Side.BUY for order in told.orders):  # the rest of one that failed
            for name in holdings.half_rolled(line, told.to_symbol):
                if told.from_symbol in holdings.chains[name].rolled_from:
                    return told.action, name, holdings.chains[name].half_roll
        return told.action, holding[0] if len(holding) == 1 else "", request_id
    holding = holdings.holding(line, told.symbol)
    if holding:
        return Action.ADD, holding[-1], ""
    half = holdings.half_rolled(line, told.symbol)
    if half:
        return Action.OPEN, half[0], holdings.chains[half[0]].half_roll
    # Not of the request_id itself: one that a bot made may begin like all others of the same minute.
    return Action.OPEN, f"{told.symbol}-{made_id(request_id)[:8]}", ""


def _status(told: Told, orders: list[ToldOrder]) -> ExecutionStatus:
    """What came of all its orders."""
    filled = [order for order in orders if order.filled]
    if filled and all(order.simulated for order in orders):
        return ExecutionStatus.SIMULATED
    complete = all(order.filled >= order.quantity for order in orders)
    if filled and complete and not told.errors and told.status != "partial_error":
        return ExecutionStatus.EXECUTED
    if filled:
        return ExecutionStatus.PARTIAL
    if any(order.state not in ENDED for order in orders):
        return ExecutionStatus.RESTING
    return ExecutionStatus.ERROR


def _named(order: ToldOrder, request_id: str, number: int) -> ToldOrder:
    """An order with an id: an order of the venue that nobody named gets one of its result's."""
    if order.simulated or order.order_id:
        return order
    values = {**order.__dict__, "order_id": f"{request_id}-{number}"}
    return ToldOrder(**values)


def _fill(order: ToldOrder, time: datetime) -> Fill:
    """How much of an order is filled, in all."""
    return Fill(
        source=FillSource.SIMULATED if order.simulated else FillSource.ORDER_AGGREGATE,
        order_id="" if order.simulated else order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.filled,
        price=order.average_price if order.average_price is not None else Decimal(0),
        fee=order.fee,
        index_price=order.index_price,
        executed_time=time,
    )


def _order(order: ToldOrder, time: datetime) -> Order:
    return Order(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        state=order.state,
        filled_quantity=order.filled,
        update_time=time,
    )


def _move(order: ToldOrder, line: Line, position_id: str, roll: str, holdings: Holdings) -> None:
    """The holdings after an order, which may have been told as working in another result."""
    before = holdings.working.pop(order.order_id, None)
    if not order.simulated and order.state not in ENDED:
        working = Working(position_id, line, order.symbol, order.side, order.quantity, order.filled, roll)
        holdings.work(order.order_id, working)
    more = order.filled - (before.filled if before is not None else 0)
    if position_id and more > 0:
        holdings.fill(position_id, line, order.symbol, order.side, more, roll)
