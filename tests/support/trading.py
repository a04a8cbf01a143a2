"""What a bot says in tests: fills, orders and executions with good defaults, and a trader with an account of its own.

Everything happens in June 2025 on contracts that have expired since, so that they can be settled by any clock.
"""

from __future__ import annotations

import itertools
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rollbook import (
    Action,
    AsyncClient,
    Client,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    GetChainResponse,
    Mark,
    Mode,
    Order,
    OrderState,
    PortfolioRow,
    PositionChain,
    RecordExecutionResponse,
    RecordFillsRequest,
    RecordFillsResponse,
    RecordSettlementRequest,
    RecordSettlementResponse,
    Side,
    StrategyKind,
    new_request_id,
)
from tests.support.server import PYTHON, RunningServer

CALL, HIGHER_CALL, LATER_CALL = "BTC-27JUN25-100000-C", "BTC-27JUN25-110000-C", "BTC-25JUL25-110000-C"
PUT = "BTC-27JUN25-90000-P"
USDC_CALL, USDC_PUT = "BTC_USDC-27JUN25-100000-C", "BTC_USDC-27JUN25-90000-P"
ETH_CALL = "ETH-27JUN25-3000-C"
EXPIRY = datetime(2025, 6, 27, 8, tzinfo=UTC)
FAR_CALL = "BTC-26DEC98-100000-C"
"""It has not expired by any clock."""

_numbers = itertools.count(1)


