"""Proof that the file is whole: SQLite's own check, the journal's chain of hashes, and every projection made again.

`check_ledger` only reads, on a snapshot, so it can run beside a server. `rebuild_ledger` makes the projections anew.
"""

import hashlib
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlite_utils import Database as SqliteUtils

from rollbook_server.domain.recording.book import Record, advance
from rollbook_server.storage import journal, schemas
from rollbook_server.storage.database import inspect, lock_file
from rollbook_server.storage.projections import Projections
from rollbook_server.storage.sqlite import VERSION, Connection, DatabaseError, connect

Progress = Callable[[int, int], None]
"""Told (entries done, entries in all) now and then."""

_SHOWN = 20
_GROUP = 1_000


@dataclass(slots=True)
class Report:
    """What a check found. `problems` is empty if all is well."""

    path: str
    sqlite_version: str
    ledger_id: str = ""
    revision: int = 0
    head_hash: str = ""
    entries: int = 0
    chains: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is proven."""
        return not self.problems

    def to_json(self) -> str:
        """For programs."""
        return json.dumps({"ok": self.ok, **asdict(self)}, indent=2)

    def found(self, problem: str) -> None:
        """Notes a problem; of very many, the first ones are enough."""
        if len(self.problems) < _SHOWN:
            self.problems.append(problem)


def check_ledger(path: Path, expect: str = "", progress: Progress | None = None) -> Report:
    """Proves the ledger in `path`: integrity, hashes, projections. `expect` is "REVISION:HASH" from an earlier check
    or status: the journal must still contain it."""
    started = time.monotonic()
    path = path.resolve()
    report = Report(str(path), VERSION)
    inspect(path, schemas.LEDGER, damage_too=False)
    db = connect(path, read_only=True)
    try:
        db.execute("BEGIN")
        with tempfile.TemporaryDirectory(prefix="rollbook-check-") as folder:
            fresh = connect(Path(folder) / "rebuilt.db")
            try:
                fresh.execute("PRAGMA synchronous = OFF")
                _prove(db, fresh, report, expect, progress)
            finally:
                fresh.close()
        db.execute("COMMIT")
    except DatabaseError as error:
        report.found(f"SQLite cannot read the file: {error}")
    finally:
        db.close()
    report.seconds = round(time.monotonic() - started, 3)
    if report.ok:
        _remember(path, report)
    return report


def _prove(db: Connection, fresh: Connection, report: Report, expect: str, progress: Progress | None) -> None:
    for (line,) in db.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            report.found(f"integrity: {line}")
    row = db.execute("SELECT value FROM meta WHERE key = 'ledger_id'").fetchone()
    report.ledger_id = row[0] if row else ""
    if not row:
        report.found("the ledger has no id")
    schemas.migrations.apply(SqliteUtils(fresh))
    expected_revision, expected_hash = _expected(expect, report)
    hashes = {0: journal.GENESIS.hex()}
    try:
        head = replay(_verified(db, report, expected_revision, hashes), fresh, count_entries(db), progress)
    except Exception as error:
        report.found(f"the journal cannot be folded: {error!r}")
        return
    report.revision, report.head_hash = head.revision, head.hash.hex()
    report.entries = count_entries(db)
    report.chains = fresh.execute("SELECT count(*) FROM chains").fetchone()[0]
    if expected_hash and hashes.get(expected_revision) != expected_hash:
        report.found(f"revision {expected_revision} has hash {hashes.get(expected_revision)}, not {expected_hash}")
    for table in schemas.PROJECTIONS:
        _compare(db, fresh, table, report)
    for payload_digest, body in db.execute("SELECT digest, body FROM payloads"):
        if hashlib.sha256(body).hexdigest() != payload_digest:
            report.found(f"payload {payload_digest}: its bytes have another digest")


def count_entries(db: Connection) -> int:
    """Entries of the journal."""
    return int(db.execute("SELECT count(*) FROM entries").fetchone()[0])


def _expected(expect: str, report: Report) -> tuple[int, str]:
    revision, _, digest = expect.partition(":")
    if not expect:
        return 0, ""
    if not revision.isdecimal() or len(digest) != 64:
        report.found(f"--expect {expect!r} is not REVISION:HASH")
        return 0, ""
    return int(revision), digest.lower()


def _verified(
    db: Connection, report: Report, expected_revision: int = 0, hashes: dict[int, str] | None = None
) -> Iterator[tuple[Any, ...]]:
    """The journal's rows, each proven to follow from the one before; the hash of one revision goes into `hashes`."""
    before = journal.GENESIS
    revision, sequence, recorded = 0, 0, 0
    for row in db.execute(f"SELECT {journal.COLUMNS} FROM entries ORDER BY id"):
        here = f"entry {row[1]}.{row[2]}"
        follows = (row[1], row[2]) in ((revision, sequence + 1), (revision + 1, 1))
        if not follows:
            report.found(f"{here} does not follow {revision}.{sequence}")
        if row[3] < recorded:
            report.found(f"{here} was recorded before the one before it")
        if journal.row_hash(before, row) != row[10]:
            report.found(f"{here}: its hash is not that of its bytes after the entry before it")
        before = row[10]
        revision, sequence, recorded = row[1], row[2], row[3]
        if hashes is not None and revision == expected_revision:
            hashes[revision] = before.hex()
        yield row


