"""What would have become of each contract that a decision could have sold: its chain, alone, to its end.

A chain does not look at the others: a slot that is free is all that an entry needs, and rolls ask for none. So a chain
that is carried on alone by the kernel's own steps (`open_chain`, `at_open`, `at_close`) is the one that the run had
where the run opened it, and elsewhere the one that it would have had. A wheel's chains do look at each other, through
its coins: there are no counterfactuals of them (labelling.demand_labels).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled, compiled_on_disk, inlined
from rollbook_server.domain.backtest.engine import Prepared
from rollbook_server.domain.backtest.kernel import at_close, at_open, open_chain
from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.selection import Best, Roll, best_candidate, judge, search
from rollbook_server.domain.backtest.world import (
    HEAD,
    LEG,
    NOTHING,
    SLOT,
    Market,
    Moment,
    Quote,
    Record,
    Records,
    Rules,
)
from rollbook_server.domain.clock import DAY

ROOM = 8192
"""Rows at a time: about a quarter of a second of work, and two megabytes."""

ACTION = np.dtype(
    [
        ("decision", "i8"),
        ("expiry", "i8"),
        ("strike", "f8"),
        ("contract", "i8"),
        ("delta", "f8"),
        ("volatility", "f8"),
        ("price", "f8"),
        ("score", "f8"),
        ("filled", "i8"),
        ("ended", "i8"),
        ("end_time", "i8"),
        ("rolls", "i8"),
        ("trigger", "i8"),
        ("net", "f8"),
        ("net_turned", "f8"),
        ("collateral_days", "f8"),
        ("collateral_days_turned", "f8"),
    ]
)
"""What a decision could do, and what became of it. `expiry` 0 sells nothing, and ends with its decision. Delta to score
are known at the decision; `price` is what a sale would fill at by then. `filled` says whether it did, `ended` whether
its end is in the data. Money is in the settlement currency; turned, in the other one of coin and USD, each line at the
index of its time. A leg's collateral is turned at its open."""


class _Listing(NamedTuple):
    """The first so many of the rows are taken."""

    taken: int
    rows: Records


@inlined
def _listed(
    rules: Rules,
    fees: Records,
    moment: Moment,
    roll: Roll,  # noqa: ARG001 - the search says it
    quote: Quote,
    expiry: int,
    strike: float,
    contract: int,
    found: _Listing,
) -> _Listing:
    """The rows with one more contract, if it can be sold."""
    judged = judge(rules, fees, moment, quote, expiry, strike)
    if math.isnan(judged.score):
        return found
    row = found.rows[found.taken]
    row.expiry = expiry
    row.strike = strike
    row.contract = contract
    row.delta = quote.delta
    row.volatility = quote.volatility
    row.price = judged.price
    row.score = judged.score
    return _Listing(found.taken + 1, found.rows)


_search_all = search(_listed)


@inlined
def _first_bar(market: Market, time: int) -> int:
    """The first bar that begins at an instant or after it."""
    low, high = 0, len(market.bars)
    while low < high:
        middle = (low + high) // 2
        if market.bars[middle].time < time:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _add_leg(rules: Rules, leg: Record, row: Record) -> None:
    received = rules.quantity * leg.open_price - leg.open_fee
    paid = rules.quantity * leg.close_price + leg.close_fee
    days = leg.collateral * ((leg.close_time - leg.open_time) / DAY)
    row.net += received - paid
    row.collateral_days += days
    if rules.inverse:
        row.net_turned += received * leg.open_index - paid * leg.close_index
        row.collateral_days_turned += days * leg.open_index
    else:
        row.net_turned += received / leg.open_index - paid / leg.close_index
        row.collateral_days_turned += days / leg.open_index


@inlined
def _begin(row: Record, decision: int, time: int) -> None:
    """Nothing has become of it yet."""
    row.decision = decision
    row.filled = 0
    row.ended = 0
    row.end_time = time
    row.rolls = 0
    row.trigger = NOTHING
    row.net = 0.0
    row.net_turned = 0.0
    row.collateral_days = 0.0
    row.collateral_days_turned = 0.0


@inlined
def _skip(row: Record, decision: int, time: int) -> None:
    """Selling nothing."""
    _begin(row, decision, time)
    row.ended = 1
    row.expiry = 0
    row.strike = 0.0
    row.contract = NOTHING
    row.delta = 0.0
    row.volatility = 0.0
    row.price = 0.0
    row.score = 0.0


