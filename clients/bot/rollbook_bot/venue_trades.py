"""Trades of an order, as Deribit's JSON has them in `trades` and in get_user_trades_by_order.

    {"trade_id": "191715010", "instrument_name": "BTC-27JUN25-100000-C", "direction": "sell", "price": 0.0125,
     "amount": 0.1, "fee": 0.00003, "fee_currency": "BTC", "index_price": 91250.5, "timestamp": 1748860200123}

`price` is in the contract's premium unit per coin, `amount` in coins, `fee` in fee_currency with a cost above 0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rollbook import Liquidity, Side
from rollbook_bot.contracts import settlement_currency
from rollbook_bot.spelling import above_zero, milliseconds, number, plain

log = logging.getLogger("rollbook_bot")

_KEPT = (
    "trade_id",
    "instrument_name",
    "direction",
    "price",
    "amount",
    "fee",
    "fee_currency",
    "index_price",
    "timestamp",
    "liquidity",
)
_LIQUIDITY = {"M": Liquidity.MAKER, "T": Liquidity.TAKER}


@dataclass(frozen=True, kw_only=True)
class VenueTrade:
    """One trade of an order. `fee` is None where nobody says it, or says it in another currency than the contract's."""

    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal | None
    index_price: Decimal | None
    time: datetime
    liquidity: Liquidity


def read_trades(trades: object, symbol: str, side: Side, where: str) -> tuple[VenueTrade, ...]:
    """The trades of an order in `symbol`, each id once. Raises ValueError with the key that makes no sense."""
    if trades is None:
        return ()
    if not isinstance(trades, Sequence) or isinstance(trades, str):
        raise ValueError(f"{where}: {trades!r} is no list of trades")
    read = [_trade(trade, symbol, side, f"{where}[{n}]") for n, trade in enumerate(trades)]
    return tuple({trade.trade_id: trade for trade in read}.values())


def traded(trades: Iterable[VenueTrade]) -> Decimal:
    """How much they are together, in coins."""
    return sum((trade.quantity for trade in trades), Decimal(0))


def kept(trades: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What of the venue's trades a result keeps, for `json.dumps`."""
    return [{name: plain(trade[name]) for name in _KEPT if trade.get(name) is not None} for trade in trades]


def _trade(trade: object, symbol: str, side: Side, where: str) -> VenueTrade:
    if not isinstance(trade, Mapping):
        raise ValueError(f"{where}: {trade!r} is no trade")
    trade_id = str(trade.get("trade_id") or "")
    if not trade_id:
        raise ValueError(f"{where}.trade_id: a trade of the venue has one")
    if trade.get("instrument_name") not in (None, symbol):
        raise ValueError(f"{where}.instrument_name: the order is in {symbol}, not in {trade['instrument_name']!r}")
    if trade.get("direction") not in (None, side.lower()):
        raise ValueError(f"{where}.direction: the order is a {side}, not a {trade['direction']!r}")
    quantity, price = number(trade.get("amount"), f"{where}.amount"), number(trade.get("price"), f"{where}.price")
    if quantity is None or quantity <= 0:
        raise ValueError(f"{where}.amount: {trade.get('amount')!r} is no quantity above 0")
    if price is None or price < 0:
        raise ValueError(f"{where}.price: {trade.get('price')!r} is no price")
    time = milliseconds(trade.get("timestamp"), f"{where}.timestamp")
    if time is None:
        raise ValueError(f"{where}.timestamp: a trade has its time")
    return VenueTrade(
        trade_id=trade_id,
        quantity=quantity,
        price=price,
        fee=_fee(trade, symbol, trade_id, where),
        index_price=above_zero(trade.get("index_price"), f"{where}.index_price"),
        time=time,
        liquidity=_LIQUIDITY.get(str(trade.get("liquidity")), Liquidity.UNSPECIFIED),
    )


def _fee(trade: Mapping[str, Any], symbol: str, trade_id: str, where: str) -> Decimal | None:
    """Its fee. One in a foreign currency would have the whole trade refused: it is left out, and the ledger counts
    that a fee is missing."""
    fee = number(trade.get("fee"), f"{where}.fee")
    currency = trade.get("fee_currency") or settlement_currency(symbol)
    if fee is not None and currency != settlement_currency(symbol):
        log.error(
            "trade %s: its fee of %s %s is left out, since %s is paid in %s",
            trade_id,
            fee,
            currency,
            symbol,
            settlement_currency(symbol),
        )
        return None
    return fee
