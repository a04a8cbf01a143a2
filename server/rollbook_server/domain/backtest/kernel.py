"""A run, bar by bar: one compiled loop over a stretch of bars, for modelled and recorded quotes alike.

In one bar, in this order: at its open what expired while there was no bar, the orders that wait, a wheel's purchase of
coins, the decisions; at its close what expires, the triggers, whose orders wait for the next bar, the account. What a
stretch does depends on the state and the market alone, so any cutting gives the same bits.
"""

import math

from rollbook_server.domain.backtest.compiled import compiled, compiled_on_disk, inlined
from rollbook_server.domain.backtest.costs import collateral, settlement, trade_fee
from rollbook_server.domain.backtest.market import Floats
from rollbook_server.domain.backtest.quotes import buying_price, modelled, offer, quote_of, selling_price
from rollbook_server.domain.backtest.rows import StepOutcome, Trigger
from rollbook_server.domain.backtest.selection import Best, Roll, affordable, best_candidate
from rollbook_server.domain.backtest.wheel import buy_coins, chain_begins, holds_coins, least_strike, leg_ended
from rollbook_server.domain.backtest.world import NOTHING, POINT, Market, Moment, Quote, Record, Records, Rules
from rollbook_server.domain.clock import DAY

TRIGGERS = tuple(Trigger)
OUTCOMES = tuple(StepOutcome)
EXPIRY, STOP, DEFEND, TAKE_PROFIT, MIN_DTE = (
    TRIGGERS.index(trigger)
    for trigger in (Trigger.EXPIRY, Trigger.STOP, Trigger.DEFEND, Trigger.TAKE_PROFIT, Trigger.MIN_DTE)
)
TRADED, MAX_OPEN_CHAINS, NO_CANDIDATES, BELOW_MIN_SCORE, NO_BID, NO_DATA, BELOW_COST = range(len(OUTCOMES))

TIME, INDEX_PRICE, EQUITY_COIN, EQUITY_USD, HODL_COIN, HODL_USD, OPEN_CHAINS, COLLATERAL, DELTA = range(len(POINT))

LEGS_OF_A_BAR = 2
"""Legs that a slot can end within a bar, at most: one at its open, one at its close."""


@compiled
def _open_leg(
    rules: Rules, moment: Moment, head: Record, slot: Record, leg: Record, target: Best, quote: Quote, fee: float
) -> None:
    """Sells to open; `slot` has its chain. The price is what a sale fills at."""
    leg.chain = slot.chain
    leg.number = slot.rolls + 1
    leg.contract = target.contract
    leg.expiry = target.expiry
    leg.strike = target.strike
    leg.open_time = moment.time
    leg.open_price = selling_price(rules, quote)
    leg.open_fee = rules.quantity * fee
    leg.open_index = moment.spot
    leg.open_delta = quote.delta
    leg.open_volatility = quote.volatility
    leg.collateral = rules.quantity * collateral(rules, target.strike, moment.spot)
    leg.close_time = 0
    leg.close_price = 0.0
    leg.close_fee = 0.0
    leg.close_index = 0.0
    leg.trigger = NOTHING
    leg.without_offer = 0
    leg.ends_chain = 0
    head.balance += rules.quantity * leg.open_price - leg.open_fee
    slot.mark = leg.open_price
    slot.delta = quote.delta


@compiled
def _close_leg(leg: Record, time: int, price: float, fee: float, index: float) -> None:
    leg.close_time = time
    leg.close_price = price
    leg.close_fee = fee
    leg.close_index = index


