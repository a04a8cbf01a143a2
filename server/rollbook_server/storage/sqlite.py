"""The SQLite in use: pysqlite3's where there is a wheel, else the standard library's; and how a file is opened.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when two connections write and checkpoint at one moment. On such a
version everything goes through one connection, which also checkpoints (see `Database.read`).
"""

from pathlib import Path
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # pysqlite3's where it is installed

Connection = Any
"""A connection of the SQLite in use; its module has no type information."""

VERSION: str = sqlite3.sqlite_version
SAFE_WITH_SEVERAL_CONNECTIONS: bool = sqlite3.sqlite_version_info >= (3, 51, 3)

DatabaseError: type[Exception] = sqlite3.DatabaseError
OperationalError: type[Exception] = sqlite3.OperationalError


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """A connection in autocommit mode, with every pragma that durability rests on set and verified.

    Raises OSError if SQLite does not grant them.
    """
    mode = "ro" if read_only else "rwc"
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None, check_same_thread=False
    )
    try:
        if read_only:
            db.execute("PRAGMA query_only = ON")
        else:
            _demand(db, "journal_mode", "wal")
            _demand(db, "synchronous", 2)  # FULL
            db.execute("PRAGMA wal_autocheckpoint = 2000")
        db.execute("PRAGMA cache_size = -32768")
        db.execute("PRAGMA temp_store = MEMORY")
    except Exception:
        db.close()
        raise
    return db


def _demand(db: Connection, pragma: str, value: str | int) -> None:
    db.execute(f"PRAGMA {pragma} = {value}")
    granted = db.execute(f"PRAGMA {pragma}").fetchone()[0]
    if granted != value:
        raise OSError(f"SQLite does not grant {pragma} = {value} here, it says {granted}")
