"""An order's cumulative reports stand for those of its trades that nobody has told yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from tests.support.model.facts import FillFact
from tests.support.model.numbers import ZERO, half_even, total


@dataclass
class _Slice:
    """What one report said beyond those before it, as far as no trade has told it."""

    report: FillFact
    rest: Fraction


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
    """Trades take the place of the slices that they were part of; the rest of each stays at its report's time."""
    newest = max(aggregates, key=_when)
    slices = _slices(aggregates, newest.fill.quantity)
    counted = _replace_slices(slices, trades)
    rest = [part for part in slices if part.rest > 0]
    left = newest.fill.quantity - total(trade.fill.quantity for trade in trades)
    if left <= 0:
        return counted
    # One price and one fee preserve the totals of the newest report; the fee goes with the last slice, and where the
    # price needs more than 18 places, the money of each slice but the last is rounded to 18.
    money = newest.fill.price * newest.fill.quantity - total(trade.fill.price * trade.fill.quantity for trade in trades)
    fee = None if newest.fee is None else newest.fee - total(trade.fee or ZERO for trade in trades)
    unspent = money * newest.contract.multiplier
    for part in rest:
        last = part is rest[-1]
        fill = replace(part.report.fill, quantity=part.rest, price=money / left)
        share = replace(part.report, fill=fill, fee=fee if last or fee is None else ZERO, fee_source=newest.fee_source)
        short = half_even(fill.price, 18) == fill.price
        premium = unspent if last else share.premium if short else half_even(share.premium, 18)
        counted.append(replace(share, stated_premium=premium))
        unspent -= premium
    return counted


def _replace_slices(slices: Sequence[_Slice], trades: Sequence[FillFact]) -> list[FillFact]:
    """The trades, each with the reports that it finished off. A trade is told first by the next report after it."""
    touched: list[list[_Slice]] = []
    trades = sorted(trades, key=_when)
    for trade in trades:
        later = [part for part in slices if part.report.time >= trade.time]
        earlier = [part for part in slices if part.report.time < trade.time]
        mine: list[_Slice] = []
        unplaced = trade.fill.quantity
        for part in later + earlier:
            if unplaced > 0 and part.rest > 0:
                mine.append(part)
                step = min(unplaced, part.rest)
                unplaced, part.rest = unplaced - step, part.rest - step
        touched.append(mine)
    return [
        replace(trade, reported_before=frozenset(part.report.arrival for part in mine if part.rest == 0))
        for trade, mine in zip(trades, touched, strict=True)
    ]


def _slices(aggregates: Sequence[FillFact], whole: Fraction) -> list[_Slice]:
    slices: list[_Slice] = []
    reached = ZERO
    for report in sorted(aggregates, key=_when):
        until = min(report.fill.quantity, whole)
        if until > reached:
            slices.append(_Slice(report, until - reached))
            reached = until
    return slices


def _when(fact: FillFact) -> tuple[datetime, int, int]:
    return fact.time, fact.revision, fact.place
