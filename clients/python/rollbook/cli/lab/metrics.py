"""Tables of how runs did: a row for each figure, for each run a column in coin and one in USD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.text import Text

from rollbook.cli.figures import MISSING
from rollbook.cli.lab import numbers
from rollbook.cli.lab.numbers import amount, gain, gain_percent, percent, ratio, whole
from rollbook.cli.tables import Column
from rollbook.models import Backtest, BacktestMetrics, BacktestPerformance, BacktestSpec, DataShares

Cell: TypeAlias = str | Text
Performance: TypeAlias = Callable[[BacktestPerformance, str], Cell]
Fact: TypeAlias = Callable[[BacktestMetrics, str], Cell]

PERFORMANCE: dict[str, Performance] = {
    "Net profit": lambda did, currency: gain(did.net_profit, currency),
    "HODL": lambda did, currency: gain(did.hodl_profit, currency),
    "Ahead of HODL": lambda did, currency: gain(did.pnl_vs_hodl, currency),
    "Return": lambda did, _: gain_percent(did.return_pct),
    "Max drawdown": lambda did, _: percent(did.max_drawdown_pct),
    "Volatility a year": lambda did, _: percent(did.volatility_pct),
    "Sharpe": lambda did, _: ratio(did.sharpe),
    "Sharpe over HODL": lambda did, _: ratio(did.sharpe_vs_hodl),
    "Sortino": lambda did, _: ratio(did.sortino),
    "Calmar": lambda did, _: ratio(did.calmar),
    "Profit factor": lambda did, _: ratio(did.profit_factor),
    "Average winner": lambda did, currency: gain(did.average_winner, currency),
    "Average loser": lambda did, currency: gain(did.average_loser, currency),
    "Premium": lambda did, currency: amount(did.premium, currency),
    "Fees": lambda did, currency: amount(did.fees, currency),
    "PnL of chains": lambda did, currency: gain(did.chains_pnl, currency),
    "… 5 % are below": lambda did, currency: gain(did.chains_pnl_p05, currency),
    "… 95 % are below": lambda did, currency: gain(did.chains_pnl_p95, currency),
}
"""In coin and in USD."""

FACTS: dict[str, Fact] = {
    "Days": lambda came, _: numbers.plain(came.days, 1),
    "Chains closed": lambda came, _: whole(came.closed_chains),
    "Chains open": lambda came, _: whole(came.open_chains),
    "Win rate": lambda came, _: percent(came.win_rate_pct),
    "Premium kept": lambda came, _: percent(came.premium_kept_pct),
    "Rolls": lambda came, _: whole(came.rolls),
    "Time in market": lambda came, _: percent(came.time_in_market_pct),
    "Return on collateral": lambda came, _: gain_percent(came.return_on_collateral_pct),
    "Exposure (delta)": lambda came, _: ratio(came.exposure),
    "Turnover a year": lambda came, _: ratio(came.turnover),
    "Break-even vol multiplier": lambda came, _: ratio(came.break_even_multiplier),
    "PnL per vol point": lambda came, currency: gain(came.pnl_per_vol_point, currency),
    "PnL with a flat smile": lambda came, currency: gain(came.chains_pnl_flat_smile, currency),
    "PnL with a call skew": lambda came, currency: gain(came.chains_pnl_call_skew, currency),
    "Lowest balance": lambda came, currency: amount(came.lowest_balance, currency),
    "Cycles": lambda came, _: whole(came.cycles),
    "Cycles completed": lambda came, _: whole(came.completed_cycles),
    "Cycles won": lambda came, _: percent(came.cycle_win_rate_pct),
    "Mean PnL of a cycle": lambda came, currency: gain(came.average_cycle_pnl, currency),
    "Mean days of a cycle": lambda came, _: numbers.plain(came.average_cycle_days, 1),
}
"""Of the run as a whole; money is in the settlement currency."""

SHARES: dict[str, Callable[[DataShares], float | None]] = {
    "bars missing": lambda data: data.missing_bars_pct,
    "volatility stale": lambda data: data.stale_volatility_pct,
    "legs quoted by the model": lambda data: data.modelled_legs_pct,
    "delivery prices made from bars": lambda data: data.proxy_deliveries_pct,
    "decisions without a snapshot": lambda data: data.missing_snapshots_pct,
    "bars made up": lambda data: data.synthetic_bars_pct,
}

SOME_PERFORMANCE = ("Net profit", "HODL", "Ahead of HODL", "Return", "Max drawdown", "Sharpe")
SOME_FACTS = ("Chains closed", "Win rate", "Premium kept", "Rolls")
"""For a screen that is no page."""


def spec_of(run: Backtest) -> BacktestSpec:
    """What a run simulates."""
    return run.spec or BacktestSpec()


def metrics_of(run: Backtest) -> BacktestMetrics:
    """What a run has come to so far."""
    return (run.status.metrics if run.status else None) or BacktestMetrics()


def style_of(run: Backtest) -> str:
    """What tells the runs of a group apart."""
    return {"HOLD_TO_EXPIRY": "held", "TP_AND_ROLL": "rolled"}.get(spec_of(run).exit_style, "")


def performance_columns(runs: Sequence[Backtest], names: Sequence[str] = tuple(PERFORMANCE)) -> list[Column]:
    """In coin and in USD, for each run."""
    columns = [Column("", list(names))]
    for run in runs:
        which = f"{style_of(run)} " if len(runs) > 1 else ""
        came = metrics_of(run)
        coin = spec_of(run).underlying
        for currency, did in ((coin, came.coin), (numbers.USD, came.usd)):
            cells = [PERFORMANCE[name](did or BacktestPerformance(), currency) for name in names]
            columns.append(Column(f"{which}{currency}", cells, figure=True))
    return columns


def fact_columns(runs: Sequence[Backtest], names: Sequence[str] = tuple(FACTS)) -> list[Column]:
    """Of the runs as a whole; what no run knows is left out."""
    came = [metrics_of(run) for run in runs]
    cells = {name: [FACTS[name](each, each.settlement_currency) for each in came] for name in names}
    known = [name for name, values in cells.items() if any(str(value) != MISSING for value in values)]
    columns = [Column("", known)]
    for number, run in enumerate(runs):
        head = style_of(run) if len(runs) > 1 else ""
        columns.append(Column(head, [cells[name][number] for name in known], figure=True))
    return columns


def trigger_note(came: BacktestMetrics) -> str:
    """Which rules closed how many legs."""
    said = [
        f"{each.legs:,} by {each.trigger.replace('_', ' ')}" + (f" ({each.rolls:,} rolled)" if each.rolls else "")
        for each in came.triggers
        if each.legs
    ]
    return f"Legs closed: {', '.join(said)}." if said else ""


def data_note(came: BacktestMetrics) -> str:
    """How good the data was."""
    shares = came.data or DataShares()
    said = [f"{percent(value)} {what}" for what, get in SHARES.items() if (value := get(shares))]
    return f"Data: {', '.join(said)}." if said else ""
