"""Which contract is sold: all listed ones within the spec's ranges, ranked by one published score.

ANNUALISED_YIELD: (price - fee) * 365 / (collateral * days) * (1 - |delta| / maximum delta). NEAREST_DELTA:
1 - |delta - target| / target. `price` is what a sale fills at. Ties: nearest target delta, shorter life, lower strike.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from rollbook_server.domain.backtest.compiled import compiled, inlined
from rollbook_server.domain.backtest.costs import collateral, trade_fee
from rollbook_server.domain.backtest.grid import (
    EXPIRY_TIME_OF_DAY,
    REACH,
    WIDEST,
    central_strike,
    next_strike,
    strike_steps,
)
from rollbook_server.domain.backtest.quotes import forward_of, modelled, recorded, selling_price
from rollbook_server.domain.backtest.world import NOTHING, YEAR, Market, Moment, Quote, Records, Rules
from rollbook_server.domain.clock import DAY

_SLACK = 1e-12
"""Of a debit: 0.025 - 0.0245 in doubles is a little more than 0.0005. And of a cost, which is a sum, too."""


class Best(NamedTuple):
    """The best so far; `expiry` 0 is none."""

    candidates: int
    """Contracts within the ranges, whether anybody bids for them or not."""
    score: float
    distance: float
    """Of the delta from its target."""
    expiry: int
    strike: float
    contract: int


class Roll(NamedTuple):
    """What a new contract must satisfy in a roll: not the one that is held, and at most this debit. Of an entry: none
    held, and any price will do."""

    held_expiry: int
    held_strike: float
    cost: float
    """Of buying back what is held."""
    least_strike: float
    """Of a wheel's calls the cost of its coins, else 0."""


@inlined
def affordable(rules: Rules, cost: float, price: float, spot: float) -> bool:
    """Whether rolling at these prices costs at most the maximum debit, as a fraction of the coin; never so
    without a price."""
    debit = cost - price
    return (debit if rules.inverse else debit / spot) <= rules.max_debit + _SLACK


@inlined
def _score(rules: Rules, fee: float, price: float, size: float, days: float, bound: float) -> float:
    if rules.nearest_delta:
        return 1.0 - abs(size - rules.target_delta) / rules.target_delta
    return (price - fee) * 365.0 / (bound * days) * (1.0 - size / rules.max_delta)


@inlined
def _ranks_before(score: float, distance: float, expiry: int, strike: float, best: Best) -> bool:
    if best.expiry == 0 or score != best.score:
        return best.expiry == 0 or score > best.score
    if distance != best.distance:
        return distance < best.distance
    if expiry != best.expiry:
        return expiry < best.expiry
    return strike < best.strike


class Judged(NamedTuple):
    """One contract at an instant."""

    within: bool
    """Whether its delta is; a delta that is not known is in no range."""
    price: float
    """What a sale fills at; NaN without a bid."""
    score: float
    """NaN where the price is not above the fee."""


@inlined
def judge(rules: Rules, fees: Records, moment: Moment, quote: Quote, expiry: int, strike: float) -> Judged:
    """A contract by the spec's range of deltas and its score."""
    size = abs(quote.delta)
    if not rules.min_delta <= size <= rules.max_delta:
        return Judged(False, math.nan, math.nan)
    price = selling_price(rules, quote)
    fee = trade_fee(rules, fees, moment.time, price, moment.spot)
    if not price > fee:
        return Judged(True, price, math.nan)
    days = (expiry - moment.time) / DAY
    return Judged(True, price, _score(rules, fee, price, size, days, collateral(rules, strike, moment.spot)))


@inlined
def offered(roll: Roll, strike: float) -> bool:
    """Whether a strike is high enough."""
    return strike >= roll.least_strike * (1.0 - _SLACK)


