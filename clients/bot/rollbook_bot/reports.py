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
    Mode,
    Order,
    OrderState,
    RecordFillsRequest,
    Side,
)
from rollbook_bot.holdings import Holdings, Line, Working
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
    """The id that a result has by itself: that of its orders, if each has one. Else none, and it is empty."""
    ids = [order.order_id for order in told.orders]
    if not ids or not all(ids):
        return told.request_id
    return made_id(account, told.mode, told.action, *ids)


def line_of(told: Told) -> Line:
    """Which chains it may belong to."""
    return Line(told.mode, told.underlying, told.strategy, told.strategy_name)


def report(told: Told, request_id: str, time: datetime, account: str, holdings: Holdings) -> ExecutionResult | None:
    """The execution of a result that is told for the first time; None if nothing came of it and it names no chain.

    An OPEN on a contract that is held is an ADD; an OPEN after a roll of the same line that was left half done names
    its chain, and so completes it. A CLOSE or ROLL names the chain that holds its contract, if that is one.
    """
    line = line_of(told)
    action, position_id = _place(told, line, request_id, holdings)
    orders = [_named(order, request_id, number) for number, order in enumerate(told.orders)]
    fills = tuple(fill for order in orders if order.filled for fill in _fills(order, order.trades, time))
    status = _status(told, orders)
    if status is ExecutionStatus.ERROR and action is not Action.OPEN and not position_id:
        return None
    for order in orders:
        _move(order, line, position_id, holdings, time, rolls=action is Action.ROLL)
    if action is Action.ROLL and position_id in holdings.chains:
        chain = holdings.chains[position_id]
        opens = any(order.side is Side.SELL and (order.filled or order.state not in ENDED) for order in orders)
        chain.half_rolled = not chain.held and not opens and bool(fills)
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


def news(told: Told, time: datetime, account: str, holdings: Holdings) -> Iterator[RecordFillsRequest]:
    """What has become of orders since they were told, where the same result is told again."""
    for order in told.orders:
        known = holdings.order(order.order_id)
        if known is not None:
            command = follow(order, known, told.mode, time, account, holdings)
            if command is not None:
                yield command


def follow(
    order: ToldOrder, known: Working, mode: Mode, time: datetime, account: str, holdings: Holdings
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
    chain = holdings.chains.get(known.position_id)
    if chain is not None and more > 0:
        holdings.fill(known.position_id, chain.line, order.symbol, order.side, more)
    known.filled = max(order.filled, known.filled)
    known.traded += traded(fresh)
    known.trade_ids += [trade.trade_id for trade in fresh]
    told_as_ended = known.ended is not None
    if order.state in ENDED or told_as_ended:
        holdings.end(order.order_id, known, time)
    if chain is not None and known.rolls and not chain.held:
        # What a roll bought back is gone, and what it was to sell never came: an OPEN completes it.
        bought, never_sold = order.side is Side.BUY and more > 0, ends and not known.filled
        chain.half_rolled = chain.half_rolled or bought or never_sold
    holdings.settle(known.position_id)
    in_sum = more > 0 and known.filled > known.traded
    words = [str(order.filled.normalize()), order.state, *(trade.trade_id for trade in fresh)]
    return RecordFillsRequest(
        request_id=made_id(account, mode, "fills", order.order_id, *words),
        account=account,
        mode=mode,
        fills=_fills(order, fresh, time, in_sum=in_sum),
        orders=() if told_as_ended else (_order(order, time),),
    )


def _place(told: Told, line: Line, request_id: str, holdings: Holdings) -> tuple[Action, str]:
    """What it does in which chain; a name of its own for a new one, so that later results can name it at once."""
    if told.action is not Action.OPEN:
        holding = holdings.holding(line, told.from_symbol if told.action is Action.ROLL else told.symbol)
        return told.action, holding[0] if len(holding) == 1 else ""
    holding = holdings.holding(line, told.symbol)
    if holding:
        return Action.ADD, holding[-1]
    half = holdings.half_rolled(line)
    if half:
        return Action.OPEN, half[0]
    return Action.OPEN, f"{told.symbol}-{request_id[:8]}"


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


def _move(order: ToldOrder, line: Line, position_id: str, holdings: Holdings, time: datetime, *, rolls: bool) -> None:
    """The holdings after an order that is told for the first time."""
    if position_id and order.filled:
        holdings.fill(position_id, line, order.symbol, order.side, order.filled)
    if order.simulated:
        return
    known = Working(
        position_id,
        order.symbol,
        order.side,
        order.quantity,
        order.filled,
        traded(order.trades),
        [trade.trade_id for trade in order.trades],
        rolls,
    )
    if order.state in ENDED:
        holdings.end(order.order_id, known, time)
    else:
        holdings.working[order.order_id] = known
