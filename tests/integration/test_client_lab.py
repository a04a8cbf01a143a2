"""Both clients of the lab at a real server: what it is told to run, it runs once, through whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    AlreadyExists,
    AsyncLab,
    Backtest,
    BacktestSpec,
    BacktestState,
    ContractStyle,
    DatasetKind,
    DataSpec,
    DeadlineExceeded,
    ErrorReason,
    ExitSpec,
    ExitStyle,
    ExportProgress,
    FailedPrecondition,
    InvalidArgument,
    LabCursor,
    LedgerError,
    NotFound,
    OutOfRange,
    StrategyKind,
    SweepOrder,
    SyntheticMarket,
    TrainingFormat,
    TrainingRows,
    Unavailable,
    WatchBacktestsResponse,
    new_request_id,
)
from tests.support.in_threads import LABS
from tests.support.server import RunningServer

START = datetime(2021, 1, 1, tzinfo=UTC)
SLOW = ("--lab-part", "0.000001")
"""Flags of a server whose parts are as short as they can be: what is killed or paused is killed in the middle."""
ENDED = (BacktestState.SUCCEEDED, BacktestState.FAILED, BacktestState.CANCELLED)
PATIENCE = 90


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
def slow_server(tmp_path: Path) -> Iterator[RunningServer]:
    """On a port of its own, so that it can come back to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with RunningServer(tmp_path / "ledger.db", *SLOW, listen=f"127.0.0.1:{port}") as running:
        yield running


@pytest.fixture(params=LABS)
def connect(request: pytest.FixtureRequest) -> Callable[..., AsyncLab]:
    return LABS[request.param]


@pytest.fixture
async def lab(server: RunningServer, connect: Callable[..., AsyncLab]) -> AsyncIterator[AsyncLab]:
    async with connect(server.target) as client:
        yield client


LONG = {"decision_interval_hours": 1, "max_open_chains": 32}
"""What makes a run on a decade take some seconds."""


async def spec_of(lab: AsyncLab, days: int = 120, **more: Any) -> BacktestSpec:
    """A run on made-up data."""
    bars = await lab.register_dataset(
        kind=DatasetKind.BARS, underlying="BTC", synthetic=SyntheticMarket(seed=1, start_time=START, days=days)
    )
    return BacktestSpec(
        name="calls",
        underlying="BTC",
        strategy=StrategyKind.COVERED_CALL,
        style=ContractStyle.INVERSE,
        data=DataSpec(spot_dataset_id=bars.dataset_id),
        **more,
    )


async def seen(lab: AsyncLab, backtest_id: str, fits: Callable[[Backtest], bool]) -> Backtest:
    """A run when it is first seen as wanted."""
    async with asyncio.timeout(PATIENCE), aclosing(lab.watch_backtests(backtest_id)) as messages:
        async for message in messages:
            for run in message.backtests:
                if fits(run):
                    return run
    raise AssertionError("a watch has no end of its own")


def state(run: Backtest) -> BacktestState:
    assert run.status is not None
    return run.status.state


def has_ended(run: Backtest) -> bool:
    return state(run) in ENDED


async def test_a_run_from_its_spec_to_its_results(lab: AsyncLab) -> None:
    """A spec is queued, watched to its end, and read in full: metrics, chains with legs, decisions, equity."""
    spec = await spec_of(lab)
    queued = await lab.create_backtest(spec, group_id="one")
    assert queued.spec is not None
    assert (queued.spec.name, queued.spec.exit_style, queued.group_id) == ("calls", ExitStyle.TP_AND_ROLL, "one")
    run = await seen(lab, queued.backtest_id, has_ended)
    assert run.status is not None
    assert run.status.state is BacktestState.SUCCEEDED, run.status.error
    assert run.status.metrics is not None
    assert run == await lab.get_backtest(run.backtest_id)

    chains = [chain async for chain in lab.iterate_backtest_chains(run.backtest_id, page_size=2)]
    assert [chain.number for chain in chains] == [*range(1, len(chains) + 1)]
    assert len(chains) == (run.status.metrics.closed_chains or 0) + (run.status.metrics.open_chains or 0) > 2
    page = await lab.list_backtest_chains(run.backtest_id, page_size=2)
    assert (page.chains, page.next_page_token != "") == (tuple(chains[:2]), True)
    steps = [step async for step in lab.iterate_steps(run.backtest_id, page_size=50)]
    assert len(steps) == run.status.decisions_done == run.status.decisions_total
    assert (await lab.list_steps(run.backtest_id)).steps == tuple(steps[:50])
    points = [point async for point in lab.iterate_equity_points(run.backtest_id, page_size=1000)]
    assert len(points) == 120 * 24
    thin = (await lab.list_equity_points(run.backtest_id, max_points=10)).points
    assert (thin[0], thin[-1], len(thin) <= 10) == (points[0], points[-1], True)
    assert "calls" in await lab.get_backtest_report(run.backtest_id)
    assert points[-1] == [point async for point in lab.iterate_equity_points(run.backtest_id, max_points=10)][-1]


