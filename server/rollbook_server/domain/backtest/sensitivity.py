"""How much of a result is the volatility that was assumed: the multiplier is the result (lab rules 2 and 3).

Two questions, two methods:

- PnL per vol point asks what one point of dearer sales is worth *to these trades*: same contracts, same times, same
  buy-backs. It is the sum of quantity·vega of each leg at its sale, so it is exact to first order and needs no other run.
  A rerun at one point more would choose other strikes by delta, and the luck of other trades drowns the point.
- The break-even multiplier, and the PnL with another smile, ask what the *rules* would have earned in a market like that:
  the engine runs again, chooses by the deltas of that market, buys back at its prices. From 0.5 to 2 times the
  volatility the first order says nothing, and a trader there would not have sold the same strikes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rollbook_server.domain.backtest import engine
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.metrics import is_closed
from rollbook_server.domain.backtest.rows import BacktestChain
from rollbook_server.domain.backtest.spec import BacktestSpec, QuoteSource

LOWEST, HIGHEST = 0.5, 2.0
STEP = 0.05
CALL_SKEW = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """In the settlement currency; see BacktestMetrics. None where it cannot be said."""

    pnl_per_vol_point: float | None = None
    break_even_multiplier: float | None = None
    chains_pnl_flat_smile: float | None = None
    chains_pnl_call_skew: float | None = None


def measure_sensitivity(spec: BacktestSpec, data: MarketData, chains: Sequence[BacktestChain]) -> Sensitivity:
    """Of a run that brought forth `chains`; `spec` is resolved. Recorded quotes have the volatility that they have: for
    them only the PnL per vol point is told."""
    closed = [chain for chain in chains if is_closed(chain)]
    if not closed:
        return Sensitivity()
    per_point = pnl_per_vol_point(spec, closed)
    if spec.fills.quotes is QuoteSource.RECORDED:
        return Sensitivity(pnl_per_vol_point=per_point)
    return Sensitivity(
        pnl_per_vol_point=per_point,
        break_even_multiplier=break_even_multiplier(spec, data, sum(chain.net_pnl for chain in closed)),
        chains_pnl_flat_smile=_rerun(spec, data, smile_slope=0.0),
        chains_pnl_call_skew=_rerun(spec, data, smile_slope=CALL_SKEW),
    )


def break_even_multiplier(spec: BacktestSpec, data: MarketData, profit: float) -> float | None:
    """The volatility multiplier at which closed chains' PnL is 0: the nearest to the run's own, going down from it where
    the run earned (`profit` > 0) and up where it lost, in steps of 0.05, linear between the last two. None if there is
    none from 0.5 to 2."""
    assert spec.volatility.multiplier is not None
    if profit == 0:
        return spec.volatility.multiplier
    own = (spec.volatility.multiplier, profit)
    others = ((each, _rerun(spec, data, multiplier=each)) for each in _multipliers(own[0], down=profit > 0))
    for (here, earned), (there, earns) in pairwise(_chained(own, others)):
        if earned * earns <= 0:
            found = here + (there - here) * earned / (earned - earns)
            return found if LOWEST <= found <= HIGHEST else None
    return None


def _multipliers(own: float, *, down: bool) -> Iterator[float]:
    """Multiples of 0.05 beyond `own`, nearest first, within 0.5 and 2."""
    grid = [round(LOWEST + STEP * k, 10) for k in range(round((HIGHEST - LOWEST) / STEP) + 1)]
    yield from (each for each in reversed(grid) if each < own) if down else (each for each in grid if each > own)


def _chained(first: tuple[float, float], rest: Iterator[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    yield first
    yield from rest


def _rerun(spec: BacktestSpec, data: MarketData, **volatility: float) -> float:
    """Closed chains' PnL of the same rules on the same data, with another volatility."""
    prepared = engine.prepare(replace(spec, volatility=replace(spec.volatility, **volatility)), data)
    state = engine.begin(prepared)
    profit = 0.0
    while not state.finished:
        state, rows = engine.advance(prepared, state, prepared.bars_total)
        profit += sum(chain.net_pnl for chain in rows.chains if is_closed(chain))
    return profit
