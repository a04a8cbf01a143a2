"""What the lab costs: decisions a second, against the bare kernel, memory, a sweep, training data, the first
compilation, and jobs."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollbook import (
    BacktestSpec,
    BacktestState,
    ContractStyle,
    DatasetKind,
    DataSpec,
    Lab,
    StrategyKind,
    SyntheticMarket,
)
from tests.bench.figures import Figure, spread
from tests.bench.lab_scaling import scaling
from tests.bench.lab_sweep import sweep
from tests.bench.processes import line, process
from tests.bench.training import exports
from tests.support.server import RunningServer


@dataclass(frozen=True)
class Span:
    """How much is done."""

    days: int
    rounds: int
    cold: bool
    """Whether the compilation is measured too."""
    sweep_days: int
    sweep_points: int
    export_days: int
    scaling: tuple[int, int, int, int, int]
    """Runs and their days, points and their days, rounds."""


FULL = Span(
    days=5 * 365,
    rounds=25,
    cold=True,
    sweep_days=2 * 365,
    sweep_points=1_000,
    export_days=2_000,
    scaling=(8, 10 * 365, 500, 2 * 365, 5),
)
QUICK = Span(days=60, rounds=2, cold=False, sweep_days=60, sweep_points=10, export_days=40, scaling=(2, 60, 4, 60, 1))


def runs(folder: Path, span: Span, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Hourly bars of BTC, daily decisions, one core."""
    tell("the lab's runs")
    said = _run(span, {})
    bars = f"{said['bars']:,} {'recorded' if said['recorded'] else 'synthetic'} bars"
    for exit_style, one in said["runs"].items():
        name = f"run of {bars}, {exit_style.lower()}"
        rates = [one["decisions"] / seconds for seconds in one["run"]]
        yield Figure(f"{name}, decisions/s", spread(rates, "{:,.0f}"), "50,000")
        yield Figure("    milliseconds", spread([1e3 * seconds for seconds in one["run"]], "{:.1f}"))
        ratios = [run / bare for bare, run in zip(one["bare"], one["run"], strict=True)]
        yield Figure("    times the bare kernel", f"{statistics.median(ratios):.1f}", "3")
        yield Figure("    chains", f"{one['chains']:,}")
        yield Figure("    preparing it, milliseconds", f"{1e3 * one['prepare']:.1f}")
        yield Figure("    memory of its arrays and rows at most, MiB", f"{one['peak'] / 2**20:.1f}")
    yield Figure("memory of the process that runs it at most, MiB", f"{said['resident'] / 2**20:,.0f}")
    tell("a sweep")
    yield from sweep(folder, span.sweep_days, span.sweep_points)
    tell("training data")
    yield from exports(folder, span.export_days, span.rounds)
    if span.cold:
        tell("the first compilation")
        cold = _run(QUICK, {"NUMBA_CACHE_DIR": str(folder / "numba")})
        yield Figure("compiling the engine, once a machine, s", f"{cold['first']:.1f}")


def scales(folder: Path, span: Span, tell: Callable[[str], None]) -> Iterator[Figure]:
    """What a second worker is worth."""
    tell("one worker and two")
    yield from scaling(folder / "scaling", *span.scaling)


def jobs(folder: Path, span: Span, tell: Callable[[str], None]) -> Iterator[Figure]:
    """How soon somebody who creates a run sees it get on, and when it has ended, on a server with a worker."""
    tell("the lab's jobs")
    with RunningServer(folder / "jobs" / "ledger.db") as server, Lab(server.target, deadline=60) as caller:
        market = SyntheticMarket(seed=1, start_time=datetime(2021, 1, 1, tzinfo=UTC), days=span.days)
        data = caller.register_dataset(kind=DatasetKind.BARS, underlying="BTC", synthetic=market)
        waits = [_job(caller, data.dataset_id) for _ in range(1 + min(span.rounds, 8))]
    names = ("from CreateBacktest to its first progress, s", f"    to the end of {span.days:,} days, s")
    for place, name in enumerate(names):
        yield Figure(name, spread([wait[place] for wait in waits[1:]], "{:.2f}"))
        yield Figure("        the first run of a server", f"{waits[0][place]:.2f}")


def _job(caller: Lab, dataset_id: str) -> tuple[float, float]:
    spec = BacktestSpec(
        underlying="BTC",
        strategy=StrategyKind.COVERED_CALL,
        style=ContractStyle.INVERSE,
        data=DataSpec(spot_dataset_id=dataset_id),
    )
    began = time.perf_counter()
    progress = 0.0
    run = caller.create_backtest(spec)
    for message in caller.watch_backtests(run.backtest_id):
        for seen in message.backtests:
            if seen.status is None:
                continue
            if seen.status.decisions_done and not progress:
                progress = time.perf_counter() - began
            if seen.status.state is BacktestState.SUCCEEDED:
                return progress, time.perf_counter() - began
            if seen.status.state is BacktestState.FAILED:
                raise RuntimeError(seen.status.error)
    raise RuntimeError("the watch ended before the run")


def _run(span: Span, environment: Mapping[str, str]) -> dict[str, Any]:
    with process("lab_run", str(span.days), str(span.rounds), **environment) as running:
        return line(running)
