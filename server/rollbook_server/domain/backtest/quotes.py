"""The quote of a contract at an instant, modelled or recorded, and the prices at which an order fills there."""

import math

from rollbook_server.domain.backtest.compiled import compiled, inlined
from rollbook_server.domain.backtest.costs import ceil_tick, floor_tick, half_spread
from rollbook_server.domain.backtest.pricing import valued
from rollbook_server.domain.backtest.smile import volatility_of
from rollbook_server.domain.backtest.world import NOTHING, YEAR, Market, Moment, Quote, Rules


@inlined
def forward_of(rules: Rules, moment: Moment, expiry: int) -> float:
    """F = S e^(bT)."""
    if rules.basis == 0.0:
        return moment.spot
    return moment.spot * math.exp(rules.basis * (expiry - moment.time) / YEAR)


@inlined
def modelled(rules: Rules, moment: Moment, expiry: int, strike: float) -> Quote:
    """Black-76 with smile, half spread in volatility points and ticks; `expiry` is after the moment. All missing where
    no volatility is known."""
    if not moment.level > 0.0:
        return Quote(math.nan, math.nan, math.nan, math.nan, math.nan)
    years = (expiry - moment.time) / YEAR
    forward = forward_of(rules, moment, expiry)
    volatility = volatility_of(moment.level, rules.slope, rules.curvature, forward, strike, years)
    price, delta, vega = valued(forward, strike, years, volatility, rules.is_call)
    # The venue marks a linear option as the coin's price at the index.
    unit = 1.0 / forward if rules.inverse else moment.spot / forward
    mark = price * unit
    half = half_spread(rules, expiry - moment.time) * vega * unit
    bid = floor_tick(rules, mark - half)
    return Quote(bid if bid > 0.0 else math.nan, ceil_tick(rules, mark + half), mark, delta, volatility)


@compiled
def row_of(market: Market, snapshot: int, contract: int) -> int:
    """The row of a contract in a snapshot; NOTHING if it is not in it."""
    low, end = market.snapshots[snapshot].first, market.snapshots[snapshot + 1].first
    high = end
    while low < high:
        middle = (low + high) // 2
        if market.rows[middle].contract < contract:
            low = middle + 1
        else:
            high = middle
    return low if low < end and market.rows[low].contract == contract else NOTHING


@compiled
def recorded(rules: Rules, market: Market, snapshot: int, number: int) -> Quote:
    """A row of a snapshot: its own bid and ask, its delta by its own volatility."""
    row = market.rows[number]
    delta = math.nan
    if row.volatility > 0.0:
        contract = market.contracts[row.contract]
        years = (contract.expiry - market.snapshots[snapshot].time) / YEAR
        delta = valued(row.forward, contract.strike, years, row.volatility, rules.is_call)[1]
    bid = row.bid if row.bid > 0.0 else math.nan
    ask = row.ask if row.ask > 0.0 else math.nan
    return Quote(bid, ask, row.mark, delta, row.volatility)


@inlined
def quote_of(rules: Rules, market: Market, moment: Moment, expiry: int, strike: float, contract: int) -> Quote:
    """The quote of a contract that is held; all missing where no fresh snapshot has it."""
    if not rules.recorded:
        return modelled(rules, moment, expiry, strike)
    if moment.snapshot != NOTHING:
        row = row_of(market, moment.snapshot, contract)
        if row != NOTHING:
            return recorded(rules, market, moment.snapshot, row)
    return Quote(math.nan, math.nan, math.nan, math.nan, math.nan)


@inlined
def selling_price(rules: Rules, quote: Quote) -> float:
    """What a sale fills at: the bid, or the middle rounded down; NaN if nobody bids."""
    if rules.at_mid and quote.bid > 0.0 and quote.ask > 0.0:
        return floor_tick(rules, 0.5 * (quote.bid + quote.ask))
    return quote.bid


@inlined
def offer(rules: Rules, quote: Quote) -> float:
    """What a leg can be bought at for sure: the ask, or (where the rules say so) the mark plus the penalty; NaN if
    neither is there. Triggers are judged by it."""
    if math.isnan(quote.ask) and rules.penalised and quote.mark > 0.0:
        return ceil_tick(rules, quote.mark * (1.0 + rules.penalty))
    return quote.ask


@inlined
def buying_price(rules: Rules, quote: Quote) -> float:
    """What a purchase fills at: the offer, or the middle rounded up where both sides are there."""
    if rules.at_mid and quote.bid > 0.0 and quote.ask > 0.0:
        return ceil_tick(rules, 0.5 * (quote.bid + quote.ask))
    return offer(rules, quote)
