"""The lab over gRPC: a run from its creation to its result, listings, what is sent twice, what is refused."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from rollbook.v1 import backtest_pb2, execution_pb2, instrument_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from tests.support.lab import LabCaller, call_spec, calling, new_request_id, reason_of, stamp
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def test_a_run_from_its_creation_to_its_result(lab: LabCaller) -> None:
    """A run is queued with its whole spec, is watched to its end, and has all its chains, decisions and equity; the
    status shows the newest of them, and figures in both currencies."""
    dataset_id = await lab.bars()
    queued = await lab.create(call_spec(dataset_id, name="weekly"), group_id="first")
    assert queued.status.state in (backtest_pb2.BACKTEST_STATE_PENDING, backtest_pb2.BACKTEST_STATE_RUNNING)
    assert (queued.spec.preset, queued.spec.decision_hour, queued.group_id) == ("balanced", 9, "first")
    assert len(queued.run_digest) == 64
    run = await lab.until(queued.backtest_id)
    status = run.status
    assert (status.state, status.phase, status.error) == (backtest_pb2.BACKTEST_STATE_SUCCEEDED, "done", "")
    assert (status.progress_pct, status.decisions_done) == (100.0, status.decisions_total)
    chains, steps = await lab.chains(run.backtest_id), await lab.steps(run.backtest_id)
    equity = await lab.equity(run.backtest_id)
    assert [chain.number for chain in chains] == list(range(1, len(chains) + 1))
    assert [step.number for step in steps] == list(range(status.decisions_total))
    assert len(equity) == 120 * 24
    assert list(status.last_chains) == chains[-50:]
    assert list(status.last_steps) == steps[-50:]
    assert status.equity[0] == equity[0]
    assert status.equity[-1] == equity[-1]
    assert 150 <= len(status.equity) <= 250
    opened = {step.chain_number: step for step in steps if step.chain_number}
    assert set(opened) == {chain.number for chain in chains}
    assert all(opened[chain.number].best_symbol == chain.legs[0].symbol for chain in chains)
    assert status.metrics.settlement_currency == "BTC"
    closed = sum(chain.net_pnl for chain in chains if not chain.open_at_end)
    assert status.metrics.coin.chains_pnl == pytest.approx(closed, rel=1e-12)
    assert status.simulated_time == equity[-1].time
    assert run.create_time.ToMicroseconds() <= run.start_time.ToMicroseconds() <= run.end_time.ToMicroseconds()
    assert len(run.result_digest) == 64


async def test_the_same_spec_gives_the_same_result(lab: LabCaller) -> None:
    """Two runs of one spec have the same digest of spec and data, the same rows bit by bit, and the same digest of
    them; a name changes nothing, another rule does."""
    dataset_id = await lab.bars()
    first, named, other = [
        await lab.until((await lab.create(spec)).backtest_id)
        for spec in (
            call_spec(dataset_id),
            call_spec(dataset_id, name="again"),
            call_spec(dataset_id, preset="aggressive"),
        )
    ]
    assert (first.run_digest, first.result_digest) == (named.run_digest, named.result_digest)
    assert (await lab.create(first.spec)).run_digest == first.run_digest  # the spec as it was resolved says the same
    assert await lab.rows(first.backtest_id) == await lab.rows(named.backtest_id)
    assert first.run_digest != other.run_digest
    assert first.result_digest != other.result_digest


@pytest.mark.parametrize("strategy", ["STRATEGY_KIND_COVERED_CALL", "STRATEGY_KIND_CASH_SECURED_PUT"])
@pytest.mark.parametrize("style", ["CONTRACT_STYLE_INVERSE", "CONTRACT_STYLE_LINEAR"])
async def test_all_kinds_run(lab: LabCaller, strategy: str, style: str) -> None:
    """Calls and puts, for coins and for USDC, run to their end."""
    dataset_id = await lab.bars(days=60)
    spec = call_spec(
        dataset_id,
        strategy=execution_pb2.StrategyKind.Value(strategy),
        style=instrument_pb2.ContractStyle.Value(style),
    )
    run = await lab.until((await lab.create(spec)).backtest_id)
    assert (run.status.state, run.status.error) == (backtest_pb2.BACKTEST_STATE_SUCCEEDED, "")
    assert run.status.metrics.closed_chains > 0


async def test_sent_twice_it_is_one_run(lab: LabCaller) -> None:
    """The same request_id with the same spec gives the same run, then and when it has ended; with another spec it is
    refused, and told what differs."""
    dataset_id, request_id = await lab.bars(), new_request_id()
    created = await lab.create(call_spec(dataset_id), request_id)
    assert (await lab.create(call_spec(dataset_id), request_id)).backtest_id == created.backtest_id
    await lab.until(created.backtest_id)
    again = await lab.create(call_spec(dataset_id), request_id.upper())
    assert (again.backtest_id, again.status.state) == (created.backtest_id, backtest_pb2.BACKTEST_STATE_SUCCEEDED)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await lab.create(call_spec(dataset_id, quantity=2.0, name="x"), request_id)
    assert reason_of(refused.value)[:2] == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert "spec.quantity" in (refused.value.details() or "")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await lab.create(call_spec(dataset_id), request_id, group_id="g")
    assert reason_of(refused.value) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED", "group_id")


SELECTION, EXITS = backtest_pb2.SelectionSpec, backtest_pb2.ExitSpec
REFUSED: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"underlying": ""}, ("MISSING_FIELD", "spec.underlying")),
    ({"underlying": "DOGE"}, ("OUT_OF_BOUNDS", "spec.underlying")),
    ({"strategy": 0}, ("MISSING_FIELD", "spec.strategy")),
    ({"strategy": execution_pb2.STRATEGY_KIND_SHORT_STRANGLE}, ("OUT_OF_BOUNDS", "spec.strategy")),
    ({"strategy": 99}, ("UNKNOWN_VALUE", "spec.strategy")),
    ({"style": 0}, ("MISSING_FIELD", "spec.style")),
    ({"strategy": execution_pb2.STRATEGY_KIND_WHEEL}, ("CONTRADICTION", "spec.style")),
    (
        {
            "strategy": execution_pb2.STRATEGY_KIND_WHEEL,
            "style": instrument_pb2.CONTRACT_STYLE_LINEAR,
            "max_open_chains": 2,
        },
        ("OUT_OF_BOUNDS", "spec.max_open_chains"),
    ),
    ({"schema_version": 2}, ("OUT_OF_BOUNDS", "spec.schema_version")),
    ({"preset": "reckless"}, ("OUT_OF_BOUNDS", "spec.preset")),
    ({"name": "x" * 129}, ("TOO_LARGE", "spec.name")),
    ({"quantity": 0.0}, ("OUT_OF_BOUNDS", "spec.quantity")),
    ({"quantity": 1e-12}, ("OUT_OF_BOUNDS", "spec.quantity")),
    ({"quantity": 0.15}, ("OUT_OF_BOUNDS", "spec.quantity")),
    ({"max_open_chains": 0}, ("OUT_OF_BOUNDS", "spec.max_open_chains")),
    ({"decision_hour": 8}, ("OUT_OF_BOUNDS", "spec.decision_hour")),
    ({"decision_hour": 9, "bar_minutes": 120}, ("OUT_OF_BOUNDS", "spec.decision_hour")),
    ({"bar_minutes": 45}, ("OUT_OF_BOUNDS", "spec.bar_minutes")),
    ({"end_time": stamp(datetime(2020, 1, 1, tzinfo=UTC))}, ("OUT_OF_BOUNDS", "spec.end_time")),
    ({"start_time": stamp(datetime(2030, 1, 1, tzinfo=UTC))}, ("OUT_OF_BOUNDS", "spec.end_time")),
    ({"selection": SELECTION(max_delta=float("nan"))}, ("OUT_OF_BOUNDS", "spec.selection.max_delta")),
    (
        {"selection": SELECTION(min_delta=0, target_delta=0, scoring=backtest_pb2.SCORING_NEAREST_DELTA)},
        ("OUT_OF_BOUNDS", "spec.selection.target_delta"),
    ),
    ({"selection": SELECTION(max_delta=1.5)}, ("OUT_OF_BOUNDS", "spec.selection.max_delta")),
    ({"selection": SELECTION(min_dte_days=1)}, ("OUT_OF_BOUNDS", "spec.selection.min_dte_days")),
    (
        {"exit_style": backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY, "exits": EXITS(take_profit=0.5)},
        ("CONTRADICTION", "spec.exits.take_profit"),
    ),
    ({"data": backtest_pb2.DataSpec()}, ("MISSING_FIELD", "spec.data.spot_dataset_id")),
    ({"data": backtest_pb2.DataSpec(spot_dataset_id="none")}, ("DATASET_NOT_FOUND", "spec.data.spot_dataset_id")),
    (
        {"volatility": backtest_pb2.VolatilitySpec(source=backtest_pb2.VOLATILITY_SOURCE_INDEX)},
        ("MISSING_FIELD", "spec.data.volatility_dataset_id"),
    ),
]


@pytest.mark.parametrize(("change", "expected"), REFUSED, ids=lambda value: str(value)[:40].replace("\n", " "))
async def test_a_spec_that_makes_no_sense(lab: LabCaller, change: dict[str, Any], expected: tuple[str, str]) -> None:
    """A spec that makes no sense is refused with the reason and the field, and nothing is queued."""
    spec = call_spec(await lab.bars(), **change)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await lab.create(spec)
    assert reason_of(refused.value)[1:] == expected


async def test_unknown_fields_are_refused(lab: LabCaller) -> None:
    """A field that this server does not know is refused, however deep it stands: half a spec is another spec."""
    spec = call_spec(await lab.bars())
    spec.exits.MergeFromString(b"\xf8\x06\x01")  # field 111 = 1
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await lab.create(spec)
    assert reason_of(refused.value) == ("INVALID_ARGUMENT", "UNKNOWN_FIELD", "spec.exits.111")


async def test_requests_that_make_no_sense(lab: LabCaller) -> None:
    """Requests without what they need, and with ids of nothing, are refused with the reason and the field."""
    stub = lab.backtests
    run = await lab.until((await lab.create(call_spec(await lab.bars(days=30)))).backtest_id)
    spec = call_spec("x")
    for method, request, expected in (
        ("CreateBacktest", pb.CreateBacktestRequest(spec=spec), ("INVALID_ARGUMENT", "MISSING_FIELD", "request_id")),
        (
            "CreateBacktest",
            pb.CreateBacktestRequest(spec=spec, request_id="x"),
            ("INVALID_ARGUMENT", "MALFORMED_TEXT", "request_id"),
        ),
        (
            "CreateBacktest",
            pb.CreateBacktestRequest(request_id=new_request_id()),
            ("INVALID_ARGUMENT", "MISSING_FIELD", "spec"),
        ),
        ("ListBacktests", pb.ListBacktestsRequest(page_size=-1), ("INVALID_ARGUMENT", "OUT_OF_BOUNDS", "page_size")),
        (
            "ListBacktests",
            pb.ListBacktestsRequest(state=99),  # type: ignore[arg-type]
            ("INVALID_ARGUMENT", "UNKNOWN_VALUE", "state"),
        ),
        (
            "ListBacktests",
            pb.ListBacktestsRequest(page_token="x"),
            ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token"),
        ),
        (
            "ListEquityPoints",
            pb.ListEquityPointsRequest(backtest_id=run.backtest_id, max_points=-1),
            ("INVALID_ARGUMENT", "OUT_OF_BOUNDS", "max_points"),
        ),
        *(
            (method, getattr(pb, f"{method}Request")(), ("INVALID_ARGUMENT", "MISSING_FIELD", "backtest_id"))
            for method in OF_A_RUN
        ),
        *(
            (
                method,
                getattr(pb, f"{method}Request")(backtest_id="x"),
                ("NOT_FOUND", "BACKTEST_NOT_FOUND", "backtest_id"),
            )
            for method in OF_A_RUN
        ),
        *(
            (
                method,
                getattr(pb, f"{method}Request")(backtest_id=run.backtest_id),
                ("FAILED_PRECONDITION", "BACKTEST_ENDED", "backtest_id"),
            )
            for method in ("PauseBacktest", "ResumeBacktest", "CancelBacktest")
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(stub, method)(request)
        assert reason_of(refused.value) == expected, (method, request)


OF_A_RUN = (
    "GetBacktest",
    "PauseBacktest",
    "ResumeBacktest",
    "CancelBacktest",
    "DeleteBacktest",
    "ListBacktestChains",
    "ListBacktestCycles",
    "ListSteps",
    "ListEquityPoints",
    "GetBacktestReport",
)


async def test_a_report(lab: LabCaller) -> None:
    """A run that has ended has a page, complete in itself, with its numbers; one that has not, has none yet."""
    run = await lab.until((await lab.create(call_spec(await lab.bars(), name="my weekly calls"))).backtest_id)
    request = pb.GetBacktestReportRequest(backtest_id=run.backtest_id)
    answer = await lab.backtests.GetBacktestReport(request)
    assert answer.backtest == run
    for said in ("<!DOCTYPE html>", "my weekly calls", run.backtest_id, run.result_digest[:12], "</html>"):
        assert said in answer.html
    waiting = await lab.create(call_spec(await lab.bars()))
    await lab.backtests.PauseBacktest(pb.PauseBacktestRequest(backtest_id=waiting.backtest_id))
    request = pb.GetBacktestReportRequest(backtest_id=waiting.backtest_id)
    if (await lab.get(waiting.backtest_id)).status.state != backtest_pb2.BACKTEST_STATE_SUCCEEDED:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await lab.backtests.GetBacktestReport(request)
        assert reason_of(refused.value)[:2] == ("FAILED_PRECONDITION", "BACKTEST_NOT_ENDED")
    await lab.backtests.DeleteBacktest(pb.DeleteBacktestRequest(backtest_id=waiting.backtest_id))


async def test_runs_by_pages_and_filters(lab: LabCaller) -> None:
    """Runs are listed newest first, by state, group and coin, page by page; a token of other filters is refused."""
    dataset_id, group_id = await lab.bars(days=30), new_request_id()
    made = [(await lab.create(call_spec(dataset_id), group_id=group_id)).backtest_id for _ in range(5)]
    for backtest_id in made:
        await lab.until(backtest_id)
    seen: list[str] = []
    request = pb.ListBacktestsRequest(group_id=group_id, page_size=2)
    while True:
        answer = await lab.backtests.ListBacktests(request)
        assert len(answer.backtests) <= 2
        assert not any(run.status.last_steps or run.status.last_chains for run in answer.backtests)
        seen += [run.backtest_id for run in answer.backtests]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert seen == made[::-1]
    for wanted, expected in (
        ({"state": backtest_pb2.BACKTEST_STATE_SUCCEEDED}, 5),
        ({"state": backtest_pb2.BACKTEST_STATE_FAILED}, 0),
        ({"underlying": "BTC"}, 5),
        ({"underlying": "ETH"}, 0),
    ):
        answer = await lab.backtests.ListBacktests(pb.ListBacktestsRequest(group_id=group_id, **wanted))
        assert len(answer.backtests) == expected
    first = await lab.backtests.ListBacktests(pb.ListBacktestsRequest(group_id=group_id, page_size=2))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await lab.backtests.ListBacktests(pb.ListBacktestsRequest(page_token=first.next_page_token))
    assert reason_of(refused.value)[1] == "INVALID_PAGE_TOKEN"


async def test_results_by_pages(lab: LabCaller) -> None:
    """Chains, decisions and equity by small pages are those of one large page; thinned equity lies evenly in the whole,
    with its first and last point."""
    run = await lab.until((await lab.create(call_spec(await lab.bars()))).backtest_id)
    assert await lab.chains(run.backtest_id, 3) == await lab.chains(run.backtest_id)
    assert await lab.steps(run.backtest_id, 7) == await lab.steps(run.backtest_id)
    whole = await lab.equity(run.backtest_id)
    assert await lab.equity(run.backtest_id, 500) == whole
    thinned = await lab.equity(run.backtest_id, 40, max_points=100)
    assert len(thinned) == 100
    assert (thinned[0], thinned[-1]) == (whole[0], whole[-1])
    places = [whole.index(point) for point in thinned]
    distances = {after - before for before, after in itertools.pairwise(places)}
    assert distances <= {29, 30}
    assert await lab.equity(run.backtest_id, max_points=10**6) == whole
