"""What the ledger's last entries say that the disk may not know after a kill, if it was full: commands that were told,
and orders of which more may be told, those of closed chains among them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rollbook import Action, Fill, LedgerEntry, Order, OrderState
from rollbook_bot.contracts import underlying_of
from rollbook_bot.held import FollowedOrder, Line


def commands_in(entries: Sequence[LedgerEntry]) -> dict[str, str]:
    """The request_ids of executions, in the order of the entries, with the times at which they were executed."""
    told = [entry.execution.execution for entry in entries if entry.execution is not None]
    return {
        execution.request_id: execution.executed_time.isoformat() if execution.executed_time is not None else ""
        for execution in told
        if execution is not None
    }


def orders_in(entries: Sequence[LedgerEntry]) -> dict[str, FollowedOrder]:
    """The orders of executions, by order_id, as the entries after them leave them; the oldest entry comes first."""
    found: dict[str, FollowedOrder] = {}
    for entry in entries:
        orders, fills = _reported(entry)
        execution = entry.execution.execution if entry.execution is not None else None
        for order in orders:
            if execution is not None and entry.position_id and order.order_id not in found:
                found[order.order_id] = FollowedOrder(
                    position_id=entry.position_id,
                    line=Line(execution.mode, underlying_of(order.symbol), execution.strategy, execution.strategy_name),
                    symbol=order.symbol,
                    side=order.side,
                    quantity=order.quantity or Decimal(0),
                    roll=execution.request_id if execution.action is Action.ROLL else "",
                )
            known = found.get(order.order_id)
            if known is not None:
                known.filled = max(known.filled, order.filled_quantity or Decimal(0))
                if order.state is not OrderState.OPEN:
                    known.ended = known.ended or order.update_time or entry.event_time
        for fill in fills:
            known = found.get(fill.order_id)
            if known is not None and fill.trade_id and fill.trade_id not in known.trade_ids:
                known.trade_ids.append(fill.trade_id)
                known.traded += fill.quantity or Decimal(0)
    return found


def _reported(entry: LedgerEntry) -> tuple[Sequence[Order], Sequence[Fill]]:
    if entry.execution is not None and entry.execution.execution is not None:
        return entry.execution.execution.orders, entry.execution.execution.fills
    return (entry.fills.orders, entry.fills.fills) if entry.fills is not None else ((), ())
