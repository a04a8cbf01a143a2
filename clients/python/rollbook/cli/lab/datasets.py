"""`rollbook data …`: files and made-up markets become datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rollbook.cli import figures
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.lab.lookup import find_dataset, shortened
from rollbook.cli.tables import Column, Page
from rollbook.models import Dataset, DatasetKind, ListDatasetsResponse, RegisterDatasetResponse, SyntheticMarket

MADE = (DatasetKind.BARS, DatasetKind.VOLATILITY)
"""What a made-up market is for a run."""


def import_file(session: Session, file: str, **said: Any) -> None:
    """Has the file read, and prints what it is."""
    here = Path(file)
    path = str(here.resolve()) if here.exists() else file  # the server has another working directory
    with session.lab() as lab:
        dataset = lab.register_dataset(path=path, **said)
    if session.json:
        print_json(RegisterDatasetResponse(dataset=dataset))
        return
    show_registered(Page(), dataset)


def show_registered(page: Page, dataset: Dataset) -> None:
    """What a dataset is, and why rows of it were left out."""
    page.line(f"Registered {dataset.dataset_id}.")
    _table(page, [dataset])
    for each in dataset.dropped:
        page.line(f"Left out {figures.count(each.rows, 'row')}: {each.reason}.")


def make_market(session: Session, market: SyntheticMarket, underlying: str, kind: DatasetKind, name: str) -> None:
    """Has the market made, and prints what it is: two datasets of one name, unless a kind is asked for."""
    name = name or f"synthetic-{underlying.lower()}"
    kinds = MADE if kind is DatasetKind.UNSPECIFIED else (kind,)
    with session.lab() as lab:
        made = [lab.register_dataset(kind=each, underlying=underlying, synthetic=market, name=name) for each in kinds]
    if session.json:
        print_json(ListDatasetsResponse(datasets=tuple(made)))
        return
    page = Page()
    page.line(f"Registered {' and '.join(dataset.dataset_id for dataset in made)}.")
    _table(page, made)


def list_datasets(session: Session, filters: dict[str, Any], limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        answer = gathered(lab.list_datasets, "datasets", limit, **filters)
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.datasets:
        page.line("There is no data: `rollbook data import` reads a file, `rollbook data synthetic` makes some up.")
        return
    _table(page, answer.datasets)
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def _table(page: Page, datasets: Sequence[Dataset]) -> None:
    quoted = [each.quote_currency for each in datasets]
    dropped = [each.dropped_rows for each in datasets]
    page.table(
        [
            Column("Dataset", shortened(each.dataset_id for each in datasets)),
            Column("Name", [each.name for each in datasets], folds=True, least=10),
            Column("Kind", [figures.words(each.kind) for each in datasets]),
            Column("Coin", [each.underlying for each in datasets], spare=2),
            Column("From", [figures.day(each.first_time) for each in datasets]),
            Column("To", [figures.day(each.last_time) for each in datasets]),
            Column("Every", [every(each.interval_seconds) for each in datasets], figure=True),
            Column("Rows", [f"{each.rows:,}" for each in datasets], figure=True),
            Column("Gaps", [f"{each.gaps:,}" for each in datasets], figure=True),
            Column("Dropped", [f"{rows:,}" for rows in dropped], figure=True, spare=4, hidden=not any(dropped)),
            Column("Quoted in", quoted, spare=3, hidden=not any(quoted)),
            Column("Source", ["made up" if each.synthetic else each.source for each in datasets], folds=True, spare=1),
        ]
    )
    if any(each.gaps for each in datasets):
        page.notes(["Gaps are stretches without rows: `rollbook data gaps ID` lists them."])


def show_gaps(session: Session, said: str, limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        dataset = lab.get_dataset(find_dataset(lab, said))
        answer = gathered(lab.list_dataset_gaps, "gaps", limit, dataset_id=dataset.dataset_id)
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.gaps:
        page.line(f"{dataset.dataset_id} has no gaps.")
        return
    page.table(
        [
            Column("From", [figures.minute(gap.start_time) for gap in answer.gaps]),
            Column("To", [figures.minute(gap.end_time) for gap in answer.gaps]),
            Column("Missing rows", [f"{gap.missing_rows:,}" for gap in answer.gaps], figure=True),
        ],
        title=f"{dataset.name or dataset.dataset_id} · {figures.count(dataset.gaps, 'gap')}",
    )
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def every(seconds: int) -> str:
    """An interval: 60 min is 1 h."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size:,} {unit}"
    return f"{seconds:,} s"
