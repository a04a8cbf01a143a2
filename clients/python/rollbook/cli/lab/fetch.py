"""`rollbook data fetch`: a venue's public history, with a bar on a terminal and lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rollbook.cli import figures
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.lab.datasets import show_registered
from rollbook.cli.tables import Page
from rollbook.models import FetchDatasetResponse, FetchProgress, HistoryKind

KINDS = {
    "bars": HistoryKind.BARS,
    "dvol": HistoryKind.VOLATILITY,
    "delivery-prices": HistoryKind.DELIVERY_PRICES,
    "instruments": HistoryKind.INSTRUMENTS,
}
_LINES = 10
"""So many lines, at most, where there is no bar."""

Told = Callable[[FetchProgress], None]


def fetch_history(session: Session, what: str, **asked: Any) -> None:
    """Asks, tells how far it is, and prints what there is."""
    with session.lab() as lab, _bar() if sys.stderr.isatty() else _lines() as told:
        try:
            fetched = lab.fetch_dataset(kind=KINDS[what], on_progress=told, **asked)
        except KeyboardInterrupt:
            print("Broken off. What was fetched is kept: the same command goes on there.", file=sys.stderr)
            raise
    if session.json:
        print_json(FetchDatasetResponse(fetched=fetched))
        return
    page = Page()
    if fetched.dataset is not None:
        show_registered(page, fetched.dataset)
    else:
        between = ""
        if fetched.first_time is not None and fetched.last_time is not None:
            between = f", {figures.day(fetched.first_time)} to {figures.day(fetched.last_time)}"
        page.line(f"There are {figures.count(fetched.rows, 'row')} of {what}{between}.")
    page.line(f"Kept in {fetched.path} on the server's disk.")


@contextlib.contextmanager
def _bar() -> Iterator[Told]:
    """A bar over the pages, on stderr, so that stdout is the answer's."""
    columns = (
        TextColumn("pages"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, said="")

        def told(made: FetchProgress) -> None:
            progress.update(task, completed=made.pages_done, total=made.pages_total or None, said=_said(made))

        yield told


@contextlib.contextmanager
def _lines() -> Iterator[Told]:
    shown = -1

    def told(made: FetchProgress) -> None:
        nonlocal shown
        step = made.pages_done * _LINES // made.pages_total if made.pages_total else 0
        if step != shown or made.waiting_for:
            shown = step
            print(f"{made.pages_done} of {made.pages_total or '?'} pages, {_said(made)}", file=sys.stderr)

    yield told


def _said(made: FetchProgress) -> str:
    rows = figures.count(made.rows, "row")
    reached = "" if made.reached_time is None else f" to {figures.day(made.reached_time)}"
    return f"{rows}{reached}" + (f"; asking again: {made.waiting_for}" if made.waiting_for else "")
