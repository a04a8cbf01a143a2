"""The asyncio client of the lab.

Its synchronous twin `_lab` is made from this file: `protos/sync_client.py` has the rules, and refuses what it has no
rule for. How a call is made is in `_async_connection`, what needs no waiting in `_calls`.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Self, Unpack

import grpc
import grpc.aio

from rollbook import _calls, models
from rollbook._async_connection import AsyncConnection
from rollbook._calls import Interrupted
from rollbook._filters import BacktestFilter, BacktestWatch, DatasetFilter, Pages, SweepPointFilter
from rollbook.v1 import backtest_service_pb2 as backtest_pb
from rollbook.v1 import backtest_service_pb2_grpc, dataset_service_pb2_grpc

if TYPE_CHECKING:
    from rollbook.v1.backtest_service_pb2_grpc import BacktestServiceAsyncStub
    from rollbook.v1.dataset_service_pb2_grpc import DatasetServiceAsyncStub

__all__ = ["AsyncLab"]

LONG_DEADLINE = 300.0
"""Seconds: to read a file of years of minutes, or to draw a report of it, takes longer than another call."""


@dataclasses.dataclass(frozen=True)
class Services:
    """What the lab calls."""

    backtests: BacktestServiceAsyncStub
    datasets: DatasetServiceAsyncStub

    @classmethod
    def behind(cls, channel: grpc.aio.Channel) -> Self:
        """The services of a server."""
        return cls(
            backtest_service_pb2_grpc.BacktestServiceStub(channel), dataset_service_pb2_grpc.DatasetServiceStub(channel)
        )


class AsyncLab(AsyncConnection[Services]):
    """A connection to the lab of a server: backtests as durable jobs, and the data that they run on.

    A run is made of a spec, is queued, and goes on by itself, whoever watches.

    >>> spec = specs.load("covered-call.yaml")  # doctest: +SKIP
    >>> async with AsyncLab() as lab:  # doctest: +SKIP
    ...     run = await lab.create_backtest(spec)
    ...     async for message in lab.watch_backtests(run.backtest_id):
    ...         for backtest in message.backtests:
    ...             print(backtest.status.progress_pct)

    **Sent twice, queued once.** `create_backtest` carries a request_id, and the lab remembers it. Left out it is made
    here, and an error shows it as `error.command.request_id`; a program that may die while it waits makes it with
    `rollbook.new_request_id()` and keeps it before sending. All else can be repeated freely.

    What may be gone a moment later is tried again until the deadline, as in the ledger's client, and the errors are
    the same: all methods raise `rollbook.errors.LedgerError` and take `deadline`, the seconds that this call may take.
    A server without its extra `lab` answers FailedPrecondition (LAB_UNAVAILABLE). There are no accounts.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        *,
        deadline: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        options: _calls.Options = (),
    ) -> None:
        """Nothing is connected yet; that is for `async with`, or `open` and `close`.

        Args:
            target: "host:port", or any name that gRPC resolves.
            deadline: Seconds for a call with all its attempts, above 0.
            credentials: TLS; None is a plain connection, right on loopback only.
            token: Sent with each call as a bearer token. Beyond loopback it needs credentials (ValueError).
            options: More gRPC channel options; they win over the client's own.
        """
        super().__init__(
            target, Services.behind, deadline=deadline, credentials=credentials, token=token, options=options
        )

    # Runs

    async def create_backtest(
        self,
        spec: models.BacktestSpec,
        *,
        request_id: str = "",
        group_id: str = "",
        engine_version: str = "",
        deadline: float | None = None,
    ) -> models.Backtest:
        """Queue a run. The same request_id with the same spec gives the same run.

        Returns it as it is queued, its spec with all that was unset filled in. Raises InvalidArgument (`field` says
        what makes no sense), NotFound (DATASET_NOT_FOUND), AlreadyExists (the request_id came with another spec). To
        get the figures of a run or a sweep again, give its `engine_version`: a server with another one raises
        FailedPrecondition (ENGINE_CHANGED).
        """
        command = models.CreateBacktestRequest(
            request_id=request_id or _calls.new_request_id(),
            spec=spec,
            group_id=group_id,
            engine_version=engine_version,
        )
        answer = await self._call(self._opened().backtests.CreateBacktest, command.to_proto(), deadline, command)
        return models.Backtest.from_proto(answer.backtest)

    async def create_exit_styles(
        self, spec: models.BacktestSpec, *, group_id: str = "", deadline: float | None = None
    ) -> tuple[models.Backtest, models.Backtest]:
        """Queue the spec twice, as one group: held to expiry, without its `exits`; and with take profit and rolls.

        The group_id, made here if left out, stands for the request_ids of both: the same again gives the same runs.
        Raises what `create_backtest` raises.
        """
        group_id = group_id or _calls.new_request_id()
        hold, roll = _calls.exit_styles(spec)
        return (
            await self.create_backtest(
                hold, request_id=_calls.member_id(group_id, hold), group_id=group_id, deadline=deadline
            ),
            await self.create_backtest(
                roll, request_id=_calls.member_id(group_id, roll), group_id=group_id, deadline=deadline
            ),
        )

    async def get_backtest(self, backtest_id: str, *, deadline: float | None = None) -> models.Backtest:
        """One run with its metrics, its newest decisions and chains, and its equity, thinned. Raises NotFound."""
        request = backtest_pb.GetBacktestRequest(backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.GetBacktest, request, deadline)
        return models.Backtest.from_proto(answer.backtest)

    async def list_backtests(
        self, *, deadline: float | None = None, **filters: Unpack[BacktestFilter]
    ) -> models.ListBacktestsResponse:
        """One page of runs, newest first, without their decisions, chains and equity.

        The keywords are the fields of ListBacktestsRequest. `next_page_token` is "" on the last page. Raises
        InvalidArgument.
        """
        request = models.ListBacktestsRequest(**filters)
        answer = await self._call(self._opened().backtests.ListBacktests, request.to_proto(), deadline)
        return models.ListBacktestsResponse.from_proto(answer)

    async def iterate_backtests(
        self, *, deadline: float | None = None, **filters: Unpack[BacktestFilter]
    ) -> AsyncIterator[models.Backtest]:
        """All runs of `list_backtests`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_backtests(deadline=deadline, **filters)
            for backtest in page.backtests:
                yield backtest
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    async def watch_backtests(
        self,
        backtest_id: str = "",
        *,
        cursor: models.LabCursor | None = None,
        on_interruption: Interrupted | None = None,
        **filters: Unpack[BacktestWatch],
    ) -> AsyncGenerator[models.WatchBacktestsResponse, None]:
        """The present state of one run, or of all, then every change: the newest state, what is between is left out.

        It goes on by itself after an interruption, for as long as somebody listens, and has no end of its own: a run
        that has ended says so in its state.

        Args:
            backtest_id: One run; "" is all.
            cursor: Of the last message that was worked up: the watch goes on after it. None begins with the state.
            on_interruption: Called with the error of each interruption, before the watch connects again and goes on
                from its cursor. After OutOfRange (another lab), and before the first cursor has come, it begins with
                the state anew: forget what came so far.
            filters: The intervals of WatchBacktestsRequest.

        Raises NotFound (BACKTEST_NOT_FOUND), InvalidArgument, and whatever will not pass by itself.
        """
        progress = _calls.Progress(cursor)

        def request() -> backtest_pb.WatchBacktestsRequest:
            at = progress.cursor or models.LabCursor()
            return models.WatchBacktestsRequest(
                lab_id=at.lab_id, after_revision=at.revision, backtest_id=backtest_id, **filters
            ).to_proto()

        watching = self._watch(lambda services: services.backtests.WatchBacktests, request, progress, on_interruption)
        async with aclosing(watching) as stream:
            async for message in stream:
                response = models.WatchBacktestsResponse.from_proto(message)
                progress.saw(response.cursor)
                yield response

    async def pause_backtest(self, backtest_id: str, *, deadline: float | None = None) -> models.Backtest:
        """Stop a run after the part it works on; nothing of it is lost. Raises NotFound and FailedPrecondition."""
        request = backtest_pb.PauseBacktestRequest(backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.PauseBacktest, request, deadline)
        return models.Backtest.from_proto(answer.backtest)

    async def resume_backtest(self, backtest_id: str, *, deadline: float | None = None) -> models.Backtest:
        """Let a paused run go on. Raises NotFound and FailedPrecondition."""
        request = backtest_pb.ResumeBacktestRequest(backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.ResumeBacktest, request, deadline)
        return models.Backtest.from_proto(answer.backtest)

    async def cancel_backtest(self, backtest_id: str, *, deadline: float | None = None) -> models.Backtest:
        """End a run for good; what it had is kept. Raises NotFound and FailedPrecondition."""
        request = backtest_pb.CancelBacktestRequest(backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.CancelBacktest, request, deadline)
        return models.Backtest.from_proto(answer.backtest)

    async def delete_backtest(
        self, backtest_id: str, *, deadline: float | None = None
    ) -> models.DeleteBacktestResponse:
        """Remove a run and all its results; one that runs is cancelled first. Raises NotFound."""
        request = backtest_pb.DeleteBacktestRequest(backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.DeleteBacktest, request, deadline)
        return models.DeleteBacktestResponse.from_proto(answer)

    # What came of a run: also while it goes on, as far as it has come.

    async def list_backtest_chains(
        self, backtest_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> models.ListBacktestChainsResponse:
        """One page of a run's chains with their legs, oldest first. `next_page_token` is "" on the last page. Raises
        NotFound and InvalidArgument.
        """
        request = models.ListBacktestChainsRequest(backtest_id=backtest_id, **pages)
        answer = await self._call(self._opened().backtests.ListBacktestChains, request.to_proto(), deadline)
        return models.ListBacktestChainsResponse.from_proto(answer)

    async def iterate_backtest_chains(
        self, backtest_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> AsyncIterator[models.BacktestChain]:
        """All chains of `list_backtest_chains`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_backtest_chains(backtest_id, deadline=deadline, **pages)
            for chain in page.chains:
                yield chain
            if not page.next_page_token:
                return
            pages["page_token"] = page.next_page_token

    async def list_backtest_cycles(
        self, backtest_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> models.ListBacktestCyclesResponse:
        """One page of a wheel's cycles, oldest first; another strategy has none. `next_page_token` is "" on the last
        page. Raises NotFound and InvalidArgument.
        """
        request = models.ListBacktestCyclesRequest(backtest_id=backtest_id, **pages)
        answer = await self._call(self._opened().backtests.ListBacktestCycles, request.to_proto(), deadline)
        return models.ListBacktestCyclesResponse.from_proto(answer)

    async def iterate_backtest_cycles(
        self, backtest_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> AsyncIterator[models.BacktestCycle]:
        """All cycles of `list_backtest_cycles`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_backtest_cycles(backtest_id, deadline=deadline, **pages)
            for cycle in page.cycles:
                yield cycle
            if not page.next_page_token:
                return
            pages["page_token"] = page.next_page_token

    async def list_steps(
        self, backtest_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> models.ListStepsResponse:
        """One page of a run's decisions, oldest first. `next_page_token` is "" on the last page. Raises NotFound and
        InvalidArgument.
        """
        request = models.ListStepsRequest(backtest_id=backtest_id, **pages)
        answer = await self._call(self._opened().backtests.ListSteps, request.to_proto(), deadline)
        return models.ListStepsResponse.from_proto(answer)

    async def iterate_steps(
        self, backtest_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> AsyncIterator[models.BacktestStep]:
        """All decisions of `list_steps`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_steps(backtest_id, deadline=deadline, **pages)
            for step in page.steps:
                yield step
            if not page.next_page_token:
                return
            pages["page_token"] = page.next_page_token

    async def list_equity_points(
        self, backtest_id: str, *, max_points: int = 0, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> models.ListEquityPointsResponse:
        """One page of the account at each bar, oldest first; `max_points` thins the whole of it, 0 leaves nothing out.
        `next_page_token` is "" on the last page. Raises NotFound and InvalidArgument.
        """
        request = models.ListEquityPointsRequest(backtest_id=backtest_id, max_points=max_points, **pages)
        answer = await self._call(self._opened().backtests.ListEquityPoints, request.to_proto(), deadline)
        return models.ListEquityPointsResponse.from_proto(answer)

    async def iterate_equity_points(
        self, backtest_id: str, *, max_points: int = 0, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> AsyncIterator[models.EquityPoint]:
        """All points of `list_equity_points`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_equity_points(backtest_id, max_points=max_points, deadline=deadline, **pages)
            for point in page.points:
                yield point
            if not page.next_page_token:
                return
            pages["page_token"] = page.next_page_token

    async def get_backtest_report(self, backtest_id: str, *, deadline: float = LONG_DEADLINE) -> str:
        """One self-contained HTML page about a run that has ended. Raises NotFound and FailedPrecondition
        (BACKTEST_NOT_ENDED).
        """
        request = backtest_pb.GetBacktestReportRequest(backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.GetBacktestReport, request, deadline)
        return answer.html

    async def compare_backtests(
        self, backtest_ids: Sequence[str], *, deadline: float | None = None
    ) -> models.CompareBacktestsResponse:
        """2 to 20 runs side by side, without their decisions, chains and equity, and what differs in their resolved
        specs, as texts in the same order. Raises NotFound and InvalidArgument.
        """
        request = models.CompareBacktestsRequest(backtest_ids=tuple(backtest_ids))
        answer = await self._call(self._opened().backtests.CompareBacktests, request.to_proto(), deadline)
        return models.CompareBacktestsResponse.from_proto(answer)

    async def get_parity(
        self,
        account: str,
        position_id: str,
        spec: models.BacktestSpec | None = None,
        *,
        backtest_id: str = "",
        deadline: float = LONG_DEADLINE,
    ) -> models.GetParityResponse:
        """A closed chain of the ledger beside what the lab would have made of its first sale: the difference in net
        PnL by price, fee, timing and rule, trade by trade.

        Args:
            account: The chain's.
            position_id: The chain.
            spec: The lab's rules, fills and data; its period, quantity and number of chains do not count.
            backtest_id: In place of a spec: that of a run.
            deadline: Seconds.

        Raises NotFound, InvalidArgument, and FailedPrecondition where it cannot be told: CHAIN_NOT_COMPARABLE (the
        engine cannot follow the chain) and MARKET_UNKNOWN (the data has no answer).
        """
        request = models.GetParityRequest(account=account, position_id=position_id, spec=spec, backtest_id=backtest_id)
        answer = await self._call(self._opened().backtests.GetParity, request.to_proto(), deadline)
        return models.GetParityResponse.from_proto(answer)

    # Sweeps: one spec with many values of some fields, as one job whose points are ranked out of sample.

    async def create_sweep(
        self,
        spec: models.BacktestSpec,
        axes: Mapping[str, Iterable[object]],
        *,
        random_points: int = 0,
        seed: int = 0,
        split_time: datetime.datetime | None = None,
        rank_by: str = "",
        folds: int = 1,
        request_id: str = "",
        deadline: float | None = None,
    ) -> models.Sweep:
        """Queue a sweep. The same request_id with the same content gives the same sweep.

        Args:
            spec: What all points have in common.
            axes: By the path of a field its values, for example {"selection.max_delta": [0.2, 0.3]}; None is unset.
            random_points: So many points are drawn from the grid; 0 is all of it.
            seed: Of the draw.
            split_time: Where the out-of-sample part begins; None is after two thirds of the period.
            rank_by: The metric that points are ranked by, for example "usd.sharpe"; "" is the return on the capital.
            folds: Windows that the part after the split is cut into; what came before each chooses its point.
            request_id: Left out it is made here; an error shows it.
            deadline: Seconds.

        Raises InvalidArgument (`field` says what makes no sense), NotFound (DATASET_NOT_FOUND) and AlreadyExists.
        """
        command = models.CreateSweepRequest(
            request_id=request_id or _calls.new_request_id(),
            spec=spec,
            axes=_calls.sweep_axes(axes),
            random_points=random_points,
            seed=seed,
            split_time=split_time,
            rank_by=rank_by,
            folds=folds,
        )
        answer = await self._call(self._opened().backtests.CreateSweep, command.to_proto(), deadline, command)
        return models.Sweep.from_proto(answer.sweep)

    async def get_sweep(
        self, sweep_id: str, *, best: int = 0, heatmap_fields: Sequence[str] = (), deadline: float | None = None
    ) -> models.GetSweepResponse:
        """How far a sweep has come, its best points out of sample, the one that its in-sample part chooses, and two of
        its fields against each other; also while it goes on. Raises NotFound and InvalidArgument.
        """
        request = models.GetSweepRequest(sweep_id=sweep_id, best=best, heatmap_fields=tuple(heatmap_fields))
        answer = await self._call(self._opened().backtests.GetSweep, request.to_proto(), deadline)
        return models.GetSweepResponse.from_proto(answer)

    async def list_sweeps(self, *, deadline: float | None = None, **pages: Unpack[Pages]) -> models.ListSweepsResponse:
        """One page of sweeps, newest first. `next_page_token` is "" on the last page. Raises InvalidArgument."""
        request = models.ListSweepsRequest(**pages)
        answer = await self._call(self._opened().backtests.ListSweeps, request.to_proto(), deadline)
        return models.ListSweepsResponse.from_proto(answer)

    async def iterate_sweeps(
        self, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> AsyncIterator[models.Sweep]:
        """All sweeps of `list_sweeps`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_sweeps(deadline=deadline, **pages)
            for sweep in page.sweeps:
                yield sweep
            if not page.next_page_token:
                return
            pages["page_token"] = page.next_page_token

    async def list_sweep_points(
        self, sweep_id: str, *, deadline: float | None = None, **filters: Unpack[SweepPointFilter]
    ) -> models.ListSweepPointsResponse:
        """One page of a sweep's points, in the order of creation or by their rank out of sample. `next_page_token` is
        "" on the last page. Raises NotFound and InvalidArgument.

        `create_backtest` of a point's spec, with the sweep's `engine_version`, runs it again, with all its chains and
        decisions.
        """
        request = models.ListSweepPointsRequest(sweep_id=sweep_id, **filters)
        answer = await self._call(self._opened().backtests.ListSweepPoints, request.to_proto(), deadline)
        return models.ListSweepPointsResponse.from_proto(answer)

    async def iterate_sweep_points(
        self, sweep_id: str, *, deadline: float | None = None, **filters: Unpack[SweepPointFilter]
    ) -> AsyncIterator[models.SweepPoint]:
        """All points of `list_sweep_points`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_sweep_points(sweep_id, deadline=deadline, **filters)
            for point in page.points:
                yield point
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    async def pause_sweep(self, sweep_id: str, *, deadline: float | None = None) -> models.Sweep:
        """Stop a sweep after the points it works on. Raises NotFound and FailedPrecondition."""
        request = backtest_pb.PauseSweepRequest(sweep_id=sweep_id)
        answer = await self._call(self._opened().backtests.PauseSweep, request, deadline)
        return models.Sweep.from_proto(answer.sweep)

    async def resume_sweep(self, sweep_id: str, *, deadline: float | None = None) -> models.Sweep:
        """Let a paused sweep go on. Raises NotFound and FailedPrecondition."""
        request = backtest_pb.ResumeSweepRequest(sweep_id=sweep_id)
        answer = await self._call(self._opened().backtests.ResumeSweep, request, deadline)
        return models.Sweep.from_proto(answer.sweep)

    async def cancel_sweep(self, sweep_id: str, *, deadline: float | None = None) -> models.Sweep:
        """End a sweep for good; the points that are done are kept. Raises NotFound and FailedPrecondition."""
        request = backtest_pb.CancelSweepRequest(sweep_id=sweep_id)
        answer = await self._call(self._opened().backtests.CancelSweep, request, deadline)
        return models.Sweep.from_proto(answer.sweep)

    async def delete_sweep(self, sweep_id: str, *, deadline: float | None = None) -> models.DeleteSweepResponse:
        """Remove a sweep and all its points; one that runs is cancelled first. Raises NotFound."""
        request = backtest_pb.DeleteSweepRequest(sweep_id=sweep_id)
        answer = await self._call(self._opened().backtests.DeleteSweep, request, deadline)
        return models.DeleteSweepResponse.from_proto(answer)

    async def export_training_data(
        self,
        backtest_id: str,
        write: Callable[[bytes], object],
        *,
        rows: models.TrainingRows = models.TrainingRows.EXAMPLES,
        file_format: models.TrainingFormat = models.TrainingFormat.PARQUET,
        on_progress: Callable[[models.ExportProgress], object] | None = None,
    ) -> models.TrainingStatistics:
        """Training data of a run that has ended, as one file, piece by piece; returns what it holds.

        What was written is whole only when this returns: write into another file, and rename it then. It takes as long
        as the rows take to be made, and nothing is tried again.

        Args:
            backtest_id: The run.
            write: Called with the next bytes of the file, for example `file.write`.
            rows: What the run did at each decision, or all that it could have done (CANDIDATES).
            file_format: CSV, JSONL or PARQUET; all hold the same rows.
            on_progress: Called while the rows are made.

        Raises NotFound, FailedPrecondition (BACKTEST_NOT_ENDED; ENGINE_CHANGED where the server's engine is not the
        run's), Unavailable.
        """
        request = models.ExportTrainingDataRequest(backtest_id=backtest_id, rows=rows, format=file_format)
        pieces = self._listen(self._opened().backtests.ExportTrainingData, request.to_proto())
        async with aclosing(pieces) as stream:
            async for message in stream:
                if message.HasField("statistics"):
                    return models.TrainingStatistics.from_proto(message.statistics)
                if message.HasField("data"):
                    write(message.data)
                elif on_progress is not None:
                    on_progress(models.ExportProgress.from_proto(message.progress))
        raise _calls.ended()

    # Data: registered once, known by its content, so that all of it can be sent twice.

    async def register_dataset(
        self,
        *,
        kind: models.DatasetKind,
        underlying: str,
        path: str = "",
        synthetic: models.SyntheticMarket | None = None,
        name: str = "",
        known_after_seconds: int | None = None,
        quote_currency: str = "",
        deadline: float = LONG_DEADLINE,
    ) -> models.Dataset:
        """Have the server read a file, or make up a market, and keep it. The same content gives the same dataset.

        Args:
            kind: What it holds.
            underlying: The coin: BTC or ETH.
            path: A file on the server's disk, .csv, .csv.gz or .parquet; see RegisterDatasetRequest for its columns.
            synthetic: The market that is made up, instead of a file.
            name: For people; "" is the file's name.
            known_after_seconds: From a row's time until it is known, where that is not one interval.
            quote_currency: Of option chains: USD or USDC, which ones of an options_chain file; "" is USD.
            deadline: Seconds.

        Raises InvalidArgument, NotFound (FILE_NOT_FOUND) and FailedPrecondition.
        """
        request = models.RegisterDatasetRequest(
            name=name,
            kind=kind,
            underlying=underlying,
            path=path,
            synthetic=synthetic,
            known_after_seconds=known_after_seconds,
            quote_currency=quote_currency,
        )
        answer = await self._call(self._opened().datasets.RegisterDataset, request.to_proto(), deadline)
        return models.Dataset.from_proto(answer.dataset)

    async def fetch_dataset(
        self,
        *,
        kind: models.HistoryKind,
        underlying: str,
        series: str = "",
        interval_seconds: int = 0,
        start_time: datetime.datetime | None = None,
        end_time: datetime.datetime | None = None,
        name: str = "",
        on_progress: Callable[[models.FetchProgress], object] | None = None,
    ) -> models.FetchedHistory:
        """Have the server fetch a venue's public history; returns what it has left on the server's disk.

        It takes as long as the venue takes, and nothing is tried again here. Whatever breaks it off, what was fetched
        is kept: the same call goes on there, and gives the same dataset. The venue's address is the server's setting.

        Args:
            kind: Of what. BARS and VOLATILITY become datasets.
            underlying: The coin: BTC or ETH.
            series: The venue's name of an instrument, index or currency; "" is the usual one of the coin.
            interval_seconds: Of bars and volatility; 0 is an hour.
            start_time: Of bars and volatility: where it begins; required there.
            end_time: Of bars and volatility: where it ends; None is now.
            name: Of the dataset, for people; "" is the series.
            on_progress: Called while it is fetched.

        Raises InvalidArgument, NotFound (HISTORY_NOT_FOUND), FailedPrecondition (VENUE_REFUSED, VENUE_ANSWER_UNKNOWN),
        Unavailable (VENUE_UNAVAILABLE: the venue gave no answer; ask again, and it goes on).
        """
        request = models.FetchDatasetRequest(
            kind=kind,
            underlying=underlying,
            series=series,
            interval_seconds=interval_seconds,
            start_time=start_time,
            end_time=end_time,
            name=name,
        )
        messages = self._listen(self._opened().datasets.FetchDataset, request.to_proto())
        async with aclosing(messages) as stream:
            async for message in stream:
                if message.HasField("fetched"):
                    return models.FetchedHistory.from_proto(message.fetched)
                if on_progress is not None:
                    on_progress(models.FetchProgress.from_proto(message.progress))
        raise _calls.ended()

    async def get_dataset(self, dataset_id: str, *, deadline: float | None = None) -> models.Dataset:
        """One dataset. Raises NotFound."""
        request = models.GetDatasetRequest(dataset_id=dataset_id)
        answer = await self._call(self._opened().datasets.GetDataset, request.to_proto(), deadline)
        return models.Dataset.from_proto(answer.dataset)

    async def list_datasets(
        self, *, deadline: float | None = None, **filters: Unpack[DatasetFilter]
    ) -> models.ListDatasetsResponse:
        """One page of datasets, newest first. The keywords are the fields of ListDatasetsRequest. `next_page_token` is
        "" on the last page. Raises InvalidArgument.
        """
        request = models.ListDatasetsRequest(**filters)
        answer = await self._call(self._opened().datasets.ListDatasets, request.to_proto(), deadline)
        return models.ListDatasetsResponse.from_proto(answer)

    async def iterate_datasets(
        self, *, deadline: float | None = None, **filters: Unpack[DatasetFilter]
    ) -> AsyncIterator[models.Dataset]:
        """All datasets of `list_datasets`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_datasets(deadline=deadline, **filters)
            for dataset in page.datasets:
                yield dataset
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    async def list_dataset_gaps(
        self, dataset_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> models.ListDatasetGapsResponse:
        """One page of the stretches where a dataset has no rows, oldest first. `next_page_token` is "" on the last
        page. Raises NotFound and InvalidArgument.
        """
        request = models.ListDatasetGapsRequest(dataset_id=dataset_id, **pages)
        answer = await self._call(self._opened().datasets.ListDatasetGaps, request.to_proto(), deadline)
        return models.ListDatasetGapsResponse.from_proto(answer)

    async def iterate_dataset_gaps(
        self, dataset_id: str, *, deadline: float | None = None, **pages: Unpack[Pages]
    ) -> AsyncIterator[models.DatasetGap]:
        """All gaps of `list_dataset_gaps`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_dataset_gaps(dataset_id, deadline=deadline, **pages)
            for gap in page.gaps:
                yield gap
            if not page.next_page_token:
                return
            pages["page_token"] = page.next_page_token
