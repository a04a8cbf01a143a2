"""The wheel on a real server: cycles that are listed, kept part by part, and what it does not go with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest

from rollbook.v1 import backtest_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1.execution_pb2 import STRATEGY_KIND_WHEEL
from rollbook.v1.instrument_pb2 import CONTRACT_STYLE_LINEAR
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.spec import ExitStyle
from rollbook_server.domain.backtest.synthetic import SyntheticMarket, make_bars
from rollbook_server.domain.clock import micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from rollbook_server.rpc import lab_nouns
from tests.support.lab import SLOW, START, LabCaller, call_spec, calling, reason_of
from tests.support.lab_runs import resolved, run
from tests.support.server import RunningServer

DAYS, SEED = 365, 13


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Its parts are as short as they can be."""
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db", *SLOW) as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


def wheel_spec(dataset_id: str, **more: Any) -> backtest_pb2.BacktestSpec:
    """A wheel that is often assigned."""
    given: dict[str, Any] = {
        "strategy": STRATEGY_KIND_WHEEL,
        "style": CONTRACT_STYLE_LINEAR,
        "exit_style": backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY,
        "preset": "aggressive",
    }
    return call_spec(dataset_id, **{**given, **more})


async def test_cycles_of_a_run(lab: LabCaller) -> None:
    """Part by part the server keeps the cycles that the engine gives for the whole, to the last bit; they are listed in
    pages, chains and decisions know theirs, figures and the report tell of them, and of a deleted run none are left."""
    done = await lab.until((await lab.create(wheel_spec(await lab.bars(DAYS, SEED)))).backtest_id)
    assert (done.status.state, done.status.error) == (backtest_pb2.BACKTEST_STATE_SUCCEEDED, "")
    cycles = await lab.cycles(done.backtest_id, page_size=2)

    data = MarketData(make_bars(SyntheticMarket(seed=SEED, start_time=micros(START), days=DAYS, underlying="BTC")))
    whole = run(
        resolved(data, StrategyKind.WHEEL, ContractStyle.LINEAR, ExitStyle.HOLD_TO_EXPIRY, preset="aggressive"), data
    )
    assert cycles == [lab_nouns.cycle(each) for each in whole.cycles]
    chains = await lab.chains(done.backtest_id)
    assert chains == [lab_nouns.chain(each) for each in sorted(whole.chains, key=lambda each: each.number)]
    completed = [each for each in cycles if each.HasField("end_time")]
    assert len(completed) > 1
    assert {chain.cycle_number for chain in chains} == {cycle.number for cycle in cycles}

    steps = [step for step in await lab.steps(done.backtest_id) if step.chain_number]
    assert {step.best_symbol[-1] for step in steps} == {"P", "C"}
    sold = {chain.number: chain.legs[0].symbol for chain in chains}
    assert {step.chain_number: step.best_symbol for step in steps} == sold
    figures = done.status.metrics
    assert (figures.cycles, figures.completed_cycles) == (len(cycles), len(completed))
    mean = sum(each.net_pnl for each in completed) / len(completed)
    assert figures.average_cycle_pnl == pytest.approx(mean, rel=1e-12)
    assert figures.usd.net_profit == pytest.approx(sum(each.net_pnl for each in cycles), abs=1e-6)
    assert figures.HasField("break_even_multiplier") or figures.HasField("chains_pnl_flat_smile")
    assert not figures.usd.HasField("chains_pnl_p05")

    page = await lab.backtests.GetBacktestReport(pb.GetBacktestReportRequest(backtest_id=done.backtest_id))
    assert "Cycles of the wheel" in page.html
    assert "Cost of a coin" in page.html
    await lab.backtests.DeleteBacktest(pb.DeleteBacktestRequest(backtest_id=done.backtest_id))
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await lab.cycles(done.backtest_id)
    assert reason_of(gone.value)[:2] == ("NOT_FOUND", "BACKTEST_NOT_FOUND")


async def test_another_strategy_has_no_cycles(lab: LabCaller) -> None:
    """Its list is empty, its chains are of none, and no figure of cycles is told."""
    done = await lab.until((await lab.create(call_spec(await lab.bars(30)))).backtest_id)
    assert await lab.cycles(done.backtest_id) == []
    assert {chain.cycle_number for chain in await lab.chains(done.backtest_id)} == {0}
    assert not done.status.metrics.HasField("cycles")


async def test_no_training_data_of_a_wheel(lab: LabCaller) -> None:
    """It is refused with the reason: what a sale was worth hangs on the coins that followed."""
    done = await lab.until((await lab.create(wheel_spec(await lab.bars(30)))).backtest_id)
    request = pb.ExportTrainingDataRequest(
        backtest_id=done.backtest_id,
        rows=backtest_pb2.TRAINING_ROWS_EXAMPLES,
        format=backtest_pb2.TRAINING_FORMAT_CSV,
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in lab.backtests.ExportTrainingData(request):
            pass
    assert reason_of(refused.value) == ("INVALID_ARGUMENT", "CONTRADICTION", "backtest_id")


async def test_a_sweep_of_wheels(lab: LabCaller) -> None:
    """Points are ranked by USD and have figures of cycles, folds too; several lots are refused with the field."""
    spec = wheel_spec(await lab.bars(180))
    sweep = await lab.sweep(spec, {"selection.max_delta": ["0.4", "0.5"]}, folds=2)
    found = await lab.swept(sweep.sweep_id)
    assert found.sweep.rank_by == "usd.return_pct"
    walked = found.walk_forward
    assert walked.metrics.cycles == sum(fold.metrics.cycles for fold in walked.folds) >= 2
    assert not walked.metrics.HasField("lowest_balance")
    points = await lab.points(sweep.sweep_id)
    assert [point.error for point in points] == ["", ""]
    assert all(point.metrics.HasField("cycles") for point in points)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await lab.sweep(spec, {"max_open_chains": ["1", "2"]})
    assert reason_of(refused.value)[:2] == ("INVALID_ARGUMENT", "OUT_OF_BOUNDS")
    assert "one lot" in (refused.value.details() or "")
