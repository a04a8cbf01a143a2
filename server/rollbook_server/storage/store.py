"""Recording: a command's entries go into the journal and the projections, with the head and the request beside them."""

import uuid
from dataclasses import dataclass, replace

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.entries import Answer, BatchStamp
from rollbook_server.domain.errors import AlreadyExists, Reason
from rollbook_server.domain.recording.book import Judgement, Place
from rollbook_server.storage import journal
from rollbook_server.storage.facts import differing_paths, from_tree, loads
from rollbook_server.storage.projections import Projections
from rollbook_server.storage.sqlite import Connection
from rollbook_server.storage.values import Values


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """An atomic batch as recorded."""

    digest: str
    revision: int


class LedgerStore:
    """The ledger's file as its writer sees it. Not thread-safe: the writer's alone."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.book = Projections(db)
        self.values = Values(db)
        self.head = journal.read_head(db)
        """The last committed entry; other threads may read it."""
        self._next = self.head
        self._group = self.head
        self.written = 0
        """Entries written since the start, by commands that were refused later too."""
        self.ledger_id = _ledger_id(db)

    # -- the group's fate ---------------------------------------------------------------------------------------

    def keep_command(self) -> None:
        self.book.keep_command()
        self.values.keep_command()
        self._group = self._next

    def drop_command(self) -> None:
        self.book.drop_command()
        self.values.drop_command()
        self._next = self._group

    def before_commit(self) -> None:
        self.book.before_commit()
        self.values.before_commit()

    def committed(self) -> None:
        self.book.committed()
        self.values.committed()
        self.head = self._group

    def forget(self) -> None:
        self.book.forget()
        self.values.forget()
        self.head = self._group = self._next = journal.read_head(self._db)

    @property
    def newest_time(self) -> Micros:
        """The newest time that is committed, of an entry's recording or of a mark."""
        return max(self.head.recorded_time, self.values.newest_mark)

    # -- recording ----------------------------------------------------------------------------------------------

    def place(self, now: Micros) -> Place:
        """Where the next command's first entry goes. The journal's clock never goes back."""
        return Place(self._next.revision + 1, 1, max(now, self._next.recorded_time))

    def answered(self, account: str, request_id: str, kind: str, said: str) -> Answer | None:
        """The answer that a command was given before. Raises AlreadyExists if its id was used for other content."""
        row = journal.find_request(self._db, account, request_id)
        if row is None:
            return None
        stored_kind, stored_said, decided = row
        if (stored_kind, stored_said) == (kind, said):
            return from_tree(Answer, loads(decided)["answer"])
        fields = ["request_id"] if stored_kind != kind else differing_paths(loads(stored_said), loads(said))
        raise AlreadyExists(
            Reason.REQUEST_ID_REUSED,
            f"request_id {request_id} was recorded with another {', '.join(fields[:5])}",
            fields[0] if fields else "request_id",
            {"fields": ",".join(fields[:20])},
        )

    def batch(self, account: str, request_id: str) -> KnownBatch | None:
        """An atomic batch as recorded."""
        row = self._db.execute(
            "SELECT digest, revision FROM batches WHERE account = ? AND request_id = ?", (account, request_id)
        ).fetchone()
        return KnownBatch(*row) if row else None

    def record(self, judgement: Judgement, said: str | None, batch: BatchStamp | None = None) -> None:
        """Writes an accepted command: its entries, and what they make of the chains. `said` is None for what the
        server does unasked."""
        last = {entry.position_id: number for number, entry in enumerate(judgement.entries)}
        for number, entry in enumerate(judgement.entries):
            stamped = entry if batch is None or number else replace(entry, batch=batch)
            text = said if number == 0 else None
            self._next = journal.append(self._db, self._next, stamped, text)
            # A chain of several entries in one command is written once, as it is after the last of them.
            after = judgement.records.get(entry.position_id) if last[entry.position_id] == number else None
            self.book.write(stamped, after)
        self.values.changed((record.chain for record in judgement.records.values()), self._next.recorded_time)
        self.written += len(judgement.entries)


def _ledger_id(db: Connection) -> str:
    row = db.execute("SELECT value FROM meta WHERE key = 'ledger_id'").fetchone()
    if row is None:
        made = str(uuid.uuid4())
        db.execute("INSERT INTO meta VALUES ('ledger_id', ?)", (made,))
        return made
    return str(row[0])
