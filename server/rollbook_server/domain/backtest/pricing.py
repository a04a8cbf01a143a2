"""Black-76 without interest, as the venue marks: r = 0, on the forward of the expiry, T in years of 365 days.

Source: F. Black, "The pricing of commodity contracts" (1976), and the venue's own tickers: delta on the forward and
not adjusted for the premium, gamma per USD, vega per volatility point, theta per calendar day (the venue's own theta is
never below minus the option's value; this one is the plain derivative). All in USD per coin; volatility is a fraction.

At expiry, or without volatility, an option is worth what it pays, and its delta is 0 or +-1.
"""

import math

from rollbook_server.domain.backtest.compiled import inlined, vectorised

DAYS_OF_YEAR = 365.0
_ROOT_TWO = math.sqrt(2.0)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


@inlined
def normal(x: float) -> float:
    """Standard normal distribution, accurate in its lower tail too."""
    return 0.5 * math.erfc(-x / _ROOT_TWO)


@inlined
def density(x: float) -> float:
    """Standard normal density."""
    return math.exp(-0.5 * x * x) / _ROOT_TWO_PI


@inlined
def valued(forward: float, strike: float, years: float, volatility: float, is_call: bool) -> tuple[float, float, float]:
    """(price, delta, vega) of one option."""
    sign = 1.0 if is_call else -1.0
    deviation = volatility * math.sqrt(max(years, 0.0))
    if deviation <= 0.0:
        intrinsic = sign * (forward - strike)
        return (intrinsic, sign, 0.0) if intrinsic > 0.0 else (0.0, 0.0, 0.0)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    in_delta = normal(sign * d1)
    price = sign * (forward * in_delta - strike * normal(sign * (d1 - deviation)))
    return max(price, 0.0), sign * in_delta, forward * density(d1) * math.sqrt(years) / 100.0


@vectorised
def prices(forward: float, strike: float, years: float, volatility: float, is_call: bool) -> float:
    """Price in USD per coin. Over the forward it is an inverse option's; times index / forward, a linear one's."""
    return valued(forward, strike, years, volatility, is_call)[0]


@vectorised
def deltas(forward: float, strike: float, years: float, volatility: float, is_call: bool) -> float:
    """Change of the price per USD of the forward: 0 to 1 for a call, -1 to 0 for a put."""
    return valued(forward, strike, years, volatility, is_call)[1]


@vectorised
def vegas(forward: float, strike: float, years: float, volatility: float, is_call: bool) -> float:
    """Change of the price per volatility point."""
    return valued(forward, strike, years, volatility, is_call)[2]


@vectorised
def gammas(forward: float, strike: float, years: float, volatility: float) -> float:
    """Change of delta per USD of the forward."""
    deviation = volatility * math.sqrt(max(years, 0.0))
    if deviation <= 0.0:
        return 0.0
    return density(math.log(forward / strike) / deviation + 0.5 * deviation) / (forward * deviation)


@vectorised
def thetas(forward: float, strike: float, years: float, volatility: float) -> float:
    """Change of the price per calendar day, below 0; the same for call and put, as there is no interest."""
    deviation = volatility * math.sqrt(max(years, 0.0))
    if deviation <= 0.0:
        return 0.0
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    return -forward * density(d1) * volatility / (2.0 * math.sqrt(years) * DAYS_OF_YEAR)