async def test_runs_are_compared(lab: AsyncLab) -> None:
    """Runs in the order that was asked for, and what differs in their specs; one that is not there has its place."""
    spec = await spec_of(lab, days=30)
    first, second = await lab.create_backtest(spec), await lab.create_backtest(replace(spec, quantity=2.0))
    answer = await lab.compare_backtests([second.backtest_id, first.backtest_id])
    assert [run.backtest_id for run in answer.backtests] == [second.backtest_id, first.backtest_id]
    assert [(each.field, each.values) for each in answer.differences] == [("quantity", ("2", "1"))]
    with pytest.raises(NotFound) as raised:
        await lab.compare_backtests([first.backtest_id, "other"])
    assert raised.value.field == "backtest_ids[1]"


async def test_a_sweep_from_its_axes_to_its_points(lab: AsyncLab) -> None:
    """Values of any type make a sweep; it is looked on to its end, listed by rank and page by page, steered, and a
    point's spec makes a run with its figures."""
    spec = await spec_of(lab, days=60)
    axes: dict[str, list[object]] = {
        "selection.max_delta": [0.2, 0.3],
        "exit_style": [ExitStyle.HOLD_TO_EXPIRY, ExitStyle.TP_AND_ROLL],
        "exits.stop": [None],
        "fills.without_ticks": [True],
    }
    request_id = new_request_id()
    made = await lab.create_sweep(spec, axes, request_id=request_id, split_time=START + timedelta(days=30))
    assert (made.points_total, made.split_time) == (4, START + timedelta(days=30))
    assert made.axes[1].values == ("HOLD_TO_EXPIRY", "TP_AND_ROLL")
    assert (await lab.create_sweep(spec, axes, request_id=request_id, split_time=made.split_time)) is not None
    with pytest.raises(AlreadyExists) as raised:
        await lab.create_sweep(spec, axes, request_id=request_id)
    assert raised.value.request_id == request_id
    async with asyncio.timeout(PATIENCE):
        while (found := await lab.get_sweep(made.sweep_id, best=2)).sweep is not None:
            if found.sweep.state in ENDED:
                break
    assert (len(found.best), found.chosen is not None, found.heatmap is not None) == (2, True, True)
    points = [point async for point in lab.iterate_sweep_points(made.sweep_id, order=SweepOrder.RANK, page_size=3)]
    assert [replace(point, equity=()) for point in points[:2]] == list(found.best)
    assert points[0].spec is not None
    run = await seen(lab, (await lab.create_backtest(points[0].spec)).backtest_id, has_ended)
    assert run.status is not None
    assert run.status.metrics is not None
    assert run.status.metrics.coin is not None
    assert run.status.metrics.coin.return_pct == points[0].value
    assert made.sweep_id in [sweep.sweep_id async for sweep in lab.iterate_sweeps(page_size=1)]
    for steer in (lab.pause_sweep, lab.resume_sweep, lab.cancel_sweep):
        with pytest.raises(FailedPrecondition) as ended:
            await steer(made.sweep_id)
        assert ended.value.reason == ErrorReason.SWEEP_ENDED
    assert (await lab.delete_sweep(made.sweep_id)).delete_time is not None
    with pytest.raises(NotFound):
        await lab.get_sweep(made.sweep_id)


async def test_training_data_is_exported(lab: AsyncLab) -> None:
    """The file comes in pieces, after its progress, and what it holds is told at the end; of a run that is not there
    nothing is written."""
    run = await seen(lab, (await lab.create_backtest(await spec_of(lab))).backtest_id, has_ended)
    pieces: list[bytes] = []
    progress: list[ExportProgress] = []
    told = await lab.export_training_data(
        run.backtest_id,
        pieces.append,
        rows=TrainingRows.CANDIDATES,
        file_format=TrainingFormat.JSONL,
        on_progress=progress.append,
    )
    rows = [json.loads(line) for line in b"".join(pieces).splitlines()]
    assert (len(rows), told.opened) == (told.examples, sum(row["action"] == "OPEN" for row in rows))
    assert run.status is not None
    assert progress[-1].decisions_done == progress[-1].decisions_total == run.status.decisions_total
    examples = await lab.export_training_data(run.backtest_id, lambda _: None)
    assert examples.examples < told.examples
    with pytest.raises(NotFound):
        await lab.export_training_data("nobody", pieces.clear)  # type: ignore[arg-type]
    assert pieces


