"""Queries of the lab on a snapshot: runs, their decisions, chains and equity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.runs import (
    NEWEST,
    Backtest,
    BacktestStatus,
    BacktestStep,
    EquityPoint,
    Progress,
    points_of,
    steps_of,
)
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.storage.columns import from_block, joined, taken
from rollbook_server.storage.facts import from_json
from rollbook_server.storage.lab_store import no_backtest
from rollbook_server.storage.sqlite import Connection

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestFilter:
    """Which runs; what is empty or None is any."""

    state: BacktestState | None = None
    group_id: str = ""
    underlying: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, each with its key. `upto` is the newest key that the listing covers."""

    rows: Sequence[tuple[int, T]]
    upto: int
    more: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """Runs that have changed, and the lab's revision as it was read; `more` wait after the last of them."""

    backtests: Sequence[Backtest]
    head: int
    more: bool


@dataclass(frozen=True, slots=True)
class Results:
    """All that a run has brought forth until now."""

    steps: Sequence[bytes]
    equity: Sequence[bytes]
    chains: Sequence[str]
    cycles: Sequence[str]


_LARGEST_STATUS = 2**20
"""Characters of the chains that a status shows: with thousands of legs they would not fit into a message."""

_COLUMNS = (
    "id, backtest_id, group_id, spec, run_digest, state, progress, curve, metrics, error, result_digest, create_time,"
    " start_time, end_time, delete_time, revision, engine, steps"
)


def head(db: Connection) -> int:
    """The lab's revision."""
    return int(db.execute("SELECT ifnull(max(revision), 0) FROM backtests").fetchone()[0])


