"""Queries of sweeps on a snapshot: how far one has come, its points by creation or rank, its heatmap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.backtest.rows import Equity
from rollbook_server.domain.backtest.runs import points_of
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.sweeps import (
    Heatmap,
    SpecChange,
    Sweep,
    SweepPlan,
    SweepPoint,
    heatmap,
    heatmap_axes,
)
from rollbook_server.storage.columns import from_block
from rollbook_server.storage.facts import from_json, loads
from rollbook_server.storage.lab_reads import Page
from rollbook_server.storage.sqlite import Connection
from rollbook_server.storage.sweep_store import no_sweep


@dataclass(frozen=True, slots=True)
class Overview:
    """A sweep and what has come of it until now."""

    sweep: Sweep
    best: Sequence[SweepPoint]
    chosen: SweepPoint | None
    heatmap: Heatmap | None


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
    ranked = db.execute(
        f"{bare} number <= :done AND value IS NOT NULL ORDER BY place, number LIMIT :limit", {**keys, "limit": best}
    ).fetchall()
    chosen = db.execute(
        f"{bare} number <= :done AND in_sample_value IS NOT NULL ORDER BY in_sample_place, number LIMIT 1", keys
    ).fetchone()
    values = db.execute(
        "SELECT changes, value FROM sweep_points WHERE sweep = :sweep AND number <= :done AND value IS NOT NULL", keys
    )
    return Overview(
        found,
        [_point(found, row) for row in ranked],
        _point(found, chosen) if chosen else None,
        heatmap(axes, places, ((loads(changes), value) for changes, value in values)) if places else None,
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
        changes=tuple(
            SpecChange(field=axis.field, value=text) for axis, text in zip(of.plan.axes, loads(changes), strict=True)
        ),
        spec=from_json(BacktestSpec, spec) if spec else None,
        done=number <= of.points_done,
        error=error,
        metrics=from_json(BacktestMetrics, metrics) if metrics else None,
        equity=list(points_of(from_block(Equity, equity))) if equity else (),
        value=value,
        rank=place if value is not None else 0,
        in_sample_rank=in_sample_place if in_sample_value is not None else 0,
    )
