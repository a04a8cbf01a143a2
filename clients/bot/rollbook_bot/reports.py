"""From a told result to the ledger's commands, with what is held so far. Holdings move with what is reported."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from rollbook import (
    Action,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    Order,
    OrderState,
    RecordFillsRequest,
    Side,
)
from rollbook_bot.contracts import underlying_of
from rollbook_bot.held import FollowedOrder, Line
from rollbook_bot.holdings import Holdings
from rollbook_bot.told import Told, ToldOrder
from rollbook_bot.venue_trades import VenueTrade, traded

_NAMESPACE = uuid.UUID("6d1b8f0e-6f0a-5f0c-9d59-0a5b0c3d7f21")
"""Of the ids that are made of what happened."""

_LONGEST, _MOST = 1_024, 32
"""Characters of a text, and errors, that the ledger takes: a venue's words must not keep an execution out."""
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
    its chain, and so completes it. A CLOSE or ROLL names the chain that holds its contract, if that is one. Of a ROLL
    that goes on after it was left half done only what it sells is in the execution: what it bought back was told.
    """
    line = line_of(told)
    action, position_id, roll = _place(told, line, request_id, account, holdings)
    orders = [_named(order, request_id, number) for number, order in enumerate(told.orders)]
    if action is Action.ROLL and roll != request_id:
        orders = [order for order in orders if order.side is Side.SELL]
    fills = tuple(fill for order in orders if order.filled for fill in _fills(order, order.trades, time))
    status = _status(told, orders)
    if status is ExecutionStatus.ERROR and action is not Action.OPEN and not position_id:
        return None
    for order in orders:
        _move(order, line, position_id, roll, holdings, time)
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
        errors=tuple(error[:_LONGEST] for error in told.errors[:_MOST]),
        exit_style=told.exit_style,
        reason=told.reason[:_LONGEST],
        decision_id=told.decision_id,
        trigger=told.trigger,
    )


def news(told: Told, request_id: str, time: datetime, account: str, holdings: Holdings) -> Iterator[RecordFillsRequest]:
    """What has become of orders since they were told, where the same result is told again."""
    for order in (_named(order, request_id, number) for number, order in enumerate(told.orders)):
        known = holdings.order(order.order_id)
        if known is not None:
            command = follow(order, known, time, account, holdings)
            if command is not None:
                yield command


def follow(
    order: ToldOrder, known: FollowedOrder, time: datetime, account: str, holdings: Holdings
) -> RecordFillsRequest | None:
    """More of an order that was told has filled, or its trades are known now, or it has ended; None if nothing of it.

    Only trades that were not told go out. What was told in sum and comes as trades now is counted once: in the ledger
    an order's trades take the place of its sum.
    """
    fresh = tuple(trade for trade in order.trades if trade.trade_id not in known.trade_ids)
    more = order.filled - known.filled
    ends = order.state in ENDED and known.ended is None
    if more <= 0 and not fresh and not ends:
        return None
    if known.position_id and more > 0:
        holdings.fill(known.position_id, known.line, known.symbol, known.side, more, known.roll)
    known.filled = max(order.filled, known.filled)
    known.traded += traded(fresh)
    known.trade_ids += [trade.trade_id for trade in fresh]
    told_as_ended = known.ended is not None
    if order.state in ENDED or told_as_ended:
        holdings.end(order.order_id, known, time)
    holdings.settle(known.position_id)
    in_sum = more > 0 and known.filled > known.traded
    mode = known.line.mode
    # The time is part of it: where the disk was full the same may be told again at another time, after a kill, and the
    # ledger takes an order's sum twice, but not one command with two times.
    words = [str(order.filled.normalize()), order.state, *(trade.trade_id for trade in fresh), time.isoformat()]
    return RecordFillsRequest(
        request_id=made_id(account, mode, "fills", order.order_id, *words),
        account=account,
        mode=mode,
        fills=_fills(order, fresh, time, in_sum=in_sum),
        orders=() if told_as_ended else (_order(order, time),),
    )


def _place(told: Told, line: Line, request_id: str, account: str, holdings: Holdings) -> tuple[Action, str, str]:
    """What it does in which chain, and as part of which roll; a new chain gets a name of its own, so that later results
    can name it at once."""
    if told.action is Action.CLOSE:
        holding = holdings.holding(line, told.symbol)
        return told.action, holding[0] if len(holding) == 1 else "", ""
    if told.action is Action.ROLL:
        holding = holdings.holding(line, told.from_symbol)
        if not holding and _bought_before(told, account, holdings):  # the rest of one that was left half done
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


def _bought_before(told: Told, account: str, holdings: Holdings) -> bool:
    """Whether all that a roll buys back was told before: it is tried again, or its dict has grown."""
    return all(
        holdings.order(order.order_id) is not None
        or (order.order_id and made_id(account, told.mode, told.action, order.order_id) in holdings.told)
        for order in told.orders
        if order.side is Side.BUY
    )


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


def _fills(
    order: ToldOrder, trades: Sequence[VenueTrade], time: datetime, *, in_sum: bool | None = None
) -> tuple[Fill, ...]:
    """What of an order is filled: by its trades, and in sum where they are not all of it."""
    if in_sum is None:
        in_sum = order.filled > traded(trades)
    fills = [_trade(order, trade) for trade in trades]
    if in_sum:
        fills.append(_sum(order, time))
    return tuple(fills)


def _trade(order: ToldOrder, trade: VenueTrade) -> Fill:
    """A trade of the venue, at the venue's time."""
    return Fill(
        source=FillSource.VENUE_TRADE,
        trade_id=trade.trade_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        index_price=trade.index_price,
        executed_time=trade.time,
        liquidity=trade.liquidity,
    )


def _sum(order: ToldOrder, time: datetime) -> Fill:
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
        label=order.label,
        update_time=time,
    )


def _move(order: ToldOrder, line: Line, position_id: str, roll: str, holdings: Holdings, time: datetime) -> None:
    """The holdings after an order, which may have been told before in another result."""
    if order.simulated:
        if position_id:
            holdings.fill(position_id, line, order.symbol, order.side, order.filled, roll)
        return
    known = FollowedOrder(position_id, line, order.symbol, order.side, order.quantity, roll=roll)
    before = holdings.order(order.order_id)
    if before is not None:
        known.filled, known.traded, known.trade_ids = before.filled, before.traded, before.trade_ids
    more = order.filled - known.filled
    fresh = [trade for trade in order.trades if trade.trade_id not in known.trade_ids]
    known.filled = max(order.filled, known.filled)
    known.traded += traded(fresh)
    known.trade_ids = [*known.trade_ids, *(trade.trade_id for trade in fresh)]
    if order.state in ENDED:
        holdings.end(order.order_id, known, time)
    else:
        holdings.work(order.order_id, known)
    if position_id and more > 0:
        holdings.fill(position_id, line, order.symbol, order.side, more, roll)