def june(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """An instant of June 2025."""
    return datetime(2025, 6, day, hour, minute, tzinfo=UTC)


def new_account() -> str:
    """An account that nobody has used."""
    return f"t-{uuid.uuid4().hex[:16]}"


def new_id(prefix: str) -> str:
    """An id that nobody has used."""
    return f"{prefix}{next(_numbers)}"


def figures(fact: object, *names: str) -> tuple[Any, ...]:
    """Some attributes of an answer, to be compared at once."""
    return tuple(getattr(fact, name) for name in names)


def dec(text: str | int | None) -> Decimal | None:
    """An exact number."""
    return None if text is None else Decimal(text)


def trade(
    side: Side,
    quantity: str,
    price: str,
    symbol: str = CALL,
    *,
    time: datetime | None = None,
    fee: str | None = "0",
    index: str | None = "100000",
    **more: Any,
) -> Fill:
    """A trade of the venue, on the 2nd of June unless said."""
    more.setdefault("trade_id", new_id("trade-"))
    more.setdefault("source", FillSource.VENUE_TRADE)
    return Fill(
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        executed_time=time or june(2),
        fee=dec(fee),
        index_price=dec(index),
        **more,
    )


def sold(quantity: str, price: str, symbol: str = CALL, **more: Any) -> Fill:
    """A sale."""
    return trade(Side.SELL, quantity, price, symbol, **more)


def bought(quantity: str, price: str, symbol: str = CALL, **more: Any) -> Fill:
    """A purchase, on the 9th of June unless said."""
    more.setdefault("time", june(9))
    return trade(Side.BUY, quantity, price, symbol, **more)


def aggregate(side: Side, order_id: str, quantity: str, price: str, symbol: str = CALL, **more: Any) -> Fill:
    """An order's cumulative state of fill."""
    return trade(
        side, quantity, price, symbol, order_id=order_id, source=FillSource.ORDER_AGGREGATE, trade_id="", **more
    )


def order(
    order_id: str,
    side: Side = Side.SELL,
    quantity: str = "1",
    symbol: str = CALL,
    state: OrderState = OrderState.OPEN,
    **more: Any,
) -> Order:
    """An order; it rests unless said."""
    return Order(order_id=order_id, symbol=symbol, side=side, quantity=Decimal(quantity), state=state, **more)


def state_of(order_id: str, state: OrderState, **more: Any) -> Order:
    """A late report of an order's state."""
    return Order(order_id=order_id, state=state, **more)


def execution(action: Action, *fills: Fill, **more: Any) -> ExecutionResult:
    """A LIVE covered call's execution, done at its last fill (else on the 2nd of June)."""
    more.setdefault("request_id", new_request_id())
    more.setdefault("mode", Mode.LIVE)
    more.setdefault("strategy", StrategyKind.COVERED_CALL)
    more.setdefault("status", ExecutionStatus.EXECUTED)
    times = [fill.executed_time for fill in fills if fill.executed_time]
    more.setdefault("executed_time", max(times, default=june(2)))
    return ExecutionResult(action=action, fills=fills, **more)


def mark(symbol: str, price: str, *, index: str | None = "100000", time: datetime | None = None) -> Mark:
    """A mark, of the 5th of June unless said."""
    return Mark(symbol=symbol, mark_price=Decimal(price), index_price=dec(index), mark_time=time or june(5))


class Trader:
    """A bot with an account of its own. Its commands are LIVE covered calls unless they say more."""

    def __init__(self, client: AsyncClient, account: str) -> None:
        self.client = client
        self.account = account

    async def record(self, command: ExecutionResult) -> RecordExecutionResponse:
        """Records an execution."""
        return await self.client.record_execution(command)

    async def open(self, *fills: Fill, **more: Any) -> RecordExecutionResponse:
        """Opens a chain."""
        return await self.record(execution(Action.OPEN, *fills, **more))

    async def add(self, position_id: str, *fills: Fill, **more: Any) -> RecordExecutionResponse:
        """Adds to a chain."""
        return await self.record(execution(Action.ADD, *fills, position_id=position_id, **more))

    async def roll(self, position_id: str, *fills: Fill, **more: Any) -> RecordExecutionResponse:
        """Rolls a chain: what is bought is rolled from, what is sold is rolled to, unless the symbols are given."""
        if "from_symbols" not in more and "to_symbols" not in more:
            more["from_symbols"] = tuple(fill.symbol for fill in fills if fill.side is Side.BUY)
            more["to_symbols"] = tuple(fill.symbol for fill in fills if fill.side is Side.SELL)
        return await self.record(execution(Action.ROLL, *fills, position_id=position_id, **more))

    async def close(self, position_id: str, *fills: Fill, **more: Any) -> RecordExecutionResponse:
        """Closes a chain, or a part of it."""
        return await self.record(execution(Action.CLOSE, *fills, position_id=position_id, **more))

    async def late(
        self, *fills: Fill, orders: Iterable[Order] = (), mode: Mode = Mode.LIVE, **more: Any
    ) -> RecordFillsResponse:
        """Reports late fills and states of orders."""
        return await self.client.record_fills(RecordFillsRequest(mode=mode, fills=fills, orders=tuple(orders), **more))

    async def settle(
        self, price: str, symbol: str = "", *, mode: Mode = Mode.LIVE, **more: Any
    ) -> RecordSettlementResponse:
        """Tells a delivery price: of one contract, or by index_name and expiry_time."""
        return await self.client.record_settlement(
            RecordSettlementRequest(mode=mode, symbol=symbol, delivery_price=Decimal(price), **more)
        )

    async def view(self, position_id: str) -> GetChainResponse:
        """A chain with all that made it."""
        return await self.client.get_chain(position_id)

    async def chain(self, position_id: str) -> PositionChain:
        """A chain."""
        chain = (await self.view(position_id)).chain
        assert chain is not None
        return chain

    async def chains(self) -> tuple[PositionChain, ...]:
        """All chains of the account."""
        return (await self.client.list_chains(page_size=500)).chains

    async def rows(self) -> tuple[PortfolioRow, ...]:
        """All totals of the account."""
        return (await self.client.get_portfolio()).rows

    async def book(self) -> tuple[tuple[PositionChain, ...], tuple[PortfolioRow, ...]]:
        """Everything that a refused command must leave as it is."""
        return await self.chains(), await self.rows()


def prove(db: Path) -> None:
    """Proves a ledger that nobody serves any more: its integrity, its hashes, and that stored = rebuilt."""
    command = [PYTHON, "-m", "rollbook_server", "check", "--db", str(db), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


class JuneServers:
    """Servers in June 2025, one after the other, each with a ledger of its own.

    A test that settles moves the clock of the events for all that come after it: what they open has expired then. So
    the server is another one when its clock has come to EXPIRY.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._server: RunningServer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def server(self) -> RunningServer:
        """One by whose clock nothing has expired that is traded in June."""
        if self._server is not None and _clock_of(self._server) >= EXPIRY:
            self._end()
        if self._server is None:
            self._count += 1
            self._server = RunningServer(self._folder / str(self._count) / "ledger.db")
            self._server.start()
        return self._server

    def _end(self) -> None:
        """Whatever the tests did to it, its file is proven: stored = rebuilt."""
        if self._server is not None:
            server, self._server = self._server, None
            server.stop()
            prove(server.db)


def _clock_of(server: RunningServer) -> datetime:
    with Client(server.target) as client:
        now = client.get_server_status().clock_time
    assert now is not None
    return now


@asynccontextmanager
async def trading(target: str, account: str = "") -> AsyncIterator[Trader]:
    """A trader at a server, with a new account unless one is named."""
    account = account or new_account()
    async with AsyncClient(target, account=account) as client:
        yield Trader(client, account)