async def test_a_command_is_queued_once(lab: AsyncLab) -> None:
    """The same request_id gives the same run; with another spec it is refused, and the error carries the command."""
    spec = await spec_of(lab)
    request_id = new_request_id()
    first = await lab.create_backtest(spec, request_id=request_id)
    again = await lab.create_backtest(spec, request_id=request_id)
    assert again.backtest_id == first.backtest_id
    assert (await lab.create_backtest(spec)).backtest_id != first.backtest_id
    with pytest.raises(AlreadyExists) as raised:
        await lab.create_backtest(replace(spec, quantity=2.0), request_id=request_id)
    assert (raised.value.reason, raised.value.request_id) == (ErrorReason.REQUEST_ID_REUSED, request_id)


async def test_a_command_that_nobody_answered_keeps_its_id(connect: Callable[..., AsyncLab]) -> None:
    """Where no answer came, the error holds what was sent, to be sent again."""
    async with connect("127.0.0.1:1", deadline=0.3) as lab:
        with pytest.raises(DeadlineExceeded) as raised:
            await lab.create_backtest(BacktestSpec(name="calls"))
    assert raised.value.request_id
    assert isinstance(raised.value.__cause__, Unavailable)


async def test_both_exit_styles_are_one_group(lab: AsyncLab) -> None:
    """Two runs of one spec, held and rolled, the rules of exit only where there are some; asked for twice they are the
    same two."""
    spec = replace(await spec_of(lab), exits=ExitSpec(take_profit=0.6))
    group = new_request_id()
    hold, roll = await lab.create_exit_styles(spec, group_id=group)
    assert (hold.spec, roll.spec) != (None, None)
    assert [run.spec and run.spec.exit_style for run in (hold, roll)] == [
        ExitStyle.HOLD_TO_EXPIRY,
        ExitStyle.TP_AND_ROLL,
    ]
    assert roll.spec is not None
    assert roll.spec.exits is not None
    assert roll.spec.exits.take_profit == 0.6
    listed = [run.backtest_id async for run in lab.iterate_backtests(group_id=group, page_size=1)]
    assert listed == [roll.backtest_id, hold.backtest_id]
    again = await lab.create_exit_styles(spec, group_id=group)
    assert [run.backtest_id for run in again] == [hold.backtest_id, roll.backtest_id]


async def test_refusals(lab: AsyncLab, tmp_path: Path) -> None:
    """What makes no sense is refused as the ledger refuses it: an error of its own class, its reason, its field."""
    spec = await spec_of(lab)
    with pytest.raises(InvalidArgument) as wrong:
        await lab.create_backtest(replace(spec, decision_hour=8))
    assert wrong.value.field == "spec.decision_hour"
    with pytest.raises(NotFound) as missing:
        await lab.create_backtest(replace(spec, data=DataSpec(spot_dataset_id="btc-bars-none")))
    assert missing.value.reason == ErrorReason.DATASET_NOT_FOUND
    for ask in (lab.get_backtest, lab.pause_backtest, lab.resume_backtest, lab.cancel_backtest, lab.delete_backtest):
        with pytest.raises(NotFound) as unknown:
            await ask("nothing")
        assert unknown.value.reason == ErrorReason.BACKTEST_NOT_FOUND
    with pytest.raises(NotFound):
        await seen(lab, "nothing", has_ended)
    with pytest.raises(NotFound) as no_file:
        await lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", path=str(tmp_path / "none.csv"))
    assert no_file.value.reason == ErrorReason.FILE_NOT_FOUND
    with pytest.raises(InvalidArgument) as token:
        await lab.list_backtests(page_token="nonsense")
    assert token.value.reason == ErrorReason.INVALID_PAGE_TOKEN


async def test_data_is_registered_by_its_content(lab: AsyncLab, tmp_path: Path) -> None:
    """A file becomes a dataset, a second time the same one; its gaps are listed."""
    file = tmp_path / "bars.csv"
    hours = [hour for hour in range(48) if hour not in (5, 6, 30)]
    rows = [f"{START.timestamp() * 1000 + hour * 3_600_000:.0f},100,101,99,100" for hour in hours]
    file.write_text("\n".join(["ts,open,high,low,close", *rows]))
    made = await lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", path=str(file))
    again = await lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", path=str(file))
    assert (made.dataset_id, made.rows, made.gaps, made.name) == (again.dataset_id, 45, 2, "bars.csv")
    assert made == await lab.get_dataset(made.dataset_id)
    gaps = [gap async for gap in lab.iterate_dataset_gaps(made.dataset_id, page_size=1)]
    assert [gap.missing_rows for gap in gaps] == [2, 1]
    assert (await lab.list_dataset_gaps(made.dataset_id)).gaps == tuple(gaps)
    assert made in [dataset async for dataset in lab.iterate_datasets(kind=DatasetKind.BARS, page_size=1)]
    assert (await lab.list_datasets(kind=DatasetKind.VOLATILITY)).datasets == ()


