"""What was chosen in each fold of a sweep, and what the chosen points made together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rollbook.cli import figures
from rollbook.cli.figures import MISSING
from rollbook.cli.lab import numbers
from rollbook.cli.lab.curve import curve_columns
from rollbook.cli.lab.sweep_figures import value_text
from rollbook.cli.tables import Column
from rollbook.models import BacktestMetrics, BacktestPerformance, Sweep, SweepFold, WalkForward

_NONE = BacktestPerformance()


def fold_columns(sweep: Sweep, walk: WalkForward) -> list[Column]:
    """Fold by fold, and all together below."""
    folds = walk.folds
    came = [*(fold.metrics or BacktestMetrics() for fold in folds), walk.metrics or BacktestMetrics()]
    values = [*(fold.value for fold in folds), walk.value]
    fields = [
        Column(axis.field.split(".")[-1], [*(_value(fold, place) for fold in folds), ""], figure=True)
        for place, axis in enumerate(sweep.axes)
        if len(axis.values) > 1
    ]
    return [
        Column("From", [*(figures.day(fold.start_time) for fold in folds), "Together"]),
        Column("Point", [*(numbers.whole(fold.chosen or None) for fold in folds), ""], figure=True),
        *fields,
        Column(sweep.rank_by, [figures.coloured(value_text(sweep, value)) for value in values], figure=True),
        Column("USD", [numbers.gain((each.usd or _NONE).net_profit, "USD") for each in came], figure=True, spare=1),
        Column(
            "Drawdown", [numbers.percent((each.usd or _NONE).max_drawdown_pct) for each in came], figure=True, spare=2
        ),
        Column("Chains", [numbers.whole(each.closed_chains) for each in came], figure=True, spare=3),
        Column("Win rate", [numbers.percent(each.win_rate_pct) for each in came], figure=True, spare=4),
    ]


def _value(fold: SweepFold, place: int) -> str:
    return (fold.changes[place].value or MISSING) if fold.changes else MISSING


def walk_columns(sweep: Sweep, walk: WalkForward, width: int) -> list[Column]:
    """The equity of the chosen points; nothing while there is none."""
    if not walk.equity or sweep.spec is None:
        return []
    return curve_columns(walk.equity, sweep.spec.strategy, sweep.spec.underlying, width)


def walk_sentence(sweep: Sweep, walk: WalkForward) -> str:
    """What choosing was worth."""
    points = f"{sweep.points_done - sweep.points_failed:,} points"
    rank = f"it would be rank {walk.rank:,} among the {points}" if walk.rank else "no rank"
    return f"Walk forward: {value_text(sweep, walk.value)} by the points that were chosen before; {rank}."


def window_of(folds: Sequence[SweepFold], number: int) -> tuple[datetime, datetime] | None:
    """The window of a fold; None where there is no such fold."""
    return next(
        (
            (fold.start_time, fold.end_time)
            for fold in folds
            if fold.number == number and fold.start_time and fold.end_time
        ),
        None,
    )
