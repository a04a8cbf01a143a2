"""Tables of ledger.db, as migrations. Journal: `entries`. Observations: `marks`, `drawdowns`, `value_samples`,
`refusals` with `missing_trades`, `payloads`. `meta` says which ledger it is. Everything else is a projection: a pure
fold of the journal that `rebuild` makes again.

Decimals are TEXT, never summed or ordered by SQL. Times are microseconds.
"""

from sqlite_utils import Database, Migrations

from rollbook_server.storage import journal
from rollbook_server.storage.schema import Schema

migrations = Migrations("ledger")

PROJECTIONS = (
    "batches",
    "chains",
    "legs",
    "trades",
    "orders",
    "waiting",
    "delivery_prices",
    "totals",
)
"""What `check` compares with the journal, table by table."""

_SCOPE = "account TEXT NOT NULL, mode TEXT NOT NULL, venue TEXT NOT NULL"

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # id = revision << 20 | sequence: one key gives order, place and room for a million entries in a revision.
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        revision INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        recorded_time INTEGER NOT NULL,
        event_time INTEGER NOT NULL,
        account TEXT NOT NULL,
        position_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        said TEXT,
        decided TEXT NOT NULL,
        hash BLOB NOT NULL,
        CHECK (id = (revision << 20 | sequence) AND sequence BETWEEN 1 AND 1048575 AND length(hash) = 32)
    ) STRICT""",
    "CREATE INDEX entries_of_chain ON entries (account, position_id) WHERE position_id <> ''",
    f"CREATE UNIQUE INDEX entries_by_request ON entries (account, {journal.REQUEST_ID}) WHERE said IS NOT NULL",
    """CREATE TABLE batches (
        account TEXT NOT NULL,
        request_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        items INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (account, request_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE chains (
        id INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        position_id TEXT NOT NULL,
        mode TEXT NOT NULL,
        strategy TEXT NOT NULL,
        strategy_name TEXT NOT NULL,
        underlying TEXT NOT NULL,
        state TEXT NOT NULL,
        unfinished INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        open_time INTEGER,
        close_time INTEGER,
        figures TEXT NOT NULL,
        leg_numbers TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX chains_by_name ON chains (account, position_id)",
    "CREATE INDEX chains_by_account ON chains (account)",  # with the row's id behind it: pages in their order
    "CREATE INDEX chains_of_account_by_change ON chains (account, revision)",
    "CREATE INDEX chains_by_change ON chains (revision)",
    "CREATE INDEX chains_unfinished ON chains (unfinished) WHERE unfinished = 1",
    f"""CREATE TABLE legs (
        {_SCOPE},
        position_id TEXT NOT NULL,
        leg_number INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        index_name TEXT NOT NULL,
        expiry INTEGER NOT NULL,
        open_time INTEGER NOT NULL,
        close_time INTEGER,
        held INTEGER NOT NULL,
        awaiting INTEGER NOT NULL,
        PRIMARY KEY (account, position_id, leg_number)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX legs_by_contract ON legs (account, mode, venue, symbol)",
    "CREATE INDEX legs_held ON legs (account, mode, venue, expiry) WHERE held = 1",
    "CREATE INDEX legs_due ON legs (awaiting, expiry) WHERE held = 1",
    f"""CREATE TABLE trades (
        {_SCOPE},
        currency TEXT NOT NULL,
        trade_id TEXT NOT NULL,
        position_id TEXT NOT NULL,
        entry INTEGER NOT NULL,
        PRIMARY KEY (account, mode, venue, currency, trade_id)
    ) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE orders (
        {_SCOPE},
        order_id TEXT NOT NULL,
        position_id TEXT NOT NULL,
        PRIMARY KEY (account, mode, venue, order_id)
    ) STRICT, WITHOUT ROWID""",
    # What came for orders that nobody has reported yet: kind is "fill" or "order".
    f"""CREATE TABLE waiting (
        {_SCOPE},
        order_id TEXT NOT NULL,
        entry INTEGER NOT NULL,
        kind TEXT NOT NULL,
        place INTEGER NOT NULL,
        fact TEXT NOT NULL,
        PRIMARY KEY (account, mode, venue, order_id, entry, kind, place)
    ) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE delivery_prices (
        {_SCOPE},
        expiry INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        index_name TEXT NOT NULL,
        price TEXT NOT NULL,
        PRIMARY KEY (account, mode, venue, expiry, symbol, index_name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE totals (
        account TEXT NOT NULL,
        mode TEXT NOT NULL,
        currency TEXT NOT NULL,
        sums TEXT NOT NULL,
        PRIMARY KEY (account, mode, currency)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE marks (
        account TEXT NOT NULL,
        mode TEXT NOT NULL,
        venue TEXT NOT NULL,
        symbol TEXT NOT NULL,
        mark_time INTEGER NOT NULL,
        mark TEXT NOT NULL,
        PRIMARY KEY (account, mode, venue, symbol)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE drawdowns (
        account TEXT NOT NULL,
        position_id TEXT NOT NULL,
        drawdown TEXT NOT NULL,
        PRIMARY KEY (account, position_id)
    ) STRICT, WITHOUT ROWID""",
    # The history of a chain's value, or (position_id is empty) of a row of the portfolio.
    """CREATE TABLE value_samples (
        account TEXT NOT NULL,
        position_id TEXT NOT NULL,
        mode TEXT NOT NULL,
        currency TEXT NOT NULL,
        time INTEGER NOT NULL,
        sample TEXT NOT NULL,
        PRIMARY KEY (account, position_id, mode, currency, time)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX value_samples_by_time ON value_samples (time)",
    """CREATE TABLE refusals (
        id INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        request_id TEXT NOT NULL,
        command TEXT NOT NULL,
        mode TEXT NOT NULL,
        venue TEXT NOT NULL,
        has_fills INTEGER NOT NULL,
        code TEXT NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        field TEXT NOT NULL,
        details TEXT NOT NULL,
        content BLOB,
        attempts INTEGER NOT NULL,
        first_time INTEGER NOT NULL,
        last_time INTEGER NOT NULL,
        resolved_revision INTEGER NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX refusals_by_request ON refusals (account, request_id)",
    "CREATE INDEX refusals_open ON refusals (account) WHERE resolved_revision = 0",
    # The trades of refused commands that are not recorded.
    f"""CREATE TABLE missing_trades (
        {_SCOPE},
        currency TEXT NOT NULL,
        trade_id TEXT NOT NULL,
        refusal INTEGER NOT NULL,
        PRIMARY KEY (account, mode, venue, currency, trade_id, refusal)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX missing_trades_of_refusal ON missing_trades (refusal)",
    """CREATE TRIGGER refusal_forgotten AFTER DELETE ON refusals
        BEGIN DELETE FROM missing_trades WHERE refusal = old.id; END""",
    """CREATE TABLE payloads (
        digest TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        content_type TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


@migrations()
def m0001_ledger(db: Database) -> None:
    """The first form of the file."""
    for statement in _TABLES:
        db.execute(statement)


def _is_draft(tables: Database) -> bool:
    return bool(migrations.applied(tables)) and "drawdowns" not in tables.table_names()


LEDGER = Schema(migrations, _is_draft)
