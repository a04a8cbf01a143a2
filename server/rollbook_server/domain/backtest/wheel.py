"""The wheel's coins, as a part of the kernel: options settle in cash, so what a put "assigns" is bought (lab rules 11).

A put in the money at its expiry costs its payoff, and the coins are bought at the next bar's open, before anything is
decided there. What they cost is K - premiums + (S_buy - S_delivery), premiums less buy-backs and fees per coin, of all
puts of the cycle. A call in the money at its expiry sells them at its delivery price, and the cycle is over. Coins are
traded without a fee.
"""

from rollbook_server.domain.backtest.compiled import compiled, inlined
from rollbook_server.domain.backtest.world import Record, Records, Rules


@inlined
def holds_coins(lots: Records, slot: int) -> bool:
    """Whether the slot of a wheel has its coins: then it sells calls."""
    return len(lots) > 0 and lots[slot].coins > 0.0


@inlined
def least_strike(lots: Records, slot: int) -> float:
    """Below it nothing is sold in a slot."""
    return lots[slot].effective_cost if holds_coins(lots, slot) else 0.0


@compiled
def chain_begins(lots: Records, slot: int, chain: int, time: int) -> None:
    """Counts a chain to the cycle of its slot; the first put after a cycle's end begins the next one."""
    lot = lots[slot]
    if lot.start_time == 0 or lot.end_time != 0:
        newest = 0
        for each in range(len(lots)):
            newest = max(newest, lots[each].cycle)
        lot.cycle = newest + 1
        lot.start_time = time
        lot.end_time = 0
        lot.first_chain = chain
        lot.put_premium = 0.0
        lot.put_costs = 0.0
        lot.call_premium = 0.0
        lot.call_costs = 0.0
        lot.payoffs = 0.0
        lot.put_strike = 0.0
        lot.put_delivery = 0.0
        lot.purchase_time = 0
        lot.purchase_price = 0.0
        lot.effective_cost = 0.0
        lot.call_strike = 0.0
        lot.sale_price = 0.0
    lot.last_chain = chain


@compiled
def leg_ended(rules: Rules, head: Record, lot: Record, leg: Record, turned: Records) -> int:
    """Counts a leg to its cycle. In the money at its expiry, a put has the coins bought at the next open, and a call
    sells them: how many cycles ended and are written to `turned`, 0 or 1."""
    received = rules.quantity * leg.open_price
    paid = rules.quantity * leg.close_price
    costs = leg.open_fee + leg.close_fee
    expired = leg.close_time == leg.expiry  # an order fills before it, or not at all
    if expired:
        lot.payoffs += paid
    else:
        costs += paid
    in_the_money = expired and paid > 0.0
    if lot.coins > 0.0:
        lot.call_premium += received
        lot.call_costs += costs
        if in_the_money:
            head.balance += lot.coins * leg.close_index
            lot.call_strike = leg.strike
            lot.sale_price = leg.close_index
            lot.end_time = leg.close_time
            lot.coins = 0.0
            turned[0] = lot
            return 1
    else:
        lot.put_premium += received
        lot.put_costs += costs
        if in_the_money:
            lot.put_strike = leg.strike
            lot.put_delivery = leg.close_index
            lot.awaited = 1
    return 0


@compiled
def buy_coins(rules: Rules, head: Record, lot: Record, time: int, price: float) -> None:
    """Buys what a put has assigned."""
    lot.awaited = 0
    lot.coins = rules.quantity
    lot.purchase_time = time
    lot.purchase_price = price
    kept = (lot.put_premium - lot.put_costs) / rules.quantity
    lot.effective_cost = lot.put_strike - kept + (price - lot.put_delivery)
    head.balance -= rules.quantity * price
