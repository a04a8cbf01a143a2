"""A sweep on a real server, from CreateSweep to its end: seconds on the clock, and the most memory of its processes."""

import asyncio
import math
import time
from collections.abc import Iterator
from pathlib import Path

from rollbook.v1 import backtest_service_pb2 as pb
from tests.bench.figures import Figure
from tests.bench.memory import peak, workers
from tests.support.lab import ENDED, LabCaller, call_spec, calling
from tests.support.server import RunningServer

AXES = {
    "selection.max_delta": ("0.22", "0.26", "0.3", "0.38", "0.45"),
    "exits.take_profit": ("0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95"),
    "exits.defend": ("0.9", "0.94", "0.96", "0.98", "1"),
    "decision_hour": ("9", "10", "12", "16", "20"),
}
"""A thousand points, of which a quick bench draws some."""
LOOK = 0.2
"""Seconds between two looks: they are not what is measured."""


def sweep(folder: Path, days: int, points: int) -> Iterator[Figure]:
    """So many points over so many days of hourly bars, daily decisions, one worker."""
    (folder / "sweep").mkdir()
    with RunningServer(folder / "sweep" / "ledger.db") as server:
        seconds = asyncio.run(_seconds(server, days, points))
        held = sum(map(peak, {server.pid, *workers(server, "runs")}))
    yield Figure(f"sweep of {points:,} points over {days:,} days of hourly bars, s", f"{seconds:.1f}", "30")
    yield Figure("    points/s", f"{points / seconds:.0f}")
    yield Figure("    memory of the server and its workers at most, MiB", f"{held / 2**20:,.0f}", "500")


async def _seconds(server: RunningServer, days: int, points: int) -> float:
    async with calling(server.target) as lab:
        spec = call_spec(await lab.bars(days=days))
        whole = math.prod(map(len, AXES.values()))
        begun = time.perf_counter()
        made = await lab.sweep(spec, AXES, random_points=0 if points == whole else points)
        assert made.points_total == points
        await ended(lab, made.sweep_id)
        return time.perf_counter() - begun


async def ended(lab: LabCaller, sweep_id: str) -> None:
    """Waits until a sweep has ended well."""
    while True:
        found = await lab.backtests.GetSweep(pb.GetSweepRequest(sweep_id=sweep_id))
        if found.sweep.state in ENDED:
            assert found.sweep.points_failed == 0
            return
        await asyncio.sleep(LOOK)
