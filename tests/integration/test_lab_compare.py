"""CompareBacktests: runs side by side, what differs in their resolved specs, and what cannot be compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest

from rollbook.v1 import backtest_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from tests.support.lab import START, LabCaller, call_spec, calling, reason_of, stamp
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def compare(lab: LabCaller, *backtest_ids: str) -> pb.CompareBacktestsResponse:
    answer: pb.CompareBacktestsResponse = await lab.backtests.CompareBacktests(
        pb.CompareBacktestsRequest(backtest_ids=backtest_ids)
    )
    return answer


async def test_runs_are_put_side_by_side(lab: LabCaller) -> None:
    """Runs come in the order that they were asked for, with their metrics and without their rows; what differs in their
    specs as they were filled in is told by its path, one text for each run, in the order of the fields; names aside."""
    dataset_id = await lab.bars(days=30)
    specs = [
        call_spec(dataset_id, name="plain"),
        call_spec(dataset_id, name="wider", selection=backtest_pb2.SelectionSpec(target_delta=0.25), quantity=2),
        call_spec(
            dataset_id,
            name="held",
            start_time=stamp(START.replace(day=3)),
            exit_style=backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY,
        ),
    ]
    runs = [await lab.until((await lab.create(spec)).backtest_id) for spec in specs]
    answer = await compare(lab, *(run.backtest_id for run in reversed(runs)))
    assert [run.spec.name for run in answer.backtests] == ["held", "wider", "plain"]
    for shown, run in zip(answer.backtests, reversed(runs), strict=True):
        assert shown.status.metrics == run.status.metrics
        assert not [*shown.status.last_steps, *shown.status.last_chains, *shown.status.equity]
    assert {each.field: tuple(each.values) for each in answer.differences} == {
        "start_time": ("2021-01-03T00:00:00Z", "2021-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
        "exit_style": ("HOLD_TO_EXPIRY", "TP_AND_ROLL", "TP_AND_ROLL"),
        "selection.target_delta": ("0.2", "0.25", "0.2"),
        "exits.take_profit": ("", "0.5", "0.5"),
        "exits.defend": ("", "0.98", "0.98"),
        "exits.max_rolls": ("", "3", "3"),
        "exits.max_debit": ("", "0", "0"),
        "quantity": ("1", "2", "1"),
    }
    fields = [each.field for each in answer.differences]
    assert fields[:3] == ["start_time", "exit_style", "selection.target_delta"]
    twin = await lab.create(specs[0])
    assert not (await compare(lab, twin.backtest_id, runs[0].backtest_id)).differences


async def test_what_cannot_be_compared_is_refused(lab: LabCaller) -> None:
    """One run, too many, one named twice, one that is not there: each with its field."""
    run = (await lab.create(call_spec(await lab.bars(days=30)))).backtest_id
    for ids, expected in (
        ([run], ("INVALID_ARGUMENT", "OUT_OF_BOUNDS", "backtest_ids")),
        (["x"] * 21, ("INVALID_ARGUMENT", "TOO_LARGE", "backtest_ids")),
        ([run, "other", run], ("INVALID_ARGUMENT", "CONTRADICTION", "backtest_ids[2]")),
        ([run, "other"], ("NOT_FOUND", "BACKTEST_NOT_FOUND", "backtest_ids[1]")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await compare(lab, *ids)
        assert reason_of(refused.value) == expected
