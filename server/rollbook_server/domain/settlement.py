"""What an option pays at expiry.

Per coin, with delivery price S and strike K: inverse call max(S-K,0)/S, inverse put max(K-S,0)/S; linear call
max(S-K,0), linear put max(K-S,0).
"""

from decimal import Decimal

from rollbook_server.domain.decimals import ONE, ZERO, exact, quotient
from rollbook_server.domain.instruments import ContractStyle, Instrument, OptionType


def intrinsic(instrument: Instrument, delivery_price: Decimal) -> tuple[Decimal, Decimal]:
    """The payoff of one coin as an unreduced fraction (numerator, denominator)."""
    if instrument.option_type is OptionType.CALL:
        value = delivery_price - instrument.strike
    else:
        value = instrument.strike - delivery_price
    return max(value, ZERO), delivery_price if instrument.style is ContractStyle.INVERSE else ONE


@exact
def payoff(instrument: Instrument, quantity: Decimal, delivery_price: Decimal) -> Decimal:
    """What `quantity` (> 0) pays its holder, rounded once: 8 places in a coin, 6 in a quote currency."""
    value, divisor = intrinsic(instrument, delivery_price)
    return quotient(quantity * instrument.multiplier * value, divisor, instrument.money_places)
