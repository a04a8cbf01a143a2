"""What open contracts come to at their expiry, by the price of the coin then. Pure; floats, because it is a drawing.

Payoff per coin: inverse call max(S-K, 0)/S, inverse put max(K-S, 0)/S in coins; linear max(S-K, 0) or max(K-S, 0) in
the quote currency. Delivery fees are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollbook.models import ContractStyle, LegState, OptionType, PositionChain, PositionLeg, Side

STEPS = 160
MARGIN = 0.35
"""How far the drawing goes beyond index and strikes, as a share."""


@dataclass(frozen=True)
class Leg:
    """An open contract: `coins` is below 0 for a short one."""

    coins: float
    strike: float
    call: bool
    inverse: bool

    def payoff(self, price: float) -> float:
        """Cash to us at expiry, in the settlement currency."""
        inside = max(price - self.strike if self.call else self.strike - price, 0.0)
        return self.coins * (inside / price if self.inverse else inside)


@dataclass(frozen=True)
class Payoff:
    """The profit at expiry of what is open.

    Attributes:
        prices: Of the coin at expiry, ascending; strikes and break-evens are among them.
        profit: In the settlement currency: premium of what is open, and payoff.
        profit_usd: In USD, coins at that price; what was received in coins is held in coins until then.
        break_evens: Prices at which the profit changes its sign.
        several_expiries: The contracts expire at several times, and are drawn as if the price were the same at each.
    """

    prices: tuple[float, ...]
    profit: tuple[float, ...]
    profit_usd: tuple[float, ...]
    break_evens: tuple[float, ...]
    several_expiries: bool = False


def legs_of(chain: PositionChain) -> list[PositionLeg]:
    """What is open and has not expired."""
    return [leg for leg in chain.legs if leg.state is LegState.OPEN and leg.open_quantity]


def payoff(chain: PositionChain, index: float | None) -> Payoff | None:
    """Of what is open; None if nothing is, or if a contract has no strike."""
    open_legs = legs_of(chain)
    legs = [leg for leg in map(_leg, open_legs) if leg is not None]
    if not legs or len(legs) != len(open_legs):
        return None
    premium = sum(float(leg.open_credit or 0) for leg in open_legs)
    around = [leg.strike for leg in legs] + ([index] if index else [])
    prices = _prices(min(around) * (1 - MARGIN), max(around) * (1 + MARGIN), [leg.strike for leg in legs])
    crossings = _crossings(legs, premium, prices)
    prices = sorted({*prices, *crossings})
    profit = [_profit(legs, premium, price) for price in prices]
    inverse = legs[0].inverse
    expiries = {leg.instrument.expiry_time for leg in open_legs if leg.instrument}
    return Payoff(
        tuple(prices),
        tuple(profit),
        tuple(one * price if inverse else one for one, price in zip(profit, prices, strict=True)),
        tuple(crossings),
        len(expiries) > 1,
    )


def _leg(leg: PositionLeg) -> Leg | None:
    contract = leg.instrument
    if contract is None or contract.strike is None or leg.open_quantity is None:
        return None
    coins = float(leg.open_quantity * (contract.multiplier or 1))
    return Leg(
        -coins if leg.side is Side.SELL else coins,
        float(contract.strike),
        contract.option_type is OptionType.CALL,
        contract.style is ContractStyle.INVERSE,
    )


def _profit(legs: Iterable[Leg], premium: float, price: float) -> float:
    return premium + sum(leg.payoff(price) for leg in legs)


def _prices(low: float, high: float, strikes: Iterable[float]) -> list[float]:
    low, high = float(f"{low:.2g}"), float(f"{high:.2g}")  # ends that can be read
    return sorted({*(low + (high - low) * step / STEPS for step in range(STEPS + 1)), *strikes})


def _crossings(legs: Sequence[Leg], premium: float, prices: Sequence[float]) -> list[float]:
    """By bisection, to a millionth of a per cent."""
    found = []
    for low, high in itertools.pairwise(prices):
        one, other = _profit(legs, premium, low), _profit(legs, premium, high)
        if one == 0.0 or one * other >= 0.0:
            continue
        for _ in range(60):
            middle = (low + high) / 2
            if _profit(legs, premium, middle) * one > 0:
                low = middle
            else:
                high = middle
        found.append((low + high) / 2)
    return found
