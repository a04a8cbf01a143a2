"""Tables of a sweep: its best points, all its points, and all that is drawn while it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.figures import MISSING
from rollbook.cli.lab import numbers
from rollbook.cli.lab.head import STYLE
from rollbook.cli.lab.sweep_figures import value_text
from rollbook.cli.lab.sweep_folds import fold_columns, walk_sentence
from rollbook.cli.lab.sweep_heatmap import heatmap_columns, heatmap_notes
from rollbook.cli.tables import Column, has_colours, laid_out, printable
from rollbook.models import (
    BacktestMetrics,
    BacktestPerformance,
    BacktestState,
    GetSweepResponse,
    Sweep,
    SweepPoint,
)


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
    cut = f"in {sweep.folds} windows; chosen in all that is before each" if sweep.folds > 1 else "chosen before"
    return f"Ranked by {sweep.rank_by} out of sample, from {figures.day(sweep.split_time)} on; {cut}."


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
        Column(
            "In sample",
            [_rank(point.in_sample_rank) for point in points],
            figure=True,
            spare=1,
            hidden=sweep.folds > 1,
        ),
    ]


_NONE = BacktestPerformance()


def _rank(rank: int) -> str:
    return f"rank {rank:,}" if rank else MISSING


def chosen_sentence(sweep: Sweep, point: SweepPoint) -> str:
    """What choosing was worth."""
    said = ", ".join(f"{change.field}={change.value or 'unset'}" for change in point.changes)
    rank = f"rank {point.rank:,} of {sweep.points_done - sweep.points_failed:,}" if point.rank else "no rank"
    return f"Chosen in sample: point {point.number} ({said}). Out of sample: {value_text(sweep, point.value)}, {rank}."


def result_tables(answer: GetSweepResponse, console: Console) -> Iterator[RenderableType]:
    """What is drawn while it goes on."""
    sweep, width = answer.sweep or Sweep(), console.width
    yield Text(progress(sweep), style=STYLE.get(sweep.state, "bold"))
    if answer.best:
        yield Text()
        yield laid_out(best_columns(sweep, answer.best), width)[0]
    if answer.chosen:
        yield printable(Text(chosen_sentence(sweep, answer.chosen), style="dim"))
    if answer.walk_forward and answer.best:
        yield Text()
        yield laid_out(fold_columns(sweep, answer.walk_forward), width, sums=True)[0]
        yield printable(Text(walk_sentence(sweep, answer.walk_forward), style="dim"))
    if answer.heatmap and answer.best:
        yield Text()
        yield laid_out(heatmap_columns(sweep, answer.heatmap, width), width)[0]
        notes = heatmap_notes(sweep, answer.heatmap, width, coloured=has_colours(console))
        yield printable(Text(" ".join(notes), style="dim"))
