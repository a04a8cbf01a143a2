"""The journal: entries in the order of their commits, each hashed with the one before it over its stored bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollbook_server.domain.entries import BODIES, KINDS, Answer, BatchStamp, Entry
from rollbook_server.storage.facts import dumps, from_tree, loads, to_tree
from rollbook_server.storage.sqlite import Connection

GENESIS = bytes(32)
"""The hash before the first entry."""

COLUMNS = "id, revision, sequence, recorded_time, event_time, account, position_id, kind, said, decided, hash"
REQUEST_ID = "json_extract(said, '$.request_id')"
_INSERT = f"INSERT INTO entries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Head:
    """How far the journal has come: the last revision, its last entry's hash and clock."""

    revision: int = 0
    hash: bytes = GENESIS
    recorded_time: int = 0


def entry_id(revision: int, sequence: int) -> int:
    """The key of an entry."""
    return revision << 20 | sequence


def last_id(revision: int, sequence: int) -> int:
    """The highest key that an entry up to this place can have."""
    return entry_id(revision, min(sequence, (1 << 20) - 1))


def row_hash(before: bytes, row: tuple[Any, ...]) -> bytes:
    """The hash of a stored row (its columns up to `decided`) after the row before it."""
    _, revision, sequence, recorded, event, account, position_id, kind, said, decided = row[:10]
    header = f"{revision}|{sequence}|{recorded}|{event}|{account}|{position_id}|{kind}|"
    said_bytes = b"-" if said is None else str(len(said)).encode() + b":" + said.encode()
    return hashlib.sha256(before + header.encode() + said_bytes + b"|" + decided.encode()).digest()


def append(db: Connection, head: Head, entry: Entry, said: str | None) -> Head:
    """Writes one entry; `said` is the command's JSON on its first entry. Returns the new head."""
    tree: dict[str, Any] = {"decided": to_tree(entry.body)}
    if entry.answer is not None:
        tree["answer"] = to_tree(entry.answer)
    if entry.batch is not None:
        tree["batch"] = to_tree(entry.batch)
    row = (
        entry_id(entry.revision, entry.sequence),
        entry.revision,
        entry.sequence,
        entry.recorded_time,
        entry.event_time,
        entry.account,
        entry.position_id,
        KINDS[type(entry.body)],
        said,
        dumps(tree),
    )
    hashed = row_hash(head.hash, row)
    db.execute(_INSERT, (*row, hashed))
    return Head(entry.revision, hashed, entry.recorded_time)


def read_entry(row: tuple[Any, ...]) -> Entry:
    """The entry that a stored row spells."""
    _, revision, sequence, recorded, event, account, position_id, kind, said, decided = row[:10]
    tree = loads(decided)
    fact = dict(tree["decided"])
    if said is not None:
        fact["said"] = loads(said)
    return Entry(
        revision=revision,
        sequence=sequence,
        recorded_time=recorded,
        event_time=event,
        account=account,
        position_id=position_id,
        body=from_tree(BODIES[kind], fact),
        answer=from_tree(Answer, tree["answer"]) if "answer" in tree else None,
        batch=from_tree(BatchStamp, tree["batch"]) if "batch" in tree else None,
    )


def find_request(db: Connection, account: str, request_id: str) -> tuple[str, str, str] | None:
    """Kind, `said` and `decided` of the command that was recorded under an id. The index is over the stored bytes
    themselves, so it cannot say something else."""
    found: tuple[str, str, str] | None = db.execute(
        f"SELECT kind, said, decided FROM entries WHERE said IS NOT NULL AND account = ? AND {REQUEST_ID} = ?",
        (account, request_id),
    ).fetchone()
    return found


def read_head(db: Connection) -> Head:
    """The head as stored."""
    row = db.execute("SELECT revision, hash, recorded_time FROM entries ORDER BY id DESC LIMIT 1").fetchone()
    return Head(*row) if row else Head()


def entries_of(db: Connection, account: str, position_id: str) -> Iterator[Entry]:
    """The entries of one chain, oldest first."""
    rows = db.execute(
        f"SELECT {COLUMNS} FROM entries WHERE account = ? AND position_id = ? AND position_id <> '' ORDER BY id",
        (account, position_id),
    )
    return (read_entry(row) for row in rows)
