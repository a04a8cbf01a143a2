"""Observations: refusals and venue payloads. Durable and bounded; never rebuilt, never part of a projection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.errors import Refusal
from rollbook_server.domain.executions import Payload
from rollbook_server.domain.recording.book import Scope
from rollbook_server.storage.facts import dumps, loads
from rollbook_server.storage.sqlite import Connection

MAX_REFUSALS = 10_000
MAX_REFUSED_BYTES = 65_536


Trade = tuple[str, str]
"""(currency, trade_id): a trade among those of its account, mode and venue; `currency` is empty where it could not be
read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCommand:
    """A command that could not be recorded, as far as it could be read: `mode` may be empty. `trades` are the keys of
    its trades, empty unless every fill is one. `content` is the command as it came, opaque here."""

    account: str
    request_id: str
    command: str
    mode: str
    venue: str
    has_fills: bool
    trades: tuple[Trade, ...]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRefusal:
    """A refusal as listed. `code` is the refusal's class name."""

    id: int
    account: str
    request_id: str
    command: str
    mode: str
    code: str
    reason: str
    message: str
    field: str
    details: Mapping[str, str]
    content: bytes | None
    attempts: int
    first_time: Micros
    last_time: Micros
    resolved_revision: int


def note_refusal(db: Connection, refused: RefusedCommand, refusal: Refusal, now: Micros, revision: int) -> None:
    """Keeps a refusal, or counts another attempt of it. The oldest resolved ones, then the oldest, make room.

    A refusal whose trades are all recorded is resolved from the start: no money is missing.
    """
    missing = _missing_trades(db, refused, refusal)
    resolved = revision if refused.trades and not missing else 0
    content = refused.content if len(refused.content) <= MAX_REFUSED_BYTES else None
    ((row_id,),) = db.execute(
        "INSERT INTO refusals (account, request_id, command, mode, venue, has_fills, code, reason, message,"
        " field, details, content, attempts, first_time, last_time, resolved_revision)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)"
        " ON CONFLICT (account, request_id) DO UPDATE SET command = excluded.command, mode = excluded.mode,"
        " has_fills = excluded.has_fills, venue = excluded.venue, code = excluded.code,"
        " reason = excluded.reason, message = excluded.message, field = excluded.field, details = excluded.details,"
        " content = excluded.content, attempts = attempts + 1, last_time = excluded.last_time,"
        " resolved_revision = excluded.resolved_revision RETURNING id",
        (
            refused.account,
            refused.request_id,
            refused.command,
            refused.mode,
            refused.venue,
            int(refused.has_fills),
            type(refusal).__name__,
            refusal.reason,
            refusal.message[:1024],
            refusal.field[:256],
            dumps({name: value[:1024] for name, value in refusal.details.items()}),
            content,
            now,
            now,
            resolved,
        ),
    ).fetchall()
    db.execute("DELETE FROM missing_trades WHERE refusal = ?", (row_id,))
    db.executemany(
        "INSERT INTO missing_trades VALUES (?, ?, ?, ?, ?, ?)",
        [(refused.account, refused.mode, refused.venue, *trade, row_id) for trade in missing],
    )
    db.execute(
        "DELETE FROM refusals WHERE id IN (SELECT id FROM refusals ORDER BY resolved_revision = 0, id"
        " LIMIT max(0, (SELECT count(*) FROM refusals) - ?))",
        (MAX_REFUSALS,),
    )


def _missing_trades(db: Connection, refused: RefusedCommand, refusal: Refusal) -> list[Trade]:
    """The trades of a refused command that are not recorded. One recorded with other content is missing: which of both
    is true, somebody has to see."""
    conflicting = refusal.details.get("trade_id")
    missing = []
    for trade in refused.trades:
        row = db.execute(
            "SELECT 1 FROM trades WHERE account = ? AND mode = ? AND venue = ? AND currency = ? AND trade_id = ?",
            (refused.account, refused.mode, refused.venue, *trade),
        ).fetchone()
        if row is None or trade[1] == conflicting:
            missing.append(trade)
    return missing


def resolve_refusals(
    db: Connection, scope: Scope, request_ids: Iterable[str], trades: Iterable[Trade], revision: int
) -> None:
    """Marks the refusals whose request_id, or all of whose trades, have been accepted, together or one by one."""
    for request_id in request_ids:
        db.execute(
            "UPDATE refusals SET resolved_revision = ? WHERE account = ? AND request_id = ? AND resolved_revision = 0",
            (revision, scope.account, request_id),
        )
    for trade in trades:
        found = db.execute(
            "DELETE FROM missing_trades WHERE account = ? AND mode = ? AND venue = ? AND currency = ? AND trade_id = ?"
            " RETURNING refusal",
            (scope.account, scope.mode, scope.venue, *trade),
        ).fetchall()
        for (row_id,) in found:
            db.execute(
                "UPDATE refusals SET resolved_revision = ? WHERE id = ? AND resolved_revision = 0"
                " AND NOT EXISTS (SELECT 1 FROM missing_trades WHERE refusal = refusals.id)",
                (revision, row_id),
            )


def any_unresolved(db: Connection) -> bool:
    """Whether any refusal is open."""
    return db.execute("SELECT 1 FROM refusals WHERE resolved_revision = 0 LIMIT 1").fetchone() is not None


def list_refusals(
    db: Connection, account: str, mode: str, include_resolved: bool, before_id: int | None, limit: int
) -> list[StoredRefusal]:
    """Refusals, newest first."""
    where, values = ["1"], []
    for condition, value in (("account = ?", account), ("mode = ?", mode), ("id < ?", before_id)):
        if value:
            where.append(condition)
            values.append(value)
    if not include_resolved:
        where.append("resolved_revision = 0")
    rows = db.execute(
        "SELECT id, account, request_id, command, mode, code, reason, message, field, details, content, attempts,"
        f" first_time, last_time, resolved_revision FROM refusals WHERE {' AND '.join(where)}"
        " ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [
        StoredRefusal(
            id=row[0],
            account=row[1],
            request_id=row[2],
            command=row[3],
            mode=row[4],
            code=row[5],
            reason=row[6],
            message=row[7],
            field=row[8],
            details=loads(row[9]),
            content=row[10],
            attempts=row[11],
            first_time=row[12],
            last_time=row[13],
            resolved_revision=row[14],
        )
        for row in rows
    ]


def count_unresolved(db: Connection, account: str) -> int:
    """Refused commands with LIVE fills (or fills of a mode that could not be read) that nobody has corrected."""
    row = db.execute(
        "SELECT count(*) FROM refusals WHERE resolved_revision = 0 AND has_fills = 1 AND mode <> 'DRY_RUN'"
        + (" AND account = ?" if account else ""),
        (account,) if account else (),
    ).fetchone()
    return int(row[0])


def keep_payloads(db: Connection, payloads: Sequence[Payload]) -> None:
    """Keeps venue messages under their digests, apart from the journal: they can be erased."""
    for payload in payloads:
        db.execute(
            "INSERT OR IGNORE INTO payloads VALUES (?, ?, ?, ?)",
            (payload.digest, payload.source, payload.content_type, payload.body),
        )