def backtest(db: Connection, backtest_id: str) -> Backtest:
    """One run in full. Raises NotFound."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM backtests WHERE backtest_id = ? AND delete_time IS NULL", (backtest_id,)
    ).fetchone()
    if row is None:
        raise no_backtest(backtest_id)
    return _backtest(db, row)


def bare_backtests(db: Connection, backtest_ids: Sequence[str]) -> list[Backtest]:
    """These runs without their decisions, chains and equity, in this order. Raises NotFound naming the place."""
    found = {
        row[1]: _backtest(db, row, bare=True)
        for row in db.execute(
            f"SELECT {_COLUMNS} FROM backtests"
            f" WHERE backtest_id IN ({', '.join('?' * len(backtest_ids))}) AND delete_time IS NULL",
            list(backtest_ids),
        )
    }
    for place, backtest_id in enumerate(backtest_ids):
        if backtest_id not in found:
            raise no_backtest(backtest_id, f"backtest_ids[{place}]")
    return [found[backtest_id] for backtest_id in backtest_ids]


def _backtest(db: Connection, row: Sequence[Any], *, bare: bool = False) -> Backtest:
    """A run out of its row; `bare` is without decisions, chains and equity."""
    (
        number,
        backtest_id,
        group_id,
        spec_json,
        run_digest,
        state,
        progress,
        curve,
        metrics,
        error,
        result_digest,
        create_time,
        start_time,
        end_time,
        delete_time,
        revision,
        engine,
        steps,
    ) = row
    spec = from_json(BacktestSpec, spec_json)
    status = BacktestStatus(
        state=BacktestState(state),
        progress=from_json(Progress, progress),
        error=error,
        metrics=from_json(BacktestMetrics, metrics) if metrics else None,
        last_steps=[] if bare else _last_steps(db, number, spec, steps),
        last_chains=[] if bare else _last_chains(db, number),
        equity=[] if bare or not curve else list(points_of(from_block(Equity, curve))),
    )
    return Backtest(
        backtest_id=backtest_id,
        group_id=group_id,
        spec=spec,
        run_digest=run_digest,
        status=status,
        create_time=create_time,
        start_time=start_time,
        end_time=end_time,
        delete_time=delete_time,
        revision=revision,
        result_digest=result_digest,
        engine_version=engine,
    )


def _last_steps(db: Connection, number: int, spec: BacktestSpec, steps: int) -> list[BacktestStep]:
    first = max(steps - NEWEST, 0)
    return [step for _, step in _steps_between(db, number, spec, first, steps)]


def _last_chains(db: Connection, number: int) -> list[BacktestChain]:
    rows = db.execute(
        "SELECT figures FROM backtest_chains WHERE backtest = ? ORDER BY number DESC LIMIT ?", (number, NEWEST)
    ).fetchall()
    shown: list[str] = []
    for (figures,) in rows:
        if shown and sum(map(len, shown)) + len(figures) > _LARGEST_STATUS:
            break
        shown.append(figures)
    return [from_json(BacktestChain, figures) for figures in reversed(shown)]


def list_backtests(
    db: Connection, wanted: BacktestFilter, after: int | None, upto: int | None, limit: int
) -> Page[Backtest]:
    """Runs without their decisions, chains and equity, newest first."""
    if upto is None:
        upto = db.execute("SELECT ifnull(max(id), 0) FROM backtests").fetchone()[0]
    where, values = ["delete_time IS NULL", "id <= ?"], list[Any]([upto])
    for name in ("state", "group_id", "underlying"):
        if getattr(wanted, name):
            where.append(f"{name} = ?")
            values.append(getattr(wanted, name))
    if after is not None:
        where.append("id < ?")
        values.append(after)
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM backtests WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", (*values, limit + 1)
    ).fetchall()
    return Page([(row[0], _backtest(db, row, bare=True)) for row in rows[:limit]], upto, len(rows) > limit)


# -- for watchers -------------------------------------------------------------------------------------------------


def present(db: Connection, backtest_id: str, after: int, limit: int) -> tuple[Changed, int]:
    """Runs as they are, in the order of their making, after a row; and the row of the last."""
    named = " AND backtest_id = ?" if backtest_id else ""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM backtests WHERE delete_time IS NULL AND id > ?{named} ORDER BY id LIMIT ?",
        (after, *([backtest_id] if backtest_id else []), limit + 1),
    ).fetchall()
    shown = rows[:limit]
    changed = Changed([_backtest(db, row) for row in shown], head(db), len(rows) > limit)
    return changed, shown[-1][0] if shown else after


def changed(db: Connection, backtest_id: str, after: int, limit: int) -> Changed:
    """Runs that changed after a revision, each as it is now, in the order of their last change."""
    named = " AND backtest_id = ?" if backtest_id else ""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM backtests WHERE revision > ?{named} ORDER BY revision LIMIT ?",
        (after, *([backtest_id] if backtest_id else []), limit + 1),
    ).fetchall()
    return Changed([_backtest(db, row) for row in rows[:limit]], head(db), len(rows) > limit)


def demand(db: Connection, backtest_id: str, *, deleted_too: bool) -> None:
    """Raises NotFound if there is no such run, or (unless asked for, too) if it was deleted."""
    row = db.execute("SELECT delete_time FROM backtests WHERE backtest_id = ?", (backtest_id,)).fetchone()
    if row is None or (row[0] is not None and not deleted_too):
        raise no_backtest(backtest_id)


# -- results ------------------------------------------------------------------------------------------------------


def _run(db: Connection, backtest_id: str) -> tuple[int, BacktestSpec, int, int]:
    row = db.execute(
        "SELECT id, spec, steps, points FROM backtests WHERE backtest_id = ? AND delete_time IS NULL", (backtest_id,)
    ).fetchone()
    if row is None:
        raise no_backtest(backtest_id)
    return row[0], from_json(BacktestSpec, row[1]), row[2], row[3]


def spec_of(db: Connection, backtest_id: str) -> BacktestSpec:
    """The resolved spec of a run. Raises NotFound."""
    return _run(db, backtest_id)[1]


def list_chains(
    db: Connection, backtest_id: str, after: int | None, upto: int | None, limit: int
) -> Page[BacktestChain]:
    """Chains in the order of their numbers; open ones as they were at the end of the newest part. Raises NotFound."""
    return _numbered(db, "backtest_chains", BacktestChain, backtest_id, after, upto, limit)


def list_cycles(
    db: Connection, backtest_id: str, after: int | None, upto: int | None, limit: int
) -> Page[BacktestCycle]:
    """Cycles of a wheel, in the same way. Raises NotFound."""
    return _numbered(db, "backtest_cycles", BacktestCycle, backtest_id, after, upto, limit)


def _numbered(
    db: Connection, table: str, kind: type[T], backtest_id: str, after: int | None, upto: int | None, limit: int
) -> Page[T]:
    number, *_ = _run(db, backtest_id)
    if upto is None:
        upto = db.execute(f"SELECT ifnull(max(number), 0) FROM {table} WHERE backtest = ?", (number,)).fetchone()[0]
    rows = db.execute(
        f"SELECT number, figures FROM {table} WHERE backtest = ? AND number > ? AND number <= ?"
        " ORDER BY number LIMIT ?",
        (number, after or 0, upto, limit + 1),
    ).fetchall()
    return Page([(row[0], from_json(kind, row[1])) for row in rows[:limit]], upto, len(rows) > limit)


def list_steps(db: Connection, backtest_id: str, after: int | None, upto: int | None, limit: int) -> Page[BacktestStep]:
    """Decisions in order; the keys count from 1. Raises NotFound."""
    number, spec, steps, _ = _run(db, backtest_id)
    upto = steps if upto is None else min(upto, steps)
    first = after or 0
    rows = _steps_between(db, number, spec, first, min(first + limit, upto))
    return Page([(step + 1, row) for step, row in rows], upto, first + limit < upto)


def _steps_between(
    db: Connection, number: int, spec: BacktestSpec, first: int, end: int
) -> list[tuple[int, BacktestStep]]:
    found: list[tuple[int, BacktestStep]] = []
    cycles = [from_json(BacktestCycle, text) for text in _cycles(db, number)]
    for start, block in db.execute(
        "SELECT first_step, step_block FROM parts"
        " WHERE backtest = ? AND first_step < ? AND first_step + steps > ? ORDER BY number",
        (number, end, first),
    ).fetchall():
        steps = taken(from_block(Steps, block), slice(max(first - start, 0), end - start))
        numbered = steps_of(spec, steps, max(first, start), cycles)
        found += [(step.number, step) for step in numbered]
    return found


def list_points(
    db: Connection, backtest_id: str, most: int, after: int | None, upto: int | None, limit: int
) -> Page[EquityPoint]:
    """The account at each bar, thinned to `most` points (0: all) that lie evenly, first and last among them; the keys
    are places in this listing, from 1. Raises NotFound."""
    number, _, _, points = _run(db, backtest_id)
    upto = points if upto is None else min(upto, points)
    shown = min(most or upto, upto)
    first = after or 0
    places = range(first, min(first + limit, shown))
    wanted = [_place(place, shown, upto) for place in places]
    if not wanted:
        return Page([], upto, False)
    parts = db.execute(
        "SELECT first_point, equity_block FROM parts"
        " WHERE backtest = ? AND first_point <= ? AND first_point + points > ? ORDER BY number",
        (number, wanted[-1], wanted[0]),
    ).fetchall()
    numbers = np.array(wanted)
    found = joined(
        Equity,
        (
            taken(equity, numbers[(numbers >= start) & (numbers < start + len(equity.time))] - start)
            for start, equity in ((start, from_block(Equity, block)) for start, block in parts)
        ),
    )
    rows = [(place + 1, point) for place, point in zip(places, points_of(found), strict=True)]
    return Page(rows, upto, places.stop < shown)


def _place(place: int, shown: int, points: int) -> int:
    """The bar that a place in a thinned listing shows."""
    return place if shown == points else round(place * (points - 1) / max(shown - 1, 1))


def row_of(db: Connection, backtest_id: str) -> int:
    """The row of a run. Raises NotFound."""
    return _run(db, backtest_id)[0]


def results(db: Connection, number: int) -> Results:
    """All rows of a run, as they are stored; by its row."""
    parts = db.execute(
        "SELECT step_block, equity_block FROM parts WHERE backtest = ? ORDER BY number", (number,)
    ).fetchall()
    chains = db.execute("SELECT figures FROM backtest_chains WHERE backtest = ? ORDER BY number", (number,)).fetchall()
    return Results(
        [row[0] for row in parts], [row[1] for row in parts], [row[0] for row in chains], _cycles(db, number)
    )


def _cycles(db: Connection, number: int) -> list[str]:
    """All cycles of a run, as they are stored; by its row."""
    rows = db.execute("SELECT figures FROM backtest_cycles WHERE backtest = ? ORDER BY number", (number,)).fetchall()
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """Runs and sweeps by what they wait for."""

    running_backtests: int
    queued_backtests: int
    running_sweeps: int
    queued_sweeps: int


def count(db: Connection) -> Counts:
    """What runs, and what waits for a worker."""
    numbers = [
        number
        for table in ("backtests", "sweeps")
        for state in (BacktestState.RUNNING, BacktestState.PENDING)
        for (number,) in db.execute(f"SELECT count(*) FROM {table} WHERE state = ?", (state,))
    ]
    return Counts(*numbers)
