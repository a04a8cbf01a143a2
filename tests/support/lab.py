"""A caller of the lab over raw stubs: made-up data, specs with good defaults, runs that are waited for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from rollbook.v1 import backtest_pb2, backtest_service_pb2_grpc, dataset_service_pb2_grpc
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1 import dataset_service_pb2 as data_pb
from rollbook.v1.backtest_pb2 import (
    BACKTEST_STATE_CANCELLED,
    BACKTEST_STATE_FAILED,
    BACKTEST_STATE_SUCCEEDED,
)
from rollbook.v1.dataset_pb2 import DATASET_KIND_BARS, SyntheticMarket
from rollbook.v1.execution_pb2 import STRATEGY_KIND_COVERED_CALL
from rollbook.v1.instrument_pb2 import CONTRACT_STYLE_INVERSE
from rollbook.v1.sweep_pb2 import SweepAxis

ENDED = (BACKTEST_STATE_SUCCEEDED, BACKTEST_STATE_FAILED, BACKTEST_STATE_CANCELLED)
SLOW = ("--lab-part", "0.000001")
"""Flags of a server whose parts are as short as they can be: what is killed or paused is killed in the middle."""
START = datetime(2021, 1, 1, tzinfo=UTC)
_PATIENCE = 90


def stamp(moment: datetime) -> Timestamp:
    """A time as the API has it."""
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def new_request_id() -> str:
    """One that nobody has used."""
    return str(uuid.uuid4())


class LabCaller:
    """The lab's calls, and what tests need again and again."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.backtests: Any = backtest_service_pb2_grpc.BacktestServiceStub(channel)
        self.datasets: Any = dataset_service_pb2_grpc.DatasetServiceStub(channel)

    async def bars(self, days: int = 120, seed: int = 1, underlying: str = "BTC") -> str:
        """Made-up bars; their dataset's id."""
        answer = await self.datasets.RegisterDataset(
            data_pb.RegisterDatasetRequest(
                kind=DATASET_KIND_BARS,
                underlying=underlying,
                synthetic=SyntheticMarket(seed=seed, start_time=stamp(START), days=days),
            )
        )
        dataset_id: str = answer.dataset.dataset_id
        return dataset_id

    async def create(self, spec: backtest_pb2.BacktestSpec, request_id: str = "", group_id: str = "") -> Any:
        """A run as it was queued."""
        request = pb.CreateBacktestRequest(request_id=request_id or new_request_id(), spec=spec, group_id=group_id)
        return (await self.backtests.CreateBacktest(request)).backtest

    async def get(self, backtest_id: str) -> Any:
        """A run as it is."""
        return (await self.backtests.GetBacktest(pb.GetBacktestRequest(backtest_id=backtest_id))).backtest

    async def until(self, backtest_id: str, *states: Any) -> Any:
        """A run when it has come to one of these states; unset: when it has ended."""
        wanted = states or ENDED
        return await self.seen(backtest_id, lambda run: run.status.state in wanted)

    async def seen(self, backtest_id: str, fits: Any) -> Any:
        """A run when it is first seen as wanted, by watching it."""
        call = self.backtests.WatchBacktests(pb.WatchBacktestsRequest(backtest_id=backtest_id))
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    for run in (await call.read()).backtests:
                        if fits(run):
                            return run
        finally:
            call.cancel()

    async def sweep(
        self, spec: backtest_pb2.BacktestSpec, axes: Mapping[str, Sequence[str]], request_id: str = "", **more: Any
    ) -> Any:
        """A sweep as it was queued."""
        request = pb.CreateSweepRequest(
            request_id=request_id or new_request_id(),
            spec=spec,
            axes=[SweepAxis(field=field, values=values) for field, values in axes.items()],
            **more,
        )
        return (await self.backtests.CreateSweep(request)).sweep

    async def swept(self, sweep_id: str, fits: Any = None, **more: Any) -> Any:
        """A sweep, with what came of it, when it is first seen as wanted; unset: when it has ended."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                found = await self.backtests.GetSweep(pb.GetSweepRequest(sweep_id=sweep_id, **more))
                if fits(found) if fits else found.sweep.state in ENDED:
                    return found

    async def points(self, sweep_id: str, page_size: int = 500, order: Any = 0) -> list[Any]:
        """All points of a sweep."""
        found: list[Any] = []
        request = pb.ListSweepPointsRequest(sweep_id=sweep_id, page_size=page_size, order=order)
        while True:
            answer = await self.backtests.ListSweepPoints(request)
            found += answer.points
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    async def chains(self, backtest_id: str, page_size: int = 500) -> list[Any]:
        """All chains of a run."""
        return await self._all("ListBacktestChains", "chains", backtest_id, page_size)

    async def cycles(self, backtest_id: str, page_size: int = 500) -> list[Any]:
        """All cycles of a wheel."""
        return await self._all("ListBacktestCycles", "cycles", backtest_id, page_size)

    async def steps(self, backtest_id: str, page_size: int = 500) -> list[Any]:
        """All decisions of a run."""
        return await self._all("ListSteps", "steps", backtest_id, page_size)

    async def equity(self, backtest_id: str, page_size: int = 10_000, max_points: int = 0) -> list[Any]:
        """All points of a run's equity."""
        return await self._all("ListEquityPoints", "points", backtest_id, page_size, max_points=max_points)

    async def _all(self, method: str, field: str, backtest_id: str, page_size: int, **more: Any) -> list[Any]:
        found: list[Any] = []
        request = getattr(pb, f"{method}Request")(backtest_id=backtest_id, page_size=page_size, **more)
        while True:
            answer = await getattr(self.backtests, method)(request)
            found += getattr(answer, field)
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    async def rows(self, backtest_id: str) -> tuple[list[bytes], ...]:
        """All that a run has brought forth, to be compared with another's, bit by bit."""
        return tuple(
            [row.SerializeToString(deterministic=True) for row in rows]
            for rows in (
                await self.chains(backtest_id),
                await self.cycles(backtest_id),
                await self.steps(backtest_id),
                await self.equity(backtest_id),
            )
        )


@asynccontextmanager
async def calling(target: str) -> AsyncIterator[LabCaller]:
    """A caller on a channel of its own."""
    async with grpc.aio.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        yield LabCaller(channel)


def call_spec(dataset_id: str, **more: Any) -> backtest_pb2.BacktestSpec:
    """Covered calls on bitcoin, for coins."""
    return backtest_pb2.BacktestSpec(
        **{
            "underlying": "BTC",
            "strategy": STRATEGY_KIND_COVERED_CALL,
            "style": CONTRACT_STYLE_INVERSE,
            "data": backtest_pb2.DataSpec(spot_dataset_id=dataset_id),
            **more,
        }
    )


def reason_of(error: grpc.aio.AioRpcError) -> tuple[str, str, str]:
    """Code, reason and field of a refusal."""
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    assert status.details[0].Unpack(info)
    return error.code().name, info.reason, info.metadata.get("field", "")
