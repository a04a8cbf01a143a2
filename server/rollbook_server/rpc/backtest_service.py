"""BacktestService: each call is decoded, done by the lab, and encoded; a refusal becomes its status."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1 import backtest_service_pb2_grpc
from rollbook_server.domain.backtest.fields import differences
from rollbook_server.domain.backtest.followed import followed
from rollbook_server.domain.backtest.runs import Backtest
from rollbook_server.domain.backtest.spec import SCHEMA_VERSION, BacktestSpec
from rollbook_server.domain.errors import FailedPrecondition, InvalidArgument, Reason
from rollbook_server.lab import Lab
from rollbook_server.labelling import Labelled
from rollbook_server.ledger import Ledger
from rollbook_server.rpc import decode, lab_nouns, nouns
from rollbook_server.rpc.encode import timestamp
from rollbook_server.rpc.enums import enum_map
from rollbook_server.rpc.lab_paging import paged
from rollbook_server.rpc.lab_watches import LabWatches
from rollbook_server.rpc.ledger_service import answers, streams
from rollbook_server.rpc.paging import read_page
from rollbook_server.rpc.sweep_calls import SweepCalls
from rollbook_server.storage import lab_reads
from rollbook_server.storage.lab_reads import BacktestFilter

_STATE = enum_map("BacktestState")
_ROWS, _FORMAT = enum_map("TrainingRows"), enum_map("TrainingFormat")
_USUAL_POINTS, _MOST_POINTS = 5_000, 10_000
_MOST_COMPARED = 20


class BacktestService(SweepCalls, backtest_service_pb2_grpc.BacktestServiceServicer):
    """The lab's calls about runs; those about sweeps are SweepCalls'."""

    def __init__(self, lab: Lab, ledger: Ledger) -> None:
        self._lab, self._ledger = lab, ledger
        self._watches = LabWatches(lab)

    # -- commands -----------------------------------------------------------------------------------------------

    @answers
    async def CreateBacktest(self, request: pb.CreateBacktestRequest) -> pb.CreateBacktestResponse:
        decode.known_fields(request)
        request_id = decode.request_id_of(request.request_id)
        if not request.HasField("spec"):
            raise InvalidArgument(Reason.MISSING_FIELD, "spec is required", "spec")
        created = await self._lab.create(
            request_id,
            _spec(request),
            decode.within(request.group_id, 128, "group_id"),
            decode.within(request.engine_version, 128, "engine_version"),
        )
        return pb.CreateBacktestResponse(backtest=lab_nouns.backtest(created))

    @answers
    async def PauseBacktest(self, request: pb.PauseBacktestRequest) -> pb.PauseBacktestResponse:
        paused = await self._lab.pause(_backtest_id(request))
        return pb.PauseBacktestResponse(backtest=lab_nouns.backtest(paused))

    @answers
    async def ResumeBacktest(self, request: pb.ResumeBacktestRequest) -> pb.ResumeBacktestResponse:
        resumed = await self._lab.resume(_backtest_id(request))
        return pb.ResumeBacktestResponse(backtest=lab_nouns.backtest(resumed))

    @answers
    async def CancelBacktest(self, request: pb.CancelBacktestRequest) -> pb.CancelBacktestResponse:
        cancelled = await self._lab.cancel(_backtest_id(request))
        return pb.CancelBacktestResponse(backtest=lab_nouns.backtest(cancelled))

    @answers
    async def DeleteBacktest(self, request: pb.DeleteBacktestRequest) -> pb.DeleteBacktestResponse:
        deleted = await self._lab.delete(_backtest_id(request))
        return pb.DeleteBacktestResponse(delete_time=timestamp(deleted))

    # -- queries ------------------------------------------------------------------------------------------------

    @answers
    async def GetBacktest(self, request: pb.GetBacktestRequest) -> pb.GetBacktestResponse:
        found = await self._lab.backtest(_backtest_id(request))
        return pb.GetBacktestResponse(backtest=lab_nouns.backtest(found))

    @answers
    async def ListBacktests(self, request: pb.ListBacktestsRequest) -> pb.ListBacktestsResponse:
        decode.known_fields(request)
        wanted = BacktestFilter(
            state=decode.maybe(_STATE, request.state, "state"),
            group_id=decode.within(request.group_id, 128, "group_id"),
            underlying=decode.within(request.underlying, 16, "underlying"),
        )
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(lambda db: lab_reads.list_backtests(db, wanted, page.after, page.upto, page.size))
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.backtest)
        return pb.ListBacktestsResponse(backtests=shown, next_page_token=token)

    @answers
    async def ListBacktestChains(self, request: pb.ListBacktestChainsRequest) -> pb.ListBacktestChainsResponse:
        backtest_id = _backtest_id(request)
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(
            lambda db: lab_reads.list_chains(db, backtest_id, page.after, page.upto, page.size)
        )
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.chain)
        return pb.ListBacktestChainsResponse(chains=shown, next_page_token=token)

    @answers
    async def ListBacktestCycles(self, request: pb.ListBacktestCyclesRequest) -> pb.ListBacktestCyclesResponse:
        backtest_id = _backtest_id(request)
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(
            lambda db: lab_reads.list_cycles(db, backtest_id, page.after, page.upto, page.size)
        )
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.cycle)
        return pb.ListBacktestCyclesResponse(cycles=shown, next_page_token=token)

    @answers
    async def ListSteps(self, request: pb.ListStepsRequest) -> pb.ListStepsResponse:
        backtest_id = _backtest_id(request)
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(lambda db: lab_reads.list_steps(db, backtest_id, page.after, page.upto, page.size))
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.step)
        return pb.ListStepsResponse(steps=shown, next_page_token=token)

    @answers
    async def ListEquityPoints(self, request: pb.ListEquityPointsRequest) -> pb.ListEquityPointsResponse:
        backtest_id = _backtest_id(request)
        if request.max_points < 0:
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, "max_points must not be below 0", "max_points")
        page = read_page(self._lab.lab_id, request, _USUAL_POINTS, _MOST_POINTS)
        found = await self._lab.read(
            lambda db: lab_reads.list_points(db, backtest_id, request.max_points, page.after, page.upto, page.size)
        )
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.point)
        return pb.ListEquityPointsResponse(points=shown, next_page_token=token)

    @answers
    async def GetBacktestReport(self, request: pb.GetBacktestReportRequest) -> pb.GetBacktestReportResponse:
        backtest_id = _backtest_id(request)
        found = await self._ended(backtest_id)
        html = await self._lab.report(found)
        return pb.GetBacktestReportResponse(backtest=lab_nouns.backtest(found), html=html)

    async def _ended(self, backtest_id: str) -> Backtest:
        """A run that is over. Raises NotFound, FailedPrecondition."""
        found = await self._lab.backtest(backtest_id)
        if not found.status.state.ended:
            raise FailedPrecondition(
                Reason.BACKTEST_NOT_ENDED, f"backtest {backtest_id} is {found.status.state}", "backtest_id"
            )
        return found

    @answers
    async def CompareBacktests(self, request: pb.CompareBacktestsRequest) -> pb.CompareBacktestsResponse:
        decode.known_fields(request)
        ids = _to_compare(request)
        found = await self._lab.read(lambda db: lab_reads.bare_backtests(db, ids))
        differ = differences([backtest.spec for backtest in found])
        return pb.CompareBacktestsResponse(
            backtests=map(lab_nouns.backtest, found), differences=map(lab_nouns.difference, differ)
        )

    @answers
    async def GetParity(self, request: pb.GetParityRequest) -> pb.GetParityResponse:
        decode.known_fields(request)
        account = decode.account_of(request.account)
        if not request.position_id:
            raise InvalidArgument(Reason.MISSING_FIELD, "position_id is required", "position_id")
        rules = _rules(request)
        view = await self._ledger.chain(account, decode.position_of(request.position_id))
        compared = await self._lab.parity(followed(view.chain, view.lines), rules)
        return pb.GetParityResponse(chain=nouns.chain(view.chain), parity=lab_nouns.chain_parity(compared))

    # -- streams ------------------------------------------------------------------------------------------------

    @streams
    async def ExportTrainingData(
        self, request: pb.ExportTrainingDataRequest
    ) -> AsyncIterator[pb.ExportTrainingDataResponse]:
        backtest_id = _backtest_id(request)
        rows = decode.one(_ROWS, request.rows, "rows")
        kind = decode.one(_FORMAT, request.format, "format")
        found = await self._ended(backtest_id)
        async with aclosing(self._lab.export(found, rows, kind)) as pieces:
            async for piece in pieces:
                if isinstance(piece, bytes):
                    yield pb.ExportTrainingDataResponse(data=piece)
                elif isinstance(piece, Labelled):
                    yield pb.ExportTrainingDataResponse(
                        progress=pb.ExportProgress(
                            decisions_done=piece.decisions_done,
                            decisions_total=piece.decisions_total,
                            rows=piece.rows,
                        )
                    )
                else:
                    yield pb.ExportTrainingDataResponse(statistics=lab_nouns.statistics(piece))

    @streams
    def WatchBacktests(self, request: pb.WatchBacktestsRequest) -> AsyncIterator[Any]:
        decode.known_fields(request)
        return self._watches.backtests(request)


def _backtest_id(request: Any) -> str:
    """Which run a request names. Raises InvalidArgument."""
    decode.known_fields(request)
    if not request.backtest_id:
        raise InvalidArgument(Reason.MISSING_FIELD, "backtest_id is required", "backtest_id")
    return decode.within(request.backtest_id, 128, "backtest_id")


def _rules(request: pb.GetParityRequest) -> BacktestSpec | str:
    """By what a chain is compared: a spec, or a run. Raises InvalidArgument."""
    if request.HasField("spec") == bool(request.backtest_id):
        reason = Reason.CONTRADICTION if request.backtest_id else Reason.MISSING_FIELD
        raise InvalidArgument(reason, "either spec or backtest_id says by which rules", "spec")
    if request.backtest_id:
        return decode.within(request.backtest_id, 128, "backtest_id")
    return _spec(request)


def _spec(request: Any) -> BacktestSpec:
    """The spec of a request. Raises InvalidArgument."""
    spec: BacktestSpec = lab_nouns.read_spec(request.spec, "spec.")
    return replace(spec, schema_version=spec.schema_version or SCHEMA_VERSION)


def _to_compare(request: pb.CompareBacktestsRequest) -> list[str]:
    """Which runs a request puts side by side. Raises InvalidArgument."""
    ids = [
        decode.within(backtest_id, 128, f"backtest_ids[{place}]")
        for place, backtest_id in enumerate(decode.at_most(request.backtest_ids, _MOST_COMPARED, "backtest_ids"))
    ]
    if len(ids) < 2:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "two runs at least are compared", "backtest_ids")
    for place, backtest_id in enumerate(ids):
        if backtest_id in ids[:place]:
            raise InvalidArgument(Reason.CONTRADICTION, "this run is named twice", f"backtest_ids[{place}]")
    return ids
