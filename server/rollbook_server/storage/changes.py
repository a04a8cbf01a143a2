"""What has changed since a watcher looked last, read from the tables: from its cursor on, a batch at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rollbook_server.domain.chains import Chain
from rollbook_server.domain.entries import Entry
from rollbook_server.domain.executions import Mode, StrategyKind
from rollbook_server.storage import journal
from rollbook_server.storage.facts import from_json
from rollbook_server.storage.sqlite import Connection

T = TypeVar("T")

Key = tuple[int, int]
"""(revision, place in it): of an entry its sequence, of a chain its row. Everything up to it has been read."""

END = 2**62
"""A place after all others of a revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFilter:
    """Which chains, or entries of which chains; what is empty or None is any."""

    account: str = ""
    mode: Mode | None = None
    underlying: str = ""
    strategy: StrategyKind | None = None
    strategy_name: str | None = None
    position_id: str = ""

    def test(self) -> Callable[[Chain], bool]:
        """Says of a chain whether it is wanted."""
        given = self.given.items()
        return lambda chain: all(getattr(chain, name) == value for name, value in given)

    @property
    def given(self) -> dict[str, Any]:
        """The attributes that are asked for."""
        asked = {
            "account": self.account or None,
            "mode": self.mode,
            "underlying": self.underlying or None,
            "strategy": self.strategy,
            "strategy_name": self.strategy_name,
            "position_id": self.position_id or None,
        }
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Some rows with their keys, in order; `more` wait. `head` is the ledger's revision as it was read."""

    rows: Sequence[tuple[Key, T]]
    more: bool
    head: int


def _conditions(wanted: WatchFilter, table: str) -> tuple[list[str], list[Any]]:
    """Conditions on a table of chains."""
    named = wanted.given
    return [f"{table}.{name} = ?" for name in named], list(named.values())


def present_chains(
    db: Connection, wanted: WatchFilter, include_closed: bool, after_row: int, limit: int
) -> Batch[Chain]:
    """Chains as they are, in the order of their making, after a row; the keys are (0, row)."""
    where, values = _conditions(wanted, "chains")
    if not include_closed:
        where.append("unfinished = 1")
    rows = db.execute(
        f"SELECT id, figures FROM chains WHERE {' AND '.join([*where, 'id > ?'])} ORDER BY id LIMIT ?",
        (*values, after_row, limit + 1),
    ).fetchall()
    found = [((0, row[0]), from_json(Chain, row[1])) for row in rows[:limit]]
    return Batch(found, len(rows) > limit, journal.read_head(db).revision)


def changed_chains(db: Connection, wanted: WatchFilter, after: Key, limit: int) -> Batch[Chain]:
    """Chains that changed after a key, each as it is now, in the order of their last change."""
    where, values = _conditions(wanted, "chains")
    rows = db.execute(
        f"SELECT revision, id, figures FROM chains WHERE {' AND '.join([*where, '(revision, id) > (?, ?)'])}"
        " ORDER BY revision, id LIMIT ?",
        (*values, *after, limit + 1),
    ).fetchall()
    found = [((row[0], row[1]), from_json(Chain, row[2])) for row in rows[:limit]]
    return Batch(found, len(rows) > limit, journal.read_head(db).revision)


def new_entries(db: Connection, wanted: WatchFilter, after: Key, limit: int) -> Batch[Entry]:
    """Entries after a key, in order."""
    where, values = ["entries.id > ?"], list[Any]([journal.last_id(*after)])
    if wanted.account:
        where.append("entries.account = ?")
        values.append(wanted.account)
    if wanted.position_id:
        where.append("entries.position_id = ?")
        values.append(wanted.position_id)
    if wanted.underlying or wanted.strategy or wanted.strategy_name is not None:
        conditions, operands = _conditions(wanted, "chains")
        where.append(f"EXISTS ({_CHAIN} AND {' AND '.join(conditions)})")
        values += operands
    elif wanted.mode is not None:
        # An entry without a chain has the mode of its command.
        where.append(f"ifnull(({_CHAIN}), json_extract(said, '$.mode')) = ?")
        values.append(wanted.mode)
    rows = db.execute(
        f"SELECT {journal.COLUMNS} FROM entries WHERE {' AND '.join(where)} ORDER BY id LIMIT ?", (*values, limit + 1)
    ).fetchall()
    found = [((row[1], row[2]), journal.read_entry(row)) for row in rows[:limit]]
    return Batch(found, len(rows) > limit, journal.read_head(db).revision)


_CHAIN = (
    "SELECT chains.mode FROM chains WHERE chains.account = entries.account AND chains.position_id = entries.position_id"
)
