"""Tables of a sweep: its best points, all its points, and two fields against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.figures import MISSING
from rollbook.cli.lab import numbers
from rollbook.cli.lab.head import STYLE
from rollbook.cli.tables import Column, laid_out, printable
from rollbook.models import (
    BacktestMetrics,
    BacktestPerformance,
    BacktestState,
    GetSweepResponse,
    Heatmap,
    Sweep,
    SweepPoint,
)

MONEY = ("net_profit", "pnl_vs_hodl", "chains_pnl")


def progress(sweep: Sweep) -> str:
    """How far it has come, in a line."""
    parts = [figures.words(sweep.state), f"{sweep.points_done:,} of {sweep.points_total:,} points"]
    if sweep.points_failed:
        parts.append(f"{sweep.points_failed:,} failed")
    if sweep.eta_seconds is not None and sweep.state is BacktestState.RUNNING:
        parts.append(f"{numbers.span(sweep.eta_seconds)} left")
    return " · ".join(parts)


def ranking_sentence(sweep: Sweep) -> str:
    """What is shown."""
    return f"Ranked by {sweep.rank_by} out of sample, from {figures.day(sweep.split_time)} on; chosen before."


def value_text(sweep: Sweep, value: float | None) -> str:
    """A figure of the metric that points are ranked by: two places, four of a coin."""
    if value is None:
        return MISSING
    if sweep.rank_by.endswith("_pct"):
        return f"{numbers.plain(value, 2, '+')} %"
    in_coin = sweep.rank_by.startswith("coin.") and sweep.rank_by.split(".")[-1] in MONEY
    return numbers.plain(value, 4 if in_coin else 2, "+")


def best_columns(sweep: Sweep, points: Sequence[SweepPoint]) -> list[Column]:
    """By rank, with the fields that several values were tried of."""
    rank = Column("Rank", [numbers.whole(point.rank or None) for point in points], figure=True)
    return [rank, *_columns(sweep, points)]


def point_columns(sweep: Sweep, points: Sequence[SweepPoint]) -> list[Column]:
    """The same with what is still to be done, and why points failed."""
    state = [point.error or ("" if point.done else "waits") for point in points]
    return [*best_columns(sweep, points), Column("", state, folds=True, hidden=not any(state))]


def _columns(sweep: Sweep, points: Sequence[SweepPoint]) -> list[Column]:
    came = [point.metrics or BacktestMetrics() for point in points]
    fields = [
        Column(axis.field.split(".")[-1], [point.changes[place].value or MISSING for point in points], figure=True)
        for place, axis in enumerate(sweep.axes)
        if len(axis.values) > 1
    ]
    return [
        Column("Point", [str(point.number) for point in points], figure=True),
        *fields,
        Column(sweep.rank_by, [figures.coloured(value_text(sweep, point.value)) for point in points], figure=True),
        Column("In USD", [numbers.gain_percent((each.usd or _NONE).return_pct) for each in came], figure=True, spare=3),
        Column(
            "Drawdown", [numbers.percent((each.usd or _NONE).max_drawdown_pct) for each in came], figure=True, spare=2
        ),
        Column("Chains", [numbers.whole(each.closed_chains) for each in came], figure=True, spare=4),
        Column("Win rate", [numbers.percent(each.win_rate_pct) for each in came], figure=True, spare=4),
        Column("In sample", [_rank(point.in_sample_rank) for point in points], figure=True, spare=1),
    ]


_NONE = BacktestPerformance()


def _rank(rank: int) -> str:
    return f"rank {rank:,}" if rank else MISSING


def chosen_sentence(sweep: Sweep, point: SweepPoint) -> str:
    """What choosing was worth."""
    said = ", ".join(f"{change.field}={change.value or 'unset'}" for change in point.changes)
    rank = f"rank {point.rank:,} of {sweep.points_done - sweep.points_failed:,}" if point.rank else "no rank"
    return f"Chosen in sample: point {point.number} ({said}). Out of sample: {value_text(sweep, point.value)}, {rank}."


def heatmap_columns(sweep: Sweep, heatmap: Heatmap) -> list[Column]:
    """A row for each value of one field, a column for each of the other: the worst red, the best green."""
    known = [cell.median for cell in heatmap.cells if cell.median is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    width = len(heatmap.column_values)
    rows = [
        [
            Text(value_text(sweep, cell.median), style=_shade(cell.median, low, high))
            for cell in heatmap.cells[place * width : (place + 1) * width]
        ]
        for place in range(len(heatmap.row_values))
    ]
    return [
        Column("", [value or "unset" for value in heatmap.row_values], figure=True),
        *(
            Column(value or "unset", [row[place] for row in rows], figure=True)
            for place, value in enumerate(heatmap.column_values)
        ),
    ]


def _shade(value: float | None, low: float, high: float) -> str:
    """From red over yellow to green, by where the value lies between the worst and the best."""
    if value is None:
        return "dim"
    share = (value - low) / (high - low) if high > low else 0.5
    red, green = min(2 * (1 - share), 1), min(2 * share, 1)
    return f"black on rgb({round(90 + 140 * red)},{round(90 + 140 * green)},90)"


def result_tables(answer: GetSweepResponse, width: int) -> Iterator[RenderableType]:
    """What is drawn while it goes on."""
    sweep = answer.sweep or Sweep()
    yield Text(progress(sweep), style=STYLE.get(sweep.state, "bold"))
    if answer.best:
        yield Text()
        yield laid_out(best_columns(sweep, answer.best), width)[0]
    if answer.chosen:
        yield printable(Text(chosen_sentence(sweep, answer.chosen), style="dim"))
    if answer.heatmap and answer.best:
        yield Text()
        yield laid_out(heatmap_columns(sweep, answer.heatmap), width)[0]
