"""The model's commands as messages of the API."""

from __future__ import annotations

from datetime import datetime
from decimal import Context, Decimal
from fractions import Fraction

from google.protobuf.timestamp_pb2 import Timestamp

from rollbook.v1 import execution_pb2, instrument_pb2, ledger_service_pb2, mark_pb2
from tests.support.model import Contract, Execution, Fill, LateFills, Ledger, Mark, Order, Scope, Settlement

_EXACT = Context(prec=200)


def plain(value: Fraction) -> str:
    """A fraction that ends, in plain notation."""
    quotient = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    assert Fraction(quotient) == value, f"{value} has no end"
    return f"{quotient:f}"


def timestamp(time: datetime) -> Timestamp:
    """An instant."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def side(name: str) -> execution_pb2.Side.ValueType:
    """BUY or SELL."""
    return execution_pb2.Side.Value(f"SIDE_{name}")


def mode(name: str) -> execution_pb2.Mode.ValueType:
    """LIVE or DRY_RUN."""
    return execution_pb2.Mode.Value(f"MODE_{name}")


def effect(name: str) -> execution_pb2.PositionEffect.ValueType:
    """OPENING, CLOSING or nothing."""
    return execution_pb2.PositionEffect.Value(f"POSITION_EFFECT_{name or 'UNSPECIFIED'}")


def instrument(contract: Contract) -> instrument_pb2.Instrument:
    """A contract in full."""
    return instrument_pb2.Instrument(
        symbol=contract.symbol,
        underlying=contract.underlying,
        settlement_currency=contract.currency,
        style=instrument_pb2.CONTRACT_STYLE_INVERSE if contract.inverse else instrument_pb2.CONTRACT_STYLE_LINEAR,
        option_type=instrument_pb2.OPTION_TYPE_CALL if contract.call else instrument_pb2.OPTION_TYPE_PUT,
        strike=plain(contract.strike),
        expiry_time=timestamp(contract.expiry),
        multiplier=plain(contract.multiplier),
        index_name=contract.index_name,
    )


class Wire:
    """Translates commands; contracts that have no readable name are sent in full."""

    def __init__(self, ledger: Ledger) -> None:
        self._custom = ledger.custom_contracts

    def _instrument(self, venue: str, symbol: str) -> instrument_pb2.Instrument | None:
        contract = self._custom.get((venue, symbol))
        return None if contract is None else instrument(contract)

    def fill(self, fill: Fill, venue: str) -> execution_pb2.Fill:
        """One trade."""
        return execution_pb2.Fill(
            source=execution_pb2.FillSource.Value(f"FILL_SOURCE_{fill.source}"),
            trade_id=fill.trade_id,
            order_id=fill.order_id,
            symbol=fill.symbol,
            instrument=self._instrument(venue, fill.symbol),
            side=side(fill.side),
            quantity=plain(fill.quantity),
            price=plain(fill.price),
            fee=None if fill.fee is None else plain(fill.fee),
            index_price=None if fill.index is None else plain(fill.index),
            executed_time=timestamp(fill.time),
            position_effect=effect(fill.effect),
            liquidity=execution_pb2.Liquidity.Value(f"LIQUIDITY_{fill.liquidity or 'UNSPECIFIED'}"),
        )

    def order(self, order: Order, venue: str) -> execution_pb2.Order:
        """One order."""
        return execution_pb2.Order(
            order_id=order.order_id,
            symbol=order.symbol,
            instrument=self._instrument(venue, order.symbol),
            side=side(order.side),
            quantity=plain(order.quantity),
            state=execution_pb2.OrderState.Value(f"ORDER_STATE_{order.state}"),
            position_effect=effect(order.effect),
            update_time=None if order.update_time is None else timestamp(order.update_time),
        )

    def execution(self, e: Execution) -> execution_pb2.ExecutionResult:
        """One execution."""
        return execution_pb2.ExecutionResult(
            request_id=e.request_id,
            account=e.account,
            venue=e.venue,
            mode=mode(e.mode),
            strategy=execution_pb2.StrategyKind.Value(f"STRATEGY_KIND_{e.strategy}"),
            strategy_name=e.strategy_name,
            action=execution_pb2.Action.Value(f"ACTION_{e.action}"),
            status=execution_pb2.ExecutionStatus.Value(f"EXECUTION_STATUS_{e.status}"),
            position_id=e.position_id,
            executed_time=timestamp(e.executed_time),
            from_symbols=e.from_symbols,
            to_symbols=e.to_symbols,
            orders=[self.order(order, e.venue) for order in e.orders],
            fills=[self.fill(fill, e.venue) for fill in e.fills],
            decision_id=e.decision_id,
            errors=e.errors,
            collateral=None if e.collateral is None else plain(e.collateral),
        )

    def late_fills(self, command: LateFills) -> ledger_service_pb2.RecordFillsRequest:
        """Late fills and order states."""
        return ledger_service_pb2.RecordFillsRequest(
            request_id=command.request_id,
            account=command.account,
            venue=command.venue,
            mode=mode(command.mode),
            fills=[self.fill(fill, command.venue) for fill in command.fills],
            orders=[self.order(order, command.venue) for order in command.orders],
        )

    def settlement(self, s: Settlement) -> ledger_service_pb2.RecordSettlementRequest:
        """A delivery price."""
        return ledger_service_pb2.RecordSettlementRequest(
            request_id=s.request_id,
            account=s.account,
            venue=s.venue,
            mode=mode(s.mode),
            symbol=s.symbol,
            index_name=s.index_name,
            expiry_time=None if s.expiry is None else timestamp(s.expiry),
            delivery_price=plain(s.price),
            reported=[
                ledger_service_pb2.ReportedDelivery(
                    symbol=symbol,
                    cash=None if cash is None else plain(cash),
                    fee=None if fee is None else plain(fee),
                )
                for symbol, cash, fee in s.reported
            ],
        )

    def marks(self, scope: Scope, marks: list[Mark]) -> ledger_service_pb2.UpdateMarksRequest:
        """Marks of one account."""
        return ledger_service_pb2.UpdateMarksRequest(
            account=scope[0],
            mode=mode(scope[1]),
            venue=scope[2],
            marks=[
                mark_pb2.Mark(
                    symbol=mark.symbol,
                    mark_time=timestamp(mark.time),
                    mark_price=plain(mark.price),
                    index_price=None if mark.index is None else plain(mark.index),
                )
                for mark in marks
            ],
        )
