"""WatchBacktests over gRPC: state first, then changes; cursors that go on or are stale; how often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1.backtest_pb2 import BACKTEST_STATE_PAUSED, BACKTEST_STATE_RUNNING, BACKTEST_STATE_SUCCEEDED
from tests.support.lab import SLOW, LabCaller, call_spec, calling, reason_of
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db", *SLOW) as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


class Watch:
    """A stream that is read message by message."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def next(self) -> Any:
        return await asyncio.wait_for(self.call.read(), 20)

    async def until_bookmark(self) -> tuple[dict[str, Any], Any]:
        """The newest states that come up to the next bookmark, by id, and its cursor."""
        runs: dict[str, Any] = {}
        while True:
            message = await self.next()
            runs |= {run.backtest_id: run for run in message.backtests}
            if message.bookmark:
                return runs, message.cursor


@asynccontextmanager
async def watching(lab: LabCaller, **request: Any) -> AsyncIterator[Watch]:
    call = lab.backtests.WatchBacktests(pb.WatchBacktestsRequest(**request))
    yield Watch(call)
    call.cancel()


async def refused(lab: LabCaller, **request: Any) -> tuple[str, str, str]:
    async with watching(lab, **request) as watch:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await watch.next()
    return reason_of(error.value)


async def ended(lab: LabCaller, days: int = 30, **more: Any) -> Any:
    return await lab.until((await lab.create(call_spec(await lab.bars(days=days), **more))).backtest_id)


async def test_state_first_then_changes(lab: LabCaller) -> None:
    """A watcher gets the runs as they are with a bookmark, then each change up to the end, of runs that it has not
    seen as well; what it holds at the end is what GetBacktest says."""
    first = await ended(lab)
    async with watching(lab) as watch:
        runs, _ = await watch.until_bookmark()
        assert runs[first.backtest_id] == first
        second = await lab.create(call_spec(first.spec.data.spot_dataset_id))
        states: list[Any] = []
        while not states or states[-1] != BACKTEST_STATE_SUCCEEDED:
            runs, _ = await watch.until_bookmark()
            assert set(runs) == {second.backtest_id}
            states.append(runs[second.backtest_id].status.state)
        assert runs[second.backtest_id] == await lab.get(second.backtest_id)


async def test_progress_at_most_four_times_a_second(lab: LabCaller) -> None:
    """A run that is saved a hundred times a second is told at most four times a second, and goes forward each time."""
    run = await lab.create(call_spec(await lab.bars(days=4000)))
    times, bars = [], []
    async with watching(lab, backtest_id=run.backtest_id) as watch:
        while True:
            message = await watch.next()
            if message.backtests:
                times.append(time.monotonic())
                bars.append(message.backtests[0].status.progress_pct)
                if message.backtests[0].status.state == BACKTEST_STATE_SUCCEEDED:
                    break
    assert len(times) > 4
    assert bars == sorted(bars)
    # The server counts from one look to the next: how long a message is under way may shorten a distance.
    assert len(times) - 1 <= (times[-1] - times[0]) * 4 + 1


async def test_a_slower_watcher_sees_less(lab: LabCaller) -> None:
    """A watcher who asks for a state a second gets the newest at each, and the last."""
    run = await lab.create(call_spec(await lab.bars(days=4000), seed=1))
    seen: list[Any] = []
    async with watching(lab, backtest_id=run.backtest_id, interval_ms=1000) as watch:
        while not seen or seen[-1].status.state != BACKTEST_STATE_SUCCEEDED:
            seen += (await watch.next()).backtests
    took = (seen[-1].end_time.ToMicroseconds() - seen[-1].create_time.ToMicroseconds()) / 1e6
    assert len(seen) <= took + 3


async def test_a_watch_goes_on_from_its_cursor(lab: LabCaller) -> None:
    """After a cursor come the runs that have changed since, and only those, also those that were deleted."""
    first, second = await ended(lab), await ended(lab, seed=1)
    async with watching(lab) as watch:
        _, cursor = await watch.until_bookmark()
    third = await ended(lab, seed=2)
    await lab.backtests.DeleteBacktest(pb.DeleteBacktestRequest(backtest_id=first.backtest_id))
    async with watching(lab, lab_id=cursor.lab_id, after_revision=cursor.revision) as watch:
        runs, after = await watch.until_bookmark()
        assert set(runs) == {first.backtest_id, third.backtest_id}
        assert runs[first.backtest_id].HasField("delete_time")
        assert not runs[first.backtest_id].status.last_steps
        assert runs[third.backtest_id] == third
        assert after.revision == max(run.revision for run in runs.values())
    async with watching(lab) as watch:
        runs, _ = await watch.until_bookmark()
        assert first.backtest_id not in runs
        assert second.backtest_id in runs
    one = {"lab_id": cursor.lab_id, "after_revision": cursor.revision, "backtest_id": first.backtest_id}
    async with watching(lab, **one) as watch:
        runs, _ = await watch.until_bookmark()
        assert set(runs) == {first.backtest_id}


async def test_cursors_survive_a_restart(server: RunningServer) -> None:
    """A cursor is good for the same lab after a restart of its server, and the run that was under way goes on."""
    async with calling(server.target) as lab:
        run = await lab.create(call_spec(await lab.bars(days=4000), seed=7))
        async with watching(lab) as watch:
            _, cursor = await watch.until_bookmark()
        await lab.seen(run.backtest_id, lambda seen: seen.status.decisions_done > 0)
    server.kill()
    server.start()
    async with calling(server.target) as lab:
        states = []
        async with watching(lab, lab_id=cursor.lab_id, after_revision=cursor.revision) as watch:
            while BACKTEST_STATE_SUCCEEDED not in states:
                runs, _ = await watch.until_bookmark()
                assert set(runs) <= {run.backtest_id}
                states += [seen.status.state for seen in runs.values()]
        assert set(states[:-1]) <= {BACKTEST_STATE_RUNNING}


