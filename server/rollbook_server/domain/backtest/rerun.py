"""The engine on a chain that is given: what its trades would have filled at, and how it carries the first sale on."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled_on_disk
from rollbook_server.domain.backtest.costs import settlement, trade_fee
from rollbook_server.domain.backtest.engine import Prepared, advance, begin
from rollbook_server.domain.backtest.kernel import OUTCOMES, open_chain
from rollbook_server.domain.backtest.market import Ints
from rollbook_server.domain.backtest.quotes import buying_price, quote_of, selling_price
from rollbook_server.domain.backtest.rows import BacktestChain, StepOutcome
from rollbook_server.domain.backtest.selection import Best
from rollbook_server.domain.backtest.world import Market, Moment, Records, Rules
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
def _sell(
    rules: Rules, market: Market, fees: Records, target: Best, heads: Records, slots: Records, legs: Records
) -> bool:
    """Sells the target at the open of the first bar; whether anybody bought it."""
    bar = market.bars[0]
    moment = Moment(bar.time, bar.open, bar.level_at_open, bar.snapshot_at_open)
    return open_chain(rules, market, fees, moment, heads[0], slots[0], legs[0], target)


def fill(prepared: Prepared, trades: Records) -> None:
    """Writes into TRADEs what the engine would have filled them at."""
    _fill(prepared.rules, prepared.market, prepared.fees, trades)


def carry_on(prepared: Prepared, expiry: int, strike: float, contract: int) -> BacktestChain | None:
    """A contract that is sold at the open of the first bar of a run for one chain, and carried on by the engine to its
    end, or to that of the data. None if nobody bought it."""
    state = begin(prepared)
    target = Best(0, 0.0, 0.0, expiry, strike, contract)
    if not _sell(prepared.rules, prepared.market, prepared.fees, target, state.head, state.slots, state.legs):
        return None
    _, rows = advance(_deciding(prepared, ()), state, prepared.bars_total)
    (chain,) = rows.chains
    return chain


def choice(prepared: Prepared) -> tuple[int, float] | None:
    """Expiry and strike of what the rules would sell at the open of the first bar."""
    once = _deciding(prepared, prepared.market.bars["time"][:1])
    _, rows = advance(once, begin(once), 1)
    steps = rows.steps
    if OUTCOMES[steps.outcome[0]] is not StepOutcome.TRADED:
        return None
    return int(steps.best_expiry[0]), float(steps.best_strike[0])


def _deciding(prepared: Prepared, times: Sequence[int] | Ints) -> Prepared:
    """The same run with decisions at these times only."""
    return replace(prepared, market=prepared.market._replace(decision_times=np.array(times, np.int64)))
