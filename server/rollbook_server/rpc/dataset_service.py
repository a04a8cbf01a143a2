"""DatasetService: each call is decoded, done by the lab, and encoded; a refusal becomes its status."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from rollbook.v1 import dataset_service_pb2 as pb
from rollbook.v1 import dataset_service_pb2_grpc
from rollbook_server.domain.backtest.history import HistoryOrder
from rollbook_server.domain.backtest.outcomes import DatasetKind
from rollbook_server.domain.backtest.synthetic import SyntheticMarket
from rollbook_server.domain.clock import SECOND
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.fetching import Fetching
from rollbook_server.lab import Lab
from rollbook_server.rpc import decode, lab_nouns
from rollbook_server.rpc.enums import enum_map
from rollbook_server.rpc.lab_paging import paged
from rollbook_server.rpc.ledger_service import answers, streams
from rollbook_server.rpc.paging import read_page
from rollbook_server.storage import lab_datasets
from rollbook_server.worker import DataOrder

_KIND, _HISTORY = enum_map("DatasetKind"), enum_map("HistoryKind")
_LONGEST_PATH = 4_096


class DatasetService(dataset_service_pb2_grpc.DatasetServiceServicer):
    """The lab's calls about data."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @answers
    async def RegisterDataset(self, request: pb.RegisterDatasetRequest) -> pb.RegisterDatasetResponse:
        decode.known_fields(request)
        kind = decode.one(_KIND, request.kind, "kind")
        if not request.underlying:
            raise InvalidArgument(Reason.MISSING_FIELD, "underlying is required", "underlying")
        underlying = decode.currency_of(request.underlying, "underlying")
        name = decode.within(request.name, 128, "name")
        quote_currency = _quote_currency(request, kind)
        if bool(request.path) == request.HasField("synthetic"):
            reason = Reason.CONTRADICTION if request.path else Reason.MISSING_FIELD
            raise InvalidArgument(reason, "exactly one of path and synthetic", "path")
        if request.path:
            path = Path(decode.within(request.path, _LONGEST_PATH, "path"))
            seconds = request.known_after_seconds if request.HasField("known_after_seconds") else None
            order = DataOrder(
                kind=kind,
                underlying=underlying,
                path=path,
                known_after=None if seconds is None else seconds * SECOND,
                quote_currency=quote_currency,
            )
            source = path.name
        else:
            if request.HasField("known_after_seconds"):
                raise InvalidArgument(
                    Reason.CONTRADICTION, "only a file says when its rows are known", "known_after_seconds"
                )
            order = DataOrder(kind=kind, underlying=underlying, synthetic=_market(request.synthetic, kind, underlying))
            source = "synthetic"
        kept = await self._lab.register(name or source, source, order)
        return pb.RegisterDatasetResponse(dataset=lab_nouns.dataset(kept))

    @streams
    async def FetchDataset(self, request: pb.FetchDatasetRequest) -> AsyncIterator[pb.FetchDatasetResponse]:
        decode.known_fields(request)
        kind = decode.one(_HISTORY, request.kind, "kind")
        if not request.underlying:
            raise InvalidArgument(Reason.MISSING_FIELD, "underlying is required", "underlying")
        order = HistoryOrder(
            kind=kind,
            underlying=decode.currency_of(request.underlying, "underlying"),
            series=decode.within(request.series, 64, "series"),
            interval=request.interval_seconds * SECOND,
            start=decode.instant(request, "start_time", ""),
            end=decode.instant(request, "end_time", ""),
        )
        name = decode.within(request.name, 128, "name")
        async with aclosing(self._lab.fetch(order, name)) as steps:
            async for step in steps:
                if isinstance(step, Fetching):
                    yield pb.FetchDatasetResponse(progress=lab_nouns.fetch_progress(step))
                else:
                    yield pb.FetchDatasetResponse(fetched=lab_nouns.fetched(step))

    @answers
    async def GetDataset(self, request: pb.GetDatasetRequest) -> pb.GetDatasetResponse:
        found = await self._lab.dataset(_dataset_id(request))
        return pb.GetDatasetResponse(dataset=lab_nouns.dataset(found))

    @answers
    async def ListDatasets(self, request: pb.ListDatasetsRequest) -> pb.ListDatasetsResponse:
        decode.known_fields(request)
        kind = decode.maybe(_KIND, request.kind, "kind")
        underlying = decode.within(request.underlying, 16, "underlying")
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(
            lambda db: lab_datasets.list_datasets(db, kind, underlying, page.after, page.upto, page.size)
        )
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.dataset)
        return pb.ListDatasetsResponse(datasets=shown, next_page_token=token)

    @answers
    async def ListDatasetGaps(self, request: pb.ListDatasetGapsRequest) -> pb.ListDatasetGapsResponse:
        dataset_id = _dataset_id(request)
        page = read_page(self._lab.lab_id, request)
        found = await self._lab.read(lambda db: lab_datasets.list_gaps(db, dataset_id, page.after, page.size))
        shown, token = paged(self._lab.lab_id, request, found, lab_nouns.gap)
        return pb.ListDatasetGapsResponse(gaps=shown, next_page_token=token)


def _dataset_id(request: Any) -> str:
    """Which dataset a request names. Raises InvalidArgument."""
    decode.known_fields(request)
    if not request.dataset_id:
        raise InvalidArgument(Reason.MISSING_FIELD, "dataset_id is required", "dataset_id")
    return decode.within(request.dataset_id, 128, "dataset_id")


def _quote_currency(request: Any, kind: DatasetKind) -> str:
    """Which chains a request is about. Raises InvalidArgument."""
    said: str = request.quote_currency
    if said and kind is not DatasetKind.OPTION_CHAINS:
        raise InvalidArgument(Reason.CONTRADICTION, "only option chains have a quote currency", "quote_currency")
    if said not in ("", "USD", "USDC"):
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "must be USD or USDC", "quote_currency")
    return said


def _market(message: Any, kind: DatasetKind, underlying: str) -> SyntheticMarket:
    """A market that is made up. Raises InvalidArgument; what its numbers may be, its maker says."""
    if kind is DatasetKind.OPTION_CHAINS:
        raise InvalidArgument(
            Reason.CONTRADICTION, "a synthetic market has bars and a volatility index, and no option chains", "kind"
        )
    start = decode.instant(message, "start_time", "synthetic.")
    if start is None:
        raise InvalidArgument(Reason.MISSING_FIELD, "synthetic.start_time is required", "synthetic.start_time")
    return SyntheticMarket(
        underlying=underlying,
        seed=message.seed,
        start_time=start,
        days=message.days,
        start_price=decode.finite(message, "start_price", "synthetic."),
        constant_volatility=decode.finite(message, "constant_volatility", "synthetic."),
        drift=decode.finite(message, "drift", "synthetic.") or 0.0,
    )