async def test_stale_cursors_are_refused(lab: LabCaller) -> None:
    """A cursor of another lab or of the future is OUT_OF_RANGE; one that makes no sense, INVALID_ARGUMENT; a run that
    never was, or is gone, NOT_FOUND."""
    gone = await ended(lab)
    await lab.backtests.DeleteBacktest(pb.DeleteBacktestRequest(backtest_id=gone.backtest_id))
    async with watching(lab) as watch:
        _, cursor = await watch.until_bookmark()
    far = cursor.revision + 10**6
    assert await refused(lab, lab_id="x", after_revision=1) == ("OUT_OF_RANGE", "STALE_CURSOR", "lab_id")
    assert (await refused(lab, lab_id=cursor.lab_id, after_revision=far))[1:] == ("STALE_CURSOR", "after_revision")
    assert (await refused(lab, after_revision=1))[1:] == ("MISSING_FIELD", "lab_id")
    assert (await refused(lab, lab_id=cursor.lab_id, after_revision=-1))[1:] == ("OUT_OF_BOUNDS", "after_revision")
    assert (await refused(lab, interval_ms=249))[1:] == ("OUT_OF_BOUNDS", "interval_ms")
    assert (await refused(lab, bookmark_interval_ms=99))[1:] == ("OUT_OF_BOUNDS", "bookmark_interval_ms")
    for backtest_id in ("x", gone.backtest_id):
        assert (await refused(lab, backtest_id=backtest_id))[:2] == ("NOT_FOUND", "BACKTEST_NOT_FOUND")


async def test_bookmarks_are_signs_of_life(lab: LabCaller) -> None:
    """Where nothing happens a bookmark comes at its interval, with the same cursor."""
    run = await lab.create(call_spec(await lab.bars(days=30)))
    await lab.until(run.backtest_id)
    async with watching(lab, backtest_id=run.backtest_id, bookmark_interval_ms=100) as watch:
        _, first = await watch.until_bookmark()
        for _ in range(3):
            runs, cursor = await watch.until_bookmark()
            assert (runs, cursor) == ({}, first)


async def test_a_slow_watcher_has_its_signs_of_life(lab: LabCaller) -> None:
    """Bookmarks come at their interval also where states are asked for seldom."""
    run = await ended(lab)
    async with watching(lab, backtest_id=run.backtest_id, interval_ms=60_000, bookmark_interval_ms=100) as watch:
        for _ in range(3):
            await watch.until_bookmark()


async def test_many_watchers_see_the_same(lab: LabCaller) -> None:
    """Watchers of all runs, of one, and from a cursor end with the same state of a run, whatever they share."""
    async with watching(lab) as first:
        _, cursor = await first.until_bookmark()
    run = await lab.create(call_spec(await lab.bars(days=2000), seed=11))

    async def follow(**request: Any) -> Any:
        async with watching(lab, **request) as watch:
            while True:
                for seen in (await watch.next()).backtests:
                    if seen.backtest_id == run.backtest_id and seen.status.state == BACKTEST_STATE_SUCCEEDED:
                        return seen

    resumed = {"lab_id": cursor.lab_id, "after_revision": cursor.revision}
    watchers = [{}, {"backtest_id": run.backtest_id}, resumed, {**resumed, "interval_ms": 400}] * 5
    seen = await asyncio.gather(*(follow(**request) for request in watchers))
    assert all(each == seen[0] for each in seen)
    assert seen[0] == await lab.get(run.backtest_id)


async def test_figures_come_while_a_run_goes_on(lab: LabCaller) -> None:
    """A run shows its figures so far, and its thinned equity, long before its end."""
    run = await lab.create(call_spec(await lab.bars(days=4000), seed=13))
    seen = await lab.seen(run.backtest_id, lambda each: each.status.HasField("metrics"))
    assert seen.status.state == BACKTEST_STATE_RUNNING
    assert seen.status.metrics.days > 0
    assert not seen.status.metrics.HasField("pnl_per_vol_point")
    assert seen.status.equity[-1].time == seen.status.simulated_time
    await lab.backtests.CancelBacktest(pb.CancelBacktestRequest(backtest_id=run.backtest_id))


async def test_the_server_stops_with_watchers(server: RunningServer) -> None:
    """A server that is watched stops at once, and its watchers are told to come again."""
    async with calling(server.target) as lab:
        run = await ended(lab)
        async with watching(lab, backtest_id=run.backtest_id, interval_ms=60_000) as watch:
            await watch.until_bookmark()
            started = time.monotonic()
            assert await asyncio.to_thread(server.stop) == 0
            assert time.monotonic() - started < 4
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await watch.next()
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    server.start()


async def test_paused_runs_are_told(lab: LabCaller) -> None:
    """A pause is a change like any other."""
    run = await lab.create(call_spec(await lab.bars(days=4000), seed=9))
    async with watching(lab, backtest_id=run.backtest_id) as watch:
        runs, _ = await watch.until_bookmark()
        await lab.backtests.PauseBacktest(pb.PauseBacktestRequest(backtest_id=run.backtest_id))
        while runs.get(run.backtest_id, run).status.state != BACKTEST_STATE_PAUSED:
            runs, _ = await watch.until_bookmark()
    await lab.backtests.CancelBacktest(pb.CancelBacktestRequest(backtest_id=run.backtest_id))
