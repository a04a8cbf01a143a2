"""What a sweep says: how far it has come, its best points, and the one that the in-sample part chose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rollbook import (
    BacktestMetrics,
    BacktestState,
    GetSweepResponse,
    SpecChange,
    Sweep,
    SweepFold,
    SweepPoint,
    WalkForward,
)
from rollbook_web.numbers import Figure, count, day, percent, things, unknown
from rollbook_web.pages.lab_charts import label_of
from rollbook_web.pages.lab_fields import word_of
from rollbook_web.pages.lab_numbers import duration, money, ratio
from rollbook_web.pages.lab_queue import STATES
from rollbook_web.pages.told import ENDED, kind_of


def title_of(sweep: Sweep) -> str:
    """What a sweep is called."""
    return (sweep.spec.name if sweep.spec is not None else "") or kind_of(sweep.spec) or sweep.sweep_id


def state_of(sweep: Sweep) -> str:
    """Its state as a word."""
    return STATES.get(sweep.state, str(sweep.state).lower())


def goes_on(sweep: Sweep) -> bool:
    """Whether it is worth looking again by itself."""
    return sweep.state not in ENDED and sweep.state is not BacktestState.PAUSED


def progress_pct(sweep: Sweep) -> float:
    """0 to 100."""
    return 100 * sweep.points_done / sweep.points_total if sweep.points_total else 0.0


def progress(sweep: Sweep) -> str:
    """How far it is, in a line."""
    parts = [f"{sweep.points_done:,} of {sweep.points_total:,} points"]
    if sweep.points_failed:
        parts.append(f"{sweep.points_failed:,} failed")
    if sweep.state is BacktestState.RUNNING and sweep.eta_seconds is not None:
        parts.append(f"about {duration(sweep.eta_seconds)} left")
    return ", ".join(parts)


def axes(sweep: Sweep) -> list[tuple[str, str]]:
    """Its fields with their values."""
    return [
        (axis.field, ", ".join(word_of(axis.field, value) or "unset" for value in axis.values)) for axis in sweep.axes
    ]


def about(sweep: Sweep) -> str:
    """What is swept, and how it is judged."""
    split: datetime | None = sweep.split_time
    drawn = f"{sweep.random_points:,} points drawn with seed {sweep.seed}" if sweep.random_points else "the whole grid"
    until = f", in sample until {split:%Y-%m-%d}" if split is not None else ""
    if sweep.folds > 1:
        until += f", then {sweep.folds} windows one after the other"
    return f"{kind_of(sweep.spec)}; {drawn}{until}, ranked by {sweep.rank_by} out of sample."


def heads(sweep: Sweep) -> list[str]:
    """Of the table of points."""
    return ["Rank", *(label_of(axis.field) for axis in sweep.axes), sweep.rank_by, "Drawdown", "Chains", "In sample"]


def cells(sweep: Sweep, point: SweepPoint) -> list[Figure]:
    """A point as a row of the table."""
    metrics = point.metrics or BacktestMetrics()
    why = point.error or "it cannot be told of so short a part, or so few chains"
    in_sample = "each window has in-sample ranks of its own" if sweep.folds > 1 else why
    side = metrics.usd if sweep.rank_by.startswith("usd.") or metrics.settlement_currency == "USDC" else metrics.coin
    return [
        count(point.rank) if point.rank else unknown(why),
        *(Figure(word_of(change.field, change.value) or "unset", change.field) for change in point.changes),
        value(sweep, point.value, why),
        percent(side.max_drawdown_pct if side is not None else None, why),
        ratio(metrics.closed_chains, why, 0),
        count(point.in_sample_rank) if point.in_sample_rank else unknown(in_sample),
    ]


def value(sweep: Sweep, figure: float | None, why: str) -> Figure:
    """The metric that points are ranked by, with its unit."""
    unit = unit_of(sweep)
    if unit == "%":
        return percent(figure, why, places=2, money=True)
    return money(figure, unit, why) if unit else ratio(figure, why, 3)


def unit_of(sweep: Sweep) -> str:
    """Of the metric that points are ranked by: %, the coin, USD, or none."""
    currency, _, name = sweep.rank_by.rpartition(".")
    if name.endswith("_pct"):
        return "%"
    if name not in ("net_profit", "pnl_vs_hodl", "chains_pnl"):
        return ""
    return "USD" if currency == "usd" else sweep.spec.underlying if sweep.spec is not None else ""


def verdict(found: GetSweepResponse) -> str:
    """What choosing was worth, in a sentence or two."""
    sweep, chosen = found.sweep, found.chosen
    if sweep is not None and found.walk_forward is not None:
        return _walked(sweep, found.walk_forward)
    if sweep is None or chosen is None:
        return "No point is chosen yet: the in-sample part chooses it, and what it made out of sample is what counts."
    made = value(sweep, chosen.value, chosen.error)
    text = f"In sample, point {chosen.number} was the best ({changes(chosen.changes)}). "
    text += f"Out of sample it made {made.text}"
    if not chosen.rank:
        return f"{text}."
    text += f", rank {chosen.rank:,} of {things(sweep.points_done - sweep.points_failed, 'point')}."
    good = sweep.points_done - sweep.points_failed
    if good >= 4 and chosen.rank > good / 4:
        text += " A chosen point in the middle of the field says that the sweep has found nothing."
    return text


FOLD_HEADS = ("Window", "From (UTC)", "To (UTC)", "Point", "Its values", "Made")


def fold_cells(sweep: Sweep, fold: SweepFold) -> list[Figure]:
    """A window of a walk forward: the point that was the best until it began, and what that made in it."""
    none = "no point is done yet"
    return [
        Figure(f"{fold.number}"),
        day(fold.start_time),
        day(fold.end_time),
        Figure(f"{fold.chosen}") if fold.chosen else unknown(none),
        Figure(changes(fold.changes)) if fold.changes else unknown(none),
        value(sweep, fold.value, "it cannot be told of so short a window, or so few chains" if fold.chosen else none),
    ]


def _walked(sweep: Sweep, walk: WalkForward) -> str:
    if walk.metrics is None:
        return (
            "Not every window has a point yet: who takes the best until then at the start of each is the walk forward."
        )
    made = value(sweep, walk.value, "").text
    text = (
        f"Who took at the start of each of {len(walk.folds)} windows the point that was the best until then made {made}"
    )
    good = sweep.points_done - sweep.points_failed
    return f"{text}: that would be rank {walk.rank:,} of {things(good, 'point')}." if walk.rank else f"{text}."


def changes(made: Sequence[SpecChange]) -> str:
    """A point's values in a line."""
    return ", ".join(f"{label_of(each.field)} {word_of(each.field, each.value) or 'unset'}" for each in made)
