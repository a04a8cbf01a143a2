"""A set of runs and a sweep with one worker and with two: processes of the server's, and workers of a Dask cluster.

All servers stand side by side, and rounds of one and of two workers alternate: a machine with other work slows both.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from rollbook.v1.backtest_pb2 import BACKTEST_STATE_SUCCEEDED, BacktestSpec
from tests.bench.figures import Figure, spread
from tests.bench.lab_sweep import AXES, ended
from tests.support.cluster import RunningCluster
from tests.support.lab import LabCaller, call_spec, calling
from tests.support.server import RunningServer

WORKERS = (1, 2)


def scaling(folder: Path, runs: int, run_days: int, points: int, point_days: int, rounds: int) -> Iterator[Figure]:
    """Seconds of so many runs that are created at once, and of a sweep, and how many times as fast two workers are."""
    with ExitStack() as stack:
        cluster = stack.enter_context(RunningCluster(folder / "dask"))
        dask = ("--executor", "dask", "--dask-address", cluster.address)
        for kind, flags in (("processes", ()), ("a Dask cluster", dask)):
            servers = [
                stack.enter_context(
                    RunningServer(folder / f"{kind}-{count}" / "ledger.db", *flags, "--lab-workers", str(count))
                )
                for count in WORKERS
            ]
            for what, days, number in (("runs", run_days, runs), ("points of a sweep", point_days, points)):
                taken: list[list[float]] = [[] for _ in WORKERS]
                for turn in range(rounds + 1):
                    for server, seconds in zip(servers, taken, strict=True):
                        took = asyncio.run(_seconds(server.target, what == "runs", days, number))
                        if turn:  # the first brings the data, and loads what is compiled
                            seconds.append(took)
                name = f"{number:,} {what} over {days:,} days, {kind}"
                for count, seconds in zip(WORKERS, taken, strict=True):
                    yield Figure(f"{name if count == 1 else '    2 workers'}, s", spread(seconds, "{:.2f}"))
                ratios = [one / two for one, two in zip(*taken, strict=True)]
                yield Figure("    times as fast as 1 worker", spread(ratios, "{:.2f}"))


async def _seconds(target: str, of_runs: bool, days: int, number: int) -> float:
    async with calling(target) as lab:
        spec = call_spec(await lab.bars(days=days))
        begun = time.perf_counter()
        await (_runs(lab, spec, number) if of_runs else _sweep(lab, spec, number))
        return time.perf_counter() - begun


async def _runs(lab: LabCaller, spec: BacktestSpec, number: int) -> None:
    made = [await lab.create(spec) for _ in range(number)]
    for each in made:
        assert (await lab.until(each.backtest_id)).status.state == BACKTEST_STATE_SUCCEEDED


async def _sweep(lab: LabCaller, spec: BacktestSpec, number: int) -> None:
    await ended(lab, (await lab.sweep(spec, AXES, random_points=number)).sweep_id)
