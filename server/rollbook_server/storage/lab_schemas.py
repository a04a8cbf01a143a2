"""Tables of lab.db, as migrations: backtests with their parts, chains and cycles, sweeps with their points and folds,
datasets with their gaps. `meta` says which lab it is.

Unlike the ledger it has no journal: a run can be made again from its spec, its data and its seed. Times are
microseconds; figures are doubles, in JSON or in blocks of columns.
"""

from sqlite_utils import Database, Migrations

from rollbook_server.storage.schema import Schema

_migrations = Migrations("lab")

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # A run. What was deleted stays as a row without results, so that watches tell of it and its request_id is known.
    """CREATE TABLE backtests (
        id INTEGER PRIMARY KEY,
        backtest_id TEXT NOT NULL UNIQUE,
        request_id TEXT NOT NULL UNIQUE,
        said TEXT NOT NULL,
        said_digest TEXT NOT NULL,
        group_id TEXT NOT NULL,
        underlying TEXT NOT NULL,
        spec TEXT NOT NULL,
        run_digest TEXT NOT NULL,
        engine TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('PENDING', 'RUNNING', 'PAUSED', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
        pausing INTEGER NOT NULL DEFAULT 0 CHECK (pausing = 0 OR state = 'RUNNING'),
        session TEXT NOT NULL DEFAULT '',
        parts INTEGER NOT NULL DEFAULT 0,
        steps INTEGER NOT NULL DEFAULT 0,
        points INTEGER NOT NULL DEFAULT 0,
        progress TEXT NOT NULL DEFAULT '{}',
        checkpoint BLOB,
        curve BLOB,
        metrics TEXT,
        error TEXT NOT NULL DEFAULT '',
        result_digest TEXT NOT NULL DEFAULT '',
        create_time INTEGER NOT NULL,
        start_time INTEGER,
        end_time INTEGER,
        delete_time INTEGER,
        revision INTEGER NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX backtests_by_change ON backtests (revision)",
    "CREATE INDEX backtests_to_run ON backtests (id) WHERE state IN ('PENDING', 'RUNNING')",
    # Decisions and equity of a part of a run, as blocks of columns; the first of its decisions and points by number.
    """CREATE TABLE parts (
        backtest INTEGER NOT NULL,
        number INTEGER NOT NULL,
        first_step INTEGER NOT NULL,
        steps INTEGER NOT NULL,
        step_block BLOB NOT NULL,
        first_point INTEGER NOT NULL,
        points INTEGER NOT NULL,
        equity_block BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX parts_of_backtest ON parts (backtest, number)",
    # An open chain's row is that of its newest part.
    """CREATE TABLE backtest_chains (
        backtest INTEGER NOT NULL,
        number INTEGER NOT NULL,
        figures TEXT NOT NULL,
        PRIMARY KEY (backtest, number)
    ) STRICT, WITHOUT ROWID""",
    # Data that was registered; its rows are in a file named by content_hash, in a folder beside this one.
    """CREATE TABLE datasets (
        id INTEGER PRIMARY KEY,
        dataset_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        underlying TEXT NOT NULL,
        facts TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE dataset_gaps (
        dataset INTEGER NOT NULL,
        number INTEGER NOT NULL,
        start_time INTEGER NOT NULL,
        end_time INTEGER NOT NULL,
        missing_rows INTEGER NOT NULL,
        PRIMARY KEY (dataset, number)
    ) STRICT, WITHOUT ROWID""",
)


@_migrations()
def m0001_lab(db: Database) -> None:
    """The first form of the file."""
    for statement in _TABLES:
        db.execute(statement)


_SWEEP_TABLES = (
    # A sweep; its points are done in the order of their numbers. What was deleted stays as a row without points.
    """CREATE TABLE sweeps (
        id INTEGER PRIMARY KEY,
        sweep_id TEXT NOT NULL UNIQUE,
        request_id TEXT NOT NULL UNIQUE,
        said TEXT NOT NULL,
        said_digest TEXT NOT NULL,
        plan TEXT NOT NULL,
        from_time INTEGER NOT NULL,
        engine TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('PENDING', 'RUNNING', 'PAUSED', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
        pausing INTEGER NOT NULL DEFAULT 0 CHECK (pausing = 0 OR state = 'RUNNING'),
        session TEXT NOT NULL DEFAULT '',
        points_done INTEGER NOT NULL DEFAULT 0,
        points_total INTEGER NOT NULL,
        seconds REAL NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        create_time INTEGER NOT NULL,
        start_time INTEGER,
        end_time INTEGER,
        delete_time INTEGER
    ) STRICT""",
    "CREATE INDEX sweeps_to_run ON sweeps (id) WHERE state IN ('PENDING', 'RUNNING')",
    # A point with what it runs out of sample (none: its values make no sense together), and what came of it.
    """CREATE TABLE sweep_points (
        sweep INTEGER NOT NULL,
        number INTEGER NOT NULL,
        changes TEXT NOT NULL,
        spec TEXT,
        error TEXT NOT NULL DEFAULT '',
        value REAL,
        in_sample_value REAL,
        metrics TEXT,
        equity BLOB
    ) STRICT""",
    "CREATE UNIQUE INDEX points_of_sweep ON sweep_points (sweep, number)",
    "CREATE INDEX points_by_value ON sweep_points (sweep, number, value, in_sample_value)",
)


@_migrations()
def m0002_sweeps(db: Database) -> None:
    """Sweeps and their points."""
    for statement in _SWEEP_TABLES:
        db.execute(statement)


@_migrations()
def m0003_folds(db: Database) -> None:
    """Sweeps of several folds."""
    # A window, and what the point brought forth in it that is the best of those that are done in all that is before it.
    db.execute(
        """CREATE TABLE sweep_folds (
            sweep INTEGER NOT NULL,
            number INTEGER NOT NULL,
            start_time INTEGER NOT NULL,
            end_time INTEGER NOT NULL,
            chosen INTEGER,
            in_sample_value REAL,
            steps BLOB,
            equity BLOB,
            chains TEXT,
            PRIMARY KEY (sweep, number)
        ) STRICT"""
    )


@_migrations()
def m0004_cycles(db: Database) -> None:
    """Cycles of wheels, also in what folds chose. The row of one that goes on is that of its newest part."""
    db.execute(
        """CREATE TABLE backtest_cycles (
            backtest INTEGER NOT NULL,
            number INTEGER NOT NULL,
            figures TEXT NOT NULL,
            PRIMARY KEY (backtest, number)
        ) STRICT, WITHOUT ROWID"""
    )
    db.execute("ALTER TABLE sweep_folds ADD COLUMN cycles TEXT NOT NULL DEFAULT '[]'")


LAB = Schema(_migrations)
