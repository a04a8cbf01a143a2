"""What a trade costs: ticks, spreads, fees, payoffs at expiry, and the collateral that it binds.

Payoff and delivery fee are rounded half-even, to 8 places in a coin and 6 in USDC, as the ledger rounds them, so that a
replay through the ledger agrees.
"""

import math

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled, inlined
from rollbook_server.domain.backtest.grid import BTC
from rollbook_server.domain.backtest.world import FEE, SHORT_DATED, Record, Records, Rules
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.fees import fee_tables
from rollbook_server.domain.instruments import DERIBIT, ContractStyle

COARSE_FROM = 0.005
"""The coin price above which the tick is 0.0005."""
_MIDDLE = 1e-7
"""Of the last place: above the error of doubles, below what prices with four places after the point can differ by."""
_SLACK = 1e-9
"""Of a tick: what a price computed in doubles may be off without being on the next tick."""


@inlined
def _tick(rules: Rules, price: float) -> tuple[float, float]:
    """The tick at a price, as (numerator, denominator): ticks divided by a whole number are the nearest doubles of
    their decimals, so that the price of a fill is spelled as the venue spells it."""
    if rules.inverse:
        return (1.0, 2000.0) if price > COARSE_FROM else (1.0, 10000.0)
    return (5.0, 1.0) if rules.coin == BTC else (1.0, 5.0)


@inlined
def floor_tick(rules: Rules, price: float) -> float:
    """The highest price of the grid that is not above `price`."""
    if not rules.ticks:
        return price
    numerator, denominator = _tick(rules, price)
    return math.floor(price * denominator / numerator + _SLACK) * numerator / denominator


@inlined
def ceil_tick(rules: Rules, price: float) -> float:
    """The lowest price of the grid that is not below `price`, and at least one tick: nothing is bought for nothing."""
    if not rules.ticks:
        return price
    numerator, denominator = _tick(rules, price)
    return max(math.ceil(price * denominator / numerator - _SLACK), 1.0) * numerator / denominator


@inlined
def half_spread(rules: Rules, life: int) -> float:
    """Volatility points between the mark and a side of the quote."""
    return rules.short_half_spread if life < SHORT_DATED else rules.half_spread


def fees_of(style: ContractStyle, charged: bool) -> Records:
    """The venue's table for takers, oldest first; all zero if nothing is charged."""
    if not charged:
        return np.zeros(1, FEE)
    inverse = style is ContractStyle.INVERSE
    rows = [
        (
            table.effective,
            float(table.inverse if inverse else table.linear_taker),
            float(table.premium_cap),
            float(table.delivery),
            float(table.payoff_cap),
        )
        for table in fee_tables(DERIBIT)
    ]
    return np.array(rows, FEE)


@inlined
def _fee_at(fees: Records, time: int) -> Record:
    row = len(fees) - 1
    while row > 0 and fees[row].effective > time:
        row -= 1
    return fees[row]


@inlined
def trade_fee(rules: Rules, fees: Records, time: int, price: float, spot: float) -> float:
    """Taker's fee per coin."""
    fee = _fee_at(fees, time)
    full: float = fee.taker if rules.inverse else fee.taker * spot
    cap: float = fee.premium_cap * price
    return min(full, cap)


@compiled
def _rounded(rules: Rules, value: float) -> float:
    """Half-even to the places of the settlement currency. What lies in the middle in decimals lies a little beside it
    in doubles, and 1.5 bp of an odd number of cents always does: 0.00015 * 3,456.01 = 0.5184015."""
    scale = 1e8 if rules.inverse else 1e6
    whole = math.floor(value * scale)
    part = value * scale - whole
    up = whole % 2.0 == 1.0 if abs(part - 0.5) < _MIDDLE else part > 0.5
    return (whole + 1.0) / scale if up else whole / scale


@compiled
def settlement(rules: Rules, fees: Records, expiry: int, strike: float, delivery_price: float) -> tuple[float, float]:
    """(payoff, delivery fee) of the whole leg. Dailies (an expiry on another day than a Friday) and worthless options
    pay no fee."""
    value = max(delivery_price - strike if rules.is_call else strike - delivery_price, 0.0)
    if value == 0.0:
        return 0.0, 0.0
    owed = rules.quantity * value
    if rules.inverse:
        owed /= delivery_price
    rates = _fee_at(fees, expiry)
    full = rates.delivery * rules.quantity
    if not rules.inverse:
        full *= delivery_price
    friday = (expiry // DAY + 3) % 7 == 4
    fee = min(_rounded(rules, full), _rounded(rules, rates.payoff_cap * owed)) if friday else 0.0
    return _rounded(rules, owed), fee


@inlined
def collateral(rules: Rules, strike: float, spot: float) -> float:
    """Per coin, in the settlement currency, at an index: inverse call 1, linear call the index, linear put the
    strike, inverse put strike / index."""
    if rules.inverse:
        return 1.0 if rules.is_call else strike / spot
    return spot if rules.is_call else strike
