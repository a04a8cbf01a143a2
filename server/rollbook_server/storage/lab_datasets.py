"""Datasets in lab.db: what the lab knows of each, and its gaps. The rows are files (module dataset_files)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rollbook_server.domain.backtest.outcomes import DatasetKind
from rollbook_server.domain.backtest.registered import Dataset
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.errors import NotFound, Reason
from rollbook_server.storage.facts import from_json, to_json
from rollbook_server.storage.lab_reads import Page
from rollbook_server.storage.sqlite import Connection

Gap = tuple[Micros, Micros, int]
"""First instant that is missing, first that is there again, rows that are missing."""


def register(db: Connection, dataset: Dataset, gaps: Sequence[Gap]) -> Dataset:
    """Keeps a dataset, unless it is there already: then that one counts. The dataset as it is kept."""
    known = find(db, [dataset.dataset_id]).get(dataset.dataset_id)
    if known is not None:
        return known
    row = db.execute(
        "INSERT INTO datasets (dataset_id, kind, underlying, facts) VALUES (?, ?, ?, ?)",
        (dataset.dataset_id, dataset.kind, dataset.underlying, to_json(dataset)),
    ).lastrowid
    db.executemany(
        "INSERT INTO dataset_gaps VALUES (?, ?, ?, ?, ?)", [(row, number, *gap) for number, gap in enumerate(gaps, 1)]
    )
    return dataset


def find(db: Connection, dataset_ids: Iterable[str]) -> Mapping[str, Dataset]:
    """Those of these datasets that are there."""
    wanted = list(dataset_ids)
    rows = db.execute(
        f"SELECT dataset_id, facts FROM datasets WHERE dataset_id IN ({', '.join('?' * len(wanted))})", wanted
    )
    return {dataset_id: from_json(Dataset, facts) for dataset_id, facts in rows}


def get(db: Connection, dataset_id: str, field: str = "dataset_id") -> Dataset:
    """One dataset. Raises NotFound."""
    found = find(db, [dataset_id]).get(dataset_id)
    if found is None:
        raise NotFound(Reason.DATASET_NOT_FOUND, f"there is no dataset {dataset_id[:80]!r}", field)
    return found


def list_datasets(
    db: Connection, kind: DatasetKind | None, underlying: str, after: int | None, upto: int | None, limit: int
) -> Page[Dataset]:
    """Datasets, newest first."""
    if upto is None:
        upto = db.execute("SELECT ifnull(max(id), 0) FROM datasets").fetchone()[0]
    where, values = ["id <= ?"], list[Any]([upto])
    for condition, value in (("id < ?", after), ("kind = ?", kind), ("underlying = ?", underlying or None)):
        if value is not None:
            where.append(condition)
            values.append(value)
    rows = db.execute(
        f"SELECT id, facts FROM datasets WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", (*values, limit + 1)
    ).fetchall()
    return Page([(row[0], from_json(Dataset, row[1])) for row in rows[:limit]], upto, len(rows) > limit)


def list_gaps(db: Connection, dataset_id: str, after: int | None, limit: int) -> Page[Gap]:
    """Gaps in order. Raises NotFound."""
    gaps = get(db, dataset_id).gaps
    rows = db.execute(
        "SELECT number, start_time, end_time, missing_rows FROM dataset_gaps"
        " WHERE dataset = (SELECT id FROM datasets WHERE dataset_id = ?) AND number > ? ORDER BY number LIMIT ?",
        (dataset_id, after or 0, limit + 1),
    ).fetchall()
    return Page([(row[0], row[1:]) for row in rows[:limit]], gaps, len(rows) > limit)
