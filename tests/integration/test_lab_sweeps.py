"""Sweeps over gRPC: points, ranks out of sample, heatmap, pages, steering, restart, what is refused."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import statistics
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from rollbook.v1 import backtest_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1.backtest_pb2 import (
    BACKTEST_STATE_CANCELLED,
    BACKTEST_STATE_FAILED,
    BACKTEST_STATE_PAUSED,
    BACKTEST_STATE_RUNNING,
    BACKTEST_STATE_SUCCEEDED,
)
from tests.support.lab import SLOW, START, LabCaller, call_spec, calling, new_request_id, reason_of, stamp
from tests.support.server import RunningServer

DELTAS, PROFITS = ("0.2", "0.3", "0.45"), ("0.4", "0.8")
AXES = {"selection.max_delta": DELTAS, "exits.take_profit": PROFITS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db", *SLOW) as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def refused(call: Any) -> tuple[str, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return reason_of(error.value)


async def test_ranking_by_hand(lab: LabCaller) -> None:
    """Each point is its spec run twice, up to the split and from there on: the second run, made by CreateBacktest of
    what the point says, has its metrics and the ends of its equity; points are ranked by that, and the one that is best
    in the first runs is the chosen one. A cell of the heatmap is the median of its points."""
    dataset_id = await lab.bars(days=120)
    base = call_spec(dataset_id)
    made = await lab.sweep(base, {**AXES, "exits.defend": ("0.95", "1")})
    assert (made.points_total, made.rank_by) == (12, "coin.return_pct")
    assert made.split_time == stamp(START + timedelta(days=80))
    found = await lab.swept(made.sweep_id)
    assert (found.sweep.state, found.sweep.points_done, found.sweep.points_failed) == (BACKTEST_STATE_SUCCEEDED, 12, 0)
    points = await lab.points(made.sweep_id)
    assert [tuple(change.value for change in point.changes) for point in points] == list(
        itertools.product(DELTAS, PROFITS, ("0.95", "1"))
    )
    shown: list[float] = []
    chose: list[float] = []
    for point in points:
        assert (point.spec.start_time, point.spec.end_time) == (made.split_time, stamp(START + timedelta(days=120)))
        outside = await lab.until((await lab.create(point.spec)).backtest_id)
        inside = backtest_pb2.BacktestSpec()
        inside.CopyFrom(point.spec)
        inside.start_time.CopyFrom(stamp(START))
        inside.end_time.CopyFrom(made.split_time)
        before = await lab.until((await lab.create(inside)).backtest_id)
        metrics = outside.status.metrics
        assert point.metrics.coin.net_profit == metrics.coin.net_profit
        assert point.metrics.usd.max_drawdown == metrics.usd.max_drawdown
        assert list(point.metrics.triggers) == list(metrics.triggers)
        equity = await lab.equity(outside.backtest_id)
        assert (point.equity[0], point.equity[-1], len(point.equity)) == (equity[0], equity[-1], 50)
        assert point.value == metrics.coin.return_pct
        shown.append(point.value)
        chose.append(before.status.metrics.coin.return_pct)
    assert [point.rank for point in points] == [1 + sum(other > value for other in shown) for value in shown]
    assert [point.in_sample_rank for point in points] == [1 + sum(other > value for other in chose) for value in chose]
    assert len(set(shown)) > 3
    best = sorted(range(12), key=lambda place: -shown[place])
    assert [point.number - 1 for point in found.best] == best[:10]
    assert found.chosen.number - 1 == max(range(12), key=lambda place: chose[place])
    assert not found.chosen.equity
    heatmap = found.heatmap
    assert (heatmap.row_field, heatmap.column_field) == tuple(AXES)
    assert (tuple(heatmap.row_values), tuple(heatmap.column_values)) == (DELTAS, PROFITS)
    for cell, (row, column) in zip(heatmap.cells, itertools.product(range(3), range(2)), strict=True):
        place = 4 * row + 2 * column
        assert (cell.points, cell.median) == (2, statistics.median(shown[place : place + 2]))
    turned = await lab.swept(made.sweep_id, best=1, heatmap_fields=("exits.defend", "selection.max_delta"))
    assert (len(turned.best), len(turned.heatmap.cells)) == (1, 6)


async def test_points_by_pages(lab: LabCaller) -> None:
    """Points by small pages are those of one large page, by creation and by rank, best first; a token of the other
    order is refused."""
    made = await lab.sweep(call_spec(await lab.bars(days=60)), AXES)
    await lab.swept(made.sweep_id)
    whole = await lab.points(made.sweep_id)
    assert await lab.points(made.sweep_id, page_size=4) == whole
    ranked = await lab.points(made.sweep_id, page_size=4, order=pb.SWEEP_ORDER_RANK)
    assert ranked == sorted(whole, key=lambda point: (point.rank, point.number))
    assert ranked == await lab.points(made.sweep_id, order=pb.SWEEP_ORDER_RANK)
    page = await lab.backtests.ListSweepPoints(pb.ListSweepPointsRequest(sweep_id=made.sweep_id, page_size=1))
    other = pb.ListSweepPointsRequest(
        sweep_id=made.sweep_id, page_token=page.next_page_token, order=pb.SWEEP_ORDER_RANK
    )
    assert (await refused(lab.backtests.ListSweepPoints(other)))[1] == "INVALID_PAGE_TOKEN"


async def test_random_points_are_of_their_seed(lab: LabCaller) -> None:
    """Points that are drawn are different ones of the grid, the same for the same seed, of a grid of any size."""
    base = call_spec(await lab.bars(days=60))
    tens = tuple(f"{number / 1000:g}" for number in range(100, 300))
    axes = {**AXES, "exits.defend": ("0.9", "0.95", "1"), "volatility.multiplier": tens}

    async def drawn(seed: int) -> list[tuple[str, ...]]:
        made = await lab.sweep(base, axes, random_points=40, seed=seed)
        await lab.backtests.CancelSweep(pb.CancelSweepRequest(sweep_id=made.sweep_id))
        assert made.points_total == 40
        return [tuple(change.value for change in point.changes) for point in await lab.points(made.sweep_id)]

    first = await drawn(1)
    assert len(set(first)) == 40
    assert all(value in values for point in first for value, values in zip(point, axes.values(), strict=True))
    assert await drawn(1) == first
    assert await drawn(2) != first


async def test_a_point_that_makes_no_sense_fails_alone(lab: LabCaller) -> None:
    """Values that only contradict each other make a point with a sentence, and without rank; the others go on."""
    axes = {"selection.min_delta": ("0.1", "0.25"), "selection.target_delta": ("0.2", "0.3")}
    made = await lab.sweep(call_spec(await lab.bars(days=60)), axes)
    found = await lab.swept(made.sweep_id)
    assert (found.sweep.state, found.sweep.points_failed) == (BACKTEST_STATE_SUCCEEDED, 1)
    points = await lab.points(made.sweep_id, order=pb.SWEEP_ORDER_RANK)
    assert len(points) == 4
    failed = points[-1]
    assert "min_delta <= target_delta" in failed.error
    assert (failed.done, failed.rank, failed.HasField("spec"), failed.HasField("metrics")) == (True, 0, False, False)
    assert {cell.points for cell in found.heatmap.cells} == {0, 1}


async def test_a_sweep_is_steered(lab: LabCaller) -> None:
    """A sweep that is paused stops after its points and keeps them; meanwhile they are listed and ranked. Resumed it
    goes on. Cancelled it keeps what it has; deleted it is gone, and its request makes no other one."""
    base, request_id = call_spec(await lab.bars(days=60)), new_request_id()
    axes = {"exits.take_profit": tuple(f"{number / 1000:g}" for number in range(200, 800))}
    made = await lab.sweep(base, axes, request_id=request_id)
    one = {"sweep_id": made.sweep_id}
    await lab.swept(made.sweep_id, lambda found: found.sweep.points_done > 2)
    await lab.backtests.PauseSweep(pb.PauseSweepRequest(**one))
    paused = await lab.swept(made.sweep_id, lambda found: found.sweep.state == BACKTEST_STATE_PAUSED)
    done = paused.sweep.points_done
    assert 2 < done < 600
    ranked = await lab.points(made.sweep_id, order=pb.SWEEP_ORDER_RANK)
    assert len(ranked) == done
    assert len(await lab.points(made.sweep_id)) == 600
    run = await lab.until((await lab.create(base)).backtest_id)
    assert run.status.state == BACKTEST_STATE_SUCCEEDED
    await lab.backtests.ResumeSweep(pb.ResumeSweepRequest(**one))
    await lab.swept(made.sweep_id, lambda found: found.sweep.points_done > done)
    run = await lab.until((await lab.create(base)).backtest_id)
    assert (await lab.swept(made.sweep_id, lambda _: True)).sweep.state == BACKTEST_STATE_RUNNING
    cancelled = (await lab.backtests.CancelSweep(pb.CancelSweepRequest(**one))).sweep
    assert cancelled.state == BACKTEST_STATE_CANCELLED
    assert cancelled.points_done >= done
    assert (await lab.backtests.CancelSweep(pb.CancelSweepRequest(**one))).sweep == cancelled
    ended = await refused(lab.backtests.PauseSweep(pb.PauseSweepRequest(**one)))
    assert ended == ("FAILED_PRECONDITION", "SWEEP_ENDED", "sweep_id")
    gone = await lab.backtests.DeleteSweep(pb.DeleteSweepRequest(**one))
    assert await lab.backtests.DeleteSweep(pb.DeleteSweepRequest(**one)) == gone
    assert await refused(lab.swept(made.sweep_id)) == ("NOT_FOUND", "SWEEP_NOT_FOUND", "sweep_id")
    assert (await refused(lab.sweep(base, axes, request_id=request_id)))[:2] == ("NOT_FOUND", "SWEEP_NOT_FOUND")


async def test_sent_twice_swept_once(lab: LabCaller) -> None:
    """The same request gives the same sweep, also both at once; with other content it is refused with the field."""
    base, request_id = call_spec(await lab.bars(days=60)), new_request_id()
    twice = await asyncio.gather(*(lab.sweep(base, AXES, request_id=request_id) for _ in range(2)))
    assert twice[0].sweep_id == twice[1].sweep_id
    other = await refused(lab.sweep(base, AXES, request_id=request_id, seed=7))
    assert other == ("ALREADY_EXISTS", "REQUEST_ID_REUSED", "seed")


async def test_what_makes_no_sense_is_refused(lab: LabCaller) -> None:
    """Each mistake with its field: of the spec, an axis, a value, the draw, the split, the metric."""
    base = call_spec(await lab.bars(days=60))
    delta, many = "selection.target_delta", tuple(str(number) for number in range(1000))
    for axes, more, expected in (
        ({}, {}, ("MISSING_FIELD", "axes")),
        ({"selection": ("1",)}, {}, ("OUT_OF_BOUNDS", "axes[0].field")),
        ({"selection.delta": ("1",)}, {}, ("OUT_OF_BOUNDS", "axes[0].field")),
        ({delta: ("0.2", "0.3"), "end_time": ("x",)}, {}, ("OUT_OF_BOUNDS", "axes[1].field")),
        ({"data.spot_dataset_id": ("a", "b")}, {}, ("OUT_OF_BOUNDS", "axes[0].field")),
        ({delta: ()}, {}, ("MISSING_FIELD", "axes[0].values")),
        ({delta: ("0.2", "much")}, {}, ("MALFORMED_TEXT", "axes[0].values[1]")),
        ({delta: ("0.2", "nan")}, {}, ("MALFORMED_TEXT", "axes[0].values[1]")),
        ({"exits.max_rolls": ("1", "1.5")}, {}, ("MALFORMED_TEXT", "axes[0].values[1]")),
        ({"exit_style": ("HOLD_TO_EXPIRY", "HOPE")}, {}, ("UNKNOWN_VALUE", "axes[0].values[1]")),
        ({"fills.without_ticks": ("true", "yes")}, {}, ("UNKNOWN_VALUE", "axes[0].values[1]")),
        ({delta: ("0.2", "0.20")}, {}, ("CONTRADICTION", "axes[0].values")),
        ({delta: ("0.2", "7")}, {}, ("OUT_OF_BOUNDS", "axes[0].values[1]")),
        ({delta: ("0.2",)}, {}, ("OUT_OF_BOUNDS", "axes")),
        ({delta: many, "exits.stop": many}, {}, ("TOO_LARGE", "axes")),
        ({delta: (*many, "x")}, {}, ("TOO_LARGE", "axes[0].values")),
        (AXES, {"random_points": 7}, ("OUT_OF_BOUNDS", "random_points")),
        (AXES, {"random_points": -1}, ("OUT_OF_BOUNDS", "random_points")),
        (AXES, {"rank_by": "coin.max_drawdown"}, ("UNKNOWN_VALUE", "rank_by")),
        (AXES, {"split_time": stamp(START)}, ("OUT_OF_BOUNDS", "split_time")),
        (AXES, {"request_id": "x"}, ("MALFORMED_TEXT", "request_id")),
    ):
        found = await refused(lab.sweep(base, axes, **more))
        assert found == ("INVALID_ARGUMENT", *expected), (axes, more)
    bad = call_spec(base.data.spot_dataset_id, decision_hour=8)
    assert (await refused(lab.sweep(bad, AXES)))[1:] == ("OUT_OF_BOUNDS", "spec.decision_hour")
    assert await refused(lab.sweep(call_spec("other"), AXES)) == (
        "NOT_FOUND",
        "DATASET_NOT_FOUND",
        "spec.data.spot_dataset_id",
    )
    made = await lab.sweep(base, AXES)
    for asked, field in (
        ({"best": 101}, "best"),
        ({"heatmap_fields": tuple(AXES)[:1]}, "heatmap_fields"),
        ({"heatmap_fields": (*tuple(AXES)[:1], "quantity")}, "heatmap_fields[1]"),
        ({"heatmap_fields": tuple(AXES)[:1] * 2}, "heatmap_fields[1]"),
    ):
        assert (await refused(lab.swept(made.sweep_id, **asked)))[2] == field


async def test_a_sweep_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A server that is stopped in the middle of a sweep goes on with it at its next start; a paused one waits."""
    with RunningServer(tmp_path / "ledger.db", *SLOW) as server:
        async with calling(server.target) as lab:
            base = call_spec(await lab.bars(days=60))
            axes = {"exits.take_profit": tuple(f"{number / 1000:g}" for number in range(300, 500))}
            paused, made = await lab.sweep(base, axes), await lab.sweep(base, axes)
            await lab.swept(paused.sweep_id, lambda found: found.sweep.points_done > 0)
            await lab.backtests.PauseSweep(pb.PauseSweepRequest(sweep_id=paused.sweep_id))
            before = await lab.swept(made.sweep_id, lambda found: found.sweep.points_done > 1)
        server.stop()
        server.start()
        async with calling(server.target) as lab:
            found = await lab.swept(made.sweep_id)
            assert found.sweep.state == BACKTEST_STATE_SUCCEEDED
            assert found.sweep.points_done == 200 > before.sweep.points_done
            waiting = await lab.swept(paused.sweep_id, lambda _: True)
            assert waiting.sweep.state == BACKTEST_STATE_PAUSED
            done = await lab.points(paused.sweep_id, order=pb.SWEEP_ORDER_RANK)
            numbers = {point.number: point.value for point in await lab.points(made.sweep_id)}
            assert all(numbers[point.number] == point.value for point in done)


