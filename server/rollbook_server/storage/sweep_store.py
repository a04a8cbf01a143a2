"""Sweeps in lab.db as their writer sees them: queued with all their points, claimed, filled point by point, ended.

Points are done in the order of their numbers, so how far a sweep has come is one number, and is its checkpoint. What a
worker brings is written only while the sweep is RUNNING, claimed by the session that sent the worker, and as far as it
was then.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.sweeps import Design, SweepPlan
from rollbook_server.domain.backtest.walk_forward import Window
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.errors import AlreadyExists, FailedPrecondition, NotFound, Reason
from rollbook_server.storage.facts import differing_paths, dumps, from_json, loads, to_json
from rollbook_server.storage.sqlite import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepClaim:
    """A sweep that a session carries on, and from where."""

    id: int
    sweep_id: str
    plan: SweepPlan
    from_time: Micros
    windows: Sequence[Window]
    """Of several folds; empty for one."""
    engine: str
    session: str
    points_done: int
    points_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenWindow:
    """What a point brought forth in the window of a fold: decisions and equity as blocks, chains and cycles as JSON."""

    fold: int
    in_sample_value: float
    steps: bytes
    equity: bytes
    chains: Sequence[str]
    cycles: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DonePoint:
    """What came of a point: metrics as JSON, equity as a block; or why it failed."""

    number: int
    metrics: str | None = None
    equity: bytes | None = None
    value: float | None = None
    in_sample_value: float | None = None
    error: str = ""
    chosen: Sequence[ChosenWindow] = ()
    """Of those of several folds in whose in-sample part it is the best of the points that were run with it."""


class SweepStore:
    """Not thread-safe: the writer's alone."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    # -- what people ask for ------------------------------------------------------------------------------------

    def known(self, request_id: str, plan: SweepPlan) -> str | None:
        """The sweep that this request made. Raises AlreadyExists if it asked for another one, NotFound if it was
        deleted since."""
        row = self._db.execute(
            "SELECT sweep_id, said, said_digest, delete_time FROM sweeps WHERE request_id = ?", (request_id,)
        ).fetchone()
        if row is None:
            return None
        said = to_json(plan)
        if row[2] != _digest(said):
            fields = differing_paths(loads(row[1]), loads(said))
            raise AlreadyExists(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id} made a sweep with another {', '.join(fields[:5])}",
                fields[0] if fields else "request_id",
                {"fields": ",".join(fields[:20])},
            )
        if row[3] is not None:
            raise NotFound(Reason.SWEEP_NOT_FOUND, f"the sweep of request_id {request_id} was deleted", "request_id")
        return str(row[0])

    def create(self, request_id: str, plan: SweepPlan, design: Design, engine: str, now: Micros) -> str:
        """Queues a sweep; the id that it gets."""
        sweep_id, said = str(uuid.uuid4()), to_json(plan)
        row = self._db.execute(
            "INSERT INTO sweeps (sweep_id, request_id, said, said_digest, plan, from_time, points_total, engine, state,"
            " create_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'PENDING', ?)",
            (
                sweep_id,
                request_id,
                said,
                _digest(said),
                to_json(design.plan),
                design.from_time,
                len(design.points),
                engine,
                now,
            ),
        ).lastrowid
        self._db.executemany(
            "INSERT INTO sweep_points (sweep, number, changes, spec, error) VALUES (?, ?, ?, ?, ?)",
            (
                (row, number, dumps(list(point.values)), to_json(point.spec) if point.spec else None, point.error)
                for number, point in enumerate(design.points, 1)
            ),
        )
        self._db.executemany(
            "INSERT INTO sweep_folds (sweep, number, start_time, end_time) VALUES (?, ?, ?, ?)",
            [(row, number, *window) for number, window in enumerate(design.windows, 1)],
        )
        return sweep_id

    def pause(self, sweep_id: str) -> None:
        """Raises NotFound, FailedPrecondition."""
        row, state, _ = self._going(sweep_id)
        if state is BacktestState.PENDING:
            self._change(row, state=BacktestState.PAUSED)
        elif state is BacktestState.RUNNING:
            self._change(row, pausing=1)

    def resume(self, sweep_id: str) -> None:
        """Raises NotFound, FailedPrecondition."""
        row, state, _ = self._going(sweep_id)
        if state is BacktestState.PAUSED:
            self._change(row, state=BacktestState.PENDING)
        else:
            self._change(row, pausing=0)

    def cancel(self, sweep_id: str, now: Micros) -> None:
        """Raises NotFound, FailedPrecondition."""
        row, state, _ = self._found(sweep_id)
        if state is not BacktestState.CANCELLED:
            self._going(sweep_id)
            self._end(row, BacktestState.CANCELLED, now)

    def delete(self, sweep_id: str, now: Micros) -> Micros:
        """When it was deleted. Raises NotFound."""
        row, state, deleted = self._found(sweep_id, deleted_too=True)
        if deleted is not None:
            return deleted
        if not state.ended:
            self._end(row, BacktestState.CANCELLED, now)
        for table in ("sweep_points", "sweep_folds"):
            self._db.execute(f"DELETE FROM {table} WHERE sweep = ?", (row,))
        self._change(row, delete_time=now)
        return now

    def _going(self, sweep_id: str) -> tuple[int, BacktestState, Micros | None]:
        found = self._found(sweep_id)
        if found[1].ended:
            raise FailedPrecondition(Reason.SWEEP_ENDED, f"sweep {sweep_id} has ended: it is {found[1]}", "sweep_id")
        return found

    def _found(self, sweep_id: str, *, deleted_too: bool = False) -> tuple[int, BacktestState, Micros | None]:
        row = self._db.execute("SELECT id, state, delete_time FROM sweeps WHERE sweep_id = ?", (sweep_id,)).fetchone()
        if row is None or (row[2] is not None and not deleted_too):
            raise no_sweep(sweep_id)
        return row[0], BacktestState(row[1]), row[2]

    def _change(self, row: int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE sweeps SET {names} WHERE id = ?", (*values.values(), row))

    def _end(self, row: int, state: BacktestState, now: Micros, **values: Any) -> None:
        self._change(row, state=state, pausing=0, session="", end_time=now, **values)

    # -- what the runner does -----------------------------------------------------------------------------------

    def stop_pausing(self) -> None:
        """Sweeps that were to be paused when the server stopped are paused."""
        self._db.execute("UPDATE sweeps SET state = 'PAUSED', pausing = 0, session = '' WHERE pausing = 1")

    def claim(self, session: str, now: Micros) -> SweepClaim | None:
        """Takes the next sweep: one that ran when an earlier server stopped, else the oldest that waits."""
        rows = self._db.execute(
            "UPDATE sweeps SET state = 'RUNNING', session = :session, start_time = ifnull(start_time, :now)"
            " WHERE id = (SELECT id FROM sweeps WHERE state = 'PENDING' OR (state = 'RUNNING' AND session <> :session)"
            " ORDER BY state = 'PENDING', id LIMIT 1)"
            " RETURNING id, sweep_id, plan, from_time, engine, points_done, points_total",
            {"session": session, "now": now},
        ).fetchall()
        if not rows:
            return None
        row, sweep_id, plan, from_time, engine, points_done, points_total = rows[0]
        return SweepClaim(
            id=row,
            sweep_id=sweep_id,
            plan=from_json(SweepPlan, plan),
            from_time=from_time,
            windows=self._db.execute(
                "SELECT start_time, end_time FROM sweep_folds WHERE sweep = ? ORDER BY number", (row,)
            ).fetchall(),
            engine=engine,
            session=session,
            points_done=points_done,
            points_total=points_total,
        )

    def start_over(self, claim: SweepClaim, engine: str) -> SweepClaim:
        """Carries a sweep on from its first point: what it has was made by another engine, and points of two cannot be
        compared."""
        self._db.execute(
            "UPDATE sweep_points SET metrics = NULL, equity = NULL, value = NULL, in_sample_value = NULL,"
            " error = CASE WHEN spec IS NULL THEN error ELSE '' END WHERE sweep = ?",
            (claim.id,),
        )
        self._db.execute(
            "UPDATE sweep_folds SET chosen = NULL, in_sample_value = NULL, steps = NULL, equity = NULL, chains = NULL,"
            " cycles = '[]' WHERE sweep = ?",
            (claim.id,),
        )
        self._change(claim.id, points_done=0, seconds=0.0, engine=engine)
        return replace(claim, points_done=0, engine=engine)

    def record(
        self, claim: SweepClaim, upto: int, points: Sequence[DonePoint], seconds: float, now: Micros
    ) -> SweepClaim | None:
        """Writes what came of the points after those that were done, up to one. The claim to go on with; None if the
        sweep is not ours any more, is paused now, or is through."""
        row = self._db.execute(
            "SELECT pausing FROM sweeps WHERE id = ? AND state = 'RUNNING' AND session = ? AND points_done = ?",
            (claim.id, claim.session, claim.points_done),
        ).fetchone()
        if row is None:
            return None
        self._db.executemany(
            "UPDATE sweep_points SET metrics = ?, equity = ?, value = ?, in_sample_value = ?, error = ?"
            " WHERE sweep = ? AND number = ?",
            [
                (each.metrics, each.equity, each.value, each.in_sample_value, each.error, claim.id, each.number)
                for each in points
            ],
        )
        # Of equal ones the first is chosen, however the points were dealt out.
        self._db.executemany(
            "UPDATE sweep_folds SET chosen = :number, in_sample_value = :value, steps = :steps, equity = :equity,"
            " chains = :chains, cycles = :cycles WHERE sweep = :sweep AND number = :fold AND (chosen IS NULL"
            " OR :value > in_sample_value OR (:value = in_sample_value AND :number < chosen))",
            [
                {
                    "sweep": claim.id,
                    "fold": window.fold,
                    "number": each.number,
                    "value": window.in_sample_value,
                    "steps": window.steps,
                    "equity": window.equity,
                    "chains": dumps(window.chains),
                    "cycles": dumps(window.cycles),
                }
                for each in points
                for window in each.chosen
            ],
        )
        self._db.execute(
            "UPDATE sweeps SET points_done = ?, seconds = seconds + ? WHERE id = ?", (upto, seconds, claim.id)
        )
        if upto == claim.points_total:
            self._end(claim.id, BacktestState.SUCCEEDED, now)
            return None
        if row[0]:
            self._change(claim.id, state=BacktestState.PAUSED, pausing=0, session="")
            return None
        return replace(claim, points_done=upto)

    def fail(self, claim: SweepClaim, error: str, now: Micros) -> None:
        """Ends a sweep that cannot go on."""
        row = self._db.execute(
            "SELECT id FROM sweeps WHERE id = ? AND state = 'RUNNING' AND session = ?", (claim.id, claim.session)
        ).fetchone()
        if row is not None:
            self._end(claim.id, BacktestState.FAILED, now, error=error)


def following(db: Connection, claim: SweepClaim, count: int) -> Sequence[tuple[int, BacktestSpec | None]]:
    """The next so many points of a sweep, each with what it runs out of sample; None: it has failed already."""
    rows = db.execute(
        "SELECT number, spec FROM sweep_points WHERE sweep = ? AND number > ? ORDER BY number LIMIT ?",
        (claim.id, claim.points_done, count),
    ).fetchall()
    return [(number, from_json(BacktestSpec, spec) if spec else None) for number, spec in rows]


def no_sweep(sweep_id: str) -> NotFound:
    """The refusal of a sweep that is not there, or not any more."""
    return NotFound(Reason.SWEEP_NOT_FOUND, f"there is no sweep {sweep_id[:80]!r}", "sweep_id")


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()
