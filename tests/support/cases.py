"""The worked cases of `golden` played at a real ledger, each in an account of its own."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import rollbook
from rollbook import (
    Action,
    AsyncClient,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    Mark,
    Mode,
    Order,
    OrderState,
    RecordFillsRequest,
    RecordSettlementRequest,
    Side,
    StrategyKind,
)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _decimal(values: dict[str, Any], name: str) -> Decimal | None:
    return Decimal(values[name]) if name in values else None


def _fill(values: dict[str, Any]) -> Fill:
    return Fill(
        source=FillSource.VENUE_TRADE,
        trade_id=values["trade_id"],
        order_id=values.get("order_id", ""),
        symbol=values["symbol"],
        side=Side(values["side"]),
        quantity=Decimal(values["quantity"]),
        price=Decimal(values["price"]),
        fee=_decimal(values, "fee"),
        fee_currency=values.get("fee_currency", ""),
        index_price=_decimal(values, "index_price"),
        executed_time=_time(values["time"]),
    )


def _order(values: dict[str, Any]) -> Order:
    return Order(
        order_id=values["order_id"],
        symbol=values["symbol"],
        side=Side(values["side"]),
        quantity=Decimal(values["quantity"]),
        limit_price=_decimal(values, "limit_price"),
        state=OrderState(values["state"]),
    )


class Case:
    """One case on its way: an account of its own, and the chains by name."""

    def __init__(self, client: AsyncClient, account: str) -> None:
        self.client, self.account = client, account
        self.positions: dict[str, str] = {}
        self.last = ""
        self.strategy, self.mode = StrategyKind.COVERED_CALL, Mode.LIVE

    async def do(self, step: dict[str, Any]) -> None:
        """One step of the case."""
        match step["do"]:
            case "open" | "add" | "roll" | "close":
                await self._execute(step)
            case "record_fills":
                await self.client.record_fills(
                    RecordFillsRequest(
                        account=self.account, mode=self.mode, fills=tuple(_fill(each) for each in step["fills"])
                    )
                )
            case "settle":
                await self.client.record_settlement(
                    RecordSettlementRequest(
                        account=self.account,
                        mode=self.mode,
                        symbol=step["symbol"],
                        delivery_price=Decimal(step["delivery_price"]),
                    )
                )
            case "mark":
                mark = Mark(
                    symbol=step["symbol"],
                    mark_price=Decimal(step["mark_price"]),
                    index_price=_decimal(step, "index_price"),
                    mark_time=_time(step["time"]),
                )
                await self.client.update_marks([mark], mode=self.mode, account=self.account)
            case "expect":
                await self.expect(self.last, {name: value for name, value in step.items() if name != "do"})
            case other:
                raise AssertionError(f"no such step: {other}")

    async def _execute(self, step: dict[str, Any]) -> None:
        fills = tuple(_fill(each) for each in step.get("fills", ()))
        orders = tuple(_order(each) for each in step.get("orders", ()))
        opens = step["do"] == "open"
        if opens:
            self.strategy, self.mode = StrategyKind(step["strategy"]), Mode(step["mode"])
        position_id = step.get("position_id", "") if opens or step.get("by_symbol") else self.last
        status = step.get("status") or ("RESTING" if orders and not fills else "EXECUTED")
        response = await self.client.record_execution(
            ExecutionResult(
                request_id=str(uuid.uuid4()),
                account=self.account,
                mode=self.mode,
                strategy=self.strategy,
                action=Action(step["do"].upper()),
                status=ExecutionStatus(status),
                position_id=position_id,
                executed_time=fills[-1].executed_time if fills else _time("2026-03-02T08:59:00Z"),
                from_symbols=(step["from"],) if "from" in step else (),
                to_symbols=(step["to"],) if "to" in step else (),
                orders=orders,
                fills=fills,
                errors=tuple(step.get("errors", ())),
            )
        )
        if opens:
            self.last = response.position_id
            self.positions[step.get("as", "")] = response.position_id

    async def expect(self, position_id: str, expected: dict[str, Any]) -> None:
        """Looks at the figures of a chain."""
        answer = await self.client.get_chain(position_id, account=self.account)
        chain, valuation = answer.chain, answer.valuation
        assert chain is not None
        assert chain.gross_pnl is not None
        assert chain.fees is not None
        assert chain.gross_pnl - chain.fees == chain.net_pnl
        for name, value in expected.items():
            found = figure(name, chain, valuation)
            if value is None:
                assert found is None, name
            elif isinstance(value, bool | int):
                assert found == value, name
            elif isinstance(found, Decimal):
                assert found == Decimal(value), name
            else:
                assert str(found) == value, name


def figure(name: str, chain: rollbook.PositionChain, valuation: rollbook.ChainValuation | None) -> Any:
    """A figure of the case: the chain's, its value's, or its legs' sum."""
    if name in ("payoff", "delivery_fee"):
        return sum((getattr(leg, name) or Decimal(0) for leg in chain.legs), Decimal(0))
    if name == "option_type":
        instrument = chain.legs[0].instrument
        return instrument.option_type if instrument else None
    if name == "entry_price":
        return chain.legs[0].entry_price
    if hasattr(chain, name):
        return getattr(chain, name)
    assert valuation is not None, name
    return getattr(valuation, name)
