"""How much of a result is the volatility that was assumed: the multiplier is the result (lab rules 2 and 3).

Two questions, two methods:

- PnL per vol point asks what one point of dearer sales is worth *to these trades*: same contracts, same times, same
  buy-backs. It is the sum of quantity·vega of each leg at its sale: exact to first order, without another run. A rerun
  at one point more would choose other strikes by delta, and the luck of other trades drowns the point.
- The break-even multiplier, and the PnL with another smile, ask what the *rules* would have earned in a market like
  that: the engine runs again, chooses by the deltas of that market, buys back at its prices. From 0.5 to 2 times the
  volatility the first order says nothing, and a trader there would not have sold the same strikes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rollbook_server.domain.backtest import engine, pricing
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.metrics import is_closed
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestLeg, Equity
from rollbook_server.domain.backtest.spec import BacktestSpec, QuoteSource, VolatilitySpec
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle, Instrument, parse_deribit

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


def measure_sensitivity(
    spec: BacktestSpec, data: MarketData, chains: Sequence[BacktestChain], equity: Equity
) -> Sensitivity:
    """Of a run that brought forth `chains` and `equity`; `spec` is resolved. Recorded quotes have the volatility that
    they have: for them only the PnL per vol point is told."""
    closed = [each for each in chains if is_closed(each)]
    if not closed:
        return Sensitivity()
    per_point = pnl_per_vol_point(spec, closed)
    if spec.fills.quotes is QuoteSource.RECORDED:
        return Sensitivity(pnl_per_vol_point=per_point)
    return Sensitivity(
        pnl_per_vol_point=per_point,
        break_even_multiplier=break_even_multiplier(spec, data, _profit(spec, closed, equity)),
        chains_pnl_flat_smile=_rerun(spec, data, replace(spec.volatility, smile_slope=0.0)),
        chains_pnl_call_skew=_rerun(spec, data, replace(spec.volatility, smile_slope=CALL_SKEW)),
    )


def pnl_per_vol_point(spec: BacktestSpec, closed: Sequence[BacktestChain]) -> float | None:
    """Σ quantity·vega of the sales of closed chains, in the settlement currency: what they would have earned more had
    each been sold one volatility point dearer and bought back as it was. Vega by Black-76 at the leg's own volatility
    and the spec's forward (inverse vega / F, linear vega·S / F), before ticks and the fee's cap. None where a leg's
    volatility is not known."""
    legs = [leg for each in closed for leg in each.legs]
    if any(leg.open_volatility is None for leg in legs):
        return None
    contracts = [_contract(leg) for leg in legs]
    index = np.array([leg.open_index_price for leg in legs])
    years = np.array(
        [
            (each.expiry_time - leg.open_time) / DAY / pricing.DAYS_OF_YEAR
            for each, leg in zip(contracts, legs, strict=True)
        ]
    )
    forward = index * np.exp((spec.forward_basis or 0.0) * years)
    vega = pricing.vegas(
        forward,
        np.array([float(each.strike) for each in contracts]),
        years,
        np.array([leg.open_volatility for leg in legs], dtype=np.float64),
        spec.strategy is StrategyKind.COVERED_CALL,
    )
    unit = index / forward if spec.style is ContractStyle.LINEAR else 1.0 / forward
    return float(np.sum(np.array([leg.quantity for leg in legs]) * vega * unit))


def _contract(leg: BacktestLeg) -> Instrument:
    contract = parse_deribit(leg.symbol)
    assert contract is not None
    return contract


def break_even_multiplier(spec: BacktestSpec, data: MarketData, profit: float) -> float | None:
    """The volatility multiplier at which the profit is 0, by reruns: the nearest to the run's own, going down
    from it where the run earned (`profit` > 0) and up where it lost, in steps of 0.05, linear between the last two.
    None if there is none from 0.5 to 2, or if at some multiplier before it nothing is traded any more."""
    assert spec.volatility.multiplier is not None
    if profit == 0:
        return spec.volatility.multiplier
    own = (spec.volatility.multiplier, profit)
    others = (
        (each, _rerun(spec, data, replace(spec.volatility, multiplier=each)))
        for each in _multipliers(own[0], down=profit > 0)
    )
    here, earned = own
    for there, earns in others:
        if earns is None:
            return None
        if earned * earns <= 0:
            found = here + (there - here) * earned / (earned - earns)
            return found if LOWEST <= found <= HIGHEST else None
        here, earned = there, earns
    return None


def _multipliers(own: float, *, down: bool) -> Iterator[float]:
    """Multiples of 0.05 beyond `own`, nearest first, within 0.5 and 2."""
    grid = [round(LOWEST + STEP * k, 10) for k in range(round((HIGHEST - LOWEST) / STEP) + 1)]
    yield from (each for each in reversed(grid) if each < own) if down else (each for each in grid if each > own)


def _profit(spec: BacktestSpec, closed: Sequence[BacktestChain], equity: Equity) -> float:
    """Closed chains' PnL; of a wheel, whose coins are half of it, what the account gained."""
    if spec.strategy is StrategyKind.WHEEL:
        return float(equity.equity_usd[-1] - equity.hodl_usd[-1])
    return sum(each.net_pnl for each in closed)


def _rerun(spec: BacktestSpec, data: MarketData, volatility: VolatilitySpec) -> float | None:
    """The profit of the same rules on the same data, with another volatility; None without a closed chain."""
    prepared = engine.prepare(replace(spec, volatility=volatility), data)
    _, rows = engine.advance(prepared, engine.begin(prepared), prepared.bars_total)
    closed = [each for each in rows.chains if is_closed(each)]
    return _profit(spec, closed, rows.equity) if closed else None
