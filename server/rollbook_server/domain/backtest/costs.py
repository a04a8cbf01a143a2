"""What a trade costs: ticks, spreads, fees, payoffs at expiry, and the collateral that it binds.

Payoff and delivery fee are rounded half-even, to 8 places in a coin and 6 in USDC, as the ledger rounds them, so that a
replay through the ledger agrees.
"""

import math

import numpy as np

from rollbook_server.domain.backtest.compiled import compiled
from rollbook_server.domain.backtest.grid import BTC
from rollbook_server.domain.backtest.market import Floats
from rollbook_server.domain.backtest.world import SHORT_DATED, Fees, Rules
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.fees import fee_tables
from rollbook_server.domain.instruments import DERIBIT, ContractStyle

COARSE_FROM = 0.005
"""The coin price above which the tick is 0.0005."""
_SLACK = 1e-9
"""Of a tick: what a price computed in doubles may be off without being on the next tick."""


@compiled
def _tick(rules: Rules, price: float) -> tuple[float, float]:
    """The tick at a price, as (numerator, denominator): ticks divided by a whole number are the nearest doubles of
    their decimals, so that the price of a fill is spelled as the venue spells it."""
    if rules.inverse:
        return (1.0, 2000.0) if price > COARSE_FROM else (1.0, 10000.0)
    return (5.0, 1.0) if rules.coin == BTC else (1.0, 5.0)


@compiled
def floor_tick(rules: Rules, price: float) -> float:
    """The highest price of the grid that is not above `price`."""
    if not rules.ticks:
        return price
    numerator, denominator = _tick(rules, price)
    return math.floor(price * denominator / numerator + _SLACK) * numerator / denominator


@compiled
def ceil_tick(rules: Rules, price: float) -> float:
    """The lowest price of the grid that is not below `price`, and at least one tick: nothing is bought for nothing."""
    if not rules.ticks:
        return price
    numerator, denominator = _tick(rules, price)
    return max(math.ceil(price * denominator / numerator - _SLACK), 1.0) * numerator / denominator


@compiled
def half_spread(rules: Rules, life: int) -> float:
    """Volatility points between the mark and a side of the quote."""
    return rules.short_half_spread if life < SHORT_DATED else rules.half_spread


def fees_of(style: ContractStyle, charged: bool) -> Fees:
    """The venue's table for takers; all zero if nothing is charged."""
    tables = fee_tables(DERIBIT) if charged else ()
    inverse = style is ContractStyle.INVERSE

    def column(values: list[float]) -> Floats:
        return np.array(values or [0.0], np.float64)

    return Fees(
        effective=np.array([table.effective for table in tables] or [0], np.int64),
        taker=column([float(table.inverse if inverse else table.linear_taker) for table in tables]),
        premium_cap=column([float(table.premium_cap) for table in tables]),
        delivery=column([float(table.delivery) for table in tables]),
        payoff_cap=column([float(table.payoff_cap) for table in tables]),
    )


@compiled
def _row(fees: Fees, time: int) -> int:
    row = len(fees.effective) - 1
    while row > 0 and fees.effective[row] > time:
        row -= 1
    return row


@compiled
def trade_fee(rules: Rules, fees: Fees, time: int, price: float, spot: float) -> float:
    """Taker's fee per coin."""
    row = _row(fees, time)
    full = fees.taker[row] if rules.inverse else fees.taker[row] * spot
    return min(full, fees.premium_cap[row] * price)


@compiled
def _rounded(rules: Rules, value: float) -> float:
    scale = 1e8 if rules.inverse else 1e6
    return np.rint(value * scale) / scale


@compiled
def settlement(rules: Rules, fees: Fees, expiry: int, strike: float, delivery_price: float) -> tuple[float, float]:
    """(payoff, delivery fee) of the whole leg. Dailies (an expiry on another day than a Friday) and worthless options
    pay no fee."""
    value = max(delivery_price - strike if rules.is_call else strike - delivery_price, 0.0)
    if value == 0.0:
        return 0.0, 0.0
    owed = rules.quantity * value
    if rules.inverse:
        owed /= delivery_price
    row = _row(fees, expiry)
    full = fees.delivery[row] * rules.quantity
    if not rules.inverse:
        full *= delivery_price
    friday = (expiry // DAY + 3) % 7 == 4
    fee = min(_rounded(rules, full), _rounded(rules, fees.payoff_cap[row] * owed)) if friday else 0.0
    return _rounded(rules, owed), fee


@compiled
def collateral(rules: Rules, strike: float, spot: float) -> float:
    """Per coin, in the settlement currency, at an index: inverse call 1, linear call the index, linear put the
    strike, inverse put strike / index."""
    if rules.inverse:
        return 1.0 if rules.is_call else strike / spot
    return spot if rules.is_call else strike
