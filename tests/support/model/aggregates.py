"""An order's cumulative reports stand for those of its trades that nobody has told yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.support.model.facts import FillFact
from tests.support.model.numbers import ZERO, half_even, total


@dataclass(frozen=True)
class _Slice:
    """What one report said beyond those before it, as a stretch of the order's cumulative quantity."""

    report: FillFact
    start: Fraction
    end: Fraction


def cover_aggregates(fills: Sequence[FillFact]) -> list[FillFact]:
    """The fills that count: trades, and of each order's aggregates what its trades leave uncovered."""
    aggregated = dict.fromkeys(fact.fill.order_id for fact in fills if fact.fill.source == "ORDER_AGGREGATE")
    counted = [fact for fact in fills if fact.fill.order_id not in aggregated]
    for order_id in aggregated:
        reports = [fact for fact in fills if fact.fill.order_id == order_id]
        counted += _of_order(
            aggregates=[fact for fact in reports if fact.fill.source == "ORDER_AGGREGATE"],
            trades=[fact for fact in reports if fact.fill.source != "ORDER_AGGREGATE"],
        )
    return counted


def _of_order(aggregates: Sequence[FillFact], trades: Sequence[FillFact]) -> list[FillFact]:
    """Trades take the place of the first slices; the rest of each stays at the time of the report that told of it."""
    newest = max(aggregates, key=lambda fact: (fact.time, fact.revision, fact.place))
    slices = _slices(aggregates, newest.fill.quantity)
    counted: list[FillFact] = []
    covered = ZERO
    for trade in sorted(trades, key=lambda fact: fact.arrival):
        end = covered + trade.fill.quantity
        replaced = [part.report.arrival for part in slices if part.start < end and part.end > covered]
        # It is the same fill to its leg's number, whatever stood for it first.
        counted.append(replace(trade, origin=min([trade.arrival, *replaced])))
        covered = end
    left = newest.fill.quantity - covered
    if left <= 0:
        return counted
    # One price and one fee preserve the totals of the newest report; the fee goes with the last slice, and where the
    # price needs more than 18 places, the money of each slice but the last is rounded to 18.
    money = newest.fill.price * newest.fill.quantity - total(trade.fill.price * trade.fill.quantity for trade in trades)
    fee = None if newest.fee is None else newest.fee - total(trade.fee or ZERO for trade in trades)
    rest = [part for part in slices if part.end > covered]
    unspent = money * newest.contract.multiplier
    for part in rest:
        last = part is rest[-1]
        fill = replace(part.report.fill, quantity=part.end - max(part.start, covered), price=money / left)
        share = replace(part.report, fill=fill, fee=fee if last or fee is None else ZERO, fee_source=newest.fee_source)
        short = half_even(fill.price, 18) == fill.price
        premium = unspent if last else share.premium if short else half_even(share.premium, 18)
        counted.append(replace(share, stated_premium=premium))
        unspent -= premium
    return counted


def _slices(aggregates: Sequence[FillFact], whole: Fraction) -> list[_Slice]:
    slices: list[_Slice] = []
    reached = ZERO
    for report in sorted(aggregates, key=lambda fact: (fact.time, fact.revision, fact.place)):
        until = min(report.fill.quantity, whole)
        if until > reached:
            slices.append(_Slice(report, reached, until))
            reached = until
    return slices