async def test_a_sweep_of_another_engine_begins_again(tmp_path: Path) -> None:
    """A sweep that was under way when the server got another engine is carried on from its first point: no ranking
    compares points of two engines."""
    with RunningServer(tmp_path / "ledger.db", *SLOW) as server:
        async with calling(server.target) as lab:
            base = call_spec(await lab.bars(days=60))
            axes = {"exits.take_profit": tuple(f"{number / 1000:g}" for number in range(300, 400))}
            made = await lab.sweep(base, axes)
            await lab.swept(made.sweep_id, lambda found: found.sweep.points_done > 1)
            await lab.backtests.PauseSweep(pb.PauseSweepRequest(sweep_id=made.sweep_id))
            await lab.swept(made.sweep_id, lambda found: found.sweep.state == BACKTEST_STATE_PAUSED)
        server.stop()
        with closing(sqlite3.connect(tmp_path / "lab.db")) as db, db:
            db.execute("UPDATE sweeps SET engine = 'of yesterday'")
            db.execute("UPDATE sweep_points SET value = 1e9, metrics = '{}' WHERE value IS NOT NULL")
        server.start()
        async with calling(server.target) as lab:
            await lab.backtests.ResumeSweep(pb.ResumeSweepRequest(sweep_id=made.sweep_id))
            await lab.swept(made.sweep_id)
            alone = await lab.sweep(base, axes)
            await lab.swept(alone.sweep_id)
            assert await lab.points(made.sweep_id) == await lab.points(alone.sweep_id)


