"""Sweeps of several folds and of both exit styles over gRPC: windows, what is chosen in each, what it came to."""

from __future__ import annotations

import itertools
import math
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from rollbook.v1 import backtest_pb2, system_service_pb2, system_service_pb2_grpc
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1.backtest_pb2 import (
    BACKTEST_STATE_PAUSED,
    BACKTEST_STATE_RUNNING,
    BACKTEST_STATE_SUCCEEDED,
    EXIT_STYLE_HOLD_TO_EXPIRY,
    EXIT_STYLE_TP_AND_ROLL,
)
from tests.support.lab import SLOW, START, LabCaller, call_spec, calling, reason_of, stamp
from tests.support.server import RunningServer

DELTAS = {"selection.max_delta": ("0.2", "0.3", "0.45")}
LONG = {"exits.take_profit": tuple(f"{number / 1000:g}" for number in range(200, 800))}
"""Points enough to look at a sweep in its middle."""
STYLES = ("HOLD_TO_EXPIRY", "TP_AND_ROLL")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def refused(call: Any) -> tuple[str, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return reason_of(error.value)


async def ran(lab: LabCaller, spec: backtest_pb2.BacktestSpec, begin: Any, end: Any) -> Any:
    """The metrics of a spec over another period, by CreateBacktest."""
    of_part = backtest_pb2.BacktestSpec()
    of_part.CopyFrom(spec)
    of_part.start_time.CopyFrom(begin)
    of_part.end_time.CopyFrom(end)
    return (await lab.until((await lab.create(of_part)).backtest_id)).status.metrics


async def test_folds_by_hand(lab: LabCaller) -> None:
    """Each point is a run in each window, and the point of a fold is the one that is best in a run from the start to
    the window: both made by CreateBacktest. A point's profit is that of all its windows, its return is linked, its
    chains are counted together; the walk forward is the same of the chosen ones, with the rank it would have."""
    base = call_spec(await lab.bars(days=150))
    made = await lab.sweep(base, DELTAS, split_time=stamp(START + timedelta(days=90)), folds=2)
    assert made.folds == 2
    found = await lab.swept(made.sweep_id)
    assert (found.sweep.state, found.HasField("chosen")) == (BACKTEST_STATE_SUCCEEDED, False)
    points = await lab.points(made.sweep_id)
    cuts = [stamp(START + timedelta(days=days)) for days in (90, 120, 150)]
    walked = found.walk_forward
    assert [(fold.number, fold.start_time, fold.end_time) for fold in walked.folds] == [
        (number, begin, end) for number, (begin, end) in enumerate(itertools.pairwise(cuts), 1)
    ]
    outside = [[await ran(lab, point.spec, *window) for window in itertools.pairwise(cuts)] for point in points]
    for fold, split in enumerate(cuts[:-1]):
        inside = [(await ran(lab, point.spec, stamp(START), split)).coin.return_pct for point in points]
        chosen = inside.index(max(inside))
        told = walked.folds[fold]
        assert told.chosen == chosen + 1
        assert told.changes == points[chosen].changes
        assert told.value == told.metrics.coin.return_pct == outside[chosen][fold].coin.return_pct
        assert told.metrics.usd == without_intervals(outside[chosen][fold].usd)
    for point, windows in zip(points, outside, strict=True):
        assert (point.in_sample_rank, point.done) == (0, True)
        assert_together(point.metrics, windows)
        assert point.value == point.metrics.coin.return_pct
        assert point.equity[-1].equity_usd - point.equity[0].hodl_usd == pytest.approx(point.metrics.usd.net_profit)
    assert_together(walked.metrics, [outside[fold.chosen - 1][fold.number - 1] for fold in walked.folds])
    assert walked.value == walked.metrics.coin.return_pct
    assert walked.rank == 1 + sum(point.value > walked.value for point in points)
    assert len(walked.equity) == 200
    assert [point.rank for point in points] == [1 + sum(o.value > point.value for o in points) for point in points]


def without_intervals(figures: Any) -> Any:
    """Figures without what only CreateBacktest measures."""
    told = type(figures)()
    told.CopyFrom(figures)
    for name in ("chains_pnl_p05", "chains_pnl_p95"):
        told.ClearField(name)
    return told


def assert_together(metrics: Any, windows: list[Any]) -> None:
    for currency in ("coin", "usd"):
        ours, theirs = getattr(metrics, currency), [getattr(window, currency) for window in windows]
        assert ours.net_profit == pytest.approx(sum(each.net_profit for each in theirs))
        assert ours.max_drawdown >= max(each.max_drawdown for each in theirs) * (1 - 1e-9)
        assert ours.return_pct == pytest.approx(100 * (math.prod(1 + each.return_pct / 100 for each in theirs) - 1))
    assert metrics.closed_chains == sum(window.closed_chains for window in windows) > 0
    assert metrics.days == sum(window.days for window in windows)


async def test_one_fold_is_none(lab: LabCaller) -> None:
    """A sweep of one fold is a sweep of which nothing is said about folds: points, chosen one, no walk forward. What
    cannot be cut so often is refused."""
    base = call_spec(await lab.bars(days=60))
    unsaid, said = await lab.sweep(base, DELTAS), await lab.sweep(base, DELTAS, folds=1)
    one, other = await lab.swept(unsaid.sweep_id), await lab.swept(said.sweep_id)
    assert one.chosen == other.chosen
    assert await lab.points(unsaid.sweep_id) == await lab.points(said.sweep_id)
    assert (one.sweep.folds, other.sweep.folds) == (1, 1)
    assert one.chosen.number
    assert not one.HasField("walk_forward")
    for folds in (-1, 21, 51):
        call = lab.sweep(base, DELTAS, folds=folds)
        assert await refused(call) == ("INVALID_ARGUMENT", "OUT_OF_BOUNDS", "folds")


async def test_both_exit_styles_in_one_sweep(lab: LabCaller) -> None:
    """Where exit_style is an axis, what is held to expiry leaves out all that is said of exits, by the spec and by
    other axes, and is one point; a heatmap has a column of its own for it. A random part has different points."""
    base = call_spec(await lab.bars(days=60), exits=backtest_pb2.ExitSpec(defend=0.97))
    axes = {"exit_style": STYLES, "exits.take_profit": ("0.4", "0.8"), **DELTAS}
    made = await lab.sweep(base, axes)
    found = await lab.swept(made.sweep_id)
    assert (found.sweep.points_done, found.sweep.points_failed) == (9, 0)
    points = await lab.points(made.sweep_id)
    told = [tuple(change.value for change in point.changes) for point in points]
    deltas = DELTAS["selection.max_delta"]
    assert told == [
        *itertools.product(STYLES[:1], ("",), deltas),
        *itertools.product(STYLES[1:], ("0.4", "0.8"), deltas),
    ]
    for point, (style, profit, _) in zip(points, told, strict=True):
        held = style == "HOLD_TO_EXPIRY"
        assert point.spec.exit_style == (EXIT_STYLE_HOLD_TO_EXPIRY if held else EXIT_STYLE_TP_AND_ROLL)
        assert (point.spec.exits.take_profit, point.spec.exits.defend) == (
            (0, 0) if held else (float(profit), pytest.approx(0.97))
        )
    heatmap = found.heatmap
    assert (list(heatmap.row_values), list(heatmap.column_values)) == (list(STYLES), ["0.4", "0.8", ""])
    assert [cell.points for cell in heatmap.cells] == [0, 0, 3, 3, 3, 0]
    drawn = await lab.sweep(base, axes, random_points=9, seed=3)
    assert sorted(tuple(change.value for change in point.changes) for point in await lab.points(drawn.sweep_id)) == (
        sorted(told)
    )
    many = lab.sweep(base, axes, random_points=10)
    assert (await refused(many))[1:] == ("OUT_OF_BOUNDS", "random_points")
    held_only = lab.sweep(base, {**axes, "exit_style": STYLES[:1]})
    assert (await refused(held_only))[1:] == ("CONTRADICTION", "axes[1].field")


async def test_the_servers_status_counts_sweeps(tmp_path: Path) -> None:
    """GetServerStatus says how many sweeps run and how many wait; one that is paused does neither."""
    with RunningServer(tmp_path / "ledger.db", *SLOW) as server:
        async with calling(server.target) as lab:
            base = call_spec(await lab.bars(days=60))
            made, *_ = [await lab.sweep(base, LONG) for _ in range(3)]
            await lab.swept(made.sweep_id, lambda seen: seen.sweep.state == BACKTEST_STATE_RUNNING)
            assert await counts(server) == (1, 2)
            await lab.backtests.PauseSweep(pb.PauseSweepRequest(sweep_id=made.sweep_id))
            await lab.swept(made.sweep_id, lambda seen: seen.sweep.state == BACKTEST_STATE_PAUSED)
            assert sum(await counts(server)) == 2


async def counts(server: RunningServer) -> tuple[int, int]:
    async with grpc.aio.insecure_channel(server.target, [("grpc.enable_http_proxy", 0)]) as channel:
        stub: Any = system_service_pb2_grpc.SystemServiceStub(channel)
        status = await stub.GetServerStatus(system_service_pb2.GetServerStatusRequest())
    return status.running_sweeps, status.queued_sweeps


async def test_a_lab_without_folds_gets_them(tmp_path: Path) -> None:
    """A lab whose file is of the version before has its sweeps as they were, goes on with one that was under way, and
    takes sweeps of several folds."""
    with RunningServer(tmp_path / "ledger.db", *SLOW) as server:
        async with calling(server.target) as lab:
            base = call_spec(await lab.bars(days=60))
            done, going = await lab.sweep(base, DELTAS), await lab.sweep(base, LONG)
            await lab.swept(done.sweep_id)
            points = await lab.points(done.sweep_id)
            await lab.swept(going.sweep_id, lambda seen: seen.sweep.points_done > 1)
            await lab.backtests.PauseSweep(pb.PauseSweepRequest(sweep_id=going.sweep_id))
            paused = await lab.swept(going.sweep_id, lambda seen: seen.sweep.state == BACKTEST_STATE_PAUSED)
        server.stop()
        with closing(sqlite3.connect(tmp_path / "lab.db")) as db, db:
            for table in ("sweep_folds", "backtest_cycles"):
                db.execute(f"DROP TABLE {table}")
            later = "DELETE FROM _sqlite_migrations WHERE name IN ('m0003_folds', 'm0004_cycles')"
            assert db.execute(later).rowcount == 2
        server.start()
        async with calling(server.target) as lab:
            assert await lab.points(done.sweep_id) == points
            await lab.backtests.ResumeSweep(pb.ResumeSweepRequest(sweep_id=going.sweep_id))
            await lab.swept(going.sweep_id, lambda seen: seen.sweep.points_done > paused.sweep.points_done)
            await lab.backtests.CancelSweep(pb.CancelSweepRequest(sweep_id=going.sweep_id))
            made = await lab.sweep(base, DELTAS, folds=2)
            assert len((await lab.swept(made.sweep_id)).walk_forward.folds) == 2
