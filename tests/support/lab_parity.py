"""Chains as a bot trades them, fill by fill, and their parity with the engine."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rollbook_server.domain.backtest.followed import followed
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.parity import ChainParity, ParityParts, parity
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.entries import Delivery
from rollbook_server.domain.executions import FeeSource, Fill, FillSource, Mode, PositionEffect, Side, StrategyKind
from rollbook_server.domain.fold import cash_lines, fold
from rollbook_server.domain.history import ChainFill, Delivered, History, Why
from rollbook_server.domain.instruments import DERIBIT, parse_deribit


def traded(
    side: Side,
    symbol: str,
    price: str,
    time: Micros,
    *,
    quantity: str = "1",
    fee: str | None = "0.0003",
    index: str | None = "100000",
    report: int,
    place: int = 0,
    roll: int = 0,
    order_id: str = "",
    opening: bool | None = None,
) -> ChainFill:
    """A fill of the venue; sales open unless said. `report` is the revision that told it."""
    instrument = parse_deribit(symbol)
    assert instrument is not None
    opens = side is Side.SELL if opening is None else opening
    return ChainFill(
        key=(report, 1, place),
        fill=Fill(
            source=FillSource.VENUE_TRADE,
            symbol=symbol,
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
            executed_time=time,
            trade_id=f"{report}-{place}",
            order_id=order_id,
            index_price=None if index is None else Decimal(index),
        ),
        instrument=instrument,
        effect=PositionEffect.OPENING if opens else PositionEffect.CLOSING,
        fee=None if fee is None else Decimal(fee),
        fee_source=FeeSource.MISSING if fee is None else FeeSource.REPORTED,
        roll_number=roll,
        why=Why(),
    )


def sold(symbol: str, price: str, time: Micros, **more: Any) -> ChainFill:
    """A sale, told by the first report unless said."""
    return traded(Side.SELL, symbol, price, time, **{"report": 1, **more})


def bought(symbol: str, price: str, time: Micros, **more: Any) -> ChainFill:
    """A purchase, told by the second report unless said."""
    return traded(Side.BUY, symbol, price, time, **{"report": 2, **more})


def history(*fills: ChainFill, delivered: Mapping[str, str] | None = None, **more: Any) -> History:
    """The chain of these fills, and of deliveries by contract."""
    instruments = {fill.fill.symbol: fill.instrument for fill in fills}
    deliveries = {
        symbol: Delivered(
            key=(90 + number, 1, 0),
            expiry_time=instruments[symbol].expiry_time,
            price=Decimal(price),
            delivery=Delivery(symbol=symbol),
        )
        for number, (symbol, price) in enumerate((delivered or {}).items())
    }
    first = fills[0].instrument
    return History(
        **{
            "account": "a",
            "position_id": "p",
            "venue": DERIBIT,
            "mode": Mode.LIVE,
            "strategy": StrategyKind.COVERED_CALL,
            "strategy_name": "",
            "underlying": first.underlying,
            "settlement_currency": first.settlement_currency,
            "previous_position_id": "",
            "created_revision": 1,
            "revision": 99,
            "fills": tuple(fills),
            "deliveries": deliveries,
            **more,
        }
    )


def parity_of(spec: BacktestSpec, data: MarketData, booked: History) -> ChainParity:
    """The parity of a chain as the ledger folds it."""
    return parity(spec, data, followed(fold(booked)[0], cash_lines(booked)))


def values(parts: ParityParts) -> dict[str, float]:
    """The parts that are not 0, by name."""
    return {name: value for name in ParityParts.__slots__ if (value := getattr(parts, name))}
