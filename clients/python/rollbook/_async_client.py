"""The asyncio client of the ledger.

Its synchronous twin `_client` is made from this file: `protos/sync_client.py` has the rules, and refuses what it has no
rule for. How a call is made is in `_async_connection`, what needs no waiting in `_calls`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Self, Unpack

import grpc
import grpc.aio

from rollbook import _calls, models
from rollbook._async_connection import AsyncConnection
from rollbook._calls import Interrupted
from rollbook._filters import ChainFilter, ChainWatch, EntryFilter, EntryWatch, RefusalFilter, ValueFilter
from rollbook.v1 import ledger_service_pb2 as ledger_pb
from rollbook.v1 import ledger_service_pb2_grpc, system_service_pb2_grpc, watch_pb2
from rollbook.v1 import system_service_pb2 as system_pb

if TYPE_CHECKING:
    from rollbook.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from rollbook.v1.system_service_pb2_grpc import SystemServiceAsyncStub

__all__ = ["AsyncClient"]


@dataclasses.dataclass(frozen=True)
class Services:
    """What the client calls."""

    ledger: LedgerServiceAsyncStub
    system: SystemServiceAsyncStub

    @classmethod
    def behind(cls, channel: grpc.aio.Channel) -> Self:
        """The services of a server."""
        return cls(
            ledger_service_pb2_grpc.LedgerServiceStub(channel), system_service_pb2_grpc.SystemServiceStub(channel)
        )


class AsyncClient(AsyncConnection[Services]):
    """A connection to a ledger. One is enough for a whole bot: all its tasks may call at the same time.

    A bot is a fill, the execution around it, and a few lines for the ledger.

    >>> fill = Fill(  # doctest: +SKIP
    ...     source=FillSource.VENUE_TRADE, trade_id="9001", symbol="BTC-26DEC25-100000-C", side=Side.SELL,
    ...     quantity=Decimal("0.5"), price=Decimal("0.0125"), fee=Decimal("0.00015"), executed_time=datetime.now(UTC))
    >>> execution = ExecutionResult(  # doctest: +SKIP
    ...     request_id=new_request_id(), mode=Mode.LIVE, strategy=StrategyKind.COVERED_CALL, action=Action.OPEN,
    ...     status=ExecutionStatus.EXECUTED, executed_time=fill.executed_time, fills=(fill,))
    >>> async with AsyncClient(account="main") as ledger:  # doctest: +SKIP
    ...     recorded = await ledger.record_execution(execution)
    ...     answer = await ledger.get_chain(recorded.position_id)
    ...     print(answer.chain.net_pnl)

    **Sent twice, counted once.** Each command carries a request_id, and the server remembers it for ever. A command
    without one gets one here, and an error shows it as `error.command`. But a bot that dies while it waits has lost an
    id that it never saw: make it with `rollbook.new_request_id()` and store the command before sending. After a
    restart send what has no stored answer again, exactly as it was.

    **Tried again until the deadline.** What may be gone a moment later (UNAVAILABLE, a full queue) is tried again with
    growing pauses; that is safe for commands because of the request_id, and for reads and marks anyway. When the
    deadline passes, `DeadlineExceeded` is raised: whether the command is recorded is then unknown. The same holds for
    a call that `close` ends, which raises `Unconfirmed`, and for one that is cancelled.

    **Account.** A command, read or filter that names none gets the client's; `account=""` in a read or filter means
    all accounts, and in `update_marks` marks that all share.

    All methods raise `rollbook.errors.LedgerError`, whose module draws the tree of errors, and take `deadline`, the
    seconds that this call may take in place of the client's.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        *,
        account: str = "",
        deadline: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        options: _calls.Options = (),
    ) -> None:
        """Nothing is connected yet; that is for `async with`, or `open` and `close`.

        Args:
            target: "host:port", or any name that gRPC resolves.
            account: Whose book, where a call does not say.
            deadline: Seconds for a call with all its attempts, above 0.
            credentials: TLS; None is a plain connection, right on loopback only.
            token: Sent with each call as a bearer token. Beyond loopback it needs credentials (ValueError).
            options: More gRPC channel options; they win over the client's own.
        """
        super().__init__(
            target, Services.behind, deadline=deadline, credentials=credentials, token=token, options=options
        )
        self._account = account

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._target!r}, account={self._account!r})"

    # Commands: each is a value with a request_id, to be kept until it is answered.

    async def record_execution(
        self, execution: models.ExecutionResult, *, deadline: float | None = None
    ) -> models.RecordExecutionResponse:
        """Record what one attempt of the bot came to, whole or not at all.

        Returns the revision that holds it, the chain that it belongs to, and what deserves a look; the same for every
        repetition. Raises InvalidArgument, NotFound, FailedPrecondition or AlreadyExists if it is refused: the refusal
        is kept by the server, and the corrected execution can have the same request_id.
        """
        command = _calls.completed(execution, self._account)
        request = ledger_pb.RecordExecutionRequest(execution=command.to_proto())
        answer = await self._call(self._opened().ledger.RecordExecution, request, deadline, command)
        return models.RecordExecutionResponse.from_proto(answer)

    async def record_executions(
        self,
        executions: Iterable[models.ExecutionResult],
        *,
        atomic: bool = False,
        request_id: str = "",
        deadline: float | None = None,
    ) -> models.RecordExecutionsResponse:
        """Record 1 to 500 executions in their order.

        Each is judged by itself and answered at its place: look at `results[i].refused`, and see
        `rollbook.errors.from_refusal`. With `atomic` all of them, of one account, make one revision, or none does and
        the first one's refusal is raised, with metadata "index"; only such a batch has a request_id of its own. The
        `command` of an error is a RecordExecutionsRequest with all the ids.
        """
        command = models.RecordExecutionsRequest(
            executions=tuple(_calls.completed(execution, self._account) for execution in executions),
            atomic=atomic,
            request_id=request_id or (_calls.new_request_id() if atomic else ""),
        )
        answer = await self._call(self._opened().ledger.RecordExecutions, command.to_proto(), deadline, command)
        return models.RecordExecutionsResponse.from_proto(answer)

    async def record_fills(
        self, fills: models.RecordFillsRequest, *, deadline: float | None = None
    ) -> models.RecordFillsResponse:
        """Record late fills (at most 1,000) and states of orders (at most 100) by order_id, in one revision.

        What belongs to an order that nobody has reported yet waits for it (`unmatched_order_ids`), and known trades
        are dropped. Raises what `record_execution` raises.
        """
        command = _calls.completed(fills, self._account)
        answer = await self._call(self._opened().ledger.RecordFills, command.to_proto(), deadline, command)
        return models.RecordFillsResponse.from_proto(answer)

    async def record_settlement(
        self, settlement: models.RecordSettlementRequest, *, deadline: float | None = None
    ) -> models.RecordSettlementResponse:
        """Record a final delivery price, for one contract or for all of an index and expiry.

        Settles every chain of the account, mode and venue that was open at expiry. The same price again changes
        nothing. Raises FailedPrecondition for another price (SETTLED_AT_OTHER_PRICE) or before the expiry
        (NOT_EXPIRED), and InvalidArgument.
        """
        command = _calls.completed(settlement, self._account)
        answer = await self._call(self._opened().ledger.RecordSettlement, command.to_proto(), deadline, command)
        return models.RecordSettlementResponse.from_proto(answer)

    async def update_marks(
        self,
        marks: Iterable[models.Mark],
        *,
        mode: models.Mode,
        venue: str = "",
        account: str | None = None,
        deadline: float | None = None,
    ) -> models.UpdateMarksResponse:
        """Say what 1 to 5,000 contracts are worth, each at its mark_time; per contract the newest wins.

        Args:
            marks: Prices in the contract's premium unit, exact; greeks and volatilities are floats.
            mode: LIVE or DRY_RUN.
            venue: Unset means "deribit".
            account: Whose marks; None is the client's account, "" shares them among all.
            deadline: Seconds.

        Returns how many were taken, and the contracts that had a mark as new or newer. Raises InvalidArgument.
        """
        request = models.UpdateMarksRequest(
            account=self._account if account is None else account, venue=venue, mode=mode, marks=tuple(marks)
        )
        answer = await self._call(self._opened().ledger.UpdateMarks, request.to_proto(), deadline)
        return models.UpdateMarksResponse.from_proto(answer)

    # Reads: each answer names the revision that it reflects.

    async def get_chain(
        self, position_id: str, *, account: str | None = None, deadline: float | None = None
    ) -> models.GetChainResponse:
        """One chain with its legs, rolls, cash lines, newest 1,000 entries and, if something is open, its value.

        Raises NotFound and InvalidArgument.
        """
        request = models.GetChainRequest(account=self._account if account is None else account, position_id=position_id)
        answer = await self._call(self._opened().ledger.GetChain, request.to_proto(), deadline)
        return models.GetChainResponse.from_proto(answer)

    async def list_chains(
        self, *, deadline: float | None = None, **filters: Unpack[ChainFilter]
    ) -> models.ListChainsResponse:
        """One page of chains, newest first unless `order` says otherwise, with values beside them.

        The keywords are the fields of ListChainsRequest, joined by "and". `next_page_token` is "" on the last page.
        Raises InvalidArgument.
        """
        filters.setdefault("account", self._account)
        request = models.ListChainsRequest(**filters)
        answer = await self._call(self._opened().ledger.ListChains, request.to_proto(), deadline)
        return models.ListChainsResponse.from_proto(answer)

    async def iterate_chains(
        self, *, deadline: float | None = None, **filters: Unpack[ChainFilter]
    ) -> AsyncIterator[models.PositionChain]:
        """All chains of `list_chains`, page after page; `deadline` is for each page. Values are only in the pages."""
        while True:
            page = await self.list_chains(deadline=deadline, **filters)
            for chain in page.chains:
                yield chain
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    async def get_portfolio(
        self,
        *,
        account: str | None = None,
        mode: models.Mode = models.Mode.UNSPECIFIED,
        period_from_time: datetime | None = None,
        period_before_time: datetime | None = None,
        deadline: float | None = None,
    ) -> models.GetPortfolioResponse:
        """Totals per (account, mode, currency), and what is missing from them.

        Args:
            account: None is the client's account, "" all.
            mode: UNSPECIFIED is both, in rows of their own.
            period_from_time: Ask also for what was realized from this instant on …
            period_before_time: … until before this one; None is no end.
            deadline: Seconds.

        Raises InvalidArgument.
        """
        request = models.GetPortfolioRequest(
            account=self._account if account is None else account,
            mode=mode,
            period_from_time=period_from_time,
            period_before_time=period_before_time,
        )
        answer = await self._call(self._opened().ledger.GetPortfolio, request.to_proto(), deadline)
        return models.GetPortfolioResponse.from_proto(answer)

    async def list_entries(
        self, *, deadline: float | None = None, **filters: Unpack[EntryFilter]
    ) -> models.ListEntriesResponse:
        """One page of the journal, oldest first unless `newest_first`.

        The keywords are the fields of ListEntriesRequest. `next_page_token` is "" on the last page. Raises
        InvalidArgument.
        """
        filters.setdefault("account", self._account)
        request = models.ListEntriesRequest(**filters)
        answer = await self._call(self._opened().ledger.ListEntries, request.to_proto(), deadline)
        return models.ListEntriesResponse.from_proto(answer)

    async def iterate_entries(
        self, *, deadline: float | None = None, **filters: Unpack[EntryFilter]
    ) -> AsyncIterator[models.LedgerEntry]:
        """All entries of `list_entries`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_entries(deadline=deadline, **filters)
            for entry in page.entries:
                yield entry
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    async def list_refused_executions(
        self, *, deadline: float | None = None, **filters: Unpack[RefusalFilter]
    ) -> models.ListRefusedExecutionsResponse:
        """One page of refused commands, newest first: what was executed and is missing from the book.

        The keywords are the fields of ListRefusedExecutionsRequest. `next_page_token` is "" on the last page. Raises
        InvalidArgument.
        """
        filters.setdefault("account", self._account)
        request = models.ListRefusedExecutionsRequest(**filters)
        answer = await self._call(self._opened().ledger.ListRefusedExecutions, request.to_proto(), deadline)
        return models.ListRefusedExecutionsResponse.from_proto(answer)

    async def iterate_refused_executions(
        self, *, deadline: float | None = None, **filters: Unpack[RefusalFilter]
    ) -> AsyncIterator[models.RefusedExecution]:
        """All of `list_refused_executions`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_refused_executions(deadline=deadline, **filters)
            for refusal in page.refusals:
                yield refusal
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    async def get_server_status(self, *, deadline: float | None = None) -> models.GetServerStatusResponse:
        """What runs there: versions, ledger_id, the last committed revision and its hash."""
        answer = await self._call(self._opened().system.GetServerStatus, system_pb.GetServerStatusRequest(), deadline)
        return models.GetServerStatusResponse.from_proto(answer)

    async def list_valuations(
        self, *, deadline: float | None = None, **filters: Unpack[ValueFilter]
    ) -> models.ListValuationsResponse:
        """One page of the history of a chain's value (`position_id`), or of that of all open chains of a `mode` and
        `settlement_currency`: the first value of each minute, thinned with age; oldest first unless `newest_first`.

        The keywords are the fields of ListValuationsRequest. `next_page_token` is "" on the last page. Raises
        InvalidArgument.
        """
        filters.setdefault("account", self._account)
        request = models.ListValuationsRequest(**filters)
        answer = await self._call(self._opened().ledger.ListValuations, request.to_proto(), deadline)
        return models.ListValuationsResponse.from_proto(answer)

    async def iterate_valuations(
        self, *, deadline: float | None = None, **filters: Unpack[ValueFilter]
    ) -> AsyncIterator[models.ValueSample]:
        """All samples of `list_valuations`, page after page; `deadline` is for each page."""
        while True:
            page = await self.list_valuations(deadline=deadline, **filters)
            for sample in page.samples:
                yield sample
            if not page.next_page_token:
                return
            filters["page_token"] = page.next_page_token

    # Streams: they go on by themselves after an interruption, for as long as somebody listens.

    async def watch_chains(
        self,
        *,
        cursor: models.Cursor | None = None,
        on_interruption: Interrupted | None = None,
        **filters: Unpack[ChainWatch],
    ) -> AsyncGenerator[models.WatchChainsResponse, None]:
        """The present state of chains, then every change, and on request what they are worth; see
        `WatchChainsResponse`.

        Args:
            cursor: Of the last message that was worked up: the watch goes on after it. None begins with the state.
            on_interruption: Called with the error of each interruption, before the watch connects again and goes on
                from its cursor. After OutOfRange, and before the first cursor has come, it begins with the state anew:
                forget what came so far.
            filters: The filter fields of WatchChainsRequest.

        Raises InvalidArgument, and whatever will not pass by itself.
        """
        filters.setdefault("account", self._account)
        progress = _calls.Progress(cursor)

        def request() -> watch_pb2.WatchChainsRequest:
            at = progress.cursor or models.Cursor()
            return models.WatchChainsRequest(ledger_id=at.ledger_id, after_revision=at.revision, **filters).to_proto()

        watching = self._watch(lambda services: services.ledger.WatchChains, request, progress, on_interruption)
        async with aclosing(watching) as stream:
            async for message in stream:
                response = models.WatchChainsResponse.from_proto(message)
                progress.saw(response.cursor)
                yield response

    async def watch_entries(
        self,
        *,
        cursor: models.Cursor | None = None,
        on_interruption: Interrupted | None = None,
        **filters: Unpack[EntryWatch],
    ) -> AsyncGenerator[models.WatchEntriesResponse, None]:
        """The entries of the journal, each once and in order, from its beginning or after a cursor.

        Arguments and errors are those of `watch_chains`. After OutOfRange the journal of the other ledger is read from
        its beginning.
        """
        filters.setdefault("account", self._account)
        progress = _calls.Progress(cursor)

        def request() -> watch_pb2.WatchEntriesRequest:
            at = progress.cursor or models.Cursor()
            return models.WatchEntriesRequest(ledger_id=at.ledger_id, after_revision=at.revision, **filters).to_proto()

        watching = self._watch(lambda services: services.ledger.WatchEntries, request, progress, on_interruption)
        async with aclosing(watching) as stream:
            async for message in stream:
                response = models.WatchEntriesResponse.from_proto(message)
                progress.saw(response.cursor)
                yield dataclasses.replace(response, entries=progress.new(response.entries))
