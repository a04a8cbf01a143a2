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
    backtest_pb2,
    backtest_service_pb2,
    chain_pb2,
    dataset_pb2,
    dataset_service_pb2,
    entry_pb2,
    error_reason_pb2,
    execution_pb2,
    instrument_pb2,
    ledger_service_pb2,
    mark_pb2,
    parity_pb2,
    portfolio_pb2,
    sweep_pb2,
    system_service_pb2,
    watch_pb2,
)

__all__ = [
    "Action",
    "Backtest",
    "BacktestChain",
    "BacktestCycle",
    "BacktestLeg",
    "BacktestMetrics",
    "BacktestPerformance",
    "BacktestSpec",
    "BacktestState",
    "BacktestStatus",
    "BacktestStep",
    "CancelBacktestRequest",
    "CancelBacktestResponse",
    "CancelSweepRequest",
    "CancelSweepResponse",
    "CashLine",
    "ChainOrder",
    "ChainParity",
    "ChainState",
    "ChainValuation",
    "CloseReason",
    "CompareBacktestsRequest",
    "CompareBacktestsResponse",
    "ContractStyle",
    "CorrectionEntry",
    "CreateBacktestRequest",
    "CreateBacktestResponse",
    "CreateSweepRequest",
    "CreateSweepResponse",
    "Cursor",
    "DataShares",
    "DataSpec",
    "Dataset",
    "DatasetGap",
    "DatasetKind",
    "DeleteBacktestRequest",
    "DeleteBacktestResponse",
    "DeleteSweepRequest",
    "DeleteSweepResponse",
    "DroppedRows",
    "EquityPoint",
    "ErrorReason",
    "ExecutionEntry",
    "ExecutionResult",
    "ExecutionStatus",
    "ExitSpec",
    "ExitStyle",
    "ExpiryEntry",
    "ExportProgress",
    "ExportTrainingDataRequest",
    "ExportTrainingDataResponse",
    "FeeSchedule",
    "FeeSource",
    "FetchDatasetRequest",
    "FetchDatasetResponse",
    "FetchProgress",
    "FetchedHistory",
    "Fill",
    "FillPrice",
    "FillSource",
    "FillSpec",
    "FillsEntry",
    "Flag",
    "GetBacktestReportRequest",
    "GetBacktestReportResponse",
    "GetBacktestRequest",
    "GetBacktestResponse",
    "GetChainRequest",
    "GetChainResponse",
    "GetDatasetRequest",
    "GetDatasetResponse",
    "GetParityRequest",
    "GetParityResponse",
    "GetPortfolioRequest",
    "GetPortfolioResponse",
    "GetServerStatusRequest",
    "GetServerStatusResponse",
    "GetSweepRequest",
    "GetSweepResponse",
    "Greeks",
    "Heatmap",
    "HeatmapCell",
    "HistoryKind",
    "Instrument",
    "LabCursor",
    "LedgerEntry",
    "LegState",
    "LegValuation",
    "LineKind",
    "Liquidity",
    "ListBacktestChainsRequest",
    "ListBacktestChainsResponse",
    "ListBacktestCyclesRequest",
    "ListBacktestCyclesResponse",
    "ListBacktestsRequest",
    "ListBacktestsResponse",
    "ListChainsRequest",
    "ListChainsResponse",
    "ListDatasetGapsRequest",
    "ListDatasetGapsResponse",
    "ListDatasetsRequest",
    "ListDatasetsResponse",
    "ListEntriesRequest",
    "ListEntriesResponse",
    "ListEquityPointsRequest",
    "ListEquityPointsResponse",
    "ListRefusedExecutionsRequest",
    "ListRefusedExecutionsResponse",
    "ListStepsRequest",
    "ListStepsResponse",
    "ListSweepPointsRequest",
    "ListSweepPointsResponse",
    "ListSweepsRequest",
    "ListSweepsResponse",
    "ListValuationsRequest",
    "ListValuationsResponse",
    "Mark",
    "MarkFlag",
    "MissingOffer",
    "Mode",
    "OptionType",
    "Order",
    "OrderState",
    "ParityFlag",
    "ParityParts",
    "ParityRow",
    "ParityTrade",
    "PauseBacktestRequest",
    "PauseBacktestResponse",
    "PauseSweepRequest",
    "PauseSweepResponse",
    "PortfolioRow",
    "PortfolioValuation",
    "PositionChain",
    "PositionEffect",
    "PositionLeg",
    "QuoteSource",
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
    "RegisterDatasetRequest",
    "RegisterDatasetResponse",
    "ReportedDelivery",
    "ResumeBacktestRequest",
    "ResumeBacktestResponse",
    "ResumeSweepRequest",
    "ResumeSweepResponse",
    "RewardStatistics",
    "Roll",
    "RollMove",
    "Scoring",
    "SelectionSpec",
    "SettlementEntry",
    "SettlementPeriod",
    "Side",
    "SpecChange",
    "SpecDifference",
    "StepOutcome",
    "StrategyKind",
    "Sweep",
    "SweepAxis",
    "SweepFold",
    "SweepOrder",
    "SweepPoint",
    "SyntheticMarket",
    "TrainingFormat",
    "TrainingRows",
    "TrainingStatistics",
    "TriggerCount",
    "UpdateMarksRequest",
    "UpdateMarksResponse",
    "ValueSample",
    "VolatilitySource",
    "VolatilitySpec",
    "WalkForward",
    "WatchBacktestsRequest",
    "WatchBacktestsResponse",
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
    WHEEL = "WHEEL"
    """Puts against cash, and where one is assigned calls against the coins, until one takes them: puts again."""
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


class ExitStyle(enum.StrEnum):
    """When a position ends."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: TP_AND_ROLL."""
    HOLD_TO_EXPIRY = "HOLD_TO_EXPIRY"
    """Never before its expiry."""
    TP_AND_ROLL = "TP_AND_ROLL"
    """By take profit, defence, stop or time, and rolled where the rules say so."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.ExitStyle.ValueType:
        return _convert.enum_to_proto(backtest_pb2.ExitStyle, "EXIT_STYLE_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.ExitStyle.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.ExitStyle, "EXIT_STYLE_", number)


class Scoring(enum.StrEnum):
    """How candidates are ranked."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: ANNUALISED_YIELD."""
    ANNUALISED_YIELD = "ANNUALISED_YIELD"
    """(bid - fee) * 365 / (collateral * days) * (1 - |delta| / maximum delta)."""
    NEAREST_DELTA = "NEAREST_DELTA"
    """1 - |delta - target| / target."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.Scoring.ValueType:
        return _convert.enum_to_proto(backtest_pb2.Scoring, "SCORING_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.Scoring.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.Scoring, "SCORING_", number)


class VolatilitySource(enum.StrEnum):
    """Where the volatility at the money comes from."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: INDEX where the spec names a volatility dataset, else REALIZED."""
    INDEX = "INDEX"
    """A volatility index (DVOL)."""
    REALIZED = "REALIZED"
    """Exponentially weighted realized volatility of the bars."""
    CONSTANT = "CONSTANT"
    """One level for the whole run: for experiments."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.VolatilitySource.ValueType:
        return _convert.enum_to_proto(backtest_pb2.VolatilitySource, "VOLATILITY_SOURCE_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.VolatilitySource.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.VolatilitySource, "VOLATILITY_SOURCE_", number)


class QuoteSource(enum.StrEnum):
    """Where quotes come from."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: RECORDED where the spec names a quotes dataset, else MODEL."""
    MODEL = "MODEL"
    """Black-76 with smile, half spread and ticks."""
    RECORDED = "RECORDED"
    """Recorded option chains: their own bid and ask."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.QuoteSource.ValueType:
        return _convert.enum_to_proto(backtest_pb2.QuoteSource, "QUOTE_SOURCE_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.QuoteSource.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.QuoteSource, "QUOTE_SOURCE_", number)


class FillPrice(enum.StrEnum):
    """At which price of a quote a simulated order fills."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: BID_ASK."""
    BID_ASK = "BID_ASK"
    """Sold at the bid, bought at the ask."""
    MID = "MID"
    """At the middle: a scenario, marked as one in the report."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.FillPrice.ValueType:
        return _convert.enum_to_proto(backtest_pb2.FillPrice, "FILL_PRICE_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.FillPrice.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.FillPrice, "FILL_PRICE_", number)


class MissingOffer(enum.StrEnum):
    """What happens where a leg must be bought back and nobody offers it."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: HOLD."""
    HOLD = "HOLD"
    """It is held until somebody does, or to its expiry."""
    MARK_PLUS_PENALTY = "MARK_PLUS_PENALTY"
    """It is bought at the mark plus the penalty."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.MissingOffer.ValueType:
        return _convert.enum_to_proto(backtest_pb2.MissingOffer, "MISSING_OFFER_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.MissingOffer.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.MissingOffer, "MISSING_OFFER_", number)


class FeeSchedule(enum.StrEnum):
    """Which fees are charged."""

    UNSPECIFIED = "UNSPECIFIED"
    """The server's default: DERIBIT."""
    DERIBIT = "DERIBIT"
    """The venue's, by date, as taker."""
    NONE = "NONE"
    """None: for experiments."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.FeeSchedule.ValueType:
        return _convert.enum_to_proto(backtest_pb2.FeeSchedule, "FEE_SCHEDULE_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.FeeSchedule.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.FeeSchedule, "FEE_SCHEDULE_", number)


class BacktestState(enum.StrEnum):
    """Where a run stands."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    PENDING = "PENDING"
    """It waits for a worker."""
    RUNNING = "RUNNING"
    """It runs; after a restart of the server it goes on by itself."""
    PAUSED = "PAUSED"
    """It waits for ResumeBacktest."""
    SUCCEEDED = "SUCCEEDED"
    """It ended, with all its results."""
    FAILED = "FAILED"
    """It ended by an error."""
    CANCELLED = "CANCELLED"
    """It was ended by CancelBacktest; what it had until then is kept."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.BacktestState.ValueType:
        return _convert.enum_to_proto(backtest_pb2.BacktestState, "BACKTEST_STATE_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.BacktestState.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.BacktestState, "BACKTEST_STATE_", number)


class StepOutcome(enum.StrEnum):
    """What a decision came to."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    TRADED = "TRADED"
    """A chain was opened."""
    MAX_OPEN_CHAINS = "MAX_OPEN_CHAINS"
    """As many chains as allowed are open."""
    NO_CANDIDATES = "NO_CANDIDATES"
    """No contract fits the selection."""
    BELOW_MIN_SCORE = "BELOW_MIN_SCORE"
    """The best one is below the minimum score."""
    NO_BID = "NO_BID"
    """Nobody bids, or the bid does not pay its fee."""
    NO_DATA = "NO_DATA"
    """There is no bar, no volatility or no fresh snapshot."""
    BELOW_COST = "BELOW_COST"
    """A wheel holds its coins: contracts fit the selection, but none at or above what the coins cost."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.StepOutcome.ValueType:
        return _convert.enum_to_proto(backtest_pb2.StepOutcome, "STEP_OUTCOME_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.StepOutcome.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.StepOutcome, "STEP_OUTCOME_", number)


class TrainingRows(enum.StrEnum):
    """Which rows of training data."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not said."""
    EXAMPLES = "EXAMPLES"
    """One row for each decision: its state, what the run did, and the reward."""
    CANDIDATES = "CANDIDATES"
    """For each decision a row for doing nothing, and one for each contract that could be sold, with the reward that its
    chain has alone, under the same rules of exit and the same fills.
    """
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.TrainingRows.ValueType:
        return _convert.enum_to_proto(backtest_pb2.TrainingRows, "TRAINING_ROWS_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.TrainingRows.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.TrainingRows, "TRAINING_ROWS_", number)


class TrainingFormat(enum.StrEnum):
    """How training data is written. All formats hold the same rows."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not said."""
    CSV = "CSV"
    """Text, with a head."""
    JSONL = "JSONL"
    """An object of JSON in each line."""
    PARQUET = "PARQUET"
    """Apache Parquet."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_pb2.TrainingFormat.ValueType:
        return _convert.enum_to_proto(backtest_pb2.TrainingFormat, "TRAINING_FORMAT_", self)

    @classmethod
    def from_proto(cls, number: backtest_pb2.TrainingFormat.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_pb2.TrainingFormat, "TRAINING_FORMAT_", number)


class ParityFlag(enum.StrEnum):
    """What of a parity is a guess, or a scenario."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    MODELLED_QUOTES = "MODELLED_QUOTES"
    """The lab's quotes are those of a model."""
    PROXY_DELIVERY = "PROXY_DELIVERY"
    """The lab's delivery price was made from bars. What a chain's own delivery differs from it stands in `price`."""
    SYNTHETIC_DATA = "SYNTHETIC_DATA"
    """The lab's bars are made up."""
    MID_FILLS = "MID_FILLS"
    """The lab fills at the middle: a scenario."""
    WITHOUT_OFFER = "WITHOUT_OFFER"
    """The lab bought where nobody offered, at the mark plus the penalty."""
    SIMULATED_FILLS = "SIMULATED_FILLS"
    """The chain's own fills are simulated."""
    ESTIMATED_FEES = "ESTIMATED_FEES"
    """A fee of the chain is the ledger's estimate."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> parity_pb2.ParityFlag.ValueType:
        return _convert.enum_to_proto(parity_pb2.ParityFlag, "PARITY_FLAG_", self)

    @classmethod
    def from_proto(cls, number: parity_pb2.ParityFlag.ValueType) -> Self:
        return _convert.enum_from_proto(cls, parity_pb2.ParityFlag, "PARITY_FLAG_", number)


class SweepOrder(enum.StrEnum):
    """How points are listed."""

    UNSPECIFIED = "UNSPECIFIED"
    """In the order of creation."""
    CREATION = "CREATION"
    """In the order of creation."""
    RANK = "RANK"
    """By the rank out of sample, best first, and points without a value last; only points that were done when the first
    page was read.
    """
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> backtest_service_pb2.SweepOrder.ValueType:
        return _convert.enum_to_proto(backtest_service_pb2.SweepOrder, "SWEEP_ORDER_", self)

    @classmethod
    def from_proto(cls, number: backtest_service_pb2.SweepOrder.ValueType) -> Self:
        return _convert.enum_from_proto(cls, backtest_service_pb2.SweepOrder, "SWEEP_ORDER_", number)


class DatasetKind(enum.StrEnum):
    """What a dataset holds."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    BARS = "BARS"
    """Open, high, low, close at regular intervals."""
    VOLATILITY = "VOLATILITY"
    """An index of implied volatility, in percent a year."""
    OPTION_CHAINS = "OPTION_CHAINS"
    """Snapshots of option chains, with bid and ask."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> dataset_pb2.DatasetKind.ValueType:
        return _convert.enum_to_proto(dataset_pb2.DatasetKind, "DATASET_KIND_", self)

    @classmethod
    def from_proto(cls, number: dataset_pb2.DatasetKind.ValueType) -> Self:
        return _convert.enum_from_proto(cls, dataset_pb2.DatasetKind, "DATASET_KIND_", number)


class HistoryKind(enum.StrEnum):
    """What can be fetched of a venue's public history."""

    UNSPECIFIED = "UNSPECIFIED"
    """Not used."""
    BARS = "BARS"
    """Bars of an instrument; they become a dataset of BARS. Those in which nobody traded are left out."""
    VOLATILITY = "VOLATILITY"
    """The venue's index of implied volatility (DVOL); it becomes a dataset of VOLATILITY."""
    DELIVERY_PRICES = "DELIVERY_PRICES"
    """Final delivery prices of an index, one a day; kept as Parquet."""
    INSTRUMENTS = "INSTRUMENTS"
    """Options that are listed, and those that expired lately; kept as Parquet."""
    UNRECOGNIZED = "UNRECOGNIZED"
    """A value that only a newer server knows; it cannot be sent."""

    def to_proto(self) -> dataset_pb2.HistoryKind.ValueType:
        return _convert.enum_to_proto(dataset_pb2.HistoryKind, "HISTORY_KIND_", self)

    @classmethod
    def from_proto(cls, number: dataset_pb2.HistoryKind.ValueType) -> Self:
        return _convert.enum_from_proto(cls, dataset_pb2.HistoryKind, "HISTORY_KIND_", number)


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
    MALFORMED_DATA = "MALFORMED_DATA"
    """INVALID_ARGUMENT: the file cannot be read as what it is said to be; the message names the column or row."""
    POSITION_NOT_FOUND = "POSITION_NOT_FOUND"
    """NOT_FOUND: no chain of that name."""
    NO_CHAIN_HOLDS_CONTRACT = "NO_CHAIN_HOLDS_CONTRACT"
    """NOT_FOUND: no chain of that strategy held the contract at that time."""
    BACKTEST_NOT_FOUND = "BACKTEST_NOT_FOUND"
    """NOT_FOUND: no backtest of that id."""
    DATASET_NOT_FOUND = "DATASET_NOT_FOUND"
    """NOT_FOUND: no dataset of that id."""
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    """NOT_FOUND: the server's disk has no such file."""
    SWEEP_NOT_FOUND = "SWEEP_NOT_FOUND"
    """NOT_FOUND: no sweep of that id."""
    HISTORY_NOT_FOUND = "HISTORY_NOT_FOUND"
    """NOT_FOUND: the venue has nothing of that in that time."""
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
    LAB_UNAVAILABLE = "LAB_UNAVAILABLE"
    """FAILED_PRECONDITION: the server runs without its lab; the message says what to install."""
    BACKTEST_ENDED = "BACKTEST_ENDED"
    """FAILED_PRECONDITION: the backtest has ended already."""
    BACKTEST_NOT_ENDED = "BACKTEST_NOT_ENDED"
    """FAILED_PRECONDITION: the backtest has not ended yet."""
    SWEEP_ENDED = "SWEEP_ENDED"
    """FAILED_PRECONDITION: the sweep has ended already."""
    ENGINE_CHANGED = "ENGINE_CHANGED"
    """FAILED_PRECONDITION: another version of the engine made it; metadata "made_by" and "present" name both."""
    CHAIN_NOT_COMPARABLE = "CHAIN_NOT_COMPARABLE"
    """FAILED_PRECONDITION: the lab's engine cannot follow what the chain did; the message says what."""
    MARKET_UNKNOWN = "MARKET_UNKNOWN"
    """FAILED_PRECONDITION: the lab's data has no answer for an instant or a contract; the message says which."""
    VENUE_REFUSED = "VENUE_REFUSED"
    """FAILED_PRECONDITION: the venue answered with an error that will not pass by itself; metadata "code" is the
    venue's.
    """
    VENUE_ANSWER_UNKNOWN = "VENUE_ANSWER_UNKNOWN"
    """FAILED_PRECONDITION: the venue's answer does not look as it is known to look; nothing of it is kept."""
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
    VENUE_UNAVAILABLE = "VENUE_UNAVAILABLE"
    """UNAVAILABLE: the venue did not answer, often enough; what came before is kept; send again, and it goes on there.
    """
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
class SelectionSpec:
    """Which contracts are candidates. What is unset is the preset's."""

    min_dte_days: float | None = None
    """Days to expiry at least."""
    max_dte_days: float | None = None
    """Days to expiry at most."""
    target_dte_days: float | None = None
    """Days to expiry that ties prefer the shorter side of; it decides between expiries only through the score."""
    min_delta: float | None = None
    """Absolute delta at least, 0 to 1."""
    target_delta: float | None = None
    """Absolute delta that ties prefer, 0 to 1."""
    max_delta: float | None = None
    """Absolute delta at most, 0 to 1."""
    scoring: Scoring = Scoring.UNSPECIFIED
    """How candidates are ranked."""
    min_score: float | None = None
    """A candidate below this score is not traded."""

    def to_proto(self) -> backtest_pb2.SelectionSpec:
        return backtest_pb2.SelectionSpec(
            min_dte_days=self.min_dte_days,
            max_dte_days=self.max_dte_days,
            target_dte_days=self.target_dte_days,
            min_delta=self.min_delta,
            target_delta=self.target_delta,
            max_delta=self.max_delta,
            scoring=self.scoring.to_proto(),
            min_score=self.min_score,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.SelectionSpec) -> Self:
        return cls(
            min_dte_days=message.min_dte_days if message.HasField("min_dte_days") else None,
            max_dte_days=message.max_dte_days if message.HasField("max_dte_days") else None,
            target_dte_days=message.target_dte_days if message.HasField("target_dte_days") else None,
            min_delta=message.min_delta if message.HasField("min_delta") else None,
            target_delta=message.target_delta if message.HasField("target_delta") else None,
            max_delta=message.max_delta if message.HasField("max_delta") else None,
            scoring=Scoring.from_proto(message.scoring),
            min_score=message.min_score if message.HasField("min_score") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExitSpec:
    """When an open leg is closed or rolled, judged at bar closes. A rule that is unset in the resolved spec is off."""

    take_profit: float | None = None
    """Take profit when 1 - ask / entry price is at least this, 0 to 1."""
    defend: float | None = None
    """Defend (roll) when S / K (a put: K / S) is at least this, for example 0.98."""
    stop: float | None = None
    """Stop (close) when ask / entry price is at least this, above 1."""
    min_dte_days: float | None = None
    """Roll when fewer days than this are left."""
    max_rolls: int | None = None
    """Rolls of one chain at most."""
    max_debit: float | None = None
    """A roll may cost at most this, as a fraction of the underlying's price; above it the leg is held."""

    def to_proto(self) -> backtest_pb2.ExitSpec:
        return backtest_pb2.ExitSpec(
            take_profit=self.take_profit,
            defend=self.defend,
            stop=self.stop,
            min_dte_days=self.min_dte_days,
            max_rolls=self.max_rolls,
            max_debit=self.max_debit,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.ExitSpec) -> Self:
        return cls(
            take_profit=message.take_profit if message.HasField("take_profit") else None,
            defend=message.defend if message.HasField("defend") else None,
            stop=message.stop if message.HasField("stop") else None,
            min_dte_days=message.min_dte_days if message.HasField("min_dte_days") else None,
            max_rolls=message.max_rolls if message.HasField("max_rolls") else None,
            max_debit=message.max_debit if message.HasField("max_debit") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VolatilitySpec:
    """How volatility is modelled. What is unset is the default of source and coin."""

    source: VolatilitySource = VolatilitySource.UNSPECIFIED
    """Where the level at the money comes from."""
    multiplier: float | None = None
    """The level is multiplied by this; the multiplier is the result, so the report shows the one that breaks even."""
    level: float | None = None
    """Of CONSTANT: annual volatility as a fraction."""
    half_life_days: float | None = None
    """Of REALIZED: days."""
    smile_slope: float | None = None
    """b of sigma = atm * (1 + b x + c x^2), x = ln(K/F) / (atm sqrt(T)) within 2.5."""
    smile_curvature: float | None = None
    """c of the same."""
    allow_short_dated: bool = False
    """Allow modelled options of less than five days, for which the model is poor."""

    def to_proto(self) -> backtest_pb2.VolatilitySpec:
        return backtest_pb2.VolatilitySpec(
            source=self.source.to_proto(),
            multiplier=self.multiplier,
            level=self.level,
            half_life_days=self.half_life_days,
            smile_slope=self.smile_slope,
            smile_curvature=self.smile_curvature,
            allow_short_dated=self.allow_short_dated,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.VolatilitySpec) -> Self:
        return cls(
            source=VolatilitySource.from_proto(message.source),
            multiplier=message.multiplier if message.HasField("multiplier") else None,
            level=message.level if message.HasField("level") else None,
            half_life_days=message.half_life_days if message.HasField("half_life_days") else None,
            smile_slope=message.smile_slope if message.HasField("smile_slope") else None,
            smile_curvature=message.smile_curvature if message.HasField("smile_curvature") else None,
            allow_short_dated=message.allow_short_dated,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FillSpec:
    """How orders fill."""

    quotes: QuoteSource = QuoteSource.UNSPECIFIED
    """Where quotes come from."""
    price: FillPrice = FillPrice.UNSPECIFIED
    """Which price of the quote."""
    half_spread_vol_points: float | None = None
    """Half spread of modelled quotes in volatility points, from five days to expiry on."""
    short_dated_half_spread_vol_points: float | None = None
    """Half spread below five days."""
    without_ticks: bool = False
    """Without ticks: for experiments."""
    missing_offer: MissingOffer = MissingOffer.UNSPECIFIED
    """What happens without an offer."""
    penalty: float | None = None
    """Of MARK_PLUS_PENALTY: the penalty as a fraction of the mark."""
    fees: FeeSchedule = FeeSchedule.UNSPECIFIED
    """Which fees are charged."""

    def to_proto(self) -> backtest_pb2.FillSpec:
        return backtest_pb2.FillSpec(
            quotes=self.quotes.to_proto(),
            price=self.price.to_proto(),
            half_spread_vol_points=self.half_spread_vol_points,
            short_dated_half_spread_vol_points=self.short_dated_half_spread_vol_points,
            without_ticks=self.without_ticks,
            missing_offer=self.missing_offer.to_proto(),
            penalty=self.penalty,
            fees=self.fees.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.FillSpec) -> Self:
        return cls(
            quotes=QuoteSource.from_proto(message.quotes),
            price=FillPrice.from_proto(message.price),
            half_spread_vol_points=message.half_spread_vol_points if message.HasField("half_spread_vol_points") else None,
            short_dated_half_spread_vol_points=message.short_dated_half_spread_vol_points if message.HasField("short_dated_half_spread_vol_points") else None,
            without_ticks=message.without_ticks,
            missing_offer=MissingOffer.from_proto(message.missing_offer),
            penalty=message.penalty if message.HasField("penalty") else None,
            fees=FeeSchedule.from_proto(message.fees),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """The data of a run, by the ids of their datasets."""

    spot_dataset_id: str = ""
    """Bars of the spot or the index. Required."""
    volatility_dataset_id: str = ""
    """A volatility index."""
    quotes_dataset_id: str = ""
    """Recorded option chains."""

    def to_proto(self) -> backtest_pb2.DataSpec:
        return backtest_pb2.DataSpec(
            spot_dataset_id=self.spot_dataset_id,
            volatility_dataset_id=self.volatility_dataset_id,
            quotes_dataset_id=self.quotes_dataset_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.DataSpec) -> Self:
        return cls(
            spot_dataset_id=message.spot_dataset_id,
            volatility_dataset_id=message.volatility_dataset_id,
            quotes_dataset_id=message.quotes_dataset_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSpec:
    """What is simulated. What is unset is filled in by the server; a run shows the whole of it."""

    schema_version: int = 0
    """Of this message; 1, and 0 means 1."""
    name: str = ""
    """For people."""
    preset: str = ""
    """ultra-safe, balanced or aggressive: what is unset in the selection; unset is balanced."""
    underlying: str = ""
    """The coin: BTC or ETH. Required."""
    start_time: datetime.datetime | None = None
    """From here on; unset is the beginning of the data."""
    end_time: datetime.datetime | None = None
    """Up to here; unset is the end of the data."""
    strategy: StrategyKind = StrategyKind.UNSPECIFIED
    """COVERED_CALL, CASH_SECURED_PUT or WHEEL. A wheel begins with cash and sells puts; where one is in the money at
    its expiry it pays the payoff, buys the coins at the next bar's open (without a fee) and sells calls at or above
    what they cost, until a call in the money sells them at its delivery price. Required.
    """
    style: ContractStyle = ContractStyle.UNSPECIFIED
    """INVERSE (premium and profit in coin) or LINEAR (in USDC). A WHEEL is LINEAR: inverse options never buy a coin.
    Required.
    """
    exit_style: ExitStyle = ExitStyle.UNSPECIFIED
    """When positions end."""
    decision_interval_hours: int | None = None
    """Hours between decisions, 1 to 168; unset is 24."""
    decision_hour: int | None = None
    """Hour of the day (UTC) that decisions are counted from; unset is 9. Not 8, when expiries settle."""
    bar_minutes: int | None = None
    """Minutes of a bar as the run sees it, a multiple of the dataset's; unset is the dataset's own."""
    selection: SelectionSpec | None = None
    """Which contracts."""
    exits: ExitSpec | None = None
    """Which exits."""
    quantity: float | None = None
    """Coins per chain, above 0; unset is 1."""
    max_open_chains: int | None = None
    """Chains open at once; unset is 1. No decision opens another beyond it. A WHEEL has 1: its coins are one lot, with
    a cost of its own.
    """
    volatility: VolatilitySpec | None = None
    """The volatility."""
    forward_basis: float | None = None
    """b of F = S exp(b T), a year; unset is 0."""
    fills: FillSpec | None = None
    """The fills."""
    data: DataSpec | None = None
    """The data."""
    seed: int = 0
    """Of all randomness (the bootstrap)."""

    def to_proto(self) -> backtest_pb2.BacktestSpec:
        return backtest_pb2.BacktestSpec(
            schema_version=self.schema_version,
            name=self.name,
            preset=self.preset,
            underlying=self.underlying,
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            strategy=self.strategy.to_proto(),
            style=self.style.to_proto(),
            exit_style=self.exit_style.to_proto(),
            decision_interval_hours=self.decision_interval_hours,
            decision_hour=self.decision_hour,
            bar_minutes=self.bar_minutes,
            selection=None if self.selection is None else self.selection.to_proto(),
            exits=None if self.exits is None else self.exits.to_proto(),
            quantity=self.quantity,
            max_open_chains=self.max_open_chains,
            volatility=None if self.volatility is None else self.volatility.to_proto(),
            forward_basis=self.forward_basis,
            fills=None if self.fills is None else self.fills.to_proto(),
            data=None if self.data is None else self.data.to_proto(),
            seed=self.seed,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestSpec) -> Self:
        return cls(
            schema_version=message.schema_version,
            name=message.name,
            preset=message.preset,
            underlying=message.underlying,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            strategy=StrategyKind.from_proto(message.strategy),
            style=ContractStyle.from_proto(message.style),
            exit_style=ExitStyle.from_proto(message.exit_style),
            decision_interval_hours=message.decision_interval_hours if message.HasField("decision_interval_hours") else None,
            decision_hour=message.decision_hour if message.HasField("decision_hour") else None,
            bar_minutes=message.bar_minutes if message.HasField("bar_minutes") else None,
            selection=SelectionSpec.from_proto(message.selection) if message.HasField("selection") else None,
            exits=ExitSpec.from_proto(message.exits) if message.HasField("exits") else None,
            quantity=message.quantity if message.HasField("quantity") else None,
            max_open_chains=message.max_open_chains if message.HasField("max_open_chains") else None,
            volatility=VolatilitySpec.from_proto(message.volatility) if message.HasField("volatility") else None,
            forward_basis=message.forward_basis if message.HasField("forward_basis") else None,
            fills=FillSpec.from_proto(message.fills) if message.HasField("fills") else None,
            data=DataSpec.from_proto(message.data) if message.HasField("data") else None,
            seed=message.seed,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestStep:
    """One decision."""

    number: int = 0
    """0, 1, 2, … within the run."""
    decision_time: datetime.datetime | None = None
    """When it was made; it fills at the next bar's open."""
    index_price: float = 0.0
    """The underlying's price then, in USD."""
    candidates: int = 0
    """Contracts that fit the selection; of a wheel's calls, those at or above what its coins cost."""
    best_score: float | None = None
    """Score of the best; unset without one."""
    best_symbol: str = ""
    """Its contract."""
    outcome: StepOutcome = StepOutcome.UNSPECIFIED
    """What came of it."""
    chain_number: int = 0
    """The chain that it opened; 0 is none."""

    def to_proto(self) -> backtest_pb2.BacktestStep:
        return backtest_pb2.BacktestStep(
            number=self.number,
            decision_time=None if self.decision_time is None else _convert.time_to_proto(self.decision_time),
            index_price=self.index_price,
            candidates=self.candidates,
            best_score=self.best_score,
            best_symbol=self.best_symbol,
            outcome=self.outcome.to_proto(),
            chain_number=self.chain_number,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestStep) -> Self:
        return cls(
            number=message.number,
            decision_time=_convert.time_from_proto(message.decision_time) if message.HasField("decision_time") else None,
            index_price=message.index_price,
            candidates=message.candidates,
            best_score=message.best_score if message.HasField("best_score") else None,
            best_symbol=message.best_symbol,
            outcome=StepOutcome.from_proto(message.outcome),
            chain_number=message.chain_number,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestLeg:
    """One leg of a simulated chain. Prices are per coin, in the settlement currency."""

    leg_number: int = 0
    """1, 2, … within the chain."""
    symbol: str = ""
    """The contract."""
    quantity: float = 0.0
    """Coins, sold to open."""
    open_time: datetime.datetime | None = None
    """When it was sold."""
    open_price: float = 0.0
    """At what."""
    open_fee: float = 0.0
    """The fee of it."""
    open_index_price: float = 0.0
    """The underlying's price then, in USD."""
    open_delta: float = 0.0
    """Delta then, signed as of the contract."""
    open_volatility: float | None = None
    """Its volatility then, as a fraction; unset with recorded quotes that have none."""
    close_time: datetime.datetime | None = None
    """When it was bought back or settled; unset while it is open."""
    close_price: float = 0.0
    """Bought back at this; for a settlement the payoff per coin."""
    close_fee: float = 0.0
    """The fee of it: of the trade, or of the delivery."""
    close_index_price: float = 0.0
    """The underlying's price then; for a settlement the delivery price."""
    trigger: str = ""
    """Which rule closed it: expiry, stop, defend, take_profit, min_dte or data_end."""
    delivery_is_proxy: bool = False
    """The delivery price was made from a bar."""
    without_offer: bool = False
    """It was bought without an offer, at the mark plus the penalty."""

    def to_proto(self) -> backtest_pb2.BacktestLeg:
        return backtest_pb2.BacktestLeg(
            leg_number=self.leg_number,
            symbol=self.symbol,
            quantity=self.quantity,
            open_time=None if self.open_time is None else _convert.time_to_proto(self.open_time),
            open_price=self.open_price,
            open_fee=self.open_fee,
            open_index_price=self.open_index_price,
            open_delta=self.open_delta,
            open_volatility=self.open_volatility,
            close_time=None if self.close_time is None else _convert.time_to_proto(self.close_time),
            close_price=self.close_price,
            close_fee=self.close_fee,
            close_index_price=self.close_index_price,
            trigger=self.trigger,
            delivery_is_proxy=self.delivery_is_proxy,
            without_offer=self.without_offer,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestLeg) -> Self:
        return cls(
            leg_number=message.leg_number,
            symbol=message.symbol,
            quantity=message.quantity,
            open_time=_convert.time_from_proto(message.open_time) if message.HasField("open_time") else None,
            open_price=message.open_price,
            open_fee=message.open_fee,
            open_index_price=message.open_index_price,
            open_delta=message.open_delta,
            open_volatility=message.open_volatility if message.HasField("open_volatility") else None,
            close_time=_convert.time_from_proto(message.close_time) if message.HasField("close_time") else None,
            close_price=message.close_price,
            close_fee=message.close_fee,
            close_index_price=message.close_index_price,
            trigger=message.trigger,
            delivery_is_proxy=message.delivery_is_proxy,
            without_offer=message.without_offer,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestChain:
    """One simulated chain. Money in the settlement currency unless said."""

    number: int = 0
    """1, 2, … within the run."""
    open_time: datetime.datetime | None = None
    """Its first fill."""
    close_time: datetime.datetime | None = None
    """Its end; unset while it is open."""
    close_reason: CloseReason = CloseReason.UNSPECIFIED
    """BOUGHT_BACK, EXPIRED or SETTLED; unset while it is open."""
    legs: tuple[BacktestLeg, ...] = ()
    """Its legs."""
    num_rolls: int = 0
    """Completed rolls."""
    gross_pnl: float = 0.0
    """Premiums less buy-backs and payoffs."""
    fees: float = 0.0
    """All fees."""
    net_pnl: float = 0.0
    """gross_pnl - fees. Of a chain that is open at the end of the data: as if bought at the ask then."""
    net_pnl_usd: float = 0.0
    """The same in USD: each cash line at the index of its time."""
    premium: float = 0.0
    """All premiums that were received."""
    collateral_days: float = 0.0
    """Collateral times days."""
    open_at_end: bool = False
    """The data ended while it was open: it is marked, and left out of the win rate."""
    cycle_number: int = 0
    """Of a wheel: the cycle that it belongs to; else 0."""

    def to_proto(self) -> backtest_pb2.BacktestChain:
        return backtest_pb2.BacktestChain(
            number=self.number,
            open_time=None if self.open_time is None else _convert.time_to_proto(self.open_time),
            close_time=None if self.close_time is None else _convert.time_to_proto(self.close_time),
            close_reason=self.close_reason.to_proto(),
            legs=[item.to_proto() for item in self.legs],
            num_rolls=self.num_rolls,
            gross_pnl=self.gross_pnl,
            fees=self.fees,
            net_pnl=self.net_pnl,
            net_pnl_usd=self.net_pnl_usd,
            premium=self.premium,
            collateral_days=self.collateral_days,
            open_at_end=self.open_at_end,
            cycle_number=self.cycle_number,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestChain) -> Self:
        return cls(
            number=message.number,
            open_time=_convert.time_from_proto(message.open_time) if message.HasField("open_time") else None,
            close_time=_convert.time_from_proto(message.close_time) if message.HasField("close_time") else None,
            close_reason=CloseReason.from_proto(message.close_reason),
            legs=tuple(BacktestLeg.from_proto(item) for item in message.legs),
            num_rolls=message.num_rolls,
            gross_pnl=message.gross_pnl,
            fees=message.fees,
            net_pnl=message.net_pnl,
            net_pnl_usd=message.net_pnl_usd,
            premium=message.premium,
            collateral_days=message.collateral_days,
            open_at_end=message.open_at_end,
            cycle_number=message.cycle_number,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestCycle:
    """One turn of a wheel: from the first put to the call that sells the coins. Money in USD, prices in USD per coin.
    Cycles
    add up to what the account made: net_pnl = put_premium - put_costs + call_premium - call_costs - payoffs + quantity
    *
    (sale_price - purchase_price). A chain's own net PnL is of its options alone.
    """

    number: int = 0
    """1, 2, … within the run."""
    start_time: datetime.datetime | None = None
    """The first put was sold."""
    end_time: datetime.datetime | None = None
    """A call in the money sold the coins; unset while it goes on."""
    first_chain: int = 0
    """The number of its first chain."""
    last_chain: int = 0
    """The number of its newest chain; all between the two are its own."""
    chains: int = 0
    """How many these are."""
    quantity: float = 0.0
    """Coins."""
    put_premium: float = 0.0
    """Premiums of its puts, all received."""
    put_costs: float = 0.0
    """What buying puts back and all fees of them took; no payoff."""
    call_premium: float = 0.0
    """Premiums of its calls."""
    call_costs: float = 0.0
    """What buying calls back and all fees of them took."""
    put_strike: float | None = None
    """Of the put that was in the money at its expiry; unset until one is."""
    put_delivery_price: float | None = None
    """What that was settled at."""
    purchase_time: datetime.datetime | None = None
    """The coins were bought, at the open of the bar that followed; unset until they are."""
    purchase_price: float | None = None
    """At what."""
    effective_cost: float | None = None
    """What a coin cost: put_strike - (put_premium - put_costs) / quantity + purchase_price - put_delivery_price. No
    call is sold below it.
    """
    call_strike: float | None = None
    """Of the call that was in the money at its expiry; unset until one is."""
    sale_price: float | None = None
    """What that was settled at, and the coins sold."""
    net_pnl: float = 0.0
    """What it made. While it goes on: as if its coins were sold at the index, and its open option bought at the ask."""
    open_at_end: bool = False
    """The data ended while it went on: it is left out of the statistics of cycles."""

    def to_proto(self) -> backtest_pb2.BacktestCycle:
        return backtest_pb2.BacktestCycle(
            number=self.number,
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            first_chain=self.first_chain,
            last_chain=self.last_chain,
            chains=self.chains,
            quantity=self.quantity,
            put_premium=self.put_premium,
            put_costs=self.put_costs,
            call_premium=self.call_premium,
            call_costs=self.call_costs,
            put_strike=self.put_strike,
            put_delivery_price=self.put_delivery_price,
            purchase_time=None if self.purchase_time is None else _convert.time_to_proto(self.purchase_time),
            purchase_price=self.purchase_price,
            effective_cost=self.effective_cost,
            call_strike=self.call_strike,
            sale_price=self.sale_price,
            net_pnl=self.net_pnl,
            open_at_end=self.open_at_end,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestCycle) -> Self:
        return cls(
            number=message.number,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            first_chain=message.first_chain,
            last_chain=message.last_chain,
            chains=message.chains,
            quantity=message.quantity,
            put_premium=message.put_premium,
            put_costs=message.put_costs,
            call_premium=message.call_premium,
            call_costs=message.call_costs,
            put_strike=message.put_strike if message.HasField("put_strike") else None,
            put_delivery_price=message.put_delivery_price if message.HasField("put_delivery_price") else None,
            purchase_time=_convert.time_from_proto(message.purchase_time) if message.HasField("purchase_time") else None,
            purchase_price=message.purchase_price if message.HasField("purchase_price") else None,
            effective_cost=message.effective_cost if message.HasField("effective_cost") else None,
            call_strike=message.call_strike if message.HasField("call_strike") else None,
            sale_price=message.sale_price if message.HasField("sale_price") else None,
            net_pnl=message.net_pnl,
            open_at_end=message.open_at_end,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """The account at the close of a bar. "HODL" is the same capital left alone: coins for calls, cash for puts and
    wheels.
    """

    time: datetime.datetime | None = None
    """The bar's close."""
    index_price: float = 0.0
    """The underlying's price, in USD."""
    equity_coin: float = 0.0
    """Capital, cash, a wheel's coins and open options at their ask, in coin."""
    equity_usd: float = 0.0
    """The same in USD."""
    hodl_coin: float = 0.0
    """The benchmark in coin."""
    hodl_usd: float = 0.0
    """The benchmark in USD."""
    open_chains: int = 0
    """Chains that are open."""

    def to_proto(self) -> backtest_pb2.EquityPoint:
        return backtest_pb2.EquityPoint(
            time=None if self.time is None else _convert.time_to_proto(self.time),
            index_price=self.index_price,
            equity_coin=self.equity_coin,
            equity_usd=self.equity_usd,
            hodl_coin=self.hodl_coin,
            hodl_usd=self.hodl_usd,
            open_chains=self.open_chains,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.EquityPoint) -> Self:
        return cls(
            time=_convert.time_from_proto(message.time) if message.HasField("time") else None,
            index_price=message.index_price,
            equity_coin=message.equity_coin,
            equity_usd=message.equity_usd,
            hodl_coin=message.hodl_coin,
            hodl_usd=message.hodl_usd,
            open_chains=message.open_chains,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPerformance:
    """How a run did, in one currency. What cannot be known, or would mislead (nothing is annualised under 90 days or 20
    chains), is unset.
    """

    net_profit: float | None = None
    """Last equity less first."""
    hodl_profit: float | None = None
    """The benchmark's."""
    pnl_vs_hodl: float | None = None
    """net_profit - hodl_profit."""
    return_pct: float | None = None
    """Of the capital."""
    max_drawdown: float | None = None
    """The largest fall of equity from a peak, in money."""
    max_drawdown_pct: float | None = None
    """The same as a part of the peak."""
    volatility_pct: float | None = None
    """Standard deviation of daily returns, annualised by the square root of 365."""
    sharpe: float | None = None
    """Mean over standard deviation of daily returns, annualised."""
    sharpe_vs_hodl: float | None = None
    """The same of equity less the benchmark."""
    sortino: float | None = None
    """Mean over downside deviation of daily returns, annualised."""
    calmar: float | None = None
    """Annual return over the largest drawdown."""
    profit_factor: float | None = None
    """Sum of winners over sum of losers."""
    average_winner: float | None = None
    """Mean of chains that won."""
    average_loser: float | None = None
    """Mean of chains that lost, below 0."""
    chains_pnl: float | None = None
    """Sum of the net PnL of closed chains."""
    chains_pnl_p05: float | None = None
    """A block bootstrap over chains of that sum: 5 % are below."""
    chains_pnl_p95: float | None = None
    """95 % are below."""
    fees: float | None = None
    """Fees that were paid."""
    premium: float | None = None
    """Premiums that were received."""

    def to_proto(self) -> backtest_pb2.BacktestPerformance:
        return backtest_pb2.BacktestPerformance(
            net_profit=self.net_profit,
            hodl_profit=self.hodl_profit,
            pnl_vs_hodl=self.pnl_vs_hodl,
            return_pct=self.return_pct,
            max_drawdown=self.max_drawdown,
            max_drawdown_pct=self.max_drawdown_pct,
            volatility_pct=self.volatility_pct,
            sharpe=self.sharpe,
            sharpe_vs_hodl=self.sharpe_vs_hodl,
            sortino=self.sortino,
            calmar=self.calmar,
            profit_factor=self.profit_factor,
            average_winner=self.average_winner,
            average_loser=self.average_loser,
            chains_pnl=self.chains_pnl,
            chains_pnl_p05=self.chains_pnl_p05,
            chains_pnl_p95=self.chains_pnl_p95,
            fees=self.fees,
            premium=self.premium,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestPerformance) -> Self:
        return cls(
            net_profit=message.net_profit if message.HasField("net_profit") else None,
            hodl_profit=message.hodl_profit if message.HasField("hodl_profit") else None,
            pnl_vs_hodl=message.pnl_vs_hodl if message.HasField("pnl_vs_hodl") else None,
            return_pct=message.return_pct if message.HasField("return_pct") else None,
            max_drawdown=message.max_drawdown if message.HasField("max_drawdown") else None,
            max_drawdown_pct=message.max_drawdown_pct if message.HasField("max_drawdown_pct") else None,
            volatility_pct=message.volatility_pct if message.HasField("volatility_pct") else None,
            sharpe=message.sharpe if message.HasField("sharpe") else None,
            sharpe_vs_hodl=message.sharpe_vs_hodl if message.HasField("sharpe_vs_hodl") else None,
            sortino=message.sortino if message.HasField("sortino") else None,
            calmar=message.calmar if message.HasField("calmar") else None,
            profit_factor=message.profit_factor if message.HasField("profit_factor") else None,
            average_winner=message.average_winner if message.HasField("average_winner") else None,
            average_loser=message.average_loser if message.HasField("average_loser") else None,
            chains_pnl=message.chains_pnl if message.HasField("chains_pnl") else None,
            chains_pnl_p05=message.chains_pnl_p05 if message.HasField("chains_pnl_p05") else None,
            chains_pnl_p95=message.chains_pnl_p95 if message.HasField("chains_pnl_p95") else None,
            fees=message.fees if message.HasField("fees") else None,
            premium=message.premium if message.HasField("premium") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TriggerCount:
    """How many rolls a rule made."""

    trigger: str = ""
    """expiry, stop, defend, take_profit or min_dte."""
    legs: int = 0
    """Legs that it closed."""
    rolls: int = 0
    """Of these, by a roll."""

    def to_proto(self) -> backtest_pb2.TriggerCount:
        return backtest_pb2.TriggerCount(
            trigger=self.trigger,
            legs=self.legs,
            rolls=self.rolls,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.TriggerCount) -> Self:
        return cls(
            trigger=message.trigger,
            legs=message.legs,
            rolls=message.rolls,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataShares:
    """How good the data was: shares of the run."""

    missing_bars_pct: float | None = None
    """Bars that were missing in the period."""
    stale_volatility_pct: float | None = None
    """Bars with no volatility, or one older than two of its intervals."""
    modelled_legs_pct: float | None = None
    """Legs whose quotes came from the model."""
    proxy_deliveries_pct: float | None = None
    """Settlements at a delivery price made from a bar."""
    missing_snapshots_pct: float | None = None
    """Decisions without a fresh snapshot."""
    synthetic_bars_pct: float | None = None
    """Bars of a synthetic market."""

    def to_proto(self) -> backtest_pb2.DataShares:
        return backtest_pb2.DataShares(
            missing_bars_pct=self.missing_bars_pct,
            stale_volatility_pct=self.stale_volatility_pct,
            modelled_legs_pct=self.modelled_legs_pct,
            proxy_deliveries_pct=self.proxy_deliveries_pct,
            missing_snapshots_pct=self.missing_snapshots_pct,
            synthetic_bars_pct=self.synthetic_bars_pct,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.DataShares) -> Self:
        return cls(
            missing_bars_pct=message.missing_bars_pct if message.HasField("missing_bars_pct") else None,
            stale_volatility_pct=message.stale_volatility_pct if message.HasField("stale_volatility_pct") else None,
            modelled_legs_pct=message.modelled_legs_pct if message.HasField("modelled_legs_pct") else None,
            proxy_deliveries_pct=message.proxy_deliveries_pct if message.HasField("proxy_deliveries_pct") else None,
            missing_snapshots_pct=message.missing_snapshots_pct if message.HasField("missing_snapshots_pct") else None,
            synthetic_bars_pct=message.synthetic_bars_pct if message.HasField("synthetic_bars_pct") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestMetrics:
    """How a run did."""

    coin: BacktestPerformance | None = None
    """In coin."""
    usd: BacktestPerformance | None = None
    """In USD."""
    settlement_currency: str = ""
    """The currency that the contracts settle in, for example BTC or USDC."""
    days: float | None = None
    """Days of the run."""
    closed_chains: int | None = None
    """Chains that have ended."""
    open_chains: int | None = None
    """Chains open at the end."""
    win_rate_pct: float | None = None
    """Closed chains with a net PnL above 0, in the settlement currency."""
    premium_kept_pct: float | None = None
    """gross_pnl of closed chains over their premiums."""
    time_in_market_pct: float | None = None
    """Time with something open, or a wheel's coins held."""
    return_on_collateral_pct: float | None = None
    """net PnL over mean collateral while there is some; unset of a wheel, whose coins are half of what it earns."""
    exposure: float | None = None
    """Mean of the absolute delta of what is open, in coins per coin of capital; of a wheel that holds its coins, those
    less its call's.
    """
    turnover: float | None = None
    """Traded notional over capital, a year."""
    rolls: int | None = None
    """Rolls."""
    triggers: tuple[TriggerCount, ...] = ()
    """By which rule."""
    pnl_per_vol_point: float | None = None
    """Change of the chains' PnL per volatility point that is sold dearer, in the settlement currency."""
    break_even_multiplier: float | None = None
    """The volatility multiplier at which the chains' PnL is 0, of a wheel the account's; unset if there is none from
    0.5 to 2.
    """
    chains_pnl_flat_smile: float | None = None
    """Chains' PnL with another smile, of a wheel the account's: slope 0."""
    chains_pnl_call_skew: float | None = None
    """Slope +0.05."""
    lowest_balance: float | None = None
    """Of linear calls: the lowest balance in USDC, below 0 where losses had to be financed. Of a wheel: its lowest
    cash.
    """
    data: DataShares | None = None
    """The quality of the data."""
    cycles: int | None = None
    """Of a wheel: cycles that began."""
    completed_cycles: int | None = None
    """Of these: a call in the money ended them."""
    cycle_win_rate_pct: float | None = None
    """Of the completed: those with a net PnL above 0."""
    average_cycle_pnl: float | None = None
    """Mean net PnL of the completed, in USD."""
    average_cycle_days: float | None = None
    """Mean days from start to end of the completed."""

    def to_proto(self) -> backtest_pb2.BacktestMetrics:
        return backtest_pb2.BacktestMetrics(
            coin=None if self.coin is None else self.coin.to_proto(),
            usd=None if self.usd is None else self.usd.to_proto(),
            settlement_currency=self.settlement_currency,
            days=self.days,
            closed_chains=self.closed_chains,
            open_chains=self.open_chains,
            win_rate_pct=self.win_rate_pct,
            premium_kept_pct=self.premium_kept_pct,
            time_in_market_pct=self.time_in_market_pct,
            return_on_collateral_pct=self.return_on_collateral_pct,
            exposure=self.exposure,
            turnover=self.turnover,
            rolls=self.rolls,
            triggers=[item.to_proto() for item in self.triggers],
            pnl_per_vol_point=self.pnl_per_vol_point,
            break_even_multiplier=self.break_even_multiplier,
            chains_pnl_flat_smile=self.chains_pnl_flat_smile,
            chains_pnl_call_skew=self.chains_pnl_call_skew,
            lowest_balance=self.lowest_balance,
            data=None if self.data is None else self.data.to_proto(),
            cycles=self.cycles,
            completed_cycles=self.completed_cycles,
            cycle_win_rate_pct=self.cycle_win_rate_pct,
            average_cycle_pnl=self.average_cycle_pnl,
            average_cycle_days=self.average_cycle_days,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestMetrics) -> Self:
        return cls(
            coin=BacktestPerformance.from_proto(message.coin) if message.HasField("coin") else None,
            usd=BacktestPerformance.from_proto(message.usd) if message.HasField("usd") else None,
            settlement_currency=message.settlement_currency,
            days=message.days if message.HasField("days") else None,
            closed_chains=message.closed_chains if message.HasField("closed_chains") else None,
            open_chains=message.open_chains if message.HasField("open_chains") else None,
            win_rate_pct=message.win_rate_pct if message.HasField("win_rate_pct") else None,
            premium_kept_pct=message.premium_kept_pct if message.HasField("premium_kept_pct") else None,
            time_in_market_pct=message.time_in_market_pct if message.HasField("time_in_market_pct") else None,
            return_on_collateral_pct=message.return_on_collateral_pct if message.HasField("return_on_collateral_pct") else None,
            exposure=message.exposure if message.HasField("exposure") else None,
            turnover=message.turnover if message.HasField("turnover") else None,
            rolls=message.rolls if message.HasField("rolls") else None,
            triggers=tuple(TriggerCount.from_proto(item) for item in message.triggers),
            pnl_per_vol_point=message.pnl_per_vol_point if message.HasField("pnl_per_vol_point") else None,
            break_even_multiplier=message.break_even_multiplier if message.HasField("break_even_multiplier") else None,
            chains_pnl_flat_smile=message.chains_pnl_flat_smile if message.HasField("chains_pnl_flat_smile") else None,
            chains_pnl_call_skew=message.chains_pnl_call_skew if message.HasField("chains_pnl_call_skew") else None,
            lowest_balance=message.lowest_balance if message.HasField("lowest_balance") else None,
            data=DataShares.from_proto(message.data) if message.HasField("data") else None,
            cycles=message.cycles if message.HasField("cycles") else None,
            completed_cycles=message.completed_cycles if message.HasField("completed_cycles") else None,
            cycle_win_rate_pct=message.cycle_win_rate_pct if message.HasField("cycle_win_rate_pct") else None,
            average_cycle_pnl=message.average_cycle_pnl if message.HasField("average_cycle_pnl") else None,
            average_cycle_days=message.average_cycle_days if message.HasField("average_cycle_days") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BacktestStatus:
    """How far a run has come."""

    state: BacktestState = BacktestState.UNSPECIFIED
    """The state."""
    progress_pct: float = 0.0
    """0 to 100."""
    decisions_done: int = 0
    """Decisions that were made."""
    decisions_total: int = 0
    """Decisions of the whole run."""
    simulated_time: datetime.datetime | None = None
    """How far the simulated time has come."""
    phase: str = ""
    """What it does: waiting, loading, simulating, measuring or done."""
    decisions_per_second: float = 0.0
    """Decisions per second of work, so far."""
    eta_seconds: float | None = None
    """Seconds until the end, by that; unset where it cannot be said."""
    last_steps: tuple[BacktestStep, ...] = ()
    """The newest 50 decisions, oldest first."""
    last_chains: tuple[BacktestChain, ...] = ()
    """The newest 50 chains, oldest first; ListBacktestChains has them all."""
    metrics: BacktestMetrics | None = None
    """Metrics so far."""
    equity: tuple[EquityPoint, ...] = ()
    """Equity so far, thinned to some 200 points; ListEquityPoints has them all."""
    error: str = ""
    """Why it failed."""

    def to_proto(self) -> backtest_pb2.BacktestStatus:
        return backtest_pb2.BacktestStatus(
            state=self.state.to_proto(),
            progress_pct=self.progress_pct,
            decisions_done=self.decisions_done,
            decisions_total=self.decisions_total,
            simulated_time=None if self.simulated_time is None else _convert.time_to_proto(self.simulated_time),
            phase=self.phase,
            decisions_per_second=self.decisions_per_second,
            eta_seconds=self.eta_seconds,
            last_steps=[item.to_proto() for item in self.last_steps],
            last_chains=[item.to_proto() for item in self.last_chains],
            metrics=None if self.metrics is None else self.metrics.to_proto(),
            equity=[item.to_proto() for item in self.equity],
            error=self.error,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.BacktestStatus) -> Self:
        return cls(
            state=BacktestState.from_proto(message.state),
            progress_pct=message.progress_pct,
            decisions_done=message.decisions_done,
            decisions_total=message.decisions_total,
            simulated_time=_convert.time_from_proto(message.simulated_time) if message.HasField("simulated_time") else None,
            phase=message.phase,
            decisions_per_second=message.decisions_per_second,
            eta_seconds=message.eta_seconds if message.HasField("eta_seconds") else None,
            last_steps=tuple(BacktestStep.from_proto(item) for item in message.last_steps),
            last_chains=tuple(BacktestChain.from_proto(item) for item in message.last_chains),
            metrics=BacktestMetrics.from_proto(message.metrics) if message.HasField("metrics") else None,
            equity=tuple(EquityPoint.from_proto(item) for item in message.equity),
            error=message.error,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A run, from its creation on."""

    backtest_id: str = ""
    """Made by the server."""
    group_id: str = ""
    """Runs that belong together, by the client."""
    spec: BacktestSpec | None = None
    """What is simulated, in full."""
    run_digest: str = ""
    """SHA-256, hex, of spec, data and engine: runs with the same digest have the same results."""
    status: BacktestStatus | None = None
    """How far it has come."""
    create_time: datetime.datetime | None = None
    """When it was created."""
    start_time: datetime.datetime | None = None
    """When it first ran."""
    end_time: datetime.datetime | None = None
    """When it ended."""
    delete_time: datetime.datetime | None = None
    """When it was deleted; only in a watch."""
    revision: int = 0
    """The lab's revision of its last change."""
    result_digest: str = ""
    """SHA-256, hex, of all chains, steps and equity of a run that succeeded."""
    engine_version: str = ""
    """The version of the engine that it is run with; part of run_digest."""

    def to_proto(self) -> backtest_pb2.Backtest:
        return backtest_pb2.Backtest(
            backtest_id=self.backtest_id,
            group_id=self.group_id,
            spec=None if self.spec is None else self.spec.to_proto(),
            run_digest=self.run_digest,
            status=None if self.status is None else self.status.to_proto(),
            create_time=None if self.create_time is None else _convert.time_to_proto(self.create_time),
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            delete_time=None if self.delete_time is None else _convert.time_to_proto(self.delete_time),
            revision=self.revision,
            result_digest=self.result_digest,
            engine_version=self.engine_version,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.Backtest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
            group_id=message.group_id,
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            run_digest=message.run_digest,
            status=BacktestStatus.from_proto(message.status) if message.HasField("status") else None,
            create_time=_convert.time_from_proto(message.create_time) if message.HasField("create_time") else None,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            delete_time=_convert.time_from_proto(message.delete_time) if message.HasField("delete_time") else None,
            revision=message.revision,
            result_digest=message.result_digest,
            engine_version=message.engine_version,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RewardStatistics:
    """Rewards of rows with a chain, in one currency: net PnL over collateral times days, a fraction a day."""

    average: float = 0.0
    """Their mean."""
    minimum: float = 0.0
    """The least."""
    maximum: float = 0.0
    """The greatest."""

    def to_proto(self) -> backtest_pb2.RewardStatistics:
        return backtest_pb2.RewardStatistics(
            average=self.average,
            minimum=self.minimum,
            maximum=self.maximum,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.RewardStatistics) -> Self:
        return cls(
            average=message.average,
            minimum=message.minimum,
            maximum=message.maximum,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStatistics:
    """What some training data is."""

    rows: TrainingRows = TrainingRows.UNSPECIFIED
    """Which rows."""
    schema_version: int = 0
    """Of the columns; another one whenever one is added, goes, or means something else."""
    data_hash: str = ""
    """SHA-256, hex, of all rows, whatever their format."""
    examples: int = 0
    """Rows."""
    opened: int = 0
    """Rows whose action sells a contract."""
    skipped: int = 0
    """Rows whose action is SKIP, with a reward of 0."""
    unfilled: int = 0
    """Of those that sell: whose sale did not fill, with a reward of 0."""
    win_rate: float | None = None
    """Chains with a net PnL above 0 in the settlement currency, 0 to 1; unset without a chain."""
    reward_coin: RewardStatistics | None = None
    """In coin; unset without a chain."""
    reward_usd: RewardStatistics | None = None
    """In USD; unset without a chain."""
    first_decision_time: datetime.datetime | None = None
    """Of the first row."""
    last_decision_time: datetime.datetime | None = None
    """Of the last row."""
    validation_time: datetime.datetime | None = None
    """The first decision of the rows to validate on."""
    test_time: datetime.datetime | None = None
    """The first decision of the rows to test on."""
    longest_label_seconds: int = 0
    """Seconds from a decision to the end of its chain, at most: the embargo before each split."""
    train: int = 0
    """Rows to train on."""
    validation: int = 0
    """Rows to validate on."""
    test: int = 0
    """Rows to test on."""
    embargo: int = 0
    """Rows for none of them: less than the longest label before the next split."""
    open_at_end: int = 0
    """Rows that were left out: their chain is open at the end of the data, so that nobody knows its reward."""
    without_state: int = 0
    """Decisions that were left out: there was no data for them, or not all of their state was known."""

    def to_proto(self) -> backtest_pb2.TrainingStatistics:
        return backtest_pb2.TrainingStatistics(
            rows=self.rows.to_proto(),
            schema_version=self.schema_version,
            data_hash=self.data_hash,
            examples=self.examples,
            opened=self.opened,
            skipped=self.skipped,
            unfilled=self.unfilled,
            win_rate=self.win_rate,
            reward_coin=None if self.reward_coin is None else self.reward_coin.to_proto(),
            reward_usd=None if self.reward_usd is None else self.reward_usd.to_proto(),
            first_decision_time=None if self.first_decision_time is None else _convert.time_to_proto(self.first_decision_time),
            last_decision_time=None if self.last_decision_time is None else _convert.time_to_proto(self.last_decision_time),
            validation_time=None if self.validation_time is None else _convert.time_to_proto(self.validation_time),
            test_time=None if self.test_time is None else _convert.time_to_proto(self.test_time),
            longest_label_seconds=self.longest_label_seconds,
            train=self.train,
            validation=self.validation,
            test=self.test,
            embargo=self.embargo,
            open_at_end=self.open_at_end,
            without_state=self.without_state,
        )

    @classmethod
    def from_proto(cls, message: backtest_pb2.TrainingStatistics) -> Self:
        return cls(
            rows=TrainingRows.from_proto(message.rows),
            schema_version=message.schema_version,
            data_hash=message.data_hash,
            examples=message.examples,
            opened=message.opened,
            skipped=message.skipped,
            unfilled=message.unfilled,
            win_rate=message.win_rate if message.HasField("win_rate") else None,
            reward_coin=RewardStatistics.from_proto(message.reward_coin) if message.HasField("reward_coin") else None,
            reward_usd=RewardStatistics.from_proto(message.reward_usd) if message.HasField("reward_usd") else None,
            first_decision_time=_convert.time_from_proto(message.first_decision_time) if message.HasField("first_decision_time") else None,
            last_decision_time=_convert.time_from_proto(message.last_decision_time) if message.HasField("last_decision_time") else None,
            validation_time=_convert.time_from_proto(message.validation_time) if message.HasField("validation_time") else None,
            test_time=_convert.time_from_proto(message.test_time) if message.HasField("test_time") else None,
            longest_label_seconds=message.longest_label_seconds,
            train=message.train,
            validation=message.validation,
            test=message.test,
            embargo=message.embargo,
            open_at_end=message.open_at_end,
            without_state=message.without_state,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChainParity:
    """A chain beside what the engine would have made of its first sale: the same contract and quantity at the open of
    its
    bar, and everything after that by the spec's rules.
    """

    spec: BacktestSpec | None = None
    """With everything filled in. Its quantity is the chain's, its period that of the data from the first sale on."""
    settlement_currency: str = ""
    """Of all money without _usd."""
    net_pnl: float = 0.0
    """The chain's net PnL."""
    net_pnl_usd: float = 0.0
    """The same in USD, each line at its own index."""
    lab: BacktestChain | None = None
    """The engine's own chain, closed."""
    parts: ParityParts | None = None
    """Net PnL of the chain less that of the engine's."""
    parts_usd: ParityParts | None = None
    """The same in USD."""
    rows: tuple[ParityRow, ...] = ()
    """Trade by trade, in their order; the parts of all are their sums."""
    lab_choice: str = ""
    """What the spec would have sold in place of the chain's first contract; empty: nothing. It counts in no part."""
    flags: tuple[ParityFlag, ...] = ()
    """What of it is a guess."""

    def to_proto(self) -> parity_pb2.ChainParity:
        return parity_pb2.ChainParity(
            spec=None if self.spec is None else self.spec.to_proto(),
            settlement_currency=self.settlement_currency,
            net_pnl=self.net_pnl,
            net_pnl_usd=self.net_pnl_usd,
            lab=None if self.lab is None else self.lab.to_proto(),
            parts=None if self.parts is None else self.parts.to_proto(),
            parts_usd=None if self.parts_usd is None else self.parts_usd.to_proto(),
            rows=[item.to_proto() for item in self.rows],
            lab_choice=self.lab_choice,
            flags=[item.to_proto() for item in self.flags],
        )

    @classmethod
    def from_proto(cls, message: parity_pb2.ChainParity) -> Self:
        return cls(
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            settlement_currency=message.settlement_currency,
            net_pnl=message.net_pnl,
            net_pnl_usd=message.net_pnl_usd,
            lab=BacktestChain.from_proto(message.lab) if message.HasField("lab") else None,
            parts=ParityParts.from_proto(message.parts) if message.HasField("parts") else None,
            parts_usd=ParityParts.from_proto(message.parts_usd) if message.HasField("parts_usd") else None,
            rows=tuple(ParityRow.from_proto(item) for item in message.rows),
            lab_choice=message.lab_choice,
            flags=tuple(ParityFlag.from_proto(item) for item in message.flags),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParityParts:
    """What the chain has more than the engine's, by where it comes from: each part is what a run of the chain has less
    than
    the one before when one thing more is taken from the engine, in the order of these fields. They add up to the
    difference; what is put down to which depends on that order. Above 0 the chain did better.
    """

    difference: float = 0.0
    """Of all parts."""
    price: float = 0.0
    """The engine's prices at the fills' own times in place of theirs; its delivery price in place of the venue's."""
    fee: float = 0.0
    """The engine's fees in place of those charged."""
    timing: float = 0.0
    """The opens of bars, where alone the engine trades, in place of the fills' times."""
    rule: float = 0.0
    """The engine's rules in place of the bot's decisions: other exits, other contracts in rolls, other numbers of
    rolls.
    """

    def to_proto(self) -> parity_pb2.ParityParts:
        return parity_pb2.ParityParts(
            difference=self.difference,
            price=self.price,
            fee=self.fee,
            timing=self.timing,
            rule=self.rule,
        )

    @classmethod
    def from_proto(cls, message: parity_pb2.ParityParts) -> Self:
        return cls(
            difference=message.difference,
            price=message.price,
            fee=message.fee,
            timing=message.timing,
            rule=message.rule,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParityRow:
    """One trade in all runs: of each leg in turn its sale, and what ended it."""

    leg_number: int = 0
    """The chain's legs in order of time, and the engine's, from 1 on."""
    chain: ParityTrade | None = None
    """As the chain did it. Unset, with the next two, where it has no such trade."""
    repriced: ParityTrade | None = None
    """At the engine's price and by its fee, at the same time."""
    moved: ParityTrade | None = None
    """Moved to the open of a bar: the first that opens after it was decided, or one that opened up to a twelfth of its
    length before. A settlement, if the contract has expired by then.
    """
    lab: ParityTrade | None = None
    """As the engine did it. Unset where its chain has no such trade."""
    parts: ParityParts | None = None
    """What the difference comes from."""
    parts_usd: ParityParts | None = None
    """The same in USD."""

    def to_proto(self) -> parity_pb2.ParityRow:
        return parity_pb2.ParityRow(
            leg_number=self.leg_number,
            chain=None if self.chain is None else self.chain.to_proto(),
            repriced=None if self.repriced is None else self.repriced.to_proto(),
            moved=None if self.moved is None else self.moved.to_proto(),
            lab=None if self.lab is None else self.lab.to_proto(),
            parts=None if self.parts is None else self.parts.to_proto(),
            parts_usd=None if self.parts_usd is None else self.parts_usd.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: parity_pb2.ParityRow) -> Self:
        return cls(
            leg_number=message.leg_number,
            chain=ParityTrade.from_proto(message.chain) if message.HasField("chain") else None,
            repriced=ParityTrade.from_proto(message.repriced) if message.HasField("repriced") else None,
            moved=ParityTrade.from_proto(message.moved) if message.HasField("moved") else None,
            lab=ParityTrade.from_proto(message.lab) if message.HasField("lab") else None,
            parts=ParityParts.from_proto(message.parts) if message.HasField("parts") else None,
            parts_usd=ParityParts.from_proto(message.parts_usd) if message.HasField("parts_usd") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParityTrade:
    """A trade; of several fills the time of the first, and the means."""

    kind: LineKind = LineKind.UNSPECIFIED
    """What it does."""
    symbol: str = ""
    """The contract."""
    time: datetime.datetime | None = None
    """When. Of a settlement the expiry."""
    price: float = 0.0
    """Per coin. Of a settlement the payoff."""
    fee: float = 0.0
    """Of all coins."""
    index_price: float = 0.0
    """In USD. Of a settlement the delivery price."""
    cash: float = 0.0
    """To us, the fee taken off."""
    cash_usd: float = 0.0
    """The same in USD at index_price."""
    trigger: str = ""
    """The rule that ended a leg of the engine's own chain; else empty."""

    def to_proto(self) -> parity_pb2.ParityTrade:
        return parity_pb2.ParityTrade(
            kind=self.kind.to_proto(),
            symbol=self.symbol,
            time=None if self.time is None else _convert.time_to_proto(self.time),
            price=self.price,
            fee=self.fee,
            index_price=self.index_price,
            cash=self.cash,
            cash_usd=self.cash_usd,
            trigger=self.trigger,
        )

    @classmethod
    def from_proto(cls, message: parity_pb2.ParityTrade) -> Self:
        return cls(
            kind=LineKind.from_proto(message.kind),
            symbol=message.symbol,
            time=_convert.time_from_proto(message.time) if message.HasField("time") else None,
            price=message.price,
            fee=message.fee,
            index_price=message.index_price,
            cash=message.cash,
            cash_usd=message.cash_usd,
            trigger=message.trigger,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SweepAxis:
    """A field that takes several values."""

    field: str = ""
    """Its path in BacktestSpec, for example selection.target_delta. Not schema_version, name, start_time, end_time,
    seed, nor what is in data: their points could not be compared. Required.
    """
    values: tuple[str, ...] = ()
    """1 to 1000 different values as text: numbers in plain or scientific notation, an enum without its prefix, true or
    false; empty is unset.
    """

    def to_proto(self) -> sweep_pb2.SweepAxis:
        return sweep_pb2.SweepAxis(
            field=self.field,
            values=self.values,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.SweepAxis) -> Self:
        return cls(
            field=message.field,
            values=tuple(message.values),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpecChange:
    """A field of a point, and its value."""

    field: str = ""
    """Its path in BacktestSpec."""
    value: str = ""
    """As text; empty is unset."""

    def to_proto(self) -> sweep_pb2.SpecChange:
        return sweep_pb2.SpecChange(
            field=self.field,
            value=self.value,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.SpecChange) -> Self:
        return cls(
            field=message.field,
            value=message.value,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """A point, or as much of it as there is."""

    number: int = 0
    """1, 2, … in the order of creation. Of a grid the last axis changes fastest."""
    changes: tuple[SpecChange, ...] = ()
    """Its value of each axis, in their order."""
    spec: BacktestSpec | None = None
    """What is run out of sample, in full: CreateBacktest of it, with the sweep's engine_version, makes a run with these
    metrics and this equity, and all its chains and decisions. With several folds each window is one such run, from the
    window's start_time to its end_time. Unset where the values make no sense together.
    """
    done: bool = False
    """All of its runs are done, or it failed."""
    error: str = ""
    """Why it failed: its values make no sense together (known from its creation on), or there is no data."""
    metrics: BacktestMetrics | None = None
    """Of the out-of-sample run, without what needs more runs: interval, sensitivity, and two shares of the data. Unset
    until it is done. With several folds of all windows together: profits, drawdowns in money, chains, days and data add
    up; percentages and ratios are of one curve in which each window grows from where the one before ended.
    """
    equity: tuple[EquityPoint, ...] = ()
    """Its equity, thinned to some 50 points. With several folds profits add up: each window begins where the one before
    ended.
    """
    value: float | None = None
    """The metric that the sweep ranks by, out of sample; unset where it cannot be told."""
    rank: int = 0
    """1 is the best of the points that are done, by `value`; equal values have equal ranks; 0 is none."""
    in_sample_rank: int = 0
    """The same by the metric in sample, whose value is not shown. 0 with several folds: each has in-sample ranks of its
    own.
    """

    def to_proto(self) -> sweep_pb2.SweepPoint:
        return sweep_pb2.SweepPoint(
            number=self.number,
            changes=[item.to_proto() for item in self.changes],
            spec=None if self.spec is None else self.spec.to_proto(),
            done=self.done,
            error=self.error,
            metrics=None if self.metrics is None else self.metrics.to_proto(),
            equity=[item.to_proto() for item in self.equity],
            value=self.value,
            rank=self.rank,
            in_sample_rank=self.in_sample_rank,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.SweepPoint) -> Self:
        return cls(
            number=message.number,
            changes=tuple(SpecChange.from_proto(item) for item in message.changes),
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            done=message.done,
            error=message.error,
            metrics=BacktestMetrics.from_proto(message.metrics) if message.HasField("metrics") else None,
            equity=tuple(EquityPoint.from_proto(item) for item in message.equity),
            value=message.value if message.HasField("value") else None,
            rank=message.rank,
            in_sample_rank=message.in_sample_rank,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SweepFold:
    """One of several folds: a window out of sample, and the point that was the best in all that came before it."""

    number: int = 0
    """1, 2, … in time."""
    start_time: datetime.datetime | None = None
    """Where its window begins and its in-sample part, from the start of the sweep on, ends."""
    end_time: datetime.datetime | None = None
    """Where its window ends."""
    chosen: int = 0
    """The number of the point that is best in sample, of those that are done, of equal ones the first; 0 while there is
    none.
    """
    changes: tuple[SpecChange, ...] = ()
    """Its value of each axis, in their order."""
    metrics: BacktestMetrics | None = None
    """What it made in this window alone."""
    value: float | None = None
    """The metric that the sweep ranks by, of this window; unset where it cannot be told."""

    def to_proto(self) -> sweep_pb2.SweepFold:
        return sweep_pb2.SweepFold(
            number=self.number,
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            chosen=self.chosen,
            changes=[item.to_proto() for item in self.changes],
            metrics=None if self.metrics is None else self.metrics.to_proto(),
            value=self.value,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.SweepFold) -> Self:
        return cls(
            number=message.number,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            chosen=message.chosen,
            changes=tuple(SpecChange.from_proto(item) for item in message.changes),
            metrics=BacktestMetrics.from_proto(message.metrics) if message.HasField("metrics") else None,
            value=message.value if message.HasField("value") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """What somebody made who took at the start of each window the point that had been the best until then."""

    folds: tuple[SweepFold, ...] = ()
    """In time."""
    metrics: BacktestMetrics | None = None
    """Of the chosen points' windows together, as those of a point. Where they differ in strategy, style, quantity or
    max_open_chains, what would need them to be equal is unset. Unset until each fold has a point.
    """
    equity: tuple[EquityPoint, ...] = ()
    """Their equity, thinned to some 200 points; profits add up."""
    value: float | None = None
    """The metric that the sweep ranks by; unset where it cannot be told."""
    rank: int = 0
    """What rank `value` would have among the points that are done; 0 without a value."""

    def to_proto(self) -> sweep_pb2.WalkForward:
        return sweep_pb2.WalkForward(
            folds=[item.to_proto() for item in self.folds],
            metrics=None if self.metrics is None else self.metrics.to_proto(),
            equity=[item.to_proto() for item in self.equity],
            value=self.value,
            rank=self.rank,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.WalkForward) -> Self:
        return cls(
            folds=tuple(SweepFold.from_proto(item) for item in message.folds),
            metrics=BacktestMetrics.from_proto(message.metrics) if message.HasField("metrics") else None,
            equity=tuple(EquityPoint.from_proto(item) for item in message.equity),
            value=message.value if message.HasField("value") else None,
            rank=message.rank,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapCell:
    """What points with some values of two fields came to."""

    points: int = 0
    """Points that are done and have a value."""
    median: float | None = None
    """The median of their values, out of sample; unset without one."""

    def to_proto(self) -> sweep_pb2.HeatmapCell:
        return sweep_pb2.HeatmapCell(
            points=self.points,
            median=self.median,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.HeatmapCell) -> Self:
        return cls(
            points=message.points,
            median=message.median if message.HasField("median") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """Two fields of a sweep against each other."""

    row_field: str = ""
    """The field whose values are the rows."""
    column_field: str = ""
    """The field whose values are the columns."""
    row_values: tuple[str, ...] = ()
    """In the order of the axis; last an empty one, where exits of points that are held to expiry are left out."""
    column_values: tuple[str, ...] = ()
    """In the same way."""
    cells: tuple[HeatmapCell, ...] = ()
    """Row by row."""

    def to_proto(self) -> sweep_pb2.Heatmap:
        return sweep_pb2.Heatmap(
            row_field=self.row_field,
            column_field=self.column_field,
            row_values=self.row_values,
            column_values=self.column_values,
            cells=[item.to_proto() for item in self.cells],
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.Heatmap) -> Self:
        return cls(
            row_field=message.row_field,
            column_field=message.column_field,
            row_values=tuple(message.row_values),
            column_values=tuple(message.column_values),
            cells=tuple(HeatmapCell.from_proto(item) for item in message.cells),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep, from its creation on."""

    sweep_id: str = ""
    """Made by the server."""
    spec: BacktestSpec | None = None
    """What all points have in common, as it was given."""
    axes: tuple[SweepAxis, ...] = ()
    """The fields that take several values."""
    random_points: int = 0
    """So many points were drawn from the grid; 0 is all of it."""
    seed: int = 0
    """Of the draw."""
    split_time: datetime.datetime | None = None
    """Where the in-sample part ends and the out-of-sample part begins."""
    rank_by: str = ""
    """The metric that points are ranked by, the largest first."""
    state: BacktestState = BacktestState.UNSPECIFIED
    """The state; after a restart of the server it goes on by itself."""
    points_done: int = 0
    """Points that are done, failed ones among them."""
    points_total: int = 0
    """All points."""
    points_failed: int = 0
    """Points that failed."""
    eta_seconds: float | None = None
    """Seconds until the end, by the pace until now; unset where it cannot be said."""
    error: str = ""
    """Why it failed."""
    create_time: datetime.datetime | None = None
    """When it was created."""
    start_time: datetime.datetime | None = None
    """When it first ran."""
    end_time: datetime.datetime | None = None
    """When it ended."""
    engine_version: str = ""
    """The version of the engine that all its points are run with."""
    folds: int = 0
    """Windows that the part after the split is cut into."""

    def to_proto(self) -> sweep_pb2.Sweep:
        return sweep_pb2.Sweep(
            sweep_id=self.sweep_id,
            spec=None if self.spec is None else self.spec.to_proto(),
            axes=[item.to_proto() for item in self.axes],
            random_points=self.random_points,
            seed=self.seed,
            split_time=None if self.split_time is None else _convert.time_to_proto(self.split_time),
            rank_by=self.rank_by,
            state=self.state.to_proto(),
            points_done=self.points_done,
            points_total=self.points_total,
            points_failed=self.points_failed,
            eta_seconds=self.eta_seconds,
            error=self.error,
            create_time=None if self.create_time is None else _convert.time_to_proto(self.create_time),
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            engine_version=self.engine_version,
            folds=self.folds,
        )

    @classmethod
    def from_proto(cls, message: sweep_pb2.Sweep) -> Self:
        return cls(
            sweep_id=message.sweep_id,
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            axes=tuple(SweepAxis.from_proto(item) for item in message.axes),
            random_points=message.random_points,
            seed=message.seed,
            split_time=_convert.time_from_proto(message.split_time) if message.HasField("split_time") else None,
            rank_by=message.rank_by,
            state=BacktestState.from_proto(message.state),
            points_done=message.points_done,
            points_total=message.points_total,
            points_failed=message.points_failed,
            eta_seconds=message.eta_seconds if message.HasField("eta_seconds") else None,
            error=message.error,
            create_time=_convert.time_from_proto(message.create_time) if message.HasField("create_time") else None,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            engine_version=message.engine_version,
            folds=message.folds,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateBacktestRequest:
    """What to run."""

    request_id: str = ""
    """A UUID, kept by the client before it sends. Required."""
    spec: BacktestSpec | None = None
    """What is simulated. Required."""
    group_id: str = ""
    """Runs that belong together."""
    engine_version: str = ""
    """To get the figures of a run or a sweep again: its engine_version. A server with another one refuses. Empty is the
    one that there is.
    """

    def to_proto(self) -> backtest_service_pb2.CreateBacktestRequest:
        return backtest_service_pb2.CreateBacktestRequest(
            request_id=self.request_id,
            spec=None if self.spec is None else self.spec.to_proto(),
            group_id=self.group_id,
            engine_version=self.engine_version,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CreateBacktestRequest) -> Self:
        return cls(
            request_id=message.request_id,
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            group_id=message.group_id,
            engine_version=message.engine_version,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateBacktestResponse:
    """The run as it is queued."""

    backtest: Backtest | None = None
    """The run."""

    def to_proto(self) -> backtest_service_pb2.CreateBacktestResponse:
        return backtest_service_pb2.CreateBacktestResponse(
            backtest=None if self.backtest is None else self.backtest.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CreateBacktestResponse) -> Self:
        return cls(
            backtest=Backtest.from_proto(message.backtest) if message.HasField("backtest") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetBacktestRequest:
    """Which run."""

    backtest_id: str = ""
    """The run. Required."""

    def to_proto(self) -> backtest_service_pb2.GetBacktestRequest:
        return backtest_service_pb2.GetBacktestRequest(
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetBacktestRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetBacktestResponse:
    """The run."""

    backtest: Backtest | None = None
    """As it is now."""

    def to_proto(self) -> backtest_service_pb2.GetBacktestResponse:
        return backtest_service_pb2.GetBacktestResponse(
            backtest=None if self.backtest is None else self.backtest.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetBacktestResponse) -> Self:
        return cls(
            backtest=Backtest.from_proto(message.backtest) if message.HasField("backtest") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListBacktestsRequest:
    """Which runs; what is unset is any."""

    state: BacktestState = BacktestState.UNSPECIFIED
    """The state."""
    group_id: str = ""
    """The group."""
    underlying: str = ""
    """The coin."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListBacktestsRequest:
        return backtest_service_pb2.ListBacktestsRequest(
            state=self.state.to_proto(),
            group_id=self.group_id,
            underlying=self.underlying,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListBacktestsRequest) -> Self:
        return cls(
            state=BacktestState.from_proto(message.state),
            group_id=message.group_id,
            underlying=message.underlying,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListBacktestsResponse:
    """Some runs."""

    backtests: tuple[Backtest, ...] = ()
    """Newest first; their status has no steps, chains and equity."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListBacktestsResponse:
        return backtest_service_pb2.ListBacktestsResponse(
            backtests=[item.to_proto() for item in self.backtests],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListBacktestsResponse) -> Self:
        return cls(
            backtests=tuple(Backtest.from_proto(item) for item in message.backtests),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabCursor:
    """How far a reader has come in one lab."""

    lab_id: str = ""
    """The lab; a new file makes a new one."""
    revision: int = 0
    """The last revision that is complete."""

    def to_proto(self) -> backtest_service_pb2.LabCursor:
        return backtest_service_pb2.LabCursor(
            lab_id=self.lab_id,
            revision=self.revision,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.LabCursor) -> Self:
        return cls(
            lab_id=message.lab_id,
            revision=message.revision,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchBacktestsRequest:
    """What to watch."""

    lab_id: str = ""
    """Of the last cursor that was received: the watch goes on after it. Unset: it begins with the present state."""
    after_revision: int = 0
    """Of the same cursor."""
    backtest_id: str = ""
    """One run; unset is all."""
    interval_ms: int = 0
    """Milliseconds between two states of a run at least, 250 to 60000; 0 means 250."""
    bookmark_interval_ms: int = 0
    """Milliseconds without a message after which a bookmark is sent, 100 to 60000; 0 means 15000."""

    def to_proto(self) -> backtest_service_pb2.WatchBacktestsRequest:
        return backtest_service_pb2.WatchBacktestsRequest(
            lab_id=self.lab_id,
            after_revision=self.after_revision,
            backtest_id=self.backtest_id,
            interval_ms=self.interval_ms,
            bookmark_interval_ms=self.bookmark_interval_ms,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.WatchBacktestsRequest) -> Self:
        return cls(
            lab_id=message.lab_id,
            after_revision=message.after_revision,
            backtest_id=message.backtest_id,
            interval_ms=message.interval_ms,
            bookmark_interval_ms=message.bookmark_interval_ms,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchBacktestsResponse:
    """Some runs as they are now."""

    cursor: LabCursor | None = None
    """Everything up to here has been sent. Unset while the first state is still coming."""
    backtests: tuple[Backtest, ...] = ()
    """Runs that are new or have changed; one with a delete_time is gone."""
    bookmark: bool = False
    """With this message the watcher has seen all that the lab held at the cursor; also a sign of life."""

    def to_proto(self) -> backtest_service_pb2.WatchBacktestsResponse:
        return backtest_service_pb2.WatchBacktestsResponse(
            cursor=None if self.cursor is None else self.cursor.to_proto(),
            backtests=[item.to_proto() for item in self.backtests],
            bookmark=self.bookmark,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.WatchBacktestsResponse) -> Self:
        return cls(
            cursor=LabCursor.from_proto(message.cursor) if message.HasField("cursor") else None,
            backtests=tuple(Backtest.from_proto(item) for item in message.backtests),
            bookmark=message.bookmark,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PauseBacktestRequest:
    """Which run."""

    backtest_id: str = ""
    """The run. Required."""

    def to_proto(self) -> backtest_service_pb2.PauseBacktestRequest:
        return backtest_service_pb2.PauseBacktestRequest(
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.PauseBacktestRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PauseBacktestResponse:
    """The run."""

    backtest: Backtest | None = None
    """As it is now; RUNNING until the part it works on is done."""

    def to_proto(self) -> backtest_service_pb2.PauseBacktestResponse:
        return backtest_service_pb2.PauseBacktestResponse(
            backtest=None if self.backtest is None else self.backtest.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.PauseBacktestResponse) -> Self:
        return cls(
            backtest=Backtest.from_proto(message.backtest) if message.HasField("backtest") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResumeBacktestRequest:
    """Which run."""

    backtest_id: str = ""
    """The run. Required."""

    def to_proto(self) -> backtest_service_pb2.ResumeBacktestRequest:
        return backtest_service_pb2.ResumeBacktestRequest(
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ResumeBacktestRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResumeBacktestResponse:
    """The run."""

    backtest: Backtest | None = None
    """As it is now."""

    def to_proto(self) -> backtest_service_pb2.ResumeBacktestResponse:
        return backtest_service_pb2.ResumeBacktestResponse(
            backtest=None if self.backtest is None else self.backtest.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ResumeBacktestResponse) -> Self:
        return cls(
            backtest=Backtest.from_proto(message.backtest) if message.HasField("backtest") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelBacktestRequest:
    """Which run."""

    backtest_id: str = ""
    """The run. Required."""

    def to_proto(self) -> backtest_service_pb2.CancelBacktestRequest:
        return backtest_service_pb2.CancelBacktestRequest(
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CancelBacktestRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelBacktestResponse:
    """The run."""

    backtest: Backtest | None = None
    """As it is now."""

    def to_proto(self) -> backtest_service_pb2.CancelBacktestResponse:
        return backtest_service_pb2.CancelBacktestResponse(
            backtest=None if self.backtest is None else self.backtest.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CancelBacktestResponse) -> Self:
        return cls(
            backtest=Backtest.from_proto(message.backtest) if message.HasField("backtest") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBacktestRequest:
    """Which run."""

    backtest_id: str = ""
    """The run. Required."""

    def to_proto(self) -> backtest_service_pb2.DeleteBacktestRequest:
        return backtest_service_pb2.DeleteBacktestRequest(
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.DeleteBacktestRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBacktestResponse:
    """The run is gone."""

    delete_time: datetime.datetime | None = None
    """When."""

    def to_proto(self) -> backtest_service_pb2.DeleteBacktestResponse:
        return backtest_service_pb2.DeleteBacktestResponse(
            delete_time=None if self.delete_time is None else _convert.time_to_proto(self.delete_time),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.DeleteBacktestResponse) -> Self:
        return cls(
            delete_time=_convert.time_from_proto(message.delete_time) if message.HasField("delete_time") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListBacktestChainsRequest:
    """Whose chains."""

    backtest_id: str = ""
    """The run. Required."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListBacktestChainsRequest:
        return backtest_service_pb2.ListBacktestChainsRequest(
            backtest_id=self.backtest_id,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListBacktestChainsRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListBacktestChainsResponse:
    """Some chains."""

    chains: tuple[BacktestChain, ...] = ()
    """Oldest first."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListBacktestChainsResponse:
        return backtest_service_pb2.ListBacktestChainsResponse(
            chains=[item.to_proto() for item in self.chains],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListBacktestChainsResponse) -> Self:
        return cls(
            chains=tuple(BacktestChain.from_proto(item) for item in message.chains),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListBacktestCyclesRequest:
    """Whose cycles."""

    backtest_id: str = ""
    """The run. Required."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListBacktestCyclesRequest:
        return backtest_service_pb2.ListBacktestCyclesRequest(
            backtest_id=self.backtest_id,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListBacktestCyclesRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListBacktestCyclesResponse:
    """Some cycles."""

    cycles: tuple[BacktestCycle, ...] = ()
    """Oldest first; the newest as it was at the end of the run's last part."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListBacktestCyclesResponse:
        return backtest_service_pb2.ListBacktestCyclesResponse(
            cycles=[item.to_proto() for item in self.cycles],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListBacktestCyclesResponse) -> Self:
        return cls(
            cycles=tuple(BacktestCycle.from_proto(item) for item in message.cycles),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListStepsRequest:
    """Whose decisions."""

    backtest_id: str = ""
    """The run. Required."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListStepsRequest:
        return backtest_service_pb2.ListStepsRequest(
            backtest_id=self.backtest_id,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListStepsRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListStepsResponse:
    """Some decisions."""

    steps: tuple[BacktestStep, ...] = ()
    """Oldest first."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListStepsResponse:
        return backtest_service_pb2.ListStepsResponse(
            steps=[item.to_proto() for item in self.steps],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListStepsResponse) -> Self:
        return cls(
            steps=tuple(BacktestStep.from_proto(item) for item in message.steps),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListEquityPointsRequest:
    """Whose equity."""

    backtest_id: str = ""
    """The run. Required."""
    max_points: int = 0
    """Thinned to at most so many points, first and last among them; 0 is all."""
    page_size: int = 0
    """At most so many, 1 to 10000; 0 means 5000."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListEquityPointsRequest:
        return backtest_service_pb2.ListEquityPointsRequest(
            backtest_id=self.backtest_id,
            max_points=self.max_points,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListEquityPointsRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
            max_points=message.max_points,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListEquityPointsResponse:
    """Some points."""

    points: tuple[EquityPoint, ...] = ()
    """Oldest first."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListEquityPointsResponse:
        return backtest_service_pb2.ListEquityPointsResponse(
            points=[item.to_proto() for item in self.points],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListEquityPointsResponse) -> Self:
        return cls(
            points=tuple(EquityPoint.from_proto(item) for item in message.points),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetBacktestReportRequest:
    """About which run."""

    backtest_id: str = ""
    """The run. Required."""

    def to_proto(self) -> backtest_service_pb2.GetBacktestReportRequest:
        return backtest_service_pb2.GetBacktestReportRequest(
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetBacktestReportRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetBacktestReportResponse:
    """A page about it."""

    backtest: Backtest | None = None
    """The run."""
    html: str = ""
    """The page, complete."""

    def to_proto(self) -> backtest_service_pb2.GetBacktestReportResponse:
        return backtest_service_pb2.GetBacktestReportResponse(
            backtest=None if self.backtest is None else self.backtest.to_proto(),
            html=self.html,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetBacktestReportResponse) -> Self:
        return cls(
            backtest=Backtest.from_proto(message.backtest) if message.HasField("backtest") else None,
            html=message.html,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CompareBacktestsRequest:
    """Which runs."""

    backtest_ids: tuple[str, ...] = ()
    """2 to 20 runs, each named once."""

    def to_proto(self) -> backtest_service_pb2.CompareBacktestsRequest:
        return backtest_service_pb2.CompareBacktestsRequest(
            backtest_ids=self.backtest_ids,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CompareBacktestsRequest) -> Self:
        return cls(
            backtest_ids=tuple(message.backtest_ids),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CompareBacktestsResponse:
    """Runs side by side."""

    backtests: tuple[Backtest, ...] = ()
    """In the order of the request; their status has no steps, chains and equity."""
    differences: tuple[SpecDifference, ...] = ()
    """What differs in their resolved specs, in the order of BacktestSpec's fields; names, which are for people, aside.
    """

    def to_proto(self) -> backtest_service_pb2.CompareBacktestsResponse:
        return backtest_service_pb2.CompareBacktestsResponse(
            backtests=[item.to_proto() for item in self.backtests],
            differences=[item.to_proto() for item in self.differences],
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CompareBacktestsResponse) -> Self:
        return cls(
            backtests=tuple(Backtest.from_proto(item) for item in message.backtests),
            differences=tuple(SpecDifference.from_proto(item) for item in message.differences),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpecDifference:
    """A field in which the specs of some runs differ."""

    field: str = ""
    """Its path, for example selection.target_delta."""
    values: tuple[str, ...] = ()
    """One for each run, in their order, as text: a number in its shortest spelling, an enum without its prefix, true or
    false, a time in RFC 3339; empty where it is unset.
    """

    def to_proto(self) -> backtest_service_pb2.SpecDifference:
        return backtest_service_pb2.SpecDifference(
            field=self.field,
            values=self.values,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.SpecDifference) -> Self:
        return cls(
            field=message.field,
            values=tuple(message.values),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateSweepRequest:
    """What to sweep."""

    request_id: str = ""
    """A UUID, kept by the client before it sends. Required."""
    spec: BacktestSpec | None = None
    """What all points have in common. Required."""
    axes: tuple[SweepAxis, ...] = ()
    """1 to 8 fields that take several values. All combinations of them, the grid, are 2 to 10000 points. Where
    exit_style is one of them, points with HOLD_TO_EXPIRY leave out what the spec and other axes say of exits, and what
    would then be the same point several times is one.
    """
    random_points: int = 0
    """Draw so many different points from the grid, which may then be of any size; 2 to 10000, 0 is the whole grid."""
    seed: int = 0
    """Of the draw: the same seed draws the same points."""
    split_time: datetime.datetime | None = None
    """Where the out-of-sample part begins; unset: after two thirds of the period, at 00:00 UTC. Both parts are a day
    long at least.
    """
    rank_by: str = ""
    """The metric that points are ranked by, the largest first: one of BacktestMetrics in which more is better, for
    example coin.return_pct, usd.sharpe or win_rate_pct; unset is return_pct in what the capital of the spec's strategy
    is, coin.return_pct of COVERED_CALL and usd.return_pct of the others.
    """
    folds: int = 0
    """Windows that the part after the split is cut into, at 00:00 UTC; 1 to 50, 0 means 1. Each is a day long at least.
    """

    def to_proto(self) -> backtest_service_pb2.CreateSweepRequest:
        return backtest_service_pb2.CreateSweepRequest(
            request_id=self.request_id,
            spec=None if self.spec is None else self.spec.to_proto(),
            axes=[item.to_proto() for item in self.axes],
            random_points=self.random_points,
            seed=self.seed,
            split_time=None if self.split_time is None else _convert.time_to_proto(self.split_time),
            rank_by=self.rank_by,
            folds=self.folds,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CreateSweepRequest) -> Self:
        return cls(
            request_id=message.request_id,
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            axes=tuple(SweepAxis.from_proto(item) for item in message.axes),
            random_points=message.random_points,
            seed=message.seed,
            split_time=_convert.time_from_proto(message.split_time) if message.HasField("split_time") else None,
            rank_by=message.rank_by,
            folds=message.folds,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CreateSweepResponse:
    """The sweep as it is queued."""

    sweep: Sweep | None = None
    """The sweep."""

    def to_proto(self) -> backtest_service_pb2.CreateSweepResponse:
        return backtest_service_pb2.CreateSweepResponse(
            sweep=None if self.sweep is None else self.sweep.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CreateSweepResponse) -> Self:
        return cls(
            sweep=Sweep.from_proto(message.sweep) if message.HasField("sweep") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetSweepRequest:
    """Which sweep, and what of it."""

    sweep_id: str = ""
    """The sweep. Required."""
    best: int = 0
    """So many of the best points, 1 to 100; 0 means 10."""
    heatmap_fields: tuple[str, ...] = ()
    """The two fields of the heatmap, rows first; unset: the first two axes with more than one value, if there are two.
    """

    def to_proto(self) -> backtest_service_pb2.GetSweepRequest:
        return backtest_service_pb2.GetSweepRequest(
            sweep_id=self.sweep_id,
            best=self.best,
            heatmap_fields=self.heatmap_fields,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetSweepRequest) -> Self:
        return cls(
            sweep_id=message.sweep_id,
            best=message.best,
            heatmap_fields=tuple(message.heatmap_fields),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetSweepResponse:
    """A sweep and what has come of it until now."""

    sweep: Sweep | None = None
    """The sweep."""
    best: tuple[SweepPoint, ...] = ()
    """The best of the points that are done, by their rank out of sample, without their equity."""
    chosen: SweepPoint | None = None
    """The point that is best in sample, as it did out of sample; unset while there is none, and with several folds. Of
    equal ones the first.
    """
    heatmap: Heatmap | None = None
    """Unset where no two fields take several values."""
    walk_forward: WalkForward | None = None
    """The point that each fold chooses, and what they made together; unset with one fold, which has `chosen`."""

    def to_proto(self) -> backtest_service_pb2.GetSweepResponse:
        return backtest_service_pb2.GetSweepResponse(
            sweep=None if self.sweep is None else self.sweep.to_proto(),
            best=[item.to_proto() for item in self.best],
            chosen=None if self.chosen is None else self.chosen.to_proto(),
            heatmap=None if self.heatmap is None else self.heatmap.to_proto(),
            walk_forward=None if self.walk_forward is None else self.walk_forward.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetSweepResponse) -> Self:
        return cls(
            sweep=Sweep.from_proto(message.sweep) if message.HasField("sweep") else None,
            best=tuple(SweepPoint.from_proto(item) for item in message.best),
            chosen=SweepPoint.from_proto(message.chosen) if message.HasField("chosen") else None,
            heatmap=Heatmap.from_proto(message.heatmap) if message.HasField("heatmap") else None,
            walk_forward=WalkForward.from_proto(message.walk_forward) if message.HasField("walk_forward") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListSweepsRequest:
    """Which sweeps: all of them."""

    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListSweepsRequest:
        return backtest_service_pb2.ListSweepsRequest(
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListSweepsRequest) -> Self:
        return cls(
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListSweepsResponse:
    """Some sweeps."""

    sweeps: tuple[Sweep, ...] = ()
    """Newest first."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListSweepsResponse:
        return backtest_service_pb2.ListSweepsResponse(
            sweeps=[item.to_proto() for item in self.sweeps],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListSweepsResponse) -> Self:
        return cls(
            sweeps=tuple(Sweep.from_proto(item) for item in message.sweeps),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListSweepPointsRequest:
    """Which points."""

    sweep_id: str = ""
    """The sweep. Required."""
    order: SweepOrder = SweepOrder.UNSPECIFIED
    """How they are sorted."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> backtest_service_pb2.ListSweepPointsRequest:
        return backtest_service_pb2.ListSweepPointsRequest(
            sweep_id=self.sweep_id,
            order=self.order.to_proto(),
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListSweepPointsRequest) -> Self:
        return cls(
            sweep_id=message.sweep_id,
            order=SweepOrder.from_proto(message.order),
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListSweepPointsResponse:
    """Some points."""

    points: tuple[SweepPoint, ...] = ()
    """Their ranks are among the points that are done now."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> backtest_service_pb2.ListSweepPointsResponse:
        return backtest_service_pb2.ListSweepPointsResponse(
            points=[item.to_proto() for item in self.points],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ListSweepPointsResponse) -> Self:
        return cls(
            points=tuple(SweepPoint.from_proto(item) for item in message.points),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PauseSweepRequest:
    """Which sweep."""

    sweep_id: str = ""
    """The sweep. Required."""

    def to_proto(self) -> backtest_service_pb2.PauseSweepRequest:
        return backtest_service_pb2.PauseSweepRequest(
            sweep_id=self.sweep_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.PauseSweepRequest) -> Self:
        return cls(
            sweep_id=message.sweep_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PauseSweepResponse:
    """The sweep."""

    sweep: Sweep | None = None
    """As it is now; RUNNING until the points that it works on are done."""

    def to_proto(self) -> backtest_service_pb2.PauseSweepResponse:
        return backtest_service_pb2.PauseSweepResponse(
            sweep=None if self.sweep is None else self.sweep.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.PauseSweepResponse) -> Self:
        return cls(
            sweep=Sweep.from_proto(message.sweep) if message.HasField("sweep") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResumeSweepRequest:
    """Which sweep."""

    sweep_id: str = ""
    """The sweep. Required."""

    def to_proto(self) -> backtest_service_pb2.ResumeSweepRequest:
        return backtest_service_pb2.ResumeSweepRequest(
            sweep_id=self.sweep_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ResumeSweepRequest) -> Self:
        return cls(
            sweep_id=message.sweep_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResumeSweepResponse:
    """The sweep."""

    sweep: Sweep | None = None
    """As it is now."""

    def to_proto(self) -> backtest_service_pb2.ResumeSweepResponse:
        return backtest_service_pb2.ResumeSweepResponse(
            sweep=None if self.sweep is None else self.sweep.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ResumeSweepResponse) -> Self:
        return cls(
            sweep=Sweep.from_proto(message.sweep) if message.HasField("sweep") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelSweepRequest:
    """Which sweep."""

    sweep_id: str = ""
    """The sweep. Required."""

    def to_proto(self) -> backtest_service_pb2.CancelSweepRequest:
        return backtest_service_pb2.CancelSweepRequest(
            sweep_id=self.sweep_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CancelSweepRequest) -> Self:
        return cls(
            sweep_id=message.sweep_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelSweepResponse:
    """The sweep."""

    sweep: Sweep | None = None
    """As it is now."""

    def to_proto(self) -> backtest_service_pb2.CancelSweepResponse:
        return backtest_service_pb2.CancelSweepResponse(
            sweep=None if self.sweep is None else self.sweep.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.CancelSweepResponse) -> Self:
        return cls(
            sweep=Sweep.from_proto(message.sweep) if message.HasField("sweep") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSweepRequest:
    """Which sweep."""

    sweep_id: str = ""
    """The sweep. Required."""

    def to_proto(self) -> backtest_service_pb2.DeleteSweepRequest:
        return backtest_service_pb2.DeleteSweepRequest(
            sweep_id=self.sweep_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.DeleteSweepRequest) -> Self:
        return cls(
            sweep_id=message.sweep_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSweepResponse:
    """The sweep is gone."""

    delete_time: datetime.datetime | None = None
    """When."""

    def to_proto(self) -> backtest_service_pb2.DeleteSweepResponse:
        return backtest_service_pb2.DeleteSweepResponse(
            delete_time=None if self.delete_time is None else _convert.time_to_proto(self.delete_time),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.DeleteSweepResponse) -> Self:
        return cls(
            delete_time=_convert.time_from_proto(message.delete_time) if message.HasField("delete_time") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExportTrainingDataRequest:
    """What to export."""

    backtest_id: str = ""
    """The run. Required."""
    rows: TrainingRows = TrainingRows.UNSPECIFIED
    """Which rows. Required."""
    format: TrainingFormat = TrainingFormat.UNSPECIFIED
    """How they are written. Required."""

    def to_proto(self) -> backtest_service_pb2.ExportTrainingDataRequest:
        return backtest_service_pb2.ExportTrainingDataRequest(
            backtest_id=self.backtest_id,
            rows=self.rows.to_proto(),
            format=self.format.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ExportTrainingDataRequest) -> Self:
        return cls(
            backtest_id=message.backtest_id,
            rows=TrainingRows.from_proto(message.rows),
            format=TrainingFormat.from_proto(message.format),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExportTrainingDataResponse:
    """The next piece."""

    progress: ExportProgress | None = None
    """While the rows are made."""
    data: bytes | None = None
    """The next bytes of the file."""
    statistics: TrainingStatistics | None = None
    """The last message: what the file holds."""

    def to_proto(self) -> backtest_service_pb2.ExportTrainingDataResponse:
        _convert.at_most_one(progress=self.progress, data=self.data, statistics=self.statistics)
        message = backtest_service_pb2.ExportTrainingDataResponse(
            progress=None if self.progress is None else self.progress.to_proto(),
            statistics=None if self.statistics is None else self.statistics.to_proto(),
        )
        if self.data is not None:
            message.data = self.data
        return message

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ExportTrainingDataResponse) -> Self:
        return cls(
            progress=ExportProgress.from_proto(message.progress) if message.HasField("progress") else None,
            data=message.data if message.HasField("data") else None,
            statistics=TrainingStatistics.from_proto(message.statistics) if message.HasField("statistics") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExportProgress:
    """How far an export has come."""

    decisions_done: int = 0
    """Decisions whose rows are made."""
    decisions_total: int = 0
    """Decisions of the run."""
    rows: int = 0
    """Rows that are made."""

    def to_proto(self) -> backtest_service_pb2.ExportProgress:
        return backtest_service_pb2.ExportProgress(
            decisions_done=self.decisions_done,
            decisions_total=self.decisions_total,
            rows=self.rows,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.ExportProgress) -> Self:
        return cls(
            decisions_done=message.decisions_done,
            decisions_total=message.decisions_total,
            rows=message.rows,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetParityRequest:
    """Which chain, and by which rules."""

    account: str = ""
    """The chain's account. Required."""
    position_id: str = ""
    """The chain. Required; it must be closed."""
    spec: BacktestSpec | None = None
    """The rules, fills and data of the lab; its period, quantity and max_open_chains do not count. This or backtest_id.
    """
    backtest_id: str = ""
    """A run whose spec and data are taken. This or spec."""

    def to_proto(self) -> backtest_service_pb2.GetParityRequest:
        return backtest_service_pb2.GetParityRequest(
            account=self.account,
            position_id=self.position_id,
            spec=None if self.spec is None else self.spec.to_proto(),
            backtest_id=self.backtest_id,
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetParityRequest) -> Self:
        return cls(
            account=message.account,
            position_id=message.position_id,
            spec=BacktestSpec.from_proto(message.spec) if message.HasField("spec") else None,
            backtest_id=message.backtest_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetParityResponse:
    """A chain beside the lab's."""

    chain: PositionChain | None = None
    """The chain as the ledger has it, exact."""
    parity: ChainParity | None = None
    """The comparison, in doubles."""

    def to_proto(self) -> backtest_service_pb2.GetParityResponse:
        return backtest_service_pb2.GetParityResponse(
            chain=None if self.chain is None else self.chain.to_proto(),
            parity=None if self.parity is None else self.parity.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: backtest_service_pb2.GetParityResponse) -> Self:
        return cls(
            chain=PositionChain.from_proto(message.chain) if message.HasField("chain") else None,
            parity=ChainParity.from_proto(message.parity) if message.HasField("parity") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DatasetGap:
    """A stretch without data."""

    start_time: datetime.datetime | None = None
    """The first instant that is missing."""
    end_time: datetime.datetime | None = None
    """The first instant that is there again."""
    missing_rows: int = 0
    """Rows that are missing, by the usual interval."""

    def to_proto(self) -> dataset_pb2.DatasetGap:
        return dataset_pb2.DatasetGap(
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            missing_rows=self.missing_rows,
        )

    @classmethod
    def from_proto(cls, message: dataset_pb2.DatasetGap) -> Self:
        return cls(
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            missing_rows=message.missing_rows,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """Seeded random bars, with regimes and clustering of volatility, a volatility index and a smile: for machines
    without
    data. The same parameters give the same rows.
    """

    seed: int = 0
    """Of all its randomness."""
    start_time: datetime.datetime | None = None
    """The first bar. Required."""
    days: int = 0
    """Days, 1 to 4000."""
    start_price: float | None = None
    """The first price in USD; unset is a usual one of the coin."""
    constant_volatility: float | None = None
    """One constant volatility (a fraction) instead of regimes: for experiments."""
    drift: float | None = None
    """Drift a year; unset is 0."""

    def to_proto(self) -> dataset_pb2.SyntheticMarket:
        return dataset_pb2.SyntheticMarket(
            seed=self.seed,
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            days=self.days,
            start_price=self.start_price,
            constant_volatility=self.constant_volatility,
            drift=self.drift,
        )

    @classmethod
    def from_proto(cls, message: dataset_pb2.SyntheticMarket) -> Self:
        return cls(
            seed=message.seed,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            days=message.days,
            start_price=message.start_price if message.HasField("start_price") else None,
            constant_volatility=message.constant_volatility if message.HasField("constant_volatility") else None,
            drift=message.drift if message.HasField("drift") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DroppedRows:
    """Why rows were left out, and how many."""

    reason: str = ""
    """For people."""
    rows: int = 0
    """Rows; each is counted once, by the first reason against it."""

    def to_proto(self) -> dataset_pb2.DroppedRows:
        return dataset_pb2.DroppedRows(
            reason=self.reason,
            rows=self.rows,
        )

    @classmethod
    def from_proto(cls, message: dataset_pb2.DroppedRows) -> Self:
        return cls(
            reason=message.reason,
            rows=message.rows,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Data that was registered: immutable, known by its content."""

    dataset_id: str = ""
    """Made of its content: the same content has the same id."""
    name: str = ""
    """For people."""
    kind: DatasetKind = DatasetKind.UNSPECIFIED
    """What it holds."""
    underlying: str = ""
    """The coin."""
    quote_currency: str = ""
    """The quote currency of option chains: USD for coin-settled ones, or USDC."""
    content_hash: str = ""
    """SHA-256, hex, of the normalised rows."""
    rows: int = 0
    """Rows."""
    first_time: datetime.datetime | None = None
    """The first row's time."""
    last_time: datetime.datetime | None = None
    """The last row's time."""
    interval_seconds: int = 0
    """Seconds between rows (bars, volatility) or between snapshots, as usual there."""
    gaps: int = 0
    """Stretches without data."""
    dropped_rows: int = 0
    """Rows that were left out because they cannot be right, for example a high below its low, or are of something else.
    """
    synthetic: bool = False
    """It is a synthetic market's."""
    source: str = ""
    """Where it came from: a file's name, or "synthetic"."""
    create_time: datetime.datetime | None = None
    """When it was registered."""
    dropped: tuple[DroppedRows, ...] = ()
    """Why rows were left out; together they are dropped_rows. Of data that was registered before there were reasons:
    none.
    """

    def to_proto(self) -> dataset_pb2.Dataset:
        return dataset_pb2.Dataset(
            dataset_id=self.dataset_id,
            name=self.name,
            kind=self.kind.to_proto(),
            underlying=self.underlying,
            quote_currency=self.quote_currency,
            content_hash=self.content_hash,
            rows=self.rows,
            first_time=None if self.first_time is None else _convert.time_to_proto(self.first_time),
            last_time=None if self.last_time is None else _convert.time_to_proto(self.last_time),
            interval_seconds=self.interval_seconds,
            gaps=self.gaps,
            dropped_rows=self.dropped_rows,
            synthetic=self.synthetic,
            source=self.source,
            create_time=None if self.create_time is None else _convert.time_to_proto(self.create_time),
            dropped=[item.to_proto() for item in self.dropped],
        )

    @classmethod
    def from_proto(cls, message: dataset_pb2.Dataset) -> Self:
        return cls(
            dataset_id=message.dataset_id,
            name=message.name,
            kind=DatasetKind.from_proto(message.kind),
            underlying=message.underlying,
            quote_currency=message.quote_currency,
            content_hash=message.content_hash,
            rows=message.rows,
            first_time=_convert.time_from_proto(message.first_time) if message.HasField("first_time") else None,
            last_time=_convert.time_from_proto(message.last_time) if message.HasField("last_time") else None,
            interval_seconds=message.interval_seconds,
            gaps=message.gaps,
            dropped_rows=message.dropped_rows,
            synthetic=message.synthetic,
            source=message.source,
            create_time=_convert.time_from_proto(message.create_time) if message.HasField("create_time") else None,
            dropped=tuple(DroppedRows.from_proto(item) for item in message.dropped),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDatasetRequest:
    """What to register: exactly one of path and synthetic."""

    name: str = ""
    """For people; unset is the file's name."""
    kind: DatasetKind = DatasetKind.UNSPECIFIED
    """What it holds. Required."""
    underlying: str = ""
    """The coin. Required."""
    path: str = ""
    """A file on the server's disk, .csv, .csv.gz or .parquet. Columns of bars: time, ts or ts_utc (the bar's open), and
    open, high, low, close, or one price or spot, between which bars are made; of a volatility index: the same time, and
    one of close, dvol, dvol_close and value (percent); of option chains: harvest_time, instrument_name,
    underlying_price, mark_price, best_bid_price, best_ask_price, mark_iv; or those of an options_chain file of
    tardis.dev (CSV), of which snapshots are made at each full and half hour: of each contract the newest quote that was
    received by then, in the 5 minutes before. Times are datetimes, ISO 8601, or seconds, milliseconds or microseconds
    since 1970; without a zone they are UTC.
    """
    synthetic: SyntheticMarket | None = None
    """A market that is made up."""
    known_after_seconds: int | None = None
    """Seconds from a row's time until it is known, where that is not one interval (of option chains: at once): a daily
    series that is stamped 00:00 and measured at 08:00 has 28800. At most 366 days.
    """
    quote_currency: str = ""
    """Of option chains: USD for coin-settled ones, or USDC. Says which ones, where an options_chain file has both
    (unset: USD); of another file it must be what the file holds.
    """

    def to_proto(self) -> dataset_service_pb2.RegisterDatasetRequest:
        return dataset_service_pb2.RegisterDatasetRequest(
            name=self.name,
            kind=self.kind.to_proto(),
            underlying=self.underlying,
            path=self.path,
            synthetic=None if self.synthetic is None else self.synthetic.to_proto(),
            known_after_seconds=self.known_after_seconds,
            quote_currency=self.quote_currency,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.RegisterDatasetRequest) -> Self:
        return cls(
            name=message.name,
            kind=DatasetKind.from_proto(message.kind),
            underlying=message.underlying,
            path=message.path,
            synthetic=SyntheticMarket.from_proto(message.synthetic) if message.HasField("synthetic") else None,
            known_after_seconds=message.known_after_seconds if message.HasField("known_after_seconds") else None,
            quote_currency=message.quote_currency,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDatasetResponse:
    """The dataset."""

    dataset: Dataset | None = None
    """As it is kept."""

    def to_proto(self) -> dataset_service_pb2.RegisterDatasetResponse:
        return dataset_service_pb2.RegisterDatasetResponse(
            dataset=None if self.dataset is None else self.dataset.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.RegisterDatasetResponse) -> Self:
        return cls(
            dataset=Dataset.from_proto(message.dataset) if message.HasField("dataset") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FetchDatasetRequest:
    """What to fetch."""

    kind: HistoryKind = HistoryKind.UNSPECIFIED
    """Of what. Required."""
    underlying: str = ""
    """The coin. Required."""
    series: str = ""
    """The venue's name of what is fetched: of bars an instrument (unset: the coin's spot market, like BTC_USDC), of
    volatility and instruments a currency (unset: the coin), of delivery prices an index (unset: like btc_usd).
    """
    interval_seconds: int = 0
    """Of bars 60, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600 or 43200; of volatility 60, 3600 or 43200; unset
    is 3600. Else it must be unset.
    """
    start_time: datetime.datetime | None = None
    """Of bars and volatility: the first row begins here or later. Required there, else it must be unset."""
    end_time: datetime.datetime | None = None
    """Of bars and volatility: the last row is over by then; unset is now, and so is what is later. A row that is not
    over is not taken.
    """
    name: str = ""
    """Of the dataset, for people; unset is what was fetched."""

    def to_proto(self) -> dataset_service_pb2.FetchDatasetRequest:
        return dataset_service_pb2.FetchDatasetRequest(
            kind=self.kind.to_proto(),
            underlying=self.underlying,
            series=self.series,
            interval_seconds=self.interval_seconds,
            start_time=None if self.start_time is None else _convert.time_to_proto(self.start_time),
            end_time=None if self.end_time is None else _convert.time_to_proto(self.end_time),
            name=self.name,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.FetchDatasetRequest) -> Self:
        return cls(
            kind=HistoryKind.from_proto(message.kind),
            underlying=message.underlying,
            series=message.series,
            interval_seconds=message.interval_seconds,
            start_time=_convert.time_from_proto(message.start_time) if message.HasField("start_time") else None,
            end_time=_convert.time_from_proto(message.end_time) if message.HasField("end_time") else None,
            name=message.name,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FetchDatasetResponse:
    """How far a fetch has come; at its end what there is."""

    progress: FetchProgress | None = None
    """How far it has come."""
    fetched: FetchedHistory | None = None
    """What there is: the last message."""

    def to_proto(self) -> dataset_service_pb2.FetchDatasetResponse:
        _convert.at_most_one(progress=self.progress, fetched=self.fetched)
        return dataset_service_pb2.FetchDatasetResponse(
            progress=None if self.progress is None else self.progress.to_proto(),
            fetched=None if self.fetched is None else self.fetched.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.FetchDatasetResponse) -> Self:
        return cls(
            progress=FetchProgress.from_proto(message.progress) if message.HasField("progress") else None,
            fetched=FetchedHistory.from_proto(message.fetched) if message.HasField("fetched") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """How far a fetch has come."""

    pages_done: int = 0
    """Pages that are on the disk."""
    pages_total: int = 0
    """Pages that it takes; 0 while that is not known."""
    rows: int = 0
    """Rows that this fetch got from the venue."""
    reached_time: datetime.datetime | None = None
    """What was fetched reaches to here; unset where there is no time to it."""
    waiting_for: str = ""
    """Why the venue is asked once more, if it is."""

    def to_proto(self) -> dataset_service_pb2.FetchProgress:
        return dataset_service_pb2.FetchProgress(
            pages_done=self.pages_done,
            pages_total=self.pages_total,
            rows=self.rows,
            reached_time=None if self.reached_time is None else _convert.time_to_proto(self.reached_time),
            waiting_for=self.waiting_for,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.FetchProgress) -> Self:
        return cls(
            pages_done=message.pages_done,
            pages_total=message.pages_total,
            rows=message.rows,
            reached_time=_convert.time_from_proto(message.reached_time) if message.HasField("reached_time") else None,
            waiting_for=message.waiting_for,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FetchedHistory:
    """What a fetch left on the disk."""

    dataset: Dataset | None = None
    """Of bars and volatility."""
    path: str = ""
    """The folder of Parquet files, on the server's disk."""
    rows: int = 0
    """Rows of those that were asked for."""
    first_time: datetime.datetime | None = None
    """The first one's time (of instruments: when it was listed)."""
    last_time: datetime.datetime | None = None
    """The last one's time."""

    def to_proto(self) -> dataset_service_pb2.FetchedHistory:
        return dataset_service_pb2.FetchedHistory(
            dataset=None if self.dataset is None else self.dataset.to_proto(),
            path=self.path,
            rows=self.rows,
            first_time=None if self.first_time is None else _convert.time_to_proto(self.first_time),
            last_time=None if self.last_time is None else _convert.time_to_proto(self.last_time),
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.FetchedHistory) -> Self:
        return cls(
            dataset=Dataset.from_proto(message.dataset) if message.HasField("dataset") else None,
            path=message.path,
            rows=message.rows,
            first_time=_convert.time_from_proto(message.first_time) if message.HasField("first_time") else None,
            last_time=_convert.time_from_proto(message.last_time) if message.HasField("last_time") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetDatasetRequest:
    """Which one."""

    dataset_id: str = ""
    """The id. Required."""

    def to_proto(self) -> dataset_service_pb2.GetDatasetRequest:
        return dataset_service_pb2.GetDatasetRequest(
            dataset_id=self.dataset_id,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.GetDatasetRequest) -> Self:
        return cls(
            dataset_id=message.dataset_id,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GetDatasetResponse:
    """The dataset."""

    dataset: Dataset | None = None
    """As it is kept."""

    def to_proto(self) -> dataset_service_pb2.GetDatasetResponse:
        return dataset_service_pb2.GetDatasetResponse(
            dataset=None if self.dataset is None else self.dataset.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.GetDatasetResponse) -> Self:
        return cls(
            dataset=Dataset.from_proto(message.dataset) if message.HasField("dataset") else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListDatasetsRequest:
    """Which ones; what is unset is any."""

    kind: DatasetKind = DatasetKind.UNSPECIFIED
    """What they hold."""
    underlying: str = ""
    """The coin."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> dataset_service_pb2.ListDatasetsRequest:
        return dataset_service_pb2.ListDatasetsRequest(
            kind=self.kind.to_proto(),
            underlying=self.underlying,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.ListDatasetsRequest) -> Self:
        return cls(
            kind=DatasetKind.from_proto(message.kind),
            underlying=message.underlying,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListDatasetsResponse:
    """Some datasets."""

    datasets: tuple[Dataset, ...] = ()
    """Newest first."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> dataset_service_pb2.ListDatasetsResponse:
        return dataset_service_pb2.ListDatasetsResponse(
            datasets=[item.to_proto() for item in self.datasets],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.ListDatasetsResponse) -> Self:
        return cls(
            datasets=tuple(Dataset.from_proto(item) for item in message.datasets),
            next_page_token=message.next_page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListDatasetGapsRequest:
    """Whose gaps."""

    dataset_id: str = ""
    """The dataset. Required."""
    page_size: int = 0
    """At most so many, 1 to 500; 0 means 50."""
    page_token: str = ""
    """Of the page before."""

    def to_proto(self) -> dataset_service_pb2.ListDatasetGapsRequest:
        return dataset_service_pb2.ListDatasetGapsRequest(
            dataset_id=self.dataset_id,
            page_size=self.page_size,
            page_token=self.page_token,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.ListDatasetGapsRequest) -> Self:
        return cls(
            dataset_id=message.dataset_id,
            page_size=message.page_size,
            page_token=message.page_token,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListDatasetGapsResponse:
    """Some gaps."""

    gaps: tuple[DatasetGap, ...] = ()
    """Oldest first."""
    next_page_token: str = ""
    """Of the next page; empty after the last."""

    def to_proto(self) -> dataset_service_pb2.ListDatasetGapsResponse:
        return dataset_service_pb2.ListDatasetGapsResponse(
            gaps=[item.to_proto() for item in self.gaps],
            next_page_token=self.next_page_token,
        )

    @classmethod
    def from_proto(cls, message: dataset_service_pb2.ListDatasetGapsResponse) -> Self:
        return cls(
            gaps=tuple(DatasetGap.from_proto(item) for item in message.gaps),
            next_page_token=message.next_page_token,
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
    lab_id: str = ""
    """The lab's id, made with its file; empty while nobody has used the lab since the start."""
    lab_revision: int = 0
    """The lab's last committed revision."""
    running_backtests: int = 0
    """Backtests that run."""
    queued_backtests: int = 0
    """Backtests that wait for a worker."""
    running_sweeps: int = 0
    """Sweeps that run."""
    queued_sweeps: int = 0
    """Sweeps that wait for a worker."""

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
            lab_id=self.lab_id,
            lab_revision=self.lab_revision,
            running_backtests=self.running_backtests,
            queued_backtests=self.queued_backtests,
            running_sweeps=self.running_sweeps,
            queued_sweeps=self.queued_sweeps,
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
            lab_id=message.lab_id,
            lab_revision=message.lab_revision,
            running_backtests=message.running_backtests,
            queued_backtests=message.queued_backtests,
            running_sweeps=message.running_sweeps,
            queued_sweeps=message.queued_sweeps,
        )
