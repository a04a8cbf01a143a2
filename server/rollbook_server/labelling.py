"""Making training data of a run that has ended, as tasks of a worker process: part by part, then the files.

What a worker makes lies in a folder until the files are written; a part that is made twice is the same part.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rollbook_server.domain.backtest.outcomes import TrainingFormat, TrainingRows
from rollbook_server.domain.backtest.runs import Backtest
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import moment
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.worker import Material, data_of, failing, prepared_of, unpacked

if TYPE_CHECKING:
    from rollbook_server.domain.backtest.training import Columns, Done, Source
    from rollbook_server.domain.backtest.training_statistics import TrainingStatistics


class Do(Protocol):
    """Has a worker process do something: calls a function of this module there."""

    def __call__(self, function: Any, /, *args: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """How far the rows of a run are made, and how many were left out until then."""

    decisions_done: int
    decisions_total: int
    parts: int
    rows: int
    open_at_end: int
    without_state: int


def demand_labels(spec: BacktestSpec) -> None:
    """Raises InvalidArgument of a wheel: what a sale was worth hangs on the coins that followed it, and what else could
    have been sold on those that were held, so that no chain has a reward by itself."""
    if spec.strategy is StrategyKind.WHEEL:
        raise InvalidArgument(
            Reason.CONTRADICTION,
            "there is no training data of a wheel: what a sale was worth hangs on the coins that followed it",
            "backtest_id",
        )


async def label(
    do: Do, material: Material, steps: Sequence[bytes], chains: Sequence[str], rows: TrainingRows, folder: Path
) -> AsyncIterator[Labelled]:
    """Makes the rows of a run, into a folder that is there and empty; what it yields last is the whole of them."""
    done = await do(done_of, steps, chains)
    so_far = Labelled(0, -1, 0, 0, 0, 0)
    while so_far.decisions_done != so_far.decisions_total:
        so_far = await do(label_part, material, done, rows, folder, so_far)
        yield so_far


@failing
def done_of(steps: Sequence[bytes], chains: Sequence[str]) -> "Done":
    """What a run did, from its rows as they are stored."""
    from rollbook_server.domain.backtest import training

    all_steps, _, all_chains = unpacked(steps, (), chains)
    return training.done(all_steps, all_chains)


@failing
def label_part(material: Material, done: "Done", rows: TrainingRows, folder: Path, so_far: Labelled) -> Labelled:
    """Makes the next part of the rows."""
    from rollbook_server.domain.backtest import training
    from rollbook_server.storage.training_files import keep_part

    part = training.part(_source(material), done, rows, so_far.decisions_done)
    keep_part(folder, so_far.parts, part.columns)
    return Labelled(
        decisions_done=part.until,
        decisions_total=len(done.expiry),
        parts=so_far.parts + 1,
        rows=so_far.rows + len(part.columns["decision"]),
        open_at_end=so_far.open_at_end + part.open_at_end,
        without_state=so_far.without_state + part.without_state,
    )


@failing
def write_files(
    spec: BacktestSpec, rows: TrainingRows, folder: Path, made: Labelled, targets: Mapping[TrainingFormat, Path]
) -> "TrainingStatistics":
    """The files of the rows in a folder: places each among all of them, and counts what they are."""
    from rollbook_server.domain.backtest.training import HORIZON, Horizon
    from rollbook_server.domain.backtest.training_statistics import Tally
    from rollbook_server.storage.training_files import parts_of, read_part, write_rows

    assert spec.style is not None
    parts = parts_of(folder)
    horizon, tally = Horizon(), Tally(spec.style)
    for part in parts:
        seen = read_part(part, HORIZON)
        horizon.add(*(seen[name] for name in HORIZON))

    def placed(part: Path) -> "Columns":
        columns = horizon.place(read_part(part))
        tally.add(columns)
        return columns

    write_rows(map(placed, parts), targets, folder)
    return tally.result(rows, horizon.bounds, horizon.longest, made.open_at_end, made.without_state)


_NAMES = {TrainingRows.EXAMPLES: "training_dataset", TrainingRows.CANDIDATES: "training_candidates"}


def file_name(run: Backtest, rows: TrainingRows) -> str:
    """Of a run's training data, without its end. The stamp is the run's own: written again it is the same file, and
    runs of one spec have files of their own."""
    spec = run.spec
    assert spec.start_time is not None
    assert spec.end_time is not None
    assert spec.exit_style is not None
    start, end = (moment(time).strftime("%Y%m%d") for time in (spec.start_time, spec.end_time))
    stamp = f"{moment(run.create_time).strftime('%Y%m%dT%H%M%SZ')}-{run.backtest_id[:8]}"
    return f"{_NAMES[rows]}_{spec.underlying}_{start}_{end}_{spec.exit_style.value}_{stamp}"


@failing
def publish(run: Backtest, rows: TrainingRows, folder: Path, made: Labelled, target: Path) -> Sequence[str]:
    """All formats and the card, in the folder `target`; their names."""
    from rollbook_server.domain.backtest.training_card import card
    from rollbook_server.storage.training_files import digest_of, write_text

    target.mkdir(parents=True, exist_ok=True)
    name = file_name(run, rows)
    files = {kind: target / f"{name}.{kind.value.lower()}" for kind in TrainingFormat}
    told = write_files(run.spec, rows, folder, made, files)
    about = {
        "backtest": run.backtest_id,
        "run digest": run.run_digest,
        "engine version": run.engine_version,
        "exits": str(run.spec.exit_style),
        "style": str(run.spec.style),
    }
    described = target / f"{name}.md"
    write_text(described, card(run.spec, told, about, {file.name: digest_of(file) for file in files.values()}))
    return [file.name for file in (*files.values(), described)]


@functools.lru_cache(maxsize=1)
def _source(material: Material) -> "Source":
    from rollbook_server.domain.backtest.training import Source

    return Source.of(prepared_of(material), data_of(material))
