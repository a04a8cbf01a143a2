"""The messages that the ledger answers with, and where their fields come from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rollbook.v1 import (
    chain_pb2,
    entry_pb2,
    execution_pb2,
    instrument_pb2,
    ledger_service_pb2,
    mark_pb2,
    portfolio_pb2,
)
from rollbook_server.domain import chains, entries, executions, instruments, valuation
from rollbook_server.domain.decimals import plain
from rollbook_server.domain.portfolio import Realized, Row, Totals
from rollbook_server.rpc.encode import Encoder, timestamp
from rollbook_server.rpc.enums import enum_map
from rollbook_server.rpc.errors import CODES_BY_NAME
from rollbook_server.storage.observations import StoredRefusal

_FLAG = enum_map("Flag")
_FEE_SOURCE = enum_map("FeeSource")
_MODE = enum_map("Mode")

instrument = Encoder(instrument_pb2.Instrument, instruments.Instrument)
order = Encoder(execution_pb2.Order, executions.Order, parts={"instrument": instrument})
fill = Encoder(execution_pb2.Fill, executions.Fill, parts={"instrument": instrument}, without=("fee_source",))
leg = Encoder(chain_pb2.PositionLeg, chains.Leg, parts={"instrument": instrument})
roll = Encoder(chain_pb2.Roll, chains.Roll)
line = Encoder(chain_pb2.CashLine, chains.CashLine)
chain = Encoder(
    chain_pb2.PositionChain,
    chains.Chain,
    sources={"num_legs": lambda fact: len(fact.legs)},
    parts={"legs": leg, "rolls": roll, "working_orders": order},
)
greeks = Encoder(mark_pb2.Greeks, valuation.Greeks)
leg_valuation = Encoder(mark_pb2.LegValuation, valuation.LegValuation, parts={"greeks": greeks})
chain_valuation = Encoder(
    mark_pb2.ChainValuation, valuation.ChainValuation, parts={"legs": leg_valuation, "greeks": greeks}
)
value_sample = Encoder(mark_pb2.ValueSample, valuation.ValueSample)
portfolio_valuation = Encoder(portfolio_pb2.PortfolioValuation, valuation.PortfolioValuation)
execution = Encoder(
    execution_pb2.ExecutionResult,
    executions.Execution,
    parts={"orders": order, "fills": fill},
    without=("raw_payloads",),
)


def _execution_entry(body: entries.ExecutionEntry) -> entry_pb2.ExecutionEntry:
    said = execution(body.said)
    attached = []
    for decided in body.fills:
        if decided.fill is None:
            _complete(said.fills[decided.place], decided)
        else:
            attached.append(_complete(fill(decided.fill), decided))
    return entry_pb2.ExecutionEntry(
        execution=said,
        attached_fills=attached,
        dropped_trade_ids=body.dropped_trade_ids,
        flags=_flags(body.flags),
        payload_digests=body.said.raw_payloads,
    )


def _complete(message: execution_pb2.Fill, decided: entries.DecidedFill) -> execution_pb2.Fill:
    """A fill with its fee as it was decided."""
    message.fee_source = _FEE_SOURCE.numbers[decided.fee_source]
    if decided.fee is not None:
        message.fee = plain(decided.fee)
    return message


def _fills_entry(body: entries.FillsEntry) -> entry_pb2.FillsEntry:
    return entry_pb2.FillsEntry(
        request_id=body.request_id,
        venue=body.venue,
        mode=_MODE.numbers[body.mode],
        fills=[
            *(_complete(fill(decided.fill), decided) for decided in body.fills if decided.fill is not None),
            *(fill(waiting) for waiting in body.waiting_fills),
        ],
        orders=[
            *(order(body.order_of(decided)) for decided in body.orders),
            *(order(report) for report in body.waiting_orders),
        ],
        dropped_trade_ids=body.dropped_trade_ids,
        flags=_flags(body.flags),
        payload_digests=body.said.raw_payloads if body.said else (),
    )


_expiry_entry = Encoder(entry_pb2.ExpiryEntry, entries.ExpiryEntry)
_settlement_entry = Encoder(
    entry_pb2.SettlementEntry,
    entries.SettlementEntry,
    sources={
        "symbols": lambda body: [delivery.symbol for delivery in body.deliveries],
    },
)
_entry = Encoder(
    entry_pb2.LedgerEntry,
    entries.Entry,
    without=("execution", "fills", "expiry", "settlement", "correction"),
)


def ledger_entry(fact: entries.Entry) -> entry_pb2.LedgerEntry:
    """A line of the journal."""
    message: entry_pb2.LedgerEntry = _entry(fact)
    match fact.body:
        case entries.ExecutionEntry() as body:
            message.execution.CopyFrom(_execution_entry(body))
        case entries.FillsEntry() as body:
            message.fills.CopyFrom(_fills_entry(body))
        case entries.ExpiryEntry() as body:
            message.expiry.CopyFrom(_expiry_entry(body))
        case entries.SettlementEntry() as body:
            message.settlement.CopyFrom(_settlement_entry(body))
    return message


@dataclass(frozen=True, slots=True)
class _Row:
    """What a portfolio row is made of."""

    account: str
    mode: executions.Mode
    settlement_currency: str
    totals: Totals
    realized: Realized | None


def _of_totals(name: str) -> Callable[[_Row], Any]:
    return lambda row: getattr(row.totals, name)


_row = Encoder(
    portfolio_pb2.PortfolioRow,
    _Row,
    sources={
        **{
            field.name: _of_totals(field.name)
            for field in portfolio_pb2.PortfolioRow.DESCRIPTOR.fields
            if hasattr(Totals, field.name)
        },
        "net_pnl_usd": lambda row: None if row.totals.usd_missing else row.totals.net_pnl_usd,
        "closed_net_pnl_usd": lambda row: None if row.totals.closed_usd_missing else row.totals.closed_net_pnl_usd,
        "period_realized_pnl": lambda row: row.realized.pnl if row.realized else None,
        "period_realized_pnl_usd": lambda row: row.realized.pnl_usd if row.realized else None,
    },
)


def portfolio_row(row: Row, totals: Totals, realized: Realized | None) -> portfolio_pb2.PortfolioRow:
    """Totals of one account, mode and currency."""
    message: portfolio_pb2.PortfolioRow = _row(_Row(*row, totals, realized))
    return message


def _flags(flags: Iterable[executions.Flag]) -> list[Any]:
    return [_FLAG.numbers[flag] for flag in flags]


def recorded_execution(answer: entries.Answer) -> ledger_service_pb2.RecordExecutionResponse:
    """The answer to an execution."""
    return ledger_service_pb2.RecordExecutionResponse(
        revision=answer.revision,
        position_id=answer.position_ids[0] if answer.position_ids else "",
        dropped_trade_ids=answer.dropped_trade_ids,
        flags=_flags(answer.flags),
    )


recorded_fills = Encoder(ledger_service_pb2.RecordFillsResponse, entries.Answer)
recorded_settlement = Encoder(ledger_service_pb2.RecordSettlementResponse, entries.Answer)


def refused_execution(stored: StoredRefusal) -> ledger_service_pb2.RefusedExecution:
    """A refused command as it came."""
    message = ledger_service_pb2.RefusedExecution(
        account=stored.account,
        request_id=stored.request_id,
        refusal=ledger_service_pb2.Refusal(
            code=int(CODES_BY_NAME[stored.code].value[0]),
            reason=stored.reason,
            message=stored.message,
            field=stored.field,
            metadata=stored.details,
        ),
        attempts=stored.attempts,
        first_time=timestamp(stored.first_time),
        last_time=timestamp(stored.last_time),
        resolved_revision=stored.resolved_revision,
    )
    if stored.mode:
        message.mode = _MODE.numbers[executions.Mode(stored.mode)]
    if stored.content is not None:
        getattr(message, stored.command).ParseFromString(stored.content)
    return message
