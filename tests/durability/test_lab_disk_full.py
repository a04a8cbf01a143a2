"""A disk that is full in the middle of a run: nothing of a part is there without the rest, and with room it goes on."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollbook_server.domain.backtest.history import Venue
from rollbook_server.domain.backtest.outcomes import BacktestState, DatasetKind
from rollbook_server.domain.backtest.runs import Backtest
from rollbook_server.domain.backtest.spec import BacktestSpec, DataSpec
from rollbook_server.domain.backtest.synthetic import SyntheticMarket
from rollbook_server.domain.clock import WallClock, micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from rollbook_server.lab import Lab, open_lab
from rollbook_server.processes import WorkerProcess
from rollbook_server.runner import Runner
from rollbook_server.storage import lab_reads
from rollbook_server.worker import DataOrder


class _Heard:
    """A log that can be waited for."""

    def __init__(self) -> None:
        self.events: dict[str, asyncio.Event] = {}

    def of(self, event: str) -> asyncio.Event:
        return self.events.setdefault(event, asyncio.Event())

    def info(self, event: str, **fields: object) -> None:
        self.of(event).set()

    warning = error = info


async def _limit(lab: Lab, pages: int) -> None:
    """Lets the file have so many pages; 0: as many as it has and a few more."""

    def run() -> None:
        db: Any = lab._database.db
        (used,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages or used + 20}")

    await lab._submit(run)


async def _ended(lab: Lab, backtest_id: str) -> Backtest:
    async with asyncio.timeout(60):
        while True:
            seen = lab.feed.revision
            run = await lab.backtest(backtest_id)
            if run.status.state.ended:
                return run
            await lab.feed.beyond(seen, 60)


async def test_a_run_waits_for_room(tmp_path: Path) -> None:
    """A run that cannot be written stays as its last part left it, is tried again, and ends with the result of one that
    had room all the time."""
    heard = _Heard()
    lab = Lab(
        open_lab(tmp_path / "lab.db"), WallClock(), heard, Venue("http://127.0.0.1:9", 1, 1), tmp_path / "history"
    )
    process = WorkerProcess(heard, "runs")
    runner = Runner(lab, heard, [process], memory_mib=65_536, part_seconds=1e-6, training_folder=None)
    try:
        market = SyntheticMarket(
            underlying="BTC", seed=1, start_time=micros(datetime(2021, 1, 1, tzinfo=UTC)), days=800
        )
        order = DataOrder(kind=DatasetKind.BARS, underlying="BTC", synthetic=market)
        dataset = await lab.register("bars", "synthetic", order)
        spec = BacktestSpec(
            underlying="BTC",
            strategy=StrategyKind.COVERED_CALL,
            style=ContractStyle.INVERSE,
            data=DataSpec(spot_dataset_id=dataset.dataset_id),
        )
        first = await lab.create(str(uuid.uuid4()), spec, "")
        await _limit(lab, 0)
        runner.start()
        async with asyncio.timeout(60):
            await heard.of("lab_not_written").wait()
        full = await lab.backtest(first.backtest_id)
        assert full.status.state is BacktestState.RUNNING
        assert 0 < full.status.progress_pct < 100
        steps = await lab.read(lambda db: lab_reads.list_steps(db, first.backtest_id, None, None, 10_000))
        points = await lab.read(lambda db: lab_reads.list_points(db, first.backtest_id, 0, None, None, 100_000))
        assert len(steps.rows) == full.status.decisions_done
        assert points.rows[-1][1].time == full.status.simulated_time
        await _limit(lab, 1_000_000)
        ended = await _ended(lab, first.backtest_id)
        second = await lab.create(str(uuid.uuid4()), spec, "")
        undisturbed = await _ended(lab, second.backtest_id)
        assert ended.status.state is BacktestState.SUCCEEDED
        assert ended.result_digest == undisturbed.result_digest
        assert ended.status.metrics == undisturbed.status.metrics
    finally:
        await runner.stop()
        lab.close()
