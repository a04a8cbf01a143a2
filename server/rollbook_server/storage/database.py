"""One database file: one writer thread with group commit, readers with snapshots of their own.

Commands wait in a bounded queue. The writer takes all that wait (up to a bound), runs each in a savepoint and commits
them together with synchronous=FULL. A domain refusal ends its savepoint only. When the store fails, and when a
connection is no longer in a transaction (a full disk rolls it back silently), the whole group fails: nothing of it is
recorded, and everything held in memory is read from the file again. After a mistake of ours the group's commands are
written one by one, so that only the one at fault fails.
"""

import contextlib
import fcntl
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from sqlite_utils import Database as SqliteUtils

from rollbook_server.domain.errors import Reason, Refusal, ResourceExhausted, Unavailable
from rollbook_server.storage.schema import Schema
from rollbook_server.storage.sqlite import (
    SAFE_WITH_SEVERAL_CONNECTIONS,
    Connection,
    DatabaseError,
    OperationalError,
    connect,
)

T = TypeVar("T")

GROUP = 256
"""Commands committed together at most."""
_PAUSE = 2.0
"""Seconds after which what comes unasked is tried again, if it could not be written."""


class DatabaseUnusable(Exception):
    """The file cannot be used; the message says why and what to do. It was not changed."""


class Transaction(Protocol):
    """What keeps values in memory beside the rows, and must follow their fate."""

    def keep_command(self) -> None: ...
    def drop_command(self) -> None: ...
    def before_commit(self) -> None: ...
    def committed(self) -> None: ...
    def forget(self) -> None: ...


@dataclass(slots=True)
class Job:
    """A command for the writer: `run` in a savepoint, `refused` in the same commit if it is refused."""

    run: Callable[[], Any]
    refused: Callable[[Refusal], None] | None = None
    reads: bool = False
    """A query on the writer's connection: it runs between groups, and harms none."""
    outcome: Any = None
    error: BaseException | None = None
    future: Any = None
    """Whose outcome it is: a Future of the caller's kind, resolved by `delivered`."""


