"""The dry run's stand-in for a venue: sells at the bid, buys at the ask, and says so as an execution."""

from dataclasses import replace
from decimal import Decimal
from itertools import count

from rollbook import (
    Action,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    Liquidity,
    Mode,
    Order,
    OrderState,
    RecordFillsRequest,
    Side,
    new_request_id,
)
from tests.demo.market import Quote, Snapshot
from tests.demo.strategies import Decision, Strategy


class DryRunVenue:
    """Trades without money. Fees are left unset: the ledger estimates them, because the mode is DRY_RUN."""

    def __init__(self) -> None:
        self._orders = count(1)

    def sell(self, quote: Quote, quantity: Decimal, snapshot: Snapshot) -> Fill:
        """A trade at the best bid."""
        return self._fill(quote, Side.SELL, quantity, quote.bid, snapshot)

    def buy(self, quote: Quote, quantity: Decimal, snapshot: Snapshot) -> Fill:
        """A trade at the best ask."""
        return self._fill(quote, Side.BUY, quantity, quote.ask, snapshot)

    def rest(self, quote: Quote, side: Side, quantity: Decimal) -> Order:
        """A limit order at our own side of the book, accepted and not filled yet."""
        return Order(
            order_id=self._next_order_id(),
            symbol=quote.symbol,
            side=side,
            quantity=quantity,
            limit_price=quote.ask if side is Side.SELL else quote.bid,
            state=OrderState.OPEN,
            update_time=quote.time,
        )

    def reject(self, quote: Quote, side: Side, quantity: Decimal, reason: str) -> Order:
        """An order that the venue does not take."""
        return replace(self.rest(quote, side, quantity), state=OrderState.REJECTED, reason=reason)

    def fill_resting(self, order: Order, quantity: Decimal, quote: Quote, snapshot: Snapshot) -> RecordFillsRequest:
        """A trade of a resting order at its limit: as maker, reported after the order."""
        fill = self._fill(quote, order.side, quantity, order.limit_price, snapshot)
        fill = replace(fill, order_id=order.order_id, liquidity=Liquidity.MAKER)
        return RecordFillsRequest(request_id=new_request_id(), mode=Mode.DRY_RUN, fills=(fill,))

    def end(self, order: Order, state: OrderState, snapshot: Snapshot) -> RecordFillsRequest:
        """The last state of a resting order."""
        ended = Order(order_id=order.order_id, state=state, update_time=snapshot.time)
        return RecordFillsRequest(request_id=new_request_id(), mode=Mode.DRY_RUN, orders=(ended,))

    def _next_order_id(self) -> str:
        return f"dry-{next(self._orders)}"

    def _fill(self, quote: Quote, side: Side, quantity: Decimal, price: Decimal | None, snapshot: Snapshot) -> Fill:
        return Fill(
            source=FillSource.SIMULATED,
            order_id=self._next_order_id(),
            symbol=quote.symbol,
            side=side,
            quantity=quantity,
            price=price,
            index_price=snapshot.index_price,
            executed_time=snapshot.time,
            liquidity=Liquidity.TAKER,
            mark_price=quote.mark,
            underlying_price=quote.forward,
            implied_volatility=quote.volatility,
        )


def execution(
    strategy: Strategy, action: Action, position_id: str, decision: Decision, snapshot: Snapshot, *fills: Fill
) -> ExecutionResult:
    """What an attempt came to, with a request_id of its own."""
    return ExecutionResult(
        request_id=new_request_id(),
        mode=Mode.DRY_RUN,
        strategy=strategy.kind,
        strategy_name=strategy.name,
        action=action,
        status=ExecutionStatus.SIMULATED,
        position_id=position_id,
        executed_time=snapshot.time,
        fills=fills,
        exit_style=strategy.exit_style,
        trigger=decision.trigger,
        reason=decision.reason,
        decision_id=f"{position_id}@{snapshot.time:%m%dT%H%M%S}",
    )