@inlined
def _better(
    rules: Rules,
    fees: Records,
    moment: Moment,
    roll: Roll,
    quote: Quote,
    expiry: int,
    strike: float,
    contract: int,
    best: Best,
) -> Best:
    """The best after one more contract."""
    if (expiry == roll.held_expiry and strike == roll.held_strike) or not offered(roll, strike):
        return best
    judged = judge(rules, fees, moment, quote, expiry, strike)
    if not judged.within:
        return best
    best = Best(best.candidates + 1, best.score, best.distance, best.expiry, best.strike, best.contract)
    if math.isnan(judged.score):
        return best
    if roll.held_expiry != 0 and not affordable(rules, roll.cost, judged.price, moment.spot):
        return best
    distance = abs(abs(quote.delta) - rules.target_delta)
    if _ranks_before(judged.score, distance, expiry, strike, best):
        return Best(best.candidates, judged.score, distance, expiry, strike, contract)
    return best


def search(visit: Callable[..., Any]) -> Callable[..., Any]:
    """The search over all listed contracts of the strategy's type within the spec's lives, as a compiled function of
    (rules, market, fees, moment, roll, found). `visit` is called with each of them and what was found before, and
    gives what is found after it; it looks at the deltas."""

    @inlined
    def over_strikes(rules: Rules, fees: Records, moment: Moment, roll: Roll, expiry: int, found: Any) -> Any:
        """Over the modelled strikes of an expiry: from the spot away to both sides, until the delta leaves the range.
        Out of the money prices fall with it, so a roll looks no further than to the first that does not pay for it."""
        life = expiry - moment.time
        forward = forward_of(rules, moment, expiry)
        steps = strike_steps(rules.coin, moment.spot, life / DAY)
        reach = min(math.exp(REACH * moment.level * math.sqrt(life / YEAR)), WIDEST)
        central = central_strike(moment.spot, steps)
        for upwards in (True, False):
            outwards = upwards == rules.is_call  # out of the money, where deltas fall
            strike = central if upwards else next_strike(moment.spot, central, steps, upwards)
            while strike > 0.0 and forward / reach <= strike <= forward * reach:
                quote = modelled(rules, moment, expiry, strike)
                size = abs(quote.delta)
                if (size < rules.min_delta) if outwards else (size > rules.max_delta):
                    break
                price = selling_price(rules, quote)
                if outwards and roll.held_expiry != 0 and not affordable(rules, roll.cost, price, moment.spot):
                    break
                found = visit(rules, fees, moment, roll, quote, expiry, strike, int(NOTHING), found)
                strike = next_strike(moment.spot, strike, steps, upwards)
        return found

    @compiled
    def over_all(rules: Rules, market: Market, fees: Records, moment: Moment, roll: Roll, found: Any) -> Any:
        if rules.recorded:
            if moment.snapshot == NOTHING:
                return found
            for row in range(market.snapshots[moment.snapshot].first, market.snapshots[moment.snapshot + 1].first):
                number = market.rows[row].contract
                contract = market.contracts[number]
                if (
                    contract.is_call != 0
                ) == rules.is_call and rules.min_life <= contract.expiry - moment.time <= rules.max_life:
                    quote = recorded(rules, market, moment.snapshot, row)
                    found = visit(rules, fees, moment, roll, quote, contract.expiry, contract.strike, number, found)
            return found
        day = (moment.time + rules.min_life - EXPIRY_TIME_OF_DAY) // DAY
        while True:
            expiry = day * DAY + EXPIRY_TIME_OF_DAY
            life = expiry - moment.time
            if life > rules.max_life:
                return found
            if life >= rules.min_life and life <= market.days[day - market.first_day].listed_days * DAY:
                found = over_strikes(rules, fees, moment, roll, expiry, found)
            day += 1

    return over_all


_search_best = search(_better)


@compiled
def best_candidate(rules: Rules, market: Market, fees: Records, moment: Moment, roll: Roll) -> Best:
    """The best contract to sell."""
    best: Best = _search_best(rules, market, fees, moment, roll, Best(0, math.nan, 0.0, 0, 0.0, int(NOTHING)))
    return best
