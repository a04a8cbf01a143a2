"""kill -9 of workers and of the server in the middle of runs: what comes out is what comes out undisturbed."""

from __future__ import annotations

import json
import os
import random
import select
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rollbook.v1 import execution_pb2, instrument_pb2
from rollbook.v1.backtest_pb2 import BACKTEST_STATE_SUCCEEDED
from tests.support.lab import ENDED, SLOW, LabCaller, call_spec, calling
from tests.support.server import RunningServer

DAYS = 4000


def _spec(dataset_id: str, chance: random.Random) -> Any:
    """A run of any kind, with several chains at once, or with coins: there is more to lose in its middle."""
    inverse, linear = instrument_pb2.CONTRACT_STYLE_INVERSE, instrument_pb2.CONTRACT_STYLE_LINEAR
    strategy = chance.choice(
        (
            execution_pb2.STRATEGY_KIND_COVERED_CALL,
            execution_pb2.STRATEGY_KIND_CASH_SECURED_PUT,
            execution_pb2.STRATEGY_KIND_WHEEL,
        )
    )
    if strategy == execution_pb2.STRATEGY_KIND_WHEEL:
        return call_spec(dataset_id, strategy=strategy, style=linear, preset="aggressive")
    return call_spec(
        dataset_id,
        strategy=strategy,
        style=chance.choice((inverse, linear)),
        max_open_chains=3,
    )


def _worker(server: RunningServer) -> int:
    """The process that runs are carried on in; 0 while there is none yet."""
    started = [json.loads(line) for line in list(server.lines) if '"worker_started"' in line]
    return next((said["pid"] for said in reversed(started) if said["work"] == "runs"), 0)


async def _further(lab: LabCaller, backtest_id: str, pct: float) -> bool:
    """Waits until a run has come so far; whether it is still under way."""
    run = await lab.seen(
        backtest_id,
        lambda seen: seen.status.progress_pct >= pct or seen.status.state == BACKTEST_STATE_SUCCEEDED,
    )
    return bool(run.status.state != BACKTEST_STATE_SUCCEEDED)


async def _survive(folder: Path, kills: int, seed: int) -> None:
    """Runs, each killed at growing random moments, by turns its worker and its server, until so many kills have hit."""
    chance = random.Random(seed)
    hit = 0
    with RunningServer(folder / "ledger.db", *SLOW) as server:
        while hit < kills:
            async with calling(server.target) as lab:
                spec = _spec(await lab.bars(days=DAYS), chance)
                alone = await lab.until((await lab.create(spec)).backtest_id)
                rows = await lab.rows(alone.backtest_id)
                run = await lab.create(spec)
            pct = 0.0
            while True:
                async with calling(server.target) as lab:
                    pct += chance.uniform(0, 40)
                    if not await _further(lab, run.backtest_id, pct):
                        break
                worker = _worker(server)
                if worker and chance.random() < 0.5:
                    with suppress(ProcessLookupError):  # the one before it was killed a moment ago
                        os.kill(worker, signal.SIGKILL)
                else:
                    server.kill()
                    server.start()
                hit += 1
            async with calling(server.target) as lab:
                ended = await lab.get(run.backtest_id)
                assert ended.run_digest == alone.run_digest
                assert ended.result_digest == alone.result_digest
                assert await lab.rows(run.backtest_id) == rows
                assert list(ended.status.equity) == list(alone.status.equity)
                assert list(ended.status.last_chains) == list(alone.status.last_chains)
                assert ended.status.metrics == alone.status.metrics


async def test_two_kills_change_nothing(tmp_path: Path) -> None:
    """Killed twice in its middle a run ends with the chains, decisions, equity, figures and digest of one that was left
    alone, bit by bit."""
    await _survive(tmp_path, kills=2, seed=1)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3])
async def test_twenty_kills_change_nothing(seed: int, tmp_path: Path) -> None:
    """Twenty kills keep the promise of two."""
    await _survive(tmp_path, kills=20, seed=seed)


AXES = {
    "selection.max_delta": ("0.2", "0.25", "0.3", "0.45"),
    "exits.take_profit": ("0.3", "0.5", "0.7", "0.9"),
    "exits.defend": ("0.9", "0.95", "1"),
    "selection.min_delta": ("0.05", "0.2"),
}


async def _survive_in_sweep(folder: Path, kills: int, seed: int, folds: int) -> None:
    """Sweeps, each killed at random moments, by turns one of its two workers and its server, until so many kills have
    hit; beside one that one worker carries on, and nobody disturbs."""
    chance = random.Random(seed)
    hit = 0
    with RunningServer(folder / "alone" / "ledger.db") as server:
        async with calling(server.target) as lab:
            alone = await lab.sweep(call_spec(await lab.bars(days=300)), AXES, folds=folds)
            undisturbed = await lab.swept(alone.sweep_id)
            rows = [point.SerializeToString(deterministic=True) for point in await lab.points(alone.sweep_id)]
    with RunningServer(folder / "ledger.db", *SLOW, "--lab-workers", "2") as server:
        async with calling(server.target) as lab:
            base = call_spec(await lab.bars(days=300))
        while hit < kills:
            async with calling(server.target) as lab:
                made = await lab.sweep(base, AXES, folds=folds)
            done = 0
            while True:
                done += chance.randint(1, 30)
                async with calling(server.target) as lab:
                    found = await lab.swept(
                        made.sweep_id,
                        lambda seen, done=done: seen.sweep.points_done >= done or seen.sweep.state in ENDED,
                    )
                if found.sweep.state in ENDED:
                    break
                worker = _worker(server)
                if worker and chance.random() < 0.5:
                    with suppress(ProcessLookupError):
                        os.kill(worker, signal.SIGKILL)
                else:
                    server.kill()
                    server.start()
                hit += 1
            async with calling(server.target) as lab:
                found = await lab.swept(made.sweep_id)
                assert found.sweep.state == BACKTEST_STATE_SUCCEEDED
                points = await lab.points(made.sweep_id)
                assert [point.SerializeToString(deterministic=True) for point in points] == rows
                assert found.heatmap == undisturbed.heatmap
                assert found.chosen == undisturbed.chosen
                assert found.walk_forward == undisturbed.walk_forward


async def test_two_kills_in_a_sweep_change_nothing(tmp_path: Path) -> None:
    """Killed twice in its middle a sweep of two workers ends with the points of one that was left alone, bit by bit:
    specs, metrics, equity, values and ranks; and with the same choice in each of its folds."""
    await _survive_in_sweep(tmp_path, kills=2, seed=1, folds=3)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("folds", [1, 4])
async def test_twenty_kills_in_sweeps_change_nothing(folds: int, tmp_path: Path) -> None:
    """Twenty kills keep the promise of two."""
    await _survive_in_sweep(tmp_path, kills=20, seed=2, folds=folds)


async def test_workers_die_with_their_server(tmp_path: Path) -> None:
    """No process of a server that was killed outlives it: neither a worker in the middle of its work, nor what starts
    workers."""
    with RunningServer(tmp_path / "ledger.db", *SLOW) as server:
        async with calling(server.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=DAYS)))
            assert await _further(lab, run.backtest_id, 1)
        children = _descendants(server.pid)
        assert _worker(server) in children
        server.kill()
        for pid in children:
            _await_end(pid)
        server.start()
        async with calling(server.target) as lab:
            assert (await lab.until(run.backtest_id)).status.state == BACKTEST_STATE_SUCCEEDED


def _descendants(pid: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def _await_end(pid: int) -> None:
    """Waits until a process that is not ours has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], 20)
        assert ready, f"process {pid} is still there"
    finally:
        os.close(handle)
