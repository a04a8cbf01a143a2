"""The lab's file as its writer sees it: runs are queued, claimed, carried on part by part, and ended.

Each change of a run takes a revision. What a worker brings is written only while the run is RUNNING and claimed by the
session that sent the worker: a run that was cancelled, deleted or claimed by a later server takes nothing more.
"""

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.backtest.runs import LOADING, MEASURING, Progress
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.errors import AlreadyExists, FailedPrecondition, NotFound, Reason
from rollbook_server.storage.facts import differing_paths, dumps, from_json, loads, to_json, to_tree
from rollbook_server.storage.parts import Part
from rollbook_server.storage.sqlite import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run that is asked for: the spec as it was given, and what it was resolved to."""

    request_id: str
    given: BacktestSpec
    group_id: str
    spec: BacktestSpec
    run_digest: str
    engine: str
    """Its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that a session carries on, and from where."""

    id: int
    backtest_id: str
    spec: BacktestSpec
    engine: str
    session: str
    parts: int = 0
    steps: int = 0
    points: int = 0
    progress: Progress = field(default_factory=Progress)
    checkpoint: bytes | None = None
    curve: bytes = b""


@dataclass(frozen=True, slots=True)
class Found:
    """What the row of a run says of where it stands."""

    id: int
    state: BacktestState
    pausing: bool
    delete_time: Micros | None


class LabStore:
    """Not thread-safe: the writer's alone."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.head = 0
        """The last committed revision; other threads may read it."""
        self._next = self._group = 0
        self.forget()
        self.lab_id = _lab_id(db)

    # -- the group's fate ---------------------------------------------------------------------------------------

    def keep_command(self) -> None:
        self._group = self._next

    def drop_command(self) -> None:
        self._next = self._group

    def before_commit(self) -> None:
        pass

    def committed(self) -> None:
        self.head = self._group

    def forget(self) -> None:
        (newest,) = self._db.execute("SELECT ifnull(max(revision), 0) FROM backtests").fetchone()
        self.head = self._group = self._next = newest

    def _revision(self) -> int:
        self._next += 1
        return self._next

    # -- what people ask for ------------------------------------------------------------------------------------

    def known(self, request_id: str, given: BacktestSpec, group_id: str) -> str | None:
        """The run that this request made. Raises AlreadyExists if it asked for another one, NotFound if it was deleted
        since."""
        row = self._db.execute(
            "SELECT backtest_id, said, said_digest, delete_time FROM backtests WHERE request_id = ?", (request_id,)
        ).fetchone()
        if row is None:
            return None
        said = _said(given, group_id)
        if row[2] != hashlib.sha256(said.encode()).hexdigest():
            fields = differing_paths(loads(row[1]), loads(said))
            raise AlreadyExists(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id} made a run with another {', '.join(fields[:5])}",
                fields[0] if fields else "request_id",
                {"fields": ",".join(fields[:20])},
            )
        if row[3] is not None:
            raise NotFound(Reason.BACKTEST_NOT_FOUND, f"the run of request_id {request_id} was deleted", "request_id")
        return str(row[0])

    def create(self, order: Order, now: Micros) -> str:
        """Queues a run; the id that it gets."""
        backtest_id = str(uuid.uuid4())
        said = _said(order.given, order.group_id)
        self._db.execute(
            "INSERT INTO backtests (backtest_id, request_id, said, said_digest, group_id, underlying, spec, run_digest,"
            " engine, state, create_time, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                backtest_id,
                order.request_id,
                said,
                hashlib.sha256(said.encode()).hexdigest(),
                order.group_id,
                order.spec.underlying,
                to_json(order.spec),
                order.run_digest,
                order.engine,
                BacktestState.PENDING,
                now,
                self._revision(),
            ),
        )
        return backtest_id

    def pause(self, backtest_id: str) -> None:
        """Raises NotFound, FailedPrecondition."""
        found = self._going(backtest_id)
        if found.state is BacktestState.PENDING:
            self._change(found.id, state=BacktestState.PAUSED)
        elif found.state is BacktestState.RUNNING and not found.pausing:
            self._change(found.id, pausing=1)

    def resume(self, backtest_id: str) -> None:
        """Raises NotFound, FailedPrecondition."""
        found = self._going(backtest_id)
        if found.state is BacktestState.PAUSED:
            self._change(found.id, state=BacktestState.PENDING)
        elif found.pausing:
            self._change(found.id, pausing=0)

    def cancel(self, backtest_id: str, now: Micros) -> None:
        """Raises NotFound, FailedPrecondition."""
        found = self._found(backtest_id)
        if found.state is not BacktestState.CANCELLED:
            self._going(backtest_id)
            self._end(found.id, BacktestState.CANCELLED, now)

    def delete(self, backtest_id: str, now: Micros) -> Micros:
        """When it was deleted. Raises NotFound."""
        found = self._found(backtest_id, deleted_too=True)
        if found.delete_time is not None:
            return found.delete_time
        if not found.state.ended:
            self._end(found.id, BacktestState.CANCELLED, now)
        self._clear(found.id, delete_time=now)
        return now

    def _clear(self, row: int, **values: Any) -> None:
        """Takes away all that a run has brought forth."""
        self._db.execute("DELETE FROM parts WHERE backtest = ?", (row,))
        self._db.execute("DELETE FROM backtest_chains WHERE backtest = ?", (row,))
        self._db.execute("DELETE FROM backtest_cycles WHERE backtest = ?", (row,))
        self._change(
            row, parts=0, steps=0, points=0, progress="{}", checkpoint=None, curve=None, metrics=None, **values
        )

    def _going(self, backtest_id: str) -> Found:
        found = self._found(backtest_id)
        if found.state.ended:
            raise FailedPrecondition(
                Reason.BACKTEST_ENDED, f"backtest {backtest_id} has ended: it is {found.state}", "backtest_id"
            )
        return found

    def _found(self, backtest_id: str, *, deleted_too: bool = False) -> Found:
        row = self._db.execute(
            "SELECT id, state, pausing, delete_time FROM backtests WHERE backtest_id = ?", (backtest_id,)
        ).fetchone()
        if row is None or (row[3] is not None and not deleted_too):
            raise no_backtest(backtest_id)
        return Found(row[0], BacktestState(row[1]), bool(row[2]), row[3])

    def _change(self, row: int, **values: Any) -> None:
        """A change that a watcher is to hear of."""
        names = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(
            f"UPDATE backtests SET {names}, revision = ? WHERE id = ?", (*values.values(), self._revision(), row)
        )

    def _end(self, row: int, state: BacktestState, now: Micros, **values: Any) -> None:
        self._change(row, state=state, pausing=0, session="", end_time=now, checkpoint=None, **values)

    # -- what the runner does -----------------------------------------------------------------------------------

    def stop_pausing(self) -> None:
        """Runs that were to be paused when the server stopped are paused."""
        for (row,) in self._db.execute("SELECT id FROM backtests WHERE pausing = 1").fetchall():
            self._change(row, state=BacktestState.PAUSED, pausing=0, session="")

    def claim(self, session: str, now: Micros) -> Claim | None:
        """Takes the next run: one that ran when an earlier server stopped, else the oldest that waits."""
        row = self._db.execute(
            "UPDATE backtests SET state = 'RUNNING', session = :session, start_time = ifnull(start_time, :now),"
            " revision = :revision WHERE id = (SELECT id FROM backtests WHERE state = 'PENDING'"
            " OR (state = 'RUNNING' AND session <> :session) ORDER BY state = 'PENDING', id LIMIT 1)"
            " RETURNING id, backtest_id, spec, engine, parts, steps, points, progress, checkpoint, curve",
            {"session": session, "now": now, "revision": self._next + 1},
        ).fetchall()
        if not row:
            return None
        self._revision()
        number, backtest_id, spec, engine, parts, steps, points, progress, checkpoint, curve = row[0]
        known = from_json(Progress, progress)
        if not known.bars_total:
            known = replace(known, phase=LOADING)
            self._db.execute("UPDATE backtests SET progress = ? WHERE id = ?", (to_json(known), number))
        return Claim(
            id=number,
            backtest_id=backtest_id,
            spec=from_json(BacktestSpec, spec),
            engine=engine,
            session=session,
            parts=parts,
            steps=steps,
            points=points,
            progress=known,
            checkpoint=checkpoint,
            curve=curve or b"",
        )

    def start_over(self, claim: Claim, engine: str, run_digest: str) -> Claim:
        """Carries a run on from its beginning: what it has was made by another engine, and a result has one."""
        progress = Progress(phase=LOADING)
        self._clear(claim.id, engine=engine, run_digest=run_digest)
        self._db.execute("UPDATE backtests SET progress = ? WHERE id = ?", (to_json(progress), claim.id))
        return Claim(
            id=claim.id,
            backtest_id=claim.backtest_id,
            spec=claim.spec,
            engine=engine,
            session=claim.session,
            progress=progress,
        )

    def record(self, claim: Claim, part: Part) -> Claim | None:
        """Writes a part with the state to go on from. The claim to go on with; None if the run is not ours any more:
        then nothing is written, or it was to be paused, and is now."""
        found = self._claimed(claim)
        if found is None:
            return None
        self._db.execute(
            "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                claim.id,
                claim.parts,
                claim.steps,
                part.steps,
                part.step_block,
                claim.points,
                part.points,
                part.equity_block,
            ),
        )
        for table, written in (("backtest_chains", part.chains), ("backtest_cycles", part.cycles)):
            self._db.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?)"
                " ON CONFLICT (backtest, number) DO UPDATE SET figures = excluded.figures",
                [(claim.id, number, figures) for number, figures in written],
            )
        following = replace(
            claim,
            parts=claim.parts + 1,
            steps=claim.steps + part.steps,
            points=claim.points + part.points,
            progress=part.progress,
            checkpoint=part.checkpoint,
            curve=part.curve,
        )
        self._change(
            claim.id,
            parts=following.parts,
            steps=following.steps,
            points=following.points,
            progress=to_json(part.progress),
            checkpoint=part.checkpoint,
            curve=part.curve,
        )
        if found.pausing:
            self._change(claim.id, state=BacktestState.PAUSED, pausing=0, session="")
            return None
        return following

    def measured(self, claim: Claim, metrics: str) -> None:
        """Keeps metrics so far."""
        if self._claimed(claim) is not None:
            self._change(claim.id, metrics=metrics)

    def finish(self, claim: Claim, metrics: str, result_digest: str, now: Micros) -> None:
        """Ends a run that has everything."""
        if self._claimed(claim) is not None and claim.progress.phase == MEASURING:
            self._end(claim.id, BacktestState.SUCCEEDED, now, metrics=metrics, result_digest=result_digest)

    def fail(self, claim: Claim, error: str, now: Micros) -> None:
        """Ends a run that cannot go on."""
        if self._claimed(claim) is not None:
            self._end(claim.id, BacktestState.FAILED, now, error=error)

    def _claimed(self, claim: Claim) -> Found | None:
        """The run, if the claim still holds."""
        row = self._db.execute(
            "SELECT id, state, pausing, delete_time FROM backtests"
            " WHERE id = ? AND state = 'RUNNING' AND session = ? AND parts = ?",
            (claim.id, claim.session, claim.parts),
        ).fetchone()
        return Found(row[0], BacktestState(row[1]), bool(row[2]), row[3]) if row else None


def no_backtest(backtest_id: str, field: str = "backtest_id") -> NotFound:
    """The refusal of a run that is not there, or not any more."""
    return NotFound(Reason.BACKTEST_NOT_FOUND, f"there is no backtest {backtest_id[:80]!r}", field)


def _said(given: BacktestSpec, group_id: str) -> str:
    """What a request asked for, as text; equal for equal requests."""
    return dumps({"spec": to_tree(given), **({"group_id": group_id} if group_id else {})})


def _lab_id(db: Connection) -> str:
    row = db.execute("SELECT value FROM meta WHERE key = 'lab_id'").fetchone()
    if row is None:
        made = str(uuid.uuid4())
        db.execute("INSERT INTO meta VALUES ('lab_id', ?)", (made,))
        return made
    return str(row[0])