@compiled
def _settle(
    rules: Rules, market: Market, fees: Records, head: Record, slot: Record, leg: Record, ended: Records
) -> None:
    """Settles a leg that has expired, and with it its chain."""
    delivery_price = market.days[leg.expiry // DAY - market.first_day].delivery_price
    owed, fee = settlement(rules, fees, leg.expiry, leg.strike, delivery_price)
    head.balance -= owed + fee
    _close_leg(leg, leg.expiry, owed / rules.quantity, fee, delivery_price)
    leg.trigger = EXPIRY
    leg.ends_chain = 1
    ended[0] = leg
    slot.chain = 0
    slot.order = NOTHING


@compiled
def _execute(
    rules: Rules, market: Market, fees: Records, moment: Moment, head: Record, slot: Record, leg: Record, ended: Records
) -> bool:
    """Fills the order that waits and says so, or drops it: the leg is held then, and judged again at the next close. A
    roll is one order for both legs, with the maximum debit as its limit."""
    trigger = slot.order
    slot.order = NOTHING
    held = quote_of(rules, market, moment, leg.expiry, leg.strike, leg.contract)
    cost = buying_price(rules, held)
    if math.isnan(cost):
        return False
    rolls = slot.target_expiry != 0
    if rolls and slot.target_expiry <= moment.time:
        return False  # the order waited over a gap for longer than its target lived: no model has a price of it
    target = Best(0, 0.0, 0.0, slot.target_expiry, slot.target_strike, slot.target_contract)
    quote = held
    opening_fee = 0.0
    if rolls:
        quote = quote_of(rules, market, moment, target.expiry, target.strike, target.contract)
        price = selling_price(rules, quote)
        opening_fee = trade_fee(rules, fees, moment.time, price, moment.spot)
        if not price > opening_fee or not affordable(rules, cost, price, moment.spot):
            return False
    closing_fee = rules.quantity * trade_fee(rules, fees, moment.time, cost, moment.spot)
    head.balance -= rules.quantity * cost + closing_fee
    _close_leg(leg, moment.time, cost, closing_fee, moment.spot)
    leg.trigger = trigger
    leg.without_offer = 1 if math.isnan(held.ask) else 0
    leg.ends_chain = 0 if rolls else 1
    ended[0] = leg
    if rolls:
        slot.rolls += 1
        _open_leg(rules, moment, head, slot, leg, target, quote, opening_fee)
    else:
        slot.chain = 0
    return True


@compiled
def open_chain(
    rules: Rules, market: Market, fees: Records, moment: Moment, head: Record, slot: Record, leg: Record, target: Best
) -> bool:
    """Sells a contract as the first leg of a new chain, and says so; not if nobody bids more than the fee."""
    quote = quote_of(rules, market, moment, target.expiry, target.strike, target.contract)
    price = selling_price(rules, quote)
    fee = trade_fee(rules, fees, moment.time, price, moment.spot)
    if not price > fee:
        return False
    head.chains_begun += 1
    slot.chain = head.chains_begun
    slot.rolls = 0
    slot.order = NOTHING
    _open_leg(rules, moment, head, slot, leg, target, quote, fee)
    return True


@compiled
def _decide(
    cash: Rules, covered: Rules, market: Market, fees: Records, bar: Record, time: int, head: Record, slots: Records,
    legs: Records, lots: Records, step: Record,
) -> None:  # fmt: skip
    """One decision: made by the close before `bar`, filled at its open. If no bar begins at that time, nothing."""
    step.time = time
    step.index_price = bar.last_close
    step.candidates = 0
    step.best_score = math.nan
    step.best_expiry = 0
    step.best_strike = 0.0
    step.outcome = NO_DATA
    step.chain_number = 0
    if bar.time != time or not bar.decidable:
        return
    free = NOTHING
    for k in range(len(slots) - 1, -1, -1):
        if slots[k].chain == 0:
            free = k
    if free == NOTHING:
        step.outcome = MAX_OPEN_CHAINS
        return
    known = Moment(time, bar.last_close, bar.level_at_open, bar.snapshot_at_open)
    rules = covered if holds_coins(lots, free) else cash
    floor = least_strike(lots, free)
    best = best_candidate(rules, market, fees, known, Roll(0, 0.0, 0.0, floor))
    step.candidates = best.candidates
    if best.expiry == 0:
        step.outcome = NO_BID if best.candidates else NO_CANDIDATES
        if best.candidates == 0 and floor > 0.0:
            lower = best_candidate(rules, market, fees, known, Roll(0, 0.0, 0.0, 0.0))
            step.outcome = BELOW_COST if lower.candidates else NO_CANDIDATES
        return
    step.best_score = best.score
    step.best_expiry = best.expiry
    step.best_strike = best.strike
    if best.score < rules.min_score:
        step.outcome = BELOW_MIN_SCORE
        return
    filled = Moment(time, bar.open, bar.level_at_open, bar.snapshot_at_open)
    if not open_chain(rules, market, fees, filled, head, slots[free], legs[free], best):
        step.outcome = NO_BID
        return
    if len(lots):
        chain_begins(lots, free, slots[free].chain, time)
    step.outcome = TRADED
    step.chain_number = slots[free].chain


@inlined
def _trigger(rules: Rules, moment: Moment, leg: Record, quote: Quote) -> int:
    """The first rule, by priority, that applies; NOTHING if none does."""
    price = offer(rules, quote)
    if price / leg.open_price >= rules.stop * (1.0 - 1e-12):  # 0.0006 / 0.0002 is a little less than 3 in doubles
        return STOP
    moneyness = moment.spot / leg.strike if rules.is_call else leg.strike / moment.spot
    if moneyness >= rules.defend:
        return DEFEND
    if 1.0 - price / leg.open_price >= rules.take_profit - 1e-12:  # a quotient of doubles may miss the mark
        return TAKE_PROFIT
    if leg.expiry - moment.time < rules.least_life:
        return MIN_DTE
    return NOTHING


@compiled
def _place_order(
    rules: Rules, market: Market, fees: Records, moment: Moment, slot: Record, leg: Record, quote: Quote, trigger: int,
    floor: float,
) -> None:  # fmt: skip
    """Places the order of the rule that applies: a close for a stop, else a roll. Without a contract to roll into a leg
    that took its profit is closed, and any other is held."""
    slot.target_expiry = 0
    if trigger != STOP and slot.rolls < rules.max_rolls:
        cost = buying_price(rules, quote)
        if math.isnan(cost):
            return
        best = best_candidate(rules, market, fees, moment, Roll(leg.expiry, leg.strike, cost, floor))
        if best.expiry != 0 and best.score >= rules.min_score:
            slot.target_expiry = best.expiry
            slot.target_strike = best.strike
            slot.target_contract = best.contract
    if slot.target_expiry != 0 or trigger in (STOP, TAKE_PROFIT):
        slot.order = trigger


@inlined
def _account(
    rules: Rules, moment: Moment, head: Record, slots: Records, legs: Records, lots: Records, points: Floats, place: int
) -> None:
    """The account at the close of a bar, open options at the newest mark of each, coins at the spot."""
    owed = bound = delta = 0.0
    count = 0
    for k in range(len(slots)):
        slot, leg = slots[k], legs[k]
        if slot.chain != 0:
            count += 1
            owed += rules.quantity * slot.mark
            delta += rules.quantity * abs(slot.delta)
            floats = (rules.is_call and not rules.inverse) or holds_coins(lots, k)  # a coin in USDC: with the index
            bound += rules.quantity * moment.spot if floats else leg.collateral
    value = head.balance - owed
    for k in range(len(lots)):
        if lots[k].coins > 0.0:
            value += lots[k].coins * moment.spot
            delta = lots[k].coins - delta  # of a wheel the net one: what its call takes away from the coins
    in_coin, in_usd = (value, value * moment.spot) if rules.inverse else (value / moment.spot, value)
    hodl_usd = rules.capital_coins * moment.spot + rules.capital_usd
    hodl_coin = rules.capital_coins + rules.capital_usd / moment.spot
    points[TIME, place] = moment.time  # microseconds are exact in a double until the year 2255
    points[INDEX_PRICE, place] = moment.spot
    points[EQUITY_COIN, place] = hodl_coin + in_coin
    points[EQUITY_USD, place] = hodl_usd + in_usd
    points[HODL_COIN, place] = hodl_coin
    points[HODL_USD, place] = hodl_usd
    points[OPEN_CHAINS, place] = count
    points[COLLATERAL, place] = bound
    points[DELTA, place] = delta


@inlined
def at_open(
    rules: Rules, market: Market, fees: Records, moment: Moment, head: Record, slot: Record, leg: Record, ended: Records
) -> int:
    """The open of a bar for one chain: what expired while there was no bar, the order that waits. How many legs ended,
    0 or 1."""
    if leg.expiry <= moment.time:
        _settle(rules, market, fees, head, slot, leg, ended)
        return 1
    if slot.order != NOTHING and _execute(rules, market, fees, moment, head, slot, leg, ended):
        return 1
    return 0


@inlined
def at_close(
    rules: Rules, market: Market, fees: Records, moment: Moment, head: Record, slot: Record, leg: Record, floor: float,
    ended: Records,
) -> int:  # fmt: skip
    """The close of a bar for one chain: its expiry, else its mark and the rules of exit, whose order waits for the next
    bar. No roll goes to a strike below `floor`. How many legs ended, 0 or 1."""
    if leg.expiry <= moment.time:
        _settle(rules, market, fees, head, slot, leg, ended)
        return 1
    if rules.recorded:
        quote = quote_of(rules, market, moment, leg.expiry, leg.strike, leg.contract)
    else:
        quote = modelled(rules, moment, leg.expiry, leg.strike)
    if quote.ask > 0.0 or quote.mark >= 0.0:
        slot.mark = quote.ask if quote.ask > 0.0 else quote.mark
    if not math.isnan(quote.delta):
        slot.delta = quote.delta
    trigger = _trigger(rules, moment, leg, quote) if rules.rolls else NOTHING
    if trigger != NOTHING:
        _place_order(rules, market, fees, moment, slot, leg, quote, trigger, floor)
    return 0


@compiled_on_disk
def advance(
    cash: Rules, covered: Rules, market: Market, fees: Records, heads: Records, slots: Records, legs: Records,
    lots: Records, begun: int, until: int, steps: Records, points: Floats, ended: Records, turned: Records,
) -> tuple[int, int, int]:  # fmt: skip
    """Runs the bars up to `until`, or until `ended` could overflow. Writes the state (`heads`, `slots`, `legs`; `lots`,
    which only a wheel has) and the rows; of points, one a bar, the first is of bar `begun`. `covered` are the rules of
    a slot that holds coins, `cash` those of any other. Returns how many steps, ended legs and turned cycles there
    are."""
    bars, decision_times = market.bars, market.decision_times
    head = heads[0]
    wheel = len(lots) > 0
    step_count = count = cycles = 0
    room = len(ended) - LEGS_OF_A_BAR * len(slots)
    while head.bars_done < until and count <= room:
        bar = bars[head.bars_done]
        moment = Moment(bar.time, bar.open, bar.level_at_open, bar.snapshot_at_open)
        for k in range(len(slots)):
            if slots[k].chain != 0:
                rules = covered if holds_coins(lots, k) else cash
                if at_open(rules, market, fees, moment, head, slots[k], legs[k], ended[count : count + 1]):
                    if wheel:
                        cycles += leg_ended(rules, head, lots[k], ended[count], turned[cycles : cycles + 1])
                    count += 1
        for k in range(len(lots)):
            if lots[k].awaited:
                buy_coins(cash, head, lots[k], bar.time, bar.open)
        while head.decisions_done < len(decision_times) and decision_times[head.decisions_done] <= bar.time:
            time = decision_times[head.decisions_done]
            _decide(cash, covered, market, fees, bar, time, head, slots, legs, lots, steps[step_count])
            step_count += 1
            head.decisions_done += 1
        closed = bar.time + market.interval
        moment = Moment(closed, bar.close, bar.level_at_close, bar.snapshot_at_close)
        for k in range(len(slots)):
            if slots[k].chain != 0:
                rules = covered if holds_coins(lots, k) else cash
                floor = least_strike(lots, k)
                if at_close(rules, market, fees, moment, head, slots[k], legs[k], floor, ended[count : count + 1]):
                    if wheel:
                        cycles += leg_ended(rules, head, lots[k], ended[count], turned[cycles : cycles + 1])
                    count += 1
        _account(cash, moment, head, slots, legs, lots, points, head.bars_done - begun)
        head.bars_done += 1
        head.simulated_time = closed
    return step_count, count, cycles
