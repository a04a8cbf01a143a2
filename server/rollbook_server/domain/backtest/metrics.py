"""How a run did: its figures in coin and in USD, from equity, chains and decisions. Fields are named as in the API.

`measure` is quick and holds for the part of a run that is there; `conclude` (module conclusion) adds what asks for the
whole run. What cannot be known, or would mislead, is None: nothing is annualised under 90 days or 20 closed chains (lab
rules 12), a ratio without a denominator is none, and a chain that is open at the end of the data stays out of the
statistics of chains (8).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import numpy as np

from rollbook_server.domain.backtest import money, returns
from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.rows import (
    BacktestChain,
    BacktestCycle,
    BacktestLeg,
    Equity,
    StepOutcome,
    Steps,
    Trigger,
)
from rollbook_server.domain.backtest.spec import BacktestSpec, QuoteSource
from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle

LEAST_DAYS = 90
LEAST_CHAINS = 20
"""With fewer nothing is annualised, and no interval is drawn."""

_NO_DATA = list(StepOutcome).index(StepOutcome.NO_DATA)
_MAX_OPEN_CHAINS = list(StepOutcome).index(StepOutcome.MAX_OPEN_CHAINS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPerformance:
    """How a run did, in one currency. Names in _pct are percent."""

    net_profit: float | None = None
    hodl_profit: float | None = None
    pnl_vs_hodl: float | None = None
    return_pct: float | None = None
    max_drawdown: float | None = None
    max_drawdown_pct: float | None = None
    volatility_pct: float | None = None
    sharpe: float | None = None
    sharpe_vs_hodl: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    profit_factor: float | None = None
    average_winner: float | None = None
    average_loser: float | None = None
    chains_pnl: float | None = None
    chains_pnl_p05: float | None = None
    chains_pnl_p95: float | None = None
    fees: float | None = None
    premium: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerCount:
    """Legs that a rule closed, and how many of them it rolled."""

    trigger: str
    legs: int
    rolls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataShares:
    """How good the data was, in percent of the run."""

    missing_bars_pct: float | None = None
    stale_volatility_pct: float | None = None
    modelled_legs_pct: float | None = None
    proxy_deliveries_pct: float | None = None
    missing_snapshots_pct: float | None = None
    synthetic_bars_pct: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestMetrics:
    """How a run did."""

    coin: BacktestPerformance = field(default_factory=BacktestPerformance)
    usd: BacktestPerformance = field(default_factory=BacktestPerformance)
    settlement_currency: str = ""
    days: float | None = None
    closed_chains: int | None = None
    open_chains: int | None = None
    win_rate_pct: float | None = None
    premium_kept_pct: float | None = None
    time_in_market_pct: float | None = None
    return_on_collateral_pct: float | None = None
    exposure: float | None = None
    turnover: float | None = None
    rolls: int | None = None
    triggers: tuple[TriggerCount, ...] = ()
    pnl_per_vol_point: float | None = None
    break_even_multiplier: float | None = None
    chains_pnl_flat_smile: float | None = None
    chains_pnl_call_skew: float | None = None
    lowest_balance: float | None = None
    data: DataShares = field(default_factory=DataShares)
    cycles: int | None = None
    completed_cycles: int | None = None
    cycle_win_rate_pct: float | None = None
    average_cycle_pnl: float | None = None
    average_cycle_days: float | None = None


def measure(
    spec: BacktestSpec,
    equity: Equity,
    chains: Sequence[BacktestChain],
    steps: Steps,
    cycles: Sequence[BacktestCycle] = (),
) -> BacktestMetrics:
    """The figures of a run, or of as much of it as there is; without those of `conclude`. `spec` is resolved.

    Of a run that goes on, `chains` are those that have ended, or with them those that are open now (marked, and flagged
    open_at_end). Formulas:

    - days: from the first bar's open to the last bar's close. Annualised figures need 90 days and 20 closed chains.
    - closed_chains, win_rate_pct: chains with an end of their own; a win has net_pnl > 0 in the settlement currency.
    - premium_kept_pct: 100·Σ gross_pnl / Σ premium, of closed chains (definitions.md).
    - time_in_market_pct: bars at whose close something is open, or a wheel has its coins.
    - return_on_collateral_pct: 100·Σ net_pnl / (Σ collateral_days / days with one of the chains open), of closed
      chains; not annualised (definitions.md; of overlapping chains the days count once). None of a wheel, whose
      collateral earns with its coins, too.
    - exposure: mean over all bars of Σ |delta|·coins, per coin of capital (quantity·max_open_chains); of a wheel that
      has its coins, those less its call's.
    - turnover: coins sold and bought back per coin of capital and 365 days; a settlement is no trade.
    - rolls, triggers: each leg counts for the rule that closed it; a roll is one with a leg after it in its chain.
    - lowest_balance: of linear calls, whose losses are owed in USDC while the capital is coins (lab rules 10); of a
      wheel with its capital, which is cash.
    - cycles (of a wheel, in USD): statistics are of those that are over. What chains say is of its options alone, its
      coins are in the account and in the cycles.
    """
    assert spec.style is not None
    linear = spec.style is ContractStyle.LINEAR
    counted = BacktestMetrics(
        settlement_currency="USDC" if linear else spec.underlying,
        closed_chains=sum(is_closed(chain) for chain in chains),
        open_chains=int(equity.open_chains[-1]) if len(equity.time) else 0,
        rolls=sum(chain.num_rolls for chain in chains),
        triggers=_triggers(chains),
        **(_cycles(cycles) if spec.strategy is StrategyKind.WHEEL else {}),
    )
    if not len(equity.time):
        return counted
    days = float(equity.time[-1] - equity.time[0] + bar_interval(spec)) / DAY
    closed = [chain for chain in chains if is_closed(chain)]
    long_enough = days >= LEAST_DAYS and len(closed) >= LEAST_CHAINS
    taken = money.of_chains(chains, spec.style)
    kept = money.of_chains(closed, spec.style).net
    columns = (equity.equity_coin, equity.hodl_coin), (equity.equity_usd, equity.hodl_usd)
    coin, usd = (
        replace(
            _curve(equity.time, *columns[currency], long_enough),
            **_chains(kept[:, currency]),
            fees=float(taken.fees[:, currency].sum()),
            premium=float(taken.premium[:, currency].sum()),
        )
        for currency in (money.COIN, money.USD)
    )
    traded = sum(leg.quantity * (1 + _was_bought_back(leg)) for chain in chains for leg in chain.legs)
    delta = equity.delta[np.isfinite(equity.delta)]
    return replace(
        counted,
        coin=coin,
        usd=usd,
        days=days,
        win_rate_pct=_pct(sum(chain.net_pnl > 0 for chain in closed), len(closed)),
        premium_kept_pct=_pct(sum(chain.gross_pnl for chain in closed), sum(chain.premium for chain in closed)),
        time_in_market_pct=_pct(int(((equity.open_chains > 0) | (equity.delta > 0)).sum()), len(equity.time)),
        return_on_collateral_pct=None if spec.strategy is StrategyKind.WHEEL else _return_on_collateral(closed),
        exposure=float(delta.mean()) / _capital_coins(spec) if len(delta) else None,
        turnover=traded / _capital_coins(spec) * returns.DAYS_A_YEAR / days if long_enough else None,
        lowest_balance=_lowest_balance(spec, equity, chains, cycles) if linear else None,
        data=_shares(spec, equity, chains, steps),
    )


def is_closed(chain: BacktestChain) -> bool:
    """The chain has an end of its own: it counts in the statistics of chains."""
    return chain.close_time is not None and not chain.open_at_end


def _cycles(cycles: Sequence[BacktestCycle]) -> dict[str, Any]:
    """What the cycles of a wheel say."""
    over = [each for each in cycles if each.end_time is not None]
    days = [(each.end_time - each.start_time) / DAY for each in over if each.end_time is not None]
    return {
        "cycles": len(cycles),
        "completed_cycles": len(over),
        "cycle_win_rate_pct": _pct(sum(each.net_pnl > 0 for each in over), len(over)),
        "average_cycle_pnl": sum(each.net_pnl for each in over) / len(over) if over else None,
        "average_cycle_days": sum(days) / len(days) if days else None,
    }


def _lowest_balance(
    spec: BacktestSpec, equity: Equity, chains: Sequence[BacktestChain], cycles: Sequence[BacktestCycle]
) -> float | None:
    """Of linear options, where losses may have to be financed; cash-secured puts have their cash."""
    if spec.strategy is StrategyKind.COVERED_CALL:
        return money.lowest_balance(money.cash_lines(chains))
    if spec.strategy is StrategyKind.WHEEL:
        return money.lowest_balance([*money.cash_lines(chains), *money.coin_lines(cycles)], float(equity.hodl_usd[0]))
    return None


def bar_interval(spec: BacktestSpec) -> Micros:
    """Of the run's bars."""
    return (spec.bar_minutes or 0) * 60 * SECOND


