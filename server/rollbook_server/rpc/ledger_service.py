"""LedgerService: each call is decoded, done by the ledger, and encoded; a refusal becomes its status."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

from rollbook.v1 import ledger_service_pb2 as pb
from rollbook.v1 import ledger_service_pb2_grpc, watch_pb2
from rollbook_server.domain.decimals import ZERO
from rollbook_server.domain.errors import FailedPrecondition, InvalidArgument, Reason, Refusal
from rollbook_server.domain.executions import Mode
from rollbook_server.domain.portfolio import Realized
from rollbook_server.ledger import Item, Ledger, Recorded, Submission
from rollbook_server.rpc import decode, nouns
from rollbook_server.rpc.enums import enum_map
from rollbook_server.rpc.errors import abort, refusal_message
from rollbook_server.rpc.paging import ANSWER_BYTES, fitting, next_token, read_page
from rollbook_server.rpc.watches import Watches
from rollbook_server.storage import reads
from rollbook_server.storage.journal import entry_id
from rollbook_server.storage.samples import Series, list_samples

_STATE = enum_map("ChainState")
_STRATEGY = enum_map("StrategyKind")
_SLICE = 20
"""Executions of a batch decoded at a time, so that other calls get their turn."""

FAR_REVISION = 2**42
"""More than any ledger will have, and still a part of an entry's key."""

S = TypeVar("S")
Q = TypeVar("Q")
A = TypeVar("A")


def answers(method: Callable[[S, Q], Awaitable[A]]) -> Callable[[S, Q, Any], Coroutine[Any, Any, A]]:
    """Makes a servicer's method of one that takes a request and returns an answer or raises a Refusal."""

    @wraps(method)
    async def call(self: S, request: Q, context: Any) -> A:
        try:
            return await method(self, request)
        except Refusal as refusal:
            await abort(context, refusal)

    return call


def streams(method: Callable[[S, Q], AsyncIterator[A]]) -> Callable[[S, Q, Any], AsyncIterator[A]]:
    """Makes a servicer's method of one that takes a request and returns a stream or raises a Refusal."""

    @wraps(method)
    async def call(self: S, request: Q, context: Any) -> AsyncIterator[A]:
        try:
            async for answer in method(self, request):
                yield answer
        except Refusal as refusal:
            await abort(context, refusal)

    return call


