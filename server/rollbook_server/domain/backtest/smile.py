"""The volatility of a strike: a parabola in deviations (lab rules 3).

x = ln(K / F) / (level * sqrt(T)) within 2.5, volatility = level * (1 + slope * x + curvature * x * x).
"""

import math

from rollbook_server.domain.backtest.compiled import inlined

WIDEST = 2.5
"""Deviations beyond which the parabola is not followed: out there it was never measured."""
LOWEST = 0.05
"""Of the level: a spec may bend the parabola below 0, and a volatility cannot be there."""


@inlined
def volatility_of(level: float, slope: float, curvature: float, forward: float, strike: float, years: float) -> float:
    """Volatility of a strike, as a fraction; `years` > 0."""
    x = math.log(strike / forward) / (level * math.sqrt(years))
    x = min(max(x, -WIDEST), WIDEST)
    return level * max(1.0 + slope * x + curvature * x * x, LOWEST)
