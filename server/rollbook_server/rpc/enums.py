"""The API's enums and the domain's, matched by name: ACTION_OPEN is Action.OPEN. Zero is no value."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rollbook.v1 import (
    backtest_pb2,
    chain_pb2,
    dataset_pb2,
    error_reason_pb2,
    execution_pb2,
    instrument_pb2,
    mark_pb2,
    parity_pb2,
)
from rollbook_server.domain import chains, errors, executions, instruments, marks
from rollbook_server.domain.backtest import outcomes, spec  # the modules of the lab that do without numpy

E = TypeVar("E", bound=enum.StrEnum)


@dataclass(frozen=True, slots=True)
class EnumMap(Generic[E]):
    """Numbers of an API enum to members and back."""

    members: Mapping[int, E]
    numbers: Mapping[E, Any]


def match_enum(descriptor: Any, kind: type[E]) -> EnumMap[E]:
    """The two matched by name. Raises ValueError where one has what the other lacks."""
    zero = descriptor.values_by_number[0].name
    prefix = zero.removesuffix("UNSPECIFIED")
    named = {value.name.removeprefix(prefix): value.number for value in descriptor.values if value.number}
    if set(named) != {member.name for member in kind}:
        raise ValueError(f"{descriptor.full_name} and {kind.__name__} differ: {set(named) ^ {m.name for m in kind}}")
    members = {number: kind[name] for name, number in named.items()}
    return EnumMap(members, {member: number for number, member in members.items()})


ENUMS: Mapping[str, EnumMap[Any]] = {
    wrapper.DESCRIPTOR.full_name: match_enum(wrapper.DESCRIPTOR, kind)
    for wrapper, kind in (
        (instrument_pb2.OptionType, instruments.OptionType),
        (instrument_pb2.ContractStyle, instruments.ContractStyle),
        (instrument_pb2.SettlementPeriod, instruments.SettlementPeriod),
        (execution_pb2.Mode, executions.Mode),
        (execution_pb2.StrategyKind, executions.StrategyKind),
        (execution_pb2.Action, executions.Action),
        (execution_pb2.ExecutionStatus, executions.ExecutionStatus),
        (execution_pb2.Side, executions.Side),
        (execution_pb2.PositionEffect, executions.PositionEffect),
        (execution_pb2.OrderState, executions.OrderState),
        (execution_pb2.FillSource, executions.FillSource),
        (execution_pb2.Liquidity, executions.Liquidity),
        (execution_pb2.FeeSource, executions.FeeSource),
        (execution_pb2.Flag, executions.Flag),
        (chain_pb2.ChainState, chains.ChainState),
        (chain_pb2.CloseReason, chains.CloseReason),
        (chain_pb2.LegState, chains.LegState),
        (chain_pb2.RollMove, chains.RollMove),
        (chain_pb2.LineKind, chains.LineKind),
        (mark_pb2.MarkFlag, marks.MarkFlag),
        (error_reason_pb2.ErrorReason, errors.Reason),
        (backtest_pb2.ExitStyle, spec.ExitStyle),
        (backtest_pb2.Scoring, spec.Scoring),
        (backtest_pb2.VolatilitySource, spec.VolatilitySource),
        (backtest_pb2.QuoteSource, spec.QuoteSource),
        (backtest_pb2.FillPrice, spec.FillPrice),
        (backtest_pb2.MissingOffer, spec.MissingOffer),
        (backtest_pb2.FeeSchedule, spec.FeeSchedule),
        (backtest_pb2.BacktestState, outcomes.BacktestState),
        (backtest_pb2.StepOutcome, outcomes.StepOutcome),
        (backtest_pb2.TrainingRows, outcomes.TrainingRows),
        (backtest_pb2.TrainingFormat, outcomes.TrainingFormat),
        (dataset_pb2.DatasetKind, outcomes.DatasetKind),
        (parity_pb2.ParityFlag, outcomes.ParityFlag),
        (dataset_pb2.HistoryKind, outcomes.HistoryKind),
    )
}
"""By the API enum's full name."""


def enum_map(name: str) -> EnumMap[Any]:
    """The match of the API enum `rollbook.v1.<name>`."""
    return ENUMS[f"rollbook.v1.{name}"]
