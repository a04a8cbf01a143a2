"""The engine on a chain that is given: what its trades would have filled at, and how the engine carries its first sale
on, by the kernel's own steps."""

import math
from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled_on_disk
from rollbook_server.domain.backtest.costs import settlement, trade_fee
from rollbook_server.domain.backtest.engine import Prepared
from rollbook_server.domain.backtest.kernel import at_close, at_open, open_chain
from rollbook_server.domain.backtest.quotes import buying_price, quote_of, selling_price
from rollbook_server.domain.backtest.selection import Best, Roll, best_candidate
from rollbook_server.domain.backtest.world import HEAD, LEG, SLOT, Market, Moment, Records, Rules
from rollbook_server.domain.clock import DAY

SALE, PURCHASE, SETTLEMENT = range(3)

TRADE = np.dtype(
    [
        ("kind", "i8"),
        ("time", "i8"),
        ("index", "f8"),
        ("level", "f8"),
        ("snapshot", "i8"),
        ("expiry", "i8"),
        ("strike", "f8"),
        ("contract", "i8"),
        ("coins", "f8"),
        ("price", "f8"),
        ("fee", "f8"),
        ("without_offer", "i8"),
    ]
)
"""A trade that the engine is asked about, and from `price` on its answer: the price per coin, NaN where it could not
have filled, and the fee of all coins. Of a settlement the index is the delivery price, and the coins are all there
are."""


@compiled_on_disk
def _fill(rules: Rules, market: Market, fees: Records, trades: Records) -> None:
    for number in range(len(trades)):
        trade = trades[number]
        trade.without_offer = 0
        if trade.kind == SETTLEMENT:
            trade.index = market.days[trade.expiry // DAY - market.first_day].delivery_price
            owed, fee = settlement(rules, fees, trade.expiry, trade.strike, trade.index)
            trade.price = owed / rules.quantity
            trade.fee = fee
            continue
        moment = Moment(trade.time, trade.index, trade.level, trade.snapshot)
        quote = quote_of(rules, market, moment, trade.expiry, trade.strike, trade.contract)
        if trade.kind == PURCHASE:
            trade.price = buying_price(rules, quote)
            trade.without_offer = 1 if math.isnan(quote.ask) else 0
        else:
            trade.price = selling_price(rules, quote)
        trade.fee = trade.coins * trade_fee(rules, fees, trade.time, trade.price, trade.index)


@compiled_on_disk
def _carry_on(
    rules: Rules, market: Market, fees: Records, target: Best, heads: Records, slots: Records, legs: Records,
    ended: Records,
) -> tuple[int, int, float]:  # fmt: skip
    """Sells the target at the open of the first bar and carries it on to its end. Returns how many legs ended, and what
    the rules would have sold in its place (expiry 0: nothing)."""
    head, slot, leg = heads[0], slots[0], legs[0]
    bar = market.bars[0]
    known = Moment(bar.time, bar.last_close, bar.level_at_open, bar.snapshot_at_open)
    best = Best(0, math.nan, 0.0, 0, 0.0, 0)
    if bar.decidable:
        best = best_candidate(rules, market, fees, known, Roll(0, 0.0, 0.0))
        if best.expiry != 0 and best.score < rules.min_score:
            best = Best(0, math.nan, 0.0, 0, 0.0, 0)
    moment = Moment(bar.time, bar.open, bar.level_at_open, bar.snapshot_at_open)
    if not open_chain(rules, market, fees, moment, head, slot, leg, target):
        return 0, best.expiry, best.strike
    count = place = 0
    while place < len(market.bars) and slot.chain != 0:
        bar = market.bars[place]
        if place > 0:
            moment = Moment(bar.time, bar.open, bar.level_at_open, bar.snapshot_at_open)
            count += at_open(rules, market, fees, moment, head, slot, leg, ended[count : count + 1])
        if slot.chain != 0:
            moment = Moment(bar.time + market.interval, bar.close, bar.level_at_close, bar.snapshot_at_close)
            count += at_close(rules, market, fees, moment, head, slot, leg, ended[count : count + 1])
        place += 1
    return count, best.expiry, best.strike


def fill(prepared: Prepared, trades: Records) -> None:
    """Writes into TRADEs what the engine would have filled them at."""
    _fill(prepared.rules, prepared.market, prepared.fees, trades)


@dataclass(frozen=True, slots=True)
class Carried:
    """The engine's own chain of a contract that is given."""

    legs: Records
    """LEG, those that ended; none if nobody would have bought the first."""
    open_leg: Records
    """LEG, the one that is open at the end of the data (1,), or none."""
    choice: tuple[int, float] | None
    """Expiry and strike of what the rules would have sold in its place."""


def carry_on(prepared: Prepared, expiry: int, strike: float, contract: int) -> Carried:
    """Sells a contract at the open of the first bar, and goes on by the rules."""
    heads, slots, legs = np.zeros(1, HEAD), np.zeros(1, SLOT), np.zeros(1, LEG)
    ended = np.zeros(prepared.rules.max_rolls + 2, LEG)
    target = Best(0, 0.0, 0.0, expiry, strike, contract)
    count, best_expiry, best_strike = _carry_on(
        prepared.rules, prepared.market, prepared.fees, target, heads, slots, legs, ended
    )
    return Carried(
        legs=ended[:count],
        open_leg=legs[slots["chain"] != 0],
        choice=(best_expiry, best_strike) if best_expiry else None,
    )
