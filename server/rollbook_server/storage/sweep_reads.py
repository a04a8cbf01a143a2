"""Queries of sweeps on a snapshot: how far one has come, its points by creation or rank, its heatmap, and
what was chosen in each of several folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rollbook_server.domain.backtest.heatmap import Heatmap, heatmap, heatmap_axes
from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.runs import CURVE, points_of
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.sweeps import (
    SpecChange,
    Sweep,
    SweepFold,
    SweepPlan,
    SweepPoint,
    WalkForward,
    figure,
)
from rollbook_server.domain.backtest.walk_forward import WindowRun, together, within
from rollbook_server.storage.columns import from_block
from rollbook_server.storage.facts import from_json, loads
from rollbook_server.storage.lab_reads import Page
from rollbook_server.storage.parts import thinned
from rollbook_server.storage.sqlite import Connection
from rollbook_server.storage.sweep_store import no_sweep


@dataclass(frozen=True, slots=True)
class Overview:
    """A sweep and what has come of it until now."""

    sweep: Sweep
    best: Sequence[SweepPoint]
    chosen: SweepPoint | None
    heatmap: Heatmap | None
    walk_forward: WalkForward | None
    """Of several folds."""


# Ranks are among the points that are done, by an index that holds no more than this.
_RANKS = """WITH ranks AS (
    SELECT number, rank() OVER (ORDER BY value DESC NULLS LAST) AS place,
        rank() OVER (ORDER BY in_sample_value DESC NULLS LAST) AS in_sample_place
    FROM sweep_points WHERE sweep = :sweep AND number <= :done
) SELECT number, changes, spec, error, metrics, {equity}, value, place, in_sample_value, in_sample_place
FROM sweep_points LEFT JOIN ranks USING (number) WHERE sweep = :sweep AND """


def sweep(db: Connection, sweep_id: str) -> Sweep:
    """One sweep. Raises NotFound."""
    return _sweep(db, sweep_id)[1]


_COLUMNS = (
    "id, sweep_id, plan, state, points_done, points_total, seconds, error, create_time, start_time, end_time, engine,"
    " (SELECT count(*) FROM sweep_points WHERE sweep = sweeps.id AND number <= points_done AND error <> '')"
)


def _sweep(db: Connection, sweep_id: str) -> tuple[int, Sweep]:
    row = db.execute(
        f"SELECT {_COLUMNS} FROM sweeps WHERE sweep_id = ? AND delete_time IS NULL", (sweep_id,)
    ).fetchone()
    if row is None:
        raise no_sweep(sweep_id)
    return row[0], _read(row)


def _read(row: Sequence[Any]) -> Sweep:
    _, sweep_id, plan, state, done, total, seconds, error, create_time, start_time, end_time, engine, failed = row
    return Sweep(
        sweep_id=sweep_id,
        plan=from_json(SweepPlan, plan),
        state=BacktestState(state),
        points_done=done,
        points_total=total,
        points_failed=failed,
        seconds=seconds,
        error=error,
        create_time=create_time,
        start_time=start_time,
        end_time=end_time,
        engine_version=engine,
    )


def list_sweeps(db: Connection, after: int | None, upto: int | None, limit: int) -> Page[Sweep]:
    """Sweeps, newest first."""
    if upto is None:
        upto = db.execute("SELECT ifnull(max(id), 0) FROM sweeps").fetchone()[0]
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM sweeps WHERE delete_time IS NULL AND id <= ? AND id < ? ORDER BY id DESC LIMIT ?",
        (upto, upto + 1 if after is None else after, limit + 1),
    ).fetchall()
    return Page([(row[0], _read(row)) for row in rows[:limit]], upto, len(rows) > limit)


def overview(db: Connection, sweep_id: str, best: int, heatmap_fields: Sequence[str]) -> Overview:
    """A sweep with its best points, without their equity. Raises NotFound, InvalidArgument."""
    number, found = _sweep(db, sweep_id)
    axes = found.plan.axes
    places = heatmap_axes(axes, heatmap_fields)
    bare = _RANKS.format(equity="NULL")
    keys: dict[str, Any] = {"sweep": number, "done": found.points_done}
    values = [
        (loads(changes), value)
        for changes, value in db.execute(
            "SELECT changes, value FROM sweep_points WHERE sweep = :sweep AND number <= :done AND value IS NOT NULL",
            keys,
        )
    ]
    ranked = db.execute(
        f"{bare} number <= :done AND value IS NOT NULL ORDER BY place, number LIMIT :limit", {**keys, "limit": best}
    ).fetchall()
    chosen = db.execute(
        f"{bare} number <= :done AND in_sample_value IS NOT NULL ORDER BY in_sample_place, number LIMIT 1", keys
    ).fetchone()
    return Overview(
        found,
        [_point(found, row) for row in ranked],
        _point(found, chosen) if chosen else None,
        heatmap(axes, places, values) if places else None,
        _walk_forward(db, number, found, [value for _, value in values]) if found.plan.folds > 1 else None,
    )


def _walk_forward(db: Connection, sweep: int, of: Sweep, values: Sequence[float]) -> WalkForward:
    """What was chosen in each fold, and made together. `values` are those of the points that are done."""
    rows = db.execute(
        "SELECT fold.number, start_time, end_time, chosen, changes, spec, fold.equity, chains, steps, cycles"
        " FROM sweep_folds AS fold LEFT JOIN sweep_points AS point ON point.sweep = fold.sweep AND"
        " point.number = chosen WHERE fold.sweep = ? ORDER BY fold.number",
        (sweep,),
    ).fetchall()
    folds, runs = [], []
    for number, start_time, end_time, chosen, changes, spec, equity, chains, steps, cycles in rows:
        fold = SweepFold(number=number, start_time=start_time, end_time=end_time)
        if chosen is not None:
            run = WindowRun(
                within(from_json(BacktestSpec, spec), (start_time, end_time)),
                from_block(Equity, equity),
                [from_json(BacktestChain, chain) for chain in loads(chains)],
                from_block(Steps, steps),
                [from_json(BacktestCycle, cycle) for cycle in loads(cycles)],
            )
            metrics, _ = together([run])
            value = figure(metrics, of.plan.rank_by)
            fold = replace(fold, chosen=chosen, changes=_changes(of, changes), metrics=metrics, value=value)
            runs.append(run)
        folds.append(fold)
    if len(runs) < len(folds):
        return WalkForward(folds=tuple(folds))
    metrics, whole = together(runs)
    value = figure(metrics, of.plan.rank_by)
    return WalkForward(
        folds=tuple(folds),
        metrics=metrics,
        equity=list(points_of(thinned(whole, CURVE))),
        value=value,
        rank=0 if value is None else 1 + sum(other > value for other in values),
    )


def list_points(
    db: Connection, sweep_id: str, by_rank: bool, after: int | None, upto: int | None, limit: int
) -> Page[SweepPoint]:
    """Points in the order of creation, or by their rank; by rank those that were done at the first page. Raises
    NotFound."""
    number, found = _sweep(db, sweep_id)
    if upto is None:
        upto = found.points_done if by_rank else found.points_total
    keys = {"sweep": number, "done": found.points_done, "upto": upto, "after": after or 0, "limit": limit + 1}
    ranks = _RANKS.format(equity="equity")
    if not by_rank:
        rest = "number > :after AND number <= :upto ORDER BY number LIMIT :limit"
    elif after is None:
        rest = "number <= :upto ORDER BY place, number LIMIT :limit"
    else:  # ranks may have moved since the page before, but not the order of the points that it covers
        rest = (
            "number <= :upto AND (place, number) > ((SELECT place FROM ranks WHERE number = :after), :after)"
            " ORDER BY place, number LIMIT :limit"
        )
    rows = db.execute(f"{ranks} {rest}", keys).fetchall()
    return Page([(row[0], _point(found, row)) for row in rows[:limit]], upto, len(rows) > limit)


def _point(of: Sweep, row: Sequence[Any]) -> SweepPoint:
    number, changes, spec, error, metrics, equity, value, place, in_sample_value, in_sample_place = row
    return SweepPoint(
        number=number,
        changes=_changes(of, changes),
        spec=from_json(BacktestSpec, spec) if spec else None,
        done=number <= of.points_done,
        error=error,
        metrics=from_json(BacktestMetrics, metrics) if metrics else None,
        equity=list(points_of(from_block(Equity, equity))) if equity else (),
        value=value,
        rank=place if value is not None else 0,
        in_sample_rank=in_sample_place if in_sample_value is not None else 0,
    )


def _changes(of: Sweep, changes: str) -> tuple[SpecChange, ...]:
    return tuple(
        SpecChange(field=axis.field, value=text) for axis, text in zip(of.plan.axes, loads(changes), strict=True)
    )
