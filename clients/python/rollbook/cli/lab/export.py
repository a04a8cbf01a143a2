"""`rollbook backtest export ID`: training data, as a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from rollbook.cli import figures
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.lab import numbers
from rollbook.cli.lab.lookup import find_run
from rollbook.cli.tables import Column, Page
from rollbook.models import ExportProgress, ExportTrainingDataResponse, TrainingFormat, TrainingRows, TrainingStatistics

FORMATS = {f".{each.lower()}": each for each in TrainingFormat if each is not TrainingFormat.UNSPECIFIED}


def export_rows(session: Session, said: str, out: Path, *, candidates: bool) -> None:
    """Asks, writes, and tells what it is."""
    if out.suffix.lower() not in FORMATS:
        raise Stop(f"--out ends with {', '.join(FORMATS)}: {out} does not say how to write it")
    with session.lab() as lab:
        backtest_id = find_run(lab, said)
        with _whole(out) as file, _bar() as told:
            statistics = lab.export_training_data(
                backtest_id,
                file.write,
                rows=TrainingRows.CANDIDATES if candidates else TrainingRows.EXAMPLES,
                file_format=FORMATS[out.suffix.lower()],
                on_progress=told,
            )
    if session.json:
        print_json(ExportTrainingDataResponse(statistics=statistics))
        return
    page = Page()
    page.line(f"Wrote {out}, {figures.count(statistics.examples, 'row')}.")
    _tell(page, statistics)


@contextlib.contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when all is written, and is gone if that comes to nothing."""
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise Stop(f"--out {out} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[ExportProgress], None]]:
    """A bar over the decisions, on a terminal: on stderr, so that stdout is the answer's."""
    columns = (TextColumn("decisions"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rows]:,} rows"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, rows=0)

        def told(made: ExportProgress) -> None:
            progress.update(task, completed=made.decisions_done, total=made.decisions_total, rows=made.rows)

        yield told


def _tell(page: Page, told: TrainingStatistics) -> None:
    names = ("Decisions", "Sell", "Skip", "With a profit", "Train", "Validation", "Test", "Embargo", "Left out")
    embargo = timedelta(seconds=told.longest_label_seconds) / timedelta(days=1)
    figured = (
        f"{figures.minute(told.first_decision_time)} to {figures.minute(told.last_decision_time)}",
        f"{told.opened:,}",
        f"{told.skipped:,}",
        numbers.percent(None if told.win_rate is None else 100 * told.win_rate),
        f"{told.train:,}",
        f"{told.validation:,}",
        f"{told.test:,}",
        f"{told.embargo:,}, of {embargo:.1f} days before each split",
        f"{told.open_at_end:,} open at the end, {figures.count(told.without_state, 'decision')} without data",
    )
    rewards = [
        (f"Reward in {name}, a day", f"{each.average:+.6f}, from {each.minimum:+.6f} to {each.maximum:+.6f}")
        for name, each in (("coin", told.reward_coin), ("USD", told.reward_usd))
        if each is not None
    ]
    page.table(
        [
            Column("", [*names, *(name for name, _ in rewards), "Schema", "Data hash"]),
            Column("", [*figured, *(text for _, text in rewards), str(told.schema_version), told.data_hash[:16]]),
        ]
    )
