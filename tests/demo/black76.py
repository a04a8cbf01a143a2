"""Black-76 without interest: what an option on a forward is worth, and how much of the forward it moves by."""

import math


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _d1(forward: float, strike: float, years: float, volatility: float) -> float:
    deviation = volatility * math.sqrt(years)
    return math.log(forward / strike) / deviation + deviation / 2


def delta(forward: float, strike: float, years: float, volatility: float, call: bool) -> float:
    """Change of the price per unit of the forward: 0 to 1 for a call, -1 to 0 for a put."""
    return _normal(_d1(forward, strike, years, volatility)) - (0 if call else 1)


def vega(forward: float, strike: float, years: float, volatility: float) -> float:
    """Change of the price per volatility point."""
    d1 = _d1(forward, strike, years, volatility)
    return forward * math.sqrt(years) * math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi) / 100


def price(forward: float, strike: float, years: float, volatility: float, call: bool) -> float:
    """In the currency of forward and strike."""
    d1 = _d1(forward, strike, years, volatility)
    d2 = d1 - volatility * math.sqrt(years)
    sign = 1 if call else -1
    return sign * (forward * _normal(sign * d1) - strike * _normal(sign * d2))
