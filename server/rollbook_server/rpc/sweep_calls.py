"""The calls of BacktestService about sweeps: decoded, done by the lab, encoded."""

from dataclasses import replace
from typing import Any

from rollbook.v1 import backtest_service_pb2 as pb
from rollbook_server.domain.backtest.spec import SCHEMA_VERSION
from rollbook_server.domain.backtest.sweeps import MOST_AXES, MOST_VALUES, SweepAxis, SweepPlan
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.lab import Lab
from rollbook_server.rpc import decode, lab_nouns
from rollbook_server.rpc.encode import timestamp
from rollbook_server.rpc.lab_paging import paged
from rollbook_server.rpc.ledger_service import answers
from rollbook_server.rpc.paging import read_page
from rollbook_server.storage import sweep_reads

_USUAL_BEST, _MOST_BEST = 10, 100


class SweepCalls:
    """What BacktestService does about sweeps."""

    _lab: Lab

    @answers
    async def CreateSweep(self, request: pb.CreateSweepRequest) -> pb.CreateSweepResponse:
        decode.known_fields(request)
        request_id = decode.request_id_of(request.request_id)
        created = await self._lab.sweeps.create(request_id, _plan(request))
        return pb.CreateSweepResponse(sweep=lab_nouns.sweep(created))

    @answers
    async def PauseSweep(self, request: pb.PauseSweepRequest) -> pb.PauseSweepResponse:
        return pb.PauseSweepResponse(sweep=lab_nouns.sweep(await self._lab.sweeps.pause(_sweep_id(request))))

    @answers
    async def ResumeSweep(self, request: pb.ResumeSweepRequest) -> pb.ResumeSweepResponse:
        return pb.ResumeSweepResponse(sweep=lab_nouns.sweep(await self._lab.sweeps.resume(_sweep_id(request))))

    @answers
    async def CancelSweep(self, request: pb.CancelSweepRequest) -> pb.CancelSweepResponse:
        return pb.CancelSweepResponse(sweep=lab_nouns.sweep(await self._lab.sweeps.cancel(_sweep_id(request))))

    @answers
    async def DeleteSweep(self, request: pb.DeleteSweepRequest) -> pb.DeleteSweepResponse:
        return pb.DeleteSweepResponse(delete_time=timestamp(await self._lab.sweeps.delete(_sweep_id(request))))

    @answers
    async def GetSweep(self, request: pb.GetSweepRequest) -> pb.GetSweepResponse:
        sweep_id = _sweep_id(request)
        if not 0 <= request.best <= _MOST_BEST:
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"best is 1 to {_MOST_BEST}", "best")
        best, fields = request.best or _USUAL_BEST, list(request.heatmap_fields)
        found = await self._lab.read(lambda db: sweep_reads.overview(db, sweep_id, best, fields))
        return pb.GetSweepResponse(
            sweep=lab_nouns.sweep(found.sweep),
            best=map(lab_nouns.sweep_point, found.best),
            chosen=lab_nouns.sweep_point(found.chosen) if found.chosen else None,
            heatmap=lab_nouns.heatmap(found.heatmap) if found.heatmap else None,
            walk_forward=lab_nouns.walk_forward(found.walk_forward) if found.walk_forward else None,
        )

    @answers
    async def ListSweeps(self, request: pb.ListSweepsRequest) -> pb.ListSweepsResponse:
        decode.known_fields(request)
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(lambda db: sweep_reads.list_sweeps(db, page.after, page.upto, page.size))
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.sweep)
        return pb.ListSweepsResponse(sweeps=shown, next_page_token=token)

    @answers
    async def ListSweepPoints(self, request: pb.ListSweepPointsRequest) -> pb.ListSweepPointsResponse:
        sweep_id = _sweep_id(request)
        if request.order not in pb.SweepOrder.values():
            raise InvalidArgument(Reason.UNKNOWN_VALUE, f"order {request.order} is not known here", "order")
        by_rank = request.order == pb.SWEEP_ORDER_RANK
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(
            lambda db: sweep_reads.list_points(db, sweep_id, by_rank, page.after, page.upto, page.size)
        )
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.sweep_point)
        return pb.ListSweepPointsResponse(points=shown, next_page_token=token)


def _plan(request: pb.CreateSweepRequest) -> SweepPlan:
    """What a request asks for. Raises InvalidArgument."""
    if not request.HasField("spec"):
        raise InvalidArgument(Reason.MISSING_FIELD, "spec is required", "spec")
    spec = lab_nouns.read_spec(request.spec, "spec.")
    axes = []
    for number, axis in enumerate(decode.at_most(request.axes, MOST_AXES, "axes")):
        where = f"axes[{number}]"
        values = [
            decode.within(text, 128, f"{where}.values[{place}]")
            for place, text in enumerate(decode.at_most(axis.values, MOST_VALUES, f"{where}.values"))
        ]
        axes.append(SweepAxis(field=decode.within(axis.field, 128, f"{where}.field"), values=tuple(values)))
    return SweepPlan(
        spec=replace(spec, schema_version=spec.schema_version or SCHEMA_VERSION),
        axes=tuple(axes),
        random_points=request.random_points,
        seed=request.seed,
        split_time=decode.instant(request, "split_time", ""),
        rank_by=decode.within(request.rank_by, 128, "rank_by"),
        folds=request.folds or 1,
    )


def _sweep_id(request: Any) -> str:
    """Which sweep a request names. Raises InvalidArgument."""
    decode.known_fields(request)
    if not request.sweep_id:
        raise InvalidArgument(Reason.MISSING_FIELD, "sweep_id is required", "sweep_id")
    return decode.within(request.sweep_id, 128, "sweep_id")
