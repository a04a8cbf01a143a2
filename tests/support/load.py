"""A desk that trades all day: commands with ids of their own, in the order in which a bot would send them."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from rollbook import (
    Action,
    AsyncClient,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    Mode,
    Order,
    OrderState,
    RawPayload,
    RecordExecutionsRequest,
    RecordFillsRequest,
    RecordSettlementRequest,
    Side,
    StrategyKind,
)

Command: TypeAlias = ExecutionResult | RecordExecutionsRequest | RecordFillsRequest | RecordSettlementRequest

MORNING = datetime(2025, 9, 1, 9, tzinfo=UTC)
EXPIRY = "26SEP25"
"""Contracts of the load have expired by now, so that a server on the wall clock can settle them."""
LATER = "31OCT25"


@dataclass(frozen=True)
class Recorded:
    """What a command was answered: the revision of each request_id in it, and the chains that it names."""

    revisions: dict[str, int]
    position_ids: tuple[str, ...]


class Desk:
    """One account's commands, endless and the same for the same seed. Each story keeps to chains of its own."""

    def __init__(self, account: str, seed: int, *, expiries: tuple[str, str] = (EXPIRY, LATER)) -> None:
        self.account = account
        self.expiry, self.later = expiries
        self.random = random.Random(f"{account}/{seed}")
        self.now = MORNING
        self._stories = 0

    def commands(self) -> Iterator[Command]:
        """One story after the other."""
        tales = (self._rolled, self._late, self._early, self._settled, self._batch, self._together)
        while True:
            yield from self.random.choice(tales)()

    # -- stories ------------------------------------------------------------------------------------------------

    def rolled(self) -> list[ExecutionResult]:
        """A covered call: sold, rolled up and out, bought back."""
        name, first, second = self._begin()
        return [
            self.open(name, first),
            self.execution(
                Action.ROLL,
                name,
                [self.fill(first, Side.BUY), self.fill(second, Side.SELL)],
                from_symbols=(first,),
                to_symbols=(second,),
            ),
            self.execution(Action.CLOSE, name, [self.fill(second, Side.BUY)]),
        ]

    def _rolled(self) -> Iterator[Command]:
        yield from self.rolled()

    def _late(self) -> Iterator[Command]:
        """An order rests, fills in two trades, and a state report ends it."""
        name, symbol, _ = self._begin()
        order = self._order(symbol)
        yield self.execution(Action.OPEN, name, [], orders=(order,), status=ExecutionStatus.RESTING)
        for quantity in ("0.2", "0.3"):
            yield self._fills([self.fill(symbol, Side.SELL, quantity, order.order_id)])
        done = Order(order_id=order.order_id, state=OrderState.FILLED, filled_quantity=Decimal("0.5"))
        yield RecordFillsRequest(request_id=self.id(), account=self.account, mode=Mode.LIVE, orders=(done,))

    def _early(self) -> Iterator[Command]:
        """Fills come before the execution that reports their order."""
        name, symbol, _ = self._begin()
        order = self._order(symbol)
        yield self._fills([self.fill(symbol, Side.SELL, "0.5", order.order_id)])
        yield self.execution(Action.OPEN, name, [], orders=(order,), status=ExecutionStatus.RESTING)
        yield self.execution(Action.CLOSE, name, [self.fill(symbol, Side.BUY)])

    def _settled(self) -> Iterator[Command]:
        """Two chains hold a contract to its expiry. Its index is no other story's: an index has one price."""
        name, _, _ = self._begin()
        symbol = f"X{self._stories}_USDC-{self.expiry}-100000-C"
        yield self.open(name, symbol)
        yield self.open(f"{name}-b", symbol)
        yield RecordSettlementRequest(
            request_id=self.id(),
            account=self.account,
            mode=Mode.LIVE,
            symbol=symbol,
            delivery_price=Decimal(self.random.randrange(90_000, 130_000)),
        )

    def _batch(self) -> Iterator[Command]:
        """Executions of several chains in one call, one of them refused."""
        names = [self._begin() for _ in range(3)]
        closes_nothing = self.execution(Action.CLOSE, names[0][0], [self.fill(names[2][1], Side.BUY)])
        items = [self.open(name, symbol) for name, symbol, _ in names]
        yield RecordExecutionsRequest(executions=(*items[:2], closes_nothing, items[2]))

    def _together(self) -> Iterator[Command]:
        """A chain's whole life in one revision."""
        yield RecordExecutionsRequest(executions=tuple(self.rolled()), atomic=True, request_id=self.id())

    # -- parts --------------------------------------------------------------------------------------------------

    def id(self) -> str:
        """A request_id; the same for the same seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def open(self, position_id: str, symbol: str, quantity: str = "0.5") -> ExecutionResult:
        """A call is sold, and the venue's message kept."""
        payload = RawPayload(source="order", content_type="application/json", body=f'"{position_id}"'.encode())
        return self.execution(
            Action.OPEN, position_id, [self.fill(symbol, Side.SELL, quantity)], raw_payloads=(payload,)
        )

    def execution(
        self,
        action: Action,
        position_id: str,
        fills: Sequence[Fill],
        *,
        orders: Sequence[Order] = (),
        status: ExecutionStatus = ExecutionStatus.EXECUTED,
        from_symbols: tuple[str, ...] = (),
        to_symbols: tuple[str, ...] = (),
        raw_payloads: tuple[RawPayload, ...] = (),
    ) -> ExecutionResult:
        """An execution of this desk."""
        return ExecutionResult(
            request_id=self.id(),
            account=self.account,
            mode=Mode.LIVE,
            strategy=StrategyKind.COVERED_CALL,
            action=action,
            status=status,
            position_id=position_id,
            executed_time=self.now,
            from_symbols=from_symbols,
            to_symbols=to_symbols,
            orders=tuple(orders),
            fills=tuple(fills),
            decision_id=f"decision-{self._stories}",
            trigger="delta",
            raw_payloads=raw_payloads,
        )

    def fill(self, symbol: str, side: Side, quantity: str = "0.5", order_id: str = "") -> Fill:
        """A trade of the venue, a moment after the one before."""
        self.now += timedelta(milliseconds=5)
        return Fill(
            source=FillSource.VENUE_TRADE,
            trade_id=f"{self.account}-{self.random.getrandbits(64):x}",
            order_id=order_id,
            symbol=symbol,
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(self.random.randrange(1, 400)) / 10_000,
            fee=Decimal("0.00015"),
            index_price=Decimal(self.random.randrange(100_000, 120_000)),
            executed_time=self.now,
        )

    def _begin(self) -> tuple[str, str, str]:
        """A new chain's name, and two contracts that no other story of this desk trades."""
        self._stories += 1
        strike = 100_000 + self._stories
        return f"{self.account}-{self._stories}", f"BTC-{self.expiry}-{strike}-C", f"BTC-{self.later}-{strike}-C"

    def _order(self, symbol: str) -> Order:
        return Order(
            order_id=f"{self.account}-order-{self._stories}",
            symbol=symbol,
            side=Side.SELL,
            quantity=Decimal("0.5"),
            state=OrderState.OPEN,
        )

    def _fills(self, fills: Sequence[Fill]) -> RecordFillsRequest:
        return RecordFillsRequest(request_id=self.id(), account=self.account, mode=Mode.LIVE, fills=tuple(fills))