@compiled
def _follow(
    rules: Rules, market: Market, fees: Records, entry: int, head: Record, slot: Record, leg: Record, ended: Records,
    row: Record,
) -> None:  # fmt: skip
    """Carries a chain on from the bar at whose open it was sold to its end, and writes what became of it."""
    place = entry
    if not rules.rolls:  # nothing but its expiry can happen to it
        place = max(place, _first_bar(market, leg.expiry - market.interval))
    while place < len(market.bars) and slot.chain != 0:
        bar = market.bars[place]
        if place > entry:
            moment = Moment(bar.time, bar.open, bar.level_at_open, bar.snapshot_at_open)
            if at_open(rules, market, fees, moment, head, slot, leg, ended):
                _add_leg(rules, ended[0], row)
        if slot.chain != 0:
            moment = Moment(bar.time + market.interval, bar.close, bar.level_at_close, bar.snapshot_at_close)
            if at_close(rules, market, fees, moment, head, slot, leg, 0.0, ended):
                _add_leg(rules, ended[0], row)
        place += 1
    row.rolls = slot.rolls
    if slot.chain == 0:
        row.ended = 1
        row.end_time = ended[0].close_time
        row.trigger = ended[0].trigger


@compiled_on_disk
def _follow_all(
    rules: Rules, market: Market, fees: Records, first: int, until: int, expiries: Ints, strikes: Floats,
    others: bool, heads: Records, slots: Records, legs: Records, ended: Records, candidates: Ints, rows: Records,
) -> tuple[int, int]:  # fmt: skip
    """Of the decisions from `first` on, as many as fit into the rows, or up to `until`. A decision has a row for doing
    nothing and one for each contract that can be sold; without `others`, one for what the run did (`expiries` and
    `strikes`, 0 for nothing). Writes of each decision its number of candidates, NOTHING where none could be made.
    Returns up to which decision, and how many rows."""
    count = 0
    for decision in range(first, until):
        time = market.decision_times[decision]
        place = _first_bar(market, time)
        candidates[decision - first] = NOTHING
        if place == len(market.bars):
            continue
        bar = market.bars[place]
        if bar.time != time or not bar.decidable:
            continue
        known = Moment(time, bar.last_close, bar.level_at_open, bar.snapshot_at_open)
        within = best_candidate(rules, market, fees, known, Roll(0, 0.0, 0.0, 0.0)).candidates
        if count + within + 1 > len(rows):
            return decision, count
        candidates[decision - first] = within
        sold = expiries[decision] != 0
        if others or not sold:
            _skip(rows[count], decision, time)
            count += 1
        if not (others or sold):
            continue
        start = count
        listed = _search_all(rules, market, fees, known, Roll(0, 0.0, 0.0, 0.0), _Listing(0, rows[start:])).taken
        filled = Moment(time, bar.open, bar.level_at_open, bar.snapshot_at_open)
        for number in range(start, start + listed):
            if not others:
                if rows[number].expiry != expiries[decision] or rows[number].strike != strikes[decision]:
                    continue
                rows[count] = rows[number]
            row = rows[count]
            count += 1
            _begin(row, decision, time)
            target = Best(0, row.score, 0.0, row.expiry, row.strike, row.contract)
            if open_chain(rules, market, fees, filled, heads[0], slots[0], legs[0], target):
                row.filled = 1
                _follow(rules, market, fees, place, heads[0], slots[0], legs[0], ended, row)
            else:
                row.ended = 1
    return until, count


@dataclass(frozen=True, slots=True)
class Actions:
    """What some decisions could do, and what became of it."""

    first: int
    until: int
    """The decisions are those from `first` to the one before."""
    candidates: Ints
    """Contracts within the spec's ranges at each of them; NOTHING where none could be made (until - first,)."""
    rows: Records
    """ACTION, in the order of decisions; within one, doing nothing first, then the contracts as they are listed."""


def follow(prepared: Prepared, first: int, expiries: Ints, strikes: Floats, others: bool) -> Actions:
    """Of the decisions from `first` on, as many as make about ROOM rows. `expiries` and `strikes` are of the contracts
    that the run sold at each of its decisions (n,), 0 where it sold none; without `others` only that has a row."""
    arguments = (prepared.rules, prepared.market, prepared.fees)
    scratch = (np.zeros(1, HEAD), np.zeros(1, SLOT), np.zeros(1, LEG), np.zeros(1, LEG))
    room, most = ROOM, len(expiries)
    while True:
        rows = np.zeros(room, ACTION)
        candidates = np.zeros(most - first, np.int64)
        until, count = _follow_all(*arguments, first, most, expiries, strikes, others, *scratch, candidates, rows)
        if until > first or first == most:
            return Actions(first, until, candidates[: until - first].copy(), rows[:count].copy())
        room *= 4  # a decision has more contracts than that
