"""What really traded: the fills of a chain, with orders' aggregates reduced to what no trade has covered yet.

An ORDER_AGGREGATE is an order's cumulative quantity and average price. Its newest report says how much there is and
what it cost in all. Each report's growth stands at that report's own time, so that a position partly closed between
two reports was really held. A real trade of the order takes the place of the growth that its own time falls in, then
of others; what is left keeps the price that preserves the newest report's total.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

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
    stands_for: tuple[Key, ...] = ()
    """The reports of the order's aggregate of whose growth it took the last."""


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
        covering = [trade for trade in trades if trade.order_id == order_id]
        trades = [trade for trade in trades if trade.order_id != order_id]
        trades += _uncovered(of_order, covering)
    trades.sort(key=lambda trade: (trade.time, trade.key))
    return trades


def _uncovered(reports: list[ChainFill], covering: list[Trade]) -> Iterable[Trade]:
    """An order's trades, and the part of its aggregate that they do not cover: one trade per growth of the reports."""
    reports = sorted(reports, key=lambda report: (report.fill.executed_time, report.key))
    newest = reports[-1]
    total = newest.fill.quantity
    growths = _growths(reports, total)
    covering = _cover(growths, covering)
    rest = total - sum((trade.quantity for trade in covering), ZERO)
    if rest <= 0:
        return covering
    multiplier = newest.instrument.multiplier
    value = newest.fill.price * total * multiplier - sum((trade.value for trade in covering), ZERO)
    price = quotient(value, rest * multiplier, 18)
    even = price * rest * multiplier == value  # else the price has no end, and each piece but the last is rounded
    fee = newest.fee
    if fee is not None:
        fee -= sum((trade.fee for trade in covering if trade.fee is not None), ZERO)

    growths = [growth for growth in growths if growth.left]
    pieces: list[Trade] = []
    for growth in growths:
        last = growth is growths[-1]
        if last:
            piece_value = value - sum((piece.value for piece in pieces), ZERO)
        else:
            piece_value = price * growth.left * multiplier if even else quotient(value * growth.left, rest, 18)
        # The fee is the order's: it stands on the last growth, whole.
        piece_fee = fee if last or fee is None else ZERO
        pieces.append(_trade(growth.report, growth.left, price, piece_value, piece_fee, newest.fee_source))
    return covering + pieces


@dataclass(slots=True)
class _Growth:
    """By how much a report grew its order, and what of it is not covered yet."""

    report: ChainFill
    left: Decimal


def _growths(reports: list[ChainFill], total: Decimal) -> list[_Growth]:
    """The growths up to the newest report's total."""
    growths: list[_Growth] = []
    reached = ZERO
    for report in reports:
        now = min(report.fill.quantity, total)
        if now > reached:
            growths.append(_Growth(report, now - reached))
            reached = now
    return growths


def _cover(growths: list[_Growth], trades: list[Trade]) -> list[Trade]:
    """Takes each trade's quantity out of the growth that its time falls in, then out of later ones, then out of those
    before; returns the trades, each with the reports that it now stands for."""
    taken_from: list[tuple[Trade, list[_Growth]]] = []
    for trade in sorted(trades, key=lambda trade: (trade.time, trade.key)):
        left, touched = trade.quantity, []
        for growth in sorted(growths, key=lambda growth: growth.report.fill.executed_time < trade.time):
            taken = min(left, growth.left)
            if taken:
                touched.append(growth)
                growth.left -= taken
                left -= taken
        taken_from.append((trade, touched))
    return [
        replace(trade, stands_for=tuple(growth.report.key for growth in touched if not growth.left))
        for trade, touched in taken_from
    ]


@exact
def held(history: History, symbol: str, at: Micros) -> Decimal:
    """How much of a contract the chain held at an instant, by the trades up to it; 0 once it has expired."""
    quantity = ZERO
    for trade in trades_of(history):
        if trade.instrument.symbol == symbol and trade.time <= at < trade.instrument.expiry_time:
            quantity += trade.quantity if trade.effect is PositionEffect.OPENING else -trade.quantity
    return quantity
