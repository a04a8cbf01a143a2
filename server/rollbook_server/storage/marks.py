"""Marks and drawdowns as stored: the newest mark of each (account or shared, mode, venue, symbol)."""

from collections.abc import Iterable

from rollbook_server.domain.drawdown import Drawdown
from rollbook_server.domain.executions import Mode
from rollbook_server.domain.marks import KnownMark
from rollbook_server.storage.facts import from_json, to_json
from rollbook_server.storage.sqlite import Connection

MAX_MARKS = 100_000

MarkKey = tuple[str, str, str, str]
"""(account or empty, mode, venue, symbol)."""


def mark_key(known: KnownMark) -> MarkKey:
    """What a mark is kept under."""
    mark = known.mark
    return mark.account, mark.mode, mark.venue, mark.symbol


def newest(own: KnownMark | None, shared: KnownMark | None) -> KnownMark | None:
    """The newer one of an account's own mark and the shared one; of two as new, the own."""
    if own is None or shared is None:
        return own or shared
    return shared if shared.mark.mark_time > own.mark.mark_time else own


def read_mark(db: Connection, key: MarkKey) -> KnownMark | None:
    """The mark that is kept under a key."""
    row = db.execute(
        "SELECT mark FROM marks WHERE account = ? AND mode = ? AND venue = ? AND symbol = ?", key
    ).fetchone()
    return from_json(KnownMark, row[0]) if row else None


def keep_marks(db: Connection, marks: Iterable[KnownMark]) -> None:
    """Keeps marks in the place of older ones."""
    db.executemany(
        "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?)",
        [(*mark_key(known), known.mark.mark_time, to_json(known)) for known in marks],
    )


def newest_mark_time(db: Connection) -> int:
    """The newest time that a mark was made at; 0 without marks."""
    return int(db.execute("SELECT ifnull(max(mark_time), 0) FROM marks").fetchone()[0])


def prune_marks(db: Connection) -> None:
    """Forgets the oldest marks beyond the bound: their contracts are long gone."""
    db.execute(
        "DELETE FROM marks WHERE (account, mode, venue, symbol) IN (SELECT account, mode, venue, symbol FROM marks"
        " ORDER BY mark_time LIMIT max(0, (SELECT count(*) FROM marks) - ?))",
        (MAX_MARKS,),
    )


def marks_for(db: Connection, account: str, mode: Mode, venue: str, symbols: Iterable[str]) -> dict[str, KnownMark]:
    """The newest mark of each contract, the account's own or a shared one."""
    found: dict[str, KnownMark] = {}
    for symbol in symbols:
        known = newest(*(read_mark(db, (whose, mode, venue, symbol)) for whose in (account, "")))
        if known is not None:
            found[symbol] = known
    return found


def keep_drawdowns(db: Connection, drawdowns: Iterable[tuple[tuple[str, str], Drawdown]]) -> None:
    """Keeps what has been seen of chains, by (account, position_id)."""
    db.executemany(
        "INSERT OR REPLACE INTO drawdowns VALUES (?, ?, ?)", [(*key, to_json(seen)) for key, seen in drawdowns]
    )


def read_drawdown(db: Connection, account: str, position_id: str) -> Drawdown | None:
    """What has been seen of a chain."""
    row = db.execute(
        "SELECT drawdown FROM drawdowns WHERE account = ? AND position_id = ?", (account, position_id)
    ).fetchone()
    return from_json(Drawdown, row[0]) if row else None
