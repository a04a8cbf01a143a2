"""Runs that are steered: paused, resumed, cancelled, deleted, several at once, restarted; and those that fail."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest

from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1 import system_service_pb2, system_service_pb2_grpc
from rollbook.v1.backtest_pb2 import (
    BACKTEST_STATE_CANCELLED,
    BACKTEST_STATE_FAILED,
    BACKTEST_STATE_PAUSED,
    BACKTEST_STATE_PENDING,
    BACKTEST_STATE_RUNNING,
    BACKTEST_STATE_SUCCEEDED,
)
from tests.support.lab import SLOW, LabCaller, call_spec, calling, new_request_id, reason_of
from tests.support.server import RunningServer

LONG = 4000
"""Days of a run that is met in its middle: some 370 parts where they are short."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db", *SLOW) as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def begun(lab: LabCaller, **more: Any) -> Any:
    """A long run that has begun to bring something forth."""
    run = await lab.create(call_spec(await lab.bars(days=LONG), **more))
    return await lab.seen(run.backtest_id, lambda seen: seen.status.decisions_done > 0)


async def pause(lab: LabCaller, backtest_id: str) -> Any:
    return (await lab.backtests.PauseBacktest(pb.PauseBacktestRequest(backtest_id=backtest_id))).backtest


async def resume(lab: LabCaller, backtest_id: str) -> Any:
    return (await lab.backtests.ResumeBacktest(pb.ResumeBacktestRequest(backtest_id=backtest_id))).backtest


async def cancel(lab: LabCaller, backtest_id: str) -> Any:
    return (await lab.backtests.CancelBacktest(pb.CancelBacktestRequest(backtest_id=backtest_id))).backtest


async def delete(lab: LabCaller, backtest_id: str) -> Any:
    return (await lab.backtests.DeleteBacktest(pb.DeleteBacktestRequest(backtest_id=backtest_id))).delete_time


async def test_a_run_pauses_and_goes_on(lab: LabCaller) -> None:
    """A run that is paused stops after its part and keeps all; paused again it stays so; resumed it ends with the rows
    of one that was left alone."""
    run = await begun(lab)
    asked = await pause(lab, run.backtest_id)
    assert asked.status.state in (BACKTEST_STATE_RUNNING, BACKTEST_STATE_PAUSED)
    paused = await lab.until(run.backtest_id, BACKTEST_STATE_PAUSED)
    assert 0 < paused.status.progress_pct < 100
    assert len(await lab.steps(run.backtest_id)) == paused.status.decisions_done
    assert await pause(lab, run.backtest_id) == paused
    assert await lab.get(run.backtest_id) == paused
    resumed = await resume(lab, run.backtest_id)
    assert resumed.status.state in (BACKTEST_STATE_PENDING, BACKTEST_STATE_RUNNING)
    ended = await lab.until(run.backtest_id)
    alone = await lab.until((await lab.create(run.spec)).backtest_id)
    assert ended.status.state == BACKTEST_STATE_SUCCEEDED
    assert ended.result_digest == alone.result_digest
    assert await lab.chains(ended.backtest_id) == await lab.chains(alone.backtest_id)


async def test_a_run_that_waits_pauses_at_once(lab: LabCaller) -> None:
    """A run that waits for a worker is PAUSED with the answer, and is not begun before it is resumed; to resume one
    that is not paused changes nothing."""
    first = await begun(lab)
    second = await lab.create(call_spec(first.spec.data.spot_dataset_id, seed=1))
    assert second.status.state == BACKTEST_STATE_PENDING
    assert await resume(lab, second.backtest_id) == second
    assert (await pause(lab, second.backtest_id)).status.state == BACKTEST_STATE_PAUSED
    third = await lab.create(call_spec(await lab.bars(days=30)))
    await lab.until(third.backtest_id)
    assert (await lab.get(second.backtest_id)).status.state == BACKTEST_STATE_PAUSED
    await delete(lab, second.backtest_id)


async def test_a_pause_is_taken_back(lab: LabCaller) -> None:
    """A run that is resumed before its part is done goes on."""
    run = await begun(lab)
    await pause(lab, run.backtest_id)
    await resume(lab, run.backtest_id)
    assert (await lab.until(run.backtest_id)).status.state == BACKTEST_STATE_SUCCEEDED