def _capital_coins(spec: BacktestSpec) -> float:
    """The capital in coins, of puts at the first bar's open."""
    return (spec.quantity or 0.0) * (spec.max_open_chains or 0)


def _pct(part: float, whole: float) -> float | None:
    return 100.0 * part / whole if whole else None


def _curve(time: Ints, equity: Floats, hodl: Floats, annualised: bool) -> BacktestPerformance:
    """What the curve of one currency says. It begins with the capital, which HODL still is at the first bar's close, so
    that a trade in the first bar counts.

    - net_profit = last equity - capital; hodl_profit likewise; pnl_vs_hodl is their difference.
    - max_drawdown(_pct): over the closes of all bars, which are deeper than those of days; positive.
    - volatility_pct, sharpe, sortino: of daily returns (module returns).
    - sharpe_vs_hodl: Sharpe of daily return less HODL's daily return; without that it is bitcoin's (lab rules 10).
    - calmar: empyrical's annual_return over max_drawdown_pct / 100.
    """
    capital = float(hodl[0])
    below, share = returns.drawdown(equity, capital)
    figures = BacktestPerformance(
        net_profit=float(equity[-1]) - capital,
        hodl_profit=float(hodl[-1]) - capital,
        pnl_vs_hodl=float(equity[-1] - hodl[-1]),
        return_pct=_pct(float(equity[-1]) - capital, capital),
        max_drawdown=float(below.max()),
        max_drawdown_pct=100.0 * float(share.max()),
    )
    values = returns.daily(time, equity, capital)
    ours, theirs = returns.returns(values), returns.returns(returns.daily(time, hodl, capital))
    if not annualised or ours is None or theirs is None:
        return figures
    growth = returns.annual_return(capital, float(values[-1]), len(ours))
    spread = returns.volatility(ours)
    deepest = float(share.max())
    return replace(
        figures,
        volatility_pct=None if spread is None else 100.0 * spread,
        sharpe=returns.sharpe(ours),
        sharpe_vs_hodl=returns.sharpe(ours - theirs),
        sortino=returns.sortino(ours),
        calmar=growth / deepest if growth is not None and deepest > 0 else None,
    )


