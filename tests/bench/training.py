"""What training data costs: candidates exported by a real server, and the environment that is made of them."""

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from rollbook import (
    BacktestSpec,
    BacktestState,
    ContractStyle,
    DatasetKind,
    DataSpec,
    ExitStyle,
    Lab,
    SelectionSpec,
    StrategyKind,
    SyntheticMarket,
    TrainingFormat,
    TrainingRows,
    TrainingStatistics,
)
from rollbook.rl import ID
from tests.bench.figures import Figure, spread
from tests.bench.memory import most, peak, resident, workers
from tests.support.server import RunningServer

MIB = 2**20
STEPS = 20_000
"""Of the environment, in a round."""


def exports(folder: Path, days: int, rounds: int) -> Iterator[Figure]:
    """Hourly decisions with some twenty contracts each, rolled, on so many days; before them on a tenth of the days, as
    memory should not grow with the rows."""
    (folder / "training").mkdir()
    with RunningServer(folder / "training" / "ledger.db") as server, Lab(server.target, deadline=60) as lab:
        few, many = (_run(lab, span) for span in (days // 10, days))
        small = _Export(server, lab, few, folder / "few.parquet", TrainingFormat.PARQUET)
        for kind in (TrainingFormat.CSV, TrainingFormat.PARQUET):
            file = folder / f"many.{kind.value.lower()}"
            one = _Export(server, lab, many, file, kind)
            yield Figure(f"export of {one.told.examples:,} candidates, {kind.value}, rows/s", f"{one.rate:,.0f}")
            yield Figure("    size, MiB", f"{file.stat().st_size / MIB:,.0f}")
            yield Figure("    memory of the server at rest / at most, MiB", one.server)
            yield Figure(f"    its worker at most, MiB (of {small.told.examples:,} rows: {small.worker})", one.worker)
    yield from _environment(folder / "many.parquet", rounds)


class _Export:
    """One export, measured."""

    def __init__(self, server: RunningServer, lab: Lab, backtest_id: str, file: Path, kind: TrainingFormat) -> None:
        resting, before = resident(server.pid), workers(server, "export")

        def worker() -> int:
            return max(map(peak, workers(server, "export") - before), default=0)

        with file.open("wb") as out, most(lambda: resident(server.pid)) as of_server, most(worker) as of_worker:
            begun = time.perf_counter()
            self.told: TrainingStatistics = lab.export_training_data(
                backtest_id, out.write, rows=TrainingRows.CANDIDATES, file_format=kind
            )
            self.rate = self.told.examples / (time.perf_counter() - begun)
        self.server = f"{resting / MIB:,.0f} / {of_server[0] / MIB:,.0f}"
        self.worker = f"{of_worker[0] / MIB:,.0f}"


def _run(lab: Lab, days: int) -> str:
    """A run that has succeeded."""
    market = SyntheticMarket(seed=1, start_time=datetime(2021, 1, 1, tzinfo=UTC), days=days)
    data = lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", synthetic=market)
    spec = BacktestSpec(
        underlying="BTC",
        strategy=StrategyKind.COVERED_CALL,
        style=ContractStyle.INVERSE,
        exit_style=ExitStyle.TP_AND_ROLL,
        decision_interval_hours=1,
        selection=SelectionSpec(min_dte_days=5, max_dte_days=16, min_delta=0.02, max_delta=0.6),
        data=DataSpec(spot_dataset_id=data.dataset_id),
    )
    run = lab.create_backtest(spec)
    for message in lab.watch_backtests(run.backtest_id):
        for seen in message.backtests:
            if seen.status is not None and seen.status.state is BacktestState.SUCCEEDED:
                return run.backtest_id
            if seen.status is not None and seen.status.state is BacktestState.FAILED:
                raise RuntimeError(seen.status.error)
    raise RuntimeError("the watch ended before the run")


def _environment(file: Path, rounds: int) -> Iterator[Figure]:
    """Steps of the environment as it is made by its id, with gymnasium's own wrappers around it, and without them."""
    begun = time.perf_counter()
    made: Any = gymnasium.make(f"rollbook.rl:{ID}", candidates=file, split="RUN", reward="coin")
    seconds = time.perf_counter() - begun
    decisions = made.unwrapped.decisions
    actions = np.random.default_rng(1).integers(decisions.most_candidates + 1, size=STEPS).tolist()
    name = f"environment of {decisions.most_candidates} candidates at most, as gymnasium.make gives it, steps/s"
    for environment, what, aim in ((made, name, "10,000"), (made.unwrapped, "    without its wrappers", "")):
        yield Figure(what, spread([_steps(environment, actions) for _ in range(rounds)], "{:,.0f}"), aim)
    yield Figure("    reading its file, s", f"{seconds:.2f}")
    mean = statistics.mean(np.diff(decisions.first).tolist())
    yield Figure("    decisions, and rows of one", f"{len(decisions.number):,}, {mean:.1f}")


def _steps(environment: Any, actions: list[int]) -> float:
    environment.reset()
    begun = time.perf_counter()
    for action in actions:
        if environment.step(action)[2]:
            environment.reset()
    return len(actions) / (time.perf_counter() - begun)