def replay(rows: Iterator[tuple[Any, ...]], target: Connection, total: int, progress: Progress | None) -> journal.Head:
    """Folds journal rows into the (empty) projections of `target`: the same path that live commands take."""
    book = Projections(target)
    head = journal.Head()
    done = 0
    while group := list(itertools.islice(rows, _GROUP)):
        target.execute("SAVEPOINT replay")
        for row in group:
            entry = journal.read_entry(row)
            after: Record | None = None
            if entry.position_id:
                after = advance(book.record(entry.account, entry.position_id), entry)
            _keep_entry(target, row)
            book.write(entry, after)
            head = journal.Head(row[1], row[10], row[3])
        book.keep_command()
        book.before_commit()
        target.execute("RELEASE replay")
        book.committed()
        done += len(group)
        if progress is not None:
            progress(done, total)
    return head


def _keep_entry(target: Connection, row: tuple[Any, ...]) -> None:
    # A chain that has left the cache is read again from its entries: they must be there (a rebuild has them already).
    target.execute(f"INSERT OR IGNORE INTO entries ({journal.COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _compare(db: Connection, fresh: Connection, table: str, report: Report) -> None:
    """Stored = rebuilt, row by row."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    keys = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5]]
    query = f"SELECT {', '.join([*keys, *columns])} FROM {table} ORDER BY {', '.join(keys)}"
    count = len(keys)
    ours, theirs = iter(db.execute(query)), iter(fresh.execute(query))
    stored, rebuilt = next(ours, None), next(theirs, None)
    while stored or rebuilt:
        if stored and (not rebuilt or stored[:count] < rebuilt[:count]):
            report.found(f"{table}: {_row_name(columns, keys, stored[count:])} is only in what is stored")
            stored = next(ours, None)
        elif rebuilt and (not stored or rebuilt[:count] < stored[:count]):
            report.found(f"{table}: {_row_name(columns, keys, rebuilt[count:])} is only in what is rebuilt")
            rebuilt = next(theirs, None)
        elif stored and rebuilt:
            different = [name for name, a, b in zip(columns, stored[count:], rebuilt[count:], strict=True) if a != b]
            if different:
                name = _row_name(columns, keys, stored[count:])
                report.found(f"{table}: {name} differs in {', '.join(different)}")
            stored, rebuilt = next(ours, None), next(theirs, None)


def _row_name(columns: list[str], keys: list[str], row: tuple[Any, ...]) -> str:
    return "/".join(
        str(value) for name, value in zip(columns, row, strict=True) if name in keys or name == "position_id"
    )


def rebuild_ledger(path: Path, progress: Progress | None = None) -> Report:
    """Makes all projections again from the journal, in one transaction, after proving its hashes. The file must not be
    in use. Raises DatabaseUnusable."""
    started = time.monotonic()
    path = path.resolve()
    lock = lock_file(path)
    report = Report(str(path), VERSION)
    try:
        inspect(path, schemas.LEDGER)
        db = connect(path)
        source = connect(path, read_only=True)
        try:
            source.execute("BEGIN")
            total = count_entries(source)
            db.execute("BEGIN IMMEDIATE")
            for table in schemas.PROJECTIONS:
                db.execute(f"DELETE FROM {table}")
            try:
                head = replay(_verified(source, report), db, total, progress)
            except Exception as error:
                report.found(f"the journal cannot be folded: {error!r}")
            else:
                report.revision, report.head_hash, report.entries = head.revision, head.hash.hex(), total
                report.chains = db.execute("SELECT count(*) FROM chains").fetchone()[0]
            source.execute("COMMIT")
            db.execute("COMMIT" if report.ok else "ROLLBACK")
        finally:
            source.close()
            db.close()
    finally:
        lock.close()
    report.seconds = round(time.monotonic() - started, 3)
    return report


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When a check of this ledger last passed, and how far it reached."""

    time: int
    revision: int


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".check")


def _remember(path: Path, report: Report) -> None:
    """Notes a passed check beside the file: a check never writes into it."""
    note = {"ledger_id": report.ledger_id, "revision": report.revision, "time": time.time_ns() // 1_000}
    beside = _beside(path)
    draft = beside.with_name(beside.name + ".new")
    try:
        draft.write_text(json.dumps(note))
        draft.replace(beside)
    except OSError:
        return  # a read-only place can be checked too; nobody is told when it was


def last_check(path: Path, ledger_id: str) -> LastCheck | None:
    """The last passed check of this ledger, if known."""
    try:
        note = json.loads(_beside(path).read_text())
        return LastCheck(note["time"], note["revision"]) if note["ledger_id"] == ledger_id else None
    except (OSError, ValueError, KeyError):
        return None
