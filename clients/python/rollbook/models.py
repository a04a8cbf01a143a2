"""Typed values of the API: one dataclass per message, one enum per enum. Made by make protos; do not edit.

Prices, quantities and money are Decimal and stay exact; times are aware datetimes in UTC. What is unset is None.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Self

from rollbook import _convert
from rollbook.v1 import (
    chain_pb2,
    entry_pb2,
    error_reason_pb2,
    execution_pb2,
    instrument_pb2,
    ledger_service_pb2,
    mark_pb2,
    portfolio_pb2,
    system_service_pb2,
    watch_pb2,
)

__all__ = [
    "Action",
    "CashLine",
    "ChainOrder",
    "ChainState",
    "ChainValuation",
    "CloseReason",
    "ContractStyle",
    "CorrectionEntry",
    "Cursor",
    "ErrorReason",
    "ExecutionEntry",
    "ExecutionResult",
    "ExecutionStatus",
    "ExpiryEntry",
    "FeeSource",
    "Fill",
    "FillSource",
    "FillsEntry",
    "Flag",
    "GetChainRequest",
    "GetChainResponse",
    "GetPortfolioRequest",
    "GetPortfolioResponse",
    "GetServerStatusRequest",
    "GetServerStatusResponse",
    "Greeks",
    "Instrument",
    "LedgerEntry",
    "LegState",
    "LegValuation",
    "LineKind",
    "Liquidity",
    "ListChainsRequest",
    "ListChainsResponse",
    "ListEntriesRequest",
    "ListEntriesResponse",
    "ListRefusedExecutionsRequest",
    "ListRefusedExecutionsResponse",
    "ListValuationsRequest",
    "ListValuationsResponse",
    "Mark",
    "MarkFlag",
    "Mode",
    "OptionType",
    "Order",
    "OrderState",
    "PortfolioRow",
    "PortfolioValuation",
    "PositionChain",
    "PositionEffect",
    "PositionLeg",
    "RawPayload",
    "RecordExecutionRequest",
    "RecordExecutionResponse",
    "RecordExecutionsRequest",
    "RecordExecutionsResponse",
    "RecordFillsRequest",
    "RecordFillsResponse",
    "RecordSettlementRequest",
    "RecordSettlementResponse",
    "RecordedExecution",
    "Refusal",
    "RefusedExecution",
    "ReportedDelivery",
    "Roll",
    "RollMove",
    "SettlementEntry",
    "SettlementPeriod",
    "Side",
    "StrategyKind",
    "UpdateMarksRequest",
    "UpdateMarksResponse",
    "ValueSample",
    "WatchChainsRequest",
    "WatchChainsResponse",
    "WatchEntriesRequest",
    "WatchEntriesResponse",
]


class OptionType(enum.StrEnum):
    """Whether an option is the right to buy or to sell."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands, "any" in filters."""
    CALL = "CALL"
    """The right to buy the underlying at the strike."""
    PUT = "PUT"
    """The right to sell the underlying at the strike."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> instrument_pb2.OptionType.ValueType:
        return _convert.enum_to_proto(instrument_pb2.OptionType, "OPTION_TYPE_", self)

    @classmethod
    def from_proto(cls, number: instrument_pb2.OptionType.ValueType) -> Self:
        return _convert.enum_from_proto(cls, instrument_pb2.OptionType, "OPTION_TYPE_", number)


class ContractStyle(enum.StrEnum):
    """How an option's premium and payoff are paid."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands."""
    INVERSE = "INVERSE"
    """Premium, fee and payoff in the underlying coin (BTC, ETH): payoff of a call max(S-K,0)/S."""
    LINEAR = "LINEAR"
    """Premium, fee and payoff in the quote currency (USDC): payoff of a call max(S-K,0)."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> instrument_pb2.ContractStyle.ValueType:
        return _convert.enum_to_proto(instrument_pb2.ContractStyle, "CONTRACT_STYLE_", self)

    @classmethod
    def from_proto(cls, number: instrument_pb2.ContractStyle.ValueType) -> Self:
        return _convert.enum_from_proto(cls, instrument_pb2.ContractStyle, "CONTRACT_STYLE_", number)


class SettlementPeriod(enum.StrEnum):
    """The venue's listing cycle of a contract. It decides whether a delivery fee is due: dailies pay none."""

    UNSPECIFIED = "UNSPECIFIED"
    """Taken from the expiry: a contract that expires on a Friday is no daily."""
    DAY = "DAY"
    """Listed for a day; no delivery fee."""
    WEEK = "WEEK"
    """Listed for weeks."""
    MONTH = "MONTH"
    """Listed for months or quarters."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> instrument_pb2.SettlementPeriod.ValueType:
        return _convert.enum_to_proto(instrument_pb2.SettlementPeriod, "SETTLEMENT_PERIOD_", self)

    @classmethod
    def from_proto(cls, number: instrument_pb2.SettlementPeriod.ValueType) -> Self:
        return _convert.enum_from_proto(cls, instrument_pb2.SettlementPeriod, "SETTLEMENT_PERIOD_", number)


class Mode(enum.StrEnum):
    """Whether money was at stake. LIVE and DRY_RUN never mix: not in a chain, not in a total."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands, "any" in filters."""
    LIVE = "LIVE"
    """Real orders on the venue."""
    DRY_RUN = "DRY_RUN"
    """Simulated by the bot."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.Mode.ValueType:
        return _convert.enum_to_proto(execution_pb2.Mode, "MODE_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.Mode.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.Mode, "MODE_", number)


class StrategyKind(enum.StrEnum):
    """The kind of strategy that a chain belongs to. A free strategy_name goes beside it."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands, "any" in filters."""
    COVERED_CALL = "COVERED_CALL"
    """Short calls against coins that are held."""
    CASH_SECURED_PUT = "CASH_SECURED_PUT"
    """Short puts against cash that is held."""
    SHORT_STRANGLE = "SHORT_STRANGLE"
    """A short call and a short put together."""
    CREDIT_SPREAD = "CREDIT_SPREAD"
    """A short option with a long one further out."""
    OTHER = "OTHER"
    """Anything else; say what in strategy_name."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.StrategyKind.ValueType:
        return _convert.enum_to_proto(execution_pb2.StrategyKind, "STRATEGY_KIND_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.StrategyKind.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.StrategyKind, "STRATEGY_KIND_", number)


class Action(enum.StrEnum):
    """What the bot set out to do."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands."""
    OPEN = "OPEN"
    """Open a chain. Without position_id always a new chain; with it, a new one of that name, or the completion
    of the half-done roll of that FLAT chain. A chain that is open at executed_time is refused (use ADD).
    """
    ADD = "ADD"
    """Sell (or buy) more in an open chain."""
    ROLL = "ROLL"
    """Close one contract and open another within one chain."""
    CLOSE = "CLOSE"
    """Buy (or sell) back, whole or in part. Without any fill and order on a FLAT chain: give the roll up."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.Action.ValueType:
        return _convert.enum_to_proto(execution_pb2.Action, "ACTION_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.Action.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.Action, "ACTION_", number)


class ExecutionStatus(enum.StrEnum):
    """How the attempt went. Only fills move a chain, whatever the status says."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands."""
    EXECUTED = "EXECUTED"
    """Sent to the venue and filled, or its orders accepted."""
    SIMULATED = "SIMULATED"
    """Filled by the bot's simulator; DRY_RUN only."""
    PARTIAL = "PARTIAL"
    """Part of it was done: some quantity, or one order of a roll."""
    RESTING = "RESTING"
    """Orders rest in the book; their fills follow by RecordFills."""
    ERROR = "ERROR"
    """It failed. Kept as an entry with its errors; moves a chain only by what did fill."""
    SKIPPED = "SKIPPED"
    """The bot decided against it. Kept as an entry."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.ExecutionStatus.ValueType:
        return _convert.enum_to_proto(execution_pb2.ExecutionStatus, "EXECUTION_STATUS_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.ExecutionStatus.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.ExecutionStatus, "EXECUTION_STATUS_", number)


class Side(enum.StrEnum):
    """Direction of a trade."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands."""
    BUY = "BUY"
    """Bought: cash out."""
    SELL = "SELL"
    """Sold: cash in."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.Side.ValueType:
        return _convert.enum_to_proto(execution_pb2.Side, "SIDE_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.Side.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.Side, "SIDE_", number)


class PositionEffect(enum.StrEnum):
    """Whether a trade builds a position or takes one away."""

    UNSPECIFIED = "UNSPECIFIED"
    """Follows from the action: OPEN and ADD open, CLOSE closes, ROLL closes from_symbols and opens to_symbols."""
    OPENING = "OPENING"
    """Builds a position."""
    CLOSING = "CLOSING"
    """Takes a position away."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.PositionEffect.ValueType:
        return _convert.enum_to_proto(execution_pb2.PositionEffect, "POSITION_EFFECT_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.PositionEffect.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.PositionEffect, "POSITION_EFFECT_", number)


class OrderState(enum.StrEnum):
    """The venue's state of an order."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands."""
    OPEN = "OPEN"
    """Resting in the book (or waiting for its trigger), perhaps partly filled."""
    FILLED = "FILLED"
    """Filled whole."""
    CANCELLED = "CANCELLED"
    """Taken back, by us or by the venue, perhaps after a partial fill."""
    REJECTED = "REJECTED"
    """Never accepted."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.OrderState.ValueType:
        return _convert.enum_to_proto(execution_pb2.OrderState, "ORDER_STATE_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.OrderState.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.OrderState, "ORDER_STATE_", number)


class FillSource(enum.StrEnum):
    """Where a fill's figures come from."""

    UNSPECIFIED = "UNSPECIFIED"
    """Refused in commands."""
    VENUE_TRADE = "VENUE_TRADE"
    """A trade of the venue; has a trade_id, and the same trade counts once, however often it is reported."""
    ORDER_AGGREGATE = "ORDER_AGGREGATE"
    """An order's cumulative filled quantity and average price, with its order_id and without a trade_id. The
    newest report counts; real trades of the order take its place as they come.
    """
    SIMULATED = "SIMULATED"
    """Made up by the bot's simulator; DRY_RUN only."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.FillSource.ValueType:
        return _convert.enum_to_proto(execution_pb2.FillSource, "FILL_SOURCE_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.FillSource.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.FillSource, "FILL_SOURCE_", number)


class Liquidity(enum.StrEnum):
    """Which side of the book a fill was on."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not known; fee estimates take the dearer one."""
    MAKER = "MAKER"
    """Our order rested."""
    TAKER = "TAKER"
    """Our order took."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.Liquidity.ValueType:
        return _convert.enum_to_proto(execution_pb2.Liquidity, "LIQUIDITY_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.Liquidity.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.Liquidity, "LIQUIDITY_", number)


class FeeSource(enum.StrEnum):
    """Where a fill's fee comes from."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not set by a client: the server says it."""
    REPORTED = "REPORTED"
    """As reported."""
    ESTIMATED = "ESTIMATED"
    """Estimated by the server from the venue's fee table: DRY_RUN fills, and deliveries whose fee was not reported."""
    MISSING = "MISSING"
    """Nobody said: the fill counts without a fee and fees_complete of its chain is false."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.FeeSource.ValueType:
        return _convert.enum_to_proto(execution_pb2.FeeSource, "FEE_SOURCE_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.FeeSource.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.FeeSource, "FEE_SOURCE_", number)


class Flag(enum.StrEnum):
    """Something about an accepted command that deserves a look. Never an error."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    FEE_ESTIMATED = "FEE_ESTIMATED"
    """A fee was estimated from the fee table (DRY_RUN)."""
    FEE_MISSING = "FEE_MISSING"
    """A fill came without a fee."""
    INDEX_MISSING = "INDEX_MISSING"
    """A fill of a coin-settled contract came without an index price: its USD figures stay unset."""
    FILLED_QUANTITY_DIFFERS = "FILLED_QUANTITY_DIFFERS"
    """An order's filled_quantity differs from the sum of its fills."""
    SETTLEMENT_DIFFERS = "SETTLEMENT_DIFFERS"
    """A settlement's reported cash or fee differs from the formula by more than 0.00000002."""
    TRADES_DROPPED = "TRADES_DROPPED"
    """Some fills were known already and were dropped; see dropped_trade_ids."""
    FILLS_ATTACHED = "FILLS_ATTACHED"
    """Fills that waited for one of these orders were attached to the chain."""
    FILLS_UNMATCHED = "FILLS_UNMATCHED"
    """Fills or order states of orders nobody has reported yet; they wait until the order comes."""
    SETTLED_ON_ARRIVAL = "SETTLED_ON_ARRIVAL"
    """The contract's delivery price was known already: the chain was settled at once."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> execution_pb2.Flag.ValueType:
        return _convert.enum_to_proto(execution_pb2.Flag, "FLAG_", self)

    @classmethod
    def from_proto(cls, number: execution_pb2.Flag.ValueType) -> Self:
        return _convert.enum_from_proto(cls, execution_pb2.Flag, "FLAG_", number)


class ChainState(enum.StrEnum):
    """State of a chain."""

    UNSPECIFIED = "UNSPECIFIED"
    """"Any" in filters."""
    PENDING = "PENDING"
    """Orders are working, nothing has filled yet."""
    OPEN = "OPEN"
    """Something is open, or waits for its delivery."""
    FLAT = "FLAT"
    """A roll is half done: nothing is open. flat_reason says why."""
    CLOSED = "CLOSED"
    """Over; close_reason says how."""
    VOIDED = "VOIDED"
    """Taken out by corrections."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> chain_pb2.ChainState.ValueType:
        return _convert.enum_to_proto(chain_pb2.ChainState, "CHAIN_STATE_", self)

    @classmethod
    def from_proto(cls, number: chain_pb2.ChainState.ValueType) -> Self:
        return _convert.enum_from_proto(cls, chain_pb2.ChainState, "CHAIN_STATE_", number)


class CloseReason(enum.StrEnum):
    """How a chain ended; the last event decides."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not closed."""
    BOUGHT_BACK = "BOUGHT_BACK"
    """The last of it was bought (or sold) back."""
    EXPIRED = "EXPIRED"
    """It expired worthless, or at the strike."""
    SETTLED = "SETTLED"
    """It was delivered in the money."""
    ROLL_ABANDONED = "ROLL_ABANDONED"
    """A half-done roll was given up."""
    ORDER_CANCELLED = "ORDER_CANCELLED"
    """Its orders ended without a fill. Such a chain is in no statistic."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> chain_pb2.CloseReason.ValueType:
        return _convert.enum_to_proto(chain_pb2.CloseReason, "CLOSE_REASON_", self)

    @classmethod
    def from_proto(cls, number: chain_pb2.CloseReason.ValueType) -> Self:
        return _convert.enum_from_proto(cls, chain_pb2.CloseReason, "CLOSE_REASON_", number)


class LegState(enum.StrEnum):
    """State of a leg."""

    UNSPECIFIED = "UNSPECIFIED"
    """"Any" in filters."""
    OPEN = "OPEN"
    """Held."""
    CLOSED = "CLOSED"
    """Traded away."""
    AWAITING_DELIVERY = "AWAITING_DELIVERY"
    """Expired, its delivery price not known yet."""
    SETTLED = "SETTLED"
    """Expired and paid, worthless or not."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> chain_pb2.LegState.ValueType:
        return _convert.enum_to_proto(chain_pb2.LegState, "LEG_STATE_", self)

    @classmethod
    def from_proto(cls, number: chain_pb2.LegState.ValueType) -> Self:
        return _convert.enum_from_proto(cls, chain_pb2.LegState, "LEG_STATE_", number)


class RollMove(enum.StrEnum):
    """Where a roll moved to on one axis."""

    UNSPECIFIED = "UNSPECIFIED"
    """The roll is not complete, or has several contracts on one side that disagree."""
    SAME = "SAME"
    """The same strike (or expiry)."""
    HIGHER = "HIGHER"
    """A higher strike (or a later expiry: out)."""
    LOWER = "LOWER"
    """A lower strike (or an earlier expiry: in)."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> chain_pb2.RollMove.ValueType:
        return _convert.enum_to_proto(chain_pb2.RollMove, "ROLL_MOVE_", self)

    @classmethod
    def from_proto(cls, number: chain_pb2.RollMove.ValueType) -> Self:
        return _convert.enum_from_proto(cls, chain_pb2.RollMove, "ROLL_MOVE_", number)


class LineKind(enum.StrEnum):
    """What a cash line was."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    OPENING = "OPENING"
    """A fill that opened."""
    CLOSING = "CLOSING"
    """A fill that closed."""
    SETTLEMENT = "SETTLEMENT"
    """A settlement at expiry."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> chain_pb2.LineKind.ValueType:
        return _convert.enum_to_proto(chain_pb2.LineKind, "LINE_KIND_", self)

    @classmethod
    def from_proto(cls, number: chain_pb2.LineKind.ValueType) -> Self:
        return _convert.enum_from_proto(cls, chain_pb2.LineKind, "LINE_KIND_", number)


class ErrorReason(enum.StrEnum):
    """Why a call was refused: `google.rpc.ErrorInfo.reason`, in the domain "rollbook", without the prefix. The field is
    in the metadata ("field") and in `google.rpc.BadRequest`.
    """

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    MISSING_FIELD = "MISSING_FIELD"
    """INVALID_ARGUMENT: a required field is not set."""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    """INVALID_ARGUMENT: the server does not know the field; it may be older than the client."""
    UNSPECIFIED_VALUE = "UNSPECIFIED_VALUE"
    """INVALID_ARGUMENT: an enum is unspecified where a value is needed."""
    UNKNOWN_VALUE = "UNKNOWN_VALUE"
    """INVALID_ARGUMENT: the server does not know the enum value."""
    MALFORMED_DECIMAL = "MALFORMED_DECIMAL"
    """INVALID_ARGUMENT: not a decimal in plain notation with at most 18 digits before and 18 after the point."""
    OUT_OF_BOUNDS = "OUT_OF_BOUNDS"
    """INVALID_ARGUMENT: a number outside its range, for example a quantity of 0."""
    MALFORMED_TEXT = "MALFORMED_TEXT"
    """INVALID_ARGUMENT: text of the wrong form: an id, account, venue or request_id."""
    TOO_LARGE = "TOO_LARGE"
    """INVALID_ARGUMENT: more items, or longer text, than allowed."""
    MALFORMED_SYMBOL = "MALFORMED_SYMBOL"
    """INVALID_ARGUMENT: not a contract's name."""
    INSTRUMENT_MISMATCH = "INSTRUMENT_MISMATCH"
    """INVALID_ARGUMENT: the contract as given differs from its name, or from what the chain holds."""
    FEE_CURRENCY_MISMATCH = "FEE_CURRENCY_MISMATCH"
    """INVALID_ARGUMENT: the fee is not in the contract's settlement currency."""
    MIXED_CURRENCIES = "MIXED_CURRENCIES"
    """INVALID_ARGUMENT: contracts of two settlement currencies or underlyings in one chain."""
    CONTRADICTION = "CONTRADICTION"
    """INVALID_ARGUMENT: fields that contradict each other, for example a ROLL from a contract to itself."""
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"
    """INVALID_ARGUMENT: the page token is not of this ledger, this call or these filters."""
    POSITION_NOT_FOUND = "POSITION_NOT_FOUND"
    """NOT_FOUND: no chain of that name."""
    NO_CHAIN_HOLDS_CONTRACT = "NO_CHAIN_HOLDS_CONTRACT"
    """NOT_FOUND: no chain of that strategy held the contract at that time."""
    AMBIGUOUS_CONTRACT = "AMBIGUOUS_CONTRACT"
    """FAILED_PRECONDITION: several chains held the contract; metadata "position_ids" lists them."""
    CHAIN_MISMATCH = "CHAIN_MISMATCH"
    """FAILED_PRECONDITION: the chain is of another mode, venue, strategy, underlying or currency."""
    POSITION_EXISTS = "POSITION_EXISTS"
    """FAILED_PRECONDITION: an OPEN names a chain that is open at that time; use ADD."""
    POSITION_NOT_OPEN = "POSITION_NOT_OPEN"
    """FAILED_PRECONDITION: the chain was not open (or FLAT, for an OPEN) at that time."""
    CLOSES_MORE_THAN_OPEN = "CLOSES_MORE_THAN_OPEN"
    """FAILED_PRECONDITION: more would be closed than was open at that moment."""
    CONTRACT_EXPIRED = "CONTRACT_EXPIRED"
    """FAILED_PRECONDITION: a fill at or after its contract's expiry, by the fill's own time."""
    WRONG_SIDE = "WRONG_SIDE"
    """FAILED_PRECONDITION: a closing in the direction of the leg, or an opening against it."""
    ORDER_OF_OTHER_CHAIN = "ORDER_OF_OTHER_CHAIN"
    """FAILED_PRECONDITION: the order belongs to another chain."""
    SETTLED_AT_OTHER_PRICE = "SETTLED_AT_OTHER_PRICE"
    """FAILED_PRECONDITION: the contract was settled at another price; a correction is the way."""
    NOT_EXPIRED = "NOT_EXPIRED"
    """FAILED_PRECONDITION: the settlement comes before the expiry, by the server's clock."""
    BATCH_REFUSED = "BATCH_REFUSED"
    """FAILED_PRECONDITION: another item of the atomic batch was refused; metadata "index" says which."""
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    """ALREADY_EXISTS: the request_id was used for other content; metadata "fields" names what differs."""
    TRADE_CONFLICT = "TRADE_CONFLICT"
    """ALREADY_EXISTS: the trade_id was recorded with other content; metadata "fields" names what differs."""
    STALE_CURSOR = "STALE_CURSOR"
    """OUT_OF_RANGE: a cursor of another ledger, or of the future."""
    QUEUE_FULL = "QUEUE_FULL"
    """RESOURCE_EXHAUSTED: too many commands wait; send again."""
    STORAGE_FAILED = "STORAGE_FAILED"
    """UNAVAILABLE: the commit failed (disk full, I/O error); nothing of it is recorded; send again."""
    STOPPING = "STOPPING"
    """UNAVAILABLE: the server is stopping; send again."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> error_reason_pb2.ErrorReason.ValueType:
        return _convert.enum_to_proto(error_reason_pb2.ErrorReason, "ERROR_REASON_", self)

    @classmethod
    def from_proto(cls, number: error_reason_pb2.ErrorReason.ValueType) -> Self:
        return _convert.enum_from_proto(cls, error_reason_pb2.ErrorReason, "ERROR_REASON_", number)


class MarkFlag(enum.StrEnum):
    """What deserves a look about a mark."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    STALE = "STALE"
    """Older than ten minutes, or of a contract that has expired."""
    WILD = "WILD"
    """A price that cannot be right: far from its own quotes, outside what the contract can be worth, or a jump that the
    index does not explain.
    """
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> mark_pb2.MarkFlag.ValueType:
        return _convert.enum_to_proto(mark_pb2.MarkFlag, "MARK_FLAG_", self)

    @classmethod
    def from_proto(cls, number: mark_pb2.MarkFlag.ValueType) -> Self:
        return _convert.enum_from_proto(cls, mark_pb2.MarkFlag, "MARK_FLAG_", number)


class ChainOrder(enum.StrEnum):
    """Order of a list of chains. Both keys never change, so paging misses and repeats nothing."""

    UNSPECIFIED = "UNSPECIFIED"
    """Newest first."""
    NEWEST_FIRST = "NEWEST_FIRST"
    """By created_revision, newest first."""
    OLDEST_FIRST = "OLDEST_FIRST"
    """By created_revision, oldest first."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> ledger_service_pb2.ChainOrder.ValueType:
        return _convert.enum_to_proto(ledger_service_pb2.ChainOrder, "CHAIN_ORDER_", self)

    @classmethod
    def from_proto(cls, number: ledger_service_pb2.ChainOrder.ValueType) -> Self:
        return _convert.enum_from_proto(cls, ledger_service_pb2.ChainOrder, "CHAIN_ORDER_", number)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """An option contract. For the venue "deribit" the server reads it from the symbol
    `BASE[_QUOTE]-DMMMYY-STRIKE-(C|P)` (day unpadded, `d` as decimal point, expiry 08:00:00 UTC); for other
    venues it must be given. Where both are there they must agree (INSTRUMENT_MISMATCH).
    """

    symbol: str = ""
    """The venue's name of the contract, 1 to 64 characters of [A-Za-z0-9._-]."""
    underlying: str = ""
    """The coin that the option is on, upper case: "BTC"."""
    settlement_currency: str = ""
    """What premium, fee and payoff are paid in: the underlying if inverse, else the quote currency ("USDC")."""
    style: ContractStyle = ContractStyle.UNSPECIFIED
    """How premium and payoff are paid."""
    option_type: OptionType = OptionType.UNSPECIFIED
    """Call or put."""
    strike: Decimal | None = None
    """Decimal, > 0. Strike in USD (inverse) or in the settlement currency (linear) per coin."""
    expiry_time: datetime.datetime | None = None
    """The instant of expiry. A fill at or after it is refused."""
    multiplier: Decimal | None = None
    """Decimal, > 0; unset means 1. Coins per unit of quantity. Deribit's amounts count coins already: 1."""
    index_name: str = ""
    """The venue's index that settles the contract, lower case: "btc_usd", "btc_usdc". Settlements can name it."""
    settlement_period: SettlementPeriod = SettlementPeriod.UNSPECIFIED
    """The listing cycle, if known."""

    def to_proto(self) -> instrument_pb2.Instrument:
        return instrument_pb2.Instrument(
            symbol=self.symbol,
            underlying=self.underlying,
            settlement_currency=self.settlement_currency,
            style=self.style.to_proto(),
            option_type=self.option_type.to_proto(),
            strike="" if self.strike is None else _convert.decimal_to_text(self.strike),
            expiry_time=None if self.expiry_time is None else _convert.time_to_proto(self.expiry_time),
            multiplier=None if self.multiplier is None else _convert.decimal_to_text(self.multiplier),
            index_name=self.index_name,
            settlement_period=self.settlement_period.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: instrument_pb2.Instrument) -> Self:
        return cls(
            symbol=message.symbol,
            underlying=message.underlying,
            settlement_currency=message.settlement_currency,
            style=ContractStyle.from_proto(message.style),
            option_type=OptionType.from_proto(message.option_type),
            strike=_convert.decimal_from_text(message.strike) if message.strike else None,
            expiry_time=_convert.time_from_proto(message.expiry_time) if message.HasField("expiry_time") else None,
            multiplier=_convert.decimal_from_text(message.multiplier) if message.multiplier else None,
            index_name=message.index_name,
            settlement_period=SettlementPeriod.from_proto(message.settlement_period),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawPayload:
    """A message of the venue as it came, kept apart from the journal under its digest, because it may name users."""

    source: str = ""
    """What it is, for example "deribit.user.trades"; at most 64 characters."""
    content_type: str = ""
    """Its media type, for example "application/json"; at most 64 characters."""
    body: bytes = b""
    """The bytes, at most 65,536."""

    def to_proto(self) -> execution_pb2.RawPayload:
        return execution_pb2.RawPayload(
            source=self.source,
            content_type=self.content_type,
            body=self.body,
        )

    @classmethod
    def from_proto(cls, message: execution_pb2.RawPayload) -> Self:
        return cls(
            source=message.source,
            content_type=message.content_type,
            body=message.body,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the venue knows it. An order is no fill: it changes a chain's state (PENDING, ORDER_CANCELLED) at
    most.
    In RecordFills only order_id and state are required.
    """

    order_id: str = ""
    """The venue's id, 1 to 128 printable characters. One order belongs to one chain."""
    symbol: str = ""
    """The contract."""
    instrument: Instrument | None = None
    """The contract in full; needed for venues other than "deribit"."""
    side: Side = Side.UNSPECIFIED
    """Direction."""
    quantity: Decimal | None = None
    """Decimal, > 0. Ordered quantity in coins (times the contract's multiplier)."""
    limit_price: Decimal | None = None
    """Decimal, >= 0. Limit price in the contract's premium unit; unset for a market order."""
    state: OrderState = OrderState.UNSPECIFIED
    """State as of update_time."""
    filled_quantity: Decimal | None = None
    """Decimal, >= 0. What the venue says is filled so far. A cross-check that flags; never a fill."""
    position_effect: PositionEffect = PositionEffect.UNSPECIFIED
    """Whether it opens or closes; unset follows from the action."""
    label: str = ""
    """The bot's own label on the venue, at most 128 characters."""
    update_time: datetime.datetime | None = None
    """When the venue last changed the order; unset means the command's executed_time. The newest wins."""
    reason: str = ""
    """Why it was cancelled or rejected, in the venue's words; at most 1,024 characters."""

    def to_proto(self) -> execution_pb2.Order:
        return execution_pb2.Order(
            order_id=self.order_id,
            symbol=self.symbol,
            instrument=None if self.instrument is None else self.instrument.to_proto(),
            side=self.side.to_proto(),
            quantity="" if self.quantity is None else _convert.decimal_to_text(self.quantity),
            limit_price=None if self.limit_price is None else _convert.decimal_to_text(self.limit_price),
            state=self.state.to_proto(),
            filled_quantity=None if self.filled_quantity is None else _convert.decimal_to_text(self.filled_quantity),
            position_effect=self.position_effect.to_proto(),
            label=self.label,
            update_time=None if self.update_time is None else _convert.time_to_proto(self.update_time),
            reason=self.reason,
        )

    @classmethod
    def from_proto(cls, message: execution_pb2.Order) -> Self:
        return cls(
            order_id=message.order_id,
            symbol=message.symbol,
            instrument=Instrument.from_proto(message.instrument) if message.HasField("instrument") else None,
            side=Side.from_proto(message.side),
            quantity=_convert.decimal_from_text(message.quantity) if message.quantity else None,
            limit_price=_convert.decimal_from_text(message.limit_price) if message.limit_price else None,
            state=OrderState.from_proto(message.state),
            filled_quantity=_convert.decimal_from_text(message.filled_quantity) if message.filled_quantity else None,
            position_effect=PositionEffect.from_proto(message.position_effect),
            label=message.label,
            update_time=_convert.time_from_proto(message.update_time) if message.HasField("update_time") else None,
            reason=message.reason,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One trade, or an order's cumulative state of fill, or a simulated trade."""

    source: FillSource = FillSource.UNSPECIFIED
    """Where it comes from. Required."""
    trade_id: str = ""
    """The venue's id; required for VENUE_TRADE, refused otherwise. Unique per (account, mode, venue, settlement
    currency). 1 to 128 printable characters.
    """
    order_id: str = ""
    """The venue's order id; required for ORDER_AGGREGATE and in RecordFills."""
    symbol: str = ""
    """The contract."""
    instrument: Instrument | None = None
    """The contract in full; needed for venues other than "deribit"."""
    side: Side = Side.UNSPECIFIED
    """Direction."""
    quantity: Decimal | None = None
    """Decimal, > 0. Quantity in coins (times the contract's multiplier); cumulative for ORDER_AGGREGATE."""
    price: Decimal | None = None
    """Decimal, >= 0. Price in the contract's premium unit; the average price for ORDER_AGGREGATE."""
    fee: Decimal | None = None
    """Decimal, any sign: > 0 is a cost, < 0 a rebate. In the settlement currency; cumulative for ORDER_AGGREGATE. Unset
    is not zero: LIVE fees are then incomplete, DRY_RUN fees are estimated.
    """
    fee_currency: str = ""
    """Must be the contract's settlement currency; unset means that."""
    index_price: Decimal | None = None
    """Decimal, > 0. The underlying's index in USD at this fill. Without it a coin line has no USD value."""
    executed_time: datetime.datetime | None = None
    """The venue's time of the trade. Required; must be before the contract's expiry."""
    position_effect: PositionEffect = PositionEffect.UNSPECIFIED
    """Whether it opens or closes; unset follows from its order, else from the action."""
    liquidity: Liquidity = Liquidity.UNSPECIFIED
    """Maker or taker, if known."""
    mark_price: Decimal | None = None
    """Decimal, >= 0. The venue's mark at the trade, for the record."""
    underlying_price: Decimal | None = None
    """Decimal, > 0. The forward of the expiry at the trade, for the record."""
    implied_volatility: float | None = None
    """Implied volatility of the trade in percent, for the record."""
    combo_id: str = ""
    """The venue's id of the combination that it was a part of, if any; at most 128 characters."""
    fee_source: FeeSource = FeeSource.UNSPECIFIED
    """Where the fee comes from. Said by the server; refused in commands."""

    def to_proto(self) -> execution_pb2.Fill:
        return execution_pb2.Fill(
            source=self.source.to_proto(),
            trade_id=self.trade_id,
            order_id=self.order_id,
            symbol=self.symbol,
            instrument=None if self.instrument is None else self.instrument.to_proto(),
            side=self.side.to_proto(),
            quantity="" if self.quantity is None else _convert.decimal_to_text(self.quantity),
            price="" if self.price is None else _convert.decimal_to_text(self.price),
            fee=None if self.fee is None else _convert.decimal_to_text(self.fee),
            fee_currency=self.fee_currency,
            index_price=None if self.index_price is None else _convert.decimal_to_text(self.index_price),
            executed_time=None if self.executed_time is None else _convert.time_to_proto(self.executed_time),
            position_effect=self.position_effect.to_proto(),
            liquidity=self.liquidity.to_proto(),
            mark_price=None if self.mark_price is None else _convert.decimal_to_text(self.mark_price),
            underlying_price=None if self.underlying_price is None else _convert.decimal_to_text(self.underlying_price),
            implied_volatility=self.implied_volatility,
            combo_id=self.combo_id,
            fee_source=self.fee_source.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: execution_pb2.Fill) -> Self:
        return cls(
            source=FillSource.from_proto(message.source),
            trade_id=message.trade_id,
            order_id=message.order_id,
            symbol=message.symbol,
            instrument=Instrument.from_proto(message.instrument) if message.HasField("instrument") else None,
            side=Side.from_proto(message.side),
            quantity=_convert.decimal_from_text(message.quantity) if message.quantity else None,
            price=_convert.decimal_from_text(message.price) if message.price else None,
            fee=_convert.decimal_from_text(message.fee) if message.fee else None,
            fee_currency=message.fee_currency,
            index_price=_convert.decimal_from_text(message.index_price) if message.index_price else None,
            executed_time=_convert.time_from_proto(message.executed_time) if message.HasField("executed_time") else None,
            position_effect=PositionEffect.from_proto(message.position_effect),
            liquidity=Liquidity.from_proto(message.liquidity),
            mark_price=_convert.decimal_from_text(message.mark_price) if message.mark_price else None,
            underlying_price=_convert.decimal_from_text(message.underlying_price) if message.underlying_price else None,
            implied_volatility=message.implied_volatility if message.HasField("implied_volatility") else None,
            combo_id=message.combo_id,
            fee_source=FeeSource.from_proto(message.fee_source),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResult:
    """What a bot's attempt came to: the unit of recording. Fields are judged as they stand; unknown fields and
    enum values are refused, because half an order is worse than none.
    """

    request_id: str = ""
    """UUID made and kept by the client before sending. The same id with the same content has one effect and one answer,
    for ever; with other content it is refused (REQUEST_ID_REUSED). A refusal does not bind it. Required.
    """
    account: str = ""
    """Whose book, `[a-z0-9._-]{1,64}`. Required."""
    venue: str = ""
    """Where it was traded, `[a-z0-9._-]{1,64}`; unset means "deribit"."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN. Required."""
    strategy: StrategyKind = StrategyKind.UNSPECIFIED
    """Kind of strategy. Required; must be the chain's."""
    strategy_name: str = ""
    """Free name beside the kind, at most 128 characters; part of the chain's identity."""
    underlying: str = ""
    """The coin, upper case; unset follows from the contracts. Where both are there they must agree."""
    action: Action = Action.UNSPECIFIED
    """What was attempted. Required."""
    status: ExecutionStatus = ExecutionStatus.UNSPECIFIED
    """How it went. Required."""
    position_id: str = ""
    """Which chain, `[A-Za-z0-9._:-]{1,128}`, unique per account; made by the client at OPEN, or by the server if unset.
    Unset in the other actions: the one chain that held the named contract at the fill's time.
    """
    previous_position_id: str = ""
    """For an OPEN that follows a closed chain: that chain."""
    executed_time: datetime.datetime | None = None
    """The venue's time of the execution. Required. Decides, with the fills' own times, about expiry and order."""
    from_symbols: tuple[str, ...] = ()
    """ROLL: the contracts that are closed. Unset: those of the closing orders and fills."""
    to_symbols: tuple[str, ...] = ()
    """ROLL: the contracts that are opened. Unset: those of the opening orders and fills. None may be in from_symbols.
    """
    orders: tuple[Order, ...] = ()
    """At most 100 orders."""
    fills: tuple[Fill, ...] = ()
    """At most 1,000 fills."""
    exit_style: str = ""
    """The bot's exit rule for the chain, for example "tp_and_roll"; at most 128 characters."""
    reason: str = ""
    """Why, for people; at most 1,024 characters."""
    trigger: str = ""
    """Which rule fired, for example "take_profit"; at most 128 characters."""
    decision_id: str = ""
    """The bot's id of the decision; at most 128 characters."""
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """At most 32 labels; keys 1 to 64 characters, values at most 256."""
    errors: tuple[str, ...] = ()
    """What went wrong, in order; at most 32, each at most 1,024 characters."""
    collateral: Decimal | None = None
    """Decimal, > 0. Replaces the computed collateral of the chain from executed_time on, in its settlement currency,
    until the next one or until nothing is open.
    """
    raw_payloads: tuple[RawPayload, ...] = ()
    """At most 8 messages of the venue."""

    def to_proto(self) -> execution_pb2.ExecutionResult:
        return execution_pb2.ExecutionResult(
            request_id=self.request_id,
            account=self.account,
            venue=self.venue,
            mode=self.mode.to_proto(),
            strategy=self.strategy.to_proto(),
            strategy_name=self.strategy_name,
            underlying=self.underlying,
            action=self.action.to_proto(),
            status=self.status.to_proto(),
            position_id=self.position_id,
            previous_position_id=self.previous_position_id,
            executed_time=None if self.executed_time is None else _convert.time_to_proto(self.executed_time),
            from_symbols=self.from_symbols,
            to_symbols=self.to_symbols,
            orders=[item.to_proto() for item in self.orders],
            fills=[item.to_proto() for item in self.fills],
            exit_style=self.exit_style,
            reason=self.reason,
            trigger=self.trigger,
            decision_id=self.decision_id,
            labels=self.labels,
            errors=self.errors,
            collateral=None if self.collateral is None else _convert.decimal_to_text(self.collateral),
            raw_payloads=[item.to_proto() for item in self.raw_payloads],
        )

    @classmethod
    def from_proto(cls, message: execution_pb2.ExecutionResult) -> Self:
        return cls(
            request_id=message.request_id,
            account=message.account,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            strategy=StrategyKind.from_proto(message.strategy),
            strategy_name=message.strategy_name,
            underlying=message.underlying,
            action=Action.from_proto(message.action),
            status=ExecutionStatus.from_proto(message.status),
            position_id=message.position_id,
            previous_position_id=message.previous_position_id,
            executed_time=_convert.time_from_proto(message.executed_time) if message.HasField("executed_time") else None,
            from_symbols=tuple(message.from_symbols),
            to_symbols=tuple(message.to_symbols),
            orders=tuple(Order.from_proto(item) for item in message.orders),
            fills=tuple(Fill.from_proto(item) for item in message.fills),
            exit_style=message.exit_style,
            reason=message.reason,
            trigger=message.trigger,
            decision_id=message.decision_id,
            labels=dict(message.labels),
            errors=tuple(message.errors),
            collateral=_convert.decimal_from_text(message.collateral) if message.collateral else None,
            raw_payloads=tuple(RawPayload.from_proto(item) for item in message.raw_payloads),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PositionLeg:
    """One contract held from flat to flat. Money is in the chain's settlement currency unless said."""

    leg_number: int = 0
    """1..n by arrival; never changes. A contract that returns after going flat is a new leg."""
    instrument: Instrument | None = None
    """The contract."""
    side: Side = Side.UNSPECIFIED
    """SELL for a short leg, BUY for a long one."""
    state: LegState = LegState.UNSPECIFIED
    """State of the leg."""
    open_quantity: Decimal | None = None
    """Decimal, >= 0. What is open now."""
    opened_quantity: Decimal | None = None
    """Decimal. Sum of the opening fills' quantities."""
    entry_price: Decimal | None = None
    """Decimal. Average price of the opening fills, rounded to 18 places."""
    exit_price: Decimal | None = None
    """Decimal. Average price of the closing fills, rounded to 18 places; unset if there are none."""
    open_credit: Decimal | None = None
    """Decimal. Credit of what is open; negative: the cost of a long leg."""
    open_credit_usd: Decimal | None = None
    """Decimal. The same in USD at the index of each opening fill; unset if one has none."""
    gross_pnl: Decimal | None = None
    """Decimal. Realized before fees."""
    fees: Decimal | None = None
    """Decimal. Fees charged so far, delivery fee included."""
    net_pnl: Decimal | None = None
    """Decimal. gross_pnl - fees."""
    delivery_price: Decimal | None = None
    """Decimal. Final delivery price, once known."""
    payoff: Decimal | None = None
    """Decimal. Cash paid at delivery: positive is owed by a short leg, owed to a long one; unset until settled."""
    delivery_fee: Decimal | None = None
    """Decimal. Delivery fee; unset until settled."""
    settled_quantity: Decimal | None = None
    """Decimal. Quantity that was open at expiry; unset until settled."""
    open_time: datetime.datetime | None = None
    """First opening fill."""
    close_time: datetime.datetime | None = None
    """When it went flat or expired; unset while held."""
    decision_id: str = ""
    """Why it was opened: decision_id, trigger and reason of the execution that did."""
    trigger: str = ""
    """The rule that opened it."""
    reason: str = ""
    """The reason given for opening it."""
    collateral: Decimal | None = None
    """Decimal. Collateral that the leg binds now, before any override of the chain."""

    def to_proto(self) -> chain_pb2.PositionLeg:
        return chain_pb2.PositionLeg(
            leg_number=self.leg_number,
            instrument=None if self.instrument is None else self.instrument.to_proto(),
            side=self.side.to_proto(),
            state=self.state.to_proto(),
            open_quantity="" if self.open_quantity is None else _convert.decimal_to_text(self.open_quantity),
            opened_quantity="" if self.opened_quantity is None else _convert.decimal_to_text(self.opened_quantity),
            entry_price="" if self.entry_price is None else _convert.decimal_to_text(self.entry_price),
            exit_price=None if self.exit_price is None else _convert.decimal_to_text(self.exit_price),
            open_credit="" if self.open_credit is None else _convert.decimal_to_text(self.open_credit),
            open_credit_usd=None if self.open_credit_usd is None else _convert.decimal_to_text(self.open_credit_usd),
            gross_pnl="" if self.gross_pnl is None else _convert.decimal_to_text(self.gross_pnl),
            fees="" if self.fees is None else _convert.decimal_to_text(self.fees),
            net_pnl="" if self.net_pnl is None else _convert.decimal_to_text(self.net_pnl),
            delivery_price=None if self.delivery_price is None else _convert.decimal_to_text(self.delivery_price),
            payoff=None if self.payoff is None else _convert.decimal_to_text(self.payoff),
            delivery_fee=None if self.delivery_fee is None else _convert.decimal_to_text(self.delivery_fee),
            settled_quantity=None if self.settled_quantity is None else _convert.decimal_to_text(self.settled_quantity),
            open_time=None if self.open_time is None else _convert.time_to_proto(self.open_time),
            close_time=None if self.close_time is None else _convert.time_to_proto(self.close_time),
            decision_id=self.decision_id,
            trigger=self.trigger,
            reason=self.reason,
            collateral="" if self.collateral is None else _convert.decimal_to_text(self.collateral),
        )

    @classmethod
    def from_proto(cls, message: chain_pb2.PositionLeg) -> Self:
        return cls(
            leg_number=message.leg_number,
            instrument=Instrument.from_proto(message.instrument) if message.HasField("instrument") else None,
            side=Side.from_proto(message.side),
            state=LegState.from_proto(message.state),
            open_quantity=_convert.decimal_from_text(message.open_quantity) if message.open_quantity else None,
            opened_quantity=_convert.decimal_from_text(message.opened_quantity) if message.opened_quantity else None,
            entry_price=_convert.decimal_from_text(message.entry_price) if message.entry_price else None,
            exit_price=_convert.decimal_from_text(message.exit_price) if message.exit_price else None,
            open_credit=_convert.decimal_from_text(message.open_credit) if message.open_credit else None,
            open_credit_usd=_convert.decimal_from_text(message.open_credit_usd) if message.open_credit_usd else None,
            gross_pnl=_convert.decimal_from_text(message.gross_pnl) if message.gross_pnl else None,
            fees=_convert.decimal_from_text(message.fees) if message.fees else None,
            net_pnl=_convert.decimal_from_text(message.net_pnl) if message.net_pnl else None,
            delivery_price=_convert.decimal_from_text(message.delivery_price) if message.delivery_price else None,
            payoff=_convert.decimal_from_text(message.payoff) if message.payoff else None,
            delivery_fee=_convert.decimal_from_text(message.delivery_fee) if message.delivery_fee else None,
            settled_quantity=_convert.decimal_from_text(message.settled_quantity) if message.settled_quantity else None,
            open_time=_convert.time_from_proto(message.open_time) if message.HasField("open_time") else None,
            close_time=_convert.time_from_proto(message.close_time) if message.HasField("close_time") else None,
            decision_id=message.decision_id,
            trigger=message.trigger,
            reason=message.reason,
            collateral=_convert.decimal_from_text(message.collateral) if message.collateral else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """One roll of a chain."""

    roll_number: int = 0
    """1..n by arrival."""
    from_symbols: tuple[str, ...] = ()
    """The contracts closed by it; until it is completed, those that it was to close."""
    to_symbols: tuple[str, ...] = ()
    """The contracts opened by it; until it is completed, those that it was to open."""
    completed: bool = False
    """True once one closing and one opening fill are there. num_rolls counts these."""
    gross_credit: Decimal | None = None
    """Decimal. Price times quantity of its opening fills minus that of its closing ones; negative is a debit."""
    net_credit: Decimal | None = None
    """Decimal. gross_credit minus the fees of its fills."""
    strike_move: RollMove = RollMove.UNSPECIFIED
    """The strike: HIGHER is "up", LOWER is "down"."""
    expiry_move: RollMove = RollMove.UNSPECIFIED
    """The expiry: HIGHER is "out", LOWER is "in"."""
    time: datetime.datetime | None = None
    """Time of its first fill; unset without one."""
    decision_id: str = ""
    """The execution's decision_id."""
    trigger: str = ""
    """The execution's trigger."""
    reason: str = ""
    """The execution's reason."""
    errors: tuple[str, ...] = ()
    """What went wrong on the way."""

    def to_proto(self) -> chain_pb2.Roll:
        return chain_pb2.Roll(
            roll_number=self.roll_number,
            from_symbols=self.from_symbols,
            to_symbols=self.to_symbols,
            completed=self.completed,
            gross_credit="" if self.gross_credit is None else _convert.decimal_to_text(self.gross_credit),
            net_credit="" if self.net_credit is None else _convert.decimal_to_text(self.net_credit),
            strike_move=self.strike_move.to_proto(),
            expiry_move=self.expiry_move.to_proto(),
            time=None if self.time is None else _convert.time_to_proto(self.time),
            decision_id=self.decision_id,
            trigger=self.trigger,
            reason=self.reason,
            errors=self.errors,
        )

    @classmethod
    def from_proto(cls, message: chain_pb2.Roll) -> Self:
        return cls(
            roll_number=message.roll_number,
            from_symbols=tuple(message.from_symbols),
            to_symbols=tuple(message.to_symbols),
            completed=message.completed,
            gross_credit=_convert.decimal_from_text(message.gross_credit) if message.gross_credit else None,
            net_credit=_convert.decimal_from_text(message.net_credit) if message.net_credit else None,
            strike_move=RollMove.from_proto(message.strike_move),
            expiry_move=RollMove.from_proto(message.expiry_move),
            time=_convert.time_from_proto(message.time) if message.HasField("time") else None,
            decision_id=message.decision_id,
            trigger=message.trigger,
            reason=message.reason,
            errors=tuple(message.errors),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CashLine:
    """One line of cash of a chain, in the order of the fold: every figure of the chain is a sum over these."""

    kind: LineKind = LineKind.UNSPECIFIED
    """What it was."""
    leg_number: int = 0
    """The leg it belongs to."""
    roll_number: int = 0
    """The roll it belongs to; 0 if none."""
    symbol: str = ""
    """The contract."""
    side: Side = Side.UNSPECIFIED
    """Direction of the fill; unspecified for a settlement."""
    quantity: Decimal | None = None
    """Decimal. Quantity."""
    price: Decimal | None = None
    """Decimal. Price of the fill (18 places where an order's aggregate is partly covered by trades); the payoff per
    unit is not shown.
    """
    fee: Decimal | None = None
    """Decimal. Fee, > 0 is a cost; unset if nobody said."""
    fee_source: FeeSource = FeeSource.UNSPECIFIED
    """Where the fee comes from."""
    cash: Decimal | None = None
    """Decimal. Cash to us, fee included."""
    cash_usd: Decimal | None = None
    """Decimal. The same in USD at the line's own index; unset without one."""
    realized_pnl: Decimal | None = None
    """Decimal. Net PnL realized by this line (reduction or settlement, minus its fee; an opening realizes its fee)."""
    realized_pnl_usd: Decimal | None = None
    """Decimal. The same in USD; unset where an index is missing."""
    time: datetime.datetime | None = None
    """Time of the fill, or the expiry."""
    source: FillSource = FillSource.UNSPECIFIED
    """Where a fill comes from."""
    trade_id: str = ""
    """The venue's trade id, if any."""
    order_id: str = ""
    """The venue's order id, if any."""
    revision: int = 0
    """The entry that brought it."""
    sequence: int = 0
    """Its place within the revision."""

    def to_proto(self) -> chain_pb2.CashLine:
        return chain_pb2.CashLine(
            kind=self.kind.to_proto(),
            leg_number=self.leg_number,
            roll_number=self.roll_number,
            symbol=self.symbol,
            side=self.side.to_proto(),
            quantity="" if self.quantity is None else _convert.decimal_to_text(self.quantity),
            price=None if self.price is None else _convert.decimal_to_text(self.price),
            fee=None if self.fee is None else _convert.decimal_to_text(self.fee),
            fee_source=self.fee_source.to_proto(),
            cash="" if self.cash is None else _convert.decimal_to_text(self.cash),
            cash_usd=None if self.cash_usd is None else _convert.decimal_to_text(self.cash_usd),
            realized_pnl="" if self.realized_pnl is None else _convert.decimal_to_text(self.realized_pnl),
            realized_pnl_usd=None if self.realized_pnl_usd is None else _convert.decimal_to_text(self.realized_pnl_usd),
            time=None if self.time is None else _convert.time_to_proto(self.time),
            source=self.source.to_proto(),
            trade_id=self.trade_id,
            order_id=self.order_id,
            revision=self.revision,
            sequence=self.sequence,
        )

    @classmethod
    def from_proto(cls, message: chain_pb2.CashLine) -> Self:
        return cls(
            kind=LineKind.from_proto(message.kind),
            leg_number=message.leg_number,
            roll_number=message.roll_number,
            symbol=message.symbol,
            side=Side.from_proto(message.side),
            quantity=_convert.decimal_from_text(message.quantity) if message.quantity else None,
            price=_convert.decimal_from_text(message.price) if message.price else None,
            fee=_convert.decimal_from_text(message.fee) if message.fee else None,
            fee_source=FeeSource.from_proto(message.fee_source),
            cash=_convert.decimal_from_text(message.cash) if message.cash else None,
            cash_usd=_convert.decimal_from_text(message.cash_usd) if message.cash_usd else None,
            realized_pnl=_convert.decimal_from_text(message.realized_pnl) if message.realized_pnl else None,
            realized_pnl_usd=_convert.decimal_from_text(message.realized_pnl_usd) if message.realized_pnl_usd else None,
            time=_convert.time_from_proto(message.time) if message.HasField("time") else None,
            source=FillSource.from_proto(message.source),
            trade_id=message.trade_id,
            order_id=message.order_id,
            revision=message.revision,
            sequence=message.sequence,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PositionChain:
    """A chain of rolled legs: the unit of profit. A pure fold of its fills and settlements. Money is in
    settlement_currency unless the name ends in _usd; `_pct` is percent. Coin and USD are separate truths: neither is
    derived from the other. What is not known is unset and counted.
    """

    account: str = ""
    """Whose book."""
    position_id: str = ""
    """Its name, unique per account."""
    venue: str = ""
    """Where it is traded."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    strategy: StrategyKind = StrategyKind.UNSPECIFIED
    """Kind of strategy."""
    strategy_name: str = ""
    """Free name beside the kind."""
    underlying: str = ""
    """The coin."""
    settlement_currency: str = ""
    """The one currency of its money."""
    previous_position_id: str = ""
    """The chain that it followed, if its OPEN said so."""
    state: ChainState = ChainState.UNSPECIFIED
    """State."""
    close_reason: CloseReason = CloseReason.UNSPECIFIED
    """How it ended."""
    flat_reason: str = ""
    """Why it is FLAT."""
    created_revision: int = 0
    """The revision that made it; its sort key in lists."""
    revision: int = 0
    """The revision that last changed it."""
    open_time: datetime.datetime | None = None
    """First fill; unset while PENDING."""
    close_time: datetime.datetime | None = None
    """When it last went flat, or expired; unset while something is open."""
    open_quantity: Decimal | None = None
    """Decimal. Sum of the legs' open quantities."""
    num_legs: int = 0
    """Legs counted."""
    num_rolls: int = 0
    """Completed rolls."""
    net_cash: Decimal | None = None
    """Decimal. Sum of all cash lines: net_pnl + open_credit."""
    open_credit: Decimal | None = None
    """Decimal. Credit of what is open; the cost of long legs is taken off."""
    gross_pnl: Decimal | None = None
    """Decimal. Realized before fees."""
    fees: Decimal | None = None
    """Decimal. Fees charged so far."""
    fees_complete: bool = False
    """False if a fill came without a fee."""
    fees_estimated: bool = False
    """True if a fee was estimated."""
    net_pnl: Decimal | None = None
    """Decimal. gross_pnl - fees; the opening fee of what is still open is in it."""
    net_cash_usd: Decimal | None = None
    """Decimal. Sum of the lines, each at its own index; unset with usd_missing_lines."""
    net_pnl_usd: Decimal | None = None
    """Decimal. net_cash_usd minus the USD credit of what is open."""
    usd_missing_lines: int = 0
    """Non-zero coin lines without an index."""
    realized_pnl_pct: Decimal | None = None
    """Decimal. net_pnl over the premium of leg 1, 12 places; unset at 0."""
    premium_kept_pct: Decimal | None = None
    """Decimal. gross_pnl over all opening premium, 12 places; closed chains only."""
    leg_one_premium: Decimal | None = None
    """Decimal. Price times quantity of leg 1's opening fills: the base of realized_pnl_pct and chain_pnl_pct."""
    total_premium: Decimal | None = None
    """Decimal. The same over all legs."""
    collateral: Decimal | None = None
    """Decimal. Collateral bound now; 0 while flat; unset if it needs an index that is missing."""
    collateral_insufficient: bool = False
    """True for short inverse puts, whose coin loss has no bound: shown as "uncovered"."""
    collateral_days: Decimal | None = None
    """Decimal. Collateral integrated over days, up to close_time; unset while something is open."""
    holding_days: Decimal | None = None
    """Decimal. Days from the first fill to close_time; unset while something is open."""
    days_at_risk: Decimal | None = None
    """Decimal. holding_days without the flat gaps; unset while something is open."""
    return_on_collateral_pct: Decimal | None = None
    """Decimal. net_pnl over the average collateral; closed chains only."""
    return_on_collateral_annualised_pct: Decimal | None = None
    """Decimal. 365 * net_pnl / collateral_days, simple; unset under one day."""
    exit_style: str = ""
    """The bot's exit rule, as last said."""
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Labels of its executions, later ones on top."""
    legs: tuple[PositionLeg, ...] = ()
    """Legs by number."""
    rolls: tuple[Roll, ...] = ()
    """Rolls by number."""
    working_orders: tuple[Order, ...] = ()
    """Orders that still work."""

    def to_proto(self) -> chain_pb2.PositionChain:
        return chain_pb2.PositionChain(
            account=self.account,
            position_id=self.position_id,
            venue=self.venue,
            mode=self.mode.to_proto(),
            strategy=self.strategy.to_proto(),
            strategy_name=self.strategy_name,
            underlying=self.underlying,
            settlement_currency=self.settlement_currency,
            previous_position_id=self.previous_position_id,
            state=self.state.to_proto(),
            close_reason=self.close_reason.to_proto(),
            flat_reason=self.flat_reason,
            created_revision=self.created_revision,
            revision=self.revision,
            open_time=None if self.open_time is None else _convert.time_to_proto(self.open_time),
            close_time=None if self.close_time is None else _convert.time_to_proto(self.close_time),
            open_quantity="" if self.open_quantity is None else _convert.decimal_to_text(self.open_quantity),
            num_legs=self.num_legs,
            num_rolls=self.num_rolls,
            net_cash="" if self.net_cash is None else _convert.decimal_to_text(self.net_cash),
            open_credit="" if self.open_credit is None else _convert.decimal_to_text(self.open_credit),
            gross_pnl="" if self.gross_pnl is None else _convert.decimal_to_text(self.gross_pnl),
            fees="" if self.fees is None else _convert.decimal_to_text(self.fees),
            fees_complete=self.fees_complete,
            fees_estimated=self.fees_estimated,
            net_pnl="" if self.net_pnl is None else _convert.decimal_to_text(self.net_pnl),
            net_cash_usd=None if self.net_cash_usd is None else _convert.decimal_to_text(self.net_cash_usd),
            net_pnl_usd=None if self.net_pnl_usd is None else _convert.decimal_to_text(self.net_pnl_usd),
            usd_missing_lines=self.usd_missing_lines,
            realized_pnl_pct=None if self.realized_pnl_pct is None else _convert.decimal_to_text(self.realized_pnl_pct),
            premium_kept_pct=None if self.premium_kept_pct is None else _convert.decimal_to_text(self.premium_kept_pct),
            leg_one_premium="" if self.leg_one_premium is None else _convert.decimal_to_text(self.leg_one_premium),
            total_premium="" if self.total_premium is None else _convert.decimal_to_text(self.total_premium),
            collateral=None if self.collateral is None else _convert.decimal_to_text(self.collateral),
            collateral_insufficient=self.collateral_insufficient,
            collateral_days=None if self.collateral_days is None else _convert.decimal_to_text(self.collateral_days),
            holding_days=None if self.holding_days is None else _convert.decimal_to_text(self.holding_days),
            days_at_risk=None if self.days_at_risk is None else _convert.decimal_to_text(self.days_at_risk),
            return_on_collateral_pct=None if self.return_on_collateral_pct is None else _convert.decimal_to_text(self.return_on_collateral_pct),
            return_on_collateral_annualised_pct=None if self.return_on_collateral_annualised_pct is None else _convert.decimal_to_text(self.return_on_collateral_annualised_pct),
            exit_style=self.exit_style,
            labels=self.labels,
            legs=[item.to_proto() for item in self.legs],
            rolls=[item.to_proto() for item in self.rolls],
            working_orders=[item.to_proto() for item in self.working_orders],
        )

    @classmethod
    def from_proto(cls, message: chain_pb2.PositionChain) -> Self:
        return cls(
            account=message.account,
            position_id=message.position_id,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            strategy=StrategyKind.from_proto(message.strategy),
            strategy_name=message.strategy_name,
            underlying=message.underlying,
            settlement_currency=message.settlement_currency,
            previous_position_id=message.previous_position_id,
            state=ChainState.from_proto(message.state),
            close_reason=CloseReason.from_proto(message.close_reason),
            flat_reason=message.flat_reason,
            created_revision=message.created_revision,
            revision=message.revision,
            open_time=_convert.time_from_proto(message.open_time) if message.HasField("open_time") else None,
            close_time=_convert.time_from_proto(message.close_time) if message.HasField("close_time") else None,
            open_quantity=_convert.decimal_from_text(message.open_quantity) if message.open_quantity else None,
            num_legs=message.num_legs,
            num_rolls=message.num_rolls,
            net_cash=_convert.decimal_from_text(message.net_cash) if message.net_cash else None,
            open_credit=_convert.decimal_from_text(message.open_credit) if message.open_credit else None,
            gross_pnl=_convert.decimal_from_text(message.gross_pnl) if message.gross_pnl else None,
            fees=_convert.decimal_from_text(message.fees) if message.fees else None,
            fees_complete=message.fees_complete,
            fees_estimated=message.fees_estimated,
            net_pnl=_convert.decimal_from_text(message.net_pnl) if message.net_pnl else None,
            net_cash_usd=_convert.decimal_from_text(message.net_cash_usd) if message.net_cash_usd else None,
            net_pnl_usd=_convert.decimal_from_text(message.net_pnl_usd) if message.net_pnl_usd else None,
            usd_missing_lines=message.usd_missing_lines,
            realized_pnl_pct=_convert.decimal_from_text(message.realized_pnl_pct) if message.realized_pnl_pct else None,
            premium_kept_pct=_convert.decimal_from_text(message.premium_kept_pct) if message.premium_kept_pct else None,
            leg_one_premium=_convert.decimal_from_text(message.leg_one_premium) if message.leg_one_premium else None,
            total_premium=_convert.decimal_from_text(message.total_premium) if message.total_premium else None,
            collateral=_convert.decimal_from_text(message.collateral) if message.collateral else None,
            collateral_insufficient=message.collateral_insufficient,
            collateral_days=_convert.decimal_from_text(message.collateral_days) if message.collateral_days else None,
            holding_days=_convert.decimal_from_text(message.holding_days) if message.holding_days else None,
            days_at_risk=_convert.decimal_from_text(message.days_at_risk) if message.days_at_risk else None,
            return_on_collateral_pct=_convert.decimal_from_text(message.return_on_collateral_pct) if message.return_on_collateral_pct else None,
            return_on_collateral_annualised_pct=_convert.decimal_from_text(message.return_on_collateral_annualised_pct) if message.return_on_collateral_annualised_pct else None,
            exit_style=message.exit_style,
            labels=dict(message.labels),
            legs=tuple(PositionLeg.from_proto(item) for item in message.legs),
            rolls=tuple(Roll.from_proto(item) for item in message.rolls),
            working_orders=tuple(Order.from_proto(item) for item in message.working_orders),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of the journal: accepted, numbered, chained by hash, never rewritten. A revision has entries
    1..n, each of at most one chain; all of them were committed together.
    """

    revision: int = 0
    """The commit's number: 1, 2, 3, … without gaps."""
    sequence: int = 0
    """Place within the revision, from 1."""
    recorded_time: datetime.datetime | None = None
    """When the server took it, by its clock."""
    event_time: datetime.datetime | None = None
    """When it happened: its newest fill, the expiry of a settlement, else the executed_time."""
    account: str = ""
    """Whose book."""
    position_id: str = ""
    """The chain that it moved or spoke of; empty if none."""
    execution: ExecutionEntry | None = None
    """A bot's execution."""
    fills: FillsEntry | None = None
    """Late fills and order states."""
    expiry: ExpiryEntry | None = None
    """Contracts expired; their delivery price is not known yet."""
    settlement: SettlementEntry | None = None
    """Contracts were delivered."""
    correction: CorrectionEntry | None = None
    """An accepted entry was set right."""

    def to_proto(self) -> entry_pb2.LedgerEntry:
        _convert.at_most_one(execution=self.execution, fills=self.fills, expiry=self.expiry, settlement=self.settlement, correction=self.correction)
        return entry_pb2.LedgerEntry(
            revision=self.revision,
            sequence=self.sequence,
            recorded_time=None if self.recorded_time is None else _convert.time_to_proto(self.recorded_time),
            event_time=None if self.event_time is None else _convert.time_to_proto(self.event_time),
            account=self.account,
            position_id=self.position_id,
            execution=None if self.execution is None else self.execution.to_proto(),
            fills=None if self.fills is None else self.fills.to_proto(),
            expiry=None if self.expiry is None else self.expiry.to_proto(),
            settlement=None if self.settlement is None else self.settlement.to_proto(),
            correction=None if self.correction is None else self.correction.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: entry_pb2.LedgerEntry) -> Self:
        return cls(
            revision=message.revision,
            sequence=message.sequence,
            recorded_time=_convert.time_from_proto(message.recorded_time) if message.HasField("recorded_time") else None,
            event_time=_convert.time_from_proto(message.event_time) if message.HasField("event_time") else None,
            account=message.account,
            position_id=message.position_id,
            execution=ExecutionEntry.from_proto(message.execution) if message.HasField("execution") else None,
            fills=FillsEntry.from_proto(message.fills) if message.HasField("fills") else None,
            expiry=ExpiryEntry.from_proto(message.expiry) if message.HasField("expiry") else None,
            settlement=SettlementEntry.from_proto(message.settlement) if message.HasField("settlement") else None,
            correction=CorrectionEntry.from_proto(message.correction) if message.HasField("correction") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEntry:
    """An execution as recorded, with what the server decided about it."""

    execution: ExecutionResult | None = None
    """As reported; raw payloads are left out."""
    attached_fills: tuple[Fill, ...] = ()
    """Earlier fills of its orders that had waited for it."""
    dropped_trade_ids: tuple[str, ...] = ()
    """Trades known before, which did not count again."""
    flags: tuple[Flag, ...] = ()
    """What deserves a look."""
    payload_digests: tuple[str, ...] = ()
    """SHA-256 of each raw payload, hex, in the order sent."""

    def to_proto(self) -> entry_pb2.ExecutionEntry:
        return entry_pb2.ExecutionEntry(
            execution=None if self.execution is None else self.execution.to_proto(),
            attached_fills=[item.to_proto() for item in self.attached_fills],
            dropped_trade_ids=self.dropped_trade_ids,
            flags=[item.to_proto() for item in self.flags],
            payload_digests=self.payload_digests,
        )

    @classmethod
    def from_proto(cls, message: entry_pb2.ExecutionEntry) -> Self:
        return cls(
            execution=ExecutionResult.from_proto(message.execution) if message.HasField("execution") else None,
            attached_fills=tuple(Fill.from_proto(item) for item in message.attached_fills),
            dropped_trade_ids=tuple(message.dropped_trade_ids),
            flags=tuple(Flag.from_proto(item) for item in message.flags),
            payload_digests=tuple(message.payload_digests),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FillsEntry:
    """Late fills and order states of one chain, or of orders not reported yet (then without position_id)."""

    request_id: str = ""
    """The command."""
    venue: str = ""
    """Where they were traded."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    fills: tuple[Fill, ...] = ()
    """The fills that count."""
    orders: tuple[Order, ...] = ()
    """The order states."""
    dropped_trade_ids: tuple[str, ...] = ()
    """Trades known before, which did not count again."""
    flags: tuple[Flag, ...] = ()
    """What deserves a look."""
    payload_digests: tuple[str, ...] = ()
    """SHA-256 of each raw payload, hex, in the order sent."""

    def to_proto(self) -> entry_pb2.FillsEntry:
        return entry_pb2.FillsEntry(
            request_id=self.request_id,
            venue=self.venue,
            mode=self.mode.to_proto(),
            fills=[item.to_proto() for item in self.fills],
            orders=[item.to_proto() for item in self.orders],
            dropped_trade_ids=self.dropped_trade_ids,
            flags=[item.to_proto() for item in self.flags],
            payload_digests=self.payload_digests,
        )

    @classmethod
    def from_proto(cls, message: entry_pb2.FillsEntry) -> Self:
        return cls(
            request_id=message.request_id,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            fills=tuple(Fill.from_proto(item) for item in message.fills),
            orders=tuple(Order.from_proto(item) for item in message.orders),
            dropped_trade_ids=tuple(message.dropped_trade_ids),
            flags=tuple(Flag.from_proto(item) for item in message.flags),
            payload_digests=tuple(message.payload_digests),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryEntry:
    """Contracts of a chain reached their expiry."""

    symbols: tuple[str, ...] = ()
    """The contracts."""
    expiry_time: datetime.datetime | None = None
    """The instant of expiry."""

    def to_proto(self) -> entry_pb2.ExpiryEntry:
        return entry_pb2.ExpiryEntry(
            symbols=self.symbols,
            expiry_time=None if self.expiry_time is None else _convert.time_to_proto(self.expiry_time),
        )

    @classmethod
    def from_proto(cls, message: entry_pb2.ExpiryEntry) -> Self:
        return cls(
            symbols=tuple(message.symbols),
            expiry_time=_convert.time_from_proto(message.expiry_time) if message.HasField("expiry_time") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SettlementEntry:
    """The delivery of the contracts of one chain that expired together."""

    request_id: str = ""
    """The command; empty if the server applied a price that it knew."""
    venue: str = ""
    """Where."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    symbols: tuple[str, ...] = ()
    """The contracts of this chain that it settles; empty if no chain was concerned."""
    index_name: str = ""
    """The index and expiry that it covers; empty if it names one contract."""
    expiry_time: datetime.datetime | None = None
    """The instant of expiry."""
    delivery_price: Decimal | None = None
    """Decimal, > 0. The final delivery price."""
    flags: tuple[Flag, ...] = ()
    """What deserves a look."""

    def to_proto(self) -> entry_pb2.SettlementEntry:
        return entry_pb2.SettlementEntry(
            request_id=self.request_id,
            venue=self.venue,
            mode=self.mode.to_proto(),
            symbols=self.symbols,
            index_name=self.index_name,
            expiry_time=None if self.expiry_time is None else _convert.time_to_proto(self.expiry_time),
            delivery_price="" if self.delivery_price is None else _convert.decimal_to_text(self.delivery_price),
            flags=[item.to_proto() for item in self.flags],
        )

    @classmethod
    def from_proto(cls, message: entry_pb2.SettlementEntry) -> Self:
        return cls(
            request_id=message.request_id,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            symbols=tuple(message.symbols),
            index_name=message.index_name,
            expiry_time=_convert.time_from_proto(message.expiry_time) if message.HasField("expiry_time") else None,
            delivery_price=_convert.decimal_from_text(message.delivery_price) if message.delivery_price else None,
            flags=tuple(Flag.from_proto(item) for item in message.flags),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionEntry:
    """Reserved for corrections: takes an earlier entry out of its chain. Not recorded yet."""

    corrected_revision: int = 0
    """The entry that is taken out."""
    corrected_sequence: int = 0
    """Its place within that revision."""
    reason: str = ""
    """Why."""

    def to_proto(self) -> entry_pb2.CorrectionEntry:
        return entry_pb2.CorrectionEntry(
            corrected_revision=self.corrected_revision,
            corrected_sequence=self.corrected_sequence,
            reason=self.reason,
        )

    @classmethod
    def from_proto(cls, message: entry_pb2.CorrectionEntry) -> Self:
        return cls(
            corrected_revision=message.corrected_revision,
            corrected_sequence=message.corrected_sequence,
            reason=message.reason,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """First-order sensitivities as the venue gives them, per coin. Estimates: never money."""

    delta: float | None = None
    """Change of the price per unit of the underlying, -1 to 1."""
    gamma: float | None = None
    """Change of delta per USD."""
    vega: float | None = None
    """USD per volatility point."""
    theta: float | None = None
    """USD per calendar day."""
    rho: float | None = None
    """USD per percentage point of interest."""

    def to_proto(self) -> mark_pb2.Greeks:
        return mark_pb2.Greeks(
            delta=self.delta,
            gamma=self.gamma,
            vega=self.vega,
            theta=self.theta,
            rho=self.rho,
        )

    @classmethod
    def from_proto(cls, message: mark_pb2.Greeks) -> Self:
        return cls(
            delta=message.delta if message.HasField("delta") else None,
            gamma=message.gamma if message.HasField("gamma") else None,
            vega=message.vega if message.HasField("vega") else None,
            theta=message.theta if message.HasField("theta") else None,
            rho=message.rho if message.HasField("rho") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a contract is worth at an instant. An observation: durable, the newest mark_time wins, not in the journal.
    """

    symbol: str = ""
    """The contract."""
    mark_time: datetime.datetime | None = None
    """When the venue said so. Required."""
    mark_price: Decimal | None = None
    """Decimal, >= 0. Mark price in the contract's premium unit. Required."""
    index_price: Decimal | None = None
    """Decimal, > 0. The index in USD."""
    best_bid_price: Decimal | None = None
    """Decimal, >= 0. Best bid; unset if there is none."""
    best_ask_price: Decimal | None = None
    """Decimal, >= 0. Best ask; unset if there is none."""
    underlying_price: Decimal | None = None
    """Decimal, > 0. The forward of the expiry."""
    mark_volatility: float | None = None
    """Mark volatility in percent."""
    greeks: Greeks | None = None
    """Sensitivities."""

    def to_proto(self) -> mark_pb2.Mark:
        return mark_pb2.Mark(
            symbol=self.symbol,
            mark_time=None if self.mark_time is None else _convert.time_to_proto(self.mark_time),
            mark_price="" if self.mark_price is None else _convert.decimal_to_text(self.mark_price),
            index_price=None if self.index_price is None else _convert.decimal_to_text(self.index_price),
            best_bid_price=None if self.best_bid_price is None else _convert.decimal_to_text(self.best_bid_price),
            best_ask_price=None if self.best_ask_price is None else _convert.decimal_to_text(self.best_ask_price),
            underlying_price=None if self.underlying_price is None else _convert.decimal_to_text(self.underlying_price),
            mark_volatility=self.mark_volatility,
            greeks=None if self.greeks is None else self.greeks.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: mark_pb2.Mark) -> Self:
        return cls(
            symbol=message.symbol,
            mark_time=_convert.time_from_proto(message.mark_time) if message.HasField("mark_time") else None,
            mark_price=_convert.decimal_from_text(message.mark_price) if message.mark_price else None,
            index_price=_convert.decimal_from_text(message.index_price) if message.index_price else None,
            best_bid_price=_convert.decimal_from_text(message.best_bid_price) if message.best_bid_price else None,
            best_ask_price=_convert.decimal_from_text(message.best_ask_price) if message.best_ask_price else None,
            underlying_price=_convert.decimal_from_text(message.underlying_price) if message.underlying_price else None,
            mark_volatility=message.mark_volatility if message.HasField("mark_volatility") else None,
            greeks=Greeks.from_proto(message.greeks) if message.HasField("greeks") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LegValuation:
    """What one open leg is worth. Money in the chain's settlement currency unless said."""

    leg_number: int = 0
    """The leg."""
    symbol: str = ""
    """The contract."""
    mark_price: Decimal | None = None
    """Decimal. The mark that it is valued at."""
    mark_time: datetime.datetime | None = None
    """When that mark was made."""
    unrealized_pnl: Decimal | None = None
    """Decimal. What is open now at entry minus at mark (opposite for long legs); without fees."""
    unrealized_pnl_usd: Decimal | None = None
    """Decimal. Each side at its own index; unset if one is missing."""
    mark_age_ms: int = 0
    """Age of the mark by the server's clock."""
    flags: tuple[MarkFlag, ...] = ()
    """What deserves a look about the mark. A flagged one does not enter the drawdown."""
    days_to_expiry: Decimal | None = None
    """Decimal, >= 0. Days until the expiry, 18 places."""
    premium_captured_pct: Decimal | None = None
    """Decimal. unrealized_pnl over the credit of what is open, percent, 12 places; unset at 0."""
    buy_back_cost: Decimal | None = None
    """Decimal. What closing all of it at once would cost, without fees: a short leg bought at the best ask, a long one
    sold at the best bid (then it is negative); unset without that quote.
    """
    yield_left_annualised_pct: Decimal | None = None
    """Decimal. What a short leg still earns by expiring worthless instead: 365 * buy_back_cost / (collateral *
    days_to_expiry), simple, percent, 12 places.
    """
    greeks: Greeks | None = None
    """Sensitivities of the whole leg: per coin, times coins, a short leg's turned round. Unset where the mark has none.
    """
    net_transaction_delta: float | None = None
    """The leg's delta with the premium in it, as the venue counts an account's: delta - mark_price per coin for inverse
    contracts; delta itself for linear ones.
    """
    distance_to_strike_pct: Decimal | None = None
    """Decimal. Call K/S-1, put 1-K/S at the mark's index, percent, 12 places: positive is out of the money."""
    distance_to_strike_sigma: float | None = None
    """The same in standard deviations until the expiry, at the mark's volatility."""
    index_price: Decimal | None = None
    """Decimal. The mark's index in USD."""

    def to_proto(self) -> mark_pb2.LegValuation:
        return mark_pb2.LegValuation(
            leg_number=self.leg_number,
            symbol=self.symbol,
            mark_price="" if self.mark_price is None else _convert.decimal_to_text(self.mark_price),
            mark_time=None if self.mark_time is None else _convert.time_to_proto(self.mark_time),
            unrealized_pnl="" if self.unrealized_pnl is None else _convert.decimal_to_text(self.unrealized_pnl),
            unrealized_pnl_usd=None if self.unrealized_pnl_usd is None else _convert.decimal_to_text(self.unrealized_pnl_usd),
            mark_age_ms=self.mark_age_ms,
            flags=[item.to_proto() for item in self.flags],
            days_to_expiry="" if self.days_to_expiry is None else _convert.decimal_to_text(self.days_to_expiry),
            premium_captured_pct=None if self.premium_captured_pct is None else _convert.decimal_to_text(self.premium_captured_pct),
            buy_back_cost=None if self.buy_back_cost is None else _convert.decimal_to_text(self.buy_back_cost),
            yield_left_annualised_pct=None if self.yield_left_annualised_pct is None else _convert.decimal_to_text(self.yield_left_annualised_pct),
            greeks=None if self.greeks is None else self.greeks.to_proto(),
            net_transaction_delta=self.net_transaction_delta,
            distance_to_strike_pct=None if self.distance_to_strike_pct is None else _convert.decimal_to_text(self.distance_to_strike_pct),
            distance_to_strike_sigma=self.distance_to_strike_sigma,
            index_price=None if self.index_price is None else _convert.decimal_to_text(self.index_price),
        )

    @classmethod
    def from_proto(cls, message: mark_pb2.LegValuation) -> Self:
        return cls(
            leg_number=message.leg_number,
            symbol=message.symbol,
            mark_price=_convert.decimal_from_text(message.mark_price) if message.mark_price else None,
            mark_time=_convert.time_from_proto(message.mark_time) if message.HasField("mark_time") else None,
            unrealized_pnl=_convert.decimal_from_text(message.unrealized_pnl) if message.unrealized_pnl else None,
            unrealized_pnl_usd=_convert.decimal_from_text(message.unrealized_pnl_usd) if message.unrealized_pnl_usd else None,
            mark_age_ms=message.mark_age_ms,
            flags=tuple(MarkFlag.from_proto(item) for item in message.flags),
            days_to_expiry=_convert.decimal_from_text(message.days_to_expiry) if message.days_to_expiry else None,
            premium_captured_pct=_convert.decimal_from_text(message.premium_captured_pct) if message.premium_captured_pct else None,
            buy_back_cost=_convert.decimal_from_text(message.buy_back_cost) if message.buy_back_cost else None,
            yield_left_annualised_pct=_convert.decimal_from_text(message.yield_left_annualised_pct) if message.yield_left_annualised_pct else None,
            greeks=Greeks.from_proto(message.greeks) if message.HasField("greeks") else None,
            net_transaction_delta=message.net_transaction_delta if message.HasField("net_transaction_delta") else None,
            distance_to_strike_pct=_convert.decimal_from_text(message.distance_to_strike_pct) if message.distance_to_strike_pct else None,
            distance_to_strike_sigma=message.distance_to_strike_sigma if message.HasField("distance_to_strike_sigma") else None,
            index_price=_convert.decimal_from_text(message.index_price) if message.index_price else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChainValuation:
    """What a chain is worth at the newest marks. Never a part of the ledger's own message: marks are observations. A
    chain
    that holds nothing has no legs here: what it has come to, and its drawdown.
    """

    account: str = ""
    """Whose book."""
    position_id: str = ""
    """The chain."""
    mark_time: datetime.datetime | None = None
    """The oldest mark that entered."""
    unrealized_pnl: Decimal | None = None
    """Decimal. Unrealized PnL of what is open, without fees; unset if an open leg has no mark."""
    unrealized_pnl_usd: Decimal | None = None
    """Decimal. Entry at the index of each fill minus mark at today's index; unset if one is missing."""
    premium_captured_pct: Decimal | None = None
    """Decimal. unrealized_pnl over the credit of what is open, percent, 12 places; at most 100 for shorts; unset at 0.
    """
    chain_pnl_pct: Decimal | None = None
    """Decimal. net_pnl + unrealized_pnl over leg 1's premium, percent, 12 places; unset at 0."""
    missing_marks: int = 0
    """Open legs that have no mark."""
    legs: tuple[LegValuation, ...] = ()
    """Legs that have one."""
    valued_time: datetime.datetime | None = None
    """The server's clock as this was computed."""
    mark_age_ms: int = 0
    """Age of the oldest mark that entered."""
    stale_marks: int = 0
    """Legs whose mark is stale."""
    wild_marks: int = 0
    """Legs whose mark is wild."""
    chain_pnl: Decimal | None = None
    """Decimal. net_pnl + unrealized_pnl: what the chain has come to."""
    days_to_expiry: Decimal | None = None
    """Decimal. Days until the next expiry among the open legs, 18 places."""
    buy_back_cost: Decimal | None = None
    """Decimal. Sum over the legs; unset if one has none."""
    yield_left_annualised_pct: Decimal | None = None
    """Decimal. 365 * sum(buy_back_cost / days_to_expiry) over the chain's collateral, percent, 12 places."""
    greeks: Greeks | None = None
    """Sums over the legs; unset where one has none."""
    net_transaction_delta: float | None = None
    """Sum over the legs; unset where one has none."""
    distance_to_strike_pct: Decimal | None = None
    """Decimal. The smallest of the legs', percent; unset if one has none."""
    distance_to_strike_sigma: float | None = None
    """The smallest of the legs', in standard deviations; unset if one has none."""
    peak_pnl: Decimal | None = None
    """Decimal, >= 0. The highest chain_pnl seen, from 0."""
    max_drawdown: Decimal | None = None
    """Decimal, >= 0. The furthest that chain_pnl was seen below its peak before; from executions and unflagged marks.
    """
    max_drawdown_pct: Decimal | None = None
    """Decimal, >= 0. The furthest as a share of (largest collateral so far + peak), percent, 12 places; unset without
    collateral.
    """
    revision: int = 0
    """The revision of the chain that it is of."""

    def to_proto(self) -> mark_pb2.ChainValuation:
        return mark_pb2.ChainValuation(
            account=self.account,
            position_id=self.position_id,
            mark_time=None if self.mark_time is None else _convert.time_to_proto(self.mark_time),
            unrealized_pnl=None if self.unrealized_pnl is None else _convert.decimal_to_text(self.unrealized_pnl),
            unrealized_pnl_usd=None if self.unrealized_pnl_usd is None else _convert.decimal_to_text(self.unrealized_pnl_usd),
            premium_captured_pct=None if self.premium_captured_pct is None else _convert.decimal_to_text(self.premium_captured_pct),
            chain_pnl_pct=None if self.chain_pnl_pct is None else _convert.decimal_to_text(self.chain_pnl_pct),
            missing_marks=self.missing_marks,
            legs=[item.to_proto() for item in self.legs],
            valued_time=None if self.valued_time is None else _convert.time_to_proto(self.valued_time),
            mark_age_ms=self.mark_age_ms,
            stale_marks=self.stale_marks,
            wild_marks=self.wild_marks,
            chain_pnl=None if self.chain_pnl is None else _convert.decimal_to_text(self.chain_pnl),
            days_to_expiry=None if self.days_to_expiry is None else _convert.decimal_to_text(self.days_to_expiry),
            buy_back_cost=None if self.buy_back_cost is None else _convert.decimal_to_text(self.buy_back_cost),
            yield_left_annualised_pct=None if self.yield_left_annualised_pct is None else _convert.decimal_to_text(self.yield_left_annualised_pct),
            greeks=None if self.greeks is None else self.greeks.to_proto(),
            net_transaction_delta=self.net_transaction_delta,
            distance_to_strike_pct=None if self.distance_to_strike_pct is None else _convert.decimal_to_text(self.distance_to_strike_pct),
            distance_to_strike_sigma=self.distance_to_strike_sigma,
            peak_pnl=None if self.peak_pnl is None else _convert.decimal_to_text(self.peak_pnl),
            max_drawdown=None if self.max_drawdown is None else _convert.decimal_to_text(self.max_drawdown),
            max_drawdown_pct=None if self.max_drawdown_pct is None else _convert.decimal_to_text(self.max_drawdown_pct),
            revision=self.revision,
        )

    @classmethod
    def from_proto(cls, message: mark_pb2.ChainValuation) -> Self:
        return cls(
            account=message.account,
            position_id=message.position_id,
            mark_time=_convert.time_from_proto(message.mark_time) if message.HasField("mark_time") else None,
            unrealized_pnl=_convert.decimal_from_text(message.unrealized_pnl) if message.unrealized_pnl else None,
            unrealized_pnl_usd=_convert.decimal_from_text(message.unrealized_pnl_usd) if message.unrealized_pnl_usd else None,
            premium_captured_pct=_convert.decimal_from_text(message.premium_captured_pct) if message.premium_captured_pct else None,
            chain_pnl_pct=_convert.decimal_from_text(message.chain_pnl_pct) if message.chain_pnl_pct else None,
            missing_marks=message.missing_marks,
            legs=tuple(LegValuation.from_proto(item) for item in message.legs),
            valued_time=_convert.time_from_proto(message.valued_time) if message.HasField("valued_time") else None,
            mark_age_ms=message.mark_age_ms,
            stale_marks=message.stale_marks,
            wild_marks=message.wild_marks,
            chain_pnl=_convert.decimal_from_text(message.chain_pnl) if message.chain_pnl else None,
            days_to_expiry=_convert.decimal_from_text(message.days_to_expiry) if message.days_to_expiry else None,
            buy_back_cost=_convert.decimal_from_text(message.buy_back_cost) if message.buy_back_cost else None,
            yield_left_annualised_pct=_convert.decimal_from_text(message.yield_left_annualised_pct) if message.yield_left_annualised_pct else None,
            greeks=Greeks.from_proto(message.greeks) if message.HasField("greeks") else None,
            net_transaction_delta=message.net_transaction_delta if message.HasField("net_transaction_delta") else None,
            distance_to_strike_pct=_convert.decimal_from_text(message.distance_to_strike_pct) if message.distance_to_strike_pct else None,
            distance_to_strike_sigma=message.distance_to_strike_sigma if message.HasField("distance_to_strike_sigma") else None,
            peak_pnl=_convert.decimal_from_text(message.peak_pnl) if message.peak_pnl else None,
            max_drawdown=_convert.decimal_from_text(message.max_drawdown) if message.max_drawdown else None,
            max_drawdown_pct=_convert.decimal_from_text(message.max_drawdown_pct) if message.max_drawdown_pct else None,
            revision=message.revision,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ValueSample:
    """What a chain, or the open chains of one (account, mode, currency), were worth at an instant: the first value of a
    minute, later of ten minutes, of an hour, of a day.
    """

    time: datetime.datetime | None = None
    """When, by the server's clock."""
    net_pnl: Decimal | None = None
    """Decimal. Realized, fees taken off."""
    unrealized_pnl: Decimal | None = None
    """Decimal. Unrealized PnL of what was open, without fees."""
    unrealized_pnl_usd: Decimal | None = None
    """Decimal. The same in USD; unset if an index was missing."""
    open_credit: Decimal | None = None
    """Decimal. Credit of what was open."""
    index_price: Decimal | None = None
    """Decimal. A chain's index in USD."""
    delta: float | None = None
    """A chain's delta."""
    missing_marks: int = 0
    """Open chains left out for want of a mark."""
    stale_marks: int = 0
    """Chains with a stale mark."""
    wild_marks: int = 0
    """Chains with a wild mark."""

    def to_proto(self) -> mark_pb2.ValueSample:
        return mark_pb2.ValueSample(
            time=None if self.time is None else _convert.time_to_proto(self.time),
            net_pnl="" if self.net_pnl is None else _convert.decimal_to_text(self.net_pnl),
            unrealized_pnl="" if self.unrealized_pnl is None else _convert.decimal_to_text(self.unrealized_pnl),
            unrealized_pnl_usd=None if self.unrealized_pnl_usd is None else _convert.decimal_to_text(self.unrealized_pnl_usd),
            open_credit="" if self.open_credit is None else _convert.decimal_to_text(self.open_credit),
            index_price=None if self.index_price is None else _convert.decimal_to_text(self.index_price),
            delta=self.delta,
            missing_marks=self.missing_marks,
            stale_marks=self.stale_marks,
            wild_marks=self.wild_marks,
        )

    @classmethod
    def from_proto(cls, message: mark_pb2.ValueSample) -> Self:
        return cls(
            time=_convert.time_from_proto(message.time) if message.HasField("time") else None,
            net_pnl=_convert.decimal_from_text(message.net_pnl) if message.net_pnl else None,
            unrealized_pnl=_convert.decimal_from_text(message.unrealized_pnl) if message.unrealized_pnl else None,
            unrealized_pnl_usd=_convert.decimal_from_text(message.unrealized_pnl_usd) if message.unrealized_pnl_usd else None,
            open_credit=_convert.decimal_from_text(message.open_credit) if message.open_credit else None,
            index_price=_convert.decimal_from_text(message.index_price) if message.index_price else None,
            delta=message.delta if message.HasField("delta") else None,
            missing_marks=message.missing_marks,
            stale_marks=message.stale_marks,
            wild_marks=message.wild_marks,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRow:
    """Totals of one account and mode in one settlement currency. Coins of different kinds are never added.
    Percentages divide sums. Statistics count chains that had a fill.
    """

    account: str = ""
    """Whose book."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    settlement_currency: str = ""
    """The currency of its money."""
    open_chains: int = 0
    """Chains with something open or awaiting delivery."""
    flat_chains: int = 0
    """Chains with a half-done roll."""
    pending_chains: int = 0
    """Chains that only have working orders."""
    closed_chains: int = 0
    """Chains closed after at least one fill."""
    winning_chains: int = 0
    """Closed chains with net_pnl > 0 in the settlement currency."""
    losing_chains: int = 0
    """Closed chains with net_pnl < 0."""
    rolls: int = 0
    """Completed rolls."""
    net_cash: Decimal | None = None
    """Decimal. Sum over all chains."""
    gross_pnl: Decimal | None = None
    """Decimal. Sum over all chains."""
    fees: Decimal | None = None
    """Decimal. Sum over all chains."""
    net_pnl: Decimal | None = None
    """Decimal. Sum over all chains, open ones included."""
    closed_net_pnl: Decimal | None = None
    """Decimal. Sum over closed chains."""
    open_credit: Decimal | None = None
    """Decimal. Credit of what is open."""
    collateral: Decimal | None = None
    """Decimal. Collateral bound now, over the chains where it is known."""
    net_pnl_usd: Decimal | None = None
    """Decimal. Sum in USD over all chains; unset if one of them is unknown (usd_missing says how many)."""
    closed_net_pnl_usd: Decimal | None = None
    """Decimal. Sum in USD over closed chains; unset if one of them is unknown (closed_usd_missing)."""
    usd_missing: int = 0
    """Chains whose USD figures are unset."""
    closed_usd_missing: int = 0
    """Closed chains whose USD figures are unset."""
    fees_incomplete: int = 0
    """Chains with a fill that has no fee."""
    fees_estimated: int = 0
    """Chains with an estimated fee."""
    collateral_missing: int = 0
    """Chains that bind collateral which is unknown for want of an index."""
    collateral_insufficient: int = 0
    """Chains with an unbounded coin loss (short inverse puts) now open."""
    realized_pnl_pct: Decimal | None = None
    """Decimal. Sum of closed chains' net_pnl over the sum of their leg-one premiums, percent, 12 places; unset at 0."""
    premium_kept_pct: Decimal | None = None
    """Decimal. 100 * sum of closed chains' gross_pnl over the sum of their premiums, 12 places; unset at 0."""
    return_on_collateral_annualised_pct: Decimal | None = None
    """Decimal. 365 * closed net_pnl over the sum of collateral_days, percent, simple; unset under one day."""
    period_realized_pnl: Decimal | None = None
    """Decimal. Realized in the asked period: reductions, settlements and fees by event time; unset if none was asked.
    """
    period_realized_pnl_usd: Decimal | None = None
    """Decimal. The same in USD, each line at its own index; unset if one has none."""
    winning_chains_usd: int = 0
    """Closed chains with net_pnl > 0 in USD, among those whose USD figures are known."""

    def to_proto(self) -> portfolio_pb2.PortfolioRow:
        return portfolio_pb2.PortfolioRow(
            account=self.account,
            mode=self.mode.to_proto(),
            settlement_currency=self.settlement_currency,
            open_chains=self.open_chains,
            flat_chains=self.flat_chains,
            pending_chains=self.pending_chains,
            closed_chains=self.closed_chains,
            winning_chains=self.winning_chains,
            losing_chains=self.losing_chains,
            rolls=self.rolls,
            net_cash="" if self.net_cash is None else _convert.decimal_to_text(self.net_cash),
            gross_pnl="" if self.gross_pnl is None else _convert.decimal_to_text(self.gross_pnl),
            fees="" if self.fees is None else _convert.decimal_to_text(self.fees),
            net_pnl="" if self.net_pnl is None else _convert.decimal_to_text(self.net_pnl),
            closed_net_pnl="" if self.closed_net_pnl is None else _convert.decimal_to_text(self.closed_net_pnl),
            open_credit="" if self.open_credit is None else _convert.decimal_to_text(self.open_credit),
            collateral="" if self.collateral is None else _convert.decimal_to_text(self.collateral),
            net_pnl_usd=None if self.net_pnl_usd is None else _convert.decimal_to_text(self.net_pnl_usd),
            closed_net_pnl_usd=None if self.closed_net_pnl_usd is None else _convert.decimal_to_text(self.closed_net_pnl_usd),
            usd_missing=self.usd_missing,
            closed_usd_missing=self.closed_usd_missing,
            fees_incomplete=self.fees_incomplete,
            fees_estimated=self.fees_estimated,
            collateral_missing=self.collateral_missing,
            collateral_insufficient=self.collateral_insufficient,
            realized_pnl_pct=None if self.realized_pnl_pct is None else _convert.decimal_to_text(self.realized_pnl_pct),
            premium_kept_pct=None if self.premium_kept_pct is None else _convert.decimal_to_text(self.premium_kept_pct),
            return_on_collateral_annualised_pct=None if self.return_on_collateral_annualised_pct is None else _convert.decimal_to_text(self.return_on_collateral_annualised_pct),
            period_realized_pnl=None if self.period_realized_pnl is None else _convert.decimal_to_text(self.period_realized_pnl),
            period_realized_pnl_usd=None if self.period_realized_pnl_usd is None else _convert.decimal_to_text(self.period_realized_pnl_usd),
            winning_chains_usd=self.winning_chains_usd,
        )

    @classmethod
    def from_proto(cls, message: portfolio_pb2.PortfolioRow) -> Self:
        return cls(
            account=message.account,
            mode=Mode.from_proto(message.mode),
            settlement_currency=message.settlement_currency,
            open_chains=message.open_chains,
            flat_chains=message.flat_chains,
            pending_chains=message.pending_chains,
            closed_chains=message.closed_chains,
            winning_chains=message.winning_chains,
            losing_chains=message.losing_chains,
            rolls=message.rolls,
            net_cash=_convert.decimal_from_text(message.net_cash) if message.net_cash else None,
            gross_pnl=_convert.decimal_from_text(message.gross_pnl) if message.gross_pnl else None,
            fees=_convert.decimal_from_text(message.fees) if message.fees else None,
            net_pnl=_convert.decimal_from_text(message.net_pnl) if message.net_pnl else None,
            closed_net_pnl=_convert.decimal_from_text(message.closed_net_pnl) if message.closed_net_pnl else None,
            open_credit=_convert.decimal_from_text(message.open_credit) if message.open_credit else None,
            collateral=_convert.decimal_from_text(message.collateral) if message.collateral else None,
            net_pnl_usd=_convert.decimal_from_text(message.net_pnl_usd) if message.net_pnl_usd else None,
            closed_net_pnl_usd=_convert.decimal_from_text(message.closed_net_pnl_usd) if message.closed_net_pnl_usd else None,
            usd_missing=message.usd_missing,
            closed_usd_missing=message.closed_usd_missing,
            fees_incomplete=message.fees_incomplete,
            fees_estimated=message.fees_estimated,
            collateral_missing=message.collateral_missing,
            collateral_insufficient=message.collateral_insufficient,
            realized_pnl_pct=_convert.decimal_from_text(message.realized_pnl_pct) if message.realized_pnl_pct else None,
            premium_kept_pct=_convert.decimal_from_text(message.premium_kept_pct) if message.premium_kept_pct else None,
            return_on_collateral_annualised_pct=_convert.decimal_from_text(message.return_on_collateral_annualised_pct) if message.return_on_collateral_annualised_pct else None,
            period_realized_pnl=_convert.decimal_from_text(message.period_realized_pnl) if message.period_realized_pnl else None,
            period_realized_pnl_usd=_convert.decimal_from_text(message.period_realized_pnl_usd) if message.period_realized_pnl_usd else None,
            winning_chains_usd=message.winning_chains_usd,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioValuation:
    """What a row's open chains are worth at the newest marks. Beside the row, because marks are observations."""

    account: str = ""
    """Whose book."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    settlement_currency: str = ""
    """The currency of its money."""
    unrealized_pnl: Decimal | None = None
    """Decimal. Sum over the open chains that have all their marks."""
    unrealized_pnl_usd: Decimal | None = None
    """Decimal. Sum in USD; unset if a valued chain's is unknown."""
    premium_captured_pct: Decimal | None = None
    """Decimal. unrealized_pnl over the open credit of the valued chains, percent, 12 places; unset at 0."""
    missing_marks: int = 0
    """Open chains left out for want of a mark."""
    usd_missing: int = 0
    """Valued chains left out of the USD sum."""
    stale_marks: int = 0
    """Valued chains with a stale mark; they are in the sums."""
    wild_marks: int = 0
    """Valued chains with a wild mark; they are in the sums."""

    def to_proto(self) -> portfolio_pb2.PortfolioValuation:
        return portfolio_pb2.PortfolioValuation(
            account=self.account,
            mode=self.mode.to_proto(),
            settlement_currency=self.settlement_currency,
            unrealized_pnl="" if self.unrealized_pnl is None else _convert.decimal_to_text(self.unrealized_pnl),
            unrealized_pnl_usd=None if self.unrealized_pnl_usd is None else _convert.decimal_to_text(self.unrealized_pnl_usd),
            premium_captured_pct=None if self.premium_captured_pct is None else _convert.decimal_to_text(self.premium_captured_pct),
            missing_marks=self.missing_marks,
            usd_missing=self.usd_missing,
            stale_marks=self.stale_marks,
            wild_marks=self.wild_marks,
        )

    @classmethod
    def from_proto(cls, message: portfolio_pb2.PortfolioValuation) -> Self:
        return cls(
            account=message.account,
            mode=Mode.from_proto(message.mode),
            settlement_currency=message.settlement_currency,
            unrealized_pnl=_convert.decimal_from_text(message.unrealized_pnl) if message.unrealized_pnl else None,
            unrealized_pnl_usd=_convert.decimal_from_text(message.unrealized_pnl_usd) if message.unrealized_pnl_usd else None,
            premium_captured_pct=_convert.decimal_from_text(message.premium_captured_pct) if message.premium_captured_pct else None,
            missing_marks=message.missing_marks,
            usd_missing=message.usd_missing,
            stale_marks=message.stale_marks,
            wild_marks=message.wild_marks,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a reader has come in one ledger. It moves only when all changes of a revision were sent."""

    ledger_id: str = ""
    """The ledger; a restore from a backup makes a new one."""
    revision: int = 0
    """The last revision that is complete."""

    def to_proto(self) -> watch_pb2.Cursor:
        return watch_pb2.Cursor(
            ledger_id=self.ledger_id,
            revision=self.revision,
        )

    @classmethod
    def from_proto(cls, message: watch_pb2.Cursor) -> Self:
        return cls(
            ledger_id=message.ledger_id,
            revision=message.revision,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchChainsRequest:
    """What to watch. The filters are of attributes that never change, joined by "and"; one that is unset is any."""

    ledger_id: str = ""
    """Of the last cursor that was received: the watch goes on after it. Unset: it begins with the present state."""
    after_revision: int = 0
    """Of the same cursor."""
    account: str = ""
    """Whose book."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    underlying: str = ""
    """The coin."""
    strategy: StrategyKind = StrategyKind.UNSPECIFIED
    """The kind of strategy."""
    strategy_name: str | None = None
    """The free name beside the kind."""
    position_id: str = ""
    """One chain; needs the account."""
    include_closed: bool = False
    """The first state holds closed chains as well; changes are sent of all chains anyhow."""
    bookmark_interval_ms: int = 0
    """Milliseconds without a message after which a bookmark is sent, 100 to 60000; 0 means 15000."""
    valuation_interval_ms: int = 0
    """Send valuations too: all at first, then at most once per so many milliseconds those that have changed, 100 to
    60000; 0 means none.
    """

    def to_proto(self) -> watch_pb2.WatchChainsRequest:
        return watch_pb2.WatchChainsRequest(
            ledger_id=self.ledger_id,
            after_revision=self.after_revision,
            account=self.account,
            mode=self.mode.to_proto(),
            underlying=self.underlying,
            strategy=self.strategy.to_proto(),
            strategy_name=self.strategy_name,
            position_id=self.position_id,
            include_closed=self.include_closed,
            bookmark_interval_ms=self.bookmark_interval_ms,
            valuation_interval_ms=self.valuation_interval_ms,
        )

    @classmethod
    def from_proto(cls, message: watch_pb2.WatchChainsRequest) -> Self:
        return cls(
            ledger_id=message.ledger_id,
            after_revision=message.after_revision,
            account=message.account,
            mode=Mode.from_proto(message.mode),
            underlying=message.underlying,
            strategy=StrategyKind.from_proto(message.strategy),
            strategy_name=message.strategy_name if message.HasField("strategy_name") else None,
            position_id=message.position_id,
            include_closed=message.include_closed,
            bookmark_interval_ms=message.bookmark_interval_ms,
            valuation_interval_ms=message.valuation_interval_ms,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchChainsResponse:
    """Some chains as they are now, or (in a message of their own, without a cursor) valuations."""

    cursor: Cursor | None = None
    """Everything up to here has been sent. Unset while the first state is still coming."""
    chains: tuple[PositionChain, ...] = ()
    """Chains that are new or have changed, each in its newest state. One that was sent before is replaced."""
    bookmark: bool = False
    """With this message the watcher has seen all that the ledger held at the cursor; sent after the first state, with
    changes, and as a sign of life.
    """
    valuations: tuple[ChainValuation, ...] = ()
    """The newest valuations of open chains that were marked or have changed. One that was sent before is replaced; what
    a slow reader missed is not sent later.
    """

    def to_proto(self) -> watch_pb2.WatchChainsResponse:
        return watch_pb2.WatchChainsResponse(
            cursor=None if self.cursor is None else self.cursor.to_proto(),
            chains=[item.to_proto() for item in self.chains],
            bookmark=self.bookmark,
            valuations=[item.to_proto() for item in self.valuations],
        )

    @classmethod
    def from_proto(cls, message: watch_pb2.WatchChainsResponse) -> Self:
        return cls(
            cursor=Cursor.from_proto(message.cursor) if message.HasField("cursor") else None,
            chains=tuple(PositionChain.from_proto(item) for item in message.chains),
            bookmark=message.bookmark,
            valuations=tuple(ChainValuation.from_proto(item) for item in message.valuations),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchEntriesRequest:
    """What to watch. The filters are joined by "and"; one that is unset is any."""

    ledger_id: str = ""
    """Of the last cursor that was received: the watch goes on after it. Unset: it begins with the first entry."""
    after_revision: int = 0
    """Of the same cursor."""
    account: str = ""
    """Whose book."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    underlying: str = ""
    """The coin of the entry's chain."""
    strategy: StrategyKind = StrategyKind.UNSPECIFIED
    """The kind of strategy of the entry's chain."""
    strategy_name: str | None = None
    """The free name beside the kind."""
    position_id: str = ""
    """One chain; needs the account."""
    bookmark_interval_ms: int = 0
    """Milliseconds without a message after which a bookmark is sent, 100 to 60000; 0 means 15000."""

    def to_proto(self) -> watch_pb2.WatchEntriesRequest:
        return watch_pb2.WatchEntriesRequest(
            ledger_id=self.ledger_id,
            after_revision=self.after_revision,
            account=self.account,
            mode=self.mode.to_proto(),
            underlying=self.underlying,
            strategy=self.strategy.to_proto(),
            strategy_name=self.strategy_name,
            position_id=self.position_id,
            bookmark_interval_ms=self.bookmark_interval_ms,
        )

    @classmethod
    def from_proto(cls, message: watch_pb2.WatchEntriesRequest) -> Self:
        return cls(
            ledger_id=message.ledger_id,
            after_revision=message.after_revision,
            account=message.account,
            mode=Mode.from_proto(message.mode),
            underlying=message.underlying,
            strategy=StrategyKind.from_proto(message.strategy),
            strategy_name=message.strategy_name if message.HasField("strategy_name") else None,
            position_id=message.position_id,
            bookmark_interval_ms=message.bookmark_interval_ms,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchEntriesResponse:
    """Some entries of the journal, in its order."""

    cursor: Cursor | None = None
    """Every entry up to here has been sent. A watch that goes on from it may repeat entries of the revision after it
    that were already sent: they are told apart by (revision, sequence).
    """
    entries: tuple[LedgerEntry, ...] = ()
    """The entries."""
    bookmark: bool = False
    """With this message the watcher has seen all that the ledger held at the cursor; also a sign of life."""

    def to_proto(self) -> watch_pb2.WatchEntriesResponse:
        return watch_pb2.WatchEntriesResponse(
            cursor=None if self.cursor is None else self.cursor.to_proto(),
            entries=[item.to_proto() for item in self.entries],
            bookmark=self.bookmark,
        )

    @classmethod
    def from_proto(cls, message: watch_pb2.WatchEntriesResponse) -> Self:
        return cls(
            cursor=Cursor.from_proto(message.cursor) if message.HasField("cursor") else None,
            entries=tuple(LedgerEntry.from_proto(item) for item in message.entries),
            bookmark=message.bookmark,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordExecutionRequest:
    """What to record."""

    execution: ExecutionResult | None = None
    """The execution. Required."""

    def to_proto(self) -> ledger_service_pb2.RecordExecutionRequest:
        return ledger_service_pb2.RecordExecutionRequest(
            execution=None if self.execution is None else self.execution.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordExecutionRequest) -> Self:
        return cls(
            execution=ExecutionResult.from_proto(message.execution) if message.HasField("execution") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordExecutionResponse:
    """The answer to a recorded execution; the same for every repetition."""

    revision: int = 0
    """The revision that holds it."""
    position_id: str = ""
    """The chain that it belongs to; empty if none (an OPEN that failed without a fill)."""
    dropped_trade_ids: tuple[str, ...] = ()
    """Trades known before, which did not count again."""
    flags: tuple[Flag, ...] = ()
    """What deserves a look."""

    def to_proto(self) -> ledger_service_pb2.RecordExecutionResponse:
        return ledger_service_pb2.RecordExecutionResponse(
            revision=self.revision,
            position_id=self.position_id,
            dropped_trade_ids=self.dropped_trade_ids,
            flags=[item.to_proto() for item in self.flags],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordExecutionResponse) -> Self:
        return cls(
            revision=message.revision,
            position_id=message.position_id,
            dropped_trade_ids=tuple(message.dropped_trade_ids),
            flags=tuple(Flag.from_proto(item) for item in message.flags),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordExecutionsRequest:
    """What to record."""

    executions: tuple[ExecutionResult, ...] = ()
    """1 to 500 executions, recorded in this order."""
    atomic: bool = False
    """All of them in one revision, or none. All must be of one account."""
    request_id: str = ""
    """Required if atomic: the batch's own id."""

    def to_proto(self) -> ledger_service_pb2.RecordExecutionsRequest:
        return ledger_service_pb2.RecordExecutionsRequest(
            executions=[item.to_proto() for item in self.executions],
            atomic=self.atomic,
            request_id=self.request_id,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordExecutionsRequest) -> Self:
        return cls(
            executions=tuple(ExecutionResult.from_proto(item) for item in message.executions),
            atomic=message.atomic,
            request_id=message.request_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordExecutionsResponse:
    """The answers in the order of the executions."""

    revision: int = 0
    """The newest revision among them."""
    results: tuple[RecordedExecution, ...] = ()
    """One per execution."""

    def to_proto(self) -> ledger_service_pb2.RecordExecutionsResponse:
        return ledger_service_pb2.RecordExecutionsResponse(
            revision=self.revision,
            results=[item.to_proto() for item in self.results],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordExecutionsResponse) -> Self:
        return cls(
            revision=message.revision,
            results=tuple(RecordedExecution.from_proto(item) for item in message.results),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExecution:
    """What became of one execution of a batch."""

    recorded: RecordExecutionResponse | None = None
    """It is recorded."""
    refused: Refusal | None = None
    """It was refused, and is listed by ListRefusedExecutions."""

    def to_proto(self) -> ledger_service_pb2.RecordedExecution:
        _convert.at_most_one(recorded=self.recorded, refused=self.refused)
        return ledger_service_pb2.RecordedExecution(
            recorded=None if self.recorded is None else self.recorded.to_proto(),
            refused=None if self.refused is None else self.refused.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordedExecution) -> Self:
        return cls(
            recorded=RecordExecutionResponse.from_proto(message.recorded) if message.HasField("recorded") else None,
            refused=Refusal.from_proto(message.refused) if message.HasField("refused") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why something was refused: the same as a call's status and ErrorInfo."""

    code: int = 0
    """Canonical gRPC status code, for example 3 for INVALID_ARGUMENT."""
    reason: str = ""
    """ErrorReason without its prefix, for example "MISSING_FIELD"."""
    message: str = ""
    """A sentence for people."""
    field: str = ""
    """The field, for example "fills[0].price"; empty if none."""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """More, by reason."""

    def to_proto(self) -> ledger_service_pb2.Refusal:
        return ledger_service_pb2.Refusal(
            code=self.code,
            reason=self.reason,
            message=self.message,
            field=self.field,
            metadata=self.metadata,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.Refusal) -> Self:
        return cls(
            code=message.code,
            reason=message.reason,
            message=message.message,
            field=message.field,
            metadata=dict(message.metadata),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordFillsRequest:
    """What to record."""

    request_id: str = ""
    """UUID made and kept by the client. Required."""
    account: str = ""
    """Whose book. Required."""
    venue: str = ""
    """Where; unset means "deribit"."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN. Required."""
    fills: tuple[Fill, ...] = ()
    """At most 1,000 fills, each with its order_id."""
    orders: tuple[Order, ...] = ()
    """At most 100 orders with their states."""
    raw_payloads: tuple[RawPayload, ...] = ()
    """At most 8 messages of the venue."""

    def to_proto(self) -> ledger_service_pb2.RecordFillsRequest:
        return ledger_service_pb2.RecordFillsRequest(
            request_id=self.request_id,
            account=self.account,
            venue=self.venue,
            mode=self.mode.to_proto(),
            fills=[item.to_proto() for item in self.fills],
            orders=[item.to_proto() for item in self.orders],
            raw_payloads=[item.to_proto() for item in self.raw_payloads],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordFillsRequest) -> Self:
        return cls(
            request_id=message.request_id,
            account=message.account,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            fills=tuple(Fill.from_proto(item) for item in message.fills),
            orders=tuple(Order.from_proto(item) for item in message.orders),
            raw_payloads=tuple(RawPayload.from_proto(item) for item in message.raw_payloads),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordFillsResponse:
    """The answer to recorded fills; the same for every repetition."""

    revision: int = 0
    """The revision that holds them."""
    position_ids: tuple[str, ...] = ()
    """The chains that they belong to."""
    dropped_trade_ids: tuple[str, ...] = ()
    """Trades known before, which did not count again."""
    unmatched_order_ids: tuple[str, ...] = ()
    """Orders that nobody has reported yet; what belongs to them waits."""
    flags: tuple[Flag, ...] = ()
    """What deserves a look."""

    def to_proto(self) -> ledger_service_pb2.RecordFillsResponse:
        return ledger_service_pb2.RecordFillsResponse(
            revision=self.revision,
            position_ids=self.position_ids,
            dropped_trade_ids=self.dropped_trade_ids,
            unmatched_order_ids=self.unmatched_order_ids,
            flags=[item.to_proto() for item in self.flags],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordFillsResponse) -> Self:
        return cls(
            revision=message.revision,
            position_ids=tuple(message.position_ids),
            dropped_trade_ids=tuple(message.dropped_trade_ids),
            unmatched_order_ids=tuple(message.unmatched_order_ids),
            flags=tuple(Flag.from_proto(item) for item in message.flags),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDelivery:
    """What the venue booked for one contract at delivery. It wins over the formula."""

    symbol: str = ""
    """The contract."""
    cash: Decimal | None = None
    """Decimal, any sign. Cash to us for the account's whole position in it, fee left out."""
    fee: Decimal | None = None
    """Decimal, any sign. Delivery fee, > 0 is a cost."""

    def to_proto(self) -> ledger_service_pb2.ReportedDelivery:
        return ledger_service_pb2.ReportedDelivery(
            symbol=self.symbol,
            cash=None if self.cash is None else _convert.decimal_to_text(self.cash),
            fee=None if self.fee is None else _convert.decimal_to_text(self.fee),
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ReportedDelivery) -> Self:
        return cls(
            symbol=message.symbol,
            cash=_convert.decimal_from_text(message.cash) if message.cash else None,
            fee=_convert.decimal_from_text(message.fee) if message.fee else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettlementRequest:
    """What to record."""

    request_id: str = ""
    """UUID made and kept by the client. Required."""
    account: str = ""
    """Whose book. Required."""
    venue: str = ""
    """Where; unset means "deribit"."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN. Required."""
    symbol: str = ""
    """One contract; or leave it unset and name index_name and expiry_time."""
    index_name: str = ""
    """All contracts of this index …"""
    expiry_time: datetime.datetime | None = None
    """… that expire at this instant."""
    delivery_price: Decimal | None = None
    """Decimal, > 0. The final delivery price. Required."""
    reported: tuple[ReportedDelivery, ...] = ()
    """What the venue booked, per contract; at most 1,000."""

    def to_proto(self) -> ledger_service_pb2.RecordSettlementRequest:
        return ledger_service_pb2.RecordSettlementRequest(
            request_id=self.request_id,
            account=self.account,
            venue=self.venue,
            mode=self.mode.to_proto(),
            symbol=self.symbol,
            index_name=self.index_name,
            expiry_time=None if self.expiry_time is None else _convert.time_to_proto(self.expiry_time),
            delivery_price="" if self.delivery_price is None else _convert.decimal_to_text(self.delivery_price),
            reported=[item.to_proto() for item in self.reported],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordSettlementRequest) -> Self:
        return cls(
            request_id=message.request_id,
            account=message.account,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            symbol=message.symbol,
            index_name=message.index_name,
            expiry_time=_convert.time_from_proto(message.expiry_time) if message.HasField("expiry_time") else None,
            delivery_price=_convert.decimal_from_text(message.delivery_price) if message.delivery_price else None,
            reported=tuple(ReportedDelivery.from_proto(item) for item in message.reported),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettlementResponse:
    """The answer to a settlement; the same for every repetition."""

    revision: int = 0
    """The revision that holds it."""
    position_ids: tuple[str, ...] = ()
    """The chains that it settled."""
    flags: tuple[Flag, ...] = ()
    """What deserves a look."""

    def to_proto(self) -> ledger_service_pb2.RecordSettlementResponse:
        return ledger_service_pb2.RecordSettlementResponse(
            revision=self.revision,
            position_ids=self.position_ids,
            flags=[item.to_proto() for item in self.flags],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RecordSettlementResponse) -> Self:
        return cls(
            revision=message.revision,
            position_ids=tuple(message.position_ids),
            flags=tuple(Flag.from_proto(item) for item in message.flags),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMarksRequest:
    """Marks of one venue and mode."""

    account: str = ""
    """Whose; unset means shared by all accounts."""
    venue: str = ""
    """Where; unset means "deribit"."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN. Required."""
    marks: tuple[Mark, ...] = ()
    """1 to 5,000 marks."""

    def to_proto(self) -> ledger_service_pb2.UpdateMarksRequest:
        return ledger_service_pb2.UpdateMarksRequest(
            account=self.account,
            venue=self.venue,
            mode=self.mode.to_proto(),
            marks=[item.to_proto() for item in self.marks],
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.UpdateMarksRequest) -> Self:
        return cls(
            account=message.account,
            venue=message.venue,
            mode=Mode.from_proto(message.mode),
            marks=tuple(Mark.from_proto(item) for item in message.marks),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMarksResponse:
    """What became of the marks."""

    revision: int = 0
    """The ledger's revision at that moment; marks make none."""
    accepted: int = 0
    """Marks taken."""
    ignored_symbols: tuple[str, ...] = ()
    """Contracts for which a mark as new or newer was there already."""

    def to_proto(self) -> ledger_service_pb2.UpdateMarksResponse:
        return ledger_service_pb2.UpdateMarksResponse(
            revision=self.revision,
            accepted=self.accepted,
            ignored_symbols=self.ignored_symbols,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.UpdateMarksResponse) -> Self:
        return cls(
            revision=message.revision,
            accepted=message.accepted,
            ignored_symbols=tuple(message.ignored_symbols),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetChainRequest:
    """Which chain."""

    account: str = ""
    """Whose book. Required."""
    position_id: str = ""
    """The chain. Required."""

    def to_proto(self) -> ledger_service_pb2.GetChainRequest:
        return ledger_service_pb2.GetChainRequest(
            account=self.account,
            position_id=self.position_id,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.GetChainRequest) -> Self:
        return cls(
            account=message.account,
            position_id=message.position_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetChainResponse:
    """One chain and all that made it."""

    revision: int = 0
    """The revision that this reflects."""
    chain: PositionChain | None = None
    """The chain with legs and rolls."""
    lines: tuple[CashLine, ...] = ()
    """Its cash lines in the order of the fold; of a very long chain the newest that fit into 1.5 MiB."""
    entries: tuple[LedgerEntry, ...] = ()
    """Its journal entries, oldest first; at most the newest 1,000, and those that fit into 1.5 MiB (see ListEntries).
    """
    valuation: ChainValuation | None = None
    """Its value; of a chain that holds nothing, its drawdown."""

    def to_proto(self) -> ledger_service_pb2.GetChainResponse:
        return ledger_service_pb2.GetChainResponse(
            revision=self.revision,
            chain=None if self.chain is None else self.chain.to_proto(),
            lines=[item.to_proto() for item in self.lines],
            entries=[item.to_proto() for item in self.entries],
            valuation=None if self.valuation is None else self.valuation.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.GetChainResponse) -> Self:
        return cls(
            revision=message.revision,
            chain=PositionChain.from_proto(message.chain) if message.HasField("chain") else None,
            lines=tuple(CashLine.from_proto(item) for item in message.lines),
            entries=tuple(LedgerEntry.from_proto(item) for item in message.entries),
            valuation=ChainValuation.from_proto(message.valuation) if message.HasField("valuation") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListChainsRequest:
    """Which chains. Filters are joined by "and"; what is unset is any."""

    account: str = ""
    """Whose book."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    states: tuple[ChainState, ...] = ()
    """Any of these states."""
    underlying: str = ""
    """The coin."""
    strategy: StrategyKind = StrategyKind.UNSPECIFIED
    """The kind of strategy."""
    strategy_name: str | None = None
    """The free name beside the kind."""
    opened_from_time: datetime.datetime | None = None
    """First fill at or after this."""
    opened_before_time: datetime.datetime | None = None
    """First fill before this."""
    closed_from_time: datetime.datetime | None = None
    """Flat or closed at or after this."""
    closed_before_time: datetime.datetime | None = None
    """Flat or closed before this."""
    order: ChainOrder = ChainOrder.UNSPECIFIED
    """Order of the list."""
    page_size: int = 0
    """At most this many; 0 means 50, more than 500 is 500."""
    page_token: str = ""
    """next_page_token of the page before, with the same filters."""

    def to_proto(self) -> ledger_service_pb2.ListChainsRequest:
        return ledger_service_pb2.ListChainsRequest(
            account=self.account,
            mode=self.mode.to_proto(),
            states=[item.to_proto() for item in self.states],
            underlying=self.underlying,
            strategy=self.strategy.to_proto(),
            strategy_name=self.strategy_name,
            opened_from_time=None if self.opened_from_time is None else _convert.time_to_proto(self.opened_from_time),
            opened_before_time=None if self.opened_before_time is None else _convert.time_to_proto(self.opened_before_time),
            closed_from_time=None if self.closed_from_time is None else _convert.time_to_proto(self.closed_from_time),
            closed_before_time=None if self.closed_before_time is None else _convert.time_to_proto(self.closed_before_time),
            order=self.order.to_proto(),
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListChainsRequest) -> Self:
        return cls(
            account=message.account,
            mode=Mode.from_proto(message.mode),
            states=tuple(ChainState.from_proto(item) for item in message.states),
            underlying=message.underlying,
            strategy=StrategyKind.from_proto(message.strategy),
            strategy_name=message.strategy_name if message.HasField("strategy_name") else None,
            opened_from_time=_convert.time_from_proto(message.opened_from_time) if message.HasField("opened_from_time") else None,
            opened_before_time=_convert.time_from_proto(message.opened_before_time) if message.HasField("opened_before_time") else None,
            closed_from_time=_convert.time_from_proto(message.closed_from_time) if message.HasField("closed_from_time") else None,
            closed_before_time=_convert.time_from_proto(message.closed_before_time) if message.HasField("closed_before_time") else None,
            order=ChainOrder.from_proto(message.order),
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListChainsResponse:
    """One page of chains."""

    revision: int = 0
    """The revision that this page reflects."""
    chains: tuple[PositionChain, ...] = ()
    """The chains."""
    valuations: tuple[ChainValuation, ...] = ()
    """Values of those with something open, and drawdowns of the others; told apart by position_id."""
    next_page_token: str = ""
    """For the next page; empty on the last."""

    def to_proto(self) -> ledger_service_pb2.ListChainsResponse:
        return ledger_service_pb2.ListChainsResponse(
            revision=self.revision,
            chains=[item.to_proto() for item in self.chains],
            valuations=[item.to_proto() for item in self.valuations],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListChainsResponse) -> Self:
        return cls(
            revision=message.revision,
            chains=tuple(PositionChain.from_proto(item) for item in message.chains),
            valuations=tuple(ChainValuation.from_proto(item) for item in message.valuations),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetPortfolioRequest:
    """Which totals."""

    account: str = ""
    """Whose book; unset means all."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN; unset means both, in rows of their own."""
    period_from_time: datetime.datetime | None = None
    """Ask for what was realized from this instant on …"""
    period_before_time: datetime.datetime | None = None
    """… until before this one; unset means no end."""

    def to_proto(self) -> ledger_service_pb2.GetPortfolioRequest:
        return ledger_service_pb2.GetPortfolioRequest(
            account=self.account,
            mode=self.mode.to_proto(),
            period_from_time=None if self.period_from_time is None else _convert.time_to_proto(self.period_from_time),
            period_before_time=None if self.period_before_time is None else _convert.time_to_proto(self.period_before_time),
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.GetPortfolioRequest) -> Self:
        return cls(
            account=message.account,
            mode=Mode.from_proto(message.mode),
            period_from_time=_convert.time_from_proto(message.period_from_time) if message.HasField("period_from_time") else None,
            period_before_time=_convert.time_from_proto(message.period_before_time) if message.HasField("period_before_time") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetPortfolioResponse:
    """Totals."""

    revision: int = 0
    """The revision that this reflects."""
    rows: tuple[PortfolioRow, ...] = ()
    """One per (account, mode, currency)."""
    valuations: tuple[PortfolioValuation, ...] = ()
    """Values of the rows with open chains."""
    unresolved_refusals: int = 0
    """Refused commands with LIVE fills that nobody has corrected: money that is missing from the totals."""
    unmatched_fills: int = 0
    """Fills that wait for their order: money that is missing from the totals."""

    def to_proto(self) -> ledger_service_pb2.GetPortfolioResponse:
        return ledger_service_pb2.GetPortfolioResponse(
            revision=self.revision,
            rows=[item.to_proto() for item in self.rows],
            valuations=[item.to_proto() for item in self.valuations],
            unresolved_refusals=self.unresolved_refusals,
            unmatched_fills=self.unmatched_fills,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.GetPortfolioResponse) -> Self:
        return cls(
            revision=message.revision,
            rows=tuple(PortfolioRow.from_proto(item) for item in message.rows),
            valuations=tuple(PortfolioValuation.from_proto(item) for item in message.valuations),
            unresolved_refusals=message.unresolved_refusals,
            unmatched_fills=message.unmatched_fills,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListEntriesRequest:
    """Which entries."""

    account: str = ""
    """Whose book."""
    position_id: str = ""
    """One chain; needs the account."""
    after_revision: int = 0
    """Only revisions after this one."""
    page_size: int = 0
    """At most this many; 0 means 50, more than 500 is 500."""
    page_token: str = ""
    """next_page_token of the page before, with the same filters."""
    newest_first: bool = False
    """Newest first instead of oldest first."""

    def to_proto(self) -> ledger_service_pb2.ListEntriesRequest:
        return ledger_service_pb2.ListEntriesRequest(
            account=self.account,
            position_id=self.position_id,
            after_revision=self.after_revision,
            page_size=self.page_size,
            page_token=self.page_token,
            newest_first=self.newest_first,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListEntriesRequest) -> Self:
        return cls(
            account=message.account,
            position_id=message.position_id,
            after_revision=message.after_revision,
            page_size=message.page_size,
            page_token=message.page_token,
            newest_first=message.newest_first,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListEntriesResponse:
    """One page of entries."""

    revision: int = 0
    """The revision that this page reflects."""
    entries: tuple[LedgerEntry, ...] = ()
    """The entries."""
    next_page_token: str = ""
    """For the next page; empty on the last."""

    def to_proto(self) -> ledger_service_pb2.ListEntriesResponse:
        return ledger_service_pb2.ListEntriesResponse(
            revision=self.revision,
            entries=[item.to_proto() for item in self.entries],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListEntriesResponse) -> Self:
        return cls(
            revision=message.revision,
            entries=tuple(LedgerEntry.from_proto(item) for item in message.entries),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListRefusedExecutionsRequest:
    """Which refusals."""

    account: str = ""
    """Whose book."""
    mode: Mode = Mode.UNSPECIFIED
    """LIVE or DRY_RUN."""
    include_resolved: bool = False
    """Also those that were resolved since."""
    page_size: int = 0
    """At most this many; 0 means 50, more than 500 is 500."""
    page_token: str = ""
    """next_page_token of the page before, with the same filters."""

    def to_proto(self) -> ledger_service_pb2.ListRefusedExecutionsRequest:
        return ledger_service_pb2.ListRefusedExecutionsRequest(
            account=self.account,
            mode=self.mode.to_proto(),
            include_resolved=self.include_resolved,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListRefusedExecutionsRequest) -> Self:
        return cls(
            account=message.account,
            mode=Mode.from_proto(message.mode),
            include_resolved=message.include_resolved,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RefusedExecution:
    """A refused command as it came."""

    account: str = ""
    """Whose book."""
    request_id: str = ""
    """The command's id."""
    mode: Mode = Mode.UNSPECIFIED
    """Mode, if it could be read."""
    refusal: Refusal | None = None
    """Why, at the last attempt."""
    attempts: int = 0
    """Attempts so far."""
    first_time: datetime.datetime | None = None
    """First attempt, by the server's clock."""
    last_time: datetime.datetime | None = None
    """Last attempt."""
    resolved_revision: int = 0
    """The revision that resolved it; 0 while it is open."""
    execution: ExecutionResult | None = None
    """A refused execution."""
    fills: RecordFillsRequest | None = None
    """Refused fills."""
    settlement: RecordSettlementRequest | None = None
    """A refused settlement."""

    def to_proto(self) -> ledger_service_pb2.RefusedExecution:
        _convert.at_most_one(execution=self.execution, fills=self.fills, settlement=self.settlement)
        return ledger_service_pb2.RefusedExecution(
            account=self.account,
            request_id=self.request_id,
            mode=self.mode.to_proto(),
            refusal=None if self.refusal is None else self.refusal.to_proto(),
            attempts=self.attempts,
            first_time=None if self.first_time is None else _convert.time_to_proto(self.first_time),
            last_time=None if self.last_time is None else _convert.time_to_proto(self.last_time),
            resolved_revision=self.resolved_revision,
            execution=None if self.execution is None else self.execution.to_proto(),
            fills=None if self.fills is None else self.fills.to_proto(),
            settlement=None if self.settlement is None else self.settlement.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.RefusedExecution) -> Self:
        return cls(
            account=message.account,
            request_id=message.request_id,
            mode=Mode.from_proto(message.mode),
            refusal=Refusal.from_proto(message.refusal) if message.HasField("refusal") else None,
            attempts=message.attempts,
            first_time=_convert.time_from_proto(message.first_time) if message.HasField("first_time") else None,
            last_time=_convert.time_from_proto(message.last_time) if message.HasField("last_time") else None,
            resolved_revision=message.resolved_revision,
            execution=ExecutionResult.from_proto(message.execution) if message.HasField("execution") else None,
            fills=RecordFillsRequest.from_proto(message.fills) if message.HasField("fills") else None,
            settlement=RecordSettlementRequest.from_proto(message.settlement) if message.HasField("settlement") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListRefusedExecutionsResponse:
    """One page of refusals."""

    revision: int = 0
    """The revision that this page reflects."""
    refusals: tuple[RefusedExecution, ...] = ()
    """The refusals, newest first."""
    next_page_token: str = ""
    """For the next page; empty on the last."""

    def to_proto(self) -> ledger_service_pb2.ListRefusedExecutionsResponse:
        return ledger_service_pb2.ListRefusedExecutionsResponse(
            revision=self.revision,
            refusals=[item.to_proto() for item in self.refusals],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListRefusedExecutionsResponse) -> Self:
        return cls(
            revision=message.revision,
            refusals=tuple(RefusedExecution.from_proto(item) for item in message.refusals),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListValuationsRequest:
    """Which history: that of one chain, or that of a row of the portfolio."""

    account: str = ""
    """Whose book. Required."""
    position_id: str = ""
    """One chain …"""
    mode: Mode = Mode.UNSPECIFIED
    """… or all open chains of this mode …"""
    settlement_currency: str = ""
    """… and this currency."""
    from_time: datetime.datetime | None = None
    """At or after this."""
    before_time: datetime.datetime | None = None
    """Before this."""
    newest_first: bool = False
    """Newest first instead of oldest first."""
    page_size: int = 0
    """At most this many; 0 means 50, more than 500 is 500."""
    page_token: str = ""
    """next_page_token of the page before, with the same filters."""

    def to_proto(self) -> ledger_service_pb2.ListValuationsRequest:
        return ledger_service_pb2.ListValuationsRequest(
            account=self.account,
            position_id=self.position_id,
            mode=self.mode.to_proto(),
            settlement_currency=self.settlement_currency,
            from_time=None if self.from_time is None else _convert.time_to_proto(self.from_time),
            before_time=None if self.before_time is None else _convert.time_to_proto(self.before_time),
            newest_first=self.newest_first,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListValuationsRequest) -> Self:
        return cls(
            account=message.account,
            position_id=message.position_id,
            mode=Mode.from_proto(message.mode),
            settlement_currency=message.settlement_currency,
            from_time=_convert.time_from_proto(message.from_time) if message.HasField("from_time") else None,
            before_time=_convert.time_from_proto(message.before_time) if message.HasField("before_time") else None,
            newest_first=message.newest_first,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListValuationsResponse:
    """One page of a history."""

    revision: int = 0
    """The ledger's revision at that moment."""
    samples: tuple[ValueSample, ...] = ()
    """The values."""
    next_page_token: str = ""
    """For the next page; empty on the last."""

    def to_proto(self) -> ledger_service_pb2.ListValuationsResponse:
        return ledger_service_pb2.ListValuationsResponse(
            revision=self.revision,
            samples=[item.to_proto() for item in self.samples],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: ledger_service_pb2.ListValuationsResponse) -> Self:
        return cls(
            revision=message.revision,
            samples=tuple(ValueSample.from_proto(item) for item in message.samples),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetServerStatusRequest:
    """Nothing to ask."""

    def to_proto(self) -> system_service_pb2.GetServerStatusRequest:
        return system_service_pb2.GetServerStatusRequest()

    @classmethod
    def from_proto(cls, message: system_service_pb2.GetServerStatusRequest) -> Self:
        return cls()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetServerStatusResponse:
    """What runs here."""

    version: str = ""
    """Version of rollbook-server."""
    sqlite_version: str = ""
    """Version of the SQLite library in use."""
    ledger_id: str = ""
    """The ledger's id, made with its file; a restore makes a new one."""
    revision: int = 0
    """The last committed revision."""
    head_hash: str = ""
    """SHA-256 of the last journal row, hex; with the revision it pins the whole journal (`rollbook-server check
    --expect`).
    """
    watchers: int = 0
    """Streams that are being watched now."""
    last_check_time: datetime.datetime | None = None
    """When `rollbook-server check` last passed on this file; unset if never."""
    last_check_revision: int = 0
    """The revision that it proved."""
    start_time: datetime.datetime | None = None
    """When this server started."""
    cached_chains: int = 0
    """Chains held in memory."""
    queued_commands: int = 0
    """Commands waiting for the writer."""
    clock_time: datetime.datetime | None = None
    """The present by the server's clock, which expiries go by: the machine's, or with --clock events the newest
    event's.
    """

    def to_proto(self) -> system_service_pb2.GetServerStatusResponse:
        return system_service_pb2.GetServerStatusResponse(
            version=self.version,
            sqlite_version=self.sqlite_version,
            ledger_id=self.ledger_id,
            revision=self.revision,
            head_hash=self.head_hash,
            watchers=self.watchers,
            last_check_time=None if self.last_check_time is None else _convert.time_to_proto(self.last_check_time),
            last_check_revision=self.last_check_revision,
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            cached_chains=self.cached_chains,
            queued_commands=self.queued_commands,
            clock_time=None if self.clock_time is None else _convert.time_to_proto(self.clock_time),
        )

    @classmethod
    def from_proto(cls, message: system_service_pb2.GetServerStatusResponse) -> Self:
        return cls(
            version=message.version,
            sqlite_version=message.sqlite_version,
            ledger_id=message.ledger_id,
            revision=message.revision,
            head_hash=message.head_hash,
            watchers=message.watchers,
            last_check_time=_convert.time_from_proto(message.last_check_time) if message.HasField("last_check_time") else None,
            last_check_revision=message.last_check_revision,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            cached_chains=message.cached_chains,
            queued_commands=message.queued_commands,
            clock_time=_convert.time_from_proto(message.clock_time) if message.HasField("clock_time") else None,
        )