async def test_a_run_is_cancelled(lab: LabCaller) -> None:
    """A run that is cancelled is CANCELLED with the answer and stays so, with what it had until then; a second time
    changes nothing; nothing else can be asked of it, and the next run goes on."""
    run = await begun(lab)
    cancelled = await cancel(lab, run.backtest_id)
    assert cancelled.status.state == BACKTEST_STATE_CANCELLED
    assert cancelled.end_time.ToMicroseconds() > 0
    assert await cancel(lab, run.backtest_id) == cancelled
    await lab.until((await lab.create(call_spec(await lab.bars(days=30)))).backtest_id)
    assert await lab.get(run.backtest_id) == cancelled
    assert len(await lab.steps(run.backtest_id)) == cancelled.status.decisions_done > 0
    assert [chain.number for chain in await lab.chains(run.backtest_id)][-1] == cancelled.status.last_chains[-1].number
    for refused in (pause, resume):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await refused(lab, run.backtest_id)
        assert reason_of(error.value)[:2] == ("FAILED_PRECONDITION", "BACKTEST_ENDED")


async def test_a_run_is_deleted(server: RunningServer, lab: LabCaller) -> None:
    """A run that is deleted in its middle is gone with all its rows; a second time changes nothing; its request is
    known, and makes no other run; the next run goes on."""
    request_id = new_request_id()
    spec = call_spec(await lab.bars(days=LONG))
    run = await lab.create(spec, request_id)
    await lab.seen(run.backtest_id, lambda seen: seen.status.decisions_done > 0)
    first = await delete(lab, run.backtest_id)
    assert await delete(lab, run.backtest_id) == first
    for call in (
        lab.get(run.backtest_id),
        lab.steps(run.backtest_id),
        pause(lab, run.backtest_id),
        cancel(lab, run.backtest_id),
        lab.create(spec, request_id),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        assert reason_of(error.value)[:2] == ("NOT_FOUND", "BACKTEST_NOT_FOUND")
    listed = await lab.backtests.ListBacktests(pb.ListBacktestsRequest())
    assert run.backtest_id not in [each.backtest_id for each in listed.backtests]
    await lab.until((await lab.create(call_spec(await lab.bars(days=30)))).backtest_id)
    with closing(sqlite3.connect(server.db.with_name("lab.db"))) as db:
        for table in ("parts", "backtest_chains"):
            query = f"SELECT count(*) FROM {table} JOIN backtests ON backtests.id = backtest WHERE backtest_id = ?"
            assert db.execute(query, (run.backtest_id,)).fetchone() == (0,)


async def test_runs_wait_in_the_order_of_their_creation(lab: LabCaller) -> None:
    """With one worker the oldest run is first; each begins when the one before has ended."""
    dataset_id = await lab.bars(days=200)
    made = [(await lab.create(call_spec(dataset_id, seed=seed))).backtest_id for seed in range(3)]
    ended = [await lab.until(backtest_id) for backtest_id in made]
    for before, after in itertools.pairwise(ended):
        assert before.end_time.ToMicroseconds() <= after.start_time.ToMicroseconds()


async def test_a_run_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A server that is stopped in the middle of a run goes on with it when it starts again, by itself, and the result
    is that of a run that was left alone; one that was to be paused then is paused."""
    server = RunningServer(tmp_path / "ledger.db", *SLOW)
    with server:
        async with calling(server.target) as lab:
            run = await begun(lab)
        server.stop()
        server.start()
        async with calling(server.target) as lab:
            ended = await lab.until(run.backtest_id)
            assert ended.status.state == BACKTEST_STATE_SUCCEEDED
            assert ended.start_time == run.start_time
            again = await begun(lab)
            await pause(lab, again.backtest_id)
        server.kill()
        server.start()
        async with calling(server.target) as lab:
            paused = await lab.get(again.backtest_id)
            assert paused.status.state == BACKTEST_STATE_PAUSED
            await resume(lab, again.backtest_id)
            alone = await lab.until(again.backtest_id)
            assert ended.result_digest == alone.result_digest
            assert await lab.chains(ended.backtest_id) == await lab.chains(alone.backtest_id)


async def test_a_run_of_another_engine_begins_again(tmp_path: Path) -> None:
    """A run that was under way when the server got another engine is carried on from its beginning: no result is half
    of one engine and half of another."""
    server = RunningServer(tmp_path / "ledger.db", *SLOW)
    with server:
        async with calling(server.target) as lab:
            run = await begun(lab)
            await pause(lab, run.backtest_id)
            await lab.until(run.backtest_id, BACKTEST_STATE_PAUSED)
        server.stop()
        with closing(sqlite3.connect(tmp_path / "lab.db")) as db, db:
            db.execute("UPDATE backtests SET engine = 'of yesterday', run_digest = 'x', checkpoint = x'00'")
        server.start()
        async with calling(server.target) as lab:
            await resume(lab, run.backtest_id)
            ended = await lab.until(run.backtest_id)
            alone = await lab.until((await lab.create(run.spec)).backtest_id)
            assert (ended.run_digest, ended.result_digest) == (alone.run_digest, alone.result_digest)
            assert await lab.chains(ended.backtest_id) == await lab.chains(alone.backtest_id)


async def test_a_run_that_fails_harms_no_other(tmp_path: Path) -> None:
    """A run whose data is damaged FAILS with the error; the one after it runs to its end, and what failed stays."""
    with RunningServer(tmp_path / "ledger.db") as server:
        async with calling(server.target) as lab:
            bad, good = await lab.bars(days=40), await lab.bars(days=30)
            for file in (tmp_path / "lab.db.datasets").iterdir():
                if bad.rpartition("-")[2] in file.name:
                    file.write_bytes(b"something else")
            failing, following = await lab.create(call_spec(bad)), await lab.create(call_spec(good))
            failed = await lab.until(failing.backtest_id)
            assert failed.status.state == BACKTEST_STATE_FAILED
            assert "cannot be read" in failed.status.error
            assert (await lab.until(following.backtest_id)).status.state == BACKTEST_STATE_SUCCEEDED
        server.stop()
        server.start()
        async with calling(server.target) as lab:
            assert await lab.get(failing.backtest_id) == failed


async def test_a_run_above_the_cap_of_memory_fails(tmp_path: Path) -> None:
    """A run whose worker holds more than the cap FAILS, and the error names the cap and its setting."""
    with RunningServer(tmp_path / "ledger.db", "--lab-memory", "64") as server:
        async with calling(server.target) as lab:
            failed = await lab.until((await lab.create(call_spec(await lab.bars(days=30)))).backtest_id)
            assert failed.status.state == BACKTEST_STATE_FAILED
            assert "the cap (lab_memory) is 64 MiB" in failed.status.error


async def test_two_runs_at_once(tmp_path: Path) -> None:
    """With two workers two runs are RUNNING at one time and both go forward; their results are those of runs one after
    the other."""
    with RunningServer(tmp_path / "ledger.db", *SLOW, "--lab-workers", "2") as server:
        async with calling(server.target) as lab:
            dataset_id = await lab.bars(days=LONG)
            made = [(await lab.create(call_spec(dataset_id))).backtest_id for _ in range(2)]
            call = lab.backtests.WatchBacktests(pb.WatchBacktestsRequest())
            runs: dict[str, Any] = {}
            async with asyncio.timeout(60):
                while not (len(runs) == 2 and all(_is_in_the_middle(run) for run in runs.values())):
                    runs |= {run.backtest_id: run for run in (await call.read()).backtests}
                    assert not any(run.status.state == BACKTEST_STATE_SUCCEEDED for run in runs.values())
            call.cancel()
            ended = [await lab.until(backtest_id) for backtest_id in made]
            assert ended[0].result_digest == ended[1].result_digest


def _is_in_the_middle(run: Any) -> bool:
    return bool(run.status.state == BACKTEST_STATE_RUNNING and 0 < run.status.progress_pct < 100)


async def test_the_servers_status_counts_runs(server: RunningServer, lab: LabCaller) -> None:
    """GetServerStatus says which lab it is, how far it has come, and how many runs run and wait."""
    run = await begun(lab)
    waiting = await lab.create(call_spec(run.spec.data.spot_dataset_id, seed=1))
    async with grpc.aio.insecure_channel(server.target, [("grpc.enable_http_proxy", 0)]) as channel:
        stub: Any = system_service_pb2_grpc.SystemServiceStub(channel)
        status = await stub.GetServerStatus(system_service_pb2.GetServerStatusRequest())
    for backtest_id in (waiting.backtest_id, run.backtest_id):
        await cancel(lab, backtest_id)
    assert status.lab_id
    assert status.lab_revision >= waiting.revision
    assert (status.running_backtests, status.queued_backtests) == (1, 1)