class LedgerService(ledger_service_pb2_grpc.LedgerServiceServicer):
    """The ledger's calls."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._watches = Watches(ledger)

    # -- commands -----------------------------------------------------------------------------------------------

    async def _submission(self, kind: str, message: Any) -> Submission:
        """A command of the right form; one of the wrong form is kept among the refusals, if it says whose it is."""
        try:
            return decode.submission(kind, message)
        except InvalidArgument as refusal:
            refused = decode.refused_command(kind, message)
            if refused is not None:
                await self._ledger.refuse(refused, refusal)
            raise

    @answers
    async def RecordExecution(self, request: pb.RecordExecutionRequest) -> pb.RecordExecutionResponse:
        decode.no_unknown_field(request)
        if not request.HasField("execution"):
            raise InvalidArgument(Reason.MISSING_FIELD, "execution is required", "execution")
        answer = await self._ledger.record(await self._submission("execution", request.execution))
        return nouns.recorded_execution(answer)

    @answers
    async def RecordExecutions(self, request: pb.RecordExecutionsRequest) -> pb.RecordExecutionsResponse:
        decode.no_unknown_field(request)
        if not request.executions:
            raise InvalidArgument(Reason.MISSING_FIELD, "executions are required", "executions")
        decode.at_most(request.executions, decode.MAX_BATCH, "executions")
        if request.atomic:
            return await self._record_together(request)
        if request.request_id:
            raise InvalidArgument(Reason.CONTRADICTION, "only an atomic batch has a request_id", "request_id")
        items: list[Item] = []
        for number, execution in enumerate(request.executions):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            try:
                items.append(decode.submission("execution", execution))
            except InvalidArgument as refusal:
                items.append((decode.refused_command("execution", execution), refusal))
        outcomes = await self._ledger.record_each(items)
        newest = max((outcome.answer.revision for outcome in outcomes if outcome.answer), default=0)
        return pb.RecordExecutionsResponse(
            revision=newest or self._ledger.revision, results=[_outcome(outcome) for outcome in outcomes]
        )

    async def _record_together(self, request: pb.RecordExecutionsRequest) -> pb.RecordExecutionsResponse:
        request_id = decode.request_id_of(request.request_id)
        items: list[Submission] = []
        for number, execution in enumerate(request.executions):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            try:
                items.append(decode.submission("execution", execution))
            except InvalidArgument as refusal:
                refusal.details["index"] = str(number)
                refusal.field = f"executions[{number}].{refusal.field}"
                refused = [decode.refused_command("execution", each) for each in request.executions]
                await self._ledger.refuse_together(refused, number, refusal)
                raise
            if items[number].command.account != items[0].command.account:
                raise InvalidArgument(
                    Reason.CONTRADICTION, "an atomic batch is of one account", f"executions[{number}].account"
                )
        recorded = await self._ledger.record_together(items, request_id)
        return pb.RecordExecutionsResponse(
            revision=max(answer.revision for answer in recorded),
            results=[_outcome(Recorded(answer=answer)) for answer in recorded],
        )

    @answers
    async def RecordFills(self, request: pb.RecordFillsRequest) -> pb.RecordFillsResponse:
        answer = await self._ledger.record(await self._submission("fills", request))
        response: pb.RecordFillsResponse = nouns.recorded_fills(answer)
        return response

    @answers
    async def RecordSettlement(self, request: pb.RecordSettlementRequest) -> pb.RecordSettlementResponse:
        answer = await self._ledger.record(await self._submission("settlement", request))
        response: pb.RecordSettlementResponse = nouns.recorded_settlement(answer)
        return response

    @answers
    async def UpdateMarks(self, request: pb.UpdateMarksRequest) -> pb.UpdateMarksResponse:
        taken = await self._ledger.update_marks(decode.marks(request))
        return pb.UpdateMarksResponse(
            revision=taken.revision, accepted=taken.accepted, ignored_symbols=list(taken.ignored)
        )

    # -- queries ------------------------------------------------------------------------------------------------

    @answers
    async def GetChain(self, request: pb.GetChainRequest) -> pb.GetChainResponse:
        account = decode.account_of(request.account)
        if not request.position_id:
            raise InvalidArgument(Reason.MISSING_FIELD, "position_id is required", "position_id")
        view = await self._ledger.chain(account, decode.position_of(request.position_id))
        newest_lines = fitting((nouns.line(line) for line in reversed(view.lines)), ANSWER_BYTES // 2)
        newest_entries = fitting((nouns.ledger_entry(entry) for entry in reversed(view.entries)), ANSWER_BYTES // 2)
        return pb.GetChainResponse(
            revision=view.revision,
            chain=nouns.chain(view.chain),
            lines=reversed(newest_lines),
            entries=reversed(newest_entries),
            valuation=nouns.chain_valuation(view.valuation) if view.valuation else None,
        )

    @answers
    async def ListChains(self, request: pb.ListChainsRequest) -> pb.ListChainsResponse:
        wanted = reads.ChainFilter(
            account=decode.account_filter(request.account),
            mode=decode.mode_filter(request.mode),
            states=tuple(decode.one(_STATE, state, f"states[{n}]") for n, state in enumerate(request.states)),
            underlying=decode.within(request.underlying, 16, "underlying"),
            strategy=decode.maybe(_STRATEGY, request.strategy, "strategy"),
            strategy_name=request.strategy_name if request.HasField("strategy_name") else None,
            opened_from=decode.instant(request, "opened_from_time", ""),
            opened_before=decode.instant(request, "opened_before_time", ""),
            closed_from=decode.instant(request, "closed_from_time", ""),
            closed_before=decode.instant(request, "closed_before_time", ""),
            newest_first=_newest_first(request),
        )
        ledger_id = self._ledger.ledger_id
        page = read_page(ledger_id, request)
        found = await self._ledger.read(
            lambda db: reads.list_chains(db, wanted, page.after, page.upto, page.size, self._ledger.now)
        )
        return pb.ListChainsResponse(
            revision=found.revision,
            chains=[nouns.chain(chain) for chain in found.chains],
            valuations=[nouns.chain_valuation(valuation) for valuation in found.valuations],
            next_page_token=next_token(ledger_id, request, found.last, found.upto) if found.more else "",
        )

    @answers
    async def GetPortfolio(self, request: pb.GetPortfolioRequest) -> pb.GetPortfolioResponse:
        account = decode.account_filter(request.account)
        mode = decode.mode_filter(request.mode)
        since = decode.instant(request, "period_from_time", "")
        before = decode.instant(request, "period_before_time", "")
        view = await self._ledger.read(lambda db: reads.portfolio(db, account, mode, since, before, self._ledger.now))
        nothing = Realized(ZERO, ZERO)
        return pb.GetPortfolioResponse(
            revision=view.revision,
            rows=[
                nouns.portfolio_row(row, totals, None if view.realized is None else view.realized.get(row, nothing))
                for row, totals in view.rows
            ],
            valuations=[nouns.portfolio_valuation(valuation) for valuation in view.valuations],
            unresolved_refusals=view.unresolved_refusals,
            unmatched_fills=view.unmatched_fills,
        )

    @answers
    async def ListEntries(self, request: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
        account = decode.account_filter(request.account)
        position_id = decode.position_of(request.position_id)
        if position_id and not account:
            raise InvalidArgument(Reason.MISSING_FIELD, "a chain is named within its account", "account")
        if request.after_revision < 0:
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, "after_revision must not be below 0", "after_revision")
        ledger_id = self._ledger.ledger_id
        page = read_page(ledger_id, request)
        found = await self._ledger.read(
            lambda db: reads.list_entries(
                db,
                account,
                position_id,
                min(request.after_revision, FAR_REVISION),
                request.newest_first,
                page.after,
                page.upto,
                page.size,
            )
        )
        shown = fitting(nouns.ledger_entry(entry) for entry in found.entries)
        more = found.more or len(shown) < len(found.entries)
        last = entry_id(shown[-1].revision, shown[-1].sequence) if more else 0
        return pb.ListEntriesResponse(
            revision=found.revision,
            entries=shown,
            next_page_token=next_token(ledger_id, request, last, found.upto) if more else "",
        )

    @answers
    async def ListRefusedExecutions(self, request: pb.ListRefusedExecutionsRequest) -> pb.ListRefusedExecutionsResponse:
        account = decode.account_filter(request.account)
        mode = decode.mode_filter(request.mode)
        ledger_id = self._ledger.ledger_id
        page = read_page(ledger_id, request)
        revision, found = await self._ledger.refusals(
            account, mode, request.include_resolved, page.after, page.size + 1
        )
        refusals = fitting(nouns.refused_execution(stored) for stored in found[: page.size])
        more = len(found) > len(refusals)
        return pb.ListRefusedExecutionsResponse(
            revision=revision,
            refusals=refusals,
            next_page_token=next_token(ledger_id, request, found[len(refusals) - 1].id, 0) if more else "",
        )

    @answers
    async def ListValuations(self, request: pb.ListValuationsRequest) -> pb.ListValuationsResponse:
        series = _series(request)
        since = decode.instant(request, "from_time", "")
        before = decode.instant(request, "before_time", "")
        ledger_id = self._ledger.ledger_id
        page = read_page(ledger_id, request)
        found = await self._ledger.read(
            lambda db: list_samples(db, series, since, before, request.newest_first, page.after, page.size)
        )
        return pb.ListValuationsResponse(
            revision=found.revision,
            samples=[nouns.value_sample(sample) for sample in found.samples],
            next_page_token=next_token(ledger_id, request, found.last, 0) if found.more else "",
        )

    # -- streams ------------------------------------------------------------------------------------------------

    @streams
    def WatchChains(self, request: watch_pb2.WatchChainsRequest) -> AsyncIterator[Any]:
        decode.no_unknown_field(request)
        return self._watches.chains(request)

    @streams
    def WatchEntries(self, request: watch_pb2.WatchEntriesRequest) -> AsyncIterator[Any]:
        decode.no_unknown_field(request)
        return self._watches.entries(request)


def _newest_first(request: pb.ListChainsRequest) -> bool:
    if request.order not in pb.ChainOrder.values():
        raise InvalidArgument(Reason.UNKNOWN_VALUE, f"order: this server does not know value {request.order}", "order")
    return request.order != pb.CHAIN_ORDER_OLDEST_FIRST


def _series(request: pb.ListValuationsRequest) -> Series:
    """Whose history is asked for: a chain's or that of a row. Raises InvalidArgument."""
    account = decode.account_of(request.account)
    position_id = decode.position_of(request.position_id)
    mode = decode.mode_filter(request.mode)
    currency = decode.within(request.settlement_currency, 16, "settlement_currency")
    if position_id:
        if mode is not None or currency:
            raise InvalidArgument(Reason.CONTRADICTION, "a chain has one mode and currency: leave them out", "mode")
        return Series(account, position_id, Mode.LIVE, "")
    if mode is None:
        raise InvalidArgument(Reason.MISSING_FIELD, "name a chain, or a mode and a currency", "mode")
    if not currency:
        raise InvalidArgument(Reason.MISSING_FIELD, "name a chain, or a mode and a currency", "settlement_currency")
    return Series(account, "", mode, currency)


def _outcome(recorded: Recorded) -> pb.RecordedExecution:
    if recorded.answer is not None:
        return pb.RecordedExecution(recorded=nouns.recorded_execution(recorded.answer))
    refusal = recorded.refusal or FailedPrecondition(Reason.BATCH_REFUSED, "not recorded")
    return pb.RecordedExecution(refused=refusal_message(refusal))