def trade_ids(command: Command, recorded: Recorded) -> list[str]:
    """The trades that an answered command brought into the ledger."""
    if isinstance(command, RecordSettlementRequest):
        return []
    parts = command.executions if isinstance(command, RecordExecutionsRequest) else (command,)
    return [fill.trade_id for part in parts if part.request_id in recorded.revisions for fill in part.fills]


async def send(client: AsyncClient, command: Command, deadline: float | None = None) -> Recorded:
    """Sends a command and says what became of it; of a batch's items, only those that were recorded."""
    if isinstance(command, ExecutionResult):
        one = await client.record_execution(command, deadline=deadline)
        return Recorded({command.request_id: one.revision}, (one.position_id,) if one.position_id else ())
    if isinstance(command, RecordFillsRequest):
        late = await client.record_fills(command, deadline=deadline)
        return Recorded({command.request_id: late.revision}, late.position_ids)
    if isinstance(command, RecordSettlementRequest):
        settled = await client.record_settlement(command, deadline=deadline)
        return Recorded({command.request_id: settled.revision}, settled.position_ids)
    batch = await client.record_executions(
        command.executions, atomic=command.atomic, request_id=command.request_id, deadline=deadline
    )
    outcomes = [
        (item.request_id, result.recorded)
        for item, result in zip(command.executions, batch.results, strict=True)
        if result.recorded is not None
    ]
    return Recorded(
        {request_id: recorded.revision for request_id, recorded in outcomes},
        tuple(recorded.position_id for _, recorded in outcomes if recorded.position_id),
    )