async def test_all_workers_carry_on_a_sweep(tmp_path: Path) -> None:
    """The points of one sweep are run by all workers that have no run, and are those of one worker, in all bits."""
    made: dict[str, list[bytes]] = {}
    for workers in ("1", "2"):
        with RunningServer(tmp_path / workers / "ledger.db", *SLOW, "--lab-workers", workers) as server:
            async with calling(server.target) as lab:
                axes = {"exits.take_profit": tuple(f"{number / 1000:g}" for number in range(300, 400))}
                swept = (await lab.swept((await lab.sweep(call_spec(await lab.bars(days=60)), axes)).sweep_id)).sweep
                assert (swept.state, swept.points_done) == (BACKTEST_STATE_SUCCEEDED, 100)
                made[workers] = [
                    point.SerializeToString(deterministic=True) for point in await lab.points(swept.sweep_id)
                ]
            assert len([line for line in server.lines if '"work": "runs"' in line]) == int(workers)
    assert made["1"] == made["2"]


async def test_a_sweep_that_fails_harms_no_other(tmp_path: Path) -> None:
    """A sweep whose data is damaged FAILS with the error; the one after it is carried on to its end."""
    with RunningServer(tmp_path / "ledger.db") as server:
        async with calling(server.target) as lab:
            bad, good = await lab.bars(days=40), await lab.bars(days=30)
            for file in (tmp_path / "lab.db.datasets").iterdir():
                if bad.rpartition("-")[2] in file.name:
                    file.write_bytes(b"something else")
            failing, following = await lab.sweep(call_spec(bad), AXES), await lab.sweep(call_spec(good), AXES)
            failed = (await lab.swept(failing.sweep_id)).sweep
            assert failed.state == BACKTEST_STATE_FAILED
            assert "cannot be read" in failed.error
            assert (await lab.swept(following.sweep_id)).sweep.state == BACKTEST_STATE_SUCCEEDED
            listed = (await lab.backtests.ListSweeps(pb.ListSweepsRequest())).sweeps
            assert [sweep.sweep_id for sweep in listed] == [following.sweep_id, failing.sweep_id]