class Database:
    """The file and its connections. Open it with `open_database`."""

    def __init__(self, path: Path, kind: str, lock: IO[str], *, single_connection: bool, queue_size: int) -> None:
        self.path = path
        self.db: Connection = connect(path)
        """The writer's connection; only jobs may use it."""
        self.transaction: Transaction | None = None
        self._lock = lock
        self._queue: queue.SimpleQueue[Sequence[Job] | None] = queue.SimpleQueue()
        self._room = queue_size
        self._waiting = 0
        self._count = threading.Lock()
        self._thread = threading.Thread(target=self._write, name=f"{kind}-writer", daemon=True)
        self._single = single_connection
        self._readers = threading.local()
        self._reader_connections: list[Connection] = []
        self._pool = None if single_connection else ThreadPoolExecutor(4, thread_name_prefix=f"{kind}-reader")
        self._delivered: Callable[[Sequence[Job]], None] = _resolve
        self._follow: Callable[[], Sequence[Job]] = list
        self._follow_again = 0.0
        self._failure: Callable[[BaseException], None] | None = None
        self._closing = False
        self._stale = False

    def start(
        self,
        transaction: Transaction,
        delivered: Callable[[Sequence[Job]], None] | None = None,
        follow: Callable[[], Sequence[Job]] | None = None,
        failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Starts the writer. After each group `follow` says what comes next unasked, written in a group of its own;
        then `delivered` gets the group's finished jobs. Both run on the writer's thread."""
        self.transaction = transaction
        if delivered is not None:
            self._delivered = delivered
        if follow is not None:
            self._follow = follow
        self._failure = failure
        self._thread.start()

    @property
    def queued(self) -> int:
        """Commands that wait."""
        return self._waiting

    def submit(self, *jobs: Job) -> None:
        """Queues commands that are written in one group, in order: none is judged without the ones before it.

        Raises ResourceExhausted when too many wait, Unavailable when the server stops; then none of them is queued.
        """
        if self._closing:
            raise Unavailable(Reason.STOPPING, "the server is stopping; send it again")
        with self._count:
            if self._waiting and self._waiting + len(jobs) > self._room:
                raise ResourceExhausted(Reason.QUEUE_FULL, "too many commands wait; send it again later")
            self._waiting += len(jobs)
        self._queue.put(jobs)

    def read(self, query: Callable[[Connection], T]) -> "Future[T]":
        """Runs a query on a snapshot: on a reader's connection, or on the writer's where two would be unsafe."""
        if self._pool is None:
            future: Future[T] = Future()
            self.submit(Job(run=lambda: query(self.db), reads=True, future=future))
            return future
        return self._pool.submit(self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        db = getattr(self._readers, "db", None)
        if db is None:
            db = self._readers.db = connect(self.path, read_only=True)
            self._reader_connections.append(db)
        db.execute("BEGIN")
        try:
            return query(db)
        finally:
            db.execute("COMMIT")

    def close(self) -> None:
        """Writes what waits, then closes everything and gives the file free."""
        self._closing = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        for db in self._reader_connections:
            db.close()
        self.db.close()
        self._lock.close()

    # -- the writer's thread ------------------------------------------------------------------------------------

    def _write(self) -> None:
        while True:
            taken = self._queue.get()
            if taken is None:
                return
            group = list(taken)
            last = False
            while len(group) < GROUP:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    last = True
                    break
                group += following
            with self._count:
                self._waiting -= len(group)
            commands = [each for each in group if not each.reads]
            if commands:
                self._write_group(commands)
                self._write_following()
            for query in group:
                if query.reads:
                    self._run_query(query)
            with contextlib.suppress(RuntimeError):  # the loop that waited is gone; what is written is written
                self._delivered(group)
            if last:
                return

    def _write_following(self) -> None:
        """Writes what comes unasked. Where that fails only the log is told; it comes again after the next group."""
        if time.monotonic() < self._follow_again:
            return
        errors: list[BaseException] = []
        try:
            following = self._follow()
            if following:
                self._write_group(following)
                errors = [job.error for job in following if job.error is not None]
        except Exception as error:  # whatever it is, the commands before it are written, and those to come are not its
            errors = [error]
        for failed in errors:
            self._follow_again = time.monotonic() + _PAUSE  # what fails makes memory be read again: not each time
            if self._failure is not None:
                self._failure(failed)

    def _write_group(self, group: Sequence[Job]) -> None:
        """Writes a group. Where the store fails, the whole group does. Where a command does, by a mistake of ours, the
        others are written one by one: they must not fail with it, again and again."""
        error = self._try_group(group)
        if error is None:
            return
        alone = [[job] for job in group] if len(group) > 1 and not isinstance(error, _STORE_FAILED) else [group]
        for jobs in alone:
            failed = error if jobs is group else self._try_group(jobs)
            if failed is None:
                continue
            for job in jobs:
                job.outcome = None
                job.error = Unavailable(
                    Reason.STORAGE_FAILED, f"nothing was recorded: {failed}; send it again"
                ).with_traceback(None)

    def _try_group(self, group: Sequence[Job]) -> BaseException | None:
        """Commits a group, or nothing of it; returns what went wrong."""
        transaction = self.transaction
        assert transaction is not None
        try:
            if self._stale:
                transaction.forget()
                self._stale = False
            self.db.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run(job, transaction)
            transaction.before_commit()
            self._demand_transaction()
            self.db.execute("COMMIT")
        except BaseException as error:
            # Whatever else fails now, the writer lives on: what is in memory is read again before it is used.
            self._stale = True
            if self._failure is not None:
                self._failure(error)
            with contextlib.suppress(DatabaseError):
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
            return error
        transaction.committed()
        return None

    def _run_query(self, job: Job) -> None:
        try:
            self.db.execute("BEGIN")
            try:
                job.outcome = job.run()
            finally:
                self.db.execute("COMMIT")
        except Exception as error:
            job.error = error

    def _run(self, job: Job, transaction: Transaction) -> None:
        db = self.db
        job.outcome, job.error = None, None
        db.execute("SAVEPOINT command")
        try:
            job.outcome = job.run()
        except Refusal as refusal:
            self._demand_transaction()
            db.execute("ROLLBACK TO command")
            transaction.drop_command()
            job.error = refusal
            if job.refused is not None:
                job.refused(refusal)
        else:
            transaction.keep_command()
        self._demand_transaction()
        db.execute("RELEASE command")

    def _demand_transaction(self) -> None:
        # SQLITE_FULL and I/O errors roll the whole transaction back on their own: what followed would commit alone.
        if not self.db.in_transaction:
            raise DatabaseError("the transaction was rolled back by SQLite")


_STORE_FAILED = (DatabaseError, OSError, MemoryError)


def _resolve(group: Sequence[Job]) -> None:
    for job in group:
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.outcome)


def open_database(
    path: Path, schema: Schema, *, single_connection: bool | None = None, queue_size: int = 4096
) -> Database:
    """Opens (or makes) the file for writing, alone, and brings its tables up to date.

    Raises DatabaseUnusable, with the file unchanged, if another server has it, if it is damaged, if it is of another
    kind, or if a newer Rollbook made it.
    """
    path = path.resolve()  # a link to a ledger is that ledger: one lock, one journal
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_file(path)
    try:
        inspect(path, schema)
        if single_connection is None:
            single_connection = not SAFE_WITH_SEVERAL_CONNECTIONS
        database = Database(path, schema.kind, lock, single_connection=single_connection, queue_size=queue_size)
    except (OSError, DatabaseError) as error:
        lock.close()
        raise DatabaseUnusable(f"{path} cannot be opened: {error}") from error
    except DatabaseUnusable:
        lock.close()
        raise
    schema.migrations.apply(SqliteUtils(database.db))
    return database


def lock_file(path: Path) -> IO[str]:
    """Takes the lock that says who may write the file. Raises DatabaseUnusable if somebody has it."""
    lock = path.with_name(path.name + ".lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DatabaseUnusable(f"{path} is in use by another rollbook-server.") from None
    return lock


_LOOK = 0.4
"""Seconds that a start may spend on looking for damage; `rollbook-server check` looks to the end."""


def quick_check(db: Connection) -> str:
    """What SQLite finds wrong with the file's structure within the time that a start may take; empty if nothing."""
    until = time.monotonic() + _LOOK
    db.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        found = [row[0] for row in db.execute("PRAGMA quick_check(1)")]
    except OperationalError as error:
        if "interrupted" in str(error):
            return ""
        raise
    finally:
        db.set_progress_handler(None, 0)
    return "" if found == ["ok"] else str(found[0])


def inspect(path: Path, schema: Schema, *, damage_too: bool = True) -> None:
    """Looks at the file without touching it. Raises DatabaseUnusable for a foreign or newer one, and (unless the
    caller looks more closely itself) for a damaged one."""
    if not path.exists() or not path.stat().st_size:
        return
    unchanged = "It was not changed."
    try:
        db = connect(path, read_only=True)
        try:
            tables = SqliteUtils(db)
            newer = schema.newer_than_known(tables)
            foreign = schema.is_foreign(tables)
            draft = schema.is_draft(tables)
            damage = quick_check(db) if damage_too else ""
        finally:
            db.close()
    except DatabaseError as error:
        raise DatabaseUnusable(f"{path} is damaged or no database: {error}. {unchanged}") from error
    if damage:
        raise DatabaseUnusable(f"{path} is damaged: {damage}. {unchanged}")
    if newer:
        raise DatabaseUnusable(
            f"{path} was written by a newer rollbook-server ({', '.join(newer)}): upgrade. {unchanged}"
        )
    if draft:
        raise DatabaseUnusable(f"{path} was made before the first release, in a form that was given up. {unchanged}")
    if foreign:
        raise DatabaseUnusable(f"{path} is no {schema.kind} but another program's database. {unchanged}")
