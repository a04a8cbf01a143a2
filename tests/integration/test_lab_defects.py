"""The defects of the old backtest manager, each with its tests: 15, of runs as jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rollbook.v1 import backtest_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1.backtest_pb2 import (
    BACKTEST_STATE_CANCELLED,
    BACKTEST_STATE_RUNNING,
    BACKTEST_STATE_SUCCEEDED,
)
from tests.support.lab import SLOW, call_spec, calling
from tests.support.server import RunningServer


async def test_defect_15_a_crash_does_not_leave_a_run_running_for_ever(tmp_path: Path) -> None:
    """The status of a run is on the disk: after kill -9 of the server it is there, with all that the run had, and the
    run goes on by itself to its end."""
    server = RunningServer(tmp_path / "ledger.db", *SLOW)
    with server:
        async with calling(server.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=4000)))
            before = await lab.seen(run.backtest_id, lambda seen: seen.status.progress_pct > 20)
        server.kill()
        server.start()
        async with calling(server.target) as lab:
            after = await lab.get(run.backtest_id)
            assert after.status.state in (BACKTEST_STATE_RUNNING, BACKTEST_STATE_SUCCEEDED)
            assert after.status.decisions_done >= before.status.decisions_done > 0
            assert len(await lab.steps(run.backtest_id)) >= before.status.decisions_done
            assert (await lab.until(run.backtest_id)).status.state == BACKTEST_STATE_SUCCEEDED


async def test_defect_15_all_chains_of_a_run_are_kept(tmp_path: Path) -> None:
    """A run of hundreds of chains keeps each of them, also after a restart; its status shows the newest 50."""
    spec = {"max_open_chains": 4, "exit_style": backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY}
    server = RunningServer(tmp_path / "ledger.db")
    with server:
        async with calling(server.target) as lab:
            run = await lab.until((await lab.create(call_spec(await lab.bars(days=1200), **spec))).backtest_id)
            chains = await lab.chains(run.backtest_id)
        assert len(chains) > 245
        assert [chain.number for chain in chains] == list(range(1, len(chains) + 1))
        assert len(chains) == run.status.metrics.closed_chains + run.status.metrics.open_chains
        assert list(run.status.last_chains) == chains[-50:]
        server.stop()
        server.start()
        async with calling(server.target) as lab:
            assert await lab.chains(run.backtest_id) == chains
            assert await lab.get(run.backtest_id) == run


async def test_defect_15_several_runs_at_once(tmp_path: Path) -> None:
    """Runs are not refused because another one is under way: they are queued, and as many as there are workers run at
    one time."""
    with RunningServer(tmp_path / "ledger.db", *SLOW, "--lab-workers", "2") as server:
        async with calling(server.target) as lab:
            dataset_id = await lab.bars(days=2000)
            made = [(await lab.create(call_spec(dataset_id, seed=seed))).backtest_id for seed in range(4)]
            call = lab.backtests.WatchBacktests(pb.WatchBacktestsRequest())
            runs: dict[str, Any] = {}
            at_once = 0
            async with asyncio.timeout(90):
                while len(runs) < 4 or any(run.status.state != BACKTEST_STATE_SUCCEEDED for run in runs.values()):
                    runs |= {run.backtest_id: run for run in (await call.read()).backtests}
                    running = [run for run in runs.values() if run.status.state == BACKTEST_STATE_RUNNING]
                    at_once = max(at_once, len(running))
            call.cancel()
    assert set(runs) == set(made)
    assert at_once == 2


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_defect_15_cancelled_is_a_stored_state(how: str, tmp_path: Path) -> None:
    """A run that was cancelled is CANCELLED for good: also after a restart, with the chains and decisions that it had,
    and it can be listed by that state."""
    server = RunningServer(tmp_path / "ledger.db", *SLOW)
    with server:
        async with calling(server.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=4000)))
            await lab.seen(run.backtest_id, lambda seen: seen.status.progress_pct > 5)
            request = pb.CancelBacktestRequest(backtest_id=run.backtest_id)
            cancelled = (await lab.backtests.CancelBacktest(request)).backtest
            rows = await lab.rows(run.backtest_id)
        getattr(server, how)()
        server.start()
        async with calling(server.target) as lab:
            assert await lab.get(run.backtest_id) == cancelled
            assert cancelled.status.state == BACKTEST_STATE_CANCELLED
            assert await lab.rows(run.backtest_id) == rows
            listed = await lab.backtests.ListBacktests(pb.ListBacktestsRequest(state=BACKTEST_STATE_CANCELLED))
            assert [each.backtest_id for each in listed.backtests] == [run.backtest_id]