def _chains(net: Floats) -> dict[str, float | None]:
    """What closed chains say in one currency; `net` is their PnL in it (chains,). Winners are above 0, losers below."""
    winners, losers = net[net > 0], net[net < 0]
    return {
        "profit_factor": float(winners.sum() / -losers.sum()) if len(losers) else None,
        "average_winner": float(winners.mean()) if len(winners) else None,
        "average_loser": float(losers.mean()) if len(losers) else None,
        "chains_pnl": float(net.sum()),
    }


def _was_bought_back(leg: BacktestLeg) -> bool:
    return leg.close_time is not None and leg.trigger not in (Trigger.EXPIRY, Trigger.DATA_END)


def _triggers(chains: Sequence[BacktestChain]) -> tuple[TriggerCount, ...]:
    legs: Counter[str] = Counter()
    rolls: Counter[str] = Counter()
    for chain in chains:
        for leg, later in zip_longest(chain.legs, chain.legs[1:]):
            legs[leg.trigger] += leg.close_time is not None
            rolls[leg.trigger] += later is not None
    rules = (trigger for trigger in Trigger if trigger is not Trigger.DATA_END and legs[trigger])
    return tuple(TriggerCount(trigger=rule.value, legs=legs[rule], rolls=rolls[rule]) for rule in rules)


def _return_on_collateral(closed: Sequence[BacktestChain]) -> float | None:
    """100·Σ net_pnl / mean collateral, which is Σ collateral_days over the days on which one of the chains was open."""
    days = 0.0
    until: Micros = 0
    for chain in sorted(closed, key=lambda each: each.open_time):
        assert chain.close_time is not None
        days += max(0, chain.close_time - max(until, chain.open_time)) / DAY
        until = max(until, chain.close_time)
    committed = sum(chain.collateral_days for chain in closed)
    return 100.0 * sum(chain.net_pnl for chain in closed) * days / committed if committed else None


def _shares(spec: BacktestSpec, equity: Equity, chains: Sequence[BacktestChain], steps: Steps) -> DataShares:
    """What rows say about the data.

    - missing_bars_pct: of the bars from the spec's start to the last close that is there (`conclude`: to its end).
    - modelled_legs_pct: quotes of one run are all modelled or all recorded.
    - proxy_deliveries_pct: of the legs that ended by expiry.
    - missing_snapshots_pct: recorded quotes only; of the decisions that looked for a contract at a bar that is there.
    """
    bar = bar_interval(spec)
    legs = [leg for chain in chains for leg in chain.legs]
    delivered = [leg for leg in legs if leg.trigger == Trigger.EXPIRY]
    recorded = spec.fills.quotes is QuoteSource.RECORDED
    return DataShares(
        missing_bars_pct=missing_bars(spec, equity, int(equity.time[-1])),
        modelled_legs_pct=(0.0 if recorded else 100.0) if legs else None,
        proxy_deliveries_pct=_pct(sum(leg.delivery_is_proxy for leg in delivered), len(delivered)),
        missing_snapshots_pct=_missing_snapshots(steps, equity.time - bar) if recorded else None,
    )


def missing_bars(spec: BacktestSpec, equity: Equity, until: Micros) -> float | None:
    """Bars that are missing from the spec's start to `until`, in percent."""
    assert spec.start_time is not None
    expected = max((until - spec.start_time) // bar_interval(spec), len(equity.time))
    return _pct(expected - len(equity.time), expected)


def _missing_snapshots(steps: Steps, opens: Ints) -> float | None:
    """`opens` are those of the bars that are there, in order."""
    bar = np.minimum(np.searchsorted(opens, steps.time), len(opens) - 1)
    looked = (steps.outcome != _MAX_OPEN_CHAINS) & (opens[bar] == steps.time)
    return _pct(int((looked & (steps.outcome == _NO_DATA)).sum()), int(looked.sum()))
