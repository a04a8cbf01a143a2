"""What really traded: the fills of a chain, with orders' aggregates reduced to what no trade has covered yet.

An ORDER_AGGREGATE is an order's cumulative quantity and average price. Its newest report says how much there is and
what it cost in all. Each report's growth stands at that report's own time, so that a position partly closed between
two reports was really held. A real trade of the order takes the place of the growth that its own time falls in, then
of others, oldest first; what is left keeps the price that preserves the newest report's total.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import ZERO, exact, quotient
from rollbook_server.domain.executions import FeeSource, FillSource, PositionEffect, Side
from rollbook_server.domain.history import ChainFill, History, Key, Why
from rollbook_server.domain.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Trade:
    """A quantity that changed hands. `value` is price times quantity times multiplier, exact; `price` is for display
    where an aggregate was partly covered."""

    time: Micros
    key: Key
    instrument: Instrument
    side: Side
    effect: PositionEffect
    quantity: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal | None
    fee_source: FeeSource
    index_price: Decimal | None
    source: FillSource
    trade_id: str
    order_id: str
    roll_number: int
    why: Why


def _trade(
    chain_fill: ChainFill, quantity: Decimal, price: Decimal, value: Decimal, fee: Decimal | None, fee_source: FeeSource
) -> Trade:
    fill = chain_fill.fill
    return Trade(
        fill.executed_time,
        chain_fill.key,
        chain_fill.instrument,
        fill.side,
        chain_fill.effect,
        quantity,
        price,
        value,
        fee,
        fee_source,
        fill.index_price,
        fill.source,
        fill.trade_id,
        fill.order_id,
        chain_fill.roll_number,
        chain_fill.why,
    )


def trades_of(history: History) -> list[Trade]:
    """The chain's trades in the order (time, revision, place). Call it in the exact context."""
    trades: list[Trade] = []
    reports: dict[str, list[ChainFill]] = {}
    for chain_fill in history.fills:
        fill = chain_fill.fill
        if fill.source is FillSource.ORDER_AGGREGATE:
            reports.setdefault(fill.order_id, []).append(chain_fill)
            continue
        value = fill.price * fill.quantity * chain_fill.instrument.multiplier
        trades.append(_trade(chain_fill, fill.quantity, fill.price, value, chain_fill.fee, chain_fill.fee_source))
    for order_id, of_order in reports.items():
        trades += _uncovered(of_order, [trade for trade in trades if trade.order_id == order_id])
    trades.sort(key=lambda trade: (trade.time, trade.key))
    return trades


def _uncovered(reports: list[ChainFill], covering: list[Trade]) -> Iterable[Trade]:
    """The part of an order's aggregate that its trades do not cover, one trade per growth of the reports."""
    reports = sorted(reports, key=lambda report: (report.fill.executed_time, report.key))
    newest = reports[-1]
    total = newest.fill.quantity
    covered = sum((trade.quantity for trade in covering), ZERO)
    rest = total - covered
    if rest <= 0:
        return []
    multiplier = newest.instrument.multiplier
    value = newest.fill.price * total * multiplier - sum((trade.value for trade in covering), ZERO)
    price = quotient(value, rest * multiplier, 18) if covering else newest.fill.price
    fee = newest.fee
    if fee is not None:
        fee -= sum((trade.fee for trade in covering if trade.fee is not None), ZERO)

    growths = _growths(reports, total)
    for trade in sorted(covering, key=lambda trade: trade.time):
        _cover(growths, trade)
    growths = [growth for growth in growths if growth[1]]
    pieces: list[Trade] = []
    for report, quantity in growths:
        last = report is growths[-1][0]
        if last:
            piece_value = value - sum((piece.value for piece in pieces), ZERO)
        elif covering:
            piece_value = quotient(value * quantity, rest, 18)
        else:
            piece_value = newest.fill.price * quantity * multiplier
        # The fee is the order's: it stands on the last growth, whole.
        piece_fee = fee if last or fee is None else ZERO
        pieces.append(_trade(report, quantity, price, piece_value, piece_fee, newest.fee_source))
    return pieces


_Growth = list[Any]
"""[report, quantity that is not covered yet]."""


def _growths(reports: list[ChainFill], total: Decimal) -> list[_Growth]:
    """By how much each report grew the order, up to the newest report's total."""
    growths: list[_Growth] = []
    reached = ZERO
    for report in reports:
        now = min(report.fill.quantity, total)
        if now > reached:
            growths.append([report, now - reached])
            reached = now
    return growths


def _cover(growths: list[_Growth], trade: Trade) -> None:
    """Takes a trade's quantity out of the growth that it was a part of, then out of others."""
    left = trade.quantity
    for growth in sorted(growths, key=lambda growth: growth[0].fill.executed_time < trade.time):
        taken = min(left, growth[1])
        growth[1] -= taken
        left -= taken


@exact
def held(history: History, symbol: str, at: Micros) -> Decimal:
    """How much of a contract the chain held at an instant, by the trades up to it; 0 once it has expired."""
    quantity = ZERO
    for trade in trades_of(history):
        if trade.instrument.symbol == symbol and trade.time <= at < trade.instrument.expiry_time:
            quantity += trade.quantity if trade.effect is PositionEffect.OPENING else -trade.quantity
    return quantity