async def test_a_run_is_steered(slow_server: RunningServer, connect: Callable[..., AsyncLab]) -> None:
    """It pauses, stays so, goes on, is cancelled with what it had, and is deleted; whoever watches sees it go."""
    async with connect(slow_server.target) as lab:
        run = await lab.create_backtest(await spec_of(lab, days=4000, **LONG))
        await seen(lab, run.backtest_id, lambda run: bool(run.status and run.status.decisions_done))
        await lab.pause_backtest(run.backtest_id)
        paused = await seen(lab, run.backtest_id, lambda run: state(run) is BacktestState.PAUSED)
        assert state(await lab.resume_backtest(run.backtest_id)) in (BacktestState.PENDING, BacktestState.RUNNING)
        done = paused.status.decisions_done if paused.status else 0
        await seen(lab, run.backtest_id, lambda run: bool(run.status and run.status.decisions_done > done))
        assert state(await lab.cancel_backtest(run.backtest_id)) is BacktestState.CANCELLED
        assert (await lab.list_steps(run.backtest_id)).steps
        with pytest.raises(FailedPrecondition) as ended:
            await lab.resume_backtest(run.backtest_id)
        assert ended.value.reason == ErrorReason.BACKTEST_ENDED
        [listed] = (await lab.list_backtests(state=BacktestState.CANCELLED, underlying="BTC")).backtests
        assert listed.backtest_id == run.backtest_id

        watching = asyncio.create_task(seen(lab, run.backtest_id, lambda run: run.delete_time is not None))
        await lab.delete_backtest(run.backtest_id)
        with suppress(NotFound):  # it was quicker than the watch
            await watching
        with pytest.raises(NotFound):
            await lab.get_backtest(run.backtest_id)


async def test_a_watch_goes_on_through_kills(slow_server: RunningServer, connect: Callable[..., AsyncLab]) -> None:
    """While the server is killed and comes back, the run goes on and the watch with it: progress never falls, and the
    end is seen. Each interruption is told."""
    failures: list[LedgerError] = []
    told: list[Backtest] = []
    cursor: LabCursor | None = None

    async with connect(slow_server.target) as lab:
        run = await lab.create_backtest(await spec_of(lab, days=4000, **LONG))

        async def watch(messages: AsyncIterator[WatchBacktestsResponse], enough: Callable[[], bool]) -> None:
            nonlocal cursor
            async for message in messages:
                told.extend(message.backtests)
                cursor = message.cursor or cursor
                if enough():
                    return

        def beyond(share: float) -> Callable[[], bool]:
            return lambda: any(each.status and each.status.progress_pct > share for each in told)

        async with aclosing(lab.watch_backtests(run.backtest_id, on_interruption=failures.append)) as messages:
            for share in (5, 20):
                await asyncio.wait_for(watch(messages, beyond(share)), PATIENCE)
                await asyncio.to_thread(slow_server.kill)
                await asyncio.to_thread(slow_server.start)
            await asyncio.wait_for(watch(messages, lambda: has_ended(told[-1])), PATIENCE)
        assert state(told[-1]) is BacktestState.SUCCEEDED
        progress = [each.status.progress_pct for each in told if each.status]
        assert progress == sorted(progress)
        assert len(failures) >= 2
        assert all(isinstance(failure, Unavailable) for failure in failures)

        assert cursor is not None
        later = await lab.create_backtest(await spec_of(lab, days=2))
        async with aclosing(lab.watch_backtests(cursor=cursor)) as messages:
            first = await anext(messages)
        assert [each.backtest_id for each in first.backtests] in ([], [later.backtest_id])


async def test_another_lab_is_watched_from_its_beginning(lab: AsyncLab) -> None:
    """A cursor of a lab that is no more is told as an interruption, and the watch starts over."""
    run = await lab.create_backtest(await spec_of(lab))
    failures: list[LedgerError] = []
    stale = LabCursor(lab_id=new_request_id(), revision=7)
    watching = lab.watch_backtests(run.backtest_id, cursor=stale, on_interruption=failures.append, interval_ms=250)
    async with asyncio.timeout(PATIENCE), aclosing(watching) as messages:
        first = await anext(messages)
    assert [each.backtest_id for each in first.backtests] == [run.backtest_id]
    [failure] = failures
    assert (type(failure), failure.reason) == (OutOfRange, ErrorReason.STALE_CURSOR)
